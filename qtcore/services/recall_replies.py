"""What consignees answer, through a link that needs no account and shows nothing else.

It must not know pages. A secret of 256 bits is kept as its hash only; a wrong, expired or revoked
one is answered alike. A correction is a further reply, the earlier ones stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from sqlmodel import Session, and_, col, select

from qtcore.context import Actor, Context
from qtcore.errors import Conflict, Fault, InputRejected, NotFound
from qtcore.services.accounts import new_secret, token_hash
from qtcore.services.master import get_master
from qtcore.services.order_numbers import orders_in
from qtcore.services.recall_notices import get_case
from qtcore.services.record_views import get_record
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.services.wire import optional_text
from qtcore.store.tables import Party, RecallLink, RecallNotice, RecallReply, RecallSnapshot, Record
from qtcore.store.unit import UnitOfWork

LIVES: Final = timedelta(days=90)
IMPACTS: Final = ("none", "some", "all")
MOST_DIGITS: Final = 18
_NO_LINK: Final = "this address leads nowhere: it is wrong, or no longer valid"


@dataclass(frozen=True, slots=True)
class ReplyInput:
    """A consignee's answer: TraceLink's four, and who answered."""

    acknowledged: bool
    impact: str
    quantity: Decimal | None = None
    unit: str = ""
    completed: bool = False
    contact: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """What one consignee may see: the recall's head, their own lots, their latest answer."""

    link_id: str
    number: str
    title: str
    reason: str
    instruction: str
    customer: str
    is_closed: bool
    lots: tuple[dict[str, Any], ...]
    latest: RecallReply | None


def make_link(site: Site, context: Context, record_id: str, customer: str) -> str:
    """Make a new secret for one consignee; an earlier one ends."""
    require(site, context, "recall.start", about=record_id)
    with site.store.write(context) as work:
        # Of two that are made at once, the later one ends the other.
        work.take_turn()
        record = get_record(site, work.session, record_id)
        if get_case(work.session, record).is_mock:
            raise InputRejected("a mock recall asks nobody: it has no links")
        party, _ = get_consignee(work.session, record, customer)
        for row in _links_of(work, record, party.id):
            _revoke(work, row, "replaced by a new one")
        return _new_link(site, work, record, party.id)


def link_for(site: Site, notice: RecallNotice, base: str) -> tuple[str, str]:
    """Make the link of one notice that is being sent; gives its address and its secret.

    Links of other notices to the same consignee stay: whichever letter they open, they can answer.
    A recipient who is no party, or of whom the recall holds no lots, gets none.
    """
    with site.store.write(site.system_context()) as work:
        record = work.session.exec(
            select(Record).where(Record.tenant_id == work.tenant_id, Record.id == notice.record_id)
        ).one()
        party = work.session.exec(
            select(Party).where(Party.tenant_id == work.tenant_id, Party.id == notice.party_id)
        ).first()
        if party is None or not _lots_of(work.session, record, party.code):
            return "", ""
        secret = _new_link(site, work, record, party.id)
        return f"{base}/reply/{secret}", secret


def _links_of(work: UnitOfWork, record: Record, party_id: int) -> list[RecallLink]:
    return list(
        work.session.exec(
            select(RecallLink).where(
                RecallLink.tenant_id == work.tenant_id,
                RecallLink.record_id == record.id,
                RecallLink.party_id == party_id,
                RecallLink.revoked_at == None,  # noqa: E711
            )
        ).all()
    )


def _new_link(site: Site, work: UnitOfWork, record: Record, party_id: int) -> str:
    secret = new_secret(site)
    row = RecallLink(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        record_id=record.id,
        party_id=party_id,
        token_sha256=token_hash(secret),
        made_at=work.context.at,
        expires_at=work.context.at + LIVES,
    )
    work.add(row)
    work.log("recall.link", "recall_link", row.uid, details={"recall": record.number})
    return secret


def revoke_links(site: Site, context: Context, record_id: str, customer: str) -> int:
    """End the links of one consignee; returns how many were in force."""
    require(site, context, "recall.start", about=record_id)
    with site.store.write(context) as work:
        record = get_record(site, work.session, record_id)
        party = get_master(work.session, work.tenant_id, "party", customer)
        rows = _links_of(work, record, party.id)
        if not rows:
            raise NotFound(f"{customer!r} has no link in force for recall {record.number}")
        for row in rows:
            _revoke(work, row, "revoked")
        return len(rows)


def _revoke(work: UnitOfWork, row: RecallLink, reason: str) -> None:
    changes = work.change(row, revoked_at=work.context.at)
    work.log("recall.revoke", "recall_link", row.uid, changes=changes, reason=reason)


