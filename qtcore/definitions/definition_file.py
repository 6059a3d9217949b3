"""One file of definitions: what it defines, and its problems. The same text is read once.

It must not know the other files of a pack.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from qtcore.definitions.definition import Definition
from qtcore.definitions.extensions import Extension
from qtcore.definitions.located import Located, locate
from qtcore.definitions.mistakes import Mistake, find_mistakes, shown
from qtcore.definitions.packs import KINDS
from qtcore.definitions.problems import Problem, suggest
from qtcore.definitions.source import Document, Path, read_yaml
from qtcore.definitions.structure import check_definition

_MOST_KEPT: Final = 192
"""Files whose reading is kept: twice what the shipped packs have (docs/decisions/0014)."""
_DefinitionT = TypeVar("_DefinitionT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class FileDefinitions:
    """What one file defines; `unread` are the names that definitions with mistakes would give."""

    text: str
    problems: tuple[Problem, ...] = ()
    definitions: tuple[Located[Any], ...] = ()
    unread: frozenset[str] = frozenset()


class DocumentReader:
    """Builds models from one document and collects what is wrong with it."""

    def __init__(self, document: Document, file: str) -> None:
        self.document = document
        self.file = file
        self.problems = list(document.problems)

    def refuse(self, mistake: Mistake) -> None:
        """Note a mistake at its place."""
        at = self.document.positions.closest(mistake.path, key=mistake.on_key)
        self.problems.append(locate(mistake, self.file, at))

    def validate(self, model: type[_DefinitionT], path: Path = ()) -> _DefinitionT | None:
        """Build a model from the value at `path`; None when it has problems or is incomplete."""
        value = self.document.value
        for step in path:
            value = value[step]
        if any(torn[: len(path)] == path for torn in self.document.torn):
            return None
        try:
            return model.model_validate(value)
        except ValidationError as exc:
            for mistake in find_mistakes(model, value, exc):
                self.refuse(_inside(mistake, path))
            return None


@lru_cache(maxsize=_MOST_KEPT)
def read_definitions(raw: bytes, file: str) -> FileDefinitions:
    """Read the definitions of one file; a text that was read before is not read again."""
    reader = DocumentReader(read_yaml(raw, file), file)
    value = reader.document.value
    found: list[Located[Any]] = []
    unread: set[str] = set()
    if value is not None and not isinstance(value, Mapping):
        message = f"a definition file is a mapping with the keys {', '.join(KINDS)}"
        if isinstance(value, str) and "：" in value:
            message = "the sign '：' is full-width; write ':' and a space behind each key"
        reader.refuse(Mistake("QT112", message))
        value = None
    for kind, entries in (value or {}).items():
        if kind not in KINDS:
            message = f"unknown kind {kind!r}; accepted are {', '.join(KINDS)}"
            reader.refuse(Mistake("QT113", message, (kind,), suggest(kind, KINDS), on_key=True))
        elif isinstance(entries, list):
            for number, written in enumerate(entries):
                located = _read_entry(reader, (kind, number), written)
                if located is None:
                    unread.update(_names_in(written))
                else:
                    found.append(located)
        elif entries is not None:
            message = f"{kind!r} is {shown(entries)}; accepted is a list of entries with '- id:'"
            reader.refuse(Mistake("QT112", message, (kind,)))
    text = reader.document.text
    return FileDefinitions(text, tuple(reader.problems), tuple(found), frozenset(unread))


def _read_entry(reader: DocumentReader, path: tuple[str, int], written: Any) -> Located[Any] | None:
    kind = path[0]
    is_change = isinstance(written, Mapping) and "extends" in written
    definition: Any = reader.validate(Extension if is_change else KINDS[kind], path)
    if definition is None:
        return None
    if isinstance(definition, Definition):
        for mistake in check_definition(kind, definition):
            reader.refuse(_inside(mistake, path))
    return Located(kind, definition, reader.file, path, reader.document.positions)


def _names_in(written: Any) -> Iterator[str]:
    """Give the names that an entry with mistakes defines: its id, gate, fields, parts."""
    if isinstance(written, Mapping):
        yield from (written[key] for key in ("id", "gate") if isinstance(written.get(key), str))
        if isinstance(written.get("properties"), Mapping):
            yield from map(str, written["properties"])
        for part in written.values():
            yield from _names_in(part)
    elif isinstance(written, list):
        for part in written:
            yield from _names_in(part)


def _inside(mistake: Mistake, path: Path) -> Mistake:
    return replace(mistake, path=(*path, *mistake.path))
