"""The lock of a terminal: the session ends, and what was filled in waits for its person.

It must not know forms.
"""

from urllib.parse import quote

from qtcore.http.call import Call
from qtcore.http.cookies import session_cookie
from qtcore.http.pages.sessions import own_path
from qtcore.http.pages.visits import Redirect, Seen, page
from qtcore.services.kept_forms import drop_kept, keep_form
from qtcore.services.sessions import sign_out


@page("POST", "/lock")
def lock(call: Call) -> Seen:
    """Keep what was filled in and end the session; `act` may be to keep or to drop only."""
    path, act = own_path(call.field("back") or "/"), call.field("act")
    bare = path.partition("?")[0]
    if act == "drop":
        drop_kept(call.site, call.act(), bare)
        return Redirect(path)
    if call.field("kept"):
        keep_form(call.site, call.act(), bare, call.field("kept"))
    if act == "keep":
        return Redirect(path)
    sign_out(call.site, call.act(), call.secret)
    goal = f"/sign-in?locked=yes&next={quote(path, safe='')}"
    return Redirect(goal, (session_cookie("", is_secure=call.is_secure, ends=True),))


ROUTES = (lock,)
