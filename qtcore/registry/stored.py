"""Configurations as texts: what lies on disk, what was published, and the registry compiled of it.

It must not know databases, drafts or signatures.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from qtcore.definitions.folders import base_folders
from qtcore.definitions.problems import Problem
from qtcore.definitions.read import HEAD_FILE, PackFolder, read_pack_texts, read_texts
from qtcore.definitions.source import read_yaml
from qtcore.errors import DefinitionsRejected
from qtcore.registry.code import (
    StoredPack,
    absent,
    code_digest,
    code_of,
    pack_folder,
    withheld,
)
from qtcore.registry.compile import Compiled
from qtcore.registry.fence import Failure
from qtcore.registry.hooks import Hooks
from qtcore.registry.load import BASE, Found, compile_found
from qtcore.registry.packs import find_installed, load_pack
from qtcore.registry.registry import PackState, PackTexts, Registry


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that decides what a site does: the texts of its packs, in order of their names."""

    packs: tuple[PackTexts, ...] = ()

    @property
    def sha256(self) -> str:
        """The address of the content: of every file, of the packs' order and of their Python."""
        told = json.dumps(
            self.manifest(), sort_keys=True, ensure_ascii=False, separators=(",", ":")
        )
        return hashlib.sha256(told.encode()).hexdigest()

    def manifest(self) -> list[dict[str, Any]]:
        """Give the configuration with the hashes of its files in place of their texts."""
        return [
            {
                "name": pack.name,
                "version": pack.version,
                "layer": pack.layer,
                "label": pack.label,
                "code": pack.code,
                "failed": pack.failed,
                "files": {name: text_sha256(text) for name, text in sorted(pack.files.items())},
            }
            for pack in self.packs
        ]

    def texts(self) -> Mapping[str, str]:
        """Give every text by its hash."""
        return {text_sha256(text): text for pack in self.packs for text in pack.files.values()}

    def find(self, name: str) -> PackTexts | None:
        """Find a pack by name."""
        return next((pack for pack in self.packs if pack.name == name), None)

    def with_pack(self, pack: PackTexts) -> "Configuration":
        """Give the configuration with one pack put in, or put in place of the one of its name."""
        rest = [each for each in self.packs if each.name != pack.name]
        return Configuration(tuple(sorted((*rest, pack), key=lambda each: each.name)))

    def without(self, name: str) -> "Configuration":
        """Give the configuration without a pack."""
        return Configuration(tuple(pack for pack in self.packs if pack.name != name))

    @property
    def site(self) -> PackTexts | None:
        """The site's own pack, when there is one."""
        return next((pack for pack in self.packs if pack.layer == "site"), None)


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file that differs between two configurations; `kind` is added, removed or changed."""

    pack: str
    file: str
    kind: str


_NOTHING = PackFolder("")


def text_sha256(text: str) -> str:
    """Give the address of one text."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_manifest(manifest: Iterable[Mapping[str, Any]], texts: Mapping[str, str]) -> Configuration:
    """Put a configuration together again; KeyError when a text is missing."""
    return Configuration(
        tuple(
            PackTexts(
                **{name: row[name] for name in ("name", "version", "layer", "label", "code")},
                failed=row["failed"],
                files={name: texts[sha] for name, sha in row["files"].items()},
            )
            for row in manifest
        )
    )


def changed_files(before: Configuration, after: Configuration) -> tuple[FileChange, ...]:
    """List the files that differ; a pack whose Python differs counts as one file ``*.py``."""
    found: list[FileChange] = []
    for name in sorted({pack.name for pack in (*before.packs, *after.packs)}):
        old, new = before.find(name), after.find(name)
        old_files = _files(old)
        new_files = _files(new)
        for file in sorted(old_files.keys() | new_files.keys()):
            if file not in old_files:
                found.append(FileChange(name, file, "added"))
            elif file not in new_files:
                found.append(FileChange(name, file, "removed"))
            elif old_files[file] != new_files[file]:
                found.append(FileChange(name, file, "changed"))
    return tuple(found)


