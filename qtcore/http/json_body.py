"""Reads JSON from outside: exact decimals, no second meaning of a key, bounded depth and size.

It must not know any model's meaning; mistakes become faults with a JSON pointer.
"""

import json
import re
from collections import Counter
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, WithJsonSchema
from pydantic_core import ErrorDetails

from qtcore.definitions.signs import find_hidden
from qtcore.errors import Fault, InputRejected

MAX_DEPTH = 32
MAX_DIGITS = 40
# Who sends a megabyte of mistakes is not answered with ten.
MOST_FAULTS = 100
# Texts are passed over as one; a quote that is never closed takes the rest.
_BRACKETS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?")

M = TypeVar("M", bound=BaseModel)


class Input(BaseModel):
    """Base of what may be sent; an unknown key is a mistake, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=4000)


class _Mistake(Exception):
    """Where and why reading stops."""

    def __init__(self, message: str, where: str = "") -> None:
        super().__init__(message)
        self.message, self.where = message, where


def _as_quantity(value: object) -> Decimal:
    """Keep the digits as sent: a text of digits, or a JSON number (never an exponent)."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise ValueError('a quantity is a text of digits such as "12.50"')
    text = value if isinstance(value, str) else str(value)
    if not text.isascii() or not _NUMBER.fullmatch(text):
        raise ValueError(
            f'{text[:40]!r} is not a plain decimal; give digits such as "12.50", at most 18 '
            "before and 18 after the point, without exponent, spaces or separators"
        )
    return Decimal(text)


Quantity = Annotated[
    Decimal,
    BeforeValidator(_as_quantity),
    WithJsonSchema({"type": "string", "pattern": f"^{_NUMBER.pattern}$", "examples": ["12.50"]}),
]


def read_json(body: bytes) -> Any:
    """Parse a body strictly; raises InputRejected with where and why."""
    try:
        text = body.decode("utf-8")
        if text.startswith("\ufeff"):
            raise _Mistake("the body begins with a byte order mark; send plain UTF-8")
        _check_depth(text)
        value = json.loads(
            text,
            parse_float=_read_number,
            parse_int=_read_integer,
            parse_constant=_refuse_constant,
            object_pairs_hook=_read_object,
        )
        _check_texts(value, "")
    except _Mistake as mistake:
        raise _rejected(mistake.message, mistake.where) from None
    except UnicodeDecodeError as error:
        raise _rejected(f"the body is not UTF-8: byte {error.start} is wrong") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _rejected(f"the body is not JSON: {error.msg} at {where}", where) from error
    return value


def read_model(body: bytes, model: type[M]) -> M:
    """Parse a body strictly into an input model; raises InputRejected with every mistake."""
    return check_model(read_json(body) if body else {}, model)


def check_model(value: Any, model: type[M]) -> M:
    """Check plain values against an input model; raises InputRejected with every mistake."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        mistakes = _own_mistakes(error.errors(include_url=False))
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        rest = f"; the first {MOST_FAULTS} are told" if len(mistakes) > MOST_FAULTS else ""
        faults = [_fault(each) for each in mistakes[:MOST_FAULTS]]
        raise InputRejected(f"the request has {count}{rest}", faults) from error


def _rejected(message: str, where: str = "") -> InputRejected:
    return InputRejected(message, [Fault("QT413", message, where)], code="QT413")


def _check_depth(text: str) -> None:
    """Count brackets before parsing: the parser itself would recurse into them."""
    depth = 0
    for found in _BRACKETS.finditer(text):
        sign = found.group()
        if sign in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise _Mistake(f"the body is nested deeper than {MAX_DEPTH} levels")
        elif sign in "]}":
            depth -= 1


def _read_number(text: str) -> Decimal:
    if len(text) > MAX_DIGITS or not _NUMBER.fullmatch(text):
        raise _Mistake(f"number {text[:40]} is not a plain decimal of at most 18 + 18 digits")
    return Decimal(text)


def _read_integer(text: str) -> int:
    if len(text) > MAX_DIGITS // 2:
        raise _Mistake(f"number {text[:20]}... has {len(text)} digits; at most 18 are accepted")
    return int(text)


def _refuse_constant(text: str) -> None:
    raise _Mistake(f"{text} is not a JSON number; leave the value out or give a decimal")


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise _Mistake(f"key {twice!r} is given twice in one object; give it once", _shown(twice))
    return found


def _check_texts(value: Any, where: str) -> None:
    if isinstance(value, str):
        hidden = find_hidden(value)
        if hidden:
            raise _Mistake(f"the text at {_shown(where) or '/'} holds {hidden}", _shown(where))
    elif isinstance(value, dict):
        for key, part in value.items():
            _check_texts(key, where)
            _check_texts(part, f"{where}/{key}")
    elif isinstance(value, list):
        for number, part in enumerate(value):
            _check_texts(part, f"{where}/{number}")


def _shown(where: str) -> str:
    """Make a place that can be written: its keys came from outside as well."""
    return where.encode("ascii", "backslashreplace").decode()


def _own_mistakes(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out a list called too short only because one of its items has a mistake."""
    return [each for each in errors if each["type"] != "too_short" or not each["input"]]


def _fault(error: ErrorDetails) -> Fault:
    where = "/" + "/".join(str(part) for part in error["loc"])
    found = error.get("input")
    match error["type"]:
        case "extra_forbidden":
            text = f"{where[1:]!r} is not known here; leave it out or correct the name"
        case "missing":
            text = f"{where[1:]!r} is missing"
        case "tuple_type":
            text = f"{where[1:]!r} is not a list; give a list, also for one entry"
        case "too_short":
            least = error.get("ctx", {}).get("min_length", 1)
            text = f"{where[1:]!r} has {len(error['input'])} entries; at least {least} is needed"
        case "value_error":
            text = f"{where[1:]!r}: {error['msg'].removeprefix('Value error, ')}"
        case _:
            shown = "" if isinstance(found, dict | list) else f", found {str(found)[:60]!r}"
            text = f"{where[1:]!r}: {error['msg']}{shown}"
    return Fault("QT411", text, where)
