"""Which files a pack folder holds, read in one fixed order; links that leave it are refused.

It must not know YAML or any kind of definition.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qtcore.definitions.problems import Problem
from qtcore.definitions.source import MAX_BYTES

MAX_FILES = 2_000
SKIPPED_FOLDERS = frozenset({"tests", "__pycache__", "node_modules", "static"})
_TEMPLATES = "templates"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file of a pack: its name relative to the pack, its bytes, and whether it is YAML."""

    name: str
    raw: bytes
    is_yaml: bool


def is_template(name: str) -> bool:
    """Say whether a file of a pack is a printed document's template, by its name in the pack."""
    return _TEMPLATES in name.split("/")[:-1]


def read_files(
    folders: Sequence[Path], label: str = ""
) -> tuple[tuple[FoundFile, ...], tuple[Problem, ...]]:
    """Read every YAML file and template below the folders; what may not be read is a problem.

    Files of several folders carry the folder's name in front; problems carry `label` before it.
    """
    found: list[FoundFile | Problem] = []
    for folder in folders:
        prefix = f"{folder.name}/" if len(folders) > 1 else ""
        if not folder.is_dir():
            message = f"there is no folder {folder.name!r}; give the path of a pack folder"
            found.append(Problem("QT120", message, label + prefix))
            continue
        for path in _walk(folder):
            name = path.relative_to(folder).as_posix()
            found.append(_read_file(path, prefix + name, folder.resolve(), label))
    files = tuple(item for item in found if isinstance(item, FoundFile))
    problems = [item for item in found if isinstance(item, Problem)]
    if len(files) > MAX_FILES:
        message = f"the pack holds {len(files)} files, at most {MAX_FILES} are read; split it"
        problems.append(Problem("QT108", message, label))
    return files[:MAX_FILES], tuple(problems)


def _walk(folder: Path, *, is_template: bool = False) -> Iterator[Path]:
    """Visit what concerns a pack, sorted; a linked folder is visited as one entry, not entered."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = Path(entry.path)
        if entry.name.startswith(".") or entry.name in SKIPPED_FOLDERS:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(path, is_template=is_template or entry.name == _TEMPLATES)
        elif is_template or entry.is_dir() or path.suffix in {".yaml", ".yml"}:
            yield path


def _read_file(path: Path, name: str, root: Path, label: str) -> FoundFile | Problem:
    if path.is_symlink() and (path.is_dir() or not path.resolve().is_relative_to(root)):
        message = "a link that leads out of the pack is not followed; copy the file into the pack"
        return Problem("QT108", message, label + name)
    is_yaml = not is_template(name)
    if path.suffix == ".yml" and is_yaml:
        message = "the file ends in '.yml' and is not read; rename it"
        return Problem("QT108", message, label + name, suggestion=path.with_suffix(".yaml").name)
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as exc:
        return Problem("QT108", f"the file cannot be read: {exc.strerror}", label + name)
    return FoundFile(name, raw, is_yaml=is_yaml)
