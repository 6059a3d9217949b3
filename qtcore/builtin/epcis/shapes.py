"""Which properties each EPCIS 2.0 event and document has, and what belongs together.

It must not know what an event does to lots. It accepts and refuses what GS1's own JSON schema does,
and adds the rules of the standard that the schema leaves out (parentID, transformation parts, unit
codes of sensors).
"""

from collections.abc import Mapping
from typing import Any

from qtcore.builtin.epcis import vocabulary as words
from qtcore.builtin.epcis.checks import (
    Check,
    anything,
    boolean,
    either,
    hex_binary,
    is_uri,
    list_of,
    number,
    offset,
    one_of,
    quantity,
    record,
    text,
    time,
    unit_code,
    uri,
    uri_or_empty,
    version,
    web_word,
    word,
)
from qtcore.builtin.epcis.strict_json import pointer
from qtcore.builtin.faults import Faults, listing, shown

_URIS = list_of(uri)
_EPCS = list_of(uri, unique=True)
_CONTEXT_ENTRY = either(uri, anything, is_second=dict)
_CONTEXT = either(_CONTEXT_ENTRY, list_of(_CONTEXT_ENTRY), is_second=list)
_STEP = word(words.BIZ_STEPS, name="bizStep")
_DISPOSITION = word(words.DISPOSITIONS, name="disposition")
_PLACE = record({"id": uri}, ["id"])
_SOURCE_TYPE = word(words.SOURCE_TYPES, name="sourceType")
_QUANTITIES = list_of(
    record({"epcClass": uri, "quantity": quantity, "uom": unit_code}, ["epcClass"], is_open=False)
)
_DISPOSITIONS = list_of(_DISPOSITION, at_least=1, unique=True)
_SENSOR_METADATA = record(
    {
        **dict.fromkeys(("time", "startTime", "endTime"), time),
        **dict.fromkeys(
            ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"), uri
        ),
    }
)
_SENSOR_REPORT = record(
    {
        "type": web_word(words.MEASUREMENTS),
        "exception": web_word(words.ALERT_TYPES),
        "time": time,
        "component": word(words.COMPONENTS, name="component"),
        "stringValue": text,
        "booleanValue": boolean,
        "hexBinaryValue": hex_binary,
        "uom": unit_code,  # CBV 2.0, 7.2: a code of UN/CEFACT Recommendation 20
        **dict.fromkeys(
            (
                "deviceID",
                "deviceMetadata",
                "rawData",
                "dataProcessingMethod",
                "bizRules",
                "microorganism",
                "chemicalSubstance",
                "coordinateReferenceSystem",
                "uriValue",
            ),
            uri,
        ),
        **dict.fromkeys(
            ("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"), number
        ),
    },
    ["type"],
)
_SENSOR_ELEMENT = record(
    {"sensorMetadata": _SENSOR_METADATA, "sensorReport": list_of(_SENSOR_REPORT, at_least=1)},
    ["sensorReport"],
)
_EVERY_EVENT: Mapping[str, Check] = {
    "@context": _CONTEXT,
    "type": text,
    "eventTime": time,
    "recordTime": time,
    "eventTimeZoneOffset": offset,
    "eventID": uri,
    "certificationInfo": either(uri, _URIS, is_second=list),
    "errorDeclaration": record(
        {
            "declarationTime": time,
            "reason": word(words.ERROR_REASONS, name="reason"),
            "correctiveEventIDs": _URIS,
        },
        ["declarationTime"],
    ),
}
_WHERE_AND_WHY: Mapping[str, Check] = {
    "bizStep": _STEP,
    "disposition": _DISPOSITION,
    "readPoint": _PLACE,
    "bizLocation": _PLACE,
    "bizTransactionList": list_of(
        record(
            {
                "type": word(words.TRANSACTION_TYPES, name="bizTransactionType"),
                "bizTransaction": uri,
            },
            ["bizTransaction"],
            is_open=False,
        )
    ),
    "sourceList": list_of(
        record({"type": _SOURCE_TYPE, "source": uri}, ["type", "source"], is_open=False)
    ),
    "destinationList": list_of(
        record({"type": _SOURCE_TYPE, "destination": uri}, ["type", "destination"], is_open=False)
    ),
    "sensorElementList": list_of(_SENSOR_ELEMENT),
}
_PERSISTENT: Mapping[str, Check] = {
    "persistentDisposition": record({"set": _DISPOSITIONS, "unset": _DISPOSITIONS}, is_open=False),
    "ilmd": record({}),
}
_ACTION: Mapping[str, Check] = {"action": one_of(words.ACTIONS)}
_PARENT: Mapping[str, Check] = {
    "parentID": uri,
    "childEPCs": _URIS,
    "childQuantityList": _QUANTITIES,
}
_COMMON = {**_EVERY_EVENT, **_WHERE_AND_WHY}
_WHEN = ("type", "eventTime", "eventTimeZoneOffset")
_EVENT_SHAPES: Mapping[str, Check] = {
    "ObjectEvent": record(
        {**_COMMON, **_ACTION, **_PERSISTENT, "epcList": _EPCS, "quantityList": _QUANTITIES},
        (*_WHEN, "action"),
    ),
    "AggregationEvent": record({**_COMMON, **_ACTION, **_PARENT}, (*_WHEN, "action")),
    "AssociationEvent": record({**_COMMON, **_ACTION, **_PARENT}, (*_WHEN, "action", "parentID")),
    "TransactionEvent": record(
        {**_COMMON, **_ACTION, "parentID": uri, "epcList": _URIS, "quantityList": _QUANTITIES},
        (*_WHEN, "action", "bizTransactionList"),
    ),
    "TransformationEvent": record(
        {
            **_COMMON,
            **_PERSISTENT,
            "inputEPCList": _EPCS,
            "inputQuantityList": _QUANTITIES,
            "outputEPCList": _EPCS,
            "outputQuantityList": _QUANTITIES,
            # Systems in the field write an empty text where there is no transformation id.
            "transformationID": uri_or_empty,
        },
        _WHEN,
    ),
}


