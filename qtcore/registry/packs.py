"""Finding installed packs and loading what they bring; a pack that crashes is a value.

It must not know what a pack says.
"""

import importlib
import importlib.util
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from qtcore.definitions.pack_files import SKIPPED_FOLDERS
from qtcore.definitions.read import HEAD_FILE
from qtcore.pack import FolderPack
from qtcore.registry.fence import Failure
from qtcore.registry.pack_process import load_apart

ENTRY_POINTS = "qtcore.packs"
_DISTRIBUTION = "qtcore"
_PACKAGE = Path(__file__).resolve().parent.parent
_LOG = logging.getLogger("qtcore.packs")


def find_installed() -> Mapping[str, Callable[[], object]]:
    """Find the installed packs; in a checkout that is not installed, those below ``plugins/``.

    Packs that the product does not bring itself are loaded in processes of their own.
    """
    points = {
        point.name: point.load if _is_ours(point) else partial(load_apart, point.name, point.value)
        for point in entry_points(group=ENTRY_POINTS)
    }
    if points or _PACKAGE.joinpath("base").is_dir():
        return points
    heads = sorted(_PACKAGE.parent.glob(f"plugins/*/qt_*/{HEAD_FILE}"))
    return {
        head.parent.name.removeprefix("qt_"): partial(_import_from, head.parent) for head in heads
    }


def installed_folders() -> tuple[Path, ...]:
    """Give the folders of the installed packs whose files lie on this disk."""
    modules = {point.name: point.module for point in entry_points(group=ENTRY_POINTS)}
    if not modules:
        return tuple(
            sorted(head.parent for head in _PACKAGE.parent.glob(f"plugins/*/qt_*/{HEAD_FILE}"))
        )
    specs = (importlib.util.find_spec(name.split(".")[0]) for name in modules.values())
    return tuple(sorted(Path(spec.origin).parent for spec in specs if spec and spec.origin))


def load_pack(name: str, load: Callable[[], object]) -> object:
    """Load a pack's module or object, or give the Failure that names it."""
    try:
        loaded = load()
        return _with_hooks(loaded) if isinstance(loaded, ModuleType) else loaded
    except (Exception, SystemExit) as exc:
        _LOG.info("pack %s cannot be loaded", name, exc_info=True)
        return Failure(name, "its import", f"{type(exc).__name__}: {exc}")


def find_pack_folders(path: Path) -> tuple[Path, ...]:
    """Find the packs a path speaks of: the one it is or lies in, else those below it."""
    if not path.exists():
        return ()
    here = path if path.is_dir() else path.parent
    for folder in (here, *here.resolve().parents):
        if (folder / HEAD_FILE).is_file():
            return (folder,)
    if path.is_file():
        return ()
    found = (head.parent for head in here.rglob(HEAD_FILE))
    return tuple(sorted(f for f in found if not _is_skipped(f.relative_to(here))))


def _is_ours(point: EntryPoint) -> bool:
    return point.dist is not None and point.dist.name == _DISTRIBUTION


def _is_skipped(below: Path) -> bool:
    return any(part.startswith(".") or part in SKIPPED_FOLDERS for part in below.parts)


def load_folder(folder: Path) -> object:
    """Give a folder as a pack, with its ``hooks.py`` when it is a package; or the Failure.

    The Python of a package is run, as it would be after its installation.
    """
    label = "" if folder == Path() else f"{folder.as_posix()}/"
    pack = FolderPack(folder, label=label)
    if not (folder / "__init__.py").is_file():
        return pack
    module = load_pack(pack.name, partial(_import_from, folder.resolve()))
    if isinstance(module, Failure):
        return replace(module, file=f"{label}__init__.py")
    return (pack, module)


def _import_from(folder: Path) -> ModuleType:
    """Import a package by its folder, without changing where Python looks for others."""
    held = sys.modules.get(folder.name)
    if held is not None and held.__file__ == str(folder / "__init__.py"):
        return held
    if held is not None:
        raise ImportError(f"{folder.name} is already loaded from {held.__file__}; rename it")
    spec = importlib.util.spec_from_file_location(folder.name, folder / "__init__.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder.name} has no __init__.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[folder.name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[folder.name]
        raise
    return module


def _with_hooks(package: ModuleType) -> ModuleType:
    """Take the package's ``hooks`` module when it has one."""
    name = f"{package.__name__}.hooks"
    is_package = hasattr(package, "__path__")
    if is_package and importlib.util.find_spec(name) is not None:
        return importlib.import_module(name)
    return package
