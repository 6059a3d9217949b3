"""What a column holds, from its values: type, format, missing values, doubts.

It must not know other columns, files or lots.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from qtcore.builtin.faults import listing, shown
from qtcore.builtin.tabular.guess_dates import DateGuess, guess_dates

MISSING: Final = (
    "", "NA", "N/A", "n/a", "n.a.", "NaN", "nan", "null", "NULL", "None", "-", "--", "?", "#N/A",
    "无", "缺",
)  # fmt: skip
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,30}")
_POINT: Final = re.compile(r"[+-]?[0-9]{1,30}\.[0-9]{1,30}(?:[eE][+-]?[0-9]{1,2})?")
_COMMA: Final = re.compile(r"[+-]?[0-9]{1,30},[0-9]{1,30}")
_GROUPED: Final = re.compile(r"[+-]?[0-9]{1,3}([,.'\u00a0 ])[0-9]{3}(?:\1[0-9]{3})*(?:[.,][0-9]+)?")
_MOST_EXAMPLES: Final = 3
_MOST_DATES: Final = 2000
_LONGEST_NUMBER: Final = 15
_MOST_CHOICES: Final = 12
_LONGEST_CHOICE: Final = 40
_REPEATED: Final = 5

IDENTIFIER: Final = re.compile(
    r"(?:^|[\s_.\-])(?:lots?|batch(?:es)?|batchno|charge|chargen|šarža|sarza|serija|lote|lotto|lot|"
    r"partij|partie|code|id|no|nr|num|number|serial|sn|gtin|ean|upc|sscc|gln|ndc|sku|article|"
    r"artikel|ref)(?:[\s_.\-#]|$)|批|编号|序列|货号|代码|条码",
    re.IGNORECASE,
)
"""A column named so holds names, not amounts, also where they are all digits."""

AMOUNT: Final = re.compile(
    r"size|quantit|qty|amount|menge|anzahl|koli[cč]ina|cantidad|quantité|weight|count|数量|重量|批量",
    re.IGNORECASE,
)
"""A column named so holds amounts, also where it speaks of a lot: batch size."""


@dataclass(frozen=True, slots=True)
class ColumnGuess:
    """One column: `type` and `format` as a mapping names them, and what was seen.

    `separator` is the decimal sign of its numbers, empty when none has one. `choices` are all its
    words where a few of them occur again and again: a code list. `doubts` are sentences for a
    person.
    """

    name: str
    type: str = "text"
    format: str = ""
    separator: str = ""
    months: dict[str, int] = field(default_factory=dict)
    count: int = 0
    distinct: int = 0
    missing: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()

    @property
    def is_unique(self) -> bool:
        """Say whether every row has a value of its own."""
        return self.count > 0 and self.distinct == self.count and not self.missing

    @property
    def is_identifier(self) -> bool:
        """Say whether its name is one of a thing's name."""
        return is_identifier(self.name)

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the command's answer."""
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "rows": self.count,
            "distinct": self.distinct,
            "missing": list(self.missing),
            "examples": list(self.examples),
            "choices": list(self.choices),
        }


def guess_column(name: str, cells: Sequence[str]) -> ColumnGuess:
    """Guess what a column holds from all its cells."""
    texts = [cell.strip() for cell in cells]
    absent = tuple(dict.fromkeys(text for text in texts if text in MISSING))
    values = dict.fromkeys(text for text in texts if text not in MISSING)
    kept: dict[str, Any] = {
        "name": name,
        "count": len(texts),
        "distinct": len(values),
        "missing": absent,
        "examples": tuple(values)[:_MOST_EXAMPLES],
    }
    if not values:
        return ColumnGuess(**kept, doubts=("every value is missing; it is left out",))
    guess = ColumnGuess(**kept, **_type_of(name, list(values)))
    filled = sum(text not in MISSING for text in texts)
    is_closed = (
        guess.type == "text"
        and not guess.doubts
        and not guess.is_identifier
        and len(values) <= _MOST_CHOICES
        and filled >= _REPEATED * len(values)
        and max(map(len, values)) <= _LONGEST_CHOICE
    )
    return replace(guess, choices=tuple(sorted(values))) if is_closed else guess


def _type_of(name: str, values: list[str]) -> dict[str, Any]:
    is_name = is_identifier(name)
    dates = guess_dates(values[:_MOST_DATES]) and guess_dates(values)
    if dates is not None and not (is_name and all(map(str.isdigit, values))):
        return _as_date(dates, values)
    if all(map(_INTEGER.fullmatch, values)):
        return _as_integer(is_name, values)
    return _as_decimal(values)


def _as_date(found: DateGuess, values: list[str]) -> dict[str, Any]:
    if not found.formats:
        said = listing(found.languages)
        text = f"the months of {shown(values[0])} differ by language ({said}); name the months"
        return {"type": "text", "doubts": (text,)}
    if len(found.formats) > 1:
        text = (
            f"dates such as {shown(values[0])} read as {' or as '.join(found.formats)}; "
            "nothing in the file decides; choose the format"
        )
        return {"type": "text", "months": found.months, "doubts": (text,)}
    guess = {"type": "date", "format": found.formats[0], "months": found.months}
    if "YYYY" not in found.formats[0]:
        return {**guess, "doubts": ("years have two digits; 20xx is proposed as the century",)}
    if found.formats[0] == "YYYYMMDD":
        return {**guess, "doubts": (f"{shown(values[0])} reads as a date; it may be a number",)}
    return guess


def _as_integer(is_name: bool, values: list[str]) -> dict[str, Any]:
    if any(len(value) > 1 and value[0] == "0" for value in values):
        return {"type": "text"}  # zeros in front are part of a name
    if is_name or max(map(len, values)) > _LONGEST_NUMBER:
        return {"type": "text"}
    return {"type": "integer"}


def _as_decimal(values: list[str]) -> dict[str, Any]:
    broken = [value for value in values if not _INTEGER.fullmatch(value)]
    if all(map(_POINT.fullmatch, broken)):
        return {"type": "decimal", "separator": ".", "doubts": _thousands(broken, ".")}
    if all(map(_COMMA.fullmatch, broken)):
        return {"type": "decimal", "separator": ",", "doubts": _thousands(broken, ",")}
    if all(map(_GROUPED.fullmatch, broken)):
        text = f"numbers such as {shown(broken[0])} group their digits; write them without groups"
        return {"type": "text", "doubts": (text,)}
    numbers = len(values) - len(broken)
    odd = [v for v in broken if not (_POINT.fullmatch(v) or _COMMA.fullmatch(v))]
    if numbers > 9 * len(broken) or (odd and len(values) > 20 * len(odd)):
        said = listing(shown(value) for value in (odd or broken)[:3])
        return {"type": "text", "doubts": (f"numbers, but for {said}; correct or list as missing",)}
    return {"type": "text"}


def _thousands(values: list[str], separator: str) -> tuple[str, ...]:
    """Doubt a column in which every number has three digits after the sign: 1,234."""
    if all(_GROUPED.fullmatch(value) and value.count(separator) == 1 for value in values):
        text = f"{shown(values[0])} may be a fraction, or a number with its thousands set apart"
        return (text,)
    return ()


def is_identifier(name: str) -> bool:
    """Say whether a column's name is one of a thing's name."""
    return bool(IDENTIFIER.search(name)) and not AMOUNT.search(name)
