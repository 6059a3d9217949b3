"""Commands that record an event: everything that is impossible is refused, with every reason.

It must not know imports, which store facts as they are; see `qtcore.services.events`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlmodel import select

from qtcore.context import Context
from qtcore.definitions.events import EventDefinition
from qtcore.definitions.signs import find_unseen
from qtcore.errors import Fault, InputRejected, NotFound, Refusal, Refused
from qtcore.services.allocated import allocation_faults
from qtcore.services.device_uses import cited_in, device_refusals
from qtcore.services.discrepancies import review_nodes
from qtcore.services.event_gates import AskedEvent, gate_refusals
from qtcore.services.events import EventInput, Line, Stored, write_event
from qtcore.services.form_values import read_fields, read_form
from qtcore.services.judgements import event_refusals
from qtcore.services.lot_fields import complete_fields, field_refusals
from qtcore.services.nodes import NodeBook
from qtcore.services.refusals import (
    MAKES,
    TAKES,
    Asked,
    Found,
    check_units,
    find_inside,
    find_refusals,
)
from qtcore.services.rights import require
from qtcore.services.sight import get_seen, keep_seen, thing_at
from qtcore.services.site import Site
from qtcore.services.veils import locked_faults
from qtcore.store.queries.discrepancies import open_discrepancies
from qtcore.store.tables import Party
from qtcore.store.unit import UnitOfWork

CLOCK_TOLERANCE = timedelta(minutes=5)
COMES_IN = ("receive", "output")
NEEDED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "receive": (("output", "the lot that is received"),),
    "transform": (("input", "what is used"), ("output", "what is made")),
    "pack": (("child", "what is packed"), ("parent", "what it is packed into")),
    "unpack": (("child", "what is taken out"), ("parent", "what it is taken out of")),
    "move": (("subject", "what is moved"),),
    "ship": (("subject", "what is shipped"),),
    "return": (("subject", "what comes back"),),
    "sample": (("subject", "what is sampled"),),
    "scrap": (("subject", "what is scrapped"),),
    "adjust": (("subject", "whose stock is adjusted"),),
    "observe": (("subject", "what is observed"),),
}


def record_event(site: Site, context: Context, event: EventInput) -> Stored:
    """Record one event as a command.

    Raises InputRejected (what was sent is wrong), Refused (state, hold, stock, cycle or a pack says
    no; every reason is listed), NotFound, Ambiguous or Conflict. Nothing is stored then, except
    that the refused attempt is noted in the ledger.
    """
    require(site, context, f"event.record:{event.event_type}")
    definition: EventDefinition = site.registry.get("events", event.event_type)
    _require_here(site, context, event)
    event = _checked_input(site, context, event, definition)
    try:
        with site.store.write(context) as work:
            work.take_turn()
            book = NodeBook(site, work)
            event = _own_source(book, event, definition.verb)
            found = _find_lines(book, definition.verb, event.lines)
            _require_seen(site, context, work, (definition.verb, found))
            _require_quantities(definition.verb, found)
            check_units(site, book, found)
            inside = find_inside(work, event, definition.verb, found)
            everything = (*found, *inside)
            told = (
                replace(event, lines=tuple(f.line for f in everything)),
                [f.info for f in everything],
            )
            refusals = [
                *find_refusals(
                    site, work, Asked(event, definition.verb, tuple(found), tuple(inside))
                ),
                *event_refusals(site, work.session, definition.verb, told),
                *_device_refusals(site, work, event, definition),
                *gate_refusals(site, book, AskedEvent(told[0], definition.verb, told[1])),
                *field_refusals(found),
            ]
            if refusals:
                raise Refused(f"{event.event_type} is refused: {refusals[0].message}", refusals)
            stored = write_event(site, book, event)
            complete_fields(work, found)
            if _may_settle(work, definition.verb, everything):
                review_nodes(site, work, stored.nodes)
            return stored
    except Refused as refused:
        site.store.note(
            context,
            "event.refused",
            "event",
            event.event_type,
            reason="; ".join(r.message for r in refused.refusals),
        )
        raise


def _may_settle(work: UnitOfWork, verb: str, named: Sequence[Found]) -> bool:
    """Say whether an event may explain what did not fit: imports leave such things open."""
    known = [each.info for each in named if each.info is not None]
    if verb in ("return", "scrap", "unpack") and any(i.kind == "logistic_unit" for i in known):
        return True
    return bool(open_discrepancies(work.session, work.tenant_id, [info.node for info in known]))


def _require_here(site: Site, context: Context, event: EventInput) -> None:
    """Ask for the right at the place of the event, and to see the lots it names."""
    named = [line.ref.text for line in event.lines if line.ref.text]
    with site.store.read() as session:
        if not site.registry.policy.is_open(context.actor, "lot.read"):
            for name in named:
                get_seen(site, context, session, name)
        thing = thing_at(site, session, event.event_type, event.location, actor=context.actor)
    require(site, context, f"event.record:{event.event_type}", thing=thing)


def _require_seen(
    site: Site, context: Context, work: UnitOfWork, told: tuple[str, Sequence[Found]]
) -> None:
    """Refuse what stands at another site however it is named, in the words for what is not there.

    A receipt may name it: a supplier's lot comes to two plants, and one plant ships to another.
    """
    verb, found = told
    named = [f for f in found if f.info is not None and (verb, f.line.part) != COMES_IN]
    infos = {f.info.node: f.info for f in named if f.info is not None}
    seen = {info.node for info in keep_seen(site, context, work.session, infos.values())}
    for each in named:
        if each.info is not None and each.info.node not in seen:
            raise _no_such_lot(each.line)


def _no_such_lot(line: Line) -> NotFound:
    return NotFound(f"there is no lot {line.ref}; receive or make it first, or correct the number")


def _checked_input(
    site: Site, context: Context, event: EventInput, definition: EventDefinition
) -> EventInput:
    faults: list[Fault] = []
    present = {line.part for line in event.lines}
    for part, meaning in NEEDED[definition.verb]:
        if part not in present:
            faults.append(Fault("QT442", f"{event.event_type} does not say {meaning}", part))
    allowed = {part for part, _ in NEEDED[definition.verb]}
    for line in event.lines:
        if line.part not in allowed:
            text = f"{event.event_type} has no part {line.part!r}; accepted: {sorted(allowed)}"
            faults.append(Fault("QT442", text, line.part))
    if len(event.part("parent")) > 1:
        text = (
            f"{event.event_type} names {len(event.part('parent'))} cases; tell one event for each"
        )
        faults.append(Fault("QT442", text, "parent"))
    if definition.verb == "ship" and not event.to_party:
        faults.append(Fault("QT442", "a shipment needs the customer it goes to", "to_party"))
    if definition.verb == "move" and not event.to_location:
        faults.append(Fault("QT442", "a move needs the place it goes to", "to_location"))
    if event.event_at > context.at + CLOCK_TOLERANCE:
        text = (
            f"the event lies in the future: {event.event_at.isoformat()}; it is {context.at:%F %T}Z"
        )
        faults.append(Fault("QT443", text, "event_at"))
    faults += _name_faults(event, definition.verb)
    faults += _quantity_faults(site, event, definition.verb)
    if not faults:
        faults += allocation_faults(site, event)
    values, value_faults = _form_values(site, context, event, definition)
    faults += value_faults
    lines, field_faults = _with_fields(site, context, event)
    faults += field_faults
    if faults:
        raise InputRejected(f"{event.event_type} cannot be recorded as sent", faults)
    return replace(event, values=values, lines=lines)


def _with_fields(
    site: Site, context: Context, event: EventInput
) -> tuple[tuple[Line, ...], list[Fault]]:
    """Read the extra fields of new lots by what the packs declare."""
    lines, faults = [], []
    for number, line in enumerate(event.lines):
        extra, found = read_fields(site, context, "lot", line.ref.extra)
        lines.append(replace(line, ref=replace(line.ref, extra=extra)))
        faults += [replace(f, where=f"lines/{number}/{f.where}") for f in found]
        locked = locked_faults(site, context, "lot", line.ref.extra)
        faults += [replace(f, where=f"lines/{number}/extra/{f.where}") for f in locked]
    return tuple(lines), faults


def _form_values(
    site: Site, context: Context, event: EventInput, definition: EventDefinition
) -> tuple[Mapping[str, object], list[Fault]]:
    if definition.form is None:
        if not event.values:
            return {}, []
        unknown = ", ".join(sorted(event.values))
        return {}, [Fault("QT442", f"{event.event_type} has no form for: {unknown}", "values")]
    form = site.registry.get("forms", definition.form)
    values, faults = read_form(site, context, form, event.values)
    locked = locked_faults(site, context, f"event:{event.event_type}", event.values)
    return values, [*faults, *locked]


def _device_refusals(
    site: Site, work: UnitOfWork, event: EventInput, definition: EventDefinition
) -> list[Refusal]:
    form = site.registry.get("forms", definition.form) if definition.form else None
    cited = cited_in(form.schema_, event.values) if form else []
    on = event.event_at.date()
    return device_refusals(work.session, work.tenant_id, [event.device, *cited], on)


def _name_faults(event: EventInput, verb: str) -> list[Fault]:
    """Refuse names of what may be new that look like another one's: a recall would miss it."""
    faults = []
    for number, line in enumerate(event.lines):
        ref = line.ref
        if (verb, line.part) not in MAKES or ref.text or ref.identifier:
            continue
        unseen = find_unseen(ref.lot_no)
        if unseen:
            text = f"the number {ref.lot_no!r} holds {unseen}; write it as it stands on the label"
            faults.append(Fault("QT442", text, f"lines/{number}/lot/lot_no"))
    return faults


