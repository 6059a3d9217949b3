"""The parameters of the standard's SimpleEventQuery: names and values read, never guessed.

It must not know how events are found; see `qtcore.builtin.epcis.query_matching`.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from qtcore.builtin.epcis import vocabulary as words
from qtcore.builtin.epcis.cbv import bare_word
from qtcore.builtin.epcis.checks import is_uri, read_time
from qtcore.builtin.epcis.meanings import is_short_sscc, key_problem
from qtcore.builtin.epcis.strict_json import read_number
from qtcore.builtin.faults import Faults, listing, shown
from qtcore.builtin.gs1 import read_key

MOST_PER_PAGE: Final = 1000
DEFAULT_PER_PAGE: Final = 30
_NUMBERS: Final = "EQ GT GE LT LE".split()
_COMPARED: Final = {"GT": ">", "GE": ">=", "LT": "<", "LE": "<=", "EQ": "="}
_SCOPES: Final = (
    # (beginning of the field part, scope); the longest first
    ("INNER_ILMD_", "inner_ilmd"),
    ("ILMD_", "ilmd"),
    ("INNER_ERROR_DECLARATION_", "inner_error"),
    ("ERROR_DECLARATION_", "error"),
    ("INNER_SENSORELEMENT_", "inner_sensor_element"),
    ("SENSORELEMENT_", "sensor_element"),
    ("INNER_SENSORMETADATA_", "inner_sensor_metadata"),
    ("SENSORMETADATA_", "sensor_metadata"),
    ("INNER_SENSORREPORT_", "inner_sensor_report"),
    ("SENSORREPORT_", "sensor_report"),
    ("INNER_readPoint_", "inner_readPoint"),
    ("readPoint_", "readPoint"),
    ("INNER_bizLocation_", "inner_bizLocation"),
    ("bizLocation_", "bizLocation"),
    ("INNER_", "inner"),
    ("", "event"),
)
_SENSOR_TEXTS: Final = frozenset(
    """type exception deviceID deviceMetadata rawData dataProcessingMethod bizRules microorganism
    chemicalSubstance component stringValue hexBinaryValue uriValue
    coordinateReferenceSystem""".split()
)
_SENSOR_NUMBERS: Final = frozenset(
    "value minValue maxValue meanValue sDev percRank percValue".split()
)
_SENSOR_TIMES: Final = frozenset("time startTime endTime".split())
MATCHES: Final[Mapping[str, tuple[str, ...]]] = {
    "MATCH_epc": ("epcList", "childEPCs"),
    "MATCH_parentID": ("parentID",),
    "MATCH_inputEPC": ("inputEPCList",),
    "MATCH_outputEPC": ("outputEPCList",),
    "MATCH_anyEPC": ("epcList", "childEPCs", "inputEPCList", "outputEPCList", "parentID"),
    "MATCH_epcClass": ("quantityList", "childQuantityList"),
    "MATCH_inputEPCClass": ("inputQuantityList",),
    "MATCH_outputEPCClass": ("outputQuantityList",),
    "MATCH_anyEPCClass": (
        "quantityList",
        "childQuantityList",
        "inputQuantityList",
        "outputQuantityList",
    ),
}
"""Which lists of an event each MATCH parameter looks into."""

ANY: Final = "MATCH_any"
"""Ours: any name of a thing or class, for the address of one EPC."""

_LISTED: Final[Mapping[str, str]] = {
    # parameter -> property
    "EQ_bizStep": "bizStep",
    "EQ_disposition": "disposition",
    "EQ_readPoint": "readPoint",
    "WD_readPoint": "readPoint",
    "EQ_bizLocation": "bizLocation",
    "WD_bizLocation": "bizLocation",
    "EQ_transformationID": "transformationID",
    "EQ_eventID": "eventID",
    "EQ_correctiveEventID": "correctiveEventIDs",
    "EQ_persistentDisposition_set": "set",
    "EQ_persistentDisposition_unset": "unset",
    "EQ_errorReason": "reason",
}
_FIXED: Final = (
    *_LISTED,
    *MATCHES,
    *"""eventType EQ_action GE_eventTime LT_eventTime GE_recordTime LT_recordTime
    EXISTS_errorDeclaration GE_errorDeclarationTime LT_errorDeclarationTime orderBy orderDirection
    eventCountLimit maxEventCount perPage nextPageToken EQ_booleanValue
    EXISTS_sensorElementList""".split(),
    *(f"{sign}_quantity" for sign in _NUMBERS),
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One parameter: what is compared, how, with which values; any of them may fit.

    `kind` names the comparison for `query_matching`; `name` is a property, type or field.
    """

    kind: str
    name: str
    values: tuple[Any, ...] = ()
    sign: str = "="
    unit: str = ""


