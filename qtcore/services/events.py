"""Recording what happened: writes events, movements, edges and ledger entries in sets.

It must not know files or pages. Commands refuse what is impossible; imports call `write_all`
directly and store facts as they are.
"""

from collections.abc import Sequence
from typing import Any, Final

from qtcore.context import Context
from qtcore.errors import Conflict, Fault, InputRejected
from qtcore.services.event_input import (
    COMMAND,
    Allocation,
    EventInput,
    Line,
    Origin,
    Stored,
    content_hash,
)
from qtcore.services.event_rows import EFFECT_OF_PART, Told, edge_rows, event_row, movement_rows
from qtcore.services.lot_ref import Wanted
from qtcore.services.nodes import NodeBook
from qtcore.services.site import Site
from qtcore.services.wire import optional_text
from qtcore.store.queries.keyset import batched
from qtcore.store.queries.names import events_by_external_id, items_of_lots, uids_of_nodes
from qtcore.store.tables import Edge, Event, Movement

__all__ = (
    "COMMAND",
    "EFFECT_OF_PART",
    "MAX_PAIRS",
    "Allocation",
    "EventInput",
    "Line",
    "Origin",
    "Stored",
    "content_hash",
    "write_all",
    "write_event",
    "write_events",
)

MAX_PAIRS: Final = 250_000
_EVENTS_AT_ONCE: Final = 1000


def write_event(
    site: Site, book: NodeBook, event: EventInput, *, origin: Origin = COMMAND
) -> Stored:
    """Write one event with movements, edges and ledger entry into the unit of work of `book`."""
    return write_all(site, book, (event,), origin=origin)[0]


def write_all(
    site: Site, book: NodeBook, events: Sequence[EventInput], *, origin: Origin = COMMAND
) -> list[Stored]:
    """Write events into the unit of work of `book`, with a few statements for each thousand.

    Answers in the order of the events. One that is stored already, here or earlier in the list, is
    not written again. A lot that an import only mentions becomes ``unverified`` until an event
    brings it into being. Raises Conflict when an external id is known with other content, and
    InputRejected for an event that would link more pairs than `MAX_PAIRS`.
    """
    book.work.take_turn()  # as kept sums ask of whoever writes movements
    stored: list[Stored] = []
    for some in batched(events, _EVENTS_AT_ONCE):
        stored += _write_some(site, book, some, origin)
    return stored


def _write_some(
    site: Site, book: NodeBook, events: Sequence[EventInput], origin: Origin
) -> list[Stored]:
    digests = [content_hash(event) for event in events]
    known = _known(book, events, digests)
    answers: list[Stored | None] = []
    fresh: list[tuple[int, EventInput]] = []
    places: dict[str, int] = {}
    for place, (event, digest) in enumerate(zip(events, digests, strict=True)):
        name = event.external_id
        if name and name in known:
            answers.append(Stored(known[name][0], (), False))
            continue
        answers.append(None)
        if name and name in places:
            _check_same(name, digests[places[name]], digest)
            continue
        if name:
            places[name] = place
        fresh.append((place, event))
    written = _write_fresh(site, book, fresh, digests=digests, origin=origin)
    answers = [written.get(place, answer) for place, answer in enumerate(answers)]
    return [
        answer or Stored(written[places[event.external_id or ""]].event_id, (), False)
        for event, answer in zip(events, answers, strict=True)
    ]


def _known(
    book: NodeBook, events: Sequence[EventInput], digests: Sequence[str]
) -> dict[str, tuple[str, str]]:
    work = book.work
    ids = [event.external_id for event in events if event.external_id]
    known = events_by_external_id(work.session, work.tenant_id, ids)
    for event, digest in zip(events, digests, strict=True):
        if event.external_id in known:
            _check_same(event.external_id, known[event.external_id][1], digest)
    return known


def _check_same(external_id: str, stored: str, told: str) -> None:
    if stored != told:
        raise Conflict(
            f"event {external_id!r} is already stored with other content; a correction needs "
            "an id of its own and must name the event it corrects",
            code="QT441",
        )


