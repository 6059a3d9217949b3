"""What the recall pages say of a scope in words: names for codes, numbers of orders, time gone by.

It must not decide anything.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from qtcore.http.call import Call
from qtcore.services.catalogue import MAX_LIMIT, list_master
from qtcore.services.order_numbers import orders_in

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)


def scope_words(call: Call, scope: Mapping[str, Any], now: Mapping[str, str]) -> dict[str, Any]:
    """Give what a template needs to name what is in a scope; `now` names today's customers."""
    return {
        "item_names": names_of(call, "item"),
        "place_names": names_of(call, "location"),
        "party_names": party_names(scope) | dict(now),
        "order_nos": {event: ", ".join(known) for event, known in orders_in(scope).items()},
    }


def names_of(call: Call, entity: str) -> dict[str, str]:
    """Name master data in the language of the page; a frozen scope has names in one language."""
    if not call.act().actor.may("lot.read"):
        return {}
    entries = list_master(call.site, call.act(), entity, limit=MAX_LIMIT).entries
    return {
        str(e["code"]): str((e.get("names") or {}).get(call.language) or e["name"]) for e in entries
    }


def party_names(scope: Mapping[str, Any]) -> dict[str, str]:
    """Name the customers and suppliers of a scope by their codes."""
    found = {}
    for list_name, kind in (
        ("shipments", "customer"),
        ("shipped_sales_orders", "customer"),
        ("purchase_orders", "supplier"),
    ):
        for row in scope.get(list_name, ()):
            found[str(row[kind])] = str(row.get(f"{kind}_name") or row[kind])
    return found


def clock_words(call: Call, case: Mapping[str, Any]) -> dict[str, Any]:
    """Say how long a recall has run, and how much of each open deadline is left or over."""
    ended = _moment(case.get("closed_at")) or call.act().at
    known = _moment(case["clock"].get("known_at"))
    left = {}
    for notice in case["notices"]:
        due = _moment(notice["due_at"])
        if due is not None and notice["state"] in ("planned", "sent", "failed"):
            key = "recall.over" if due < ended else "recall.left"
            left[notice["notice_id"]] = _get(call, key, span=span_words(call, abs(due - ended)))
    return {"ran": span_words(call, ended - known) if known else "", "left": left}


def span_words(call: Call, span: timedelta) -> str:
    """Say a length of time in its two largest parts."""
    days, rest = divmod(span, _DAY)
    hours, rest = divmod(rest, _HOUR)
    minutes = rest // timedelta(minutes=1)
    pair = ("recall.span_days", days, hours) if days else ("recall.span_hours", hours, minutes)
    return _get(call, pair[0], large=pair[1], small=pair[2])


def _get(call: Call, key: str, **values: object) -> str:
    return call.settings.texts.get(key, call.language, **values)


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None
