"""Legal holds: why nothing about a thing, or nothing at all, may be archived or erased.

They must not be deleted; they are lifted, and both acts stand in the history.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import Session, col
from sqlmodel import select as select_model

from qtcore.context import Context
from qtcore.errors import InputRejected, NotFound, Refusal, Refused
from qtcore.services.lengths import MOST_REASON, refuse_long
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.columns import table_of
from qtcore.store.tables import LedgerAbout, LegalHold

EVERYTHING: Final = "*"
_HOLD: Final = table_of(LegalHold)
_ABOUT: Final = table_of(LedgerAbout)


def place_legal_hold(site: Site, context: Context, subject: str, *, reason: str) -> str:
    """Place a hold on a public id, or on everything with ``*``; returns the hold's public id."""
    require(site, context, "ledger.review", about=subject)
    if not subject.strip() or len(subject) > 60 or not reason.strip():
        raise InputRejected("a legal hold needs the id of a thing, or *, and a reason")
    refuse_long("the legal hold is not placed", MOST_REASON, reason=reason.strip())
    with site.store.write(context) as work:
        row = LegalHold(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            subject_uid=subject.strip(),
            reason=reason.strip(),
            placed_at=context.at,
            placed_by=context.actor.login,
        )
        work.add(row)
        about = [] if subject == EVERYTHING else [subject.strip()]
        work.log("legal_hold.place", "legal_hold", row.uid, reason=row.reason, about=about)
        return row.uid


def lift_legal_hold(site: Site, context: Context, uid: str, *, reason: str) -> None:
    """Lift a hold, with the reason; raises NotFound when there is no such hold in force."""
    require(site, context, "ledger.review", about=uid)
    if not reason.strip():
        raise InputRejected("say why the legal hold is lifted: a reason is needed")
    with site.store.write(context) as work:
        row = work.session.exec(
            select_model(LegalHold).where(
                LegalHold.tenant_id == work.tenant_id,
                LegalHold.uid == uid,
                col(LegalHold.lifted_at).is_(None),
            )
        ).first()
        if row is None:
            raise NotFound(f"there is no legal hold {uid!r} in force")
        changes = work.change(row, lifted_at=context.at, lifted_by=context.actor.login)
        work.log("legal_hold.lift", "legal_hold", uid, reason=reason, changes=changes)


def list_legal_holds(site: Site, context: Context) -> list[dict[str, Any]]:
    """List the holds in force."""
    require(site, context, "ledger.read")
    with site.store.read() as session:
        return [
            {"hold_id": row.uid, "subject": row.subject_uid, "reason": row.reason}
            for row in _in_force(session, site.store.tenant_id)
        ]


def refuse_held(session: Session, tenant_id: int, events: Iterable[int]) -> None:
    """Raise Refused when a hold is on everything, or on what one of these entries is about."""
    holds = {row.subject_uid: row for row in _in_force(session, tenant_id)}
    if not holds:
        return
    found = holds.get(EVERYTHING)
    for piece in () if found else _pieces(list(events)):
        uid = session.execute(
            select(_ABOUT.c.uid).where(
                _ABOUT.c.tenant_id == tenant_id,
                _ABOUT.c.event_id.in_(piece),
                _ABOUT.c.uid.in_(list(holds)),
            )
        ).scalar()
        if uid is not None:
            found = holds[str(uid)]
            break
    if found is not None:
        said = f"a legal hold is on {found.subject_uid}: {found.reason}"
        fix = f"lift it first: `qtcore ledger hold lift {found.uid} --reason TEXT`"
        raise Refused(said, [Refusal("QT640", said, fix=fix)])


def _in_force(session: Session, tenant_id: int) -> list[Any]:
    return list(
        session.execute(
            select(_HOLD).where(_HOLD.c.tenant_id == tenant_id, _HOLD.c.lifted_at.is_(None))
        )
    )


def _pieces(keys: list[int]) -> Iterator[list[int]]:
    for at in range(0, len(keys), 500):
        yield keys[at : at + 500]