def open_link(site: Site, secret: str) -> OpenedLink:
    """Open a link; raises NotFound, with the same words whatever is wrong with it."""
    with site.store.read() as session:
        link, record, party = _follow(site, session, secret)
        snapshot = _lots_of(session, record, party.code)
        latest = _latest(session, record, party.id)
        return OpenedLink(
            link_id=link.uid,
            number=record.number,
            title=record.title,
            reason=str(record.data.get("reason") or ""),
            instruction=str(record.data.get("instruction") or ""),
            customer=party.name,
            is_closed=record.closed_at is not None,
            lots=tuple(snapshot),
            latest=latest,
        )


def _follow(site: Site, session: Session, secret: str) -> tuple[RecallLink, Record, Party]:
    tenant = site.store.tenant_id
    link = session.exec(
        select(RecallLink).where(
            RecallLink.tenant_id == tenant, RecallLink.token_sha256 == token_hash(secret)
        )
    ).first()
    if link is None or link.revoked_at is not None or link.expires_at <= site.sources.now():
        raise NotFound(_NO_LINK)
    record = session.exec(
        select(Record).where(Record.tenant_id == tenant, Record.id == link.record_id)
    ).one()
    party = session.exec(
        select(Party).where(Party.tenant_id == tenant, Party.id == link.party_id)
    ).one()
    return link, record, party


def _lots_of(session: Session, record: Record, customer: str) -> list[dict[str, Any]]:
    """List what one customer received, as it was frozen; nothing of anybody else."""
    snapshot = session.exec(
        select(RecallSnapshot)
        .where(RecallSnapshot.tenant_id == record.tenant_id, RecallSnapshot.record_id == record.id)
        .order_by(RecallSnapshot.number.desc())  # type: ignore[attr-defined]
    ).first()
    scope = snapshot.scope if snapshot else {}
    orders = orders_in(scope)
    items = {lot["item"]: lot["item_name"] for lot in scope.get("lots", ())}
    names = ("lot_no", "item", "quantity", "unit", "shipped_at")
    return [
        {
            **{n: row.get(n) for n in names},
            "item_name": items.get(row["item"]) or row["item"],
            "order_nos": orders.get(row["event_id"], []),
        }
        for row in scope.get("shipments", ())
        if row["customer"] == customer
    ]


def _latest(session: Session, record: Record, party_id: int) -> RecallReply | None:
    return session.exec(
        select(RecallReply)
        .where(
            RecallReply.tenant_id == record.tenant_id,
            RecallReply.record_id == record.id,
            RecallReply.party_id == party_id,
        )
        .order_by(RecallReply.number.desc())  # type: ignore[attr-defined]
    ).first()


def answer_link(site: Site, asked: Context, secret: str, reply: ReplyInput) -> int:
    """Store what a consignee answered; returns the number of the reply, from 1.

    `asked` says from where; who it is, the link says.
    Raises NotFound for a link that is not valid, InputRejected, Conflict once the recall is closed.
    """
    with site.store.read() as session:
        link, _, party = _follow(site, session, secret)
    actor = Actor(login=f"link:{link.uid}", name=party.name)
    context = replace(asked, actor=actor)
    with site.store.write(context) as work:
        # Two answers at once have two numbers, and none comes in beside the closure.
        work.take_turn()
        link, record, party = _follow(site, work.session, secret)
        _check(site, record, reply, _lots_of(work.session, record, party.code))
        return _write(work, (record, party, link), reply)


def note_reply(
    site: Site, context: Context, record_id: str, *, customer: str, reply: ReplyInput
) -> int:
    """Store what a consignee said by phone or letter, as heard by a person."""
    require(site, context, "recall.start", about=record_id)
    with site.store.write(context) as work:
        work.take_turn()
        record = get_record(site, work.session, record_id)
        get_case(work.session, record)
        party, lots = get_consignee(work.session, record, customer)
        _check(site, record, reply, lots)
        return _write(work, (record, party, None), reply)


def get_consignee(
    session: Session, record: Record, customer: str
) -> tuple[Party, list[dict[str, Any]]]:
    """Get a customer and what they received of a recall; raises NotFound for anybody else."""
    party: Party = get_master(session, record.tenant_id, "party", customer)
    lots = _lots_of(session, record, party.code)
    if not lots:
        raise NotFound(
            f"{customer!r} received nothing of recall {record.number} as its scope was frozen; "
            "freeze it anew if that came to be known since"
        )
    return party, lots


