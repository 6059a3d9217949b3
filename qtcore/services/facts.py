"""The facts that rules and guards speak of, gathered for one lot; what nobody recorded is missing.

It must not judge: a missing fact is left out, and the engines treat it as unknown. What they are
read from is `qtcore.services.evidence`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache, partial
from typing import Final, TypeAlias

from qtcore.definitions.itself import Itself
from qtcore.definitions.rules import FactDefinition, RecordCount
from qtcore.definitions.stored_states import named_in
from qtcore.errors import InputRejected
from qtcore.registry.registry import Registry
from qtcore.services.evidence import LotEvidence
from qtcore.services.site import Site
from qtcore.store.queries.records import RecordRow, ResultRow

CLOSED_STATES = frozenset({"closed", "cancelled", "rejected"})
_MOST_REGISTRIES: Final = 4
_Read: TypeAlias = Callable[[LotEvidence], object | None]


def gather_facts(
    site: Site, evidence: LotEvidence, names: Collection[str] | None = None
) -> dict[str, object]:
    """Give the value of every declared fact, or of those `names`, that is known for this lot."""
    return find_facts(site.registry, evidence, names)


def find_facts(
    registry: Registry, evidence: LotEvidence, names: Collection[str] | None = None
) -> dict[str, object]:
    """Give the value of the facts of a registry that are known from this evidence."""
    facts: dict[str, object] = {}
    for name, read in _readers(Itself(registry)):
        if names is None or name in names:
            value = read(evidence)
            if value is not None:
                facts[name] = value
    return facts


@lru_cache(maxsize=_MOST_REGISTRIES)
def _readers(of: Itself[Registry]) -> tuple[tuple[str, _Read], ...]:
    """Say how each fact of a registry is read; asking its definition costs more than the answer."""
    listed = (each for each in of.it.list("facts") if isinstance(each, FactDefinition))
    return tuple((each.id, _reader(of.it, each)) for each in listed)


def _reader(registry: Registry, definition: FactDefinition) -> _Read:
    read = _plain_reader(definition)
    if definition.type != "quantity":
        return read

    def converted(evidence: LotEvidence) -> object | None:
        value = read(evidence)
        if isinstance(value, Decimal):
            return _in_declared_unit(registry, definition, evidence, value)
        return value

    return converted


def _in_declared_unit(
    registry: Registry, fact: FactDefinition, evidence: LotEvidence, value: Decimal
) -> Decimal | None:
    """Convert what was recorded to the unit of the fact; without a factor it is unknown."""
    recorded = fact.unit or ""
    if fact.from_.field:
        entity, _, name = fact.from_.field.partition(".")
        own = registry.fields_of(entity).get(name, {}).get("x-qt") or {}
        recorded = str(own.get("unit") or recorded)
    elif fact.from_.result:
        recorded = _current(evidence.results)[fact.from_.result][-1].unit or recorded
    try:
        return registry.convert(value, recorded, fact.unit or "")
    except InputRejected:
        return None


def _plain_reader(definition: FactDefinition) -> _Read:
    source, kind = definition.from_, definition.type
    if source.core:
        return CORE_FACTS.get(definition.id, _unknown)
    if source.field:
        return _field_reader(source.field, kind)
    if source.count:
        return partial(_count, source.count)
    if source.result:
        return partial(_result, source.result, kind)
    if source.event:
        return partial(_seen, source.event, kind)
    return _unknown


def _unknown(_evidence: LotEvidence) -> None:
    return None


def _field_reader(field: str, kind: str) -> _Read:
    entity, _, name = field.partition(".")

    def of_inputs(evidence: LotEvidence) -> object | None:
        told = [str(info.extra[name]) for info in evidence.inputs if info.extra.get(name)]
        return tuple(dict.fromkeys(told))

    def of_item(evidence: LotEvidence) -> object | None:
        return typed(evidence.item_extra.get(name), kind)

    def of_lot(evidence: LotEvidence) -> object | None:
        return typed(evidence.info.extra.get(name), kind)

    return {"inputs": of_inputs, "item": of_item}.get(entity, of_lot)


def _seen(event_type: str, kind: str, evidence: LotEvidence) -> object:
    seen = sum(1 for m in evidence.movements if m.event_type == event_type)
    return bool(seen) if kind == "boolean" else seen


def typed(value: object, kind: str) -> object | None:
    """Read a stored field value as the type a fact declares; what does not fit is unknown."""
    if value is None or value == "":
        return None
    try:
        match kind:
            case "decimal" | "quantity":
                return Decimal(str(value))
            case "integer":
                return int(str(value))
            case "date":
                return date.fromisoformat(str(value))
            case "boolean":
                return (
                    value if isinstance(value, bool) else {"true": True, "false": False}[str(value)]
                )
            case "text_list":
                return tuple(str(v) for v in value) if isinstance(value, list | tuple) else None
    except (ValueError, InvalidOperation, KeyError):
        return None
    return str(value)


def _count(count: RecordCount, evidence: LotEvidence) -> int:
    rows = evidence.records + (evidence.input_records if count.inputs else ())
    if not rows:
        return 0
    unique = {row.uid: row for row in rows}
    return sum(1 for row in unique.values() if is_counted(count, row))


def is_counted(count: RecordCount, row: RecordRow) -> bool:
    """Say whether a record is one of those a fact counts."""
    return (
        row.kind == count.record
        and (not count.state_in or not named_in(row.state).isdisjoint(count.state_in))
        and named_in(row.state).isdisjoint(count.state_not_in)
        and all(_as_written(row.data.get(k)) == v for k, v in count.where.items())
    )


def _as_written(value: object) -> str:
    """Give a stored value as a definition file writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _result(characteristic: str, kind: str, evidence: LotEvidence) -> object | None:
    latest = _current(evidence.results).get(characteristic) if evidence.results else None
    if latest is None:
        return None
    if kind == "boolean":
        return all(row.verdict == "pass" for row in latest)
    return typed(latest[-1].value, kind)