def _event(value: Any, at: str, faults: Faults) -> None:
    check_event(value, at, faults)


_EXTENDED_EVENT = record(_EVERY_EVENT, _WHEN)
_ATTRIBUTE = record({"id": uri, "attribute": anything}, ["id"])
_VOCABULARIES = list_of(
    record(
        {
            "type": uri,
            "vocabularyElementList": list_of(
                record(
                    {"id": uri, "attributes": list_of(_ATTRIBUTE), "children": _URIS},
                    ["id"],
                )
            ),
        },
        ["type"],
    )
)
_EVENTS = list_of(_event)
_DOCUMENT = record(
    {
        **dict.fromkeys(("instanceIdentifier", "sender", "receiver", "type"), text),
        "id": uri,
        "@context": _CONTEXT,
        "schemaVersion": version,
        "creationDate": time,
        "epcisHeader": record({"epcisMasterData": record({"vocabularyList": _VOCABULARIES})}),
        "epcisBody": record({"eventList": _EVENTS}, ["eventList"]),
    },
    ["@context", "type", "schemaVersion", "creationDate", "epcisBody"],
)
_QUERY_DOCUMENT = record(
    {
        "id": uri,
        "type": text,
        "@context": _CONTEXT,
        "schemaVersion": version,
        "creationDate": time,
        "epcisHeader": record({"epcisMasterData": record({"vocabularyList": _VOCABULARIES})}),
        "epcisBody": record(
            {
                "queryResults": record(
                    {
                        "queryName": text,
                        "subscriptionID": text,
                        "resultsBody": record(
                            {"eventList": _EVENTS, "vocabularyList": _VOCABULARIES}, ["eventList"]
                        ),
                    },
                    ["queryName", "resultsBody"],
                )
            },
            ["queryResults"],
        ),
    },
    ["@context", "type", "epcisBody"],
)


