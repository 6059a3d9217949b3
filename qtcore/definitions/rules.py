"""Rules and the facts they speak of.

It must not know how facts are gathered, nor the expression engine.
"""

from typing import Literal

from pydantic import Field

from qtcore.definitions.definition import Definition, Expression, Flag, Id, Model, Name, Text

FactType = Literal[
    "boolean", "integer", "decimal", "quantity", "text", "date", "datetime", "duration", "text_list"
]
EVERY_EVENT = "event"
"""The gate that every event asks, whatever its verb."""
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

    `core`: gathered by the product under its id. `field`: ``lot.<name>``, ``item.<name>`` or
    ``inputs.<name>``, what the lots it was made of have in that field of a lot, as a text list.
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
    """A rule of a gate: ``release``, one that a workflow names, or one of events.

    A gate named as a verb (``receive``, ``transform``, ``ship`` ...) is asked when an event of that
    verb is recorded, before anything is stored, for each lot that it names or makes; ``event`` is
    asked for every verb. There the facts ``event_type``, ``event_verb``, ``event_part``,
    ``event_on``, ``event_place`` and ``fields_told`` speak of the event.

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
