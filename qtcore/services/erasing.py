"""Erasing personal values from the history: two persons, a legal ground, an event, intact proofs.

It must not touch anything that was hashed: only the salt and value beside it go, and the copies
that are no record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, false, or_, select, update

from qtcore.context import Context
from qtcore.errors import Denied, InputRejected, NotFound, NotSignedIn, Refusal, Refused
from qtcore.services.accounts import actor_by_login, check_password, find_account
from qtcore.services.erased_copies import drop_copies, drop_values
from qtcore.services.legal_holds import refuse_held
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.columns import table_of
from qtcore.store.tables import LedgerEvent, LedgerPrivate
from qtcore.store.unit import UnitOfWork

RIGHT: Final = "ledger.review"
# By the field that says whose it is: what of an entry tells of that person.
_OF_PERSON: Final[Mapping[str, Sequence[str]]] = {
    "actor_login": (
        "actor_login", "actor_name", "device", "ip", "os_user", "peer_ip", "signer_name",
        "token_name",
    ),
    "new_login": ("new_email", "new_login", "new_name"),
    "tried_login": ("tried_login",),
    "principal": ("principal",),
    "delegate": ("delegate",),
    "about": ("about",),
    "lifted_by": ("lifted_by",),
    "revoked_by": ("revoked_by",),
}  # fmt: skip
_MOST_IN_ONE_EVENT: Final = 400
_PRIVATE: Final = table_of(LedgerPrivate)
_EVENT: Final = table_of(LedgerEvent)


@dataclass(frozen=True, slots=True)
class Erasure:
    """What is to be erased and on which legal ground.

    `fields` are (public id of the entry, name of the field); `person` is a login: then everything
    that their own acts tell of them goes, and their login where acts of others name it. Whom else
    their acts name stays.
    """

    ground: str
    reason: str
    fields: Sequence[tuple[str, str]] = ()
    person: str = ""


@dataclass(frozen=True, slots=True)
class SecondPerson:
    """Who approves; the password proves them."""

    login: str
    password: str


def erase_personal(site: Site, context: Context, asked: Erasure, second: SecondPerson) -> int:
    """Erase personal values; returns how many. The proof of each entry still holds without them.

    Raises InputRejected without ground, reason or anything to erase, NotFound for a field that is
    not there, Denied or Refused when the two persons may not, Refused under a legal hold.
    """
    require(site, context, RIGHT, about="erase")
    if not asked.ground.strip() or not asked.reason.strip():
        raise InputRejected("an erasure needs its legal ground and a reason")
    approver = _approve(site, context, second)
    with site.store.write(context) as work:
        wanted = _find(work, asked)
        refuse_held(work.session, work.tenant_id, {each.event_id for each in wanted})
        copies = drop_values(work, {each.value for each in wanted})
        if asked.person:
            copies = _joined(copies, drop_copies(work, asked.person))
        for key, field, *_ in wanted:
            work.session.execute(
                update(_PRIVATE)
                .where(
                    _PRIVATE.c.tenant_id == work.tenant_id,
                    _PRIVATE.c.event_id == key,
                    _PRIVATE.c.field == field,
                )
                .values(salt=None, value=None)
            )
        for at in range(0, len(wanted), _MOST_IN_ONE_EVENT):
            part = wanted[at : at + _MOST_IN_ONE_EVENT]
            work.log(
                "ledger.erase",
                "ledger",
                site.store.tenant_uid,
                reason=asked.reason,
                details={
                    "ground": asked.ground,
                    "approved_by": approver,
                    "fields": [[each.uid, each.field] for each in part],
                    "copies": copies if at == 0 else {},
                },
            )
    site.store.drop_old_pages()
    return len(wanted)


def _joined(some: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    names = sorted({*some, *more})
    return {name: some.get(name, 0) + more.get(name, 0) for name in names}


def _approve(site: Site, context: Context, second: SecondPerson) -> str:
    """Give the account of the second person, who must be another one and hold the right."""
    try:
        check_password(site, context, second.login, second.password)
        actor = actor_by_login(site, second.login)
    except (NotSignedIn, NotFound) as exc:
        said = "the second person's login and password do not fit"
        raise Refused(said, [Refusal("QT641", said, fix="they enter their own password")]) from exc
    same = actor.uid == context.actor.uid or (
        actor.person_id is not None and actor.person_id == context.actor.person_id
    )
    if same:
        said = "an erasure needs two persons; the same one cannot approve it"
        raise Refused(said, [Refusal("QT642", said, fix="ask somebody else to approve")])
    if not actor.may(RIGHT):
        said = f"{second.login} may not approve an erasure: the right {RIGHT!r} is missing"
        raise Denied(said, [Refusal("QT403", said, fix="ask somebody of QA")])
    return actor.uid


def _find(work: UnitOfWork, asked: Erasure) -> list[Any]:
    """Find the values to be erased: key and public id of each entry, field and value."""
    same = and_(_EVENT.c.tenant_id == _PRIVATE.c.tenant_id, _EVENT.c.id == _PRIVATE.c.event_id)
    statement = (
        select(_PRIVATE.c.event_id, _PRIVATE.c.field, _PRIVATE.c.value, _EVENT.c.uid)
        .select_from(_PRIVATE.join(_EVENT, same))
        .where(_PRIVATE.c.tenant_id == work.tenant_id, _PRIVATE.c.value.is_not(None))
        .order_by(_PRIVATE.c.event_id, _PRIVATE.c.field)
    )
    if asked.person:
        told = or_(
            *(_beside(name, asked.person, own) for name, own in _OF_PERSON.items()),
            _of_account(work, asked.person),
        )
        rows = work.session.execute(statement.where(told)).all()
        if not rows:
            raise NotFound(f"no entry holds a value of {asked.person!r} that is not erased yet")
        return list(rows)
    found: list[Any] = []
    for uid, field in dict.fromkeys(asked.fields):
        one = work.session.execute(
            statement.where(_EVENT.c.uid == uid, _PRIVATE.c.field == field)
        ).all()
        if not one:
            raise NotFound(f"entry {uid!r} holds no value of field {field!r}, or it is erased")
        found += one
    if not found:
        raise InputRejected("say what to erase: a person, or entries and fields")
    return found


def _of_account(work: UnitOfWork, login: str) -> ColumnElement[bool]:
    """Say which values tell of the account with this login, even where its login was erased."""
    account = find_account(work.session, work.tenant_id, login)
    if account is None:
        return false()
    return and_(_PRIVATE.c.field.in_(_OF_PERSON["new_login"]), _EVENT.c.object_uid == account.uid)


def _beside(field: str, login: str, names: Sequence[str]) -> ColumnElement[bool]:
    """Say which values of these names stand in an entry whose `field` is this login."""
    named = table_of(LedgerPrivate).alias("named")
    entries = select(named.c.event_id).where(
        named.c.tenant_id == _PRIVATE.c.tenant_id,
        named.c.field == field,
        named.c.value == login,
    )
    return and_(_PRIVATE.c.field.in_(names), _PRIVATE.c.event_id.in_(entries))
