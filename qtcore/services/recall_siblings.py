"""Lots outside a scope that share a cause with it: same input lot, same machine, same condition.

It must not add them to the scope: people decide, with the reason before them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from sqlmodel import Session

from qtcore.errors import InputRejected
from qtcore.services.recall_seeds import Question, Seed, find_seeds
from qtcore.services.site import Site
from qtcore.services.trace import Trace
from qtcore.store.queries.events import movements_of
from qtcore.store.queries.nodes import NodeInfo, describe_nodes
from qtcore.store.queries.trace import trace_edges

AROUND: Final = timedelta(hours=24)
"""How long before and after the making of a seed the same machine makes a sibling."""


@dataclass(frozen=True, slots=True)
class Sibling:
    """A lot with a common cause: ``supplier_lot``, ``equipment`` or ``condition``, and which."""

    info: NodeInfo
    cause: str
    shared: str

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "lot_id": self.info.uid,
            "lot_no": self.info.lot_no,
            "item": self.info.item_code,
            "state": self.info.state,
            "cause": self.cause,
            "shared": self.shared,
        }


def find_siblings(
    site: Site, session: Session, question: Question, scope: tuple[Sequence[Seed], Trace]
) -> list[Sibling]:
    """Find lots that are not in the scope but share an input, a machine window or the condition."""
    starts, trace = scope
    tenant = site.store.tenant_id
    inside = {node.info.node for node in trace.nodes}
    shared = _by_input(session, tenant, [seed.info.node for seed in starts])
    shared += _by_machine(site, session, [seed.info.node for seed in starts])
    if question.where and question.equipment:
        shared += _by_condition(site, session, question)
    outside = [row for row in dict.fromkeys(shared) if row[0] not in inside]
    known = describe_nodes(session, tenant, {row[0] for row in outside})
    found = [Sibling(known[node], cause, name) for node, cause, name in outside if node in known]
    return sorted(found, key=lambda s: (s.cause, s.shared, s.info.item_code, s.info.lot_no))


_Shared = list[tuple[int, str, str]]


def _by_input(session: Session, tenant: int, seeds: Sequence[int]) -> _Shared:
    before = trace_edges(session, tenant, seeds, "backward", max_depth=1)
    inputs = [edge.src for edge in before if edge.kind != "pack" and edge.src not in seeds]
    if not inputs:
        return []
    names = describe_nodes(session, tenant, inputs)
    after = trace_edges(session, tenant, inputs, "forward", max_depth=1)
    return [
        (edge.dst, "supplier_lot", f"{names[edge.src].item_code} {names[edge.src].lot_no}")
        for edge in after
        if edge.src in names and edge.kind != "pack"
    ]


def _by_machine(site: Site, session: Session, seeds: Sequence[int]) -> _Shared:
    found: _Shared = []
    windows = {
        (row.equipment, row.event_at)
        for row in movements_of(session, site.store.tenant_id, seeds)
        if row.equipment and row.effect == "produced"
    }
    for code, at in sorted(windows):
        asked = Question(equipment=code, since=at - AROUND, until=at + AROUND)
        found += [(seed.info.node, "equipment", code) for seed in _found(site, session, asked)]
    return found


def _by_condition(site: Site, session: Session, question: Question) -> _Shared:
    asked = replace(question, equipment="", lots=(), supplier="")
    return [(seed.info.node, "condition", question.where) for seed in _found(site, session, asked)]


def _found(site: Site, session: Session, question: Question) -> list[Seed]:
    try:
        return find_seeds(site, session, question)
    except InputRejected:  # nothing fits: no siblings
        return []
