"""Paths and claims as sentences that a person can follow, in the reader's language.

It must not know how a path was found.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from qtcore.definitions.properties import AlwaysPasses, Never, Point, Property
from qtcore.definitions.workflows import Transition
from qtcore.engines.proofs.moves import Edge
from qtcore.engines.proofs.phrases import PHRASES

_STATE = re.compile(r"[^/+]+")


class Named(NamedTuple):
    """Something with a name of its own: a state, transition, role, rule or meaning, by its id."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class All:
    """Things that happen together, joined by "and"."""

    named: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Things of which one is meant, joined by "or"."""

    named: tuple[Named, ...]


class Way(NamedTuple):
    """A path as its sentence needs it: where it begins, then what is made and where it leads."""

    initial: str
    legs: tuple[tuple[tuple[Transition, ...], str], ...]

    @classmethod
    def of(cls, initial: str, path: Iterable[Edge]) -> "Way":
        """Take what a sentence needs of a path that was found."""
        return cls(initial, tuple((edge.steps, edge.target) for edge in path))


Part = str | Named | All | AnyOf | Way


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence before it is put into words: its key, and what fills its gaps."""

    key: str
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Tongue:
    """How a reader is told: in which language, and with which names, by ``kind.id``.

    What has no name is called by its id, as it stands in the file.
    """

    language: str = "en"
    names: Mapping[str, str] = field(default_factory=dict)

    def name(self, named: Named) -> str:
        """Name one thing; a nested state by all its parts."""
        if named.kind == "states":
            return _STATE.sub(lambda f: self.names.get(f"states.{f[0]}", f[0]), named.id)
        return self.names.get(f"{named.kind}.{named.id}", named.id)

    def phrase(self, key: str) -> str:
        """Give a sentence with its gaps."""
        return PHRASES.get(self.language, PHRASES["en"])[key]

    def say(self, key: str, *parts: Part) -> str:
        """Fill the gaps of a sentence."""
        return self.phrase(key).format(*(self._word(part) for part in parts))

    def tell(self, said: Said) -> str:
        """Put a sentence into words."""
        return self.say(said.key, *said.parts)

    def any_of(self, kind: str, names: Iterable[str]) -> str:
        """Join names with commas and a last "or"."""
        return self._joined([self.name(Named(kind, name)) for name in dict.fromkeys(names)])

    def _joined(self, listed: list[str]) -> str:
        if len(listed) < 2:
            return "".join(listed)
        return self.phrase("comma").join(listed[:-1]) + self.phrase("or") + listed[-1]

    def _word(self, part: Part) -> str:
        if isinstance(part, Named):
            return self.name(part)
        if isinstance(part, All):
            return self.phrase("and").join(map(self.name, part.named))
        if isinstance(part, AnyOf):
            return self._joined(list(dict.fromkeys(map(self.name, part.named))))
        if isinstance(part, Way):
            return _way_words(part, self)
        return part


ENGLISH = Tongue()


def states(*names: str) -> AnyOf:
    """Name states for a sentence."""
    return AnyOf(tuple(Named("states", name) for name in names))


def step_named(step: Transition) -> Named:
    """Name a transition for a sentence."""
    return Named("transitions", step.id)


def roles_of(*steps: Transition) -> AnyOf:
    """Name the roles of transitions for a sentence."""
    return AnyOf(tuple(Named("roles", role) for step in steps for role in step.roles))


def path_words(initial: str, path: Iterable[Edge], tongue: Tongue = ENGLISH) -> str:
    """Write a path: ``open --close by qa or qp [guard]--> closed``."""
    return _way_words(Way.of(initial, path), tongue)


def _way_words(way: Way, tongue: Tongue) -> str:
    words = tongue.name(Named("states", way.initial))
    for steps, target in way.legs:
        made = tongue.phrase("and").join(_step_words(step, tongue) for step in steps)
        words += f" --{made}--> {tongue.name(Named('states', target))}"
    return words


def _step_words(step: Transition, tongue: Tongue) -> str:
    guard = f" [{step.guard}]" if step.guard else ""
    maker = tongue.phrase("itself") if step.is_automatic else tongue.any_of("roles", step.roles)
    return tongue.say("by", Named("transitions", step.id), maker, guard)


def claim_words(claim: Property, tongue: Tongue = ENGLISH) -> str:
    """Say what a property claims."""
    if claim.always_passes is not None:
        body = claim.always_passes
        since = tongue.any_of("transitions", body.since)
        anew = tongue.say("anew", since) if since else ""
        target = target_words(body.to, body.may, tongue)
        return tongue.say("every_path", target, passing_words(body, tongue), anew)
    if claim.never is not None:
        return _never_words(claim.never, tongue)
    if claim.before is not None:
        first = point_words(claim.before.first, tongue)
        return tongue.say("before", first, point_words(claim.before.then, tongue))
    if claim.eventually_possible is not None:
        reach = claim.eventually_possible
        start = tongue.any_of("states", reach.from_) or tongue.phrase("every_state")
        return tongue.say("leads", start, tongue.any_of("states", reach.to))
    if claim.requires_rule is not None:
        rule = claim.requires_rule
        return tongue.say("judged", target_words(rule.to, rule.may, tongue), rule.rule)
    if claim.requires_distinct_persons is not None:
        persons = claim.requires_distinct_persons
        into = tongue.say("step_into", tongue.any_of("states", persons.to))
        step = Named("transitions", persons.transition or "")
        others = tongue.any_of("transitions", persons.other_than)
        return tongue.say("another", step if persons.transition else into, others)
    same = claim.accepts_same_person
    return tongue.say("one_person", Named("transitions", same.transition)) if same else ""


def target_words(names: Iterable[str], may: str | None, tongue: Tongue = ENGLISH) -> str:
    """Name the states that a claim is about."""
    return (
        tongue.say("may_state", tongue.phrase(f"may_{may}"))
        if may
        else tongue.any_of("states", names)
    )


def passing_words(body: AlwaysPasses, tongue: Tongue = ENGLISH) -> str:
    """Name what must be passed."""
    parts = []
    if body.transition:
        parts.append(tongue.say("transition", Named("transitions", body.transition)))
    if body.gate:
        parts.append(tongue.say("gate", body.gate))
    if body.signature is not None:
        meant = Named("signatures", body.signature.meaning or "")
        meaning = tongue.say("meaning", meant) if body.signature.meaning else ""
        who = tongue.any_of("roles", body.signature.roles)
        parts.append(tongue.say("signature", meaning, tongue.say("signed_by", who) if who else ""))
    return tongue.phrase("with").join(parts)


def point_words(point: Point, tongue: Tongue = ENGLISH) -> str:
    """Name a moment."""
    if point.state:
        return tongue.say("state", Named("states", point.state))
    return tongue.say("transition", Named("transitions", point.transition or ""))


def _never_words(body: Never, tongue: Tongue) -> str:
    state = tongue.say("state", Named("states", body.state)) if body.state else ""
    made = Named("transitions", body.transition or "")
    step = tongue.say("transition", made) if body.transition else ""
    words = tongue.say("step_from", step, state) if state and step else state or step
    after = tongue.say("after", point_words(body.after, tongue)) if body.after else ""
    when = tongue.say("when", body.when) if body.when else ""
    return tongue.say("never", words, after, when)
