"""Quantities and units as people write them.

It must not know any one page.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from qtcore.registry.registry import Registry

_BRACKETS = str.maketrans("", "", "{}[]")
_PLAIN_UNITS: Mapping[str, str] = {"{count}": "pcs", "10*3.{count}": "thousand", "[lb_av]": "lb",
                                   "[oz_av]": "oz", "[gal_us]": "gal"}  # fmt: skip

# Only after a number: a code that is named by itself is what a program is to send.
_COUNTED: Final = re.compile(r"(?<=\d )(?:10\*3\.)?[{\[][^{}\[\]\s]{1,30}[}\]]")


def say_units(registry: Registry, language: str, text: str) -> str:
    """Write the units of the quantities in a sentence as people do."""
    return _COUNTED.sub(lambda found: show_unit(registry, language, found[0]), text)


def show_quantity(
    registry: Registry, language: str, value: Decimal | str | None, unit: str = ""
) -> str:
    """Show a quantity with its digits as typed and its unit after a thin space."""
    if value is None:
        return "?"
    text = format(value, "f") if isinstance(value, Decimal) else value
    return f"{text}\u202f{show_unit(registry, language, unit)}" if unit else text


def show_unit(registry: Registry, language: str, unit: str) -> str:
    """Write a unit as people do: UCUM's brackets and braces are for machines."""
    if not set(unit) & set("{}[]"):
        return unit
    known = registry.unit(unit)
    if known is not None and language.startswith("zh"):
        words = [alias for alias in known.aliases if not alias.isascii() and alias[:1].isalpha()]
        if words:
            return words[0]
    return _PLAIN_UNITS.get(unit) or unit.translate(_BRACKETS)


def typed_unit(registry: Registry, language: str, unit: str) -> str:
    """Write a unit into a field as a person would type it; always as it is read again."""
    shown = show_unit(registry, language, unit)
    return shown if registry.unit(shown) is not None else unit
