"""Dates as GS1 elements write them.

It must not know which element holds a date.
"""

from datetime import date


def is_short_date(text: str) -> bool:
    """Say whether YYMMDD exists."""
    return _exists(2000 + int(text[:2]), text[2:])


def is_short_date_or_month(text: str) -> bool:
    """Say whether YYMMDD exists, or with day 00 the month; 00 means the last day of it."""
    if text[4:] == "00":
        return 1 <= int(text[2:4]) <= 12
    return is_short_date(text)


def is_long_date(text: str) -> bool:
    """Say whether YYYYMMDD exists."""
    return _exists(int(text[:4]), text[4:])


def _exists(year: int, month_and_day: str) -> bool:
    # In two digits every fourth year is a leap year: the window never reaches 1900 or 2100.
    try:
        date(year, int(month_and_day[:2]), int(month_and_day[2:]))
    except ValueError:
        return False
    return True
