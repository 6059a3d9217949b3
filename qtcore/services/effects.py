"""What follows from a step: holds placed or lifted, people told, records opened, a recall begun.

It must not decide anything; the workflow names the effects. All of it happens in the transaction of
the step: either everything is there afterwards or nothing is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import select

from qtcore.definitions.workflows import Effect, RecordDefinition
from qtcore.engines.workflow import Moved
from qtcore.services.holds import write_hold
from qtcore.services.site import Site
from qtcore.store.tables import Hold, Node, Notification, Record, RecordLink
from qtcore.store.unit import UnitOfWork

RECALL = "recall"


@dataclass(frozen=True, slots=True)
class Opening:
    """A record to be opened: its kind, values, the public ids of its lots, its title."""

    definition: RecordDefinition
    data: Mapping[str, Any]
    lots: Sequence[str]
    title: str


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


def run_effects(
    site: Site, work: UnitOfWork, origin: Origin, moved: Moved, *, open_record: OpenRecord
) -> None:
    """Run the effects of a step inside its transaction; messages leave through the outbox."""
    cause = f"workflow:{moved.transition}"
    nodes = _nodes(work, origin) if moved.effects else []
    for effect in moved.effects:
        if effect.do == "notify":
            tell(work, effect.roles, origin, effect.reason or moved.transition)
        elif effect.do in {"create_record", "start_recall"}:
            opening = _opening(site, work, origin, (effect, nodes, moved.transition))
            record = open_record(site, work, opening)
            if effect.do == "start_recall":
                for node in nodes:
                    write_hold(work, node, moved.transition, cause=RECALL, record_uid=record.uid)
        else:
            for node in nodes:
                if effect.do == "hold":
                    write_hold(work, node, effect.reason or moved.transition, cause=cause)
                else:
                    _lift(work, node, cause, moved.transition)


def tell(work: UnitOfWork, roles: Sequence[str], origin: Origin, subject: str) -> None:
    """Tell the holders of roles: a row each in this transaction, and a message for the channels.

    The message leaves through the outbox after the commit.
    """
    for role in dict.fromkeys(roles):
        work.add(
            Notification(
                tenant_id=work.tenant_id,
                id=work.key(),
                uid=work.new_uid(),
                role=role,
                about_kind=origin.kind,
                about_uid=origin.uid,
                about_name=origin.name[:120],
                subject=subject[:80],
                created_at=work.context.at,
            )
        )
    work.publish(
        "notify",
        {
            "roles": list(roles),
            "about": origin.uid,
            "kind": origin.kind,
            "name": origin.name,
            "subject": subject,
        },
    )


def _opening(
    site: Site, work: UnitOfWork, origin: Origin, asked: tuple[Effect, Sequence[int], str]
) -> Opening:
    effect, nodes, transition = asked
    kind = effect.record or (RECALL if effect.do == "start_recall" else "")
    data = {
        each.field: origin.values.get(each.from_) if each.from_ is not None else each.value
        for each in effect.fields
    }
    title = f"{origin.name}: {transition}"
    definition: RecordDefinition = site.registry.get("records", kind)
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


def _lift(work: UnitOfWork, node: int, cause: str, reason: str) -> None:
    """Lift only what a workflow placed: a manual hold is lifted by a person."""
    rows = work.session.exec(
        select(Hold).where(
            Hold.tenant_id == work.tenant_id,
            Hold.node == node,
            Hold.lifted_at == None,  # noqa: E711
        )
    ).all()
    for row in rows:
        if row.cause.startswith("workflow:"):
            work.change(row, lifted_at=work.context.at, lifted_by=cause, lift_reason=reason)
            work.log("hold.lift", "hold", row.uid, reason=reason, about=[work.uid_of(node)])
