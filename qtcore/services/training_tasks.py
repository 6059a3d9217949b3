"""Trainings that are assigned to a person by a day, and which of them are overdue.

It must not know who may sign what. A task is done when a training of its topic is recorded after it
was assigned: a procedure that was revised is trained anew, however long the old training lasts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import Session, col, select

from qtcore.context import Context
from qtcore.errors import Fault, InputRejected, NotFound, Refusal
from qtcore.services.accounts import find_account
from qtcore.services.lengths import MOST_EVIDENCE, MOST_TOPIC, long_faults
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.tables import Training, TrainingTask, UserAccount


@dataclass(frozen=True, slots=True)
class Assignment:
    """What somebody is to be trained for, by which day, and why."""

    topic: str
    due_on: date
    reason: str = ""


def assign_training(site: Site, context: Context, login: str, wanted: Assignment) -> str:
    """Assign a training to a person; returns its public id.

    Raises Denied, NotFound, InputRejected without a topic, for a day that has passed, or when the
    same is assigned and not done.
    """
    require(site, context, "user.manage", about=login)
    topic = wanted.topic.strip()
    with site.store.write(context) as work:
        account = _account(work.session, work.tenant_id, login)
        faults = [] if topic else [Fault("QT477", "topic is missing", "topic")]
        faults += long_faults(MOST_TOPIC, topic=topic)
        faults += long_faults(MOST_EVIDENCE, reason=wanted.reason.strip())
        if wanted.due_on < context.at.date():
            text = f"the day {wanted.due_on} has passed; today is {context.at.date()}"
            faults.append(Fault("QT477", text, "due_on"))
        open_ones = open_tasks(work.session, work.tenant_id, account.person_id)
        if any(each.topic == topic for each in open_ones):
            text = f"{topic!r} is assigned to {login} and not done"
            faults.append(Fault("QT477", text, "topic"))
        if faults:
            raise InputRejected(f"no training is assigned to {login}", faults)
        row = TrainingTask(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            person_id=account.person_id,
            topic=topic,
            due_on=wanted.due_on,
            reason=wanted.reason.strip(),
            assigned_at=context.at,
            assigned_by=context.actor.login,
        )
        work.add(row)
        details = {"topic": row.topic, "due": row.due_on.isoformat()}
        work.log(
            "training.assign",
            "training",
            row.uid,
            reason=row.reason,
            about=[account.uid],
            details=details,
        )
    return row.uid


def end_assignment(site: Site, context: Context, login: str, task_id: str, *, reason: str) -> None:
    """Take an assignment back, with the reason; raises Denied, NotFound, InputRejected."""
    require(site, context, "user.manage", about=login)
    if not reason.strip():
        fault = Fault("QT451", "taking an assignment back needs the reason", "reason")
        raise InputRejected("the assignment stays", [fault])
    with site.store.write(context) as work:
        account = _account(work.session, work.tenant_id, login)
        found = open_tasks(work.session, work.tenant_id, account.person_id)
        row = next((each for each in found if each.uid == task_id), None)
        if row is None:
            raise NotFound(f"there is no open assignment {task_id!r} of {login!r}")
        work.change(row, ended_at=context.at)
        work.log("training.unassign", "training", row.uid, reason=reason, about=[account.uid])


def open_tasks(session: Session, tenant_id: int, person_id: int) -> Sequence[TrainingTask]:
    """List what is assigned to a person and not done, the earliest first."""
    done = (
        select(Training.id)
        .where(
            Training.tenant_id == TrainingTask.tenant_id,
            Training.person_id == TrainingTask.person_id,
            Training.topic == TrainingTask.topic,
            Training.recorded_at >= TrainingTask.assigned_at,
        )
        .exists()
    )
    return session.exec(
        select(TrainingTask)
        .where(
            TrainingTask.tenant_id == tenant_id,
            TrainingTask.person_id == person_id,
            col(TrainingTask.ended_at).is_(None),
            ~done,
        )
        .order_by(col(TrainingTask.due_on), col(TrainingTask.id))
    ).all()


def list_tasks(session: Session, account: UserAccount, day: date) -> list[dict[str, Any]]:
    """Tell what is assigned to the person of an account and not done."""
    return [
        {
            "task_id": each.uid,
            "topic": each.topic,
            "due_on": each.due_on.isoformat(),
            "reason": each.reason,
            "by": each.assigned_by,
            "is_late": each.due_on < day,
        }
        for each in open_tasks(session, account.tenant_id, account.person_id)
    ]


def overdue_tasks(site: Site, session: Session, context: Context) -> list[Refusal]:
    """Say which trainings should have been done by who acts."""
    tasks = open_tasks(session, site.store.tenant_id, context.actor.person_id or 0)
    return [
        Refusal(
            "QT477",
            f"the training {each.topic!r} was assigned to you and was due on {each.due_on}",
            fix=f"have it recorded: `qtcore signer train {context.actor.login} {each.topic}`",
            source="21 CFR 11.10(i)",
        )
        for each in tasks
        if each.due_on < context.at.date()
    ]


def _account(session: Session, tenant_id: int, login: str) -> UserAccount:
    account = find_account(session, tenant_id, login)
    if account is None:
        raise NotFound(f"there is no user {login!r}; `qtcore user add {login}` makes one")
    return account
