"""What the API answers, as JSON Schema: every quantity is a text of digits.

It must not know routes; a test compares real answers with these.
"""

from collections.abc import Mapping

from qtcore.http.api.access_schemas import ACCESS
from qtcore.http.api.config_schemas import CONFIG
from qtcore.http.api.office_schemas import OFFICE
from qtcore.http.api.recall_schemas import RECALLS
from qtcore.http.api.schema_words import (
    ANY_OBJECT,
    COUNT,
    DECIMAL,
    FLAG,
    MAYBE,
    MAYBE_DECIMAL,
    TEXT,
    TEXTS,
    WORDS,
    Schema,
)
from qtcore.http.api.schema_words import list_of as _list
from qtcore.http.api.schema_words import make_object as _object
from qtcore.http.api.schema_words import ref as _ref

_LINE = {
    "lot_id": TEXT,
    "kind": {"enum": ["lot", "unit", "logistic_unit"]},
    "item": TEXT,
    "lot_no": TEXT,
    "source": TEXT,
    "state": TEXT,
    "identifiers": TEXTS,
}
_NODE = {**_LINE, "item_name": TEXT}
_TRACED = {
    **_NODE,
    "depth": COUNT,
    "side": {"enum": ["focus", "backward", "forward"]},
    "certainty": {"enum": ["recorded", "derived", "inferred"]},
}
_MAYBE_OBJECT: Schema = {"type": ["object", "null"]}
_LENS = {
    "as_of": MAYBE,
    "known_at": MAYBE,
    "from": MAYBE,
    "to": MAYBE,
    "kinds": TEXTS,
}
_ATTACHMENT = {
    "attachment_id": TEXT,
    "owner": _object({"kind": {"enum": ["record", "event"]}, "id": TEXT}),
    "name": TEXT,
    "media_type": TEXT,
    "size": COUNT,
    "sha256": TEXT,
    "sent_sha256": TEXT,
    "recorded_at": TEXT,
    "recorded_by": TEXT,
}
_RECORD = {
    "record_id": TEXT,
    "kind": TEXT,
    "number": TEXT,
    "title": TEXT,
    "state": TEXT,
    "priority": TEXT,
    "opened_at": TEXT,
    "opened_by": TEXT,
}
_MASTER = {
    **dict.fromkeys(("kind", "industry", "unit"), TEXT),
    "roles": TEXTS,
    "contacts": ANY_OBJECT,
}
_BALANCED = {
    "lot_id": TEXT,
    "item": TEXT,
    "lot_no": TEXT,
    **dict.fromkeys(
        (
            *("opening", "received", "produced", "returned", "adjusted", "consumed", "shipped"),
            *("scrapped", "sampled", "on_hand", "unaccounted"),
        ),
        DECIMAL,
    ),
    "unit": TEXT,
    "is_complete": FLAG,
    "problems": TEXTS,
    "is_closed": FLAG,
    "located": _list(ANY_OBJECT),
}
_REASON = {"code": TEXT, "message": TEXT}

