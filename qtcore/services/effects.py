"""What follows from a step: holds placed or lifted, people told, records opened, a recall begun.

It must not decide anything; the workflow names the effects. All of it happens in the transaction of
the step: either everything is there afterwards or nothing is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlmodel import col, select

from qtcore.definitions.workflows import Effect, RecordDefinition
from qtcore.engines.workflow import Moved
from qtcore.errors import InputRejected, Refusal, Refused
from qtcore.services.holds import write_holds
from qtcore.services.lot_changes import tell_findings
from qtcore.services.recall_opening import begin_recall
from qtcore.services.recall_seeds import Question
from qtcore.services.site import Site
from qtcore.services.telling import About, tell
from qtcore.store.tables import Hold, Node, Record, RecordLink
from qtcore.store.unit import UnitOfWork

_BY_WORKFLOW: Final = "workflow:"


@dataclass(frozen=True, slots=True)
class Opening:
    """A record to be opened: its kind, values, the public ids of its lots, its title.

    `depth` counts the records of this step that opened one another before it.
    """

    definition: RecordDefinition
    data: Mapping[str, Any]
    lots: Sequence[str]
    title: str
    depth: int = 0


OpenRecord = Callable[[Site, UnitOfWork, Opening], Record]
"""Opens a record in a running unit of work; it is handed in, since records make steps as well."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose step it was: "lot" or "record", public id, name, node of a lot, and its values."""

    kind: str
    uid: str
    name: str
    node: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def about(self) -> About:
        """Give what a message says it is about."""
        return About(self.kind, self.uid, self.name)


def run_effects(
    site: Site, work: UnitOfWork, origin: Origin, moved: Moved, *, open_record: OpenRecord
) -> None:
    """Run the effects of a step inside its transaction; messages leave through the outbox.

    Raises Refused when one cannot be carried out: then the step is not made either.
    """
    nodes = _nodes(work, origin) if moved.effects else []
    for effect in moved.effects:
        asked = (effect, nodes, moved.transition)
        try:
            if effect.do in {"create_record", "start_recall"}:
                opening = _opening(site, work, origin, asked)
                record = open_record(site, work, opening)
                if effect.do == "start_recall":
                    begin_recall(site, work, record, Question(tuple(opening.lots)))
            else:
                _carry_out(work, origin, asked)
        except InputRejected as error:
            said = "; ".join(fault.message for fault in error.faults) or error.message
            text = f"{moved.transition} would {effect.do.replace('_', ' ')}: {said}"
            fix = "correct the values it is given, or the effect in the workflow"
            raise Refused(text, [Refusal("QT435", text, fix=fix)]) from error


def _carry_out(work: UnitOfWork, origin: Origin, asked: tuple[Effect, Sequence[int], str]) -> None:
    effect, nodes, transition = asked
    if effect.do == "notify":
        tell(work, effect.roles, origin.about, effect.reason or transition)
    elif effect.do == "hold":
        cause = f"{_BY_WORKFLOW}{transition}"
        reason = effect.reason or transition
        write_holds(work, nodes, reason, cause=cause, record_uid=_owner(origin))
    else:
        _lift(work, origin, nodes, transition)


def needs_turn(moved: Moved) -> bool:
    """Say whether what follows from a step changes what others may be about to ship or use."""
    return any(effect.do in {"hold", "lift_hold", "start_recall"} for effect in moved.effects)


def _opening(
    site: Site, work: UnitOfWork, origin: Origin, asked: tuple[Effect, Sequence[int], str]
) -> Opening:
    effect, nodes, transition = asked
    data = {
        each.field: origin.values.get(each.from_) if each.from_ is not None else each.value
        for each in effect.fields
    }
    title = f"{origin.name}: {transition}"
    definition: RecordDefinition = site.registry.get("records", effect.opens)
    lots = tuple(work.uid_of(node) for node in nodes)
    given = {name: value for name, value in data.items() if value is not None}
    return Opening(definition, given, lots, title)


def _nodes(work: UnitOfWork, origin: Origin) -> list[int]:
    """Give the lots an effect is about: the lot itself, or those the record is linked to."""
    if origin.node is not None:
        return [origin.node]
    found = work.session.exec(
        select(RecordLink.node)
        .join(
            Record,
            (Record.tenant_id == RecordLink.tenant_id) & (Record.id == RecordLink.record_id),  # type: ignore[arg-type]
        )
        .join(
            Node,
            (Node.tenant_id == RecordLink.tenant_id) & (Node.node == RecordLink.node),  # type: ignore[arg-type]
        )
        .where(Record.tenant_id == work.tenant_id, Record.uid == origin.uid)
        .order_by(RecordLink.id)  # type: ignore[arg-type]
    ).all()
    return [node for node in found if node is not None]


def _owner(origin: Origin) -> str | None:
    """Name the record whose holds they are; those of a lot's own life cycle have none."""
    return origin.uid if origin.kind == "record" else None


def _lift(work: UnitOfWork, origin: Origin, nodes: Sequence[int], reason: str) -> None:
    """Lift only what this very record, or the lot's own life cycle, placed by a step."""
    rows = work.session.exec(
        select(Hold).where(
            Hold.tenant_id == work.tenant_id,
            col(Hold.node).in_(nodes),
            Hold.record_uid == _owner(origin),
            col(Hold.lifted_at).is_(None),
            col(Hold.cause).startswith(_BY_WORKFLOW),
        )
    ).all()
    by = f"{_BY_WORKFLOW}{reason}"
    for row in rows:
        changes = work.change(row, lifted_at=work.context.at, lifted_by=by, lift_reason=reason)
        about = [work.uid_of(row.node)]
        work.log("hold.lift", "hold", row.uid, changes=changes, reason=reason, about=about)
    tell_findings(work, [work.uid_of(row.node) for row in rows])
