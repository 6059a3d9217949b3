"""Which records, results, lots and events a fact of a lot was read from.

It must not gather values; see `qtcore.services.facts`, whose evidence it names.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from qtcore.definitions.rules import FactDefinition
from qtcore.services.evidence import LotEvidence
from qtcore.services.facts import CLOSED_STATES, is_counted
from qtcore.services.site import Site
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.queries.records import RecordRow, ResultRow

MOST_NAMED = 50
Source = dict[str, Any]


def fact_sources(
    site: Site, evidence: LotEvidence, names: Iterable[str]
) -> dict[str, list[Source]]:
    """Name, for each fact, what its value was read from: kind, public id, and words for a person.

    At most `MOST_NAMED` for each fact; the last one then says how many more there are.
    """
    found = {}
    for name in sorted(set(names)):
        definition = site.registry.find("facts", name)
        if isinstance(definition, FactDefinition):
            sources = _sources(definition, evidence)
            more = len(sources) - MOST_NAMED
            cut = [{"kind": "more", "id": "", "label": str(more)}] if more > 0 else []
            found[name] = sources[:MOST_NAMED] + cut
    return found


def _sources(definition: FactDefinition, evidence: LotEvidence) -> list[Source]:
    source = definition.from_
    if source.core:
        core = _CORE.get(definition.id)
        return core(evidence) if core else [_lot(evidence.info)]
    if source.field:
        entity, _, name = source.field.partition(".")
        if entity == "item":
            label = f"{evidence.info.item_code}: {name}"
            return [{"kind": "item", "id": evidence.info.item_code, "label": label}]
        return [{**_lot(evidence.info), "field": name}]
    if source.count:
        rows = evidence.records + (evidence.input_records if source.count.inputs else ())
        return _records(row for row in rows if is_counted(source.count, row))
    if source.result:
        return [_result(r) for r in _current(evidence) if r.characteristic == source.result]
    if source.event:
        return _events(m for m in evidence.movements if m.event_type == source.event)
    return [{"kind": "pack", "id": "", "label": "contribute_facts"}] if source.pack else []


def _lot(info: NodeInfo) -> Source:
    return {"kind": "lot", "id": info.uid, "label": f"{info.item_code} {info.lot_no}"}


def _lots(infos: Iterable[NodeInfo]) -> list[Source]:
    return [{**_lot(info), "state": info.state} for info in infos]


def _record(row: RecordRow) -> Source:
    return {
        "kind": "record",
        "id": row.uid,
        "label": row.number,
        "record": row.kind,
        "state": row.state,
    }


def _records(rows: Iterable[RecordRow]) -> list[Source]:
    return list({row.uid: _record(row) for row in rows}.values())


def _result(row: ResultRow) -> Source:
    return {
        "kind": "result",
        "id": row.uid,
        "label": row.characteristic,
        "value": row.value,
        "unit": row.unit,
        "verdict": row.verdict,
        "limits": row.limits,
        "by": row.recorded_by,
    }


def _events(movements: Iterable[Any]) -> list[Source]:
    told = {
        m.event_uid: {"kind": "event", "id": m.event_uid, "label": m.event_type} for m in movements
    }
    return list(told.values())


def _current(evidence: LotEvidence) -> Sequence[ResultRow]:
    return [row for row in evidence.results if row.superseded_by is None]


def _open(kind: str) -> Callable[[LotEvidence], list[Source]]:
    return lambda e: _records(
        r for r in (*e.records, *e.input_records) if r.kind == kind and r.state not in CLOSED_STATES
    )


def _conflicting(evidence: LotEvidence) -> list[Source]:
    rows = _current(evidence)
    values: dict[str, set[str]] = {}
    for row in rows:
        values.setdefault(row.characteristic, set()).add(row.value)
    return [_result(row) for row in rows if len(values[row.characteristic]) > 1]


def _missing_tests(evidence: LotEvidence) -> list[Source]:
    there = {row.characteristic for row in _current(evidence)}
    return [
        {"kind": "characteristic", "id": name, "label": name}
        for name in sorted(evidence.required_tests - there)
    ]


_CORE: Mapping[str, Callable[[LotEvidence], list[Source]]] = {
    "record_complete": lambda e: [
        *_events(e.movements),
        *_records(r for r in e.records if r.state == "draft"),
    ],
    "open_deviations": _open("deviation"),
    "open_critical_deviations": lambda e: _records(
        r
        for r in (*e.records, *e.input_records)
        if r.kind == "deviation"
        and r.state not in CLOSED_STATES
        and r.data.get("severity") == "critical"
    ),
    "oos_open": _open("oos"),
    "tests_missing": _missing_tests,
    "tests_failed": lambda e: [_result(r) for r in _current(e) if r.verdict == "fail"],
    "conflicting_results": _conflicting,
    "inputs_unreleased": lambda e: _lots(
        i
        for i in e.inputs
        if i.kind == "lot"
        and i.item_kind not in ("intermediate", "bulk")
        and i.state not in ("released", "closed")
    ),
    "inputs_expired_at_use": lambda e: _lots(
        i for i in e.inputs if i.expiry_on and i.expiry_on < e.used_at.get(i.node, e.on)
    ),
    "inputs_recalled": lambda e: _lots(i for i in e.inputs if i.state == "recalled"),
    "inputs_held": lambda e: [
        {"kind": "hold", "id": held.hold.uid, "label": held.words} for held in e.held_inputs
    ],
    "holds_active": lambda e: [
        {"kind": "hold", "id": hold.uid, "label": hold.reason} for hold in e.hold_rows
    ],
    "discrepancies_open": lambda e: [
        {
            "kind": "discrepancy",
            "id": row.uid,
            "label": row.detail,
            "finding": row.kind,
            "parts": row.parts,
        }
        for row in e.discrepancy_rows
    ],
    "balance_ok": lambda e: _events(e.movements) if e.balance_problem else [_lot(e.info)],
}
"""Where each fact of the core is read from; what is not here is a property of the lot itself."""
