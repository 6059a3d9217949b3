"""What objects to a transition: role, person, reason, signature, form, guard, gate, rules.

It must not know states, nor how a guard is evaluated or a gate is judged.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from qtcore.definitions.workflows import Transition
from qtcore.errors import Refusal

Evaluate = Callable[[str, Mapping[str, object]], bool | None]
"""Expression and facts -> true, false, or None when the facts do not suffice."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Everything that is known about one attempt to make a step.

    `transition` is the event: the trigger of a transition, or its id. `history` lists the steps
    made before with the person who made each; one made by a delegate stands there for both.
    `stands_for` are the persons in whose place the actor acts. `filled_forms` are the ids of forms
    that are complete. `gate_outcomes` holds, for each gate that was judged, what it objects to; a
    gate that is absent was not judged, and stops the step; so do `rule_outcomes` for single rules.
    `visited` lists the states before this one, the oldest first: bookmarks are filled from it.
    """

    transition: str
    actor_person: str
    roles: frozenset[str] = frozenset()
    reason: str = ""
    signed_meaning: str = ""
    history: tuple[tuple[str, str], ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    filled_forms: frozenset[str] = frozenset()
    gate_outcomes: Mapping[str, tuple[Refusal, ...]] = field(default_factory=dict)
    rule_outcomes: Mapping[str, tuple[Refusal, ...]] = field(default_factory=dict)
    stands_for: frozenset[str] = frozenset()
    visited: tuple[str, ...] = ()


def list_objections(step: Transition, attempt: Attempt, evaluate: Evaluate) -> Iterator[Refusal]:
    """Give every reason why a transition is not made; nothing when it may be."""
    if step.is_automatic:
        yield from _guard(step, attempt, evaluate)
        return
    if attempt.roles.isdisjoint(step.roles):
        held = ", ".join(sorted(attempt.roles)) or "none"
        text = f"{step.id} needs one of the roles {', '.join(step.roles)}; yours: {held}"
        yield Refusal("QT422", text, fix="ask somebody who holds one of these roles")
    yield from _same_person(step, attempt)
    if step.reason and not attempt.reason.strip():
        yield Refusal("QT424", f"{step.id} needs a reason; none was given", fix="write the reason")
    yield from _signature(step, attempt)
    if step.form is not None and step.form not in attempt.filled_forms:
        text = f"{step.id} needs the form {step.form}, which is not filled"
        yield Refusal("QT426", text, fix=f"fill the form {step.form} completely")
    yield from _guard(step, attempt, evaluate)
    yield from _gate(step, attempt)
    yield from _rules(step, attempt)


def _same_person(step: Transition, attempt: Attempt) -> Iterator[Refusal]:
    everybody = step.different_from_all is True
    if not (step.others or everybody or step.creator):
        return
    if not attempt.actor_person:
        earlier = ", ".join(step.others) or "those before"
        text = f"{step.id} must be made by another person than {earlier}; who acts is not known"
        yield Refusal("QT423", text, fix="sign in as a person")
        return
    # A delegate acts in the place of another: what either of them did before counts.
    mine = {attempt.actor_person, *attempt.stands_for}
    made = dict.fromkeys(name for name, person in attempt.history if person in mine)
    barred = [name for name in (made if everybody else step.others) if name in made]
    for earlier in barred:
        # People are compared by key, which says nothing to a reader.
        text = f"{step.id} must be made by another person than {earlier}; you made {earlier}"
        yield Refusal("QT423", text, fix="ask a second person")
    if step.creator == "only" and "create" not in made:
        text = f"{step.id} can be made only by the person who opened this"
        yield Refusal("QT423", text, fix="ask the person who opened it")


def _signature(step: Transition, attempt: Attempt) -> Iterator[Refusal]:
    demand = step.signature
    if demand is None:
        return
    if attempt.signed_meaning != demand.meaning:
        found = f"it was signed as {attempt.signed_meaning!r}" if attempt.signed_meaning else "none"
        text = f"{step.id} needs a signature meaning {demand.meaning!r}; found: {found}"
        yield Refusal("QT425", text, fix=f"sign with the meaning {demand.meaning!r}")
    if demand.roles and attempt.roles.isdisjoint(demand.roles):
        text = f"{step.id} is signed by one of the roles {', '.join(demand.roles)} only"
        yield Refusal("QT425", text, fix="ask somebody who holds one of these roles to sign")


def _guard(step: Transition, attempt: Attempt, evaluate: Evaluate) -> Iterator[Refusal]:
    if step.guard is None:
        return
    facts = _Watched(attempt.facts)
    answer = evaluate(step.guard, facts)
    if answer is True:
        return
    used = ", ".join(f"{name} = {_shown(value)}" for name, value in sorted(facts.asked.items()))
    missing = sorted(name for name, value in facts.asked.items() if value is None)
    found = f"; found: {used}" if used else ""
    if answer is None:
        text = f"{step.id} needs: {step.guard}; that cannot be decided{found}"
        fix = f"record what is missing: {', '.join(missing)}" if missing else "correct the facts"
        yield Refusal("QT428", text, fix=fix)
    else:
        text = f"{step.id} needs: {step.guard}; that is not so{found}"
        yield Refusal("QT427", text, fix="settle what the condition asks for")


def _gate(step: Transition, attempt: Attempt) -> Iterator[Refusal]:
    if step.gate is None:
        return
    if step.gate not in attempt.gate_outcomes:
        text = f"{step.id} needs the rules of gate {step.gate}, which were not judged"
        yield Refusal("QT429", text, fix=f"judge gate {step.gate} first")
        return
    yield from attempt.gate_outcomes[step.gate]


def _rules(step: Transition, attempt: Attempt) -> Iterator[Refusal]:
    for rule in step.rules:
        if rule not in attempt.rule_outcomes:
            text = f"{step.id} needs rule {rule}, which was not judged"
            yield Refusal("QT429", text, fix=f"judge rule {rule} first")
        yield from attempt.rule_outcomes.get(rule, ())


def _shown(value: object) -> str:
    return "unknown" if value is None else str(value)


class _Watched(Mapping[str, object]):
    """Facts that remember which of them were asked for."""

    def __init__(self, facts: Mapping[str, object]) -> None:
        self._facts = facts
        self.asked: dict[str, object] = {}

    def __getitem__(self, name: str) -> object:
        self.asked[name] = self._facts.get(name)
        return self._facts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)