def check_document(value: Any, faults: Faults) -> None:
    """Check a document, a bare event or a list of events, with every event in it."""
    if isinstance(value, list):
        _EVENTS(value, "", faults)
    elif not isinstance(value, dict):
        faults.add("QT700", f"{shown(value)} is no EPCIS document; it begins with {{ or [", "/")
    elif value.get("type") == "EPCISDocument":
        _DOCUMENT(value, "", faults)
    elif value.get("type") == "EPCISQueryDocument":
        _QUERY_DOCUMENT(value, "", faults)
    elif isinstance(value.get("type"), str) and "eventTime" in value:
        check_event(value, "", faults)
        if "@context" not in value:
            faults.add("QT705", "'@context' is missing; an event on its own needs it", "/")
    else:
        kinds = listing(("EPCISDocument", "EPCISQueryDocument", *words.EVENT_TYPES))
        found = f"type {shown(value.get('type'))} is no EPCIS document; accepted: {kinds}"
        faults.add("QT700", found, "/type")


def check_event(value: Any, at: str, faults: Faults) -> None:
    """Check one event: its properties, then what must stand together."""
    if not isinstance(value, dict):
        faults.add("QT706", f"{shown(value)} is no event object", at)
        return
    kind = value.get("type")
    if isinstance(kind, str) and kind in _EVENT_SHAPES:
        _EVENT_SHAPES[kind](value, at, faults)
        _check_together(kind, value, at, faults)
    elif is_uri(kind):
        _EXTENDED_EVENT(_without_common(value), at, faults)
    else:
        known = listing(words.EVENT_TYPES)
        found = f"event type {shown(kind)} is none of {known}, nor a namespaced type"
        faults.add("QT706", found, pointer(at, "type"))


def _without_common(value: Mapping[str, Any]) -> dict[str, Any]:
    """Drop the properties an event type of another namespace may borrow."""
    borrowed = {name for shape in (_WHERE_AND_WHY, _ACTION, _PARENT, _PERSISTENT) for name in shape}
    return {name: entry for name, entry in value.items() if name not in borrowed}


def _check_together(kind: str, value: Mapping[str, Any], at: str, faults: Faults) -> None:
    action = value.get("action")
    if kind == "ObjectEvent" and action != "ADD" and "ilmd" in value:
        text = f"action {shown(action)} carries no ilmd: only ADD brings something into being"
        faults.add("QT707", text, pointer(at, "ilmd"))
    if kind == "AggregationEvent" and action in ("ADD", "DELETE") and "parentID" not in value:
        faults.add("QT707", f"action {action} needs parentID: what holds the children", at)
    missing = _missing_what(kind, value)
    if missing:
        faults.add("QT707", missing, at or "/")
    disposition = value.get("persistentDisposition")
    if isinstance(disposition, dict) and not disposition:
        text = "persistentDisposition has neither set nor unset"
        faults.add("QT707", text, pointer(at, "persistentDisposition"))


def _missing_what(kind: str, value: Mapping[str, Any]) -> str:
    """Say what the What dimension lacks, or nothing."""
    if kind == "TransformationEvent":
        return _missing_part(value)
    if kind == "ObjectEvent":
        is_sensed = value.get("sensorElementList") and "readPoint" in value
        if "epcList" in value or value.get("quantityList") or is_sensed:
            return ""
        return "names no object: give epcList, quantityList, or sensorElementList with readPoint"
    if value.get("action") == "DELETE":
        return ""
    if kind == "TransactionEvent":
        if "epcList" in value or value.get("quantityList"):
            return ""
        return "names no object: give epcList or quantityList"
    if value.get("childEPCs") or value.get("childQuantityList"):
        return ""
    return "names no children: give childEPCs or childQuantityList"


def _missing_part(value: Mapping[str, Any]) -> str:
    has_input = bool(value.get("inputEPCList") or value.get("inputQuantityList"))
    has_output = bool(value.get("outputEPCList") or value.get("outputQuantityList"))
    if has_input and has_output:
        return ""
    if value.get("transformationID"):
        return "" if has_input or has_output else "names neither inputs nor outputs"
    lacking = "outputs" if has_input else "inputs" if has_output else "inputs and outputs"
    return f"has no {lacking}; a transformation told in parts needs a transformationID"
