"""Which date formats a column of texts can have; several that differ are several.

It must not know files or mappings; what it finds is a proposal a person confirms.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Final

from qtcore.builtin.tabular.cells import Unreadable, read_date
from qtcore.builtin.tabular.months import months_of

_PARTS: Final = re.compile(r"[0-9]+|[^\W\d_]+|[\W_]+")
_CHINESE: Final = re.compile(r"([0-9]{4})年([0-9]{1,2})月(?:([0-9]{1,2})日)?")
_YEARS: Final = range(1900, 2100)
_CENTURY: Final = 2000


@dataclass(frozen=True, slots=True)
class DateGuess:
    """The formats that read every text, the month names they need, the languages of these.

    Without a format the languages that know all names disagree about their months.
    """

    formats: tuple[str, ...]
    months: dict[str, int]
    languages: tuple[str, ...] = ()


def guess_dates(texts: Sequence[str]) -> DateGuess | None:
    """Find the formats that read all texts as days that exist; None when there is none.

    Formats that mean the same days for all texts count once: only a real difference is one.
    """
    shapes = {_shape(text) for text in texts}
    first = next(iter(shapes), None)
    if first is None or None in shapes or len(shapes) != 1:
        return None
    names = {name for text in texts for name in _names(text)}
    months, languages = months_of(names) if names else ({}, ())
    if names and len(months) < len({name.casefold() for name in names}):
        return DateGuess((), months, languages) if languages else None
    meanings: dict[tuple[object, ...], str] = {}
    for form in _candidates(texts):
        days = _days(texts, form, months)
        if days is not None:
            meanings.setdefault(days, form)
    if not meanings:
        return None
    return DateGuess(tuple(meanings.values()), months, languages)


def _shape(text: str) -> tuple[str, ...] | None:
    """Give kinds and separators of the parts; None for what is no date at all."""
    parts = _PARTS.findall(text)
    if not 1 <= len(parts) <= 6 or len(text) > 24:
        return None
    return tuple("9" if part[0].isdigit() else "A" if part[0].isalpha() else part for part in parts)


def _names(text: str) -> list[str]:
    if _CHINESE.fullmatch(text):
        return []
    return [part for part in _PARTS.findall(text) if part[0].isalpha()]


def _candidates(texts: Iterable[str]) -> Iterable[str]:
    rows = [_PARTS.findall(text) for text in texts]
    if all(_CHINESE.fullmatch("".join(row)) for row in rows):
        yield from ("YYYY年MM月DD日", "YYYY年M月D日", "YYYY年M月")
        return
    places = [place for place, part in enumerate(rows[0]) if part[0].isalnum()]
    widths = [{len(row[place]) for row in rows} for place in places]
    if len(places) == 1 and widths == [{8}] and rows[0][places[0]].isdigit():
        yield "YYYYMMDD"
        return
    for order in _orders(rows[0], places):
        tokens = [_token(kind, width) for kind, width in zip(order, widths, strict=True)]
        if None not in tokens:
            parts = list(rows[0])
            for place, token in zip(places, tokens, strict=True):
                parts[place] = str(token)
            yield "".join(parts)


def _orders(row: Sequence[str], places: Sequence[int]) -> Iterable[tuple[str, ...]]:
    """List the orders of year, month and day that the letters leave open; day first, if equal."""
    kinds = {2: ("M", "Y"), 3: ("D", "M", "Y")}.get(len(places))
    letters = [row[place][0].isalpha() for place in places]
    if kinds is None or (len(places) == 2 and not any(letters) and _may_be_decimal(row)):
        return
    for order in dict.fromkeys(permutations(kinds)):
        if all(kind == "M" for kind, is_name in zip(order, letters, strict=True) if is_name):
            # Nobody writes the day between the year and the month, or the year in the middle.
            if order in (("Y", "D", "M"), ("D", "Y", "M"), ("M", "Y", "D")):
                continue
            yield tuple(
                "NAME" if is_name else kind for kind, is_name in zip(order, letters, strict=True)
            )


def _may_be_decimal(row: Sequence[str]) -> bool:
    """Say whether two groups of digits read as a number, or leave open which is the year."""
    return row[1] in (".", ",") or all(len(part) != 4 for part in row[::2])


def _token(kind: str, widths: set[int]) -> str | None:
    if kind == "NAME":
        return "MON"
    if kind == "Y":
        return "YYYY" if widths == {4} else "YY" if widths == {2} else None
    if max(widths) > 2:
        return None
    return kind * 2 if widths == {2} else kind


def _days(texts: Sequence[str], form: str, months: dict[str, int]) -> tuple[object, ...] | None:
    days = []
    for text in texts:
        try:
            found = read_date(text, form, months, _CENTURY)
        except Unreadable:
            return None
        if found.day.year not in _YEARS:
            return None
        days.append((found.day, found.precision))
    return tuple(days)
