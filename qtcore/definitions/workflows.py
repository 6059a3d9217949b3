"""Life cycles: states, transitions and who may make them under which conditions.

It must not know the engine, records, or how a guard is evaluated.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from qtcore.definitions.definition import (
    Definition,
    Duration,
    Expression,
    Flag,
    Id,
    Model,
    Name,
    Status,
    Text,
    as_text,
)
from qtcore.definitions.policies import Profile
from qtcore.definitions.properties import Ability, Property

RECALL: Final = "recall"
MOST_CHAINED: Final = 8
"""How many records may open each other in one step."""

_STATE_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_NAME_SCHEMA = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,59}$"}


def _as_states(value: object) -> object:
    """Accept the name of one state, or a list of names; one name is a text, several a tuple."""
    names = [value] if isinstance(value, str) else value
    good = isinstance(names, list | tuple) and all(
        isinstance(name, str) and _STATE_NAME.fullmatch(name) for name in names
    )
    if not good or not isinstance(names, list | tuple):
        raise ValueError("the name of a state, or a list of such names")
    return names[0] if len(names) == 1 else tuple(names)


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _as_people(value: object) -> object:
    if isinstance(value, bool):
        return value
    if isinstance(value, list | tuple) and all(isinstance(v, str) for v in value) and value:
        return tuple(value)
    raise ValueError("true, or a list of transitions")


def _as_written(value: Any) -> Any:
    """Store several names as a list, one as a text."""
    return list(value) if isinstance(value, tuple) else value


States = Annotated[
    str | tuple[str, ...],
    PlainValidator(_as_states),
    PlainSerializer(_as_written),
    WithJsonSchema({"anyOf": [_NAME_SCHEMA, {"type": "array", "items": _NAME_SCHEMA}]}),
]
Trigger = Annotated[
    str,
    BeforeValidator(as_text),
    StringConstraints(pattern=r"^(\*|[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*(\.\*)?)$"),
]
Triggers = Annotated[tuple[Trigger, ...], BeforeValidator(_as_list)]
People = Annotated[
    bool | tuple[str, ...],
    PlainValidator(_as_people),
    PlainSerializer(_as_written),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "array", "items": _NAME_SCHEMA}]}),
]


def as_names(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """Give the names of `to` or `initial` as a tuple, also when it is one name."""
    return (value,) if isinstance(value, str) else value


class State(Model):
    """One state. `status` is one of the six the screens know; `may` lists what its subject may do.

    `states` are states inside it: being in one of them is being in it. `initial` is the one that is
    entered first (without it the first that is written); with `parallel` all of them are active at
    once. A state with `history` is a bookmark: a transition to it leads back to where its parent
    was left (``shallow``: its child, ``deep``: everything inside), or to `initial` the first time.
    A state inside another takes its `status` and `may` where it says none. A lot in a state without
    ``ship`` cannot be shipped, without ``consume`` not be used; in parallel states only what all
    of them allow. Label in i18n under ``workflows.<id>.states.<state>``.
    """

    id: Name
    status: Status
    may: tuple[Ability, ...] = ()
    final: Flag = False
    initial: States = ()
    parallel: Flag = False
    history: Literal["shallow", "deep"] | None = None
    states: tuple["State", ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _hand_down(cls, value: Any) -> Any:
        """Give the states inside what they do not say themselves."""
        if not isinstance(value, Mapping) or not isinstance(value.get("states"), list | tuple):
            return value
        given = {key: value[key] for key in ("status", "may") if key in value}
        inner = [{**given, **s} if isinstance(s, Mapping) else s for s in value["states"]]
        return {**value, "states": inner}

    def walk(self) -> Iterator["State"]:
        """Visit this state and all inside it, in the order they are written."""
        yield self
        for state in self.states:
            yield from state.walk()


class SignatureDemand(Model):
    """A signature that a transition needs: its meaning, and which strictness profile applies.

    ``strict`` asks for all components each time; ``session`` for all of them first, then for one
    in a continuous period of signing; ``simple`` for one. Kinds of `policies` may ask for more.
    `training` names the topics in which the signer must hold a training that is valid.
    """

    meaning: Name
    profile: Profile = "simple"
    roles: tuple[Id, ...] = ()
    training: tuple[Id, ...] = ()


class FieldValue(Model):
    """A field of a new record, filled with `value`, or with what field `from` holds here."""

    field: Name
    value: Text | None = None
    from_: Name | None = Field(default=None, alias="from")


class Effect(Model):
    """What the product does after a transition: place or lift a hold, notify, start a record.

    `fields` fill the new record's form. ``start_recall`` opens a recall (a record of kind `record`,
    by default ``recall``) about the lots that this one is about: its scope is frozen and held at
    once, by the plan that `fields` must name. ``lift_hold`` lifts what the same record placed.
    """

    do: Literal["hold", "lift_hold", "notify", "create_record", "start_recall"]
    reason: Name | None = None
    record: Id | None = None
    roles: tuple[Id, ...] = ()
    fields: tuple[FieldValue, ...] = ()

    @property
    def opens(self) -> str:
        """The kind of record it opens; empty for other effects."""
        return self.record or (RECALL if self.do == "start_recall" else "")


class Timer(Model):
    """A deadline in a state, counted from its entry, or from the day in the form's field `date`.

    It is due `after` that moment, or `before` the day. `calendar`: every day counts
    (``calendar``), or only the working days of the calendar named. When it is due `fire` is made,
    the roles in `escalate_to` are told, and the record's `priority` is raised; `repeat` does the
    telling again and again until the state is left.
    """

    state: Name
    after: Duration | None = None
    before: Duration | None = None
    date: Name | None = None
    calendar: Id = "calendar"
    fire: Name | None = None
    escalate_to: tuple[Id, ...] = ()
    priority: Literal["high", "urgent"] | None = None
    repeat: Duration | None = None


class Transition(Model):
    """A step from one of `from` to `to`; `to: []` stays where it is.

    `trigger`: the event it answers, by default its id; several transitions may share one, and one
    may answer several. Dots make parts: ``hold`` also answers ``hold.customer``, ``*`` everything.
    `automatic`: made by itself as soon as its guard is true; with `when_done` when all that is
    inside `from` has reached a final state. `internal`: `from` is not left when `to` lies inside.

    `roles`: who may (at least one, unless automatic). `guard`: an expression over facts; unknown
    refuses; ``'x' in active_states`` asks for another region. `gate`: a group of rules that must
    pass (for example ``release``); `rules`: single rules that must pass. `form`: must be filled.
    `reason`: a text is demanded. `needs_signed`: signed transitions whose last signature must hold
    for what the lot or record says now. `not_same_as`: transitions whose makers are other persons.
    `different_from_all`: true for everybody who made any step before, or a list as `not_same_as`.
    `creator`: ``only`` who opened it, or ``never``. A delegate counts as the person represented.
    Label in i18n under ``workflows.<id>.transitions.<transition>``.
    """

    id: Name
    from_: tuple[Name, ...] = Field(alias="from", min_length=1)
    to: States
    trigger: Triggers = ()
    automatic: Flag = False
    when_done: Flag = False
    internal: Flag = False
    roles: tuple[Id, ...] = ()
    guard: Expression | None = None
    gate: Name | None = None
    rules: tuple[Id, ...] = ()
    form: Id | None = None
    reason: Flag = False
    signature: SignatureDemand | None = None
    needs_signed: tuple[Name, ...] = ()
    not_same_as: tuple[Name, ...] = ()
    different_from_all: People = False
    creator: Literal["only", "never"] | None = None
    effects: tuple[Effect, ...] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        """The states it leads to: none when it stays, several in parallel states."""
        return as_names(self.to)

    @property
    def is_automatic(self) -> bool:
        """Say whether it happens by itself."""
        return self.automatic or self.when_done

    @property
    def triggers(self) -> tuple[str, ...]:
        """The events it answers; nothing when it is automatic."""
        return () if self.is_automatic else self.trigger or (self.id,)

    @property
    def event(self) -> str:
        """The event by which a person makes it."""
        named = [word for word in self.triggers if "*" not in word]
        return named[0] if named else self.id

    @property
    def others(self) -> tuple[str, ...]:
        """The transitions whose makers must be other persons."""
        named = () if isinstance(self.different_from_all, bool) else self.different_from_all
        never = ("create",) if self.creator == "never" else ()
        return tuple(dict.fromkeys((*self.not_same_as, *named, *never)))

    def answers(self, event: str) -> bool:
        """Say whether it is made by that event."""
        return any(matches(word, event) for word in self.triggers)


def matches(descriptor: str, event: str) -> bool:
    """Say whether an event is what a descriptor names: whole parts between dots count."""
    wanted = descriptor.removesuffix(".*")
    return wanted in ("*", event) or event.startswith(f"{wanted}.")


class WorkflowDefinition(Definition):
    """A life cycle of a `subject`: ``lot``, ``inspection``, or ``record``.

    `verify`: what holds on every path through it; proved whenever the definition is checked.
    """

    subject: Name
    initial: States
    states: tuple[State, ...] = Field(min_length=1)
    transitions: tuple[Transition, ...] = ()
    timers: tuple[Timer, ...] = ()
    verify: tuple[Property, ...] = ()

    @property
    def all_states(self) -> tuple[State, ...]:
        """All states at every depth, in the order they are written; bookmarks too."""
        return tuple(inner for state in self.states for inner in state.walk())


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