def _quantity_faults(site: Site, event: EventInput, verb: str) -> list[Fault]:
    faults = []
    for number, line in enumerate(event.lines):
        where = f"lines/{number}"
        if line.unit and site.registry.unit(line.unit) is None:
            text = (
                f"unit {line.unit!r} of {line.ref} is not declared; use a declared unit such as kg"
            )
            faults.append(Fault("QT432", text, f"{where}/unit"))
        if line.quantity is None:
            if _must_count(verb, line) and not _may_be_one_piece(line):
                text = f"{line.ref} has no quantity; a {verb} needs one"
                faults.append(Fault("QT444", text, f"{where}/quantity"))
            continue
        if not line.quantity.is_finite():
            text = f"{line.ref}: {line.quantity} is not a decimal number such as 12.5"
            faults.append(Fault("QT444", text, f"{where}/quantity"))
            continue
        if line.quantity < 0 and verb != "adjust":
            text = f"{line.ref}: quantity {line.quantity} is negative; give a positive number"
            faults.append(Fault("QT444", text, f"{where}/quantity"))
        if line.quantity == 0 and verb not in ("observe", "pack", "unpack"):
            faults.append(Fault("QT444", f"{line.ref}: quantity is zero", f"{where}/quantity"))
        if not line.unit:
            faults.append(Fault("QT432", f"{line.ref}: the quantity has no unit", f"{where}/unit"))
    return faults


