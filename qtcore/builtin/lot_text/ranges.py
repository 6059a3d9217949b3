"""A range of lot numbers: exact membership, leading zeros kept.

It must not know the text around a range.
"""

import re
from dataclasses import dataclass

MOST_SIGNS = 200
_RUNS = re.compile(r"[0-9]+|[^0-9]+")


class NotARange(ValueError):
    """Two numbers that name no range; the text says why."""


@dataclass(frozen=True, slots=True)
class LotRange:
    """All numbers from `first` to `last`, both included; only one part of them counts up.

    `width` is the number of digits of that part when all members have it, zeros in front
    included; None when it is written without leading zeros (99 through 101). A letter that counts
    (22A through 22F) has `width` 1 and `is_letter`.
    """

    first: str
    last: str
    prefix: str
    suffix: str
    low: int
    high: int
    width: int | None
    is_letter: bool = False

    @property
    def count(self) -> int:
        """Say how many numbers the range holds."""
        return self.high - self.low + 1

    def holds(self, lot_no: str) -> bool:
        """Say whether a lot number is one of the range, sign by sign."""
        size = len(lot_no) - len(self.prefix) - len(self.suffix)
        if size < 1 or not (lot_no.startswith(self.prefix) and lot_no.endswith(self.suffix)):
            return False
        part = lot_no[len(self.prefix) : len(self.prefix) + size]
        if self.is_letter:
            return size == 1 and self.low <= ord(part) <= self.high
        if not (part.isascii() and part.isdigit()) or size > len(self.last):
            return False
        if self.width is None:
            return (part == "0" or part[0] != "0") and self.low <= int(part) <= self.high
        return size == self.width and self.low <= int(part) <= self.high

    def as_json(self) -> dict[str, object]:
        """Give the shape of the API."""
        return {"first": self.first, "last": self.last, "count": self.count}


def make_range(first: str, last: str) -> LotRange:
    """Make the range between two lot numbers; raises NotARange where a reader would have to guess.

    Exactly one part may differ: digits, or one letter at the same place.
    """
    if max(len(first), len(last)) > MOST_SIGNS:
        raise NotARange(f"a lot number has at most {MOST_SIGNS} signs")
    one, two = _RUNS.findall(first), _RUNS.findall(last)
    differing = [place for place, (a, b) in enumerate(zip(one, two, strict=False)) if a != b]
    if len(one) != len(two) or len(differing) > 1:
        raise NotARange(f"{first!r} and {last!r} differ in more than one part")
    if not differing:
        differing = [max(place for place, run in enumerate(one) if run[0].isdigit())]
    place = differing[0]
    before, after = "".join(one[:place]), "".join(one[place + 1 :])
    if one[place][0].isdigit():
        return _of_digits(first, last, (before, one[place], two[place], after))
    return _of_letters(first, last, (before, one[place], two[place], after))


def _of_digits(first: str, last: str, parts: tuple[str, str, str, str]) -> LotRange:
    prefix, low, high, suffix = parts
    width: int | None = len(low)
    if len(low) != len(high):
        if low[0] == "0" or high[0] == "0":
            raise NotARange(
                f"{first!r} and {last!r} have different lengths and a leading zero; "
                "how the numbers between are written is open"
            )
        width = None
    if int(low) > int(high):
        raise NotARange(f"{last!r} comes before {first!r}")
    return LotRange(first, last, prefix, suffix, int(low), int(high), width)


def _of_letters(first: str, last: str, parts: tuple[str, str, str, str]) -> LotRange:
    before, low, high, after = parts
    same = len(low) == len(high) and low[:-1] == high[:-1]
    letters = low[-1].isascii() and high[-1].isascii() and low[-1].isalpha() and high[-1].isalpha()
    if not same or not letters or low[-1].isupper() != high[-1].isupper():
        raise NotARange(f"what lies between {first!r} and {last!r} is not counted by one letter")
    if low[-1] > high[-1]:
        raise NotARange(f"{last!r} comes before {first!r}")
    return LotRange(
        first, last, before + low[:-1], after, ord(low[-1]), ord(high[-1]), 1, is_letter=True
    )
