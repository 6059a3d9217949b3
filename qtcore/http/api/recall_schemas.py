"""What the API answers about recalls, as JSON Schema.

It must not know routes; a test compares real answers with these.
"""

from collections.abc import Mapping

from qtcore.http.api.schema_words import (
    ANY_OBJECT,
    COUNT,
    DECIMAL,
    FLAG,
    MAYBE,
    TEXT,
    TEXTS,
    Schema,
)
from qtcore.http.api.schema_words import list_of as _list
from qtcore.http.api.schema_words import make_object as _object
from qtcore.http.api.schema_words import ref as _ref

_OF_NOTICE = (
    *("channel", "address", "language", "subject", "body", "start_event", "due_after"),
    *("repeat_after", "calendar", "last_error"),
)
_MOMENTS_OF_NOTICE = ("due_at", "sent_at", "acknowledged_at", "reminded_at", "escalated_at")

RECALLS: Mapping[str, Schema] = {
    "RecallScope": _object(
        {
            "question": ANY_OBJECT,
            "seeds": TEXTS,
            "starts": _list(ANY_OBJECT),
            "lots": _list(_ref("ScopeNode")),
            "proved": TEXTS,
            "possible": TEXTS,
            "quantities": _list(
                _object({"item": TEXT, "unit": TEXT, "lower": DECIMAL, "upper": DECIMAL})
            ),
            "edges": _list(_ref("TraceEdge")),
            "shipments": _list(_ref("Shipment")),
            "on_hand": _list(
                _object({"lot_id": TEXT, "place": TEXT, "quantity": DECIMAL, "unit": TEXT})
            ),
            "in_transit": _list(ANY_OBJECT),
            "open_orders": _list(_ref("OpenOrder")),
            "shipped_sales_orders": _list(
                _object(
                    {
                        "customer": TEXT,
                        "customer_name": TEXT,
                        "email": TEXT,
                        "phone": TEXT,
                        "ship_to": TEXT,
                        "lots": _list(ANY_OBJECT),
                    }
                )
            ),
            "stock_on_hand": _list(_object({"place": TEXT, "lots": _list(ANY_OBJECT)})),
            "purchase_orders": _list(
                _object(
                    {
                        "supplier": TEXT,
                        "supplier_name": TEXT,
                        "email": TEXT,
                        "phone": TEXT,
                        "ship_to": TEXT,
                        "lots": _list(ANY_OBJECT),
                    }
                )
            ),
            "siblings": _list(
                _object(
                    {
                        "lot_id": TEXT,
                        "lot_no": TEXT,
                        "item": TEXT,
                        "state": TEXT,
                        "cause": TEXT,
                        "shared": TEXT,
                    }
                )
            ),
            "balance": _object(
                {
                    "lots": _list(ANY_OBJECT),
                    "unaccounted": {"type": "object", "additionalProperties": DECIMAL},
                    "closes": FLAG,
                    "located_percent": DECIMAL,
                }
            ),
            "gaps": _list(_ref("Gap")),
            "not_recorded": _object(
                {"events": COUNT, "lots": COUNT, "listed": COUNT, "included": FLAG}
            ),
        }
    ),
    "OpenOrder": _object(
        {
            "order_line_id": TEXT,
            "order_no": TEXT,
            "line_no": COUNT,
            "lot_id": TEXT,
            "quantity": DECIMAL,
            "unit": TEXT,
            "due_at": MAYBE,
            "customer": TEXT,
            "customer_name": TEXT,
            "can_be_stopped": FLAG,
            "email": TEXT,
            "phone": TEXT,
            "ship_to": TEXT,
            "is_stopped": FLAG,
        }
    ),
    "Recall": _object(
        {
            "record_id": TEXT,
            "number": TEXT,
            "held": TEXTS,
            "broken": _list(_ref("OpenOrder")),
            "timings": ANY_OBJECT,
            "scope": _ref("RecallScope"),
        }
    ),
    "RecallCase": _object(
        {
            "record_id": TEXT,
            "number": TEXT,
            "title": TEXT,
            "state": TEXT,
            "is_mock": FLAG,
            "plan": TEXT,
            "jurisdiction": TEXT,
            "recall_class": TEXT,
            "question": ANY_OBJECT,
            "closed_at": MAYBE,
            "snapshot": {"type": ["object", "null"]},
            "clock": ANY_OBJECT,
            "timings": ANY_OBJECT,
            "closure": ANY_OBJECT,
            "notices": _list(
                _object(
                    {
                        "notice_id": TEXT,
                        "node": TEXT,
                        "recipient": TEXT,
                        "state": TEXT,
                        "round": COUNT,
                        **dict.fromkeys(_OF_NOTICE, TEXT),
                        **dict.fromkeys(_MOMENTS_OF_NOTICE, MAYBE),
                        "attempts": COUNT,
                        "is_late": FLAG,
                    }
                )
            ),
            "replies": _list(ANY_OBJECT),
            "effectiveness": ANY_OBJECT,
            "now": _object(
                {
                    "open_orders": _list(_ref("OpenOrder")),
                    "in_transit": _list(ANY_OBJECT),
                    "held": TEXTS,
                }
            ),
            "since_snapshot": _object(
                {
                    "added": _list(ANY_OBJECT),
                    "removed": _list(ANY_OBJECT),
                    "moved": _list(ANY_OBJECT),
                    "changed": _list(ANY_OBJECT),
                    "verdicts": _list(ANY_OBJECT),
                    "shipped": _list(_ref("Shipment")),
                    "withdrawn": _list(_ref("Shipment")),
                }
            ),
            "balance": ANY_OBJECT,
            "located_percent": DECIMAL,
        }
    ),
    "Rows": _object({"items": _list(ANY_OBJECT)}),
    "RecallRenewal": _object(
        {
            "number": COUNT,
            "added": TEXTS,
            "held": TEXTS,
            "broken": _list(_ref("OpenOrder")),
            "notices": COUNT,
            "content_sha256": TEXT,
        }
    ),
    "HoldsLifted": _object({"lifted": TEXTS}),
    "NoticesSent": _object({"sent": TEXTS}),
    "Done": _object({"done": FLAG}),
    "ReplyLink": _object({"token": TEXT, "path": TEXT}),
    "Revoked": _object({"revoked": COUNT}),
    "Numbered": _object({"number": COUNT}),
    "Checked": _object({"check_id": TEXT}),
    "OrderLine": _object({"order_line_id": TEXT}),
}