def _must_count(verb: str, line: Line) -> bool:
    return (verb, line.part) in TAKES or verb in ("adjust", "receive")


def _may_be_one_piece(line: Line) -> bool:
    """Say whether a line may name a serial, case or pallet, which counts itself."""
    return line.ref.kind != "lot" or bool(line.ref.text or line.ref.identifier)


def _require_quantities(verb: str, found: Sequence[Found]) -> None:
    faults = [
        Fault("QT444", f"{f.line.ref} has no quantity; a {verb} needs one", f"lines/{n}/quantity")
        for n, f in enumerate(found)
        if f.line.quantity is None and _must_count(verb, f.line)
        if f.info is None or f.info.kind == "lot"
    ]
    if faults:
        raise InputRejected(f"the {verb} cannot be recorded as sent", faults)


def _own_source(book: NodeBook, event: EventInput, verb: str) -> EventInput:
    """Give what is made here its source: the company or plant that the place belongs to."""
    if verb != "transform" or not event.location:
        return event
    place = book.master("location", event.location)
    owner = book.work.session.exec(
        select(Party.code).where(Party.tenant_id == place.tenant_id, Party.id == place.party_id)
    ).first()
    if owner is None:
        return event
    lines = tuple(
        replace(line, ref=replace(line.ref, source=owner))
        if line.part == "output" and not (line.ref.source or line.ref.text or line.ref.identifier)
        else line
        for line in event.lines
    )
    return replace(event, lines=lines)


def _find_lines(book: NodeBook, verb: str, lines: Sequence[Line]) -> list[Found]:
    """Find what each line names, None where it is new; NotFound for what must be there and is not.

    All of them with a few statements.
    """
    refs = [line.ref for line in lines]
    book.prepare(refs)
    for line in lines:
        if book.find(line.ref) is None and ((verb, line.part) not in MAKES or line.ref.text):
            raise _no_such_lot(line)
    return [Found(line, info) for line, info in zip(lines, book.infos(refs), strict=True)]
