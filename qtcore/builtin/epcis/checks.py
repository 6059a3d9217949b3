"""Small checks of one value, put together to shapes: each notes its mistakes with their place.

It must not know which properties EPCIS has; see `qtcore.builtin.epcis.shapes`.
"""

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any

from qtcore.builtin.epcis.cbv import WEB, bare_word
from qtcore.builtin.epcis.strict_json import pointer
from qtcore.builtin.faults import Faults, listing, shown
from qtcore.builtin.gs1.keys import has_bad_escape

MAX_NAME_LENGTH = 400
Check = Callable[[Any, str, Faults], None]

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x1f\x7f]+")
_OFFSET = re.compile(r"[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)")
_UNIT = re.compile(r"[A-Z0-9]{2,3}")
_HEX = re.compile(r"[A-Fa-f0-9]+")
_VERSION = re.compile(r"2(?:\.[0-9]+)*")
_CBV = re.compile(r"urn:epcglobal:cbv|https?://ns\.gs1\.org/cbv/")
_OWN = (WEB, "cbv:")
_WEB_VOCABULARY = re.compile(r"https?://(?:www\.)?gs1\.org/voc/")
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII
)


def is_uri(value: object) -> bool:
    """Say whether a text is a URI or a prefixed name such as ``gdst:owner``."""
    return isinstance(value, str) and _URI.fullmatch(value) is not None