def _current(results: Sequence[ResultRow]) -> dict[str, list[ResultRow]]:
    """Group results that nothing superseded by characteristic; more than one means a conflict."""
    found: dict[str, list[ResultRow]] = {}
    for row in results:
        if row.superseded_by is None:
            found.setdefault(row.characteristic, []).append(row)
    return found


def _open(rows: Sequence[RecordRow], kind: str, **where: str) -> int:
    chosen = {row.uid for row in rows if row.kind == kind and row.state not in CLOSED_STATES}
    if where:
        chosen &= {r.uid for r in rows if all(r.data.get(k) == v for k, v in where.items())}
    return len(chosen)


def _expired_inputs(evidence: LotEvidence) -> int:
    return sum(
        1
        for info in evidence.inputs
        if info.expiry_on and info.expiry_on < evidence.used_at.get(info.node, evidence.on)
    )


def _unreleased_inputs(evidence: LotEvidence) -> int:
    return sum(
        1
        for info in evidence.inputs
        if info.kind == "lot"
        and info.item_kind not in ("intermediate", "bulk")
        and info.state not in ("released", "closed")
    )


def _conflicts(evidence: LotEvidence) -> int:
    return sum(
        1 for rows in _current(evidence.results).values() if len({r.value for r in rows}) > 1
    )


def _complete(evidence: LotEvidence) -> bool | None:
    """A batch record is complete when its making is recorded and nothing about it is a draft."""
    if not evidence.movements:
        return None
    return not any(row.state == "draft" for row in evidence.records)


CORE_FACTS: Mapping[str, Callable[[LotEvidence], object | None]] = {
    "item_kind": lambda e: e.info.item_kind,
    "record_complete": _complete,
    "open_deviations": lambda e: _open((*e.records, *e.input_records), "deviation"),
    "open_critical_deviations": lambda e: _open(
        (*e.records, *e.input_records), "deviation", severity="critical"
    ),
    "oos_open": lambda e: _open((*e.records, *e.input_records), "oos"),
    "tests_missing": lambda e: len(e.required_tests - set(_current(e.results))),
    "tests_failed": lambda e: sum(
        1 for rows in _current(e.results).values() if any(r.verdict == "fail" for r in rows)
    ),
    "conflicting_results": _conflicts,
    "inputs_unreleased": _unreleased_inputs,
    "inputs_expired_at_use": _expired_inputs,
    "inputs_recalled": lambda e: sum(1 for i in e.inputs if i.state == "recalled"),
    "inputs_held": lambda e: len({held.info.node for held in e.held_inputs}),
    "holds_active": lambda e: len(e.hold_rows),
    "balance_ok": lambda e: not e.balance_problem,
    "discrepancies_open": lambda e: len(e.discrepancy_rows),
    "device_calibrated": lambda e: (
        not any(u.unfit for u in e.device_uses) if e.device_uses else None
    ),
    "expiry_on": lambda e: e.info.expiry_on,
    "days_to_expiry": lambda e: (e.info.expiry_on - e.on).days if e.info.expiry_on else None,
}
"""The facts the product gathers itself; a pack may use them but not redefine them."""
