"""Which Python a pack brings, as a digest; and what stands in for Python that nobody published.

It must not know databases or versions; it compares digests it is given.
"""

import hashlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from qtcore.definitions.pack_files import SKIPPED_FOLDERS
from qtcore.definitions.read import HEAD_FILE, PackFolder
from qtcore.errors import Refusal
from qtcore.hookspecs import PROJECT
from qtcore.pack import FolderPack, hookimpl

_DEFINES = "contribute_definitions"
_JUDGES = "judge_"


class StoredPack:
    """The texts of a pack as they were published, behind the hook every pack implements."""

    def __init__(self, content: PackFolder) -> None:
        self.content = content

    @hookimpl
    def contribute_definitions(self) -> PackFolder:
        """Give what was published."""
        return self.content


class PackCode(SimpleNamespace):
    """The hooks of a pack's Python; `digest` is empty where a stand-in refuses in its place."""

    digest: str


def code_digest(plugin: object) -> str:
    """Give the SHA-256 of the Python files of a pack; empty for a folder of YAML."""
    parts = plugin if isinstance(plugin, tuple) else (plugin,)
    known = [part.digest for part in parts if isinstance(part, PackCode)]
    if known:
        return known[0]
    found: dict[str, bytes] = {}
    for part in parts:
        if not isinstance(part, FolderPack | StoredPack):
            found |= _sources(part)
    return _digest(found)


def file_digest(file: Path) -> str:
    """Give the digest of the pack whose Python lies around a file, without running it."""
    return _digest(_sources_around(file))


def _digest(found: Mapping[str, bytes]) -> str:
    if not found:
        return ""
    digest = hashlib.sha256()
    for name, raw in sorted(found.items()):
        digest.update(f"{name}\0{len(raw)}\0".encode() + raw)
    return digest.hexdigest()


def pack_folder(plugin: object) -> Path | None:
    """Give the folder a pack's module lies in, when it holds a ``pack.yaml``."""
    file = _file_of(plugin)
    return file.parent if file is not None and (file.parent / HEAD_FILE).is_file() else None


def code_of(plugin: object) -> tuple[object, ...]:
    """Give the hooks a pack's Python implements, without the one that brings definitions."""
    parts = plugin if isinstance(plugin, tuple) else (plugin,)
    digest = code_digest(plugin)
    return tuple(
        PackCode(digest=digest, **{name: getattr(part, name) for name in _hooks_of(part)})
        for part in parts
        if not isinstance(part, FolderPack | StoredPack)
    )


def withheld(plugin: object, pack: str, facts: tuple[str, ...]) -> object:
    """Give a stand-in for Python that differs from the published one.

    It knows no fact, so that rules that need one block, and it refuses whatever the changed code
    would have judged: code that nobody approved decides nothing, and stops what it would decide.
    """
    names = [name for name in _hooks_of(plugin) if name in _REFUSERS]
    return _refusing(names, pack, facts, "differs from the published one")


def absent(pack: str, facts: tuple[str, ...]) -> object:
    """Give a stand-in for Python that is gone: nothing tells what it judged, so all is refused."""
    return _refusing(list(_REFUSERS), pack, facts, "is not installed or cannot be loaded")


def _refusing(hooks: list[str], pack: str, facts: tuple[str, ...], why: str) -> object:
    refusal = Refusal(
        "QT906",
        f"the Python of pack {pack!r} {why} and does not judge",
        asked_by=pack,
        fix="publish the pending upgrade (`qtcore config status`), or install the published pack",
    )
    judges = {name: _REFUSERS[name](refusal) for name in hooks}
    unknown = hookimpl(lambda: {fact: lambda _lot: None for fact in facts})
    return PackCode(digest="", contribute_facts=unknown, **judges)


_REFUSERS: Mapping[str, Callable[[Refusal], Any]] = {
    "judge_receipt": lambda refusal: hookimpl(lambda lot: [refusal]),
    "judge_transition": lambda refusal: hookimpl(lambda transition: [refusal]),
    "judge_release": lambda refusal: hookimpl(lambda lot: [refusal]),
    "judge_shipment": lambda refusal: hookimpl(lambda shipment: [refusal]),
    "judge_recall_closure": lambda refusal: hookimpl(lambda recall: [refusal]),
}


def _hooks_of(plugin: object) -> list[str]:
    parts = plugin if isinstance(plugin, tuple) else (plugin,)
    return [
        name
        for part in parts
        for name in dir(part)
        if name != _DEFINES
        and hasattr(
            getattr(inspect.getattr_static(part, name), "__func__", None)
            or inspect.getattr_static(part, name),
            f"{PROJECT}_impl",
        )
    ]


def _sources(part: object) -> dict[str, bytes]:
    file = _file_of(part)
    return {} if file is None else _sources_around(file)


def _sources_around(file: Path) -> dict[str, bytes]:
    if not file.is_file():
        return {}
    folder = file.parent
    if not (folder / "__init__.py").is_file():
        return {file.name: file.read_bytes()}
    while not (folder / HEAD_FILE).is_file() and (folder.parent / "__init__.py").is_file():
        folder = folder.parent
    files = (path for path in folder.rglob("*.py") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in files
        if not set(path.relative_to(folder).parts) & SKIPPED_FOLDERS
    }


def _file_of(plugin: object) -> Path | None:
    owner = plugin if isinstance(plugin, ModuleType) else inspect.getmodule(type(plugin))
    name = getattr(owner, "__file__", None)
    return Path(name) if name else None
