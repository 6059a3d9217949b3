"""Static proofs over life cycles: what holds on every path, or the shortest path that breaks it.

It must not know expressions, the registry, or any other engine; a judge answers for conditions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from qtcore.definitions.properties import Property
from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.engines.proofs.findings import Finding, find_faults
from qtcore.engines.proofs.paths import Walk
from qtcore.engines.proofs.prove import Proof, prove_property
from qtcore.engines.proofs.setting import GateRule, Instant, Judge, Judgement, Setting
from qtcore.engines.proofs.words import ENGLISH, Tongue

__all__ = [
    "ENGLISH",
    "Finding",
    "GateRule",
    "Instant",
    "Judge",
    "Judgement",
    "Proof",
    "Report",
    "Setting",
    "Tongue",
    "prove_workflow",
]


@dataclass(frozen=True, slots=True)
class Report:
    """All that is known about one life cycle; `inherited` are proofs of properties from below."""

    workflow: str
    proofs: tuple[Proof, ...]
    findings: tuple[Finding, ...]
    inherited: tuple[Proof, ...] = ()

    @property
    def holds(self) -> bool:
        """Say whether nothing fails and nothing mandatory is undecided."""
        proofs = (*self.proofs, *self.inherited)
        is_open = any(p.verdict == "undecided" and p.claim.mandatory for p in proofs)
        fails = any(proof.verdict == "fails" for proof in proofs)
        return not (is_open or fails or any(f.severity == "error" for f in self.findings))

    def as_json(self, tongue: Tongue = ENGLISH) -> dict[str, object]:
        """Give the shape that `--json` and the API show, in a reader's language."""
        own = [{**proof.as_json(tongue), "inherited": False} for proof in self.proofs]
        below = [{**proof.as_json(tongue), "inherited": True} for proof in self.inherited]
        return {
            "workflow": self.workflow,
            "holds": self.holds,
            "proofs": own + below,
            "findings": [found.as_json(tongue) for found in self.findings],
        }


def prove_workflow(
    flow: WorkflowDefinition, setting: Setting, inherited: Sequence[Property] = ()
) -> Report:
    """Prove the properties of a life cycle that passed the check of its structure.

    `inherited` are the mandatory properties of what it replaces.
    """
    walk = Walk(flow, setting)
    return Report(
        flow.id,
        tuple(prove_property(walk, claim) for claim in flow.verify),
        tuple(find_faults(walk)),
        tuple(prove_property(walk, claim) for claim in inherited),
    )
