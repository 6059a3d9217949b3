"""How values look outside: decimals as text with their digits, never with an exponent.

It must not know any one answer.
"""

from decimal import Decimal

from qtcore.engines.balance import decimal_text

__all__ = ["decimal_text", "optional_text"]


def optional_text(value: Decimal | None) -> str | None:
    """Write a decimal that may be missing."""
    return None if value is None else decimal_text(value)
