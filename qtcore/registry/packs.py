"""Finding installed packs and loading what they bring; a pack that crashes is a value.

It must not know what a pack says.
"""

import importlib
import importlib.util
import logging
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from qtcore.definitions.read import HEAD_FILE
from qtcore.registry.hooks import Failure

ENTRY_POINTS = "qtcore.packs"
_PACKAGE = Path(__file__).resolve().parent.parent
_LOG = logging.getLogger("qtcore.packs")


def find_installed() -> Mapping[str, Callable[[], object]]:
    """Find the installed packs; in a checkout that is not installed, those below ``plugins/``."""
    points = {point.name: point.load for point in entry_points(group=ENTRY_POINTS)}
    if points or _PACKAGE.joinpath("base").is_dir():
        return points
    heads = sorted(_PACKAGE.parent.glob(f"plugins/*/qt_*/{HEAD_FILE}"))
    return {
        head.parent.name.removeprefix("qt_"): partial(_import_from, head.parent) for head in heads
    }


def load_pack(name: str, load: Callable[[], object]) -> object:
    """Load a pack's module or object, or give the Failure that names it."""
    try:
        loaded = load()
        return _with_hooks(loaded) if isinstance(loaded, ModuleType) else loaded
    except (Exception, SystemExit) as exc:
        _LOG.warning("pack %s cannot be loaded", name, exc_info=True)
        return Failure(name, "its import", f"{type(exc).__name__}: {exc}")


def _import_from(folder: Path) -> ModuleType:
    """Import a package by its folder, without changing where Python looks for others."""
    if folder.name in sys.modules:
        return sys.modules[folder.name]
    spec = importlib.util.spec_from_file_location(folder.name, folder / "__init__.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder.name} has no __init__.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[folder.name] = module
    spec.loader.exec_module(module)
    return module


def _with_hooks(package: ModuleType) -> ModuleType:
    """Take the package's ``hooks`` module when it has one."""
    name = f"{package.__name__}.hooks"
    is_package = hasattr(package, "__path__")
    if is_package and importlib.util.find_spec(name) is not None:
        return importlib.import_module(name)
    return package
