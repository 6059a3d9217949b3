"""Lots and records that are under way: how many stand in which state of which life cycle.

It must not change them; see `qtcore.services.migration`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from qtcore.definitions import stored_states
from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.registry.registry import Registry
from qtcore.store.tables import DefinitionVersion, Lot, Record

LOT = "lot"


@dataclass(frozen=True, slots=True)
class Running:
    """How many subjects of a life cycle stand in a state, under one of its versions."""

    workflow: str
    version: int
    state: str
    count: int


@dataclass(frozen=True, slots=True)
class Stranded:
    """Subjects whose state a draft removes and that no mapping takes along."""

    workflow: str
    state: str
    count: int

    def as_json(self) -> dict[str, object]:
        """Give the shape of the API."""
        return {"workflow": self.workflow, "state": self.state, "count": self.count}


def running_subjects(session: Session, tenant_id: int) -> tuple[Running, ...]:
    """Count what is under way: records that are not closed, lots in a state that is not final."""
    found = [
        *_counts(session, tenant_id, Record, col(Record.closed_at).is_(None)),
        *_counts(session, tenant_id, Lot, col(Lot.state) != ""),
    ]
    return tuple(found)


def stranded(
    running: Sequence[Running],
    serving: Registry,
    draft: Registry,
    mappings: Mapping[str, Mapping[str, str]],
) -> tuple[Stranded, ...]:
    """List the states that a draft removes although subjects stand in them, without a mapping."""
    counts: dict[tuple[str, str], int] = {}
    for each in running:
        if is_final(serving.find("workflows", each.workflow), each.state):
            continue
        flow = draft.find("workflows", each.workflow)
        target = mappings.get(each.workflow, {}).get(each.state)
        if has_state(flow, each.state) or has_state(flow, target or ""):
            continue
        key = each.workflow, each.state
        counts[key] = counts.get(key, 0) + each.count
    return tuple(Stranded(*key, count) for key, count in sorted(counts.items()))


def states_of(workflow: WorkflowDefinition | None) -> frozenset[str]:
    """Name the states of a life cycle; none when it does not exist."""
    if workflow is None:
        return frozenset()
    return frozenset(state.id for state in workflow.all_states if not state.history)


def is_final(workflow: WorkflowDefinition | None, state: str) -> bool:
    """Say whether a state is the end of a life cycle."""
    return workflow is not None and stored_states.is_final(workflow, state)


def has_state(workflow: WorkflowDefinition | None, state: str) -> bool:
    """Say whether a lot or record may stand in a state: a name, or the text of several."""
    return workflow is not None and bool(stored_states.active_in(workflow, state))


def _counts(
    session: Session, tenant_id: int, table: type[Record] | type[Lot], condition: object
) -> list[Running]:
    rows = session.exec(
        select(DefinitionVersion.name, DefinitionVersion.number, table.state, func.count())
        .select_from(table)
        .join(
            DefinitionVersion,
            (DefinitionVersion.tenant_id == table.tenant_id)  # type: ignore[arg-type]
            & (DefinitionVersion.id == table.workflow_version_id),
            isouter=True,
        )
        .where(table.tenant_id == tenant_id, condition)  # type: ignore[arg-type]
        .group_by(DefinitionVersion.name, DefinitionVersion.number, table.state)  # type: ignore[arg-type]
    ).all()
    return [Running(name or LOT, number or 0, state, count) for name, number, state, count in rows]
