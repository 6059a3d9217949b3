"""What the walk over all routes sends where the least that a model accepts is refused of everybody.

Without these a verdict such as 400 for every role would say nothing of who may do it. It must not
hold verdicts: those stand in tests/golden/route_walk.txt.
"""

import json
import re
from base64 import b64encode
from typing import Any, Final
from urllib.parse import urlencode

from qtcore.http.api.routes import OPERATIONS

_EPC: Final = "urn:epc:id:sgtin:0614141.107346.2017"
_PLACE: Final = "urn:epc:id:sgln:0614141.00729.0"
_LATER: Final = "2026-08-01"
_ORDER: Final = {
    "order_no": "O-1", "customer": "FARM", "lot": "M-1", "quantity": "1", "unit": "kg",
}  # fmt: skip
_DOCUMENT: Final = {
    "type": "EPCISDocument",
    "schemaVersion": "2.0",
    "creationDate": "2026-06-01T08:00:00Z",
    "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
    "epcisBody": {"eventList": []},
}
_EVENT: Final = {
    "type": "ObjectEvent",
    "action": "OBSERVE",
    "eventTime": "2026-06-01T08:00:00Z",
    "eventTimeZoneOffset": "+00:00",
    "epcList": [_EPC],
}

# Of an address: what stands for one of its names there, where no other address means the same.
VALUES: Final = {
    "/epcis/bizSteps/": "receiving",
    "/epcis/dispositions/": "active",
    "/epcis/eventTypes/": "ObjectEvent",
    "/epcis/bizLocations/": _PLACE,
    "/epcis/readPoints/": _PLACE,
    "/epcis/epcs/": _EPC,
}
OWN: Final = {
    "/api/v1/lots/{lot_id}/transitions/": {"transition": "start_testing"},
}
QUERIES: Final = {
    "GET /api/v1/config/differences": "before=1&after=1",
    "GET /api/v1/lots/{lot_id}/paths": "to_lot=M-2",
    "GET /recall.csv": "seeds=M-1",
    "GET /trace.csv": "lot=M-1",
    "GET /config/drafts/{draft}/file": "pack=base&file=x.yaml",
    "POST /config/drafts/{draft}/file": "pack=base&file=x.yaml",
}
BODIES: Final = {
    "POST /api/v1/config/drafts/{draft_id}/edits": {
        "pack": "base", "file": "x.yaml", "edits": [{"path": "x", "value": 1}],
    },
    "POST /api/v1/lots/{lot_id}/justifications": {
        "rules": ["CORE-02"], "justification": "why", "password": "wrong password",
    },
    "POST /api/v1/orders": _ORDER,
    "POST /api/v1/devices/{device}/calibrations": {"done_on": "2026-05-01", "evidence": "C-1"},
    "POST /api/v1/sign-intents": {
        "acts": [{"kind": "lot", "id": "M-2", "transition": "reject", "reason": "smell"}],
    },
    "POST /api/v1/sign-intents/{intent_id}/sign": {"password": "wrong password"},
    "POST /epcis/capture": _DOCUMENT,
    "POST /epcis/events": _EVENT,
    "POST /epcis/queries": {"name": "received", "query": {"EQ_bizStep": ["receiving"]}},
}  # fmt: skip
FORMS: Final = {
    "POST /devices": {
        "code": "D-1", "name": "Scale", "kind": "scale", "site": "EAST", "every_days": "30",
    },
    "POST /devices/{device}": {"act": "retire", "reason": "old"},
    "POST /config/drafts": {"title": "Draft", "reason": "why"},
    "POST /config/drafts/{draft}": {"act": "discard", "reason": "why"},
    "POST /config/drafts/{draft}/file": {"text": "x: 1", "version": "1"},
    "POST /delegations": {"delegate": "target", "until": _LATER, "reason": "leave"},
    "POST /delegations/{delegation}": {"reason": "back"},
    "POST /config/versions/{number}/rollback": {"reason": "why"},
    "POST /forms/{name}/new": {"values/title": "Smell", "values/severity": "minor"},
    "POST /l/{lot}/holds": {"reason": "smell"},
    "POST /l/{lot}/holds/{hold}": {"reason": "smell"},
    "POST /l/{lot}/join": {"other": "M-2", "reason": "one lot"},
    "POST /l/{lot}/part": {"other": "M-2", "reason": "two lots"},
    "POST /l/{lot}/justify": {
        "rule": "CORE-02", "justification": "why", "password": "wrong password",
    },
    "POST /l/{lot}/release": {"transition": "release", "reason": "why"},
    "POST /l/{lot}/results": {"characteristic": "fat", "value": "1"},
    "POST /ledger/review": {"conclusion": "as expected", "reason": "why"},
    "POST /me/signing": {"act": "totp", "name": "phone", "password": "wrong password"},
    "POST /r/{record}": {"transition": "investigate", "reason": "why"},
    "POST /r/{record}/edit": {"values/title": "Smell", "reason": "why"},
    "POST /recall": {"act": "start", "seeds": "M-1", "title": "Smell", "reason": "smell"},
    "POST /recall/{record}/acknowledge": {"notice": "none", "shown": "by phone"},
    "POST /recall/{record}/check": {"customer": "FARM", "method": "phone"},
    "POST /recall/{record}/clock": {"event": "known_at", "at": "2026-06-01T08:00"},
    "POST /recall/{record}/heard": {"customer": "FARM", "impact": "none"},
    "POST /recall/{record}/link": {"customer": "FARM"},
    "POST /recall/{record}/renew": {"reason": "one more"},
    "POST /sign/{intent}": {"password": "wrong password"},
    "POST /users": {"login": "page-made", "name": "Page Made", "email": "a@example.org"},
    "POST /users/{login}": {"act": "name", "name": "Other Name"},
}  # fmt: skip


