"""Telling the holders of roles: a row each in the running transaction, and a message behind it.

It must not know why they are told, nor how a message leaves the product.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from qtcore.store.tables import Notification
from qtcore.store.unit import UnitOfWork

NOTIFY: Final = "notify"
"""The topic of messages to roles."""


@dataclass(frozen=True, slots=True)
class About:
    """What a message is about: its kind ("lot", "record", "user", "device"), public id, name."""

    kind: str
    uid: str
    name: str


def tell(work: UnitOfWork, roles: Iterable[str], about: About, subject: str) -> None:
    """Tell the holders of roles; the message leaves through the outbox after the commit."""
    uids = []
    for role in dict.fromkeys(roles):
        uids.append(work.new_uid())
        work.add(
            Notification(
                tenant_id=work.tenant_id,
                id=work.key(),
                uid=uids[-1],
                role=role,
                about_kind=about.kind,
                about_uid=about.uid,
                about_name=about.name[:120],
                subject=subject[:80],
                created_at=work.context.at,
            )
        )
    work.publish(NOTIFY, {"notifications": uids})
