"""The page of messages: what the roles of a person are told, new or read.

It must not know why somebody is told.
"""

from qtcore.http.call import Call
from qtcore.http.pages.visits import Page, Redirect, Seen, page
from qtcore.services.notifications import list_messages, mark_read, roles_with_messages


@page("GET", "/notifications")
def show(call: Call) -> Seen:
    """Show the messages, the newest first; only new ones, or one role's, when asked."""
    role, shown = call.word("role"), call.word("show", "unread")
    context = call.act()
    found = list_messages(call.site, context, role=role, unread=shown == "unread", limit=200)
    data = {
        "messages": found,
        "roles": roles_with_messages(call.site, context),
        "role": role,
        "shown": shown,
    }
    return Page("notifications.html", data)


@page("POST", "/notifications")
def read(call: Call) -> Seen:
    """Mark one message as read, or all of them."""
    one = call.field("notification")
    mark_read(call.site, call.act(), [one] if one else None)
    return Redirect("/notifications")


ROUTES = (show, read)
