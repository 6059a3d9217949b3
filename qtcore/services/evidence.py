"""What was read about lots for their facts: once for all facts, and for many lots at once.

It must not say what a fact is; see `qtcore.services.facts`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Protocol, TypeVar

from sqlmodel import Session

from qtcore.definitions.rules import FactDefinition
from qtcore.engines.balance import balance
from qtcore.errors import QTCoreError
from qtcore.registry.registry import Registry
from qtcore.services.device_uses import Use, uses_of
from qtcore.services.held_inputs import HeldInput, held_inputs
from qtcore.services.site import Site
from qtcore.services.specifications import spec_of
from qtcore.services.stock import movements_for_balance
from qtcore.store.queries.discrepancies import DiscrepancyRow, open_discrepancies
from qtcore.store.queries.events import MovementRow, movements_of
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
from qtcore.store.queries.trace import trace_each


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
    held_inputs: tuple[HeldInput, ...] = ()


def read_evidence(
    site: Site,
    session: Session,
    info: NodeInfo,
    on: date,
    *,
    names: Collection[str] | None = None,
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
    """Read the evidence of many lots, by node, with as many statements as for one."""
    tenant = site.store.tenant_id
    parts = _EVERYTHING if names is None else _parts_of(site.registry, names)
    nodes = [info.node for info in infos]
    having = dict.fromkeys(parts, nodes)
    if len(parts) > _FEW:
        there = parts_there(session, tenant, nodes)
        having = {part: [n for n in nodes if part in there.get(n, ())] for part in parts}
    edges = trace_each(session, tenant, having.get("inputs", ()), "backward")
    upstream = {node: sorted({e.src for e in found} - {node}) for node, found in edges.items()}
    above = sorted({far for some in upstream.values() for far in some})
    described = describe_nodes(session, tenant, above)
    # Records of inputs count as well, where there are inputs.
    about = [*having["records"], *above] if "records" in parts else []
    records = records_by_node(session, tenant, about)
    movements = _by_node(movements_of(session, tenant, having.get("movements", ())))
    results = results_by_node(session, tenant, having.get("results", ()))
    holds = active_holds(session, tenant, having.get("holds", ()))
    unsettled = _by_node(open_discrepancies(session, tenant, having.get("discrepancies", ())))
    held = held_inputs(session, tenant, edges if "held_inputs" in parts else {})
    uses = _by_node(uses_of(session, tenant, having.get("devices", ())))
    codes = {info.item_code for info in infos} if "item" in parts else ()
    extras = item_extras(session, tenant, codes)
    return {
        info.node: LotEvidence(
            info=info,
            on=on,
            item_extra=extras.get(info.item_code) or {},
            inputs=tuple(described[n] for n in upstream.get(info.node, ()) if n in described),
            used_at={e.src: e.event_at.date() for e in edges.get(info.node, ())},
            records=tuple(each_once(records.get(info.node, ()))),
            input_records=tuple(
                each_once(row for n in upstream.get(info.node, ()) for row in records.get(n, ()))
            ),
            results=tuple(results.get(info.node, ())),
            movements=tuple(movements.get(info.node, ())),
            hold_rows=tuple(holds.get(info.node, ())),
            discrepancy_rows=tuple(unsettled.get(info.node, ())),
            balance_problem=_balance_problem(site, movements.get(info.node, ())),
            required_tests=_required_tests(site, info),
            device_uses=tuple(uses.get(info.node, ())),
            held_inputs=held.get(info.node, ()),
        )
        for info in infos
    }


class _OfNode(Protocol):
    @property
    def node(self) -> int: ...


_Row = TypeVar("_Row", bound=_OfNode)


def _by_node(rows: Iterable[_Row]) -> dict[int, list[_Row]]:
    found: dict[int, list[_Row]] = defaultdict(list)
    for row in rows:
        found[row.node].append(row)
    return found


def _required_tests(site: Site, info: NodeInfo) -> frozenset[str]:
    spec = spec_of(site, info)
    return frozenset(c.id for c in (spec.characteristics if spec else ()) if c.required)


def _balance_problem(site: Site, movements: Sequence[MovementRow]) -> str:
    try:
        found = balance(movements_for_balance(movements), site.registry.convert)
    except QTCoreError as error:
        return error.message
    if found.problems:
        return found.problems[0].message
    return f"{found.on_hand} on hand" if found.on_hand < 0 else ""


_EVERYTHING: Final = frozenset(
    {
        "devices",
        "discrepancies",
        "held_inputs",
        "holds",
        "inputs",
        "item",
        "movements",
        "records",
        "results",
    }
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
    "inputs_held": frozenset({"inputs", "held_inputs"}),
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
