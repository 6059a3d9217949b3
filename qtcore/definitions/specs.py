"""Specifications: characteristics with limits, by item or for all items of an industry.

It must not know results or sampling arithmetic.
"""

from typing import Literal

from pydantic import Field

from qtcore.definitions.definition import Definition, Flag, Model, Name, Number, Text


class Characteristic(Model):
    """One thing that is tested. Limits are inclusive; a value outside fails.

    For type ``choice`` the result must be one of `accept`. Label: ``specs.<id>.<characteristic>``.
    """

    id: Name
    type: Literal["decimal", "boolean", "choice"] = "decimal"
    unit: Text | None = None
    lower: Number | None = None
    upper: Number | None = None
    accept: tuple[Text, ...] = ()
    method: Text | None = None
    required: Flag = True
    critical: Flag = False


class SpecDefinition(Definition):
    """A specification. `items` lists item codes; `kinds` item kinds; `industry` its pack.

    The most specific one applies: by item code, else by industry and kind.
    """

    items: tuple[Text, ...] = ()
    kinds: tuple[Text, ...] = ()
    industry: Name | None = None
    characteristics: tuple[Characteristic, ...] = Field(min_length=1)
