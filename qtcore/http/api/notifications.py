"""Messages in the API: what the roles of a person are told, and what was read.

It must not know why somebody is told.
"""

from qtcore.http.api.inputs import MessageQuery, ReadBody
from qtcore.http.api.operations import Sent, operation
from qtcore.http.call import Call
from qtcore.http.idempotency import Answer
from qtcore.services.notifications import count_unread, list_messages, mark_read


@operation(
    "GET",
    "/notifications",
    summary="List the messages to your roles, newest first",
    answer="MessageList",
    query=MessageQuery,
)
def list_all(call: Call, sent: Sent) -> Answer:
    """List messages."""
    asked: MessageQuery = sent.query
    found = list_messages(
        call.site, call.act(), role=asked.role, unread=asked.unread == "true", limit=asked.limit
    )
    count = count_unread(call.site, call.act())
    return Answer({"items": [each.as_json() for each in found], "unread": count})


@operation(
    "POST",
    "/notifications/read",
    summary="Mark messages as read, for you alone",
    answer="MessagesRead",
    body=ReadBody,
)
def read(call: Call, sent: Sent) -> Answer:
    """Mark the messages named, or all of them, as read."""
    ids = sent.body.notification_ids
    return Answer({"read": mark_read(call.site, call.act(), ids)})


ROUTES = (list_all, read)
