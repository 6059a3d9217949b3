"""Roles, what narrows them, fields that only some of them see, and units of measure.

It must not know users or sessions.
"""

from typing import Literal

from pydantic import Field

from qtcore.definitions.definition import Definition, Flag, Id, Name, Number, Text

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
    "token.make",
    "device.manage",
    "pack.read",
    "definition.read",
    "definition.edit",
    "definition.publish",
    "definition.migrate",
)
GROUPS: frozenset[str] = frozenset({f"{right.partition('.')[0]}.*" for right in RIGHTS} | {"*"})
"""What grants a whole group of rights, or everything."""
SITED: frozenset[str] = frozenset(
    {
        "lot.read",
        "lot.transition",
        "event.record",
        "record.read",
        "record.submit",
        "record.transition",
        "result.record",
        "release.decide",
        "hold.place",
        "hold.lift",
        "trace.read",
        "device.manage",
    }
)
"""Rights over things that stand at a site: a role held at one site carries these there alone."""


class RoleDefinition(Definition):
    """A role and the rights it carries; label in i18n under ``roles.<id>``.

    Rights are names such as ``lot.read``, ``event.record``, ``record.submit:deviation``,
    ``release.decide``, ``recall.scope``; ``group.*`` grants a whole group, ``*`` everything.
    `qualified`: it rests on a qualification of the person, so it is lent only to who holds it too.
    """

    permissions: tuple[Text, ...] = ()
    may_sign: Flag = True
    qualified: Flag = False


class LimitDefinition(Definition):
    """Narrows rights of roles: what a role may do, it may do only so.

    A limit concerns a right when `rights` names it, its group (``record.*``), everything (``*``),
    or its kind (``record.submit:deviation``). `states`: only while the thing is in one of these.
    `only`: only at the person's own sites, only their own records (they opened them). A person with
    a second role that is not limited is not limited.
    """

    roles: tuple[Id, ...] = Field(min_length=1)
    rights: tuple[Text, ...] = Field(min_length=1)
    states: tuple[Name, ...] = ()
    only: tuple[Literal["own_site", "own_records"], ...] = ()


class VeilDefinition(Definition):
    """Fields that only some roles see, and of those some edit; for everybody else they are blank.

    `of` is an entity with extra fields (``lot``, ``item``, ``party`` ...), ``record:<kind>`` or
    ``event:<type>``. In `states` names when it lies over a record; always when none is named.
    """

    of: Text
    fields: tuple[Text, ...] = Field(min_length=1)
    visible_to: tuple[Id, ...] = ()
    editable_by: tuple[Id, ...] = ()
    states: tuple[Name, ...] = ()


class UnitDefinition(Definition):
    """A unit of measure (UCUM code as id text in `code`) of a dimension.

    `factor` converts one of it into the dimension's base unit, exactly; units without a common
    dimension never convert. `aliases` are other spellings accepted on import (KGM, kilogram).
    """

    code: Text
    dimension: Text
    factor: Number = Field(gt=0)
    aliases: tuple[Text, ...] = ()