def _write_fresh(
    site: Site,
    book: NodeBook,
    fresh: Sequence[tuple[int, EventInput]],
    *,
    digests: Sequence[str],
    origin: Origin,
) -> dict[int, Stored]:
    if not fresh:
        return {}
    _check_pairs([event for _, event in fresh])
    verbs = [site.registry.get("events", event.event_type).verb for _, event in fresh]
    before = len(book.made)
    nodes = _nodes(book, [event for _, event in fresh], verbs, origin)
    made = set(book.made[before:])
    _load_masters(book, [event for _, event in fresh])
    work = book.work
    keys = work.keys(len(fresh))
    told = [
        Told(
            book, event, verb, digests[place], key, work.new_uid(), named,
            tuple(zip(event.lines, named, strict=True)),
        )
        for (place, event), verb, key, named in zip(fresh, verbs, keys, nodes, strict=True)
    ]  # fmt: skip
    _insert(book, told, origin)
    stored: dict[int, Stored] = {}
    for (place, _), each in zip(fresh, told, strict=True):
        own = [node for node in dict.fromkeys(each.nodes) if node in made]
        made.difference_update(own)
        stored[place] = Stored(each.uid, tuple(each.nodes), True, tuple(own))
    return stored


def _check_pairs(events: Sequence[EventInput]) -> None:
    for event in events:
        sources = sum(line.part in ("input", "child") for line in event.lines)
        targets = sum(line.part in ("output", "parent") for line in event.lines)
        if not event.allocations and sources * targets > MAX_PAIRS:
            text = (
                f"{event.event_type} {event.external_id or ''} links {sources} x {targets} things; "
                f"at most {MAX_PAIRS} pairs: tell it in parts, or say what went into what"
            )
            raise InputRejected(text, [Fault("QT707", text, "lines")])


def _nodes(
    book: NodeBook, events: Sequence[EventInput], verbs: Sequence[str], origin: Origin
) -> list[tuple[int, ...]]:
    is_import = origin.kind == "import"
    brings = [
        line.part == "output" or verb == "receive"
        for event, verb in zip(events, verbs, strict=True)
        for line in event.lines
    ]
    lines = [line for event in events for line in event.lines]
    wanted = [
        Wanted(line.ref, "recorded" if begins or not is_import else "unverified")
        for line, begins in zip(lines, brings, strict=True)
    ]
    found = book.get_or_make_all(wanted)
    if is_import:
        book.verify({node for node, begins in zip(found, brings, strict=True) if begins})
    each = iter(found)
    return [tuple(next(each) for _ in event.lines) for event in events]


def _load_masters(book: NodeBook, events: Sequence[EventInput]) -> None:
    named = {
        "location": {code for e in events for code in (e.location, e.to_location) if code},
        "party": {code for e in events for code in (e.from_party, e.to_party) if code},
        "equipment": {e.equipment for e in events if e.equipment},
    }
    for entity, codes in named.items():
        book.load_masters(entity, codes)


def _insert(book: NodeBook, told: Sequence[Told], origin: Origin) -> None:
    work = book.work
    nodes = {node for each in told for node in each.nodes}
    unread = [node for node in nodes if not work.knows_uid(node)]
    work.learn_uids(uids_of_nodes(work.session, work.tenant_id, unread))
    makers = [each for each in told if each.verb == "transform"]
    of_makers = {node for each in makers for node in each.nodes}
    items = items_of_lots(work.session, work.tenant_id, of_makers)
    work.insert(Event, [event_row(each, origin) for each in told])
    work.insert(Movement, [row for each in told for row in movement_rows(each)])
    work.insert(Edge, [row for each in told for row in edge_rows(each, items)])
    for each in told:
        _log(book, each)


def _log(book: NodeBook, told: Told) -> None:
    work, event = book.work, told.event
    lines: list[list[Any]] = [
        [line.part, work.uid_of(node), optional_text(line.quantity), line.unit]
        for line, node in told.lines
    ]
    work.log(
        f"event.{told.verb}",
        "event",
        told.uid,
        reason=event.reason,
        about=[work.uid_of(node) for node in dict.fromkeys(told.nodes)],
        details={
            "type": event.event_type,
            "content": told.digest,
            "lines": lines,
            **({"device": event.device} if event.device else {}),
        },
    )
    work.publish("event", {"event_id": told.uid, "type": event.event_type})


def write_events(site: Site, context: Context, events: Sequence[EventInput]) -> list[Stored]:
    """Write several events in one transaction: all or none."""
    with site.store.write(context) as work:
        return write_all(site, NodeBook(site, work), events)
