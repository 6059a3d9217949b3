"""What waits for somebody's signature: the steps they may sign, and what can be signed now.


It must not sign. What cannot be signed is listed with its reasons: nothing is left out silently.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from qtcore.context import Context
from qtcore.definitions.stored_states import active_in
from qtcore.definitions.workflows import Transition, WorkflowDefinition
from qtcore.errors import InputRejected, NotFound, Refusal
from qtcore.services.record_views import list_records
from qtcore.services.sight import keep_seen
from qtcore.services.site import Site
from qtcore.services.standing import may_try
from qtcore.services.transitions import Step, signing_objections
from qtcore.store.queries.lots import list_lot_nodes
from qtcore.store.queries.nodes import describe_nodes

MOST: Final = 50


@dataclass(frozen=True, slots=True)
class SignedStep:
    """A step that somebody may sign: of lots, or of records of a kind; `key` names it."""

    kind: str
    record: str
    workflow: str
    transition: Transition

    @property
    def key(self) -> str:
        """The name of the step, such as ``lot.release`` or ``deviation.close``."""
        return f"{self.record or self.kind}.{self.transition.id}"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A lot or record in a state from which the step is made; `refusals` say why it cannot be."""

    uid: str
    name: str
    about: str
    state: str
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class ToSign:
    """The things that wait for one step, the oldest first; `is_cut`: more wait than are listed."""

    step: SignedStep
    rows: tuple[Waiting, ...]
    is_cut: bool


def list_signed_steps(site: Site, context: Context) -> tuple[SignedStep, ...]:
    """List the steps that this person, or somebody they act for, may sign."""
    found = []
    for kind, record, workflow in _life_cycles(site):
        signed = [each for each in workflow.transitions if each.signature and each.triggers]
        found += [
            SignedStep(kind, record, workflow.id, each)
            for each in may_try(site, context, workflow.id, signed)
        ]
    return tuple(found)


def read_to_sign(site: Site, context: Context, key: str) -> ToSign:
    """Judge what waits for a step; raises NotFound for a step this person may not sign."""
    known = {each.key: each for each in list_signed_steps(site, context)}
    step = known.get(key)
    if step is None:
        listed = ", ".join(known) or "none"
        raise NotFound(f"there is no step {key!r} that you may sign; there are: {listed}")
    found = list(
        _lots(site, context, step) if step.kind == "lot" else _records(site, context, step)
    )
    rows = tuple(_judged(site, context, step, each) for each in found[:MOST])
    return ToSign(step, rows, len(found) > MOST)


def _life_cycles(site: Site) -> Iterator[tuple[str, str, WorkflowDefinition]]:
    yield "lot", "", site.registry.get("workflows", "lot")
    for each in site.registry.list("records"):
        yield "record", each.id, site.registry.get("workflows", each.workflow)


def _lots(site: Site, context: Context, step: SignedStep) -> Iterator[tuple[str, str, str, str]]:
    with site.store.read() as session:
        tenant = site.store.tenant_id
        nodes = sorted(
            node
            for state in step.transition.from_
            for node in list_lot_nodes(session, tenant, state=state, kind="lot", limit=MOST + 1)
        )
        infos = describe_nodes(session, tenant, nodes)
        seen = keep_seen(site, context, session, [infos[node] for node in nodes if node in infos])
    for info in seen:
        item = info.names.get(context.language) or info.item_name or info.item_code
        yield info.uid, info.lot_no, item, info.state


def _records(site: Site, context: Context, step: SignedStep) -> Iterator[tuple[str, str, str, str]]:
    if not context.actor.may("record.read"):
        return
    workflow: WorkflowDefinition = site.registry.get("workflows", step.workflow)
    rows = list_records(site, context, kind=step.record, limit=4 * MOST)
    for row in reversed(rows):
        if not active_in(workflow, row.state).isdisjoint(step.transition.from_):
            yield row.uid, row.number, row.title, row.state


def _judged(
    site: Site, context: Context, step: SignedStep, told: tuple[str, str, str, str]
) -> Waiting:
    uid, name, about, state = told
    # The reason is given once for all of them, later.
    asked = Step(step.transition.id, reason="…" if step.transition.reason else "")
    try:
        refusals = signing_objections(site, context, (step.kind, uid), asked)
    except (NotFound, InputRejected) as error:
        refusals = (Refusal(error.code, error.message),)
    return Waiting(uid, name, about, state, refusals)
