"""Every property of a life cycle proved, refuted by a shortest path, or left undecided.

It must not know where the definition is written, nor what follows from a verdict.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from qtcore.definitions.properties import Property
from qtcore.definitions.verify_structure import find_unknown_name
from qtcore.engines.proofs.claims import (
    begins_too_early,
    carries_all,
    carries_rule,
    list_targets,
    watch_before,
    watch_never,
    watch_passing,
    watch_persons,
    watch_unmade,
)
from qtcore.engines.proofs.moves import Move, Path, Place
from qtcore.engines.proofs.paths import Found, TooManyPaths, Walk, Watch, list_doubtful
from qtcore.engines.proofs.words import (
    ENGLISH,
    Said,
    Tongue,
    claim_words,
    path_words,
    states,
)

Verdict = Literal["proved", "fails", "undecided", "accepted"]


@dataclass(frozen=True, slots=True)
class Proof:
    """The verdict on one property; `way` is a shortest counter-example from `initial`.

    `note` says more about why. A proved one has a `way` where it holds only for want of an earlier
    step. Words are English unless another `Tongue` is asked for.
    """

    claim: Property
    verdict: Verdict
    way: Path | None = None
    initial: str = ""
    note: Said | None = None

    @property
    def steps(self) -> tuple[str, ...]:
        """The transitions of the path."""
        return tuple(step.id for edge in self.way or () for step in edge.steps)

    @property
    def path(self) -> str:
        """The path in English words."""
        return self.path_in(ENGLISH)

    @property
    def reason(self) -> str:
        """What more there is to say, in English."""
        return ENGLISH.tell(self.note) if self.note else ""

    @property
    def message(self) -> str:
        """Say the verdict with what breaks the claim."""
        return self.message_in(ENGLISH)

    def path_in(self, tongue: Tongue) -> str:
        """Say the path in a language; empty when there is none."""
        return "" if self.way is None else path_words(self.initial, self.way, tongue)

    def message_in(self, tongue: Tongue) -> str:
        """Say the verdict with what breaks the claim, in a language."""
        claim = tongue.say("property", self.claim.id, claim_words(self.claim, tongue))
        if self.verdict == "accepted" or (self.verdict == "proved" and self.way is None):
            return tongue.say(self.verdict, claim)
        path = self.path_in(tongue)
        shown = tongue.say("path", path) if path else ""
        reason = tongue.say("reason", tongue.tell(self.note)) if self.note else ""
        key = "says_nothing" if self.verdict == "proved" else self.verdict
        return tongue.say(key, claim, shown, reason)

    def as_json(self, tongue: Tongue = ENGLISH) -> dict[str, object]:
        """Give the shape that `--json` and the API show."""
        return {
            "property": self.claim.id,
            "kind": self.claim.kind,
            "claim": claim_words(self.claim, tongue),
            "mandatory": self.claim.mandatory,
            "verdict": self.verdict,
            "path": self.path_in(tongue),
            "steps": list(self.steps),
            "reason": tongue.tell(self.note) if self.note else "",
        }


def prove_property(walk: Walk, claim: Property) -> Proof:
    """Decide one property; what names nothing here, or is too large, is undecided."""
    missing = find_unknown_name(walk.flow, claim)
    if missing or not claim.kind:
        said = Said("said", (missing,)) if missing else Said("claims_nothing")
        return Proof(claim, "undecided", note=said)
    try:
        return _PROVERS[claim.kind](walk, claim)
    except TooManyPaths:
        return Proof(claim, "undecided", note=Said("too_many"))


def _prove_passing(walk: Walk, claim: Property) -> Proof:
    body: Any = claim.always_passes
    targets = list_targets(walk.flow, body.to, body.may)
    watch = watch_passing(targets, carries_all(body), once=body.once, since=body.since)
    return _prove_entries(walk, claim, targets, watch)


def _prove_rule(walk: Walk, claim: Property) -> Proof:
    body: Any = claim.requires_rule
    targets = list_targets(walk.flow, body.to, body.may)
    watch = watch_passing(targets, carries_rule(walk, body), once=body.once)
    return _prove_entries(walk, claim, targets, watch)


def _prove_entries(
    walk: Walk, claim: Property, targets: Iterable[str], watch: Watch[bool]
) -> Proof:
    if not walk.begins.active.isdisjoint(targets):
        return _proof(walk, claim, "fails", (), note=_begins_in(walk))
    return _report(walk, claim, walk.find_bad(watch))


def _prove_never(walk: Walk, claim: Property) -> Proof:
    body: Any = claim.never
    is_plain = body.transition is None and body.after is None
    if is_plain and body.state in walk.begins.active:
        verdict: Verdict = "undecided" if body.when else "fails"
        return _proof(walk, claim, verdict, (), note=_begins_in(walk))
    return _report(walk, claim, walk.find_bad(watch_never(walk, body)))


def _prove_before(walk: Walk, claim: Property) -> Proof:
    body: Any = claim.before
    if begins_too_early(walk, body):
        return _proof(walk, claim, "fails", (), note=_begins_in(walk))
    return _report(walk, claim, walk.find_bad(watch_before(walk, body)))


def _prove_persons(walk: Walk, claim: Property) -> Proof:
    body: Any = claim.requires_distinct_persons
    same = walk.find_bad(watch_persons(body))
    # Where the other step bars this one's maker in turn, whichever comes second is compared.
    others = [step for step in walk.flow.transitions if step.id in body.other_than]
    is_mutual = any(body.transition in step.others for step in others)
    unmade = None if same or is_mutual else walk.find_bad(watch_unmade(body))
    if unmade is None or not unmade.is_certain:
        return _report(walk, claim, same)
    # It holds there, but only because there is nobody to compare with: that is to be known.
    return _proof(walk, claim, "proved", unmade.path, note=unmade.note)


def _prove_reachable(walk: Walk, claim: Property) -> Proof:
    body: Any = claim.eventually_possible
    possible = walk.places(certain=False, acted=True)
    starts = {
        place: path
        for place, path in possible.items()
        if (
            not walk.chart.read(place.state).isdisjoint(body.from_)
            if body.from_
            else not walk.chart.is_over(walk.chart.read(place.state))
        )
    }
    sure = walk.places(certain=True, acted=True)
    stuck = _list_stuck(walk, possible, body.to, certain=False)
    for place in starts:
        if place in stuck and place in sure:
            return _stuck_proof(walk, claim, "fails", sure[place])
    unsure = stuck | _list_stuck(walk, possible, body.to, certain=True)
    for place, path in starts.items():
        if place in unsure:
            return _stuck_proof(walk, claim, "undecided", path)
    return Proof(claim, "proved")


def _prove_same_person(_: Walk, claim: Property) -> Proof:
    body = claim.accepts_same_person
    return Proof(claim, "accepted", note=Said("said", (body.reason,)) if body else None)


def _list_stuck(
    walk: Walk, places: Iterable[Place], to: Iterable[str], *, certain: bool
) -> set[Place]:
    """Give the places from which no way leads to any of the states."""
    known = set(places)
    targets = frozenset(to)
    before: dict[Place, set[Place]] = {place: set() for place in known}
    good = {place for place in known if not targets.isdisjoint(walk.chart.read(place.state))}
    for place in known:
        for move in walk.leave(place):
            is_sure = move.outcome == "possible" and _is_free(walk, place, move)
            if walk.is_acted(move) and (is_sure or not certain):
                before.setdefault(move.after, set()).add(place)
                if any(not targets.isdisjoint(edge.after) for edge in move.edges):
                    good.add(place)
    open_places = list(good)
    while open_places:
        new = before[open_places.pop()] - good
        good |= new
        open_places.extend(new)
    return known - good


def _is_free(walk: Walk, place: Place, move: Move) -> bool:
    """Say whether the way is open for every lot or record here, not only for some.

    A constant fact that was never asked for may be the wrong one for good.
    """
    asked = [edge.instant for edge in move.edges]
    if not any(
        walk.setting.judge.lasts(g) for each in asked for g in (*each.guards, *each.refused)
    ):
        return True
    return all(each in place.memory for each in asked)


def _stuck_proof(walk: Walk, claim: Property, verdict: Verdict, path: Path) -> Proof:
    here = path[-1].target if path else walk.initial
    goal = states(*claim.eventually_possible.to) if claim.eventually_possible else ""
    key = "way_unknown" if verdict == "undecided" else "no_way"
    return _proof(walk, claim, verdict, path, note=Said(key, (states(here), goal)))


def _report(walk: Walk, claim: Property, found: Found | None) -> Proof:
    if found is None:
        return Proof(claim, "proved")
    if found.is_certain:
        return _proof(walk, claim, "fails", found.path, note=found.note)
    doubtful = list_doubtful(walk, found.path)
    reason = Said("maybe_true", ("; ".join(doubtful),)) if doubtful else found.note
    return _proof(walk, claim, "undecided", found.path, note=reason)


def _begins_in(walk: Walk) -> Said:
    return Said("begins_in", (states(walk.initial),))


def _proof(
    walk: Walk, claim: Property, verdict: Verdict, path: Path, *, note: Said | None
) -> Proof:
    return Proof(claim, verdict, path, walk.initial, note)


_PROVERS: Mapping[str, Callable[[Walk, Property], Proof]] = {
    "always_passes": _prove_passing,
    "never": _prove_never,
    "before": _prove_before,
    "eventually_possible": _prove_reachable,
    "requires_rule": _prove_rule,
    "requires_distinct_persons": _prove_persons,
    "accepts_same_person": _prove_same_person,
}
