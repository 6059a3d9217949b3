"""Roles and the units of measure a site may use.

It must not know users or sessions.
"""

from pydantic import Field

from qtcore.definitions.definition import Definition, Flag, Number, Text

RIGHTS: tuple[str, ...] = (
    "lot.read",
    "lot.transition",
    "lot.join",
    "event.record",
    "master.write",
    "record.read",
    "record.submit",
    "record.transition",
    "result.record",
    "release.decide",
    "hold.place",
    "hold.lift",
    "trace.read",
    "recall.scope",
    "recall.start",
    "import.run",
    "import.undo",
    "export.run",
    "ledger.read",
    "ledger.verify",
    "ledger.review",
    "ledger.manage",
    "user.manage",
    "pack.read",
    "definition.read",
    "definition.edit",
    "definition.publish",
    "definition.migrate",
)


class RoleDefinition(Definition):
    """A role and the rights it carries; label in i18n under ``roles.<id>``.

    Rights are names such as ``lot.read``, ``event.record``, ``record.submit:deviation``,
    ``release.decide``, ``recall.scope``; ``group.*`` grants a whole group, ``*`` everything.
    """

    permissions: tuple[Text, ...] = ()
    may_sign: Flag = True


class UnitDefinition(Definition):
    """A unit of measure (UCUM code as id text in `code`) of a dimension.

    `factor` converts one of it into the dimension's base unit, exactly; units without a common
    dimension never convert. `aliases` are other spellings accepted on import (KGM, kilogram).
    """

    code: Text
    dimension: Text
    factor: Number = Field(gt=0)
    aliases: tuple[Text, ...] = ()
