"""A pack folder as definitions, texts and problems; the mistakes of its author are never raised.

It must not know other packs, nor what the product does with a definition.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from qtcore.definitions.definition import Definition
from qtcore.definitions.encoding import clean_text
from qtcore.definitions.extensions import Extension, prefixes
from qtcore.definitions.mistakes import Mistake, find_mistakes, shown
from qtcore.definitions.pack_files import FoundFile, is_template, read_files
from qtcore.definitions.packs import KINDS, PackDefinition
from qtcore.definitions.problems import Problem, has_errors, sort_problems, suggest
from qtcore.definitions.source import (
    Document,
    Path,
    Position,
    Positions,
    read_yaml,
)
from qtcore.definitions.structure import check_definition
from qtcore.definitions.versions import CORE_VERSION, allows_version

HEAD_FILE = "pack.yaml"
_TEXT_KEYS = ("language", "texts")
_DefinitionT = TypeVar("_DefinitionT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Located(Generic[_DefinitionT]):
    """A definition together with the place it was read from."""

    kind: str
    definition: _DefinitionT
    file: str
    path: Path = ()
    positions: Positions = field(default_factory=Positions, repr=False, compare=False)
    origins: Mapping[Path, tuple["Located[Any]", Path]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def origin(self, path: Path) -> tuple["Located[Any]", Path]:
        """Find where a part was written: in this file, or in the layer that changed some of it."""
        for above in prefixes(path):
            if above in self.origins:
                located, inner = self.origins[above]
                return located, (*inner, *path[len(above) :])
        for below, (located, inner) in self.origins.items():
            if below[: len(path)] == path:
                return located, inner[: len(inner) - len(below) + len(path)]
        return self, path

    def at(self, *path: str | int, key: bool = False) -> Position:
        """Find the place of a part of it, or of the nearest part that is written down."""
        located, inner = self.origin(path)
        return located.positions.closest((*located.path, *inner), key=key)

    def problem(self, mistake: Mistake) -> Problem:
        """Put a mistake found inside the definition at its place in the file."""
        file = self.origin(mistake.path)[0].file
        return _locate(mistake, file, self.at(*mistake.path, key=mistake.on_key))


@dataclass(frozen=True, slots=True)
class PackText:
    """One text of an i18n file and its place."""

    value: str
    file: str
    at: Position


@dataclass(frozen=True, slots=True)
class PackFolder:
    """What one pack says.

    `files` maps names relative to the pack to texts (templates too); `sources` maps the names that
    problems carry (`label` in front) to the same texts. `unread` names what definitions with
    mistakes would have defined: nobody should be told that it does not exist.
    """

    name: str
    pack: PackDefinition | None = None
    definitions: Mapping[str, tuple[Located[Any], ...]] = field(default_factory=dict)
    text_places: Mapping[str, Mapping[str, PackText]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    label: str = ""
    head: Located[PackDefinition] | None = None
    unread: frozenset[str] = frozenset()

    @property
    def texts(self) -> Mapping[str, Mapping[str, str]]:
        """Give the texts by language and key."""
        return {
            language: {key: text.value for key, text in texts.items()}
            for language, texts in self.text_places.items()
        }

    @property
    def sources(self) -> Mapping[str, str]:
        """Give the texts of the files under the names that problems carry."""
        return {self.label + name: text for name, text in self.files.items()}

    @property
    def is_broken(self) -> bool:
        """Say whether something in it is worse than a warning."""
        return self.pack is None or has_errors(self.problems)

    def problem(self, mistake: Mistake) -> Problem:
        """Put a mistake that concerns the pack as a whole into its head file."""
        if self.head is not None:
            return self.head.problem(mistake)
        return _locate(mistake, self.label + HEAD_FILE, Position(1, 1))


def read_pack(
    folder: FilePath | str | Sequence[FilePath | str], *, label: str | None = None
) -> PackFolder:
    """Read the pack in one folder, or spread over several of which one holds ``pack.yaml``.

    Problems name files as `label` + name in the pack; the label of a single folder is its name.
    """
    folders = [FilePath(folder)] if isinstance(folder, str | FilePath) else [*map(FilePath, folder)]
    if label is None:
        label = f"{folders[0].resolve().name}/" if len(folders) == 1 else ""
    reader = PackReader(label, fallback=folders[0].resolve().name if folders else "")
    files, problems = read_files(folders, label)
    reader.problems.extend(problems)
    for file in sorted(files, key=_reading_order):
        reader.take(file)
    return reader.finish()


def read_pack_texts(texts: Mapping[str, str], *, name: str, label: str = "") -> PackFolder:
    """Read a pack from the texts of its files, as `read_pack` does from a folder.

    `texts` maps names relative to the pack to their contents; `name` stands in when no
    ``pack.yaml`` says one.
    """
    reader = PackReader(label, fallback=name)
    files = [FoundFile(n, t.encode(), is_yaml=not is_template(n)) for n, t in texts.items()]
    for file in sorted(files, key=_reading_order):
        reader.take(file)
    return reader.finish()


def read_texts(folders: Sequence[FilePath]) -> Mapping[str, str]:
    """Give the text of every file of a pack as the reader sees it, without reading YAML."""
    found, _ = read_files(folders)
    return {
        file.name: clean_text(file.raw, file.name, [])
        if file.is_yaml
        else file.raw.decode("utf-8", errors="replace")
        for file in found
    }


def _reading_order(file: FoundFile) -> tuple[bool, int, str]:
    """Read the head nearest to the root first: any other is the second."""
    return not file.name.endswith(HEAD_FILE), file.name.count("/"), file.name


def _locate(mistake: Mistake, file: str, at: Position) -> Problem:
    return Problem(
        mistake.code,
        mistake.message,
        file,
        at.line,
        at.column,
        mistake.suggestion,
        mistake.severity,
        at.length,
    )


class PackReader:
    """Collects what the files of one pack hold."""

    def __init__(self, label: str, fallback: str) -> None:
        self.label = label
        self.fallback = fallback
        self.problems: list[Problem] = []
        self.head: Located[PackDefinition] | None = None
        self.head_file = ""
        self.definitions: dict[str, list[Located[Any]]] = {kind: [] for kind in KINDS}
        self.texts: dict[str, dict[str, PackText]] = {}
        self.files: dict[str, str] = {}
        self.unread: set[str] = set()

    def take(self, found: FoundFile) -> None:
        """Read one file of the pack."""
        if not found.is_yaml:
            self.files[found.name] = found.raw.decode("utf-8", errors="replace")
            return
        file = self.label + found.name
        document = read_yaml(found.raw, file)
        self.files[found.name] = document.text
        self.problems.extend(document.problems)
        parts = found.name.split("/")
        if parts[-1] == HEAD_FILE:
            self._take_head(document, file)
        elif "i18n" in parts[:-1]:
            self._take_texts(document, file, parts[-1].removesuffix(".yaml"))
        else:
            self.take_definitions(document, file)

    def finish(self) -> PackFolder:
        """Give the pack, its problems in order of place."""
        if not self.head_file:
            message = (
                "the pack has no pack.yaml; add one with pack, version, requires_qtcore, title"
            )
            self.problems.append(Problem("QT120", message, self.label + HEAD_FILE))
        head = self.head.definition if self.head else None
        return PackFolder(
            name=head.pack if head else self.fallback,
            pack=head,
            definitions={kind: tuple(found) for kind, found in self.definitions.items()},
            text_places=self.texts,
            files=self.files,
            problems=sort_problems(self.problems),
            label=self.label,
            head=self.head,
            unread=frozenset(self.unread),
        )

    def _refuse(self, document: Document, file: str, mistake: Mistake) -> None:
        at = document.positions.closest(mistake.path, key=mistake.on_key)
        self.problems.append(_locate(mistake, file, at))

    def _validate(
        self, model: type[_DefinitionT], document: Document, file: str, path: Path
    ) -> _DefinitionT | None:
        """Build a model from the value at `path`; None when it has problems or is incomplete."""
        value = document.value
        for step in path:
            value = value[step]
        if any(torn[: len(path)] == path for torn in document.torn):
            return None
        try:
            return model.model_validate(value)
        except ValidationError as exc:
            for mistake in find_mistakes(model, value, exc):
                self._refuse(document, file, _inside(mistake, path))
            return None

    def _take_head(self, document: Document, file: str) -> None:
        if self.head_file:
            message = f"a second pack.yaml; the first is {self.head_file}: a pack has one"
            self._refuse(document, file, Mistake("QT120", message))
            return
        self.head_file = file
        pack = self._validate(PackDefinition, document, file, ())
        if pack is None:
            return
        self.head = Located("pack", pack, file, (), document.positions)
        fits = allows_version(pack.requires_qtcore, CORE_VERSION)
        if fits is None:
            message = (
                f"'requires_qtcore' is {pack.requires_qtcore!r}; write a range like '>=0.1,<1'"
            )
            self._refuse(document, file, Mistake("QT112", message, ("requires_qtcore",)))
        elif not fits:
            message = (
                f"the pack needs qtcore {pack.requires_qtcore}, this is {CORE_VERSION}; "
                "install another version of the pack"
            )
            self._refuse(document, file, Mistake("QT121", message, ("requires_qtcore",)))

    def take_definitions(self, document: Document, file: str) -> None:
        """Read a document that holds definitions by kind."""
        if document.value is None:
            return
        if not isinstance(document.value, Mapping):
            message = f"a definition file is a mapping with the keys {', '.join(KINDS)}"
            self._refuse(document, file, Mistake("QT112", message))
            return
        for kind, entries in document.value.items():
            if kind not in KINDS:
                message = f"unknown kind {kind!r}; accepted are {', '.join(KINDS)}"
                mistake = Mistake("QT113", message, (kind,), suggest(kind, KINDS), on_key=True)
                self._refuse(document, file, mistake)
            elif isinstance(entries, list):
                self._take_kind(kind, len(entries), document, file)
            elif entries is not None:
                message = (
                    f"{kind!r} is {shown(entries)}; accepted is a list of entries with '- id:'"
                )
                self._refuse(document, file, Mistake("QT112", message, (kind,)))

    def _take_kind(self, kind: str, count: int, document: Document, file: str) -> None:
        for number in range(count):
            path: Path = (kind, number)
            written = document.value[kind][number]
            is_change = isinstance(written, Mapping) and "extends" in written
            model = Extension if is_change else KINDS[kind]
            definition = self._validate(model, document, file, path)
            if definition is None:
                self.unread.update(_names_in(written))
                continue
            if isinstance(definition, Definition):
                for mistake in check_definition(kind, definition):
                    self._refuse(document, file, _inside(mistake, path))
            self.definitions[kind].append(Located(kind, definition, file, path, document.positions))

    def _take_texts(self, document: Document, file: str, language: str) -> None:
        value = document.value
        if not isinstance(value, Mapping):
            message = "a text file is a mapping with the keys language and texts"
            self._refuse(document, file, Mistake("QT112", message))
            return
        for key in value:
            if key not in _TEXT_KEYS:
                message = f"key {key!r} is not part of a text file; accepted are language, texts"
                mistake = Mistake("QT110", message, (key,), suggest(key, _TEXT_KEYS), on_key=True)
                self._refuse(document, file, mistake)
        if value.get("language") != language:
            message = (
                f"'language' is {shown(value.get('language'))}; the file name says {language!r}"
            )
            self._refuse(document, file, Mistake("QT112", message, ("language",), language))
        found = self.texts.setdefault(language, {})
        for path, text in _leaves(value.get("texts"), ("texts",)):
            key = ".".join(path[1:])
            at = document.positions.closest(path)
            if not isinstance(text, str) or not text.strip():
                self.unread.add(key)
                message = f"the text {key!r} is {shown(text)}; write a text"
                self._refuse(document, file, Mistake("QT112", message, path))
            elif key in found:
                first = f"{found[key].file}:{found[key].at.line}"
                message = f"the text {key!r} is given twice, first in {first}; keep one"
                self._refuse(document, file, Mistake("QT102", message, path, on_key=True))
            else:
                found[key] = PackText(text, file, at)


def _names_in(written: Any) -> Iterator[str]:
    """Give the names that an entry with mistakes defines: its id, its fields, its parts."""
    if isinstance(written, Mapping):
        if isinstance(written.get("id"), str):
            yield written["id"]
        if isinstance(written.get("properties"), Mapping):
            yield from map(str, written["properties"])
        for part in written.values():
            yield from _names_in(part)
    elif isinstance(written, list):
        for part in written:
            yield from _names_in(part)


def _inside(mistake: Mistake, path: Path) -> Mistake:
    return Mistake(
        mistake.code,
        mistake.message,
        (*path, *mistake.path),
        mistake.suggestion,
        mistake.on_key,
        mistake.severity,
    )


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Visit the texts of a nested mapping; numbers and flags are given back as their text."""
    if not isinstance(value, Mapping):
        if value is not None or len(path) > 1:
            yield path, shown(value) if isinstance(value, int) else value
        return
    for key, part in value.items():
        yield from _leaves(part, (*path, key))
