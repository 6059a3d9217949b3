"""May this event be recorded? The rules of its verb's gate, asked for each lot it names or makes.

It must not know how an event is written: nothing of it is stored yet. Holds, states and stock are
refused before; this is what packs say in rules.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from qtcore.definitions.rules import EVERY_EVENT, RuleDefinition
from qtcore.engines.rules import blocking, judge
from qtcore.errors import Refusal
from qtcore.services.evaluation import compile_in, evaluator
from qtcore.services.events import EventInput, Line
from qtcore.services.evidence import LotEvidence, read_evidence
from qtcore.services.facts import gather_facts
from qtcore.services.nodes import NodeBook
from qtcore.services.release import worded
from qtcore.services.site import Site
from qtcore.services.specifications import spec_of
from qtcore.store.queries.nodes import NodeInfo

# The name that this gate had when shipments were the only events with one.
_ALSO: Final = {"ship": ("shipment",)}


@dataclass(frozen=True, slots=True)
class AskedEvent:
    """An event before it is stored: its verb, and each line with the lot it names, if any."""

    event: EventInput
    verb: str
    infos: Sequence[NodeInfo | None]

    @property
    def lines(self) -> Iterator[tuple[Line, NodeInfo | None]]:
        """The lines with what they name."""
        return zip(self.event.lines, self.infos, strict=True)


def gate_refusals(site: Site, book: NodeBook, asked: AskedEvent) -> list[Refusal]:
    """Judge each lot on the day of the event, with what the event itself tells of it.

    A lot that the event would bring into being is judged by what is told of it and by what goes
    into it. Raises Refused when the pack of its industry is switched off.
    """
    gates = (asked.verb, *_ALSO.get(asked.verb, ()), EVERY_EVENT)
    if not any(rule.gate in gates for rule in site.registry.list("rules")):
        return []
    found: list[Refusal] = []
    for line, info in asked.lines:
        if info.kind != "lot" if info is not None else line.ref.kind != "lot":
            continue
        seen = info if info is not None else _new_lot(book, line)
        rules = [r for gate in gates for r in site.registry.rules_of(gate, seen.industry)]
        if rules:
            found += _judge(site, book, asked, (line, info, seen, rules))
    return found


def _judge(
    site: Site,
    book: NodeBook,
    asked: AskedEvent,
    about: tuple[Line, NodeInfo | None, NodeInfo, list[RuleDefinition]],
) -> list[Refusal]:
    line, info, seen, rules = about
    on, event = asked.event.event_at.date(), asked.event
    told = {name: value for name, value in line.ref.extra.items() if value not in (None, "", [])}
    known = info.extra if info is not None else {}
    new = sorted(name for name in told if known.get(name) in (None, "", []))
    names = _names_in(site, rules)
    evidence = _evidence(site, book, asked, (line, info, seen), names=names)
    evidence = replace(evidence, info=seen._replace(extra={**seen.extra, **told}))
    facts = gather_facts(site, evidence, names)
    facts |= {
        "event_type": event.event_type,
        "event_verb": asked.verb,
        "event_part": line.part,
        "event_on": on,
        "fields_told": tuple(new),
    }
    if event.location:
        facts["event_place"] = event.location
    outcomes = judge(rules, facts, evaluator(site.registry), on=on)
    named = f"lot {seen.lot_no} of {seen.item_code}"
    return [
        Refusal(r.code, f"{named}: {r.message}", r.asked_by, r.fix, r.source)
        for r in worded(site, blocking(outcomes), book.work.context.language)
    ]


def _names_in(site: Site, rules: Sequence[RuleDefinition]) -> frozenset[str] | None:
    """Name the facts that rules speak of; None when one does not say."""
    texts = [text for rule in rules for text in (rule.check, rule.when) if text is not None]
    compiled = [compile_in(site.registry, text, "facts") for text in texts]
    if any(each is None for each in compiled):
        return None
    return frozenset(name for each in compiled if each is not None for name in each.names)


def _evidence(
    site: Site,
    book: NodeBook,
    asked: AskedEvent,
    about: tuple[Line, NodeInfo | None, NodeInfo],
    *,
    names: frozenset[str] | None,
) -> LotEvidence:
    line, info, seen = about
    on = asked.event.event_at.date()
    if info is not None:
        return read_evidence(site, book.work.session, info, on, names=names)
    used = tuple(
        each
        for other, each in asked.lines
        if each is not None and other.part == "input" and line.part == "output"
    )
    return _unborn(site, book, (seen, used), on)


def _unborn(
    site: Site, book: NodeBook, lot: tuple[NodeInfo, tuple[NodeInfo, ...]], on: date
) -> LotEvidence:
    """Give what is known of a lot that is not there yet: its item, and what goes into it."""
    seen, used = lot
    spec = spec_of(site, seen)
    item: Any = book.master("item", seen.item_code)
    return LotEvidence(
        info=seen,
        on=on,
        item_extra=item.extra,
        inputs=used,
        used_at={each.node: on for each in used},
        records=(),
        input_records=(),
        results=(),
        movements=(),
        hold_rows=(),
        discrepancy_rows=(),
        balance_problem="",
        required_tests=frozenset(
            each.id for each in (spec.characteristics if spec else ()) if each.required
        ),
    )


def _new_lot(book: NodeBook, line: Line) -> NodeInfo:
    ref = line.ref
    item: Any = book.master("item", ref.item)
    return NodeInfo(
        node=0,
        uid="",
        kind="lot",
        item_code=item.code,
        item_name=item.name,
        lot_no=ref.lot_no or str(ref),
        source_code=ref.source,
        source_name=ref.source,
        state="",
        unit=line.unit or item.unit,
        origin="recorded",
        made_at=ref.made_at,
        expiry_on=ref.expiry_on,
        item_kind=item.kind,
        industry=item.industry,
        names=dict(item.names),
        extra={},
    )
