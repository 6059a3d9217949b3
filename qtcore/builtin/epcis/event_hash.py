"""The standard's own identity of an event: the pre-hash text and event hash of CBV 2.0, 8.9.

It must not know what is stored. Equal events give equal hashes whatever notation of keys, times,
numbers and vocabulary words, and whatever order of lists, they are written in.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

from qtcore.builtin.epcis.checks import read_time
from qtcore.builtin.gs1.keys import canonical_uri

_WORDS: Final = "https://ref.gs1.org/cbv/"
_NAMESPACES: Final[Mapping[str, str]] = {
    "cbv": _WORDS,
    "cbvmda": "urn:epcglobal:cbv:mda",
    "epcis": "https://ref.gs1.org/epcis/",
    "gs1": "https://gs1.org/voc/",
}
_OLD_WORDS: Final[Mapping[str, str]] = {
    "urn:epcglobal:cbv:bizstep:": f"{_WORDS}BizStep-",
    "urn:epcglobal:cbv:disp:": f"{_WORDS}Disp-",
    "urn:epcglobal:cbv:btt:": f"{_WORDS}BTT-",
    "urn:epcglobal:cbv:sdt:": f"{_WORDS}SDT-",
    "urn:epcglobal:cbv:er:": f"{_WORDS}ER-",
}
_OLD_WORD: Final = "urn:epcglobal:cbv:"
_BARE_WORDS: Final[Mapping[tuple[str, str], str]] = {
    # (element it stands in, property) -> what a word without a namespace is short for
    ("", "bizStep"): f"{_WORDS}BizStep-",
    ("", "disposition"): f"{_WORDS}Disp-",
    ("persistentDisposition", "set"): f"{_WORDS}Disp-",
    ("persistentDisposition", "unset"): f"{_WORDS}Disp-",
    ("bizTransactionList", "type"): f"{_WORDS}BTT-",
    ("sourceList", "type"): f"{_WORDS}SDT-",
    ("destinationList", "type"): f"{_WORDS}SDT-",
    ("sensorReport", "component"): f"{_WORDS}Comp-",
    ("sensorReport", "type"): "https://gs1.org/voc/",
    ("sensorReport", "exception"): "https://gs1.org/voc/",
}
_ORDER: Final[Mapping[str, tuple[str, ...]]] = {
    "": tuple(
        """eventTime eventTimeZoneOffset certificationInfo parentID epcList inputEPCList childEPCs
        quantityList childQuantityList inputQuantityList outputEPCList outputQuantityList action
        transformationID bizStep disposition persistentDisposition readPoint bizLocation
        sensorElementList""".split()
    ),
    "quantityElement": ("epcClass", "quantity", "uom"),
    "persistentDisposition": ("set", "unset"),
    "readPoint": ("id",),
    "bizLocation": ("id",),
    "sensorElement": ("sensorMetadata", "sensorReport"),
    "sensorMetadata": tuple(
        """time startTime endTime deviceID deviceMetadata rawData dataProcessingMethod
        bizRules""".split()
    ),
    "sensorReport": tuple(
        """type exception deviceID deviceMetadata rawData dataProcessingMethod time microorganism
        chemicalSubstance value component stringValue booleanValue hexBinaryValue uriValue minValue
        maxValue meanValue sDev percRank percValue uom coordinateReferenceSystem""".split()
    ),
    "bizTransactionList": ("type", "bizTransaction"),
    "sourceList": ("type", "source"),
    "destinationList": ("type", "destination"),
}
_TRAILING: Final = frozenset(("bizTransactionList", "sourceList", "destinationList"))
"""These stand among the extensions, sorted by name, as the reference implementation has them."""

_ENTRY_NAME: Final[Mapping[str, str]] = {
    **dict.fromkeys(("epcList", "inputEPCList", "childEPCs", "outputEPCList"), "epc"),
    **dict.fromkeys(
        ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"),
        "quantityElement",
    ),
    "sensorElementList": "sensorElement",
}
_LEFT_OUT: Final = frozenset(
    "type @type isA eventID recordTime errorDeclaration @context @id rdfs:comment comment".split()
)
_NOT_SAID: Final = frozenset(("#text", "@context", "rdfs:comment", "comment"))
_LONGEST_NUMBER: Final = 400
_LINK = "https://id.gs1.org/"
# Signs that the standard leaves as they are in a canonical Digital Link; Python escapes them.
_UNESCAPED: Final[Mapping[str, str]] = {"%27": "'", "%3B": ";", "%3D": "="}


def event_hash(event: Mapping[str, Any], context: Any = None) -> str:
    """Compute the hash of an event as a URI; `context` is the ``@context`` of its document."""
    digest = hashlib.sha256(pre_hash(event, context).encode()).hexdigest()
    return f"ni:///sha-256;{digest}?ver=CBV2.0"


def pre_hash(event: Mapping[str, Any], context: Any = None) -> str:
    """Write an event in its canonical form, from which the hash is taken."""
    namespaces = {**_NAMESPACES, **_prefixes(context), **_prefixes(event.get("@context"))}
    return _Writer(namespaces).event(event)


def _prefixes(context: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in context if isinstance(context, list) else [context]:
        if isinstance(entry, Mapping):
            found |= {k: v for k, v in entry.items() if isinstance(v, str) and k[:1] != "@"}
    return found


class _Writer:
    """Writes values under the namespaces of one document."""

    def __init__(self, namespaces: Mapping[str, str]) -> None:
        self._namespaces = namespaces

    def event(self, event: Mapping[str, Any]) -> str:
        kind = event.get("type") or event.get("isA") or ""
        standard = [self._named("", name, event[name]) for name in _ORDER[""] if name in event]
        others: list[str] = []
        for name, value in event.items():
            if name in _TRAILING:
                others.append(self._typed(name, value))
            elif name not in _LEFT_OUT and name not in _ORDER[""]:
                others += self._extension(name, value)
        return "".join((f"eventType={kind}", *standard, *sorted(others)))

    def _named(self, parent: str, name: str, value: Any) -> str:
        """Write a property of the standard, once for each of its values, sorted."""
        if name in _ENTRY_NAME:
            entries = self._sorted(name, _ENTRY_NAME[name], value)
            return name + entries if entries else ""
        return self._sorted(parent, name, value)

    def _sorted(self, parent: str, name: str, value: Any) -> str:
        return "".join(sorted(self._single(parent, name, each) for each in _listed(value)))

    def _single(self, parent: str, name: str, value: Any) -> str:
        if not isinstance(value, Mapping):
            text = self._standard_text(parent, name, value)
            return f"{name}={text}" if text else ""
        order = _ORDER.get(name, ())
        standard = [self._named(name, each, value[each]) for each in order if each in value]
        extensions: list[str] = []
        for each, inner in value.items():
            if each not in order and each not in _LEFT_OUT:
                extensions += self._extension(each, inner)
        inside = "".join((*standard, *sorted(extensions)))
        return name + inside if inside else ""

    def _typed(self, name: str, value: Any) -> str:
        entries = []
        for entry in _listed(value):
            present = [key for key in _ORDER[name] if key in entry]
            texts = (f"{key}={self._standard_text(name, key, entry[key])}" for key in present)
            entries.append("".join(texts))
        return name + "".join(sorted(entries)) if entries else ""

    def _extension(self, name: str, value: Any) -> Iterator[str]:
        """Write what the standard does not name, once for each value, under its full name."""
        prefix, colon, local = name.partition(":")
        known = colon and prefix in self._namespaces
        full = f"{{{self._namespaces[prefix]}}}{local}" if known else name
        for each in _listed(value):
            yield full + (self._inside(each) if isinstance(each, Mapping) else self._said(each))

    def _inside(self, value: Mapping[str, Any]) -> str:
        inner = [
            text
            for name, each in value.items()
            if name not in _NOT_SAID
            for text in self._extension(name, each)
        ]
        return self._said(value.get("#text")) + "".join(sorted(inner))

    def _said(self, value: Any) -> str:
        text = self._text(value)
        return f"={text}" if text else ""

    def _standard_text(self, parent: str, name: str, value: Any) -> str:
        lowered = name.lower()
        if isinstance(value, str) and "time" in lowered and "offset" not in lowered:
            return _canonical_time(value.strip())
        short = _BARE_WORDS.get((parent, name))
        if short and isinstance(value, str) and re.fullmatch(r"\w+", value):
            return short + value
        return self._text(value)

    def _text(self, value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        text = str(value).strip()
        prefix, colon, rest = text.partition(":")
        if colon and prefix in self._namespaces:
            text = self._namespaces[prefix] + rest
        if ":" not in text:
            return _canonical_number(text)
        if text.startswith("urn:epc:"):
            return _canonical_key(text)
        if _OLD_WORD in text:
            for old, new in _OLD_WORDS.items():
                text = text.replace(old, new)
        return _canonical_key(text)


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else [value]


def _canonical_time(text: str) -> str:
    """Write a moment in UTC with milliseconds, half a millisecond rounded up."""
    moment = read_time(text)
    if moment is None:
        return text
    rounded = moment.astimezone(UTC) + timedelta(microseconds=500)
    return f"{rounded.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _canonical_number(text: str) -> str:
    if len(text) > _LONGEST_NUMBER:
        return text
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    if not number.is_finite() or abs(number.adjusted()) > _LONGEST_NUMBER:
        return text
    if number == number.to_integral_value():
        return str(int(number))
    return format(number.normalize(), "f")


# Places and parties stand in event after event.
@lru_cache(maxsize=16_384)
def _canonical_key(text: str) -> str:
    value = canonical_uri(text)
    if value == text or not value.startswith(_LINK):
        return text
    for escaped, sign in _UNESCAPED.items():
        value = value.replace(escaped, sign)
    return value
