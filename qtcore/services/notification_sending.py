"""Messages to roles on their way to persons: by mail, or by what a pack brings under that name.

It must not know why somebody is told. Without a channel they stay in the product, on their page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlmodel import Session, col, select

from qtcore.registry.fence import Failure
from qtcore.services.channels import EMAIL, Send, find_channels, try_to_send
from qtcore.services.notifications import change_receipt, find_flow, link_to, word_message
from qtcore.services.site import Site
from qtcore.services.standing import lent_to
from qtcore.store.tables import (
    Notification,
    NotificationReceipt,
    Person,
    Record,
    UserAccount,
)

_SUBJECT: Final[Mapping[str, str]] = {"en": "{name}: {words}", "zh-CN": "{name}：{words}"}
_BODY: Final[Mapping[str, str]] = {
    "en": "{kind} {name}\n{words}\n{link}\nYou are told as {role}.\n",
    "zh-CN": "{kind} {name}\n{words}\n{link}\n您以“{role}”角色收到此消息。\n",
}


@dataclass(frozen=True, slots=True)
class _Recipient:
    person_id: int
    address: str
    language: str
    roles: frozenset[str]


def send_messages(site: Site, payload: Mapping[str, Any]) -> tuple[Failure, ...]:
    """Send the messages that one step made, once to each person; what fails is tried again.

    A person with several of the roles gets one mail. What was sent before is not sent twice.
    """
    send = find_channels(site).get(EMAIL)
    uids = payload.get("notifications", ())
    if send is None or not uids:
        return ()
    with site.store.read() as session:
        rows = session.exec(
            select(Notification)
            .where(Notification.tenant_id == site.store.tenant_id, col(Notification.uid).in_(uids))
            .order_by(col(Notification.id))
        ).all()
        recipients = _recipients(site, session, {row.role for row in rows})
    errors = []
    for each in recipients:
        row = next(row for row in rows if row.role in each.roles)
        errors.append(_send_once(site, send, row, each))
    return tuple(Failure("core", "notify", error) for error in errors if error)


def _send_once(site: Site, send: Send, row: Notification, to: _Recipient) -> str:
    with site.store.read() as session:
        receipt = _receipt(session, row, to.person_id)
        if receipt is not None and receipt.sent_at is not None:
            return ""
        record = session.exec(
            select(Record).where(Record.tenant_id == row.tenant_id, Record.uid == row.about_uid)
        ).first()
    subject, body = _write(site, row, record, to.language)
    error = try_to_send(send, to.address, subject, body)[:400]
    with site.store.write(site.system_context()) as work:
        kept = _receipt(work.session, row, to.person_id)
        values: dict[str, Any] = {
            "attempts": (kept.attempts if kept else 0) + 1,
            "last_error": error,
        }
        if not error:
            values["sent_at"] = work.context.at
        change_receipt(work, row, (to.person_id, kept), **values)
    return error


def _write(site: Site, row: Notification, record: Record | None, language: str) -> tuple[str, str]:
    spoken = "zh-CN" if language.startswith("zh") else "en"
    flow = find_flow(site, row.about_kind, record.kind if record else "")
    words = word_message(site, row.subject, flow, language)
    told = {
        "name": row.about_name,
        "words": words,
        "kind": site.registry.text(f"records.{record.kind}", language) if record else "",
        "link": f"{site.public_url}{link_to(row)}" if site.public_url else "",
        "role": site.registry.text(f"roles.{row.role}", language),
    }
    lines = _BODY[spoken].format(**told).splitlines()
    body = "\n".join(line.strip() for line in lines if line.strip()) + "\n"
    # A line break would begin another header.
    return " ".join(_SUBJECT[spoken].format(**told).split())[:200], body


def _receipt(session: Session, row: Notification, person_id: int) -> NotificationReceipt | None:
    return session.exec(
        select(NotificationReceipt).where(
            NotificationReceipt.tenant_id == row.tenant_id,
            NotificationReceipt.notification_id == row.id,
            NotificationReceipt.person_id == person_id,
        )
    ).first()


def _recipients(site: Site, session: Session, roles: set[str]) -> Sequence[_Recipient]:
    """List each active person with an address who holds one of the roles, own or lent, once."""
    found: dict[int, _Recipient] = {}
    accounts = session.exec(
        select(UserAccount, Person)
        .join(
            Person,
            (col(Person.tenant_id) == UserAccount.tenant_id)
            & (col(Person.id) == UserAccount.person_id),
        )
        .where(UserAccount.tenant_id == site.store.tenant_id, UserAccount.state == "active")
        .order_by(col(UserAccount.id))
    ).all()
    for account, person in accounts:
        lent = lent_to(site, session, person.id, site.sources.now())
        held = frozenset(account.roles).union(*(each.roles for each in lent)) & roles
        if held and person.email:
            known = found.get(person.id)
            held |= known.roles if known else frozenset()
            found[person.id] = _Recipient(person.id, person.email, account.language, held)
    return list(found.values())
