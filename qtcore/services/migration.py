"""Running lots and records moved to the version that serves, by an explicit mapping of states.

It must not guess: a state that exists in both versions stays, any other one needs a mapping, and
what cannot move is named with the reason. Each move is one act with one ledger entry.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlmodel import Session, col, select

from qtcore.context import Context
from qtcore.definitions.problems import suggest
from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.errors import Conflict, Fault, InputRejected, QTCoreError
from qtcore.services.configurations import find_version
from qtcore.services.records import check_values, make_revision
from qtcore.services.rights import require
from qtcore.services.running import LOT, has_state, is_final, states_of
from qtcore.services.site import Site
from qtcore.store.queries.records import state_changes_of
from qtcore.store.tables import DefinitionVersion, Lot, Node, Record, StateChange
from qtcore.store.unit import UnitOfWork

MIGRATE: Final = "definition.migrate"
TRANSITION: Final = "migrate"
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class StateMapping:
    """Where running subjects of a life cycle go: old state -> new state, old field -> new field.

    A field mapped to nothing is left out. Without `states` those of the newest publication count.
    """

    workflow: str
    states: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of one lot or record; `reason` says why it is refused."""

    kind: str
    subject_id: str
    label: str
    from_version: int
    state: str
    to_state: str
    outcome: str
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "kind": self.kind,
            "id": self.subject_id,
            "label": self.label,
            "from_version": self.from_version,
            "state": self.state,
            "to_state": self.to_state,
            "outcome": self.outcome,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """All moves of a mapping; `is_run` says that they were made."""

    workflow: str
    to_version: int
    states: Mapping[str, str]
    moves: tuple[Move, ...]
    is_run: bool = False

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        outcomes = [move.outcome for move in self.moves]
        return {
            "workflow": self.workflow,
            "to_version": self.to_version,
            "states": dict(self.states),
            "run": self.is_run,
            "counts": {name: outcomes.count(name) for name in ("moves", "moved", "refused")},
            "moves": [move.as_json() for move in self.moves],
        }


@dataclass(frozen=True, slots=True)
class _Target:
    """The version that serves, and what is asked for."""

    version: DefinitionVersion
    workflow: WorkflowDefinition
    states: Mapping[str, str]
    asked: StateMapping


def preview_migration(site: Site, context: Context, asked: StateMapping) -> Plan:
    """Say what would become of each running subject that an older version holds; changes nothing.

    Raises NotFound for an unknown workflow, InputRejected for a mapping to no state.
    """
    require(site, context, "definition.read", about=asked.workflow)
    with site.store.read() as session:
        target = _target(site, session, asked)
        subjects = _subjects(session, site.store.tenant_id, target)
        moves = tuple(_planned(site, context, target, each) for each in subjects)
    return Plan(asked.workflow, target.version.number, target.states, moves)


def run_migration(
    site: Site, context: Context, asked: StateMapping, progress: Progress | None = None
) -> Plan:
    """Move every subject that can move, each in a transaction of its own, and name the others."""
    require(site, context, MIGRATE, about=asked.workflow)
    if not asked.reason.strip():
        text = "a migration needs the reason for it"
        raise InputRejected(text, [Fault("QT451", text, "reason")])
    with site.store.read() as session:
        target = _target(site, session, asked)
        subjects = _subjects(session, site.store.tenant_id, target)
    moves = []
    for done, subject in enumerate(subjects, start=1):
        moves.append(_moved(site, context, target, subject))
        if progress is not None:
            progress(done, len(subjects))
    return Plan(asked.workflow, target.version.number, target.states, tuple(moves), is_run=True)


def _target(site: Site, session: Session, asked: StateMapping) -> _Target:
    workflow: WorkflowDefinition = site.registry.get("workflows", asked.workflow)
    row = find_version(session, site.store.tenant_id, site.version)
    key = row.pins.get(f"workflows/{asked.workflow}") if row is not None else None
    if row is None or key is None:
        raise Conflict(f"workflow {asked.workflow!r} is not published yet")
    states = dict(row.report.get("mappings", {}).get(asked.workflow, {})) | dict(asked.states)
    known = states_of(workflow)
    faults = [
        Fault("QT421", _no_state(workflow.id, new, known), f"/states/{old}")
        for old, new in states.items()
        if not has_state(workflow, new)
    ]
    if faults:
        raise InputRejected("the mapping leads to states that do not exist", faults)
    version = session.get_one(DefinitionVersion, (site.store.tenant_id, key))
    return _Target(version, workflow, states, asked)


def _no_state(workflow: str, name: str, known: frozenset[str]) -> str:
    near = suggest(name, sorted(known))
    hint = f" (did you mean {near!r}?)" if near else ""
    return f"workflow {workflow} has no state {name!r}{hint}; it has: {', '.join(sorted(known))}"


Subject = tuple[Lot | Record, str, str, int]
"""A row, its public id, a name for people, and the number of the version that holds it."""