def _check(
    site: Site, record: Record, reply: ReplyInput, lots: Sequence[Mapping[str, Any]]
) -> None:
    if record.closed_at is not None:
        raise Conflict(f"recall {record.number} is closed; call the contact named in the notice")
    faults = []
    if reply.impact not in IMPACTS:
        text = f"impact {reply.impact!r} is not one of {', '.join(IMPACTS)}"
        faults.append(Fault("QT411", text, "impact"))
    quantity = reply.quantity
    if quantity is not None and not _is_plain(quantity):
        text = (
            f"quantity {str(quantity)[:40]} is not zero or more, with at most {MOST_DIGITS} digits "
            f"before and {MOST_DIGITS} after the point"
        )
        faults.append(Fault("QT411", text, "quantity"))
    elif quantity is not None and site.registry.unit(reply.unit) is None:
        faults.append(Fault("QT433", f"unit {reply.unit!r} is not declared", "unit"))
    elif quantity is not None:
        faults += _unlike_units(site, reply, lots)
    if reply.completed and not reply.acknowledged:
        text = "what is completed was acknowledged as well; confirm the notice"
        faults.append(Fault("QT411", text, "acknowledged"))
    limits = (("contact", reply.contact, 200), ("note", reply.note, 2000))
    faults += [
        Fault("QT411", f"{name} is longer than {most} characters", name)
        for name, value, most in limits
        if len(value) > most
    ]
    if faults:
        raise InputRejected(faults[0].message, faults)


def _is_plain(quantity: Decimal) -> bool:
    """Say whether somebody can mean a quantity; anybody who has the link may type one."""
    if not quantity.is_finite() or quantity.is_signed():
        return False
    places = -int(quantity.as_tuple().exponent)
    return quantity.adjusted() < MOST_DIGITS and places <= MOST_DIGITS


def _unlike_units(site: Site, reply: ReplyInput, lots: Sequence[Mapping[str, Any]]) -> list[Fault]:
    """Refuse a quantity that cannot be compared with anything this consignee received."""
    given = site.registry.unit(reply.unit)
    units = sorted({str(lot["unit"]) for lot in lots if lot["quantity"] is not None})
    known = [unit for unit in map(site.registry.unit, units) if unit is not None]
    if given is None or not known or any(unit.dimension == given.dimension for unit in known):
        return []
    text = f"{reply.unit!r} cannot be compared with what was received; give {' or '.join(units)}"
    return [Fault("QT433", text, "unit")]


def _write(
    work: UnitOfWork, told: tuple[Record, Party, RecallLink | None], reply: ReplyInput
) -> int:
    record, party, link = told
    before = _latest(work.session, record, party.id)
    row = RecallReply(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        record_id=record.id,
        party_id=party.id,
        number=before.number + 1 if before else 1,
        link_id=link.id if link else None,
        acknowledged=reply.acknowledged,
        impact=reply.impact,
        quantity=reply.quantity,
        unit=reply.unit if reply.quantity is not None else "",
        completed=reply.completed,
        contact=reply.contact,
        note=reply.note,
        replied_at=work.context.at,
        replied_by=work.context.actor.login,
    )
    work.add(row)
    details = {
        "recall": record.number,
        "customer": party.code,
        "number": row.number,
        "acknowledged": row.acknowledged,
        "impact": row.impact,
        "quantity": optional_text(row.quantity),
        "completed": row.completed,
        "link": link.uid if link else None,
    }
    work.log("recall.reply", "recall_reply", row.uid, about=[record.uid], details=details)
    if reply.acknowledged:
        _acknowledge(work, record, party.id)
    return row.number


def _acknowledge(work: UnitOfWork, record: Record, party_id: int) -> None:
    """A notice that was answered was received."""
    for notice in work.session.exec(
        select(RecallNotice).where(
            RecallNotice.tenant_id == work.tenant_id,
            RecallNotice.record_id == record.id,
            RecallNotice.party_id == party_id,
        )
    ).all():
        if notice.state in ("planned", "sent", "failed"):
            work.change(notice, state="acknowledged", acknowledged_at=work.context.at)


def replies_of(session: Session, record: Record) -> list[dict[str, Any]]:
    """List every reply of a recall, the latest of each consignee marked as current."""
    rows = session.exec(
        select(RecallReply, Party.code, Party.name)
        .join(
            Party,
            and_(
                col(Party.tenant_id) == RecallReply.tenant_id, col(Party.id) == RecallReply.party_id
            ),
        )
        .where(RecallReply.tenant_id == record.tenant_id, RecallReply.record_id == record.id)
        .order_by(Party.code, col(RecallReply.number))
    ).all()
    last = {code: row.number for row, code, _ in rows}
    return [
        {
            "customer": code,
            "customer_name": name,
            "number": row.number,
            "is_current": row.number == last[code],
            "acknowledged": row.acknowledged,
            "impact": row.impact,
            "quantity": optional_text(row.quantity),
            "unit": row.unit,
            "completed": row.completed,
            "contact": row.contact,
            "note": row.note,
            "replied_at": row.replied_at.isoformat(),
            "replied_by": row.replied_by,
        }
        for row, code, name in rows
    ]
