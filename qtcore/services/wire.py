"""How values look outside: decimals as text with their digits, never with an exponent.

It must not know any one answer.
"""

from decimal import Decimal


def decimal_text(value: Decimal) -> str:
    """Write a decimal as it was typed: ``1E-12`` becomes ``0.000000000001``."""
    return format(value, "f")


def optional_text(value: Decimal | None) -> str | None:
    """Write a decimal that may be missing."""
    return None if value is None else decimal_text(value)
