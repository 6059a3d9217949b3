"""What a signer is shown about a draft: its check, proofs, differences, and replay.

It must not store or publish anything; a replay in the background keeps its own row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from qtcore.context import Context
from qtcore.definitions.problems import Problem, has_errors
from qtcore.registry.compile import Compiled
from qtcore.registry.differences import Difference, find_differences
from qtcore.registry.registry import Registry
from qtcore.registry.stored import Configuration, compile_configuration
from qtcore.registry.verification import verify_workflows
from qtcore.services.drafts import DraftView, read_draft
from qtcore.services.replay import Progress, ReplayReport, Scope, replay
from qtcore.services.replay_jobs import MOST_REPLAYED, Replaying, replay_draft
from qtcore.services.running import Running, Stranded, running_subjects, stranded
from qtcore.services.site import Site, registry_at
from qtcore.store.tables import ConfigDraft

_LAYERS: Final = ("base", "industry", "site")


@dataclass(frozen=True, slots=True)
class DraftReport:
    """Everything a signer is shown about a draft; `registry` is None when it does not compile."""

    draft: DraftView
    problems: tuple[Problem, ...]
    proofs: Mapping[str, int]
    differences: tuple[Difference, ...]
    running: tuple[Running, ...]
    stranded: tuple[Stranded, ...]
    replay: ReplayReport | None
    registry: Registry | None
    sources: Mapping[str, str]
    replaying: Replaying | None = None

    @property
    def is_sound(self) -> bool:
        """Say whether check and proofs pass."""
        return self.registry is not None and not has_errors(self.problems)

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "draft": self.draft.as_json(),
            "fingerprint": self.registry.fingerprint if self.registry else "",
            "ok": self.is_sound and not self.stranded,
            "problems": [problem.as_json() for problem in self.problems],
            "proofs": dict(self.proofs),
            "differences": [d.as_json() for d in self.differences],
            "stranded": [s.as_json() for s in self.stranded],
            "replay": self.replay.as_json() if self.replay else None,
            "replaying": self.replaying.as_json() if self.replaying else None,
        }


@dataclass(frozen=True, slots=True)
class Replays:
    """How a draft is replayed: at once, told `progress`; or in the background.

    `wait_seconds` is how long the background is waited for; None replays at once.
    """

    wait_seconds: float | None = None
    progress: Progress | None = None
    anew: bool = False


AT_ONCE: Final = Replays()


def check_draft(
    site: Site, context: Context, draft_id: str, *, replays: Replays | None = AT_ONCE
) -> DraftReport:
    """Check, prove, compare and replay a draft; without `replays` it is not replayed.

    One that is replayed in the background has `replaying`, and `replay` when that is over.
    """
    draft = read_draft(site, context, draft_id)
    compiled = compile_configuration(draft.configuration, is_draft=True)
    problems = _causes_first(draft.configuration, compiled.problems)
    with site.store.read() as session:
        base = registry_at(site, session, draft.row.base)
        running = running_subjects(session, site.store.tenant_id)
    if compiled.registry is None:
        return DraftReport(draft, problems, {}, (), running, (), None, None, compiled.sources)
    mappings = draft.row.mappings
    is_sound = not compiled.has_errors
    replayed, replaying = None, None
    if replays and is_sound:
        replayed, replaying = _replayed(site, draft.row, compiled.registry, replays)
    return DraftReport(
        draft,
        problems,
        _proofs(compiled),
        find_differences(base, compiled.registry),
        running,
        stranded(running, base, compiled.registry, mappings) if is_sound else (),
        replayed,
        compiled.registry,
        compiled.sources,
        replaying,
    )


def _replayed(
    site: Site, draft: ConfigDraft, registry: Registry, replays: Replays
) -> tuple[ReplayReport | None, Replaying | None]:
    if replays.wait_seconds is None or site.store.fence:
        scope = Scope(limit=MOST_REPLAYED)
        return replay(site, scope, registry, replays.progress), None
    told = replay_draft(site, draft, registry, wait_seconds=replays.wait_seconds, anew=replays.anew)
    return told.report, told


def _causes_first(configuration: Configuration, problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Put the lower layers first: what is wrong in one of them breaks whatever builds on it."""
    places = {p.label: _LAYERS.index(p.layer) for p in configuration.packs if p.label}

    def place(problem: Problem) -> int:
        return max((n for label, n in places.items() if problem.file.startswith(label)), default=0)

    return tuple(sorted(problems, key=place))


def _proofs(compiled: Compiled) -> Mapping[str, int]:
    found: Any = verify_workflows(compiled).as_json()["counts"]
    return dict(found)
