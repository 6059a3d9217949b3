"""What a part of an element may hold beyond its signs and length: dates, codes, checks.

It must not know which element has which part. Each rule gives None, or what is accepted instead.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from qtcore.builtin.gs1.check_digits import (
    SIGNS_82,
    check_digit,
    check_pair,
    has_check_digit,
    has_iban_check,
)
from qtcore.builtin.gs1.code_lists import COUNTRY_LETTERS, COUNTRY_NUMBERS, CURRENCY_NUMBERS
from qtcore.builtin.gs1.coupons import coupon_format, coupon_offer
from qtcore.builtin.gs1.dates import is_long_date, is_short_date, is_short_date_or_month

Rule = Callable[[str], str | None]

_LINK_SIGNS: Final = frozenset("-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")


def _check(text: str) -> str | None:
    if has_check_digit(text):
        return None
    return f"check digit {check_digit(text[:-1])}, found {text[-1]}"


def _company_prefix(start: int) -> Rule:
    def rule(text: str) -> str | None:
        head = text[start : start + 4]
        if len(head) == 4 and head.isascii() and head.isdigit():
            return None
        place = "" if not start else f" after the first {'digit' if start == 1 else 'digits'}"
        return f"a GS1 company prefix of at least 4 digits{place}"

    return rule


def _short_date(text: str) -> str | None:
    return None if is_short_date(text) else "a date YYMMDD that exists"


def _date_or_month(text: str) -> str | None:
    if is_short_date_or_month(text):
        return None
    return "a date YYMMDD that exists, or day 00 for the whole month"


def _long_date(text: str) -> str | None:
    return None if is_long_date(text) else "a date YYYYMMDD that exists"


def _at_most(limit: int, what: str) -> Rule:
    def rule(text: str) -> str | None:
        return None if int(text) <= limit else what

    return rule


def _clock(text: str) -> str | None:
    return None if int(text[:2]) < 24 and int(text[2:]) < 60 else "a time HHMM, 0000 to 2359"


def _one_of(codes: frozenset[str], what: str) -> Rule:
    def rule(text: str) -> str | None:
        return None if text in codes else what

    return rule


def _pattern(pattern: str, what: str) -> Rule:
    compiled = re.compile(pattern, re.ASCII)

    def rule(text: str) -> str | None:
        return None if compiled.fullmatch(text) else what

    return rule


def _piece_of_total(text: str) -> str | None:
    piece, total = int(text[:2]), int(text[2:])
    return None if 1 <= piece <= total else "a piece and a total, 0101 to 9999, piece <= total"


def _position_in_sequence(text: str) -> str | None:
    match = re.fullmatch(r"([1-9])/([1-9])", text, re.ASCII)
    return None if match and match[1] <= match[2] else "N/N, the place not above the number"


def _iban(text: str) -> str | None:
    form = re.fullmatch(r"([A-Z]{2})[0-9]{2}[0-9A-Z]{1,30}", text, re.ASCII)
    if form is None or form[1] not in COUNTRY_LETTERS:
        return "an IBAN: country, two check digits, account"
    return None if has_iban_check(text) else "an IBAN whose check digits are right"


def _check_signs(text: str) -> str | None:
    if len(text) < 3 or not set(text) <= set(SIGNS_82):
        return "a model reference and two check signs"
    right = check_pair(text[:-2])
    return None if text[-2:] == right else f"check signs {right}, found {text[-2:]}"


RULES: Final[Mapping[str, Rule]] = {
    "check": _check,
    "prefix": _company_prefix(0),
    "prefix2": _company_prefix(1),
    "date0": _date_or_month,
    "date": _short_date,
    "longdate": _long_date,
    "clock": _clock,
    "hour": _at_most(23, "an hour, 00 to 23"),
    "sixty": _at_most(59, "00 to 59"),
    "country": _one_of(COUNTRY_NUMBERS, "a country number of ISO 3166-1"),
    "country999": _one_of(COUNTRY_NUMBERS | {"999"}, "a country number of ISO 3166-1 or 999"),
    "land": _one_of(COUNTRY_LETTERS, "a country code of ISO 3166-1, two letters"),
    "currency": _one_of(CURRENCY_NUMBERS, "a currency number of ISO 4217"),
    "escapes": _pattern(r"(?:[^%]|%[0-9A-Fa-f]{2})*", "% followed by two hexadecimal digits"),
    "latitude": _at_most(1_800_000_000, "a latitude, 0000000000 to 1800000000"),
    "longitude": _at_most(3_600_000_000, "a longitude, 0000000000 to 3600000000"),
    "yesno": _pattern("[01]", "0 (no) or 1 (yes)"),
    "minus": _pattern("-", "a minus sign"),
    "importer": _one_of(_LINK_SIGNS, "a letter, a digit, - or _"),
    "package": _pattern("[0-9A-Z]{1,4}", "a package type code: capital letters and digits"),
    "medium": _pattern("0[1-9]|10|[89][0-9]", "a media type, 01 to 10 or 80 to 99"),
    "sex": _pattern("[0129]", "0, 1, 2 or 9 (ISO 5218)"),
    "place": _position_in_sequence,
    "positive": _pattern("0*[1-9][0-9]*", "a number above zero"),
    "winding": _pattern("[019]", "winding direction 0, 1 or 9"),
    "zero": _pattern("0", "0"),
    "pieces": _piece_of_total,
    "iban": _iban,
    "nozero": _pattern("0|[1-9][0-9]*", "a number without leading zeros"),
    "pair": _check_signs,
    "nondigit": _pattern(".*[^0-9].*", "a sign that is no digit"),
    "coupon": coupon_format,
    "offer": coupon_offer,
}
