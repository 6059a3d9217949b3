"""A pack folder as definitions, texts and problems; the mistakes of its author are never raised.

It must not know other packs, nor what the product does with a definition.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from qtcore.definitions.definition_file import DocumentReader, read_definitions
from qtcore.definitions.encoding import clean_text
from qtcore.definitions.located import Located, locate
from qtcore.definitions.mistakes import Mistake
from qtcore.definitions.pack_files import FoundFile, is_template, read_files
from qtcore.definitions.packs import KINDS, PackDefinition
from qtcore.definitions.places import Position
from qtcore.definitions.problems import Problem, has_errors, sort_problems
from qtcore.definitions.source import read_yaml
from qtcore.definitions.text_file import PackText, read_text_file
from qtcore.definitions.versions import CORE_VERSION, allows_version

HEAD_FILE = "pack.yaml"


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
        return locate(mistake, self.label + HEAD_FILE, Position(1, 1))


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
        parts = found.name.split("/")
        if parts[-1] == HEAD_FILE:
            self.files[found.name] = self._take_head(found.raw, file)
        elif "i18n" in parts[:-1]:
            self.files[found.name] = self._take_texts(found.raw, file)
        else:
            self.files[found.name] = self._take_definitions(found.raw, file)

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

    def _take_head(self, raw: bytes, file: str) -> str:
        reader = DocumentReader(read_yaml(raw, file), file)
        if self.head_file:
            message = f"a second pack.yaml; the first is {self.head_file}: a pack has one"
            reader.refuse(Mistake("QT120", message))
        else:
            self.head_file = file
            pack = reader.validate(PackDefinition)
            if pack is not None:
                self.head = Located("pack", pack, file, (), reader.document.positions)
                _check_version(reader, pack.requires_qtcore)
        self.problems.extend(reader.problems)
        return reader.document.text

    def _take_definitions(self, raw: bytes, file: str) -> str:
        read = read_definitions(raw, file)
        for located in read.definitions:
            self.definitions[located.kind].append(located)
        self.problems.extend(read.problems)
        self.unread |= read.unread
        return read.text

    def _take_texts(self, raw: bytes, file: str) -> str:
        read = read_text_file(raw, file)
        found = self.texts.setdefault(read.language, {})
        for key, text in read.texts.items():
            first = found.setdefault(key, text)
            if first is not text:
                self.problems.append(locate(first.given_twice(text), file, text.at))
        self.problems.extend(read.problems)
        self.unread |= read.unread
        return read.text


def _check_version(reader: DocumentReader, wanted: str) -> None:
    fits = allows_version(wanted, CORE_VERSION)
    if fits is None:
        message = f"'requires_qtcore' is {wanted!r}; write a range like '>=0.1,<1'"
        reader.refuse(Mistake("QT112", message, ("requires_qtcore",)))
    elif not fits:
        message = (
            f"the pack needs qtcore {wanted}, this is {CORE_VERSION}; "
            "install another version of the pack"
        )
        reader.refuse(Mistake("QT121", message, ("requires_qtcore",)))
