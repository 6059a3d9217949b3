"""Writes the events of one EPCIS document into a unit of work: all of them, whatever their order.

It must not judge what a document says; what does not fit becomes a discrepancy.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlmodel import col, select

from qtcore.builtin.epcis.reading import EpcisDocument
from qtcore.builtin.epcis.strict_json import pointer, write_json
from qtcore.builtin.facts import Thing, TraceEvent
from qtcore.builtin.gs1 import canonical_identifier, party_code
from qtcore.errors import Fault, InputRejected
from qtcore.services.device_uses import cited_device
from qtcore.services.discrepancies import review_nodes
from qtcore.services.epcis_facts import (
    as_sent,
    born,
    error_text,
    ilmd_text,
    parties_of,
    party_of,
    place_of,
    says_the_same,
    stored_id,
    values_of,
)
from qtcore.services.epcis_masters import too_long, write_masters
from qtcore.services.epcis_profiles import ProfileJudge
from qtcore.services.epcis_settling import settle_events
from qtcore.services.events import EventInput, Line, Origin, Stored, write_all
from qtcore.services.imports import MAX_CODE, MAX_EVENT_ID, MAX_LOT_NO, ImportReport, Places
from qtcore.services.master import ensure_unknowns
from qtcore.services.nodes import LotRef, NodeBook
from qtcore.services.site import Site
from qtcore.services.told_in_parts import review_groups
from qtcore.store.queries.epcis import DECLARED
from qtcore.store.queries.keyset import batched
from qtcore.store.tables import EpcisEvent, Event, Identifier, LogisticUnit, Lot, Node, Unit
from qtcore.store.unit import UnitOfWork

EVENT_TYPE_OF_VERB: Mapping[str, str] = {
    "receive": "receiving",
    "transform": "production",
    "pack": "packing",
    "unpack": "unpacking",
    "ship": "shipping",
    "return": "returning",
    "sample": "sampling",
    "scrap": "scrapping",
    "observe": "observation",
}
"""The base event that an event of another company is recorded as."""

MAX_PAIRS = 250_000
_LOT_NUMBER = "lot_number"
_WRITTEN = "uri"


@dataclass(frozen=True, slots=True)
class _Written:
    event: TraceEvent
    stored: Stored


class DocumentWriter:
    """Writes one document; `write` raises InputRejected with every fault before it writes."""

    def __init__(
        self, site: Site, work: UnitOfWork, document: EpcisDocument, is_proceeding: bool = False
    ) -> None:
        self._is_proceeding = is_proceeding
        self._site = site
        self._work = work
        self._document, self._context = document, write_json(document.context)
        self._book = NodeBook(site, work)
        self._places = Places(
            self._book, {party_code(m.uri): m.name for m in document.master_data if m.name}
        )
        self._names = {m.uri: m.name for m in document.master_data if m.name}
        self._known: dict[str, Event] = {}
        self._born: dict[str, tuple[date | None, datetime | None]] = {}
        self._local: set[str] = set()

    def write(self, import_id: int) -> ImportReport:
        """Write what is not stored yet."""
        events = self._document.events
        self._known = self._stored_events(events)
        bad = self._refused()
        faults = [fault for found in bad.values() for fault in found]
        facts = self._document.master_data
        long = [self._fault("QT706", text, "/epcisHeader") for text in too_long(facts)]
        if long or (faults and not self._is_proceeding):
            faults += long
            raise InputRejected(f"{self._document.name} is refused; nothing is stored", faults)
        new = [e for e in events if stored_id(e) not in self._known and e.pointer not in bad]
        ensure_unknowns(self._work)
        self._local = self._local_numbers(new)
        self._born = born(new)
        self._book.prepare(
            self._ref_of(thing) for e in new for thing in e.things if not _is_own(thing.uri)
        )
        told = [self._input(event) for event in new]
        origin = Origin("import", import_id)
        stored = write_all(self._site, self._book, told, origin=origin)
        written = [_Written(event, each) for event, each in zip(new, stored, strict=True)]
        write_masters(self._book, facts)
        self._index(new)
        self._complete_lots(written)
        self._name_nodes(written)
        ids = {*self._known, *(stored_id(event) for event in new)}
        settled = settle_events(self._work, new, ids)
        touched = {node for each in written for node in each.stored.nodes}
        review_nodes(self._site, self._work, touched, taken_back=settled.nodes)
        review_groups(self._work, settled.groups, taken_back=settled.nodes)
        read = len(events) + self._document.repeated
        return ImportReport(
            read=read,
            stored=len(new),
            duplicates=read - len(new) - len(bad),
            refused=len(bad),
            lots=len(self._book.made),
            problems=tuple(faults),
        )

    def _index(self, events: Sequence[TraceEvent]) -> None:
        """Note what the events are asked by, see `qtcore.services.epcis_queries`."""
        keys: dict[str | None, int] = {}
        for names in batched([stored_id(event) for event in events]):
            found = select(Event.external_id, Event.id).where(
                Event.tenant_id == self._work.tenant_id, col(Event.external_id).in_(names)
            )
            keys |= dict(self._work.session.exec(found).all())
        self._work.insert(
            EpcisEvent,
            [
                {
                    "event_id": keys[stored_id(event)],
                    "event_at": event.event_at.astimezone(UTC),
                    "kind": event.kind,
                    "action": event.action,
                    "biz_step": event.biz_step,
                    "disposition": event.disposition,
                    "biz_location": canonical_identifier(event.biz_location)[1],
                    "read_point": canonical_identifier(event.read_point)[1],
                    "transformation_id": canonical_identifier(event.transformation_id)[1],
                }
                for event in events
            ],
        )

    def _stored_events(self, events: Iterable[TraceEvent]) -> dict[str, Event]:
        """Read what is stored under the ids of the document, and the declarations about them."""
        ids = [stored_id(event) for event in events]
        wanted = sorted({*ids, *(f"{each}{DECLARED}" for each in ids)})
        found: dict[str, Event] = {}
        for start in range(0, len(wanted), 500):
            rows = self._work.session.exec(
                select(Event).where(
                    Event.tenant_id == self._work.tenant_id,
                    col(Event.external_id).in_(wanted[start : start + 500]),
                )
            )
            found |= {row.external_id: row for row in rows if row.external_id}
        return found

    def _local_numbers(self, events: Iterable[TraceEvent]) -> set[str]:
        """Read which numbers of the document are in use here, whatever they are numbers of."""
        wanted = sorted({thing.key.number for event in events for thing in event.things})
        found: set[str] = set()
        for start in range(0, len(wanted), 500):
            for tenant, number in (
                (Lot.tenant_id, Lot.lot_no),
                (Unit.tenant_id, Unit.serial),
                (LogisticUnit.tenant_id, LogisticUnit.code),
            ):
                statement = select(number).where(
                    tenant == self._work.tenant_id, col(number).in_(wanted[start : start + 500])
                )
                found.update(self._work.session.exec(statement))
        return found

    def _refused(self) -> dict[str, list[Fault]]:
        """Find the events that cannot be stored, by their places."""
        found: dict[str, list[Fault]] = {}
        for event in self._document.events:
            faults = [*self._conflict(event), *self._too_long(event)]
            if faults:
                found[event.pointer] = faults
        judge = ProfileJudge(self._site, self._work.session, self._work.context.language)
        for event, fault in judge.judge(self._document.events):
            placed = self._fault(fault.code, fault.message, fault.where)
            found.setdefault(event.pointer, []).append(placed)
        return found

    def _conflict(self, event: TraceEvent) -> Iterator[Fault]:
        row = self._known.get(stored_id(event))
        if row is not None and not says_the_same(row, event):
            yield self._fault(
                "QT708",
                f"eventID {event.external_id!r} is already stored with other content; a "
                "correction needs an id of its own and an error declaration for this one",
                pointer(event.pointer, "eventID"),
            )

    def _too_long(self, event: TraceEvent) -> Iterator[Fault]:
        pairs = len(event.part("input")) * len(event.part("output"))
        if pairs > MAX_PAIRS:
            says = f"{pairs} pairs of input and output; at most {MAX_PAIRS}, tell it in parts"
            yield self._fault("QT707", says, event.pointer)
        for name, text, most in (
            ("eventID", event.external_id, MAX_EVENT_ID - len(DECLARED)),
            ("bizStep", event.biz_step, MAX_CODE),
            ("bizLocation", party_code(event.biz_location), MAX_CODE),
            ("readPoint", party_code(event.read_point), MAX_CODE),
            *((x.role, party_code(x.uri), MAX_CODE) for x in parties_of(event)),
            ("transformationID", event.transformation_id, 400),
        ):
            if len(text) > most:
                says = f"{name} has {len(text)} signs; at most {most} are stored"
                yield self._fault("QT706", says, event.pointer)
        for thing in event.things:
            if len(thing.key.item) > MAX_CODE or len(thing.key.number) > MAX_LOT_NO:
                text = f"the class may have {MAX_CODE} signs and the number {MAX_LOT_NO}"
                yield self._fault("QT706", text, thing.pointer)

    def _fault(self, code: str, message: str, where: str) -> Fault:
        return Fault(code, message, f"{self._document.name}#{self._document.place(where)}")

    def _input(self, event: TraceEvent) -> EventInput:
        void = event.error is not None
        code = self._places.code
        lines = [self._line(event, thing) for thing in event.things]
        return EventInput(
            event_type=EVENT_TYPE_OF_VERB["observe" if void else event.verb],
            lines=tuple(lines),
            event_at=event.event_at.astimezone(UTC),
            utc_offset=event.utc_offset,
            location=code("location", place_of(event)),
            from_party=code("party", party_of(event.sources)),
            to_party=code("party", party_of(event.destinations)),
            device=cited_device(self._work, event),
            step=event.biz_step,
            reason=error_text(event),
            external_id=stored_id(event),
            values=dict(values_of(event)),
            document=as_sent(event, self._context),
        )

    def _line(self, event: TraceEvent, thing: Thing) -> Line:
        quantity, unit = thing.quantity, self._unit(thing)
        if thing.key.kind == "unit" and quantity is None:
            quantity, unit = Decimal(1), self._unit_code("")  # a serial is one piece by definition
        if event.error is not None:
            # A declaration moves and counts nothing, also where it takes back a count.
            return Line(self._ref(event, thing), "subject")
        part, ref = thing.part, self._ref(event, thing)
        return Line(ref, part, quantity, unit if quantity is not None else "")

    def _unit(self, thing: Thing) -> str:
        return self._unit_code(thing.unit)

    def _unit_code(self, code: str) -> str:
        """Give our code of a unit; an undeclared one stays as sent. Without one, it is a count."""
        known = self._site.registry.unit(code or "{count}")
        return known.code if known is not None else code

    def _ref(self, event: TraceEvent, thing: Thing) -> LotRef:
        key = thing.key
        own = self._own_node(thing.uri)
        if own is not None:
            return LotRef(text=own)
        item_unit = self._unit(thing) if thing.quantity is not None else ""
        if key.kind != "logistic_unit":
            named = self._names.get(key.item, "") or self._names.get(thing.uri, "")
            known = self._site.registry.unit(item_unit) is not None
            self._places.code("item", key.item, named, kind="raw", unit=item_unit if known else "")
        ref = self._ref_of(thing)
        self._adopt(ref)
        return ref

    def _ref_of(self, thing: Thing) -> LotRef:
        """Give the reference to what a line of another company names."""
        key = thing.key
        expiry, made = self._born.get(key.value, (None, None))
        return LotRef(
            item=key.item,
            lot_no=key.number,
            kind=key.kind,
            identifier=(key.scheme, key.value),
            expiry_on=expiry,
            made_at=made,
        )

    def _own_node(self, uri: str) -> str | None:
        """Find our own lot behind the URI that our export gives it."""
        if not _is_own(uri):
            return None
        uid = uri.removeprefix("urn:uuid:")
        found = select(Node.uid).where(Node.tenant_id == self._work.tenant_id, Node.uid == uid)
        return self._work.session.exec(found).first()

    def _adopt(self, ref: LotRef) -> None:
        """Give the global name to a lot that was entered by item and number without a source."""
        if ref.lot_no not in self._local or self._book.find(ref) is not None:
            return
        local = LotRef(item=ref.item, lot_no=ref.lot_no, kind=ref.kind)
        node = self._book.find(local)
        if node is not None and ref.identifier is not None:
            self._book.add_identifiers(node, [ref.identifier], is_global=True)
            self._work.flush()

    def _complete_lots(self, written: Iterable[_Written]) -> None:
        """Mark lots as recorded that an event brought into being, with what it says of them."""
        told: dict[int, tuple[date | None, datetime | None]] = {}
        for each in written:
            if each.event.error is None:
                for thing, node in zip(each.event.things, each.stored.nodes, strict=True):
                    if thing.part == "output":
                        told[node] = self._born[thing.key.value]
        for nodes in batched(sorted(told)):
            lots = self._work.session.exec(
                select(Lot).where(Lot.tenant_id == self._work.tenant_id, col(Lot.node).in_(nodes))
            )
            for lot in lots.all():
                self._complete_lot(lot, told[lot.node])

    def _complete_lot(self, lot: Lot, told: tuple[date | None, datetime | None]) -> None:
        values: dict[str, Any] = {"origin": "recorded"}
        for name, value in zip(("expiry_on", "made_at"), told, strict=True):
            known = getattr(lot, name)
            if value is not None and (known is None or value < known):
                values[name] = value
        changes = self._work.change(lot, **values)
        if changes:
            uid = self._work.uid_of(lot.node)
            self._work.log("lot.complete", "lot", uid, changes=changes, about=[uid])

    def _name_nodes(self, written: Iterable[_Written]) -> None:
        """Keep the names as they were written, and lot numbers, beside the canonical one."""
        wanted: dict[tuple[int, str, str], None] = {}
        for each in written:
            for thing, node in zip(each.event.things, each.stored.nodes, strict=True):
                if thing.uri != thing.key.value:
                    wanted[node, _WRITTEN, thing.uri] = None
                number = ilmd_text(each.event.ilmd, "lotNumber")
                if thing.part == "output" and number and thing.key.kind == "lot":
                    wanted[node, _LOT_NUMBER, number[:400]] = None
        for nodes in batched(sorted({node for node, _, _ in wanted})):
            rows = self._work.session.exec(
                select(Identifier).where(
                    Identifier.tenant_id == self._work.tenant_id, col(Identifier.node).in_(nodes)
                )
            )
            for row in rows.all():
                wanted.pop((row.node, row.scheme, row.value), None)
        keys = self._work.keys(len(wanted))
        self._work.insert(
            Identifier,
            [
                {
                    "id": key,
                    "node": node,
                    "scheme": scheme,
                    "value": value,
                    "is_global": False,
                    "recorded_at": self._work.context.at,
                }
                for key, (node, scheme, value) in zip(keys, wanted, strict=True)
            ],
        )


def _is_own(uri: str) -> bool:
    return uri.startswith("urn:uuid:")
