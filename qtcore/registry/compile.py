"""Packs and their hooks turned into one frozen, fingerprinted registry, or into problems.

It must not know where packs are installed, nor any database.
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from qtcore.definitions.access import UnitDefinition
from qtcore.definitions.mistakes import Mistake
from qtcore.definitions.packs import KINDS
from qtcore.definitions.problems import (
    Problem,
    has_errors,
    render_problems,
    sort_problems,
)
from qtcore.definitions.read import PackFolder
from qtcore.engines.expressions import Compiled as Expression
from qtcore.errors import DefinitionsRejected, Fault
from qtcore.registry.consequences import check_consequences
from qtcore.registry.contributions import Contributions, add_recall_nodes, read_contributions
from qtcore.registry.fence import Failure
from qtcore.registry.floor import check_floor
from qtcore.registry.formulas import compile_formulas
from qtcore.registry.hooks import Hooks
from qtcore.registry.merge import Entry, Merged, PackProblem, merge_packs, order_packs
from qtcore.registry.proofs import Ground, check_proofs
from qtcore.registry.references import check_references
from qtcore.registry.registry import PackState, Registry
from qtcore.registry.scopes import Scopes
from qtcore.registry.texts import check_texts, find_missing

SERVES_ANYWAY = frozenset({"QT125"})
"""Errors that fail the check but do not switch a pack off: a plant runs without a label."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """The outcome of a compile; the registry is None when not even the base pack is sound.

    `sources` maps the file names of the problems to their texts, for carets; `missing_texts` has
    the keys of the texts that each pack needs and nobody wrote, by pack and language.
    """

    registry: Registry | None
    problems: tuple[Problem, ...]
    sources: Mapping[str, str]
    missing_texts: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    @property
    def has_errors(self) -> bool:
        """Say whether a check of these packs fails."""
        return has_errors(self.problems)

    def get_registry(self) -> Registry:
        """Give the registry; DefinitionsRejected carries the report when there is none."""
        if self.registry is not None:
            return self.registry
        faults = [Fault(p.code, p.message, f"{p.file}:{p.line}:{p.column}") for p in self.problems]
        message = f"the definitions have {len(faults)} problem(s); run `qtcore check` and mend them"
        report = render_problems(self.problems, self.sources)
        raise DefinitionsRejected(message, faults, report=report)


def compile_registry(
    packs: Sequence[PackFolder], hooks: Hooks, broken: Sequence[PackState] = ()
) -> Compiled:
    """Merge, check and freeze. A pack with errors is left out and named; the rest serves.

    `broken` are packs that could not even be loaded.
    """
    work = _Work(packs, hooks, broken)
    settled = work.settle()
    problems = sort_problems(problem for found in work.problems.values() for problem in found)
    sources = {name: text for pack in packs for name, text in pack.sources.items()}
    if settled is None:
        return Compiled(None, problems, sources)
    merged, expressions, given = settled
    registry = Registry(
        fingerprint=find_fingerprint(merged),
        packs=work.states(),
        hooks=hooks.without(work.failures()),
        files={pack.name: pack.files for pack in merged.packs},
        _merged=merged,
        channels=given.channels,
        formats=given.formats,
        _expressions=expressions,
        _units=_unit_table(merged),
    )
    missing = {pack.name: find_missing(merged, pack) for pack in merged.packs}
    return Compiled(registry, problems, sources, missing)


class _Work:
    """Switches broken packs off, one round after the other, until the rest is sound."""

    def __init__(
        self, packs: Sequence[PackFolder], hooks: Hooks, broken: Sequence[PackState]
    ) -> None:
        self.packs = order_packs(packs)
        self.hooks = hooks
        self.broken = {state.name: state for state in (*broken, *map(_unregistered, hooks.off))}
        self.problems: dict[str, list[Problem]] = {}
        self.off: set[str] = set(self.broken)
        for state in self.broken.values():
            self._note(state.name, state.problems)
        for pack in self.packs:
            self._note(pack.name, pack.problems)
            if pack.pack is None:
                self.off.add(pack.name)
        self.unsound = self.off - set(self.broken)
        self._refuse_equal_names()

    def settle(
        self,
    ) -> tuple[Merged, Mapping[tuple[str, str], Expression], Contributions] | None:
        """Check what is left until a round finds no further broken pack.

        None when the base is broken: everything builds on it, and what would be said about the
        rest without it is only that it is missing.
        """
        while self._has_base():
            before = set(self.off)
            self._refuse_dependants()
            hooks = self.hooks.without(self.failures())
            merged = add_recall_nodes(merge_packs(self._sound(), self._known()), hooks)
            expressions, found = _cross_check(merged)
            given = read_contributions(merged, hooks)
            found += given.problems
            errors = {item.pack for item in found if _switches_off(item.problem)} - self.off
            for item in found:
                if item.pack in errors or not errors:
                    self._note(item.pack, [item.problem])
            if self.off == before:
                for item in check_texts(merged):
                    self._note(item.pack, [item.problem])
                self._look_further()
                return merged, expressions, given
        self._look_further()
        return None

    def _has_base(self) -> bool:
        """Say whether the packs of the base layer, where there are any, are still sound."""
        bases = [p.name for p in self.packs if p.pack is not None and p.pack.layer == "base"]
        is_unread = any(state.layer == "base" for state in self.broken.values())
        return not is_unread and self.off.isdisjoint(bases)

    def _look_further(self) -> None:
        """Check what could be read of packs whose files have mistakes: all problems at once.

        These packs stay off whatever is found. Nothing is said about names that a definition with
        a mistake would have defined.
        """
        torn = {p.name: p for p in self.packs if p.name in self.unsound and p.pack is not None}
        if not torn:
            return
        packs = [pack for pack in self.packs if pack.name not in self.off or pack.name in torn]
        merged = merge_packs(packs, self._known())
        found = _cross_check(merged, is_torn=True)[1]
        found += [item for item in check_texts(merged) if item.problem.severity == "error"]
        unread = {name for pack in torn.values() for name in pack.unread}
        for item in found:
            if item.pack in torn and not _speaks_of(item.problem, unread):
                self._note(item.pack, [item.problem])

    def states(self) -> tuple[PackState, ...]:
        """Describe every pack, sound or not, in order of the merge."""
        known = [_state(pack, pack.name in self.off, self._of(pack.name)) for pack in self.packs]
        names = {pack.name for pack in self.packs}
        return (*known, *(state for state in self.broken.values() if state.name not in names))

    def failures(self) -> list[Failure]:
        """Say for the hooks why each pack is off."""
        return [Failure(name, "its check", _first_error(self._of(name))) for name in self.off]

    def _sound(self) -> list[PackFolder]:
        return [pack for pack in self.packs if pack.name not in self.off]

    def _known(self) -> frozenset[str]:
        return frozenset(pack.name for pack in self.packs) | frozenset(self.broken)

    def _of(self, name: str) -> tuple[Problem, ...]:
        return sort_problems(self.problems.get(name, ()))

    def _note(self, pack: str, problems: Iterable[Problem]) -> None:
        found = list(problems)
        self.problems.setdefault(pack, []).extend(found)
        if any(map(_switches_off, found)):
            self.off.add(pack)

    def _refuse_equal_names(self) -> None:
        seen: dict[str, PackFolder] = {}
        for pack in self.packs:
            first = seen.setdefault(pack.name, pack)
            if first is not pack:
                message = f"two packs are named {pack.name!r} ({first.label or 'base'}); rename one"
                self._note(pack.name, [pack.problem(Mistake("QT123", message, ("pack",)))])

    def _refuse_dependants(self) -> None:
        for pack in self._sound():
            for number, name in enumerate(pack.pack.after if pack.pack else ()):
                if name in self.off:
                    message = f"pack {pack.name!r} needs pack {name!r}, which is switched off"
                    mistake = Mistake("QT130", message, ("after", number))
                    self._note(pack.name, [pack.problem(mistake)])


def _cross_check(
    merged: Merged, *, is_torn: bool = False
) -> tuple[Mapping[tuple[str, str], Expression], list[PackProblem]]:
    """Check all that needs more than one definition; also give the compiled expressions.

    `is_torn`: some definitions could not be read, which keeps proofs open that may need them.
    """
    scopes = Scopes(merged)
    expressions, found = compile_formulas(merged, scopes)
    found += [*merged.problems, *check_references(merged), *check_consequences(merged)]
    found += check_proofs(Ground(merged, expressions, scopes), is_torn=is_torn)
    found += check_floor(merged, expressions, scopes)
    return expressions, found


def _speaks_of(problem: Problem, names: Collection[str]) -> bool:
    """Say whether a message quotes one of the names."""
    quoted = re.findall(r"'([^']*)'", problem.message)
    return any(part in names for word in quoted for part in (word, *word.split(".")))


def _switches_off(problem: Problem) -> bool:
    return problem.severity == "error" and problem.code not in SERVES_ANYWAY


def _first_error(problems: Iterable[Problem]) -> str:
    return next((str(problem) for problem in problems if _switches_off(problem)), "it has problems")


def _unregistered(failure: Failure) -> PackState:
    return PackState(failure.pack, is_broken=True, problems=(failure.as_problem(),))


def _state(pack: PackFolder, is_off: bool, problems: tuple[Problem, ...]) -> PackState:
    head = pack.pack
    if head is None:
        return PackState(pack.name, is_broken=True, problems=problems)
    return PackState(pack.name, head.version, head.layer, head.title, is_off, problems)


def _unit_table(merged: Merged) -> Mapping[str, UnitDefinition]:
    table: dict[str, UnitDefinition] = {}
    units = [entry.definition for entry in merged.all("units")]
    for words in ((lambda u: (u.code,)), (lambda u: u.aliases), (lambda u: (u.id,))):
        for unit in units:
            for word in words(unit):
                table.setdefault(word, unit)
    return table


def find_fingerprint(merged: Merged) -> str:
    """Hash everything that can change what a record means or how it looks."""
    digest = hashlib.sha256()
    for pack in merged.packs:
        version = pack.pack.version if pack.pack else ""
        digest.update(_canonical(["pack", pack.name, version]))
        for name, text in sorted(pack.files.items()):
            if not name.endswith(".yaml"):
                digest.update(_canonical(["file", pack.name, name, text]))
    for kind in KINDS:
        for entry in merged.all(kind):
            digest.update(_canonical([kind, _plain(entry)]))
    for language, texts in sorted(merged.texts.items()):
        digest.update(_canonical([language, {key: text.value for key, text in texts.items()}]))
    return digest.hexdigest()


def _plain(entry: Entry) -> Any:
    return entry.definition.model_dump(by_alias=True, exclude_none=True)


def _canonical(value: Any) -> bytes:
    text = json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_as_text
    )
    return text.encode("utf-8") + b"\n"


def _as_text(value: object) -> Any:
    if isinstance(value, Decimal):
        return {"decimal": format(value, "f")}
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} has no canonical form")
