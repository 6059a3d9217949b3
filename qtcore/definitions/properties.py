"""What a life cycle must always keep: the properties under `verify:` that are proved before use.

It must not know how a property is proved, nor any life cycle.
"""

from typing import Literal

from pydantic import Field

from qtcore.definitions.definition import Expression, Flag, Id, LegalSource, Model, Name, Text

Ability = Literal["consume", "ship", "move", "sample", "edit"]

PROPERTY_KINDS = (
    "always_passes",
    "never",
    "before",
    "eventually_possible",
    "requires_rule",
    "requires_distinct_persons",
    "accepts_same_person",
)


class Point(Model):
    """A moment on a path: a state is entered, or a transition is made; exactly one of them."""

    state: Name | None = None
    transition: Name | None = None


class SignatureSought(Model):
    """A signature of this meaning that nobody but these roles can give; at least one of both."""

    meaning: Name | None = None
    roles: tuple[Id, ...] = ()


class AlwaysPasses(Model):
    """Every path into a state passes one transition that carries all that is named here.

    The target is named by `to`, or by `may`: every state whose subject may do that. After the
    target was left, the way back must pass it again, unless `once` is true; so it must after one
    of the transitions in `since` was made.
    """

    to: tuple[Name, ...] = ()
    may: Ability | None = None
    transition: Name | None = None
    gate: Name | None = None
    signature: SignatureSought | None = None
    since: tuple[Name, ...] = ()
    once: Flag = False


class Never(Model):
    """No path enters `state`, or makes `transition`, or makes it in that state.

    `after`: only what follows that moment counts. `when`: only moments at which that is true.
    """

    state: Name | None = None
    transition: Name | None = None
    after: Point | None = None
    when: Expression | None = None


class Before(Model):
    """On every path `first` happens before `then` does."""

    first: Point
    then: Point


class EventuallyPossible(Model):
    """From each of `from` (by default from every state that can be reached) a way leads to `to`."""

    to: tuple[Name, ...] = Field(min_length=1)
    from_: tuple[Name, ...] = Field(default=(), alias="from")


class RequiresRule(Model):
    """Every path into a state passes a gate that judges this rule and stops when it fails."""

    rule: Id
    to: tuple[Name, ...] = ()
    may: Ability | None = None
    once: Flag = False


class DistinctPersons(Model):
    """Who enters `to` (or makes `transition`) is none of those who made `other_than` before."""

    other_than: tuple[Name, ...] = Field(min_length=1)
    to: tuple[Name, ...] = ()
    transition: Name | None = None


class SamePerson(Model):
    """One person may do the work and approve it with this transition, for this reason."""

    transition: Name
    reason: Text


class Property(Model):
    """A claim about all paths of a life cycle; exactly one of the seven kinds.

    A property that fails is a problem with a path that breaks it. One that cannot be decided is a
    warning, and a problem when `mandatory`. A mandatory property also binds every workflow that
    replaces this one in a later layer.
    """

    id: Name
    mandatory: Flag = False
    source: LegalSource | None = None
    always_passes: AlwaysPasses | None = None
    never: Never | None = None
    before: Before | None = None
    eventually_possible: EventuallyPossible | None = None
    requires_rule: RequiresRule | None = None
    requires_distinct_persons: DistinctPersons | None = None
    accepts_same_person: SamePerson | None = None

    @property
    def kind(self) -> str:
        """Name the kind that is given, or nothing when none is."""
        return next((kind for kind in PROPERTY_KINDS if getattr(self, kind) is not None), "")
