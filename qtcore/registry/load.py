"""Bringing packs together: the base, those installed, further folders, the site.

It must not know what a pack says; it hands all of them to the same door.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from qtcore.definitions.folders import base_folders
from qtcore.definitions.loose import read_loose
from qtcore.definitions.mistakes import Mistake, unknown
from qtcore.definitions.problems import Problem
from qtcore.definitions.read import HEAD_FILE, PackFolder
from qtcore.pack import FolderPack
from qtcore.registry.compile import Compiled, compile_registry
from qtcore.registry.fence import Failure
from qtcore.registry.hooks import Hooks
from qtcore.registry.packs import find_installed, find_pack_folders, load_folder, load_pack
from qtcore.registry.registry import PackState, PackTexts, Registry

BASE = "base"


@dataclass
class Found:
    """Packs that were found, and those that could not even be loaded."""

    plugins: dict[str, object] = field(default_factory=dict)
    broken: list[PackState] = field(default_factory=list)
    has_base: bool = False

    def add(self, name: str, plugin: object) -> None:
        """Take a pack; a second one of the same name is named and left out."""
        if name not in self.plugins:
            self.plugins[name] = plugin
            return
        message = f"a second pack is named {name!r}; rename one of them or remove it"
        place = plugin.content.label if isinstance(plugin, FolderPack) else f"{name}/"
        problem = Problem("QT123", message, place + HEAD_FILE)
        self.broken.append(PackState(f"{name} (left out)", is_broken=True, problems=(problem,)))

    def refuse_path(self, path: Path) -> None:
        """Note a path where no pack lies."""
        message = f"no pack at {str(path)!r}: neither it nor a folder around it holds {HEAD_FILE}"
        if not path.exists():
            message = f"there is no file or folder {str(path)!r}; give the path of a pack or file"
        problem = Problem("QT120", message, path.as_posix())
        self.broken.append(PackState(path.as_posix(), is_broken=True, problems=(problem,)))

    def add_installed(self, chosen: Sequence[str] | None) -> list[str]:
        """Load the installed packs that were chosen; give the names that are not installed."""
        loaders = find_installed()
        wanted = set(loaders) if chosen is None else set(chosen) & set(loaders)
        for name in sorted(wanted - set(self.plugins)):
            plugin = load_pack(name, loaders[name])
            if isinstance(plugin, Failure):
                self.broken.append(_failed(plugin))
            else:
                self.add(name, plugin)
        return sorted(set(chosen or ()) - set(loaders) - set(self.plugins))


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
    found = Found(has_base=True)
    found.add(BASE, FolderPack(*base_folders()))
    unknown_names = found.add_installed(chosen)
    for extra in extra_packs:
        pack = extra if isinstance(extra, FolderPack) else FolderPack(extra)
        found.add(pack.name, pack)
    if site is not None:
        found.add(site.name, site)
    missing = [name for name in unknown_names if name not in found.plugins]
    return compile_found(found, site.content if site else None, missing)


def check_packs(paths: Sequence[Path]) -> Compiled:
    """Compile the base pack with the packs the paths lead to.

    A site is checked with the installed packs it chooses, other packs without any, YAML that lies
    in no pack with all of them. File names in the problems start with the paths as they were
    given. The base pack's own folders check the base alone.
    """
    base = [folder.resolve() for folder in base_folders()]
    found = Found(has_base=True)
    found.add(BASE, FolderPack(*base_folders()))
    site: FolderPack | None = None
    has_loose = False
    for path in paths:
        folders = [f for f in find_pack_folders(path) if f.resolve() not in base]
        if not folders and path.resolve() not in (*base, base[0].parent):
            loose = read_loose(path)
            if loose is None:
                found.refuse_path(path)
            else:
                found.add(loose.name, FolderPack.of(loose))
                has_loose = True
        for folder in folders:
            plugin = load_folder(folder)
            head = plugin[0] if isinstance(plugin, tuple) else plugin
            if isinstance(plugin, Failure):
                found.broken.append(_failed(plugin))
            elif isinstance(head, FolderPack):
                found.add(head.name, plugin)
                is_site = head.content.pack is not None and head.content.pack.layer == "site"
                site = head if is_site else site
    needs_others = site is not None or has_loose
    missing = found.add_installed(_chosen(site)) if needs_others else []
    return compile_found(found, site.content if site else None, missing)


def load_packs(plugins: Mapping[str, object]) -> Compiled:
    """Compile exactly these packs and no others; tests and `check` of a base pack use it."""
    found = Found()
    for name, plugin in plugins.items():
        found.add(name, plugin)
    return compile_found(found, None, ())


def list_installed() -> tuple[str, ...]:
    """Name the packs that are installed as entry points, or lie beside the product."""
    return tuple(sorted(find_installed()))


def compile_found(found: Found, site: PackFolder | None, missing: Sequence[str]) -> Compiled:
    """Compile what was found; `missing` are packs the site names that nobody brought."""
    hooks = Hooks(found.plugins)
    answers = hooks.contribute_definitions()
    broken = [*found.broken, *map(_failed, answers.failures)]
    contents = [_named(name, content) for name, content in answers.values]
    if found.has_base:
        layers = {BASE: "base"} | ({site.name: "site"} if site else {})
        contents = [_insist_on_layer(c, layers.get(c.name, "industry")) for c in contents]
    if site is not None and missing:
        contents = [_with_missing(c, missing) if c.name == site.name else c for c in contents]
    elif missing:
        broken.extend(_not_installed(name) for name in missing)
    compiled = compile_registry(contents, hooks, broken)
    if compiled.registry is None:
        return compiled
    texts = _texts(compiled.registry, contents, hooks)
    return replace(compiled, registry=replace(compiled.registry, texts=texts))


def _texts(
    registry: Registry, contents: Sequence[PackFolder], hooks: Hooks
) -> tuple[PackTexts, ...]:
    """Keep every pack word for word; one that is off stays off, and says why."""
    held = {content.name: content for content in contents}
    found = []
    for state in registry.packs:
        content = held.get(state.name)
        errors = [p for p in state.problems if p.severity == "error"]
        found.append(
            PackTexts(
                state.name,
                state.version,
                state.layer or "industry",
                content.label if content else "",
                hooks.digests.get(state.name, ""),
                content.files if content else {},
                str(errors[0] if errors else "it has problems") if state.is_broken else "",
            )
        )
    return tuple(found)


def _insist_on_layer(content: PackFolder, layer: str) -> PackFolder:
    """Keep others out of the base layer, where nothing may be missing, and of the site's."""
    if content.pack is None or content.pack.layer == layer:
        return content
    message = f"'layer' is {content.pack.layer!r}; accepted here is {layer!r}"
    problem = content.problem(Mistake("QT120", message, ("layer",), layer))
    pack = content.pack.model_copy(update={"layer": layer})
    return replace(content, pack=pack, problems=(*content.problems, problem))


