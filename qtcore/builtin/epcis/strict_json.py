"""Reads JSON without forgiveness: what another reader could understand otherwise is refused.

It must not know EPCIS. Numbers keep their digits (int or Decimal); places are JSON pointers.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

from qtcore.builtin.faults import Faults, shown

MAX_DEPTH = 64
_TOO_DEEP = f"values are nested deeper than {MAX_DEPTH} levels; flatten them"
_MAX_INT_DIGITS = 30
_MAX_EXPONENT = 40
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNFIT = re.compile("[\ud800-\udfff\x00]")


class _Twice(dict[str, Any]):
    """An object in which keys occurred twice."""

    repeated: tuple[str, ...] = ()


class _NoNumber(str):
    """What stood where JSON has a number: NaN, Infinity, or digits beyond all measure."""


def read_json(data: bytes, faults: Faults) -> Any:
    """Read a JSON text; None when it cannot be read, and the faults say why and where."""
    text = _decode(data, faults)
    if text is None:
        return None
    try:
        value = json.loads(
            text,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_NoNumber,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        faults.add("QT701", _syntax_text(text, error), f"line {error.lineno}, column {error.colno}")
        return None
    except RecursionError:
        faults.add("QT703", _TOO_DEEP, "/")
        return None
    before = faults.count
    _check_tree(value, faults)
    return value if faults.count == before else None


def read_number(text: str, form: re.Pattern[str] = _NUMBER) -> int | Decimal | None:
    """Read a number as another notation writes it, within the limits of this one; else None."""
    if not form.fullmatch(text) or len(text) > 2 * _MAX_INT_DIGITS:
        return None
    value = Decimal(text)
    if not -_MAX_EXPONENT < value.adjusted() < _MAX_EXPONENT:
        return None
    return int(text) if text.lstrip("+-").isdigit() else value


def pointer(base: str, step: str | int) -> str:
    """Extend a JSON pointer by one step (RFC 6901)."""
    if isinstance(step, int):
        return f"{base}/{step}"
    if "~" in step or "/" in step:
        step = step.replace("~", "~0").replace("/", "~1")
    return f"{base}/{step}"


def write_json(value: Any, *, sort_keys: bool = False) -> str:
    """Write JSON text; a Decimal keeps its digits, so reading and writing give the same text."""
    written: list[str] = []
    _write(value, written.append, sort_keys)
    return "".join(written)


# One encoder for all: `json.dumps` with an option makes a new one for each text.
_encode = json.JSONEncoder(ensure_ascii=False).encode


def _write(value: Any, put: Callable[[str], None], sort_keys: bool) -> None:
    if isinstance(value, str):
        put(_encode(value))
    elif isinstance(value, dict):
        sign = "{"
        for key in sorted(value) if sort_keys else value:
            put(f"{sign}{_encode(key)}:")
            _write(value[key], put, sort_keys)
            sign = ","
        put("}" if value else "{}")
    elif isinstance(value, list | tuple):
        sign = "["
        for item in value:
            put(sign)
            _write(item, put, sort_keys)
            sign = ","
        put("]" if value else "[]")
    elif isinstance(value, Decimal):
        put(str(value))
    else:
        put(_encode(value))


def _decode(data: bytes, faults: Faults) -> str | None:
    kind = _other_kind(data)
    if kind:
        faults.add("QT700", f"this is {kind}; an EPCIS document is JSON text in UTF-8", "/")
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = data[error.start : error.start + 4].hex(" ")
        text = f"not UTF-8: bytes {found} at offset {error.start}; save the file as UTF-8"
        faults.add("QT701", text, f"byte {error.start}")
        return None


def _other_kind(data: bytes) -> str:
    head = data[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head:
        return "an empty file"
    for start, kind in (
        (b"\x1f\x8b", "a gzip archive"),
        (b"PK\x03\x04", "a zip archive or a spreadsheet"),
        (b"<", "XML or HTML"),
        (b"%PDF", "a PDF"),
        (b"\xff\xfe", "UTF-16 text"),
        (b"\xfe\xff", "UTF-16 text"),
    ):
        if head.startswith(start):
            return kind
    return "" if head[:1] in b'{[/"-0123456789tfn' else "no JSON"


def _syntax_text(text: str, error: json.JSONDecodeError) -> str:
    rest = text[error.pos : error.pos + 2]
    if rest in ("//", "/*") or rest.startswith("#"):
        return "a comment; JSON has none, remove it"
    near = text[max(0, error.pos - 20) : error.pos + 20].strip()
    return f"not JSON: {error.msg} near {shown(near)}"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    times = Counter(name for name, _ in pairs)
    twice = _Twice(value)
    twice.repeated = tuple(name for name in value if times[name] > 1)
    return twice


def _integer(text: str) -> Any:
    return int(text) if len(text) <= _MAX_INT_DIGITS else _NoNumber(text)


def _decimal(text: str) -> Any:
    if len(text) > 2 * _MAX_INT_DIGITS:
        return _NoNumber(text)
    value = Decimal(text)
    # Written out, 1E999999999 would fill the memory.
    return value if -_MAX_EXPONENT < value.adjusted() < _MAX_EXPONENT else _NoNumber(text)


def _check_tree(root: Any, faults: Faults) -> None:
    """Walk without recursion: a hostile depth must not end in a crash.

    A pointer is put together only where something is wrong, not for each value.
    """
    waiting: list[tuple[Any, _Place | None, int]] = [(root, None, 0)]
    while waiting:
        value, at, depth = waiting.pop()
        if isinstance(value, _NoNumber):
            text = f"{shown(str(value))} is no number; give decimal digits"
            faults.add("QT701", text, _pointer_of(at) or "/")
        elif isinstance(value, str):
            if _UNFIT.search(value):
                _check_text(value, _pointer_of(at), faults)
        elif depth > MAX_DEPTH:
            faults.add("QT703", _TOO_DEEP, _pointer_of(at))
            return
        elif isinstance(value, dict):
            if isinstance(value, _Twice):
                for name in value.repeated:
                    text = f"key {shown(name)} occurs twice in one object; keep one"
                    faults.add("QT702", text, pointer(_pointer_of(at), name))
            for name, item in value.items():
                if _UNFIT.search(name):
                    _check_text(name, _pointer_of(at), faults)
                waiting.append((item, (at, name), depth + 1))
        elif isinstance(value, list):
            waiting.extend((item, (at, i), depth + 1) for i, item in enumerate(value))


_Place: TypeAlias = "tuple[_Place | None, str | int]"
"""The place of a value: that of what holds it, and the step into it."""


def _pointer_of(at: "_Place | None") -> str:
    steps: list[str | int] = []
    while at is not None:
        at, step = at
        steps.append(step)
    found = ""
    for step in reversed(steps):
        found = pointer(found, step)
    return found


def _check_text(text: str, at: str, faults: Faults) -> None:
    if _SURROGATE.search(text):
        faults.add("QT701", "half of a surrogate pair (\\ud800 to \\udfff), which is no sign", at)
    elif "\x00" in text:
        faults.add("QT701", "the sign U+0000, which texts may not hold", at)
