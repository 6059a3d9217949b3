"""Rules and the facts they speak of.

It must not know how facts are gathered, nor the expression engine.
"""

from typing import Literal

from pydantic import Field

from qtcore.definitions.definition import Definition, Expression, Flag, Id, Model, Name, Text

FactType = Literal[
    "boolean", "integer", "decimal", "quantity", "text", "date", "datetime", "duration", "text_list"
]
Severity = Literal["block", "block_override", "warn", "info"]


class RecordCount(Model):
    """A fact that counts records of a kind linked to the lot (or, `inputs`, to its inputs)."""

    record: Id
    state_not_in: tuple[Name, ...] = ()
    state_in: tuple[Name, ...] = ()
    where: dict[Name, Text] = Field(default_factory=dict)
    inputs: Flag = False


class FactSource(Model):
    """Where a fact's value comes from; exactly one of these.

    `core`: gathered by the product under the fact's id. `field`: ``lot.<name>`` or ``item.<name>``.
    `count`: records. `result`: the latest result of a characteristic (its verdict when the fact is
    boolean, its value otherwise). `event`: whether (boolean) or how many (integer) events of a type
    name this lot. `pack`: a pack's Python hook gives it.
    """

    core: Flag = False
    field: Text | None = None
    count: RecordCount | None = None
    result: Name | None = None
    event: Id | None = None
    pack: Flag = False


class FactDefinition(Definition):
    """A named value that rules may use; without a value it is unknown, and unknown blocks.

    `id` is a name usable in expressions. A `quantity` is a decimal in its `unit`: a value recorded
    in another unit of the same dimension is converted, one in any other unit is unknown. Label in
    i18n under ``facts.<id>``. `constant`: from its first use on, a lot or record always shows the
    same value, or always none; proofs rely on it.
    """

    type: FactType
    from_: FactSource = Field(alias="from")
    values: tuple[Text, ...] = ()
    unit: Text | None = None
    constant: Flag = False


class RuleDefinition(Definition):
    """A rule of a gate.

    `check` must be true; unknown blocks like false. `when` limits it to lots for which that is
    true (unknown counts as applicable). `industries` limits it to items of these packs.
    Severity: block (no way round), block_override (release only with justification and a second
    signature), warn, info. Texts in i18n: ``rules.<id>.title``, ``rules.<id>.fix``.
    """

    gate: Name = "release"
    check: Expression
    when: Expression | None = None
    severity: Severity = "block"
    industries: tuple[Id, ...] = ()
