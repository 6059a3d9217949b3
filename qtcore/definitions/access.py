"""Roles and the units of measure a site may use.

It must not know users or sessions.
"""

from decimal import Decimal

from pydantic import Field

from qtcore.definitions.definition import Definition, Text


class RoleDefinition(Definition):
    """A role and the rights it carries; label in i18n under ``roles.<id>``.

    Rights are names such as ``lot.read``, ``event.record``, ``record.submit:deviation``,
    ``release.decide``, ``recall.scope``; ``group.*`` grants a whole group, ``*`` everything.
    """

    permissions: tuple[Text, ...] = ()
    may_sign: bool = True


class UnitDefinition(Definition):
    """A unit of measure (UCUM code as id text in `code`) of a dimension.

    `factor` converts one of it into the dimension's base unit, exactly; units without a common
    dimension never convert. `aliases` are other spellings accepted on import (KGM, kilogram).
    """

    code: Text
    dimension: Text
    factor: Decimal = Field(gt=0)
    aliases: tuple[Text, ...] = ()