SCHEMAS: Mapping[str, Schema] = {
    "Fault": _object({**_REASON, "where": TEXT}),
    "Refusal": _object({**_REASON, "asked_by": TEXT, "fix": TEXT, "source": TEXT}),
    "Problem": _object(
        {
            "type": TEXT,
            "title": TEXT,
            "status": COUNT,
            "detail": TEXT,
            "code": TEXT,
            "faults": _list(_ref("Fault")),
            "refusals": _list(_ref("Refusal")),
            "candidates": _list(ANY_OBJECT),
            "request_id": TEXT,
        }
    ),
    "Scan": _object(
        {
            "accepted": FLAG,
            "notation": TEXT,
            "symbology": TEXT,
            "elements": {"type": "object", "additionalProperties": TEXT},
            "element_string": TEXT,
            "problems": _list(_object({**_REASON, "ai": TEXT, "found": TEXT, "fatal": FLAG})),
            "matches": _list(_object({"kind": TEXT, "lot_id": TEXT, "item": TEXT, "lot_no": TEXT})),
        }
    ),
    "LotText": _object(
        {
            "decided": FLAG,
            "lots": TEXTS,
            "ranges": _list(_object({"first": TEXT, "last": TEXT, "count": COUNT})),
            "prefixes": TEXTS,
            "excluded": TEXTS,
            "all_lots": FLAG,
            "doubts": _list(
                _object({"text": TEXT, "start": COUNT, "reason": TEXT, "readings": TEXTS})
            ),
            "unread": TEXTS,
            "matches": _list(_object({"lot_id": TEXT, "item": TEXT, "lot_no": TEXT})),
            "unknown": TEXTS,
            "ambiguous": TEXTS,
        }
    ),
    "LotLine": _object(_LINE),
    "LotList": _object({"items": _list(_ref("LotLine")), "next": MAYBE}),
    "Stock": _object(
        {
            "quantity": DECIMAL,
            "unit": TEXT,
            "places": {"type": "object", "additionalProperties": DECIMAL},
            "unknown": COUNT,
            "problems": TEXTS,
        }
    ),
    "Lot": _object(
        {
            **_NODE,
            "names": ANY_OBJECT,
            "item_kind": TEXT,
            "industry": TEXT,
            "origin": TEXT,
            "expiry_on": MAYBE,
            "extra": ANY_OBJECT,
            "stock": _ref("Stock"),
            "holds": _list(ANY_OBJECT),
            "same_as": _list(
                _object({"lot_id": TEXT, "lot_no": TEXT, "reason": TEXT, "since": MAYBE})
            ),
            "results": _list(ANY_OBJECT),
            "records": _list(ANY_OBJECT),
            "transitions": _list(ANY_OBJECT),
            "events": _list(ANY_OBJECT),
            "chain": _ref("Trace"),
        }
    ),
    "TraceNode": _object(_TRACED),
    "ScopeNode": _object(
        {
            **_TRACED,
            "verdict": {"enum": ["proved", "possible"]},
            "is_seed": FLAG,
            "cause": TEXT,
            "reference": TEXT,
            "because": _list(_ref("TraceEdge")),
            "lower": DECIMAL,
            "upper": DECIMAL,
            "unit": TEXT,
            "contains": _list(_ref("Share")),
        }
    ),
    "Share": _object(
        {
            "lower": MAYBE_DECIMAL,
            "upper": MAYBE_DECIMAL,
            "likely": MAYBE_DECIMAL,
            "of": MAYBE_DECIMAL,
            "fraction_lower": MAYBE,
            "fraction_upper": MAYBE,
            "unit": TEXT,
            "is_exact": FLAG,
            "unknown": TEXT,
        }
    ),
    "TraceEdge": _object(
        {
            "from": TEXT,
            "to": TEXT,
            "kind": TEXT,
            "quantity": MAYBE_DECIMAL,
            "unit": TEXT,
            "event_id": TEXT,
            "event_at": TEXT,
            "certainty": {"enum": ["recorded", "derived", "inferred"]},
        }
    ),
    "Shipment": _object(
        {
            "customer": TEXT,
            "customer_name": TEXT,
            "contacts": ANY_OBJECT,
            "lot_id": TEXT,
            "lot_no": TEXT,
            "item": TEXT,
            "quantity": MAYBE_DECIMAL,
            "unit": TEXT,
            "shipped_at": TEXT,
            "event_id": TEXT,
            "via": TEXT,
        }
    ),
    "Gap": _object({"kind": TEXT, "lot_id": TEXT, "lot_no": TEXT, "detail": TEXT, "parts": WORDS}),
    "Trace": _object(
        {
            "focus": _object(_NODE),
            "direction": {"enum": ["backward", "forward", "both"]},
            "nodes": _list(_ref("TraceNode")),
            "edges": _list(_ref("TraceEdge")),
            "customers": _list(_ref("Shipment")),
            "gaps": _list(_ref("Gap")),
            "unrecorded": COUNT,
            **_LENS,
        }
    ),
    "Paths": _object(
        {
            "from": _object(_NODE),
            "to": _object(_NODE),
            "nodes": _list(_object(_NODE)),
            "edges": _list(_ref("TraceEdge")),
            "shortest": TEXTS,
            "share": _ref("Share"),
        }
    ),
    "LotBalance": _object(
        {
            **_LENS,
            "lots": _list(_object(_BALANCED)),
            "total": _MAYBE_OBJECT,
            "located": _list(ANY_OBJECT),
            "closes": FLAG,
        },
        **_BALANCED,
    ),
    "Release": _object(
        {
            "lot_id": TEXT,
            "state": TEXT,
            "verdict": {"enum": ["ready", "blocked", "released", "rejected"]},
            "may_be_released": FLAG,
            "reasons": _list(_ref("Refusal")),
            "rules": _list(
                _object(
                    {"rule": TEXT, "outcome": TEXT, "severity": TEXT, "title": TEXT, "limit": TEXT},
                    evidence=_list(_object({"fact": TEXT, "sources": _list(ANY_OBJECT)}, value={})),
                    version=ANY_OBJECT,
                    check=TEXT,
                    pack=TEXT,
                    fix=TEXT,
                    because=TEXT,
                    facts={"type": ["object", "array"]},
                    missing=TEXTS,
                    clauses=_list(ANY_OBJECT),
                    deciding_facts=TEXTS,
                    explained=_MAYBE_OBJECT,
                    source=_MAYBE_OBJECT,
                    valid=ANY_OBJECT,
                )
            ),
            "as_decided": FLAG,
            "differences": _list(ANY_OBJECT),
        },
        item=TEXT,
        lot_no=TEXT,
        decided=_MAYBE_OBJECT,
        decision=_MAYBE_OBJECT,
        now=ANY_OBJECT,
    ),
    **CONFIG,
    "SignIntent": _object(
        {
            "intent_id": TEXT,
            "expires_at": TEXT,
            "items": _list(ANY_OBJECT),
            "components": COUNT,
            "code": FLAG,
            "refusals": _list(ANY_OBJECT),
            "providers": _list(ANY_OBJECT),
            "signed": _list(ANY_OBJECT),
        }
    ),
    "Justified": _object({"signature_id": TEXT}),
    "SignatureList": _object({"items": _list(ANY_OBJECT)}),
    "Signed": _object({"signed": _list(ANY_OBJECT)}),
    **OFFICE,
    "Step": _object({"subject_id": TEXT, "transition": TEXT, "from": TEXT, "to": TEXT}),
    "Result": _object({"lot_id": TEXT, "characteristic": TEXT, "verdict": TEXT}),
    "Hold": _object({"hold_id": TEXT, "lot_id": TEXT, "reason": TEXT}),
    "Lifted": _object({"hold_id": TEXT, "lifted": FLAG}),
    "EventLine": _object(
        {"part": TEXT, "lot_id": TEXT, "quantity": MAYBE_DECIMAL, "unit": TEXT, "effect": TEXT},
        item=TEXT,
        lot_no=TEXT,
    ),
    "Event": _object(
        {"event_id": TEXT, "event_type": TEXT, "lots": TEXTS, "lines": _list(_ref("EventLine"))},
        is_new=FLAG,
        external_id=MAYBE,
        verb=TEXT,
        event_at=TEXT,
        recorded_at=TEXT,
        recorded_by=TEXT,
        step=TEXT,
        reason=TEXT,
        values=ANY_OBJECT,
        is_superseded=FLAG,
    ),
    **RECALLS,
    **ACCESS,
    "RecordLine": _object(_RECORD),
    "RecordList": _object({"items": _list(_ref("RecordLine"))}),
    "Record": _object(
        {
            **_RECORD,
            "deadlines": _list(ANY_OBJECT),
            "revision": COUNT,
            "form_version": COUNT,
            "data": ANY_OBJECT,
            "hidden": TEXTS,
            "lots": TEXTS,
            "transitions": _list(ANY_OBJECT),
            "signatures": _list(ANY_OBJECT),
        }
    ),
    "MasterList": _object(
        {
            "items": _list(
                _object(
                    {
                        **dict.fromkeys(("id", "code", "name", "state"), TEXT),
                        "names": ANY_OBJECT,
                        "extra": ANY_OBJECT,
                    },
                    **_MASTER,
                )
            ),
            "next": MAYBE,
        }
    ),
    "MasterSaved": _object({"id": TEXT, "code": TEXT}),
    "Attachment": _object(_ATTACHMENT),
    "AttachmentList": _object({"items": _list(_object(_ATTACHMENT))}),
    "Ledger": _object(
        {
            "items": _list(ANY_OBJECT),
            "sealed": COUNT,
            "pending": COUNT,
            "next": {"type": ["integer", "null"]},
            "facets": ANY_OBJECT,
            "state": ANY_OBJECT,
        }
    ),
    "Verified": _object(
        {
            "ok": FLAG,
            "events": COUNT,
            "pending": COUNT,
            "problems": _list(ANY_OBJECT),
            "seconds": DECIMAL,
        }
    ),
}
