"""The delivery of recall notices: kept in the product, or sent by a channel.

It must not know recalls beyond a notice's delivery state.
"""

from collections.abc import Mapping
from typing import Any

from sqlmodel import select

from qtcore.registry.fence import Failure
from qtcore.services.channels import SMTP_SETTING, find_channels, try_to_send
from qtcore.services.recall_planning import OUTBOX
from qtcore.services.recall_replies import link_for
from qtcore.services.recall_texts import add_link
from qtcore.services.site import Site
from qtcore.store.tables import RecallNotice


def tell_notice(site: Site, payload: Mapping[str, Any]) -> tuple[Failure, ...]:
    """Send one notice from the outbox; a failure is stored with the notice and tried again.

    The link for the answer is made now and only its hash is kept. A notice that stays in the
    product gets none: there, a person asks for a link and hands it over.
    """
    channels = {OUTBOX: _keep, **find_channels(site)}
    send = channels.get(str(payload["channel"]))
    error, secret = "", ""
    if send is None:
        error = f"there is no channel {payload['channel']!r}; set {SMTP_SETTING} or install a pack"
    else:
        notice, address = _notice(site, str(payload["notice"])), ""
        if payload.get("answer_at") and send is not _keep:
            address, secret = link_for(site, notice, str(payload["answer_at"]))
        body = add_link(notice.language, str(payload["body"]), address)
        error = try_to_send(send, str(payload["to"]), str(payload["subject"]), body)
        error = _without(secret, error)
    _note_delivery(site, str(payload["notice"]), error)
    return (Failure("core", "recall.notice", error),) if error else ()


def _without(secret: str, error: str) -> str:
    """Take the secret out of an error: a channel may repeat the text it could not send."""
    return (error.replace(secret, "...") if secret else error)[:400]


def _notice(site: Site, uid: str) -> RecallNotice:
    with site.store.read() as session:
        return session.exec(
            select(RecallNotice).where(
                RecallNotice.tenant_id == site.store.tenant_id, RecallNotice.uid == uid
            )
        ).one()


def _note_delivery(site: Site, uid: str, error: str) -> None:
    context = site.system_context()
    with site.store.write(context) as work:
        row = work.session.exec(
            select(RecallNotice).where(
                RecallNotice.tenant_id == work.tenant_id, RecallNotice.uid == uid
            )
        ).one()
        values: dict[str, Any] = {"attempts": row.attempts + 1, "last_error": error}
        if row.state != "acknowledged":
            values["state"] = "failed" if error else "sent"
        if not error and row.sent_at is None:
            values["sent_at"] = context.at
        changes = work.change(row, **values)
        action = "recall.not_sent" if error else "recall.sent"
        work.log(action, "notice", row.uid, changes=changes, reason=error)


def _keep(_to: str, _subject: str, _text: str) -> None:
    """Keep the notice in the product: its text is on the page, to be printed or copied."""
