"""What follows from a step: holds placed or lifted, people told, records opened.

It must not decide anything; the workflow names the effects.
"""

from sqlmodel import select

from qtcore.engines.workflow import Moved
from qtcore.services.holds import write_hold
from qtcore.services.records import RecordInput, write_record
from qtcore.services.site import Site
from qtcore.store.tables import Hold
from qtcore.store.unit import UnitOfWork


def run_effects(
    site: Site, work: UnitOfWork, subject: tuple[str, int | None], moved: Moved
) -> None:
    """Run the effects of a step inside its transaction; messages leave through the outbox.

    `subject` is its public id, and its node when it is a lot.
    """
    subject_uid, node = subject
    cause = f"workflow:{moved.transition}"
    for effect in moved.effects:
        if effect.do == "hold" and node is not None:
            write_hold(work, node, effect.reason or moved.transition, cause=cause)
        elif effect.do == "lift_hold" and node is not None:
            _lift(work, node, cause, moved.transition)
        elif effect.do == "notify":
            work.publish("notify", {"roles": list(effect.roles), "about": subject_uid})
        elif effect.do == "create_record" and effect.record:
            definition = site.registry.get("records", effect.record)
            lots = (subject_uid,) if node is not None else ()
            write_record(site, work, definition, RecordInput({}, lots, moved.transition))


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