# Their file differs for each who sends one: an equal file is attached once.
_FILES: Final = frozenset({
    "POST /api/v1/events/{event_id}/attachments",
    "POST /api/v1/records/{kind}/{record_id}/attachments",
})  # fmt: skip
_FILE_FORMS: Final = frozenset({"POST /e/{event}/attachments", "POST /r/{record}/attachments"})


def body_of(route: str, who: str) -> bytes | None:
    """Give the JSON that a program sends, or None where the least of its model is enough."""
    if route in _FILES:
        content = b64encode(f"a note of {who}".encode()).decode()
        return json.dumps({"name": "note.txt", "content": content}).encode()
    return json.dumps(BODIES[route]).encode() if route in BODIES else None


def form_of(route: str, csrf: str, who: str) -> tuple[str, bytes]:
    """Give what a page's form sends: its content type and its bytes."""
    if route not in _FILE_FORMS:
        sent = urlencode({"csrf_token": csrf, **FORMS.get(route, {})})
        return "application/x-www-form-urlencoded", sent.encode()
    parts = (
        f'name="csrf_token"\r\n\r\n{csrf}',
        f'name="file"; filename="note.txt"\r\nContent-Type: text/plain\r\n\r\na memo of {who}',
    )
    told = "".join(f"--edge\r\nContent-Disposition: form-data; {part}\r\n" for part in parts)
    return "multipart/form-data; boundary=edge", f"{told}--edge--\r\n".encode()


def least(schema: dict[str, Any], known: dict[str, Any]) -> Any:
    """Give the least that a model accepts: what is required, each in its simplest form."""
    if "$ref" in schema:
        return least(known[schema["$ref"].rsplit("/", 1)[1]], known)
    if "enum" in schema or "const" in schema:
        return schema.get("const", (schema.get("enum") or [None])[0])
    if "anyOf" in schema:
        return least(schema["anyOf"][0], known)
    if schema.get("type") == "object":
        held = schema.get("properties", {})
        return {name: least(held[name], known) for name in schema.get("required", ())}
    simple = {"array": [], "integer": 1, "number": "1", "boolean": True, "null": None}
    if schema.get("type") == "array" and schema.get("minItems"):
        return [least(schema["items"], known)]
    if schema.get("format") == "date-time":
        return "2026-06-01T00:00:00Z"
    return simple.get(schema.get("type", ""), "MILK")


def bodies_of() -> dict[tuple[str, str], bytes]:
    """Give the least body of every operation of the API."""
    found = {}
    for operation in OPERATIONS:
        if operation.body is not None:
            schema = operation.body.model_json_schema()
            told = least(schema, schema.get("$defs", {}))
            path = f"/api/v1{re.sub(r':str', '', operation.path)}"
            found[operation.method, path] = json.dumps(told).encode()
    return found
