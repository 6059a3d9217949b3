"""What is known of a step before it is decided: of what, as whom, who signs, what was filled in.

It must not decide whether the step is made; see `qtcore.services.transitions`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from sqlmodel import Session

from qtcore.context import Context
from qtcore.definitions.forms import FormDefinition
from qtcore.definitions.itself import Itself
from qtcore.definitions.stored_states import active_in
from qtcore.definitions.workflows import Transition, WorkflowDefinition
from qtcore.errors import InputRejected, NotFound, Refusal
from qtcore.services.definitions import workflow_at
from qtcore.services.form_values import read_form
from qtcore.services.record_views import get_record, seen_thing
from qtcore.services.rights import Thing, acting_at, require
from qtcore.services.sight import get_seen, thing_of_lot
from qtcore.services.sign_proofs import Proof, Proven
from qtcore.services.signing import prove_signer
from qtcore.services.site import Site
from qtcore.services.standing import Lent, act_at, as_reader, lent_to, require_or_lent
from qtcore.services.steps import workflow_of_lot
from qtcore.store.queries.nodes import NodeInfo, describe_all_named
from qtcore.store.tables import Record

_MOST_ASKED: Final = 512
_RIGHTS = {"lot": "lot.transition", "record": "record.transition"}


@dataclass(frozen=True, slots=True)
class Step:
    """What is asked for: the transition (or its trigger), and what it may demand.

    `password` (with `login` and `code` where the profile asks for them) proves the signer again,
    unless that was `proven` before; `values` fill the form the transition asks for;
    `expected_version` refuses when somebody was faster.
    """

    transition: str
    reason: str = ""
    password: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    expected_version: int | None = None
    login: str = ""
    code: str = ""
    proven: Proven | None = None


Asking = tuple[tuple[str, str], Step]


@dataclass(frozen=True, slots=True)
class Asked:
    """A step with what is known before the write: who acts, who may sign, what was filled in.

    `info` is the lot it is about, as it was when it was asked for.
    """

    subject: tuple[str, str]
    step: Step
    context: Context
    demand: tuple[Refusal, ...] = ()
    filled: frozenset[str] = frozenset()
    values: Mapping[str, Any] = field(default_factory=dict)
    proven: Proven | None = None
    info: NodeInfo | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """What a step is about, the transitions that could answer, and as whom it is made."""

    row: NodeInfo | Record
    thing: Thing
    steps: Sequence[Transition]
    right: str
    context: Context

    @property
    def signed(self) -> Transition | None:
        """The first transition that must be signed."""
        return next((step for step in self.steps if step.signature is not None), None)


@dataclass(frozen=True, slots=True)
class Known:
    """What was read for several steps together: what is lent, and what names of lots name."""

    lent: tuple[Lent, ...]
    named: Mapping[str, Sequence[NodeInfo]] = field(default_factory=dict)


class NotAtOnce(Exception):  # nothing went wrong: it takes another way
    """Raised where a step takes transactions of its own before it: to prove the signer, to refuse.

    Whoever asked within a unit of work ends it and calls `ask_before`.
    """


def ask_before(site: Site, context: Context, subject: tuple[str, str], step: Step) -> Asked:
    """Check right, signer and form before the write: argon2 is slow, failed signatures are noted.

    Raises Denied, NotFound, Ambiguous, InputRejected.
    """
    require_any(site, context, subject)
    with site.store.read() as session:
        found = _find(site, session, context, (subject, step))
    require(site, found.context, found.right, about=subject[1], thing=found.thing)
    proven: Proven | None = step.proven
    refusals: list[Refusal] = []
    if found.signed is not None and found.signed.signature is not None and proven is None:
        proof = Proof(step.password, step.login, step.code)
        proven, refusals = prove_signer(site, found.context, [found.signed.signature], proof)
    asked = _asked(site, found, (subject, step))
    return replace(asked, demand=tuple(refusals), proven=proven)


def ask_within(
    site: Site, session: Session, context: Context, asking: Asking, *, known: Known
) -> Asked:
    """Check right and form in the transaction that makes the step: then it is read once.

    Raises NotAtOnce for what is to be signed or refused; NotFound, Ambiguous, InputRejected. The
    caller has asked `require_any` before.
    """
    found = _find(site, session, context, asking, known=known)
    decision = site.registry.policy.decide(found.context.actor, found.right, found.thing)
    if found.signed is not None or not decision.is_allowed:
        raise NotAtOnce
    return _asked(site, found, asking)


def require_any(site: Site, context: Context, subject: tuple[str, str]) -> None:
    """Let pass who may make steps of such things at all, by a right of their own or a lent one."""
    require_or_lent(site, context, _RIGHTS[subject[0]], about=subject[1])


def know(site: Site, session: Session, context: Context, steps: Sequence[Asking]) -> Known:
    """Read what all of these steps ask for, once."""
    lent = lent_to(site, session, context.actor.person_id, context.at)
    names = [name.strip() for (kind, name), _ in steps if kind == "lot"]
    if len(names) < 2:
        return Known(lent)
    return Known(lent, describe_all_named(session, site.store.tenant_id, names))


def _find(
    site: Site, session: Session, context: Context, asking: Asking, *, known: Known | None = None
) -> _Found:
    (kind, name), step = asking
    known = known or know(site, session, context, [asking])
    lent = known.lent
    reader = as_reader(site, context, lent)
    row, workflow, thing = _seen(site, session, reader, (kind, name), known=known)
    context = acting_at(site, context, thing)
    steps = answering(workflow, row.state, step.transition)
    context = act_at(site, session, context, (workflow.id, steps), lent=lent)
    right = _RIGHTS[kind] if kind == "lot" else f"{_RIGHTS[kind]}:{thing.kind}"
    return _Found(row, thing, steps, right, context)


def _asked(site: Site, found: _Found, asking: Asking) -> Asked:
    (kind, _), step = asking
    filled, values = _fill(site, found.context, found.row, (found.steps, step.values))
    info = found.row if isinstance(found.row, NodeInfo) else None
    asked = Asked((kind, found.row.uid), step, found.context, info=info)
    return replace(asked, filled=filled, values=values)


def _seen(
    site: Site, session: Session, reader: Context, subject: tuple[str, str], *, known: Known
) -> tuple[NodeInfo | Record, WorkflowDefinition, Thing]:
    """Find what a step is about among what this person sees, or those they act for."""
    kind, name = subject
    if kind == "lot":
        info = get_seen(site, reader, session, name, named=known.named.get(name.strip(), ()))
        thing = thing_of_lot(site, session, info, actor=reader.actor)
        return info, workflow_of_lot(site, session, info), thing
    row = get_record(site, session, name)
    thing = seen_thing(site, reader, session, row, asked=name)
    return row, workflow_at(session, site.store.tenant_id, row.workflow_version_id), thing


def _fill(
    site: Site,
    context: Context,
    row: NodeInfo | Record,
    given: tuple[Sequence[Transition], Mapping[str, Any]],
) -> tuple[frozenset[str], dict[str, Any]]:
    """Read the form of a step. A record's own form counts as filled: it was checked on entry."""
    steps, submitted = given
    own = site.registry.find("records", row.kind) if isinstance(row, Record) else None
    filled = {own.form} if own is not None else set()
    form_id = next((s.form for s in steps if s.form is not None and s.form not in filled), None)
    if form_id is None or not submitted:
        return frozenset(filled), {}
    form: FormDefinition = site.registry.get("forms", form_id)
    values, faults = read_form(site, context, form, submitted)
    if faults:
        raise InputRejected(f"the form {form_id} of this step is not filled rightly", faults)
    return frozenset({*filled, form_id}), values


def answering(workflow: WorkflowDefinition, state: str, name: str) -> Sequence[Transition]:
    """List the transitions that a name can make here; NotFound names those that exist."""
    return _answering(Itself(workflow), state, name)


@lru_cache(maxsize=_MOST_ASKED)
def _answering(of: Itself[WorkflowDefinition], state: str, name: str) -> Sequence[Transition]:
    workflow = of.it
    event = event_of(workflow, name)
    found = [step for step in workflow.transitions if step.answers(event)]
    if not found:
        known = ", ".join(dict.fromkeys(t.event for t in workflow.transitions if t.triggers))
        raise NotFound(f"{workflow.id} has no transition {name!r}; it has: {known}")
    active = active_in(workflow, state)
    return tuple(step for step in found if not active.isdisjoint(step.from_)) or tuple(found)


def event_of(workflow: WorkflowDefinition, name: str) -> str:
    """Give the event that a name stands for: itself, or the trigger of the transition named so."""
    if any(step.answers(name) for step in workflow.transitions):
        return name
    return next((t.event for t in workflow.transitions if t.id == name), name)
