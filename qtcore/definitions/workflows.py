"""Life cycles: states, transitions and who may make them under which conditions.

It must not know the engine, records, or how a guard is evaluated.
"""

from typing import Literal

from pydantic import Field

from qtcore.definitions.definition import (
    Definition,
    Duration,
    Expression,
    Flag,
    Id,
    Model,
    Name,
    Status,
)
from qtcore.definitions.properties import Ability, Property


class State(Model):
    """One state. `status` is one of the six the screens know; `may` lists what its subject may do.

    A lot in a state without ``ship`` cannot be shipped, without ``consume`` not be used.
    Label in i18n under ``workflows.<id>.states.<state>``.
    """

    id: Name
    status: Status
    may: tuple[Ability, ...] = ()
    final: Flag = False


class SignatureDemand(Model):
    """A signature that a transition needs: its meaning, and which strictness profile applies."""

    meaning: Name
    profile: Literal["strict", "session", "simple"] = "simple"
    roles: tuple[Id, ...] = ()


class Effect(Model):
    """What the product does after a transition: place or lift a hold, notify, start a record."""

    do: Literal["hold", "lift_hold", "notify", "create_record"]
    reason: Name | None = None
    record: Id | None = None
    roles: tuple[Id, ...] = ()


class Timer(Model):
    """A deadline in a state: after `after`, `fire` runs or `escalate_to` is told."""

    state: Name
    after: Duration
    calendar: Literal["calendar", "business"] = "calendar"
    fire: Name | None = None
    escalate_to: tuple[Id, ...] = ()


class Transition(Model):
    """A step from one of `from` to `to`.

    `roles`: who may (at least one). `guard`: an expression over facts; unknown refuses.
    `gate`: a group of rules that must pass (for example ``release``). `form`: must be filled.
    `reason`: a text is demanded. `not_same_as`: transitions whose actor must be another person.
    Label in i18n under ``workflows.<id>.transitions.<transition>``.
    """

    id: Name
    from_: tuple[Name, ...] = Field(alias="from", min_length=1)
    to: Name
    roles: tuple[Id, ...] = Field(min_length=1)
    guard: Expression | None = None
    gate: Name | None = None
    form: Id | None = None
    reason: Flag = False
    signature: SignatureDemand | None = None
    not_same_as: tuple[Name, ...] = ()
    effects: tuple[Effect, ...] = ()


class WorkflowDefinition(Definition):
    """A life cycle of a `subject`: ``lot``, ``inspection``, or ``record``.

    `verify`: what holds on every path through it; proved whenever the definition is checked.
    """

    subject: Name
    initial: Name
    states: tuple[State, ...] = Field(min_length=1)
    transitions: tuple[Transition, ...] = ()
    timers: tuple[Timer, ...] = ()
    verify: tuple[Property, ...] = ()


class RecordDefinition(Definition):
    """A kind of record: form + workflow + numbering.

    `number` is the prefix of its numbers (``DEV`` gives DEV-2026-0001, per tenant and year);
    `about` says what it may be linked to. Title in i18n under ``records.<id>``.
    """

    form: Id
    workflow: Id
    number: Id
    about: tuple[Literal["lot", "item", "party", "equipment", "event", "record"], ...] = ("lot",)
    roles: tuple[Id, ...] = ()
