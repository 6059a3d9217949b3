"""The inner structure of North American coupon codes.

It must not know other elements. Each part tells its own length, so that it is read from the left.
"""

from typing import Final

from qtcore.builtin.gs1.dates import is_short_date

_PURCHASE_CODES: Final = "012349"


class _Bad(ValueError):
    """The code breaks its own structure; the text says what is accepted there."""


class _Digits:
    """Reads digits from the left."""

    def __init__(self, text: str) -> None:
        self.rest = text

    def take(self, length: int, what: str) -> str:
        found, self.rest = self.rest[:length], self.rest[length:]
        if len(found) < length:
            raise _Bad(f"{what} of {length} digits")
        return found

    def one_of(self, accepted: str, what: str) -> str:
        found = self.take(1, what)
        if found not in accepted:
            raise _Bad(f"{what}: one of {', '.join(accepted)}, found {found}")
        return found

    def sized(self, lengths: str, extra: int, what: str) -> None:
        """Read a digit that tells the length of what follows, and that."""
        self.take(int(self.one_of(lengths, f"the length of {what}")) + extra, what)


def coupon_format(text: str) -> str | None:
    """Check a coupon (positive structure of the coupon guideline); None when it is sound."""
    if not (text.isascii() and text.isdigit()):
        return "digits only"
    digits = _Digits(text)
    try:
        digits.sized("0123456", 6, "the company prefix")
        digits.take(6, "the offer code")
        digits.sized("12345", 0, "the save value")
        _purchase(digits, "the primary purchase")
        _optional(digits)
    except _Bad as bad:
        return str(bad)
    return "nothing more after the last field" if digits.rest else None


def coupon_offer(text: str) -> str | None:
    """Check a positive offer file coupon; None when it is sound."""
    if not (text.isascii() and text.isdigit()):
        return "digits only"
    digits = _Digits(text)
    try:
        digits.one_of("01", "the coupon format")
        digits.sized("0123456", 6, "the coupon funder")
        digits.take(6, "the offer code")
        digits.sized("0123456789", 6, "the serial number")
    except _Bad as bad:
        return str(bad)
    return "nothing more after the serial number" if digits.rest else None


def _purchase(digits: _Digits, what: str) -> None:
    digits.sized("12345", 0, f"{what} requirement")
    digits.one_of(_PURCHASE_CODES, f"{what} code")
    digits.take(3, f"{what} family code")


def _further_purchase(digits: _Digits, what: str) -> None:
    _purchase(digits, what)
    length = digits.one_of("01234569", f"the length of {what} company prefix")
    if length != "9":
        digits.take(int(length) + 6, f"{what} company prefix")


def _optional(digits: _Digits) -> None:
    """Read the optional fields; they stand in the order of their numbers."""
    dates: dict[str, str] = {}
    for field in "1234569":
        if digits.rest[:1] != field:
            continue
        digits.take(1, "a field number")
        if field == "1":
            digits.one_of("0123", "the additional purchase rule")
            _further_purchase(digits, "the second purchase")
        elif field == "2":
            _further_purchase(digits, "the third purchase")
        elif field in "34":
            dates[field] = digits.take(6, "a date")
            if not is_short_date(dates[field]):
                raise _Bad(f"a date YYMMDD that exists, found {dates[field]}")
        elif field == "5":
            digits.sized("0123456789", 6, "the serial number")
        elif field == "6":
            digits.sized("1234567", 6, "the retailer")
        else:
            _last_field(digits)
    if dates.get("4", "") > dates.get("3", "9"):
        raise _Bad(f"a start that is not after the expiry {dates['3']}, found {dates['4']}")


def _last_field(digits: _Digits) -> None:
    digits.one_of("01256", "the save value code")
    digits.one_of("012", "the item the save value applies to")
    digits.take(1, "the store coupon flag")
    digits.one_of("01", "the do-not-multiply flag")
