"""Under which order something came or left: as a person noted it, or as a sender wrote it.

It must not know recalls. Where nobody told an order, there is none.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from sqlmodel import Session

from qtcore.store.queries.recalls import papers_of_events

_FIELD: Final = "order_no"
_TYPES: Final = ("po", "poc", "so")
"""Of the standard's words for business papers: the order, its confirmation; `so` is much in use."""


def order_numbers(session: Session, tenant_id: int, events: Iterable[str]) -> dict[str, list[str]]:
    """Give the numbers of the orders that events belong to, by the public id of the event."""
    papers = papers_of_events(session, tenant_id, events)
    return {uid: list(dict.fromkeys(_numbers(*told))) for uid, told in papers.items()}


def orders_in(scope: Mapping[str, Any]) -> dict[str, list[str]]:
    """Give the numbers of the orders by which the shipments and receipts of a scope went."""
    groups = (*scope.get("shipped_sales_orders", ()), *scope.get("purchase_orders", ()))
    return {
        row["event_id"]: list(row.get("order_nos") or ())
        for group in groups
        for row in group["lots"]
    }


def _numbers(values: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
    if values.get(_FIELD):
        yield str(values[_FIELD])
    sent = document.get("event")
    if not isinstance(sent, str) or "bizTransactionList" not in sent:
        return
    for paper in json.loads(sent).get("bizTransactionList") or ():
        if str(paper.get("type", "")).lower().replace(":", "-").rsplit("-", 1)[-1] in _TYPES:
            yield str(paper.get("bizTransaction", "")).rsplit(":", 1)[-1].rsplit("/", 1)[-1]
