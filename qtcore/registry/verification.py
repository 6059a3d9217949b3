"""The proofs of a whole compile as one answer: life cycles in force, and packs kept from serving.

It must not know how a property is proved, nor where packs are installed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from qtcore.definitions.problems import Problem
from qtcore.engines.proofs import ENGLISH, Report, Tongue
from qtcore.registry.compile import Compiled
from qtcore.registry.drafts import read_flows
from qtcore.registry.pictures import tongue_of
from qtcore.registry.proofs import Ground, prove_draft, prove_entry
from qtcore.registry.registry import Registry

_KINDS = ("proved", "fails", "undecided", "accepted")


@dataclass(frozen=True, slots=True)
class Verification:
    """Proofs of the life cycles in force, and the problems of packs that are switched off."""

    reports: tuple[Report, ...]
    problems: tuple[Problem, ...] = ()
    tongues: Mapping[str, Tongue] = field(default_factory=dict)

    def told_by(self, registry: Registry, language: str) -> "Verification":
        """Say it in another language, with the names that the registry has for the parts."""
        flows = {r.workflow: registry.find("workflows", r.workflow) for r in self.reports}
        found = {
            name: Tongue(language) if flow is None else tongue_of(registry, flow, language)
            for name, flow in flows.items()
        }
        return replace(self, tongues=found)

    @property
    def ok(self) -> bool:
        """Say whether nothing fails and nothing mandatory is undecided."""
        return not self.problems and all(report.holds for report in self.reports)

    def as_json(self) -> dict[str, object]:
        """Give the shape that `--json` and the API show."""
        verdicts: list[str] = [p.verdict for r in self.reports for p in (*r.proofs, *r.inherited)]
        return {
            "ok": self.ok,
            "counts": {kind: verdicts.count(kind) for kind in _KINDS},
            "workflows": [
                report.as_json(self.tongues.get(report.workflow, ENGLISH))
                for report in self.reports
            ],
            "problems": [problem.as_json() for problem in self.problems],
        }


def verify_workflows(compiled: Compiled, name: str = "") -> Verification:
    """Prove one life cycle of a compile, or all of them.

    A failing proof switches its pack off: then the pack's problems are the answer. NotFound names
    the life cycles that exist; DefinitionsRejected when not even the base is sound.
    """
    registry = compiled.get_registry()
    problems = tuple(
        problem
        for pack in registry.packs
        if pack.is_broken
        for problem in pack.problems
        if problem.severity == "error"
    )
    if name and not (problems and registry.find("workflows", name) is None):
        return Verification(_prove(registry, [registry.get("workflows", name).id]), problems)
    names = [] if name else [flow.id for flow in registry.list("workflows")]
    return Verification(_prove(registry, names), problems)


def verify_path(path: Path, compiled: Compiled) -> Verification:
    """Prove the life cycles of one file that belongs to no pack, with the roles and rules here.

    Raises NotFound, or DefinitionsRejected with what is wrong in the file.
    """
    registry = compiled.get_registry()
    ground = Ground(registry._merged, registry._expressions)
    reports, problems = [], []
    for located in read_flows(path):
        report, found = prove_draft(ground, located)
        reports.append(report)
        problems += found
    return Verification(tuple(reports), tuple(problems))


def prove_one(registry: Registry, name: str) -> Report:
    """Prove one life cycle in force."""
    return _prove(registry, [name])[0]


def _prove(registry: Registry, names: list[str]) -> tuple[Report, ...]:
    ground = Ground(registry._merged, registry._expressions)
    entries = (ground.merged.entries["workflows"][name] for name in names)
    return tuple(prove_entry(ground, entry) for entry in entries)
