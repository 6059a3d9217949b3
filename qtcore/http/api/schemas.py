"""What the API answers, as JSON Schema: every quantity is a text of digits.

It must not know routes; a test compares real answers with these.
"""

from collections.abc import Mapping

from qtcore.http.api.access_schemas import ACCESS
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
    "Gap": _object({"kind": TEXT, "lot_id": TEXT, "lot_no": TEXT, "detail": TEXT}),
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
        {**_LENS, "lots": _list(ANY_OBJECT), "located": _list(ANY_OBJECT), "closes": FLAG}
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
                    evidence=_list(_object({"fact": TEXT, "sources": _list(ANY_OBJECT)})),
                    version=ANY_OBJECT,
                )
            ),
            "as_decided": FLAG,
            "differences": _list(ANY_OBJECT),
        },
        decision={"type": ["object", "null"]},
        now=ANY_OBJECT,
    ),
    "Config": _object(
        {"serving": _ref("ConfigVersion"), "pending": ANY_OBJECT, "drafts": _list(_ref("Draft"))}
    ),
    "ConfigVersions": _object({"versions": _list(_ref("ConfigVersion"))}),
    "ConfigVersion": _object(
        {
            "number": COUNT,
            "version_id": TEXT,
            "base": COUNT,
            "origin": {"enum": ["initial", "publication", "rollback"]},
            "published_by": TEXT,
            "published_at": TEXT,
            "content_sha256": TEXT,
            "fingerprint": TEXT,
            "authors": TEXTS,
            "packs": _list(ANY_OBJECT),
        },
        report=ANY_OBJECT,
    ),
    "Differences": _object({"differences": _list(ANY_OBJECT)}),
    "Draft": _object(
        {
            "draft_id": TEXT,
            "base": COUNT,
            "origin": {"enum": ["disk", "edit", "rollback"]},
            "state": {"enum": ["open", "published", "discarded"]},
            "version": COUNT,
            "authors": TEXTS,
            "mappings": ANY_OBJECT,
            "files": _list(_object({"pack": TEXT, "file": TEXT, "change": TEXT})),
        },
        texts=_list(ANY_OBJECT),
    ),
    "DraftFile": _object({"pack": TEXT, "file": TEXT, "text": TEXT}),
    "DraftEdit": _object(
        {
            "draft": _ref("Draft"),
            "pack": TEXT,
            "file": TEXT,
            "text": TEXT,
            "changes": _list(_object({"line": COUNT, "removed": TEXTS, "added": TEXTS})),
            "ok": FLAG,
            "problems": _list(ANY_OBJECT),
        }
    ),
    "DraftReport": _object(
        {
            "draft": _ref("Draft"),
            "fingerprint": TEXT,
            "ok": FLAG,
            "problems": _list(ANY_OBJECT),
            "proofs": ANY_OBJECT,
            "differences": _list(ANY_OBJECT),
            "stranded": _list(ANY_OBJECT),
            "replay": {"type": ["object", "null"]},
            "replaying": {"type": ["object", "null"]},
        }
    ),
    "Migration": _object(
        {
            "workflow": TEXT,
            "to_version": COUNT,
            "states": ANY_OBJECT,
            "run": FLAG,
            "counts": ANY_OBJECT,
            "moves": _list(ANY_OBJECT),
        }
    ),
    "Replay": _object(
        {
            "draft": FLAG,
            "counts": ANY_OBJECT,
            "decisions": COUNT,
            "reproduced": COUNT,
            "notes": TEXTS,
            "lines": _list(ANY_OBJECT),
        }
    ),
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
        {"part": TEXT, "lot_id": TEXT, "quantity": MAYBE_DECIMAL, "unit": TEXT, "effect": TEXT}
    ),
    "Event": _object(
        {"event_id": TEXT, "event_type": TEXT, "lots": TEXTS, "lines": _list(_ref("EventLine"))},
        is_new=FLAG,
    ),
    **RECALLS,
    **ACCESS,
    "RecordLine": _object({"record_id": TEXT, "kind": TEXT, "number": TEXT, "state": TEXT}),
    "RecordList": _object({"items": _list(_ref("RecordLine"))}),
    "Record": _object(
        {
            "record_id": TEXT,
            "kind": TEXT,
            "number": TEXT,
            "state": TEXT,
            "revision": COUNT,
            "data": ANY_OBJECT,
            "hidden": TEXTS,
            "lots": TEXTS,
            "transitions": _list(ANY_OBJECT),
            "signatures": _list(ANY_OBJECT),
        }
    ),
    "MasterList": _object(
        {"items": _list(_object({"id": TEXT, "code": TEXT, "name": TEXT})), "next": MAYBE}
    ),
    "MasterSaved": _object({"id": TEXT, "code": TEXT}),
    "Attachment": _object(_ATTACHMENT),
    "AttachmentList": _object({"items": _list(_object(_ATTACHMENT))}),
    "Ledger": _object({"items": _list(ANY_OBJECT), "sealed": COUNT, "pending": COUNT}),
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
