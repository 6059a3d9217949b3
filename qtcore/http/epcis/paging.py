"""Pages of lists: how many, which one, and the address of the next.

It must not know what is listed.
"""

from collections.abc import Mapping
from urllib.parse import urlencode

from qtcore.builtin.epcis.query_parameters import DEFAULT_PER_PAGE, MOST_PER_PAGE
from qtcore.errors import Fault, InputRejected
from qtcore.http.call import Call

_PAGING = ("perPage", "nextPageToken")


def page_size(call: Call) -> int:
    """Give how many entries are asked for; raises InputRejected for anything else than paging."""
    for name in call.query:
        if name not in (*_PAGING, "lang"):
            text = f"parameter {name[:40]!r} is not known here; accepted: {', '.join(_PAGING)}"
            raise InputRejected(text, [Fault("QT760", text, f"/{name}")], code="QT760")
    told = call.word("perPage", str(DEFAULT_PER_PAGE))
    if not (told.isascii() and told.isdigit() and 0 < int(told[:9]) <= MOST_PER_PAGE):
        text = f"perPage {told[:20]!r} is no whole number from 1 to {MOST_PER_PAGE}"
        raise InputRejected(text, [Fault("QT761", text, "/perPage")], code="QT761")
    return int(told)


def page_token(call: Call) -> str:
    """Give the token of the page asked for: where the one before ended."""
    return call.word("nextPageToken")


def with_link(call: Call, token: str) -> Mapping[str, str]:
    """Give the headers that lead to the next page; none on the last one."""
    if not token:
        return {}
    kept = [(k, v) for k, values in call.query.items() for v in values if k != "nextPageToken"]
    address = f"{call.path}?{urlencode([*kept, ('nextPageToken', token)])}"
    return {"Link": f'<{address}>; rel="next"'}
