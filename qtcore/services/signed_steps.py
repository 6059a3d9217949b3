"""Steps of life cycles as what an intent is over: several of them are one gesture.

It must not know intents, nor how a proof is checked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlmodel import Session

from qtcore.context import Context
from qtcore.definitions.workflows import SignatureDemand
from qtcore.errors import Denied, InputRejected, Refusal
from qtcore.services.sign_content import read_content
from qtcore.services.sign_demands import standing_refusals
from qtcore.services.sign_proofs import Proven
from qtcore.services.signables import Frozen, UseUp, item_of
from qtcore.services.signing import signed_text
from qtcore.services.site import Site
from qtcore.services.standing import require_still_lent
from qtcore.services.steps import Subject
from qtcore.services.transitions import (
    Made,
    Step,
    acting_context,
    fire_transitions,
    preview_signing,
)
from qtcore.store.tables import SignIntent
from qtcore.store.unit import UnitOfWork

MOST_AT_ONCE: Final = 200


class NothingToSign(InputRejected):
    """Raised when a step that should be signed needs no signature."""


@dataclass(frozen=True, slots=True)
class Act:
    """One step to be signed: ("lot" or "record", any identifier), the transition and its inputs."""

    kind: str
    name: str
    transition: str
    reason: str = ""
    values: Mapping[str, Any] | None = None
    expected_version: int | None = None

    @property
    def step(self) -> Step:
        """The step, without the proof of the signer."""
        return Step(
            self.transition,
            self.reason,
            values=dict(self.values or {}),
            expected_version=self.expected_version,
        )


def freeze_steps(site: Site, context: Context, acts: Sequence[Act]) -> Frozen:
    """Freeze what steps would sign; raises as `qtcore.services.sign_intents.make_intent` does."""
    _check_number(acts)
    roles: frozenset[str] = frozenset()
    items: list[dict[str, Any]] = []
    stored: list[dict[str, Any]] = []
    for act in acts:
        found, acting, signed = preview_signing(site, context, (act.kind, act.name), act.step)
        roles |= acting.actor.roles
        texts = [
            (demand, signed_text(site, acting, demand, each, reason=act.reason))
            for demand, each in signed
        ]
        if not texts:
            raise NothingToSign(f"{act.transition} of {found.name} needs no signature; make it")
        stored.append(_stored(act, found))
        items += [item_of(found.name, demand, text) for demand, text in texts]
    return Frozen(roles, stored, items)


class SignedSteps:
    """How steps are signed: with what is lent to the signer, and all of them or none."""

    def act_as(self, site: Site, context: Context, row: SignIntent) -> Context:
        """Give the context with what is lent; Denied when what was lent then is lent no more."""
        signer = read_content(str(row.items[0]["text"])).get("signer", {})
        shown, act = signer.get("delegations", ()), _act(row.acts[0])
        try:
            acting = acting_context(site, context, (act.kind, act.name), act.step)
        except Denied:
            require_still_lent(site, context, shown)
            raise
        require_still_lent(site, acting, shown)
        return acting

    def objections(
        self, site: Site, session: Session, context: Context, demand: SignatureDemand
    ) -> list[Refusal]:
        """Say why a signature would not count yet."""
        return standing_refusals(site, session, context, demand)

    def make(
        self, site: Site, context: Context, row: SignIntent, signed: tuple[Proven, UseUp]
    ) -> list[dict[str, Any]]:
        """Make the steps, all of them or none."""
        proven, use_up = signed
        steps = [
            ((act["kind"], act["uid"]), replace(_act(act).step, proven=proven)) for act in row.acts
        ]

        def beside(work: UnitOfWork, made: Sequence[Made]) -> None:
            use_up(work, [each.as_json() for each in made])

        return [
            dict(each.as_json()) for each in fire_transitions(site, context, steps, beside=beside)
        ]


def _check_number(acts: Sequence[Act]) -> None:
    if not acts or len(acts) > MOST_AT_ONCE:
        raise InputRejected(
            f"{len(acts)} records are chosen; sign between 1 and {MOST_AT_ONCE} with one gesture"
        )
    names = [(act.kind, act.name) for act in acts]
    if len(set(names)) != len(names):
        raise InputRejected("a record is chosen twice; each is signed once")


def _stored(act: Act, found: Subject) -> dict[str, Any]:
    return {
        "kind": act.kind,
        "uid": found.uid,
        "name": found.name,
        "transition": act.transition,
        "reason": act.reason,
        "values": dict(act.values or {}),
        "expected_version": act.expected_version,
    }


def _act(stored: Mapping[str, Any]) -> Act:
    return Act(
        stored["kind"],
        stored["uid"],
        stored["transition"],
        stored["reason"],
        stored["values"],
        stored["expected_version"],
    )
