"""Packs laid over each other: base, industries by name, site; who owns which definition.

It must not know what definitions mean, nor check references between them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from pydantic import ValidationError

from qtcore.definitions.definition import Definition
from qtcore.definitions.extensions import Extension, lay_over, prefixes
from qtcore.definitions.fields import FieldSet
from qtcore.definitions.located import Located
from qtcore.definitions.mistakes import Mistake, find_mistakes
from qtcore.definitions.packs import KINDS
from qtcore.definitions.problems import Problem, suggest
from qtcore.definitions.read import PackFolder
from qtcore.definitions.rules import RuleDefinition
from qtcore.definitions.structure import check_definition
from qtcore.definitions.text_file import PackText
from qtcore.engines.expressions import Unit
from qtcore.registry.measures import unit_table

_ORDER: Mapping[str, int] = {"base": 0, "industry": 1, "site": 2}


@dataclass(frozen=True, slots=True)
class Entry:
    """One definition in force: the pack that brings it and where it is written.

    `changed` names the pack that brought it, when `pack` only extends it, for `reason`.
    """

    pack: str
    located: Located[Any]
    changed: str = ""
    reason: str = ""

    @property
    def owner(self) -> str:
        """The pack that brought it; `pack` is the last one that changed it."""
        return self.changed or self.pack

    @property
    def definition(self) -> Any:
        """The definition itself, of the model of its kind."""
        return self.located.definition

    def problem(self, mistake: Mistake) -> tuple[str, Problem]:
        """Place a mistake, together with the pack it belongs to."""
        return self.pack, self.located.problem(mistake)


@dataclass(frozen=True, slots=True)
class PackProblem:
    """A problem and the pack whose fault it is."""

    pack: str
    problem: Problem


@dataclass(frozen=True)
class Merged:
    """All packs as one: entries by kind and id, fields by entity and name, texts by language."""

    packs: tuple[PackFolder, ...]
    entries: Mapping[str, Mapping[str, Entry]]
    fields: Mapping[str, Mapping[str, tuple[str, FieldSet]]]
    texts: Mapping[str, Mapping[str, PackText]]
    known_packs: frozenset[str] = frozenset()
    problems: tuple[PackProblem, ...] = ()
    replaced: Mapping[tuple[str, str], tuple[Entry, ...]] = field(default_factory=dict)

    @cached_property
    def units(self) -> Mapping[str, Unit]:
        """The units by every spelling, as expressions use them."""
        return unit_table(entry.definition for entry in self.all("units"))

    def ids(self, kind: str) -> tuple[str, ...]:
        """List the ids of a kind, sorted."""
        return tuple(sorted(self.entries[kind]))

    def find(self, kind: str, name: str) -> Any:
        """Find a definition by id, or None."""
        entry = self.entries[kind].get(name)
        return entry.definition if entry else None

    def all(self, kind: str) -> Iterator[Entry]:
        """Visit the entries of a kind in order of their ids."""
        return (self.entries[kind][name] for name in self.ids(kind))


def order_packs(packs: Iterable[PackFolder]) -> tuple[PackFolder, ...]:
    """Order by layer, then by name."""
    return tuple(sorted(packs, key=lambda p: (_ORDER[p.pack.layer] if p.pack else 3, p.name)))


def merge_packs(packs: Sequence[PackFolder], known_packs: frozenset[str]) -> Merged:
    """Merge sound packs in their order; what a pack may not do is a problem of that pack."""
    merge = _Merge()
    for pack in packs:
        for kind in KINDS:
            for located in pack.definitions.get(kind, ()):
                merge.add(pack, located)
        for language, texts in pack.text_places.items():
            merge.texts.setdefault(language, {}).update(texts)
    return Merged(
        tuple(packs),
        merge.entries,
        merge.fields,
        merge.texts,
        known_packs,
        tuple(merge.problems),
        merge.replaced,
    )


@dataclass
class _Merge:
    entries: dict[str, dict[str, Entry]] = field(
        default_factory=lambda: {kind: {} for kind in KINDS}
    )
    fields: dict[str, dict[str, tuple[str, FieldSet]]] = field(default_factory=dict)
    places: dict[tuple[str, str], Entry] = field(default_factory=dict)
    texts: dict[str, dict[str, PackText]] = field(default_factory=dict)
    problems: list[PackProblem] = field(default_factory=list)
    replaced: dict[tuple[str, str], tuple[Entry, ...]] = field(default_factory=dict)

    def add(self, pack: PackFolder, located: Located[Any]) -> None:
        """Lay one definition over what lower layers brought."""
        held = self.entries[located.kind]
        if isinstance(located.definition, Extension):
            self._extend(Entry(pack.name, located), held)
            return
        entry = Entry(pack.name, _with_industry(pack, located))
        name = entry.definition.id
        mistake = self._find_mistake(entry, held.get(name), held)
        if mistake is not None:
            self._refuse(entry, mistake)
            return
        if isinstance(entry.definition, FieldSet):
            self._add_fields(entry, held.get(name))
        if name in held:
            below = self.replaced.get((located.kind, name), ())
            self.replaced[located.kind, name] = (*below, held[name])
        held[name] = entry

    def _extend(self, entry: Entry, held: dict[str, Entry]) -> None:
        """Lay an extension over the definition it names; the outcome must be sound as a whole."""
        extension: Extension = entry.definition
        below = held.get(extension.id)
        what = f"{entry.located.kind} {extension.id!r}"
        if below is None:
            message = f"{what} says 'extends', but no lower layer defines it; write it out"
            hint = suggest(extension.id, held)
            self._refuse(entry, Mistake("QT124", message, ("extends",), hint, on_key=True))
            return
        if below.pack == entry.pack or "replaces" in extension.changes:
            said = "changes what this pack says itself" if below.pack == entry.pack else "replaces"
            message = f"{what} says 'extends' and {said}; write the definition once"
            self._refuse(entry, Mistake("QT124", message, ("extends",), on_key=True))
            return
        laid = lay_extension(below.located, entry.located)
        for mistake in laid.mistakes:
            self.problems.append(PackProblem(entry.pack, laid.located.problem(mistake)))
        if laid.located.definition is None or laid.mistakes:
            return
        done = Entry(entry.pack, laid.located, below.owner, extension.reason)
        if isinstance(done.definition, FieldSet):
            self._add_fields(done, below)
        key = (entry.located.kind, extension.id)
        self.replaced[key] = (*self.replaced.get(key, ()), below)
        held[extension.id] = done

    def _refuse(self, entry: Entry, mistake: Mistake) -> None:
        self.problems.append(PackProblem(*entry.problem(mistake)))

    def _find_mistake(
        self, entry: Entry, first: Entry | None, held: Mapping[str, Entry]
    ) -> Mistake | None:
        definition: Definition = entry.definition
        what = f"{entry.located.kind} {definition.id!r}"
        if first is None and definition.replaces is not None:
            message = f"{what} says 'replaces', but no lower layer defines it; remove 'replaces'"
            return Mistake("QT124", message, ("replaces",), suggest(definition.id, held), True)
        if first is None:
            return None
        if definition.replaces is None or first.pack == entry.pack:
            message = (
                f"{what} of pack {entry.pack!r} is already defined by pack {first.pack!r} in "
                f"{_where(first)}; rename it, or say 'replaces: {{reason: ...}}' in a later layer"
            )
            return Mistake("QT123", message, ("id",))
        if first.definition.mandatory:
            law = first.definition.source.law if first.definition.source else "its source"
            message = (
                f"{what} is mandatory ({law}, pack {first.pack!r}, {_where(first)}) and cannot be "
                "replaced; add a stricter definition beside it, or make it stricter with 'extends'"
            )
            return Mistake("QT124", message, ("replaces",), on_key=True)
        return None

    def _add_fields(self, entry: Entry, replaced: Entry | None) -> None:
        fields: FieldSet = entry.definition
        held = self.fields.setdefault(fields.entity, {})
        for name in replaced.definition.properties if replaced else ():
            held.pop(name, None)
        for name in fields.properties:
            first = held.get(name)
            if first is None:
                held[name] = (entry.pack, fields)
                self.places[fields.entity, name] = entry
                continue
            there = self.places[fields.entity, name]
            message = (
                f"field {name!r} of {fields.entity} in pack {entry.pack!r} is already defined by "
                f"pack {there.pack!r} in {_where(there, 'properties', name)}; rename one of them"
            )
            self._refuse(entry, Mistake("QT123", message, ("properties", name), on_key=True))


def _where(entry: Entry, *path: str) -> str:
    at = entry.located.at(*(path or ("id",)), key=bool(path))
    return f"{entry.located.file}:{at.line}"


class LaidOver(NamedTuple):
    """The outcome of an extension, with what is wrong in it."""

    located: Located[Any]
    mistakes: tuple[Mistake, ...]


def lay_extension(below: Located[Any], change: Located[Any]) -> LaidOver:
    """Lay an extension over a definition; every part of the outcome keeps its place."""
    raw = below.definition.model_dump(by_alias=True, exclude_unset=True)
    laid = lay_over(raw, change.definition.changes)
    origins = {
        path: origin
        for path, origin in below.origins.items()
        if not any(above in laid.origins for above in prefixes(path))
    }
    origins |= {path: (change, own) for path, own in laid.origins.items()}
    model = KINDS[below.kind]
    try:
        definition = model.model_validate(laid.value)
    except ValidationError as exc:
        found = tuple(find_mistakes(model, laid.value, exc))
        return LaidOver(replace(below, definition=None, origins=origins), found)
    located = replace(below, definition=definition, origins=origins)
    errors = tuple(m for m in check_definition(below.kind, definition) if m.severity == "error")
    return LaidOver(located, errors)


def _with_industry(pack: PackFolder, located: Located[Any]) -> Located[Any]:
    """Limit the rules of an industry pack to its own items, unless they name industries."""
    definition = located.definition
    is_industry = pack.pack is not None and pack.pack.layer == "industry"
    if not is_industry or not isinstance(definition, RuleDefinition) or definition.industries:
        return located
    limited = definition.model_copy(update={"industries": (pack.name,)})
    return Located(located.kind, limited, located.file, located.path, located.positions)