def _subjects(session: Session, tenant_id: int, target: _Target) -> Sequence[Subject]:
    numbers = {
        row.id: row.number
        for row in session.exec(
            select(DefinitionVersion).where(
                DefinitionVersion.tenant_id == tenant_id,
                DefinitionVersion.kind == "workflows",
                DefinitionVersion.name == target.workflow.id,
            )
        )
    }
    older = [key for key in numbers if key != target.version.id]
    records = session.exec(
        select(Record)
        .where(
            Record.tenant_id == tenant_id,
            col(Record.workflow_version_id).in_(older),
            col(Record.closed_at).is_(None),
        )
        .order_by(col(Record.id))
    ).all()
    lots: Sequence[tuple[Lot, str]] = []
    if target.workflow.id == LOT:
        lots = session.exec(
            select(Lot, Node.uid)
            .join(Node, (Node.tenant_id == Lot.tenant_id) & (Node.node == Lot.node))  # type: ignore[arg-type]
            .where(
                Lot.tenant_id == tenant_id,
                col(Lot.workflow_version_id).in_(older) | col(Lot.workflow_version_id).is_(None),
            )
            .order_by(col(Lot.node))
        ).all()
    return [
        *((row, row.uid, row.number, numbers[row.workflow_version_id]) for row in records),
        *(
            (lot, uid, lot.lot_no, numbers.get(lot.workflow_version_id or 0, 0))
            for lot, uid in lots
            if not is_final(target.workflow, lot.state)
        ),
    ]


def _planned(site: Site, context: Context, target: _Target, subject: Subject) -> Move:
    row, uid, label, number = subject
    kind = "record" if isinstance(row, Record) else LOT
    to_state, reason = _destination(target, row.state)
    if not reason and isinstance(row, Record) and target.asked.fields:
        reason = _form_fault(site, context, row, target.asked.fields)
    outcome = "refused" if reason else "moves"
    return Move(kind, uid, label, number, row.state, "" if reason else to_state, outcome, reason)


def _destination(target: _Target, state: str) -> tuple[str, str]:
    known = states_of(target.workflow)
    to_state = target.states.get(state, state)
    if has_state(target.workflow, to_state):
        return to_state, ""
    return "", (f"{_no_state(target.workflow.id, state, known)}; map {state} to one of them")


def _form_fault(site: Site, context: Context, row: Record, fields: Mapping[str, str]) -> str:
    definition = site.registry.find("records", row.kind)
    if definition is None:
        return f"the version that serves has no record type {row.kind!r}"
    try:
        check_values(site, context, definition, _renamed(row.data, fields))
    except InputRejected as error:
        return "; ".join(f"{f.where}: {f.message}" for f in error.faults) or error.message
    return ""


def _renamed(data: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, Any]:
    named = ((fields.get(name, name), value) for name, value in data.items())
    return {name: value for name, value in named if name}


def _moved(site: Site, context: Context, target: _Target, subject: Subject) -> Move:
    plan = _planned(site, context, target, subject)
    if plan.outcome == "refused":
        return plan
    row = subject[0]
    told = {name: getattr(plan, name) for name in plan.__dataclass_fields__}
    try:
        with site.store.write(context) as work:
            _write(site, work, (target, plan), row)
    except QTCoreError as error:
        return Move(**{**told, "outcome": "refused", "reason": error.message})
    return Move(**{**told, "outcome": "moved"})


def _write(site: Site, work: UnitOfWork, planned: tuple[_Target, Move], row: Lot | Record) -> None:
    target, plan = planned
    values: dict[str, Any] = {
        "state": plan.to_state,
        "workflow_version_id": target.version.id,
    }
    if isinstance(row, Record):
        values |= _record_values(site, work, target, row)
        ends = is_final(target.workflow, plan.to_state)
        values |= {"closed_at": work.context.at} if ends else {}
    before = row.state
    work.change(row, **values)
    if isinstance(row, Record) and "data" in values:
        work.add(make_revision(work, row, reason=target.asked.reason))
    history = state_changes_of(work.session, work.tenant_id, plan.subject_id)
    work.add(
        StateChange(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            subject_kind=plan.kind,
            subject_uid=plan.subject_id,
            number=len(history) + 1,
            transition=TRANSITION,
            from_state=before,
            to_state=plan.to_state,
            person_id=work.context.actor.person_id,
            actor=work.context.actor.login,
            reason=target.asked.reason,
            workflow_version_id=target.version.id,
            at=work.context.at,
        )
    )
    work.log(
        f"{plan.kind}.migrate",
        plan.kind,
        plan.subject_id,
        changes={"state": (before, plan.to_state)},
        reason=target.asked.reason,
        about=[plan.subject_id] if plan.kind == LOT else [],
        details={
            "workflow": target.workflow.id,
            "from_version": plan.from_version,
            "to_version": target.version.number,
        },
    )


def _record_values(site: Site, work: UnitOfWork, target: _Target, row: Record) -> dict[str, Any]:
    """Give the new form and values of a record whose fields are mapped."""
    if not target.asked.fields:
        return {}
    definition = site.registry.get("records", row.kind)
    version = find_version(work.session, work.tenant_id, site.version)
    data = check_values(site, work.context, definition, _renamed(row.data, target.asked.fields))
    form = version.pins[f"forms/{definition.form}"] if version else row.form_version_id
    return {"data": data, "form_version_id": form, "revision": row.revision + 1}
