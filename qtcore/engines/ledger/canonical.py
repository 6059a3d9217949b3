"""The one byte form of a JSON value: sorted keys, NFC text, whole numbers, nothing optional.

It must not know what the value means, nor what is done with the bytes.
"""

import json
import unicodedata
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, TypeAlias

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"

# Where a value stands, as a chain that costs nothing unless a message needs it.
_Path: TypeAlias = "tuple[_Path, str | int] | None"

# What every JSON reader keeps exactly (RFC 7493).
LARGEST_INTEGER: Final = 2**53 - 1
MOST_DEPTH: Final = 64


class CanonicalError(ValueError):
    """Raised for a value that has no canonical form, or for bytes that are not in it."""


def canonical_bytes(value: object) -> bytes:
    """Give the canonical bytes of a value.

    Text becomes NFC, a Decimal becomes text with its digits as they are. Refused: floats,
    integers beyond 2**53 - 1, lone surrogates, dates (write them as text first), other objects.
    """
    if _is_plain(value, 0):
        return plain_bytes(value)
    return _ENCODER.encode(_plain(value, None, 0)).encode()


def exact_text(value: object) -> str:
    """Give a JSON text with sorted names that says exactly this value; no text becomes NFC in it.

    What is not made of the exact types of JSON is written, or refused, as `canonical_bytes` does.
    """
    if _is_plain(value, 1):
        return _SORTED.encode(value)
    return _ENCODER.encode(_plain(value, None, 1))


def join_members(members: Mapping[str, str]) -> str:
    """Join the texts of what an object holds; names are plain words and need no escape.

    Objects that share what they hold need to have it written once.
    """
    return "{" + ",".join([f'"{name}":{members[name]}' for name in sorted(members)]) + "}"


def text_bytes(text: str) -> bytes:
    """Give the canonical bytes of what a text says that `exact_text` and `join_members` made."""
    return text.encode() if text.isascii() else canonical_bytes(json.loads(text))


def read_canonical(data: bytes) -> Json:
    """Read canonical bytes; refuse anything `canonical_bytes` would not have written."""
    try:
        value: Json = _DECODER.decode(data.decode("utf-8", "strict"))
    except CanonicalError:
        raise
    except UnicodeDecodeError as exc:
        raise CanonicalError(f"bytes are not UTF-8 at offset {exc.start}") from exc
    except (ValueError, RecursionError) as exc:
        raise CanonicalError(f"bytes are not JSON: {exc}") from exc
    again = canonical_bytes(value)
    if again != data:
        at = _find_difference(again, data)
        raise CanonicalError(
            f"bytes are not canonical: at offset {at} found {data[at : at + 20]!r}, "
            f"expected {again[at : at + 20]!r}"
        )
    return value


def is_plain(value: object) -> bool:
    """Say whether part of an object is made of nothing but the exact types of JSON."""
    return _is_plain(value, 1)


def plain_bytes(value: object) -> bytes:
    """Give the canonical bytes of what `is_plain`, as `canonical_bytes` does.

    Nearly all values are, and the library's own encoder takes a quarter of the time.
    """
    text = _SORTED.encode(value)
    if text.isascii() or _is_settled(text):
        return text.encode()
    return _ENCODER.encode(_plain(value, None, 0)).encode()


def _is_settled(text: str) -> bool:
    """Say whether text beyond ASCII is in NFC, and ordered as code units are."""
    try:
        # Beyond U+FFFF a character takes two code units, and the library's order is another one.
        is_ordered = len(text.encode("utf-16-be")) == 2 * len(text)
    except UnicodeEncodeError:
        return False
    return is_ordered and unicodedata.is_normalized("NFC", text)


def _is_plain(value: object, depth: int) -> bool:
    if type(value) is dict or type(value) is list or type(value) is tuple:
        if depth > MOST_DEPTH:
            return False
        items: Iterable[object] = value
        if type(value) is dict:
            items = value.values()
            for name in value:
                if type(name) is not str:
                    return False
        for item in items:
            if type(item) is str or item is None:
                continue
            if not _is_plain(item, depth + 1):
                return False
        return True
    if type(value) is int:
        return -LARGEST_INTEGER <= value <= LARGEST_INTEGER
    return value is None or type(value) is bool or type(value) is str


def _plain(value: object, path: _Path, depth: int) -> Json:
    # Most values are texts and objects; asking for these first saves a third of the time.
    if type(value) is str:
        return value if value.isascii() else _text(value, path)
    if depth > MOST_DEPTH:
        raise CanonicalError(
            f"value at {_show(path)[:80]!r}... is nested deeper than {MOST_DEPTH} levels"
        )
    if type(value) is dict:
        return _object(value, path, depth)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, path)
    if isinstance(value, int):
        return _integer(value, path)
    if isinstance(value, Decimal):
        return _decimal(value, path)
    if isinstance(value, list | tuple):
        return [_plain(item, (path, at), depth + 1) for at, item in enumerate(value)]
    if isinstance(value, Mapping):
        return _object(value, path, depth)
    raise CanonicalError(
        f"value at {_show(path)!r} is {type(value).__name__} {str(value)[:40]!r}; accepted are "
        "text, whole numbers, Decimal, true, false, null, lists and objects: write others as text"
    )


def _show(path: _Path) -> str:
    steps: list[str] = []
    while path is not None:
        path, step = path
        steps.append(str(step))
    return "/" + "/".join(reversed(steps))


def _text(value: str, path: _Path) -> str:
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError as exc:
        raise CanonicalError(
            f"text at {_show(path)!r} holds a lone surrogate at character {exc.start}"
        ) from exc
    return unicodedata.normalize("NFC", value)


def _integer(value: int, path: _Path) -> int:
    if abs(value) > LARGEST_INTEGER:
        raise CanonicalError(
            f"integer at {_show(path)!r} is beyond {LARGEST_INTEGER}; write it as a Decimal or text"
        )
    return int(value)


def _decimal(value: Decimal, path: _Path) -> str:
    if not value.is_finite():
        raise CanonicalError(f"number at {_show(path)!r} is {value}; only finite numbers")
    return str(value)


def _object(value: Mapping[object, object], path: _Path, depth: int) -> Json:
    found: dict[str, Json] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise CanonicalError(f"key {key!r} at {_show(path)!r} is not text")
        name = _text(key, path)
        if name in found:
            raise CanonicalError(f"key {name!r} at {_show(path)!r} is there twice once in NFC")
        found[name] = _plain(item, (path, name), depth + 1)
    is_ascii = "".join(found).isascii()
    return {name: found[name] for name in sorted(found, key=None if is_ascii else _utf16)}


def _utf16(name: str) -> bytes:
    # RFC 8785 sorts by UTF-16 code units, which differs from code points beyond U+FFFF.
    return name.encode("utf-16-be")


def _read_object(pairs: list[tuple[str, Json]]) -> Json:
    found: dict[str, Json] = {}
    for name, value in pairs:
        if name in found:
            raise CanonicalError(f"key {name!r} is there twice")
        found[name] = value
    return found


def _refuse_number(text: str) -> Json:
    raise CanonicalError(f"number {text[:40]!r} is not accepted; decimals are written as text")


def _find_difference(left: bytes, right: bytes) -> int:
    same = zip(left, right, strict=False)
    return next((at for at, (a, b) in enumerate(same) if a != b), min(len(left), len(right)))


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)
_SORTED: Final = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), check_circular=False, sort_keys=True
)
_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_read_object, parse_float=_refuse_number, parse_constant=_refuse_number
)