def _named(name: str, content: PackFolder) -> PackFolder:
    """Insist that a pack is installed under the name its pack.yaml says."""
    if content.pack is None or content.name == name:
        return replace(content, name=name)
    message = (
        f"pack.yaml says {content.name!r}, but the pack is installed as {name!r}; use one name"
    )
    problem = content.problem(Mistake("QT120", message, ("pack",), name))
    return replace(content, name=name, problems=(*content.problems, problem))


def _failed(failure: Failure) -> PackState:
    return PackState(failure.pack, is_broken=True, problems=(failure.as_problem(),))


def _with_missing(site: PackFolder, missing: Sequence[str]) -> PackFolder:
    names = list(site.pack.packs or ()) if site.pack else []
    problems = [
        site.problem(unknown(n, list_installed(), "pack", ("packs", names.index(n))))
        for n in missing
        if n in names
    ]
    return replace(site, problems=(*site.problems, *problems))


def _not_installed(name: str) -> PackState:
    mistake = unknown(name, list_installed(), "pack", ())
    problem = Problem("QT130", mistake.message, name, suggestion=mistake.suggestion)
    return PackState(name, is_broken=True, problems=(problem,))


def _chosen(site: FolderPack | None) -> Sequence[str] | None:
    return site.content.pack.packs if site and site.content.pack else None