def _files(pack: PackTexts | None) -> Mapping[str, str]:
    if pack is None:
        return {}
    python = {"*.py": pack.code} if pack.code else {}
    failed = {HEAD_FILE: pack.failed} if pack.failed and not pack.files else {}
    return {**failed, **pack.files, **python}


def read_disk(site_dir: Path | None, published: Configuration) -> Configuration:
    """Read what lies on disk: the base, the installed packs that take part, and the site folder.

    Without a site folder the published site pack stays, and chooses the packs that take part.
    """
    base = PackTexts(BASE, layer="base", files=read_texts(base_folders()))
    site = _read_site(site_dir) if site_dir is not None else published.site
    loaders = find_installed()
    chosen = _chosen(site)
    names = sorted(loaders if chosen is None else set(chosen) & set(loaders))
    packs = [_read_installed(name, load_pack(name, loaders[name])) for name in names]
    found = [with_version(pack) for pack in (base, *packs, *((site,) if site else ()))]
    return Configuration(tuple(sorted(found, key=lambda pack: pack.name)))


def read_folder(folder: Path, published: Configuration) -> PackTexts:
    """Read one pack folder that shall replace the published pack of its name, or be added."""
    files = read_texts([folder])
    name = _head(files).get("pack") or folder.resolve().name
    held = published.find(name)
    if name == BASE and held is not None:
        heads = [file for file in held.files if file.endswith(f"/{HEAD_FILE}")]
        prefix = heads[0].removesuffix(HEAD_FILE) if heads else ""
        kept = {file: text for file, text in held.files.items() if not file.startswith(prefix)}
        moved = {prefix + file: text for file, text in files.items()}
        return with_version(replace(held, files={**kept, **moved}))
    layer = str(_head(files).get("layer") or "industry")
    code = held.code if held is not None else ""
    label = f"{folder.resolve().name}/"
    return with_version(PackTexts(name, layer=layer, label=label, code=code, files=files))


def compile_configuration(
    configuration: Configuration,
    *,
    is_draft: bool = False,
    over: Mapping[str, str] = MappingProxyType({}),
) -> Compiled:
    """Compile a registry of the texts alone; Python runs only where its digest is the stored one.

    A draft's Python may be any that is installed: its digest is what the draft would publish.
    `over` are files without a pack: their definitions take the place of those of the same id.
    """
    found = Found(has_base=True)
    contents = _laid_over(configuration, over)
    loaders = find_installed()
    site: PackFolder | None = None
    for pack in configuration.packs:
        if pack.failed:
            found.broken.append(_failed(pack))
            continue
        content = contents[pack.name]
        site = content if pack.layer == "site" else site
        stored = StoredPack(content)
        found.add(pack.name, (stored, *_code(pack, content, loaders, is_draft=is_draft)))
    names = {pack.name for pack in configuration.packs}
    chosen = site.pack.packs if site is not None and site.pack is not None else None
    missing = [name for name in chosen or () if name not in names]
    compiled = compile_found(found, site, missing)
    if compiled.registry is None:
        return compiled
    return replace(compiled, registry=replace(compiled.registry, texts=configuration.packs))


def _laid_over(configuration: Configuration, over: Mapping[str, str]) -> dict[str, PackFolder]:
    contents = {
        pack.name: read_pack_texts(pack.files, name=pack.name, label=pack.label)
        for pack in configuration.packs
        if not pack.failed
    }
    if not over:
        return contents
    layers = sorted(configuration.packs, key=lambda p: ("base", "industry", "site").index(p.layer))
    owners = {
        (kind, located.definition.id): pack.name
        for pack in layers
        for kind, entries in contents.get(pack.name, _NOTHING).definitions.items()
        for located in entries
    }
    host = configuration.site.name if configuration.site else BASE
    draft = read_pack_texts(over, name=host)
    found = [p for p in draft.problems if not (p.code == "QT120" and p.file == HEAD_FILE)]
    for kind, entries in draft.definitions.items():
        for located in entries:
            name = owners.get((kind, located.definition.id), host)
            held = contents[name].definitions.get(kind, ())
            kept = [each for each in held if each.definition.id != located.definition.id]
            changed = {**contents[name].definitions, kind: (*kept, located)}
            contents[name] = replace(contents[name], definitions=changed)
    files = {**contents[host].files, **over} if found else contents[host].files
    contents[host] = replace(
        contents[host], problems=(*contents[host].problems, *found), files=files
    )
    return contents


