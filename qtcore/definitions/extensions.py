"""A later layer's changes to one definition: only what differs, laid over the layer below.

It must not know packs or which layer comes first; whether a change loosens anything is decided by
the registry.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import ConfigDict

from qtcore.definitions.definition import Id, Model, Replacement
from qtcore.definitions.source import Path

ENTRY_KEYS = ("id",)
_OWN_KEYS = frozenset({"extends"})


class Extension(Model):
    """The part of a definition that a later layer changes: ``extends: true`` beside the id.

    Values given replace those below; entries of lists that carry an `id` are changed by their id
    or added. Nothing can be taken away. `extends: {reason: ...}` is needed when the outcome is
    looser than what stands below; what is mandatory cannot become looser with any reason.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    id: Id
    extends: Literal[True] | Replacement

    @property
    def reason(self) -> str:
        """The reason given, or an empty text."""
        return self.extends.reason if isinstance(self.extends, Replacement) else ""

    @property
    def changes(self) -> Mapping[str, Any]:
        """What it says, as read, without `extends`."""
        return {"id": self.id, **(self.model_extra or {})}


@dataclass(slots=True)
class Laid:
    """Raw values laid over each other; `origins` maps paths of the outcome to paths of the change.

    Every path that is not below one of `origins` still stands where it stood.
    """

    value: Any
    origins: dict[Path, Path] = field(default_factory=dict)


def lay_over(below: Mapping[str, Any], changes: Mapping[str, Any]) -> Laid:
    """Lay the changes of an extension over the raw value of a definition."""
    laid = Laid(None)
    laid.value = _merge(below, changes, ((), ()), laid.origins)
    return laid


def _merge(below: Any, change: Any, at: tuple[Path, Path], origins: dict[Path, Path]) -> Any:
    path, own = at
    if isinstance(below, Mapping) and isinstance(change, Mapping):
        merged = dict(below)
        for key, value in change.items():
            inner = (*path, key), (*own, key)
            if key in below:
                merged[key] = _merge(below[key], value, inner, origins)
            else:
                merged[key] = value
                origins[inner[0]] = inner[1]
        return merged
    if _are_entries(below) and _are_entries(change):
        return _merge_entries(list(below), list(change), at, origins)
    if below != change or isinstance(below, bool) is not isinstance(change, bool):
        origins[path] = own
        return change
    return below


def _merge_entries(
    below: list[Any], change: list[Any], at: tuple[Path, Path], origins: dict[Path, Path]
) -> list[Any]:
    path, own = at
    places = {entry["id"]: number for number, entry in enumerate(below)}
    merged = list(below)
    for number, entry in enumerate(change):
        place = places.get(entry["id"])
        if place is None:
            origins[(*path, len(merged))] = (*own, number)
            merged.append(entry)
        else:
            inner = (*path, place), (*own, number)
            merged[place] = _merge(merged[place], entry, inner, origins)
    return merged


def _are_entries(value: Any) -> bool:
    is_list = isinstance(value, Sequence) and not isinstance(value, str) and len(value) > 0
    return is_list and all(isinstance(part, Mapping) and "id" in part for part in value)


def prefixes(path: Path) -> Iterator[Path]:
    """Visit a path and its ancestors, the longest first."""
    return (path[:end] for end in range(len(path), -1, -1))
