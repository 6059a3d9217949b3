"""Which of two ISO 8601 durations of definitions is certainly not the longer one.

It must not know dates: a month counts as 28 to 31 days, a year as 365 or 366.
"""

import re
from typing import Final

_PARTS: Final = re.compile(
    r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?", re.ASCII
)
_DAY: Final = 24 * 60


def shortest_first(first: object, second: object) -> bool:
    """Say whether `first` is surely no longer than `second`; equal texts always are."""
    if first == second:
        return True
    if not isinstance(first, str) or not isinstance(second, str):
        return second is None
    return _minutes(first)[1] <= _minutes(second)[0]


def _minutes(text: str) -> tuple[int, int]:
    """Give the least and the most minutes of a duration."""
    found = _PARTS.fullmatch(text)
    years, months, weeks, days, hours, minutes = (
        (int(p or 0) for p in found.groups()) if found else (0,) * 6
    )
    fixed = (weeks * 7 + days) * _DAY + hours * 60 + minutes
    return fixed + (years * 365 + months * 28) * _DAY, fixed + (years * 366 + months * 31) * _DAY
