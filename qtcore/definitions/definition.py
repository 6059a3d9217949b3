"""What every definition has in common: an id, a layer rule, a legal source, a validity.

It must not know any one kind, nor where definitions come from.
"""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Strict,
    StringConstraints,
    WithJsonSchema,
)

_ID = r"^[A-Za-z][A-Za-z0-9_.-]{0,79}$"
_NAME = r"^[a-z][a-z0-9_]{0,59}$"
DURATION = r"^P([0-9]+Y)?([0-9]+M)?([0-9]+W)?([0-9]+D)?(T([0-9]+H)?([0-9]+M)?)?$"
_DECIMAL_TEXT = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")


def as_text(value: object) -> object:
    """Give back the text of a scalar: the reader keeps digits as typed, so nothing is lost."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value) if isinstance(value, int) else value


def _as_day(value: object) -> object:
    """Refuse numbers: they would be taken for seconds since 1970."""
    if isinstance(value, str | date):
        return value
    raise ValueError("a date written YYYY-MM-DD")


def _as_number(value: object) -> object:
    """Accept what the reader calls a number, and its quoted form; never an exponent or a float."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= 40 and _DECIMAL_TEXT.fullmatch(value):
        return value
    raise ValueError("a number in digits, such as 12 or 0.50")


Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict()]
Day = Annotated[date, BeforeValidator(_as_day)]
Number = Annotated[Decimal, BeforeValidator(_as_number)]
Text = Annotated[
    str,
    BeforeValidator(as_text),
    StringConstraints(min_length=1, max_length=4000),
    WithJsonSchema({"type": ["string", "number", "boolean"], "minLength": 1, "maxLength": 4000}),
]
# The constraint comes first, so that the JSON Schema shows it; what stands last is applied first.
Id = Annotated[str, StringConstraints(pattern=_ID), BeforeValidator(as_text)]
Name = Annotated[str, StringConstraints(pattern=_NAME), BeforeValidator(as_text)]
Expression = Annotated[
    str,
    StringConstraints(max_length=2000),
    BeforeValidator(as_text),
    WithJsonSchema({"type": ["string", "boolean"], "maxLength": 2000}),
]
Duration = Annotated[
    str,
    StringConstraints(pattern=DURATION, min_length=3),
    BeforeValidator(as_text),
]
PATTERN_WORDS: Mapping[str, str] = {
    _ID: "an id: a letter first, then at most 79 letters, digits, '_', '-' or '.'",
    _NAME: "a name: a small letter first, then at most 59 small letters, digits or '_'",
    DURATION: "an ISO 8601 duration such as P3D, PT24H or P1M",
}
Status = Literal["draft", "quarantine", "testing", "released", "rejected", "recalled"]


def normal_schema(schema: Any) -> Any:
    """Give texts back their text: a plain ``1`` in the choices of a string field means ``"1"``."""
    if isinstance(schema, list | tuple):
        return [normal_schema(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    done = {key: normal_schema(value) for key, value in schema.items()}
    for key in ("title", "description", "pattern", "format", "$ref"):
        if key in done:
            done[key] = as_text(done[key])
    kinds = done.get("type")
    if "string" in (kinds if isinstance(kinds, list) else [kinds]):
        for key in ("const", "default"):
            if key in done:
                done[key] = as_text(done[key])
        for key in ("enum", "examples"):
            if isinstance(done.get(key), list):
                done[key] = [as_text(value) for value in done[key]]
    return done


class Model(BaseModel):
    """A frozen part of a definition; an unknown key is a problem, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LegalSource(Model):
    """Where a requirement comes from, and how sure the pack's author is of the wording.

    `status: unverified` is shown to the user beside the requirement.
    """

    law: Text
    clause: Text | None = None
    jurisdiction: Text | None = None
    status: Literal["verified", "unverified", "product_default"] = "unverified"


class Replacement(Model):
    """A later layer's wish to replace a definition; it must say why."""

    reason: Text


class Definition(Model):
    """Base of every kind.

    `id` is unique in its kind over all layers. A later layer that brings the same id must say
    `replaces: {reason: ...}`; what is `mandatory` (the regulatory floor) cannot be replaced.
    """

    id: Id
    replaces: Replacement | None = None
    mandatory: Flag = False
    source: LegalSource | None = None
    valid_from: Day | None = None
    valid_to: Day | None = None