def configuration_of(registry: Registry) -> Configuration:
    """Give the texts a registry was compiled of."""
    return Configuration(tuple(sorted(registry.texts, key=lambda pack: pack.name)))


def require_base(compiled: Compiled, what: str) -> Registry:
    """Give the registry of a compile, or raise DefinitionsRejected naming what was compiled."""
    try:
        return compiled.get_registry()
    except DefinitionsRejected as error:
        raise DefinitionsRejected(
            f"{what} cannot serve: {error.message}", error.faults, report=error.report
        ) from error


def _code(
    pack: PackTexts, content: PackFolder, loaders: Mapping[str, Any], *, is_draft: bool
) -> tuple[object, ...]:
    if not pack.code and not is_draft:
        return ()
    if pack.name not in loaders:
        return () if not pack.code else (absent(pack.name, _given_facts(content)),)
    plugin = load_pack(pack.name, loaders[pack.name])
    if isinstance(plugin, Failure):
        return (absent(pack.name, _given_facts(content)),)
    if is_draft or code_digest(plugin) == pack.code:
        return code_of(plugin)
    return (withheld(plugin, pack.name, _given_facts(content)),)


def _given_facts(content: PackFolder) -> tuple[str, ...]:
    facts = content.definitions.get("facts", ())
    return tuple(each.definition.id for each in facts if each.definition.from_.pack)


def _failed(pack: PackTexts) -> PackState:
    problem = Problem("QT122", pack.failed, f"{pack.name}/{HEAD_FILE}")
    return PackState(pack.name, pack.version, pack.layer, {}, is_broken=True, problems=(problem,))


def _read_installed(name: str, plugin: object) -> PackTexts:
    if isinstance(plugin, Failure):
        return PackTexts(name, layer="industry", failed=plugin.as_problem().message)
    code = code_digest(plugin)
    folder = pack_folder(plugin)
    if folder is not None and not hasattr(plugin, "contribute_definitions"):
        label = f"{folder.resolve().name}/"
        return PackTexts(name, layer="industry", label=label, code=code, files=read_texts([folder]))
    answers = Hooks({name: plugin}).contribute_definitions()
    content = answers.values[0][1] if answers.values else None
    label, files = (content.label, content.files) if content else ("", {})
    return PackTexts(name, layer="industry", label=label, code=code, files=files)


def _read_site(folder: Path) -> PackTexts:
    files = read_texts([folder])
    name = str(_head(files).get("pack") or folder.resolve().name)
    return PackTexts(name, layer="site", label=f"{folder.resolve().name}/", files=files)


def _chosen(site: PackTexts | None) -> Sequence[str] | None:
    packs = _head(site.files).get("packs") if site is not None else None
    return [str(name) for name in packs] if isinstance(packs, list) else None


def _head(files: Mapping[str, str]) -> Mapping[str, Any]:
    value = read_yaml(files.get(HEAD_FILE, ""), HEAD_FILE).value
    return value if isinstance(value, Mapping) else {}


def with_version(pack: PackTexts) -> PackTexts:
    """Give a pack the version its own ``pack.yaml`` says."""
    heads = [name for name in pack.files if name.rsplit("/", 1)[-1] == HEAD_FILE]
    first = min(heads, key=lambda name: name.count("/"), default="")
    value = read_yaml(pack.files[first], first).value if first else None
    version = value.get("version", "") if isinstance(value, Mapping) else ""
    return replace(pack, version=str(version or ""))
