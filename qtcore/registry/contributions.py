"""What the packs' Python adds at compile time: recall nodes, facts, channels and file formats.

It must not know what they do when they are used.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from qtcore.definitions.mistakes import Mistake
from qtcore.definitions.problems import suggest
from qtcore.definitions.recalls import RecallDefinition, RecallNode
from qtcore.hookspecs import Channel, ExchangeFormat
from qtcore.registry.fence import Failure
from qtcore.registry.hooks import Answers, Hooks
from qtcore.registry.merge import Entry, Merged, PackProblem
from qtcore.registry.scopes import FACTS

_RECALLS = "recalls"


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_NamedT = TypeVar("_NamedT", bound=_Named)


@dataclass(frozen=True, slots=True)
class Contributions:
    """The channels and formats by name, and what is wrong with anything the packs gave."""

    channels: Mapping[str, Channel]
    formats: Mapping[str, ExchangeFormat]
    problems: tuple[PackProblem, ...]


def read_contributions(merged: Merged, hooks: Hooks) -> Contributions:
    """Ask for channels and formats, and compare the facts given with those declared."""
    found: list[PackProblem] = []
    channels = _by_name(merged, hooks.contribute_channels(), "channel", found.append)
    formats = _by_name(merged, hooks.contribute_formats(), "format", found.append)
    return Contributions(channels, formats, (*found, *_check_facts(merged, hooks)))


def add_recall_nodes(merged: Merged, hooks: Hooks) -> Merged:
    """Append the nodes that packs give to the plans; what does not fit is a problem of its pack."""
    problems = list(merged.problems)
    plans: dict[str, Entry] = {}
    for entry in merged.all(_RECALLS):
        plan: RecallDefinition = entry.definition
        answers = hooks.contribute_recall_nodes(plan)
        problems.extend(map(_failed, answers.failures))
        nodes = list(plan.nodes)
        for pack, given in answers.values:
            for node in given:
                fault = _find_node_fault(plan, nodes, node)
                if fault:
                    message = f"contribute_recall_nodes gives node {node.id!r} for plan {plan.id!r}"
                    problems.append(_at_head(merged, pack, f"{message}, {fault}"))
                else:
                    nodes.append(node)
        longer = plan.model_copy(update={"nodes": tuple(nodes)})
        plans[plan.id] = replace(entry, located=replace(entry.located, definition=longer))
    entries = {**merged.entries, _RECALLS: plans}
    return replace(merged, entries=entries, problems=tuple(problems))


def _find_node_fault(plan: RecallDefinition, nodes: list[RecallNode], node: RecallNode) -> str:
    if node.id in {each.id for each in nodes}:
        return "which the plan has already; use another id"
    classes = {entry.id for entry in plan.classes}
    strange = sorted({*node.due, *node.repeat} - classes)
    return f"with deadlines for {strange}; the classes are {sorted(classes)}" if strange else ""


def _by_name(
    merged: Merged,
    answers: Answers[tuple[_NamedT, ...]],
    what: str,
    note: Callable[[PackProblem], None],
) -> Mapping[str, _NamedT]:
    for failure in answers.failures:
        note(_failed(failure))
    held: dict[str, tuple[str, _NamedT]] = {}
    for pack, given in answers.values:
        for one in given:
            first = held.setdefault(one.name, (pack, one))
            if first[1] is not one:
                message = (
                    f"the {what} {one.name!r} is already given by pack {first[0]!r}; rename it"
                )
                note(_at_head(merged, pack, message, code="QT123"))
    return {name: one for name, (_, one) in held.items()}


def _check_facts(merged: Merged, hooks: Hooks) -> list[PackProblem]:
    """Check that facts given by Python are declared, and declared ones are given."""
    asked = hooks.contribute_facts()
    found = [_failed(failure) for failure in asked.failures]
    given = {(pack, fact) for pack, givers in asked.values for fact in givers}
    declared = {
        (entry.owner, name): entry
        for name, entry in merged.entries[FACTS].items()
        if entry.definition.from_.pack
    }
    for (pack, fact), entry in declared.items():
        if (pack, fact) not in given:
            message = f"no contribute_facts of pack {pack!r} gives the fact {fact!r}"
            hint = suggest(fact, (name for by, name in given if by == pack))
            found.append(PackProblem(*entry.problem(Mistake("QT130", message, ("from",), hint))))
    for pack, fact in sorted(given - set(declared)):
        message = f"the hooks of pack {pack!r} give the fact {fact!r}, which no file of it declares"
        hint = suggest(fact, (name for by, name in declared if by == pack))
        found.append(_at_head(merged, pack, message, code="QT130", suggestion=hint))
    return found


def _failed(failure: Failure) -> PackProblem:
    return PackProblem(failure.pack, failure.as_problem())


def _at_head(
    merged: Merged, pack: str, message: str, *, code: str = "QT122", suggestion: str = ""
) -> PackProblem:
    for folder in merged.packs:
        if folder.name == pack:
            return PackProblem(pack, folder.problem(Mistake(code, message, (), suggestion)))
    return _failed(Failure(pack, "its contributions", message))
