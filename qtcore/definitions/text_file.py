"""One file of texts in one language: the texts by key, and its problems. Read once, as others are.

It must not know which definitions need a text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from qtcore.definitions.definition_file import DocumentReader
from qtcore.definitions.mistakes import Mistake, shown
from qtcore.definitions.places import Position
from qtcore.definitions.problems import Problem, suggest
from qtcore.definitions.source import Path, Positions, read_yaml

_KEYS: Final = ("language", "texts")
_MOST_KEPT: Final = 32


@dataclass(frozen=True, slots=True)
class PackText:
    """One text of an i18n file and its place."""

    value: str
    file: str
    path: Path = ()
    positions: Positions = field(default_factory=Positions, repr=False, compare=False)

    @property
    def at(self) -> Position:
        """Find where the text stands."""
        return self.positions.closest(self.path)

    def given_twice(self, other: "PackText") -> Mistake:
        """Say of `other` that this text, of the same key, was there first."""
        key = ".".join(map(str, other.path[1:]))
        message = f"the text {key!r} is given twice, first in {self.file}:{self.at.line}; keep one"
        return Mistake("QT102", message, other.path, on_key=True)


@dataclass(frozen=True, slots=True)
class FileTexts:
    """What one text file says; `unread` are the keys whose text is none."""

    language: str
    text: str
    problems: tuple[Problem, ...] = ()
    texts: Mapping[str, PackText] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()


@lru_cache(maxsize=_MOST_KEPT)
def read_text_file(raw: bytes, file: str) -> FileTexts:
    """Read a text file; its name says its language. A file read before is not read again."""
    language = file.rsplit("/", 1)[-1].removesuffix(".yaml")
    reader = DocumentReader(read_yaml(raw, file), file)
    value, positions = reader.document.value, reader.document.positions
    found: dict[str, PackText] = {}
    unread: set[str] = set()
    if isinstance(value, Mapping):
        _check_head(reader, value, language)
        for path, text in _leaves(value.get("texts"), ("texts",)):
            key = ".".join(path[1:])
            if not isinstance(text, str) or not text.strip():
                unread.add(key)
                message = f"the text {key!r} is {shown(text)}; write a text"
                reader.refuse(Mistake("QT112", message, path))
                continue
            new = PackText(text, file, path, positions)
            if key in found:
                reader.refuse(found[key].given_twice(new))
            else:
                found[key] = new
    else:
        message = "a text file is a mapping with the keys language and texts"
        reader.refuse(Mistake("QT112", message))
    text = reader.document.text
    return FileTexts(language, text, tuple(reader.problems), found, frozenset(unread))


def _check_head(reader: DocumentReader, value: Mapping[str, Any], language: str) -> None:
    for key in value:
        if key not in _KEYS:
            message = f"key {key!r} is not part of a text file; accepted are language, texts"
            reader.refuse(Mistake("QT110", message, (key,), suggest(key, _KEYS), on_key=True))
    if value.get("language") != language:
        message = f"'language' is {shown(value.get('language'))}; the file name says {language!r}"
        reader.refuse(Mistake("QT112", message, ("language",), language))


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Visit the texts of a nested mapping; numbers and flags are given back as their text."""
    if not isinstance(value, Mapping):
        if value is not None or len(path) > 1:
            yield path, shown(value) if isinstance(value, int) else value
        return
    for key, part in value.items():
        yield from _leaves(part, (*path, key))
