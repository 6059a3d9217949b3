"""Finds and makes nodes in sets: a few statements, however many are named.

It must not know events, and it never guesses between several lots that fit.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qtcore.services.lot_ref import LotRef, Name, Wanted
from qtcore.services.site import UNKNOWN_PARTY
from qtcore.store.queries.names import (
    cases_by_code,
    lots_by_number,
    nodes_by_identifier,
    units_by_serial,
)
from qtcore.store.tables import Identifier, LogisticUnit, Lot, StateChange, Unit
from qtcore.store.unit import NewNode, UnitOfWork

IN_PROCESS_KINDS = frozenset({"intermediate", "bulk"})
MasterKeys = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Making:
    """What is to be made, with the master data it needs, all of it read already."""

    work: UnitOfWork
    masters: Mapping[tuple[str, str], Any]
    workflow_version: int | None
    wanted: Sequence[Wanted]


def find_named_nodes(
    work: UnitOfWork, masters: MasterKeys, asked: Mapping[Name, LotRef]
) -> dict[Name, int]:
    """Find the nodes of references; a name that nothing has is left out.

    `masters` are the keys of the items and parties that exist, by kind and code.
    """
    session, tenant = work.session, work.tenant_id
    names: dict[str, dict[Any, Name]] = defaultdict(dict)
    for name, ref in asked.items():
        key = _key_of(ref, masters)
        if key is not None:
            names["id" if ref.identifier else ref.kind][key] = name
    found = {
        **_named(names["id"], nodes_by_identifier(session, tenant, names["id"])),
        **_named(names["lot"], lots_by_number(session, tenant, names["lot"])),
        **_named(names["unit"], units_by_serial(session, tenant, names["unit"])),
    }
    codes = names["logistic_unit"]
    return {**found, **_named(codes, cases_by_code(session, tenant, codes))}


def _key_of(ref: LotRef, masters: MasterKeys) -> Any | None:
    if ref.identifier:
        return ref.identifier
    if ref.kind == "logistic_unit":
        return ref.lot_no
    item = masters.get(("item", ref.item))
    source = masters.get(("party", ref.source or UNKNOWN_PARTY))
    if item is None or (ref.kind == "lot" and source is None):
        return None
    return (item, ref.lot_no) if ref.kind == "unit" else (item, source, ref.lot_no)


def _named(names: Mapping[Any, Name], nodes: Mapping[Any, int]) -> dict[Name, int]:
    return {names[key]: node for key, node in nodes.items()}


def make_nodes(making: Making) -> list[int]:
    """Make the nodes, in the order they are wanted."""
    by_kind: dict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(making.wanted):
        by_kind[one.ref.kind].append(place)
    made: list[NewNode] = [NewNode(0, "", "")] * len(making.wanted)
    for kind, places in by_kind.items():
        fresh = making.work.new_nodes(kind, len(places))
        for place, node in zip(places, fresh, strict=True):
            made[place] = node
        pairs = [(making.wanted[place].ref, made[place]) for place in places]
        if kind == "lot":
            _insert_lots(making, [(making.wanted[place], made[place]) for place in places])
        elif kind == "unit":
            making.work.insert(Unit, [_unit_row(making, ref, node) for ref, node in pairs])
        else:
            rows = [{"node": node.node, "code": ref.lot_no} for ref, node in pairs]
            making.work.insert(LogisticUnit, rows)
    _insert_names(making, [node.node for node in made])
    return [node.node for node in made]


def identifier_rows(
    work: UnitOfWork, node: int, pairs: Sequence[tuple[str, str]], *, is_global: bool
) -> list[dict[str, Any]]:
    """Make the rows of further names of a node."""
    at = work.context.at
    return [
        {
            "node": node,
            "scheme": scheme,
            "value": value,
            "is_global": is_global,
            "recorded_at": at,
        }
        for scheme, value in pairs
    ]


def _unit_row(making: Making, ref: LotRef, node: NewNode) -> dict[str, Any]:
    item = making.masters["item", ref.item]
    return {"node": node.node, "serial": ref.lot_no, "item_id": item.id}


def _insert_names(making: Making, nodes: Sequence[int]) -> None:
    rows: list[dict[str, Any]] = []
    for one, node in zip(making.wanted, nodes, strict=True):
        if one.ref.identifier:
            rows += identifier_rows(making.work, node, [one.ref.identifier], is_global=True)
        rows += identifier_rows(making.work, node, one.ref.others, is_global=False)
    making.work.insert(Identifier, rows)


def _insert_lots(making: Making, made: Sequence[tuple[Wanted, NewNode]]) -> None:
    """Make lots with the first step of their life cycle."""
    work, lots, steps = making.work, [], []
    actor, at = work.context.actor, work.context.at
    for one, node in made:
        ref, item = one.ref, making.masters["item", one.ref.item]
        source = making.masters["party", ref.source or UNKNOWN_PARTY]
        first = one.state or ("in_process" if item.kind in IN_PROCESS_KINDS else "quarantine")
        lots.append(
            {
                "node": node.node,
                "item_id": item.id,
                "source_id": source.id,
                "lot_no": ref.lot_no,
                "state": first,
                "workflow_version_id": making.workflow_version,
                "unit": item.unit,
                "origin": one.origin,
                "made_at": ref.made_at,
                "expiry_on": ref.expiry_on,
                "extra": dict(ref.extra),
            }
        )
        steps.append(
            {
                "subject_kind": "lot",
                "subject_uid": node.uid,
                "number": 1,
                "transition": "create",
                "from_state": "",
                "to_state": first,
                "person_id": actor.person_id,
                "actor": actor.login,
                "workflow_version_id": making.workflow_version,
                "at": at,
            }
        )
    work.insert(Lot, lots)
    work.insert(StateChange, steps)
