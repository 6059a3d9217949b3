"""Which layer each line of the definitions in force came from.

It must not know how layers are merged; it only asks each definition where its parts were written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from qtcore.definitions.packs import KINDS
from qtcore.definitions.source import Path
from qtcore.registry.floor import find_changes
from qtcore.registry.merge import Entry, Merged
from qtcore.registry.registry import Registry

TEXTS = "texts"


@dataclass(frozen=True, slots=True)
class MergedLine:
    """One value in force and where it stands: layer, pack, file and line.

    `path` names entries of lists by their id. `note` says what it replaces and why, or in which
    way the definition is looser than what lay below.
    """

    kind: str
    id: str
    path: str
    value: str
    layer: str
    pack: str
    file: str
    line: int
    note: str = ""

    def as_json(self) -> dict[str, object]:
        """Give the shape that `--json` shows."""
        return {name: getattr(self, name) for name in self.__slots__}

    def __str__(self) -> str:
        where = f"{self.layer} {self.pack} {self.file}:{self.line}"
        note = f"; {self.note}" if self.note else ""
        return f"{self.path}: {self.value}  # {where}{note}"


def list_merged(registry: Registry) -> tuple[MergedLine, ...]:
    """List every value of every definition and text in force."""
    merged = registry._merged
    layers = _Layers(merged)
    lines = [
        line
        for kind in KINDS
        for entry in merged.all(kind)
        for line in _lines(registry, entry, layers)
    ]
    for language, texts in sorted(merged.texts.items()):
        for key, text in sorted(texts.items()):
            layer, pack = layers.of(text.file)
            line = MergedLine(
                TEXTS, language, key, text.value, layer, pack, text.file, text.at.line
            )
            lines.append(line)
    return tuple(lines)


def render_merged(lines: Sequence[MergedLine]) -> str:
    """Render the lines for a terminal, grouped by definition."""
    parts: list[str] = []
    head = ("", "")
    for line in lines:
        if (line.kind, line.id) != head:
            head = (line.kind, line.id)
            parts.append(f"{line.kind} {line.id}")
        parts.append(f"  {line}")
    return "\n".join(parts) + "\n"


class _Layers:
    """Finds the layer and the pack of a file."""

    def __init__(self, merged: Merged) -> None:
        self._known = {
            name: (pack.pack.layer if pack.pack else "", pack.name)
            for pack in merged.packs
            for name in pack.sources
        }

    def of(self, file: str) -> tuple[str, str]:
        return self._known.get(file, ("", ""))


def _lines(registry: Registry, entry: Entry, layers: _Layers) -> Iterator[MergedLine]:
    kind, definition = entry.located.kind, entry.definition
    raw = definition.model_dump(by_alias=True, exclude_unset=True)
    notes = _notes(registry, entry)
    for path, value in _leaves(raw, ()):
        located, _ = entry.located.origin(path)
        layer, pack = layers.of(located.file)
        yield MergedLine(
            kind,
            definition.id,
            _shown_path(raw, path),
            _shown(value),
            layer,
            pack,
            located.file,
            entry.located.at(*path).line,
            notes.get(path, ""),
        )


def _notes(registry: Registry, entry: Entry) -> Mapping[Path, str]:
    """Say at the id what lies below, and at every looser part in which way it is looser."""
    merged, kind, name = registry._merged, entry.located.kind, entry.definition.id
    below = merged.replaced.get((kind, name), ())
    if not below:
        return {}
    last = below[-1]
    where = f"{last.pack} {last.located.file}:{last.located.at('id').line}"
    replaces = entry.definition.replaces
    said = f"replaces {where}" if replaces and not entry.changed else f"extends {where}"
    reason = entry.reason or (replaces.reason if replaces else "")
    notes: dict[Path, str] = {("id",): f"{said}: {reason}" if reason else said}
    raw = entry.definition.model_dump(by_alias=True, exclude_unset=True)
    shown = [path for path, _ in _leaves(raw, ())]
    for found in find_changes(merged, registry._expressions, kind, name):
        at = next((path for path in shown if path[: len(found.path)] == found.path), ("id",))
        notes[at] = "; ".join(filter(None, (notes.get(at), f"looser: it {found.said}")))
    return notes


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Visit scalars and lists of scalars; an empty container is shown as it is."""
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _leaves(part, (*path, key))
    elif isinstance(value, list | tuple) and any(isinstance(p, Mapping | list) for p in value):
        for number, part in enumerate(value):
            yield from _leaves(part, (*path, number))
    else:
        yield path, value


def _shown_path(raw: Any, path: Path) -> str:
    """Write a path with entries named by their id: ``transitions[release].roles``."""
    text, here = "", raw
    for step in path:
        here = here[step]
        if isinstance(step, int):
            name = here.get("id") if isinstance(here, Mapping) else None
            text += f"[{name if name is not None else step}]"
        else:
            text += f".{step}" if text else str(step)
    return text


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_shown, value))}]"
    if value is None:
        return "null"
    return value.isoformat() if isinstance(value, date) else str(value)
