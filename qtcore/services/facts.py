"""The facts that rules and guards speak of, gathered for one lot; what nobody recorded is missing.

It must not judge: a missing fact is left out, and the engines treat it as unknown.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar

from sqlmodel import Session

from qtcore.definitions.rules import FactDefinition, RecordCount
from qtcore.definitions.stored_states import named_in
from qtcore.engines.balance import balance
from qtcore.errors import InputRejected, QTCoreError
from qtcore.registry.registry import Registry
from qtcore.services.device_uses import Use, uses_of
from qtcore.services.site import Site
from qtcore.services.specifications import spec_of
from qtcore.services.stock import movements_for_balance
from qtcore.store.queries.events import (
    DiscrepancyRow,
    MovementRow,
    movements_of,
    open_discrepancies,
)
from qtcore.store.queries.evidence import parts_there
from qtcore.store.queries.lots import item_extras
from qtcore.store.queries.nodes import HoldRow, NodeInfo, active_holds, describe_nodes
from qtcore.store.queries.records import (
    RecordRow,
    ResultRow,
    each_once,
    records_by_node,
    results_by_node,
)
from qtcore.store.queries.trace import trace_edges

CLOSED_STATES = frozenset({"closed", "cancelled", "rejected"})


@dataclass(frozen=True, slots=True)
class LotEvidence:
    """What was read about a lot, once, for all facts: the facts are functions of this."""

    info: NodeInfo
    on: date
    item_extra: Mapping[str, Any]
    inputs: tuple[NodeInfo, ...]
    used_at: Mapping[int, date]
    records: tuple[RecordRow, ...]
    input_records: tuple[RecordRow, ...]
    results: tuple[ResultRow, ...]
    movements: tuple[MovementRow, ...]
    hold_rows: tuple[HoldRow, ...]
    discrepancy_rows: tuple[DiscrepancyRow, ...]
    balance_problem: str
    required_tests: frozenset[str]
    device_uses: tuple[Use, ...] = ()


def read_evidence(
    site: Site, session: Session, info: NodeInfo, on: date, *, names: Collection[str] | None = None
) -> LotEvidence:
    """Read everything the facts of a lot need in a fixed number of set-based queries.

    With `names` only what these facts are read from; `gather_facts` must be given the same names.
    """
    return read_evidences(site, session, [info], on, names=names)[info.node]


def read_evidences(
    site: Site,
    session: Session,
    infos: Sequence[NodeInfo],
    on: date,
    *,
    names: Collection[str] | None = None,
) -> dict[int, LotEvidence]:
    """Read the evidence of any number of lots, by node; only where one goes back is it asked of."""
    tenant = site.store.tenant_id
    parts = _EVERYTHING if names is None else _parts_of(site.registry, names)
    nodes = [info.node for info in infos]
    having = dict.fromkeys(parts, nodes)
    if len(parts) > _FEW:
        there = parts_there(session, tenant, nodes)
        having = {part: [n for n in nodes if part in there.get(n, ())] for part in parts}
    edges = {
        node: trace_edges(session, tenant, [node], "backward") for node in having.get("inputs", ())
    }
    used = {node: {e.src for e in found} - {node} for node, found in edges.items()}
    upstream = sorted({far for some in used.values() for far in some})
    described = describe_nodes(session, tenant, upstream)
    # Records of inputs count as well, where there are inputs.
    about = [*having["records"], *upstream] if "records" in parts else []
    records = records_by_node(session, tenant, about)
    movements = _by_node(movements_of(session, tenant, having.get("movements", ())))
    results = results_by_node(session, tenant, having.get("results", ()))
    holds = active_holds(session, tenant, having.get("holds", ()))
    unsettled = _by_node(open_discrepancies(session, tenant, having.get("discrepancies", ())))
    told = _by_node(uses_of(session, tenant, having.get("devices", ())))
    codes = {info.item_code for info in infos} if "item" in parts else ()
    extras = item_extras(session, tenant, codes)
    return {
        info.node: LotEvidence(
            info=info,
            on=on,
            item_extra=extras.get(info.item_code) or {},
            inputs=tuple(described[n] for n in sorted(used.get(info.node, ())) if n in described),
            used_at={e.src: e.event_at.date() for e in edges.get(info.node, ())},
            records=tuple(each_once(records.get(info.node, ()))),
            input_records=tuple(
                each_once(row for n in used.get(info.node, ()) for row in records.get(n, ()))
            ),
            results=tuple(results.get(info.node, ())),
            movements=tuple(movements.get(info.node, ())),
            hold_rows=tuple(holds.get(info.node, ())),
            discrepancy_rows=tuple(unsettled.get(info.node, ())),
            balance_problem=_balance_problem(site, movements.get(info.node, ())),
            required_tests=_required_tests(site, info),
            device_uses=tuple(told.get(info.node, ())),
        )
        for info in infos
    }


def _required_tests(site: Site, info: NodeInfo) -> frozenset[str]:
    spec = spec_of(site, info)
    return frozenset(c.id for c in (spec.characteristics if spec else ()) if c.required)


_Told = TypeVar("_Told", MovementRow, DiscrepancyRow, Use)


def _by_node(rows: Iterable[_Told]) -> dict[int, list[_Told]]:
    found: dict[int, list[_Told]] = defaultdict(list)
    for row in rows:
        found[row.node].append(row)
    return found


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
    for definition in registry.list("facts"):
        if not isinstance(definition, FactDefinition):
            continue
        if names is not None and definition.id not in names:
            continue
        value = _value(definition, evidence)
        if isinstance(value, Decimal) and definition.type == "quantity":
            value = _in_declared_unit(registry, definition, evidence, value)
        if value is not None:
            facts[definition.id] = value
    return facts


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


def _value(definition: FactDefinition, evidence: LotEvidence) -> object | None:
    source = definition.from_
    if source.core:
        core = CORE_FACTS.get(definition.id)
        return core(evidence) if core else None
    if source.field:
        entity, _, name = source.field.partition(".")
        if entity == "inputs":
            told = [str(info.extra[name]) for info in evidence.inputs if info.extra.get(name)]
            return tuple(dict.fromkeys(told))
        values = evidence.item_extra if entity == "item" else evidence.info.extra
        return typed(values.get(name), definition.type)
    if source.count:
        return _count(source.count, evidence)
    if source.result:
        return _result(source.result, definition.type, evidence)
    if source.event:
        seen = sum(1 for m in evidence.movements if m.event_type == source.event)
        return bool(seen) if definition.type == "boolean" else seen
    return None


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
    latest = _current(evidence.results).get(characteristic)
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


def _balance_problem(site: Site, movements: Sequence[MovementRow]) -> str:
    try:
        found = balance(movements_for_balance(movements), site.registry.convert)
    except QTCoreError as error:
        return error.message
    if found.problems:
        return found.problems[0].message
    return f"{found.on_hand} on hand" if found.on_hand < 0 else ""


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
    "holds_active": lambda e: len(e.hold_rows),
    "balance_ok": lambda e: not e.balance_problem,
    "discrepancies_open": lambda e: len(e.discrepancy_rows),
    "device_calibrated": lambda e: not any(u.why for u in e.device_uses) if e.device_uses else None,
    "expiry_on": lambda e: e.info.expiry_on,
    "days_to_expiry": lambda e: (e.info.expiry_on - e.on).days if e.info.expiry_on else None,
}
"""The facts the product gathers itself; a pack may use them but not redefine them."""

_EVERYTHING: Final = frozenset(
    {"devices", "discrepancies", "holds", "inputs", "item", "movements", "records", "results"}
)
_FEW: Final = 2
"""So many parts are read without asking first whether there is anything of them."""
_RECORDS_OF_ALL: Final = frozenset({"inputs", "records"})
_NONE: Final = frozenset[str]()
_INPUTS: Final = frozenset({"inputs"})
_PARTS_OF_FIELDS: Final = {"item": frozenset({"item"}), "inputs": _INPUTS}
_RESULTS: Final = frozenset({"results"})
_MOVEMENTS: Final = frozenset({"movements"})
PARTS: Final[Mapping[str, frozenset[str]]] = {
    "item_kind": _NONE,
    "record_complete": frozenset({"movements", "records"}),
    "open_deviations": _RECORDS_OF_ALL,
    "open_critical_deviations": _RECORDS_OF_ALL,
    "oos_open": _RECORDS_OF_ALL,
    "tests_missing": _RESULTS,
    "tests_failed": _RESULTS,
    "conflicting_results": _RESULTS,
    "inputs_unreleased": _INPUTS,
    "inputs_expired_at_use": _INPUTS,
    "inputs_recalled": _INPUTS,
    "holds_active": frozenset({"holds"}),
    "balance_ok": _MOVEMENTS,
    "discrepancies_open": frozenset({"discrepancies"}),
    "device_calibrated": frozenset({"devices"}),
    "expiry_on": _NONE,
    "days_to_expiry": _NONE,
}
"""Which parts of the evidence each fact of the core is a function of; a test compares them."""


def _parts_of(registry: Registry, names: Collection[str]) -> set[str]:
    """Say which parts of the evidence these facts are read from."""
    parts: set[str] = set()
    for name in names:
        definition = registry.find("facts", name)
        if not isinstance(definition, FactDefinition):
            continue
        source = definition.from_
        if source.core:
            parts |= PARTS.get(name, _NONE)
        elif source.field:
            parts |= _PARTS_OF_FIELDS.get(source.field.partition(".")[0], _NONE)
        elif source.count:
            parts |= _RECORDS_OF_ALL if source.count.inputs else {"records"}
        elif source.result:
            parts |= _RESULTS
        elif source.event:
            parts |= _MOVEMENTS
    return parts