@dataclass(frozen=True, slots=True)
class EventQuery:
    """A whole query: every condition must hold."""

    conditions: tuple[Condition, ...] = ()
    order_by: str = "eventTime"
    is_descending: bool = False
    limit: int | None = None
    most: int | None = None
    per_page: int = DEFAULT_PER_PAGE
    page: str = ""


@dataclass(slots=True)
class _Draft:
    conditions: list[Condition] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)


def read_query(given: Mapping[str, Sequence[Any]], faults: Faults) -> EventQuery:
    """Read parameters, each with all its values; what is unknown or bad becomes a fault."""
    draft = _Draft()
    for name, values in given.items():
        before = faults.count
        if not _read(name, list(_split(name, values)), draft, faults) and faults.count == before:
            near = difflib.get_close_matches(name[:80], _FIXED, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            text = f"parameter {shown(name)} is not one of the standard's event query{hint}"
            faults.add("QT760", text, f"/{name}")
    if "eventCountLimit" in draft.settings and "maxEventCount" in draft.settings:
        text = "eventCountLimit and maxEventCount exclude each other; give one"
        faults.add("QT761", text, "/maxEventCount")
    told = draft.settings
    return EventQuery(
        tuple(draft.conditions),
        told.get("orderBy", "eventTime"),
        # The standard's default, where an order is asked for.
        told.get("orderDirection", "DESC" if "orderBy" in told else "ASC") == "DESC",
        told.get("eventCountLimit"),
        told.get("maxEventCount"),
        told.get("perPage", DEFAULT_PER_PAGE),
        told.get("nextPageToken", ""),
    )


def _split(name: str, values: Iterable[Any]) -> Iterable[Any]:
    """Split lists: at bars; at commas where what follows is a word or another URI."""
    for value in values:
        if not isinstance(value, str) or name == "nextPageToken":
            yield value
            continue
        for part in value.split("|"):
            if ":" not in part:
                yield from part.split(",")
            else:
                yield from re.split(r",(?=[A-Za-z][A-Za-z0-9+.-]*:)", part)


def _read(name: str, values: list[Any], draft: _Draft, faults: Faults) -> bool:
    at = f"/{name}"
    if not values or any(value in ("", None) for value in values):
        if not name.startswith(("EXISTS_", "HASATTR_")):
            faults.add("QT761", f"parameter {shown(name)} has no value", at)
            return True
        values = []
    for reader in (_read_setting, _read_fixed, _read_typed, _read_sensor, _read_field):
        if reader(name, values, draft, faults):
            return True
    return False


def _one(values: list[Any], at: str, faults: Faults) -> Any:
    if len(values) != 1:
        faults.add("QT761", f"{at[1:]} takes one value, found {len(values)}", at)
        return None
    return values[0]


def _read_setting(name: str, values: list[Any], draft: _Draft, faults: Faults) -> bool:
    at = f"/{name}"
    if name in ("eventCountLimit", "maxEventCount", "perPage"):
        value = _one(values, at, faults)
        text = str(value)
        most = MOST_PER_PAGE if name == "perPage" else 10**9
        if value is not None and not (text.isascii() and text.isdigit() and 0 < int(text) <= most):
            faults.add("QT761", f"{shown(value)} is no whole number from 1 to {most}", at)
        elif value is not None:
            draft.settings[name] = int(text)
        return True
    if name == "orderDirection":
        value = _one(values, at, faults)
        if value not in ("ASC", "DESC"):
            faults.add("QT761", f"{shown(value)} is neither ASC nor DESC", at)
        draft.settings[name] = value
        return True
    if name == "orderBy":
        value = str(_one(values, at, faults))
        if value not in ("eventTime", "recordTime") and not is_uri(value):
            text = f"{shown(value)}: order by eventTime, recordTime or a namespaced field"
            faults.add("QT761", text, at)
        draft.settings[name] = value
        return True
    if name == "nextPageToken":
        draft.settings[name] = str(_one(values, at, faults))
        return True
    return False


def _read_fixed(name: str, values: list[Any], draft: _Draft, faults: Faults) -> bool:
    at = f"/{name}"
    if name == "eventType":
        _only(values, words.EVENT_TYPES, at, faults, is_open=True)
        draft.conditions.append(Condition("type", "type", tuple(values)))
    elif name == "EQ_action":
        _only(values, words.ACTIONS, at, faults)
        draft.conditions.append(Condition("equal", "action", tuple(values)))
    elif name in MATCHES or name == ANY:
        _all_uris(values, at, faults)
        _all_keys(values, at, faults, is_class="Class" in name)
        draft.conditions.append(Condition("match", name, tuple(values)))
    elif name in _LISTED:
        draft.conditions.append(_listed_condition(name, values, faults))
    elif name in ("EXISTS_errorDeclaration", "EXISTS_sensorElementList"):
        draft.conditions.append(Condition("exists", name.removeprefix("EXISTS_")))
    elif re.fullmatch("(GE|LT)_(event|record)Time|(GE|LT)_errorDeclaration_?Time", name):
        sign, _, what = name.partition("_")
        kind = "error_time" if what.startswith("error") else "time"
        found = _time(values, at, faults)
        draft.conditions.append(Condition(kind, what, (found,), _COMPARED[sign]))
    elif re.fullmatch("(EQ|GT|GE|LT|LE)_quantity", name):
        found = _number(values, at, faults)
        draft.conditions.append(Condition("quantity", "quantity", (found,), _COMPARED[name[:2]]))
    else:
        return False
    return True


def _listed_condition(name: str, values: list[Any], faults: Faults) -> Condition:
    at, what = f"/{name}", _LISTED[name]
    kind = "within" if name.startswith("WD_") else "equal"
    known: Mapping[str, frozenset[str]] = {
        "bizStep": words.BIZ_STEPS,
        "disposition": words.DISPOSITIONS,
        "set": words.DISPOSITIONS,
        "unset": words.DISPOSITIONS,
        "reason": words.ERROR_REASONS,
    }
    if what in known:
        bare = [bare_word(what, str(value)) for value in values]
        _only(bare, known[what], at, faults, is_open=True)
        return Condition(kind, what, tuple(bare))
    _all_uris(values, at, faults)
    return Condition(kind, what, tuple(values))


def _read_typed(name: str, values: list[Any], draft: _Draft, faults: Faults) -> bool:
    """Read EQ_source_x and its kin; without a type every type fits."""
    for what in ("bizTransaction", "source", "destination"):
        if name == f"EQ_{what}" or name.startswith(f"EQ_{what}_"):
            kind = bare_word(f"{what}Type", name.removeprefix(f"EQ_{what}").removeprefix("_"))
            _all_uris(values, f"/{name}", faults)
            draft.conditions.append(Condition(what, kind, tuple(values)))
            return True
    return False


def _read_sensor(name: str, values: list[Any], draft: _Draft, faults: Faults) -> bool:
    sign, _, rest = name.partition("_")
    at = f"/{name}"
    if sign not in _COMPARED:
        return False
    if sign == "EQ" and rest in _SENSOR_TEXTS:
        draft.conditions.append(Condition("sensor_text", rest, tuple(map(str, values))))
        return True
    if sign == "EQ" and rest == "booleanValue":
        _only([str(v).lower() for v in values], ("true", "false"), at, faults)
        truths = tuple(str(v).lower() == "true" for v in values)
        draft.conditions.append(Condition("sensor_text", rest, truths))
        return True
    if rest in _SENSOR_TIMES:
        found = _time(values, at, faults)
        draft.conditions.append(Condition("sensor_time", rest, (found,), _COMPARED[sign]))
        return True
    what, _, unit = rest.partition("_")
    if what in _SENSOR_NUMBERS:
        number = _number(values, at, faults)
        draft.conditions.append(Condition("sensor_number", what, (number,), _COMPARED[sign], unit))
        return True
    return False


def _read_field(name: str, values: list[Any], draft: _Draft, faults: Faults) -> bool:
    """Read the parameters that name an extension field; its name carries a namespace."""
    sign, _, rest = name.partition("_")
    if name.startswith(("EQ_ATTR_", "EQATTR_")):
        sign, rest = "EQATTR", name.removeprefix("EQ_ATTR_").removeprefix("EQATTR_")
    if sign not in (*_COMPARED, "EXISTS", "HASATTR", "EQATTR"):
        return False
    start, scope = next((s, found) for s, found in _SCOPES if rest.startswith(s))
    what = rest.removeprefix(start)
    if not is_uri(what):
        return False
    if sign in ("EXISTS", "HASATTR", "EQATTR"):
        kind = {"EXISTS": "field_exists", "HASATTR": "has_attribute", "EQATTR": "attribute"}[sign]
        draft.conditions.append(Condition(f"{kind}:{scope}", what, tuple(map(str, values))))
    elif sign == "EQ":
        draft.conditions.append(Condition(f"field:{scope}", what, tuple(map(str, values))))
    else:
        value = _one(values, f"/{name}", faults)
        found = read_number(str(value)) if value is not None else None
        moment = read_time(str(value)) if found is None else None
        if value is not None and found is None and moment is None:
            faults.add("QT761", f"{shown(value)} is neither a number nor a time", f"/{name}")
        compared = (found if found is not None else moment,)
        draft.conditions.append(Condition(f"field:{scope}", what, compared, _COMPARED[sign]))
    return True


def _all_keys(values: list[Any], at: str, faults: Faults, *, is_class: bool) -> None:
    """Refuse a key that breaks its own rules: nothing stored can match it."""
    for value in values:
        if isinstance(value, str) and "*" not in value and not is_short_sscc(value):
            problem = key_problem(value, read_key(value, is_class=is_class))
            if problem:
                faults.add("QT761", f"{shown(value)} breaks its own rules: {problem}", at)


def _only(
    values: Iterable[Any], known: Iterable[str], at: str, faults: Faults, *, is_open: bool = False
) -> None:
    accepted = tuple(known)
    for value in values:
        if value in accepted or (is_open and is_uri(value)):
            continue
        near = difflib.get_close_matches(str(value)[:80], accepted, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        some = listing(sorted(accepted)[:6])
        faults.add("QT761", f"{shown(value)} is not accepted, e.g. {some}{hint}", at)


def _all_uris(values: Iterable[Any], at: str, faults: Faults) -> None:
    for value in values:
        if not is_uri(value):
            faults.add("QT761", f"{shown(value)} is no URI such as urn:epc:id:sgtin:...", at)


def _time(values: list[Any], at: str, faults: Faults) -> datetime | None:
    value = _one(values, at, faults)
    # A plus sign in an address is read as a blank; nothing else makes one in a time.
    found = read_time(str(value).replace(" ", "+")) if value is not None else None
    if value is not None and found is None:
        example = "2026-03-01T10:00:00.000+01:00"
        faults.add("QT761", f"{shown(value)} is no date-time with offset such as {example}", at)
    return found


def _number(values: list[Any], at: str, faults: Faults) -> Any:
    value = _one(values, at, faults)
    found = read_number(str(value)) if value is not None else None
    if value is not None and found is None:
        faults.add("QT761", f"{shown(value)} is no number", at)
    return found
