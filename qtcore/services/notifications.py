"""Messages to roles as a person sees them: what is new, what was read, in words.

It must not know why somebody is told, nor how messages leave the product.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from sqlmodel import Session, and_, col, func, select

from qtcore.context import Context
from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.errors import InputRejected, NotFound
from qtcore.services.rights import refuse_narrowed
from qtcore.services.site import Site
from qtcore.services.standing import lent_to
from qtcore.store.tables import Notification, NotificationReceipt, Record
from qtcore.store.unit import UnitOfWork

MOST: Final = 200
DEADLINE: Final = "deadline:"
_DEADLINE_WORDS: Final[Mapping[str, str]] = {
    "en": "deadline reached in state “{state}”",
    "zh-CN": "“{state}”状态的期限已到",
}


@dataclass(frozen=True, slots=True)
class Message:
    """A message in words; `read_at` is when this person read it, `link` the path of its page."""

    uid: str
    role: str
    kind: str
    about_uid: str
    name: str
    words: str
    link: str
    created_at: datetime
    read_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "notification_id": self.uid,
            "role": self.role,
            "kind": self.kind,
            "about": self.about_uid,
            "name": self.name,
            "words": self.words,
            "created_at": self.created_at.isoformat(),
            "read_at": self.read_at and self.read_at.isoformat(),
        }


def list_messages(
    site: Site, context: Context, *, role: str = "", unread: bool = False, limit: int = 50
) -> tuple[Message, ...]:
    """List the messages to the roles of a person, own or lent, the newest first.

    `role`: only those to one of these roles. Who has no role has no messages. Raises Denied for a
    token that is narrowed: messages name things of every kind and site.
    """
    refuse_narrowed(context, "read messages")
    with site.store.read() as session:
        roles = _roles_of(site, session, context)
        if role:
            roles = [role] if role in roles else []
        mine = _mine(context)
        query = (
            select(Notification, NotificationReceipt.read_at)
            .join(NotificationReceipt, mine, isouter=True)
            .where(
                Notification.tenant_id == site.store.tenant_id, col(Notification.role).in_(roles)
            )
            .order_by(col(Notification.id).desc())
            .limit(min(limit, MOST))
        )
        if unread:
            query = query.where(col(NotificationReceipt.read_at).is_(None))
        rows = session.exec(query).all()
        kinds = _kinds_of(session, site.store.tenant_id, [row for row, _ in rows])
        return tuple(
            _message(site, row, kinds.get(row.about_uid, ""), (context.language, read_at))
            for row, read_at in rows
        )


def roles_with_messages(site: Site, context: Context) -> list[str]:
    """List the roles, own or lent, whose messages a person sees."""
    with site.store.read() as session:
        return _roles_of(site, session, context)


def count_unread(site: Site, context: Context) -> int:
    """Count what a person has not read yet."""
    with site.store.read() as session:
        return session.exec(
            select(func.count(col(Notification.id)))
            .join(NotificationReceipt, _mine(context), isouter=True)
            .where(
                Notification.tenant_id == site.store.tenant_id,
                col(Notification.role).in_(_roles_of(site, session, context)),
                col(NotificationReceipt.read_at).is_(None),
            )
        ).one()


def mark_read(site: Site, context: Context, uids: Sequence[str] | None = None) -> int:
    """Mark messages as read by this person, all of them without `uids`; returns how many were new.

    What others have read or not is not touched. Raises NotFound for a message that is not theirs,
    InputRejected when nobody is signed in as a person.
    """
    refuse_narrowed(context, "read messages")
    person = context.actor.person_id
    if person is None:
        raise InputRejected("only a person reads messages; sign in as one")
    with site.store.write(context) as work:
        roles = _roles_of(site, work.session, context)
        query = (
            select(Notification, NotificationReceipt)
            .join(NotificationReceipt, _mine(context), isouter=True)
            .where(Notification.tenant_id == work.tenant_id, col(Notification.role).in_(roles))
        )
        if uids is not None:
            query = query.where(col(Notification.uid).in_(uids))
        rows = work.session.exec(query).all()
        missing = set(uids or ()) - {row.uid for row, _ in rows}
        if missing:
            raise NotFound(f"there is no message {sorted(missing)[0]!r} to one of your roles")
        new = [(row, kept) for row, kept in rows if not _was_read(kept)]
        for row, receipt in new:
            change_receipt(work, row, (person, receipt), read_at=context.at)
        return len(new)


def _was_read(receipt: NotificationReceipt | None) -> bool:
    return receipt is not None and receipt.read_at is not None


def change_receipt(
    work: UnitOfWork,
    row: Notification,
    whose: tuple[int, NotificationReceipt | None],
    **values: Any,
) -> None:
    """Write what became of a message for one person; the first time makes the row."""
    person, receipt = whose
    if receipt is not None:
        work.change(receipt, **values)
        return
    work.add(
        NotificationReceipt(
            tenant_id=work.tenant_id,
            id=work.key(),
            notification_id=row.id,
            person_id=person,
            **values,
        )
    )


_CORE_WORDS: Final = {
    "calibration_due": {"en": "calibration is due within two weeks", "zh-CN": "两周内需要校准"},
    "calibration_overdue": {"en": "calibration is overdue", "zh-CN": "校准已过期"},
    "signing_locked": {"en": "signing is locked", "zh-CN": "签名已锁定"},
}


def word_message(site: Site, subject: str, flow: WorkflowDefinition | None, language: str) -> str:
    """Say what a message tells: a deadline, a step by its name, or the reason an effect gives."""
    if subject.startswith(DEADLINE):
        state = subject.removeprefix(DEADLINE)
        shown = (
            site.registry.text(f"workflows.{flow.id}.states.{state}", language) if flow else state
        )
        words = _DEADLINE_WORDS["zh-CN" if language.startswith("zh") else "en"]
        return words.format(state=shown)
    if subject in _CORE_WORDS:
        return _CORE_WORDS[subject]["zh-CN" if language.startswith("zh") else "en"]
    steps = {step.id for step in flow.transitions} if flow else set()
    key = f"workflows.{flow.id}.transitions.{subject}" if flow and subject in steps else subject
    return site.registry.text(key, language)


def find_flow(site: Site, kind: str, record_kind: str) -> WorkflowDefinition | None:
    """Find the life cycle of what a message is about, in the version that serves."""
    if kind == "record":
        record = site.registry.find("records", record_kind)
        flow: WorkflowDefinition | None = (
            site.registry.find("workflows", record.workflow) if record else None
        )
        return flow
    found: WorkflowDefinition | None = site.registry.find("workflows", kind)
    return found


def link_to(row: Notification) -> str:
    """Give the path of the page of what a message is about."""
    pages = {"record": "/r/", "user": "/users/", "device": "/devices/"}
    folder = pages.get(row.about_kind)
    return f"{folder}{quote(row.about_name)}" if folder else f"/l/{row.about_uid}"


def _message(
    site: Site, row: Notification, record_kind: str, how: tuple[str, datetime | None]
) -> Message:
    language, read_at = how
    flow = find_flow(site, row.about_kind, record_kind)
    words = word_message(site, row.subject, flow, language)
    return Message(
        row.uid,
        row.role,
        record_kind or row.about_kind,
        row.about_uid,
        row.about_name,
        words,
        link_to(row),
        row.created_at,
        read_at,
    )


def _kinds_of(session: Session, tenant_id: int, rows: Sequence[Notification]) -> dict[str, str]:
    uids = {row.about_uid for row in rows if row.about_kind == "record"}
    found = session.exec(
        select(Record.uid, Record.kind).where(
            Record.tenant_id == tenant_id, col(Record.uid).in_(uids)
        )
    )
    return dict(found.all())


def _mine(context: Context) -> Any:
    return and_(
        col(NotificationReceipt.tenant_id) == Notification.tenant_id,
        col(NotificationReceipt.notification_id) == Notification.id,
        col(NotificationReceipt.person_id) == (context.actor.person_id or 0),
    )


def _roles_of(site: Site, session: Session, context: Context) -> list[str]:
    lent = lent_to(site, session, context.actor.person_id, context.at)
    return sorted(context.actor.roles.union(*(each.roles for each in lent)))
