r"""Patterns of fields: which are accepted, and matching them in time linear in the value.

It must not know schemas. The engine is the one pydantic carries (no backtracking), so that a
pattern from a pack cannot hang a form; ``\d`` and ``\w`` mean ASCII signs only.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

MAX_PATTERN = 200
# A repeat is written out when it is compiled: each place of it costs a step for each sign.
MAX_PLACES = 2000
_PIECE = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\{(\d+)(,?)(\d*)\}|.", re.DOTALL)
_OUTSIDE: Mapping[str, str] = {
    "d": "[0-9]",
    "D": "[^0-9]",
    "w": "[0-9A-Za-z_]",
    "W": "[^0-9A-Za-z_]",
    "s": "[ \\t\\r\\n]",
    "S": "[^ \\t\\r\\n]",
}
_INSIDE: Mapping[str, str] = {"d": "0-9", "w": "0-9A-Za-z_", "s": " \\t\\r\\n"}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern; it always speaks of the whole value."""

    text: str
    _validator: SchemaValidator

    def matches(self, value: str) -> bool:
        """Say whether the whole value fits."""
        try:
            self._validator.validate_python(value, strict=True)
        except ValidationError:
            return False
        return True


def compile_pattern(text: str) -> Pattern:
    """Compile an accepted pattern; ValueError says what is wrong with another."""
    fault = find_pattern_fault(text)
    if fault:
        raise ValueError(f"the pattern {text!r} {fault}")
    return Pattern(text, _build(text))


def find_pattern_fault(text: object) -> str:
    """Say why a pattern is refused, as the end of a sentence; empty when it is accepted."""
    if not isinstance(text, str):
        return "must be a text; put it in single quotes"
    if len(text) > MAX_PATTERN:
        return f"has {len(text)} signs; at most {MAX_PATTERN} are accepted"
    if not (text.startswith("^") and text.endswith("$")) or text.endswith("\\$"):
        return "must start with '^' and end with '$', so that every reader checks the whole value"
    if "(?" in text and not all(part.startswith(":") for part in text.split("(?")[1:]):
        return "uses '(?...'; only plain groups '(...)' and '(?:...)' are accepted"
    if _places(text) > MAX_PLACES:
        return f"repeats more than {MAX_PLACES} places in all; lower the counts in {{...}}"
    try:
        _build(text)
    except (SchemaError, ValueError) as exc:
        reason = str(exc).strip().splitlines()[-1].strip()
        return f"cannot be used: {reason}"
    return ""


def _places(text: str) -> int:
    """Count the places of a pattern with its repeats written out."""
    groups, last = [0], 0
    for piece in _PIECE.finditer(text):
        if piece[1] is not None:
            groups[-1] += last * (int(piece[3] or piece[1]) - 1)
            last *= int(piece[3] or piece[1])
        elif piece[0] == "(":
            groups.append(0)
        elif piece[0] == ")" and len(groups) > 1:
            last = groups.pop()
            groups[-1] += last
        elif piece[0] not in "*+?|":
            last = 1
            groups[-1] += 1
    return sum(groups)


def _build(text: str) -> SchemaValidator:
    whole = f"^(?:{_ascii(text[1:-1])})$"
    return SchemaValidator(core_schema.str_schema(pattern=whole, regex_engine="rust-regex"))


def _ascii(text: str) -> str:
    out: list[str] = []
    is_inside, depth, at = False, 0, 0
    while at < len(text):
        sign = text[at]
        if sign == "\\" and at + 1 < len(text):
            out.append(_escape(text[at + 1], is_inside=is_inside))
            at += 2
            continue
        if is_inside and (sign == "[" or text[at : at + 2] in {"&&", "--", "~~"}):
            raise ValueError(f"write {sign!r} inside [...] as '\\{sign}'")
        if sign == "|" and not is_inside and depth == 0:
            raise ValueError("put alternatives in a group: ^(a|b)$")
        is_inside = (sign == "[") or (is_inside and sign != "]")
        depth += 0 if is_inside else (sign == "(") - (sign == ")")
        out.append(sign)
        at += 1
    return "".join(out)


def _escape(letter: str, *, is_inside: bool) -> str:
    table = _INSIDE if is_inside else _OUTSIDE
    if letter in table:
        return table[letter]
    if letter.isalnum() and letter not in "tnr":
        raise ValueError(f"'\\{letter}' is not accepted; of the classes only \\d, \\w and \\s are")
    return "\\" + letter
