"""Finding packs: the base, those installed as entry points, further folders, the site.

It must not know what a pack says; it hands all of them to the same door.
"""

import importlib
import importlib.util
import logging
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from qtcore.definitions.folders import base_folders
from qtcore.definitions.mistakes import Mistake
from qtcore.definitions.problems import Problem
from qtcore.definitions.read import HEAD_FILE, PackFolder
from qtcore.definitions.structure import unknown
from qtcore.pack import FolderPack
from qtcore.registry.compile import Compiled, compile_registry
from qtcore.registry.hooks import Failure, Hooks
from qtcore.registry.registry import PackState

ENTRY_POINTS = "qtcore.packs"
BASE = "base"
_ROOT = Path(__file__).resolve().parent.parent
_LOG = logging.getLogger("qtcore.packs")


@dataclass
class _Found:
    plugins: dict[str, object] = field(default_factory=dict)
    broken: list[PackState] = field(default_factory=list)

    def add(self, name: str, plugin: object) -> None:
        """Take a pack; a second one of the same name is named and left out."""
        if name not in self.plugins:
            self.plugins[name] = plugin
            return
        message = f"a second pack is named {name!r}; rename one of them or remove it"
        place = plugin.content.label if isinstance(plugin, FolderPack) else f"{name}/"
        problem = Problem("QT123", message, place + HEAD_FILE)
        self.broken.append(PackState(name, is_broken=True, problems=(problem,)))

    def refuse(self, name: str, hook: str, message: str) -> None:
        """Note a pack that cannot be loaded at all."""
        problem = Failure(name, hook, message).as_problem()
        self.broken.append(PackState(name, is_broken=True, problems=(problem,)))


def load_registry(
    *,
    site_dir: Path | None = None,
    packs: Sequence[str] | None = None,
    extra_packs: Iterable[Path | FolderPack] = (),
) -> Compiled:
    """Find and compile the base pack, the installed packs, `extra_packs` and the site folder.

    `packs` limits the installed packs to those named; without it the site's own ``packs:`` counts,
    and without that all installed ones take part.
    """
    site = FolderPack(site_dir) if site_dir is not None else None
    chosen = packs if packs is not None else _chosen(site)
    found = _Found()
    found.add(BASE, FolderPack(*base_folders()))
    unknown_names = _add_installed(found, chosen)
    for extra in extra_packs:
        pack = extra if isinstance(extra, FolderPack) else FolderPack(extra)
        found.add(pack.name, pack)
    if site is not None:
        found.add(site.name, site)
    missing = [name for name in unknown_names if name not in found.plugins]
    return _compile(found, site, missing)


def load_packs(plugins: Mapping[str, object]) -> Compiled:
    """Compile exactly these packs and no others; tests and `check` of a base pack use it."""
    found = _Found()
    for name, plugin in plugins.items():
        found.add(name, plugin)
    return _compile(found, None, ())


def list_installed() -> tuple[str, ...]:
    """Name the packs that are installed as entry points, or lie beside the product."""
    return tuple(sorted(_installed()))


def _compile(found: _Found, site: FolderPack | None, missing: Sequence[str]) -> Compiled:
    hooks = Hooks(found.plugins)
    answers = hooks.contribute_definitions()
    contents: list[PackFolder] = []
    broken = list(found.broken)
    for failure in answers.failures:
        problems = (failure.as_problem(),)
        broken.append(PackState(failure.pack, is_broken=True, problems=problems))
    for name, content in answers.values:
        contents.append(_named(name, content))
    if site is not None and missing:
        contents = [_with_missing(c, missing) if c.name == site.name else c for c in contents]
    elif missing:
        broken.extend(_not_installed(name) for name in missing)
    return compile_registry(contents, hooks, broken)


def _named(name: str, content: PackFolder) -> PackFolder:
    """Insist that a pack is installed under the name its pack.yaml says."""
    if content.pack is None or content.name == name:
        return _renamed(content, name, content.problems)
    message = (
        f"pack.yaml says {content.name!r}, but the pack is installed as {name!r}; use one name"
    )
    problem = content.problem(Mistake("QT120", message, ("pack",), name))
    return _renamed(content, name, (*content.problems, problem))


def _renamed(content: PackFolder, name: str, problems: tuple[Problem, ...]) -> PackFolder:
    return PackFolder(
        name,
        content.pack,
        content.definitions,
        content.text_places,
        content.files,
        problems,
        content.label,
        content.head,
    )


def _with_missing(site: PackFolder, missing: Sequence[str]) -> PackFolder:
    names = list(site.pack.packs or ()) if site.pack else []
    problems = [
        site.problem(unknown(n, list_installed(), "pack", ("packs", names.index(n))))
        for n in missing
        if n in names
    ]
    return _renamed(site, site.name, (*site.problems, *problems))


def _not_installed(name: str) -> PackState:
    mistake = unknown(name, list_installed(), "pack", ())
    problem = Problem("QT130", mistake.message, name, suggestion=mistake.suggestion)
    return PackState(name, is_broken=True, problems=(problem,))


def _chosen(site: FolderPack | None) -> Sequence[str] | None:
    return site.content.pack.packs if site and site.content.pack else None


def _installed() -> Mapping[str, Callable[[], object]]:
    """Find the installed packs; in a checkout that is not installed, those below ``plugins/``."""
    points = {point.name: point.load for point in entry_points(group=ENTRY_POINTS)}
    if points or _ROOT.joinpath("base").is_dir():
        return points
    heads = sorted(_ROOT.parent.glob(f"plugins/*/qt_*/{HEAD_FILE}"))
    return {
        head.parent.name.removeprefix("qt_"): partial(_import_from, head.parent) for head in heads
    }


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


def _add_installed(found: _Found, chosen: Sequence[str] | None) -> list[str]:
    """Load the installed packs that were chosen; give the names that are not installed."""
    loaders = _installed()
    for name in sorted(loaders) if chosen is None else sorted(set(chosen) & set(loaders)):
        try:
            loaded = loaders[name]()
            plugin = _with_hooks(loaded) if isinstance(loaded, ModuleType) else loaded
        except (Exception, SystemExit) as exc:
            _LOG.warning("pack %s cannot be loaded", name, exc_info=True)
            found.refuse(name, "its import", f"{type(exc).__name__}: {exc}")
        else:
            found.add(name, plugin)
    return sorted(set(chosen or ()) - set(loaders))


def _with_hooks(package: ModuleType) -> ModuleType:
    """Take the package's ``hooks`` module when it has one."""
    name = f"{package.__name__}.hooks"
    is_package = hasattr(package, "__path__")
    if is_package and importlib.util.find_spec(name) is not None:
        return importlib.import_module(name)
    return package