# The time of an event is read to check it, to order it, and for its hash.
@lru_cache(maxsize=4096)
def read_time(text: str) -> datetime | None:
    """Read a date-time with its offset; digits beyond microseconds are cut off, not rounded."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    day, clock, fraction, _zulu, sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    if int(minutes or 0) > 59 or offset > timedelta(hours=14):
        return None
    zone = timezone(-offset if sign == "-" else offset)
    try:
        found = datetime.fromisoformat(f"{day}T{clock}")
        found = found.replace(microsecond=int((fraction or "")[:6].ljust(6, "0")), tzinfo=zone)
        found.astimezone(UTC)  # the edges of the calendar are no moments in every zone
    except (ValueError, OverflowError):
        return None
    return found


def uri(value: Any, at: str, faults: Faults) -> None:
    if not is_uri(value):
        example = "urn:epc:id:sgtin:... or https://..."
        faults.add("QT706", f"{shown(value)} is no URI such as {example}", at)
    elif len(value) > MAX_NAME_LENGTH:
        faults.add("QT706", f"the URI has {len(value)} signs; at most {MAX_NAME_LENGTH}", at)
    elif has_bad_escape(value):
        text = f"% in {shown(value)} is not followed by two hexadecimal digits (RFC 3986, 2.1)"
        faults.add("QT706", text, at)


def uri_or_empty(value: Any, at: str, faults: Faults) -> None:
    if value != "":
        uri(value, at, faults)


def text(value: Any, at: str, faults: Faults) -> None:
    if not isinstance(value, str):
        faults.add("QT706", f"{shown(value)} is no text", at)


def boolean(value: Any, at: str, faults: Faults) -> None:
    if not isinstance(value, bool):
        faults.add("QT706", f"{shown(value)} is neither true nor false", at)


def number(value: Any, at: str, faults: Faults) -> None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        faults.add("QT706", f"{shown(value)} is no number (numbers stand without quotes)", at)


def quantity(value: Any, at: str, faults: Faults) -> None:
    before = faults.count
    number(value, at, faults)
    if faults.count == before and value < 0:
        faults.add("QT706", f"quantity {shown(value)} is negative; give how much, 0 or more", at)


def time(value: Any, at: str, faults: Faults) -> None:
    if not isinstance(value, str) or read_time(value) is None:
        example = "2026-03-01T10:00:00.000+01:00"
        faults.add("QT706", f"{shown(value)} is no date-time with offset such as {example}", at)


def pattern(regex: re.Pattern[str], accepted: str) -> Check:
    """Make a check of texts by a pattern; `accepted` says in words what fits."""

    def check(value: Any, at: str, faults: Faults) -> None:
        if not isinstance(value, str) or regex.fullmatch(value) is None:
            faults.add("QT706", f"{shown(value)} is not accepted; give {accepted}", at)

    return check


offset = pattern(_OFFSET, "an offset from -14:00 to +14:00, such as +01:00")
unit_code = pattern(_UNIT, "a UN/CEFACT unit code of 2 or 3 capitals and digits, such as KGM")
hex_binary = pattern(_HEX, "hexadecimal digits")
version = pattern(_VERSION, "schemaVersion 2.0")


def word(words: Collection[str], *, name: str = "", not_from: re.Pattern[str] = _CBV) -> Check:
    """Make a check of standard words: one of them bare, or a URI of another vocabulary.

    With the `name` of the property, the web URI of a word is taken as well.
    """

    def check(value: Any, at: str, faults: Faults) -> None:
        if isinstance(value, str) and (value in words or bare_word(name, value) in words):
            if not not_from.match(value):
                return
        elif is_uri(value) and not not_from.match(value) and not value.startswith(_OWN):
            return
        near = difflib.get_close_matches(
            str(value)[:80].rsplit(":", 1)[-1].rsplit("-", 1)[-1], words, n=1
        )
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        some = f"a bare CBV 2.0 word such as {sorted(words)[0]}, or a URI of another vocabulary"
        faults.add("QT706", f"{shown(value)} is not accepted; give {some}{hint}", at)

    return check


def one_of(words: Collection[str]) -> Check:
    """Make a check that only these words pass."""

    def check(value: Any, at: str, faults: Faults) -> None:
        if not isinstance(value, str) or value not in words:
            faults.add("QT706", f"{shown(value)} is none of {listing(words)}", at)

    return check


def web_word(words: Collection[str]) -> Check:
    """Make a check of words whose home is the GS1 web vocabulary."""
    return word(words, not_from=_WEB_VOCABULARY)


def list_of(item: Check, *, at_least: int = 0, unique: bool = False) -> Check:
    """Make a check of arrays."""

    def check(value: Any, at: str, faults: Faults) -> None:
        if not isinstance(value, list):
            faults.add("QT706", f"{shown(value)} is no array", at)
            return
        if len(value) < at_least:
            faults.add("QT706", f"the array has {len(value)} entries, it needs {at_least}", at)
        seen: set[str] = set()
        for place, entry in enumerate(value):
            item(entry, pointer(at, place), faults)
            if unique and isinstance(entry, str):
                if entry in seen:
                    faults.add("QT706", f"{shown(entry)} occurs twice", pointer(at, place))
                seen.add(entry)

    return check


def either(first: Check, second: Check, *, is_second: type) -> Check:
    """Make a check that takes the second shape for values of one type, else the first."""

    def check(value: Any, at: str, faults: Faults) -> None:
        (second if isinstance(value, is_second) else first)(value, at, faults)

    return check


def record(
    fields: Mapping[str, Check], needed: Collection[str] = (), *, is_open: bool = True
) -> Check:
    """Make a check of objects; an open one takes namespaced extensions, whatever they hold."""

    def check(value: Any, at: str, faults: Faults) -> None:
        if not isinstance(value, dict):
            faults.add("QT706", f"{shown(value)} is no object", at)
            return
        for name in needed:
            if name not in value:
                faults.add("QT705", f"{name!r} is missing", at or "/")
        for name, entry in value.items():
            if name in fields:
                fields[name](entry, pointer(at, name), faults)
            elif not (is_open and is_uri(name)):
                _unknown(name, fields, at, faults)

    return check


def _unknown(name: str, fields: Mapping[str, Check], at: str, faults: Faults) -> None:
    near = difflib.get_close_matches(name[:80], fields, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    message = f"property {shown(name)} is not known here; extensions carry a namespace prefix{hint}"
    faults.add("QT704", message, pointer(at, name))


def anything(value: Any, at: str, faults: Faults) -> None:
    """Accept what an extension holds."""
