"""Drafts from folders and files on disk, for people who edit with their own tools.

It must not publish, nor write anywhere but into drafts and the folder of an export.
"""

from collections.abc import Mapping
from pathlib import Path

from qtcore.context import Context
from qtcore.definitions.problems import render_problems
from qtcore.definitions.read import HEAD_FILE
from qtcore.errors import Conflict, DefinitionsRejected, Fault, InputRejected, NotFound
from qtcore.registry.compile import SERVES_ANYWAY, Compiled
from qtcore.registry.differences import Difference, find_differences
from qtcore.registry.registry import Registry
from qtcore.registry.stored import Configuration, compile_configuration, read_folder
from qtcore.services.configurations import Published, read_published
from qtcore.services.draft_reports import check_draft
from qtcore.services.drafts import (
    EDIT,
    READ,
    DraftInput,
    DraftView,
    list_drafts,
    open_draft,
    propose_draft,
    set_mappings,
)
from qtcore.services.pending import find_disk_draft
from qtcore.services.publication import compare_versions
from qtcore.services.rights import require
from qtcore.services.site import Site


def draft_folder(
    site: Site,
    context: Context,
    path: Path | None,
    *,
    title: str = "",
    reason: str = "",
    mappings: Mapping[str, Mapping[str, str]] | None = None,
) -> DraftView:
    """Open a draft in which a pack or site folder takes the place of the published one.

    Without a path the pending upgrade is proposed. Raises NotFound when nothing differs.
    """
    require(site, context, EDIT)
    if path is None:
        with site.store.read() as session:
            row = find_disk_draft(session, site.store.tenant_id)
        if row is None:
            raise NotFound("nothing on disk differs from what serves; give a folder")
        if mappings:
            set_mappings(site, context, row.uid, mappings)
        return propose_draft(site, context, row.uid, reason=reason)
    configuration = configuration_with(_published(site).configuration, path)
    entry = DraftInput(title or path.name, reason, configuration, mappings=mappings)
    return open_draft(site, context, entry)


def configuration_with(published: Configuration, path: Path) -> Configuration:
    """Put a pack folder or a site folder in the place of the published one."""
    _require_there(path)
    if path.is_file():
        text = f"{path} is one file; give the folder of the pack it belongs to"
        raise InputRejected(text, [Fault("QT120", text, str(path))])
    if not (path / HEAD_FILE).is_file():
        text = f"{path} is no pack: it holds no {HEAD_FILE}; give the folder of a pack or site"
        raise InputRejected(text, [Fault("QT120", text, str(path))])
    pack = read_folder(path, published)
    site = published.site
    if pack.layer == "site" and site is not None and site.name != pack.name:
        published = published.without(site.name)
    return published.with_pack(pack)


def draft_registry(site: Site, path: Path) -> Registry:
    """Compile what serves with a draft in place, to compare or replay it.

    The draft is a pack or site folder, or one file of definitions: those of the same kind and id
    are replaced, others added. DefinitionsRejected names every problem.
    """
    _require_there(path)
    published = _published(site).configuration
    parents = path.resolve().parents if path.is_file() else ()
    folder = next((parent for parent in parents if (parent / HEAD_FILE).is_file()), None)
    if path.is_file() and folder is None:
        text = path.read_text(encoding="utf-8", errors="replace")
        return _sound(compile_configuration(published, is_draft=True, over={path.name: text}))
    configuration = configuration_with(published, folder or path)
    return _sound(compile_configuration(configuration, is_draft=True))


def _require_there(path: Path) -> None:
    if not path.exists():
        text = f"there is nothing at {path}; give a pack folder or a YAML file"
        raise InputRejected(text, [Fault("QT120", text, str(path))])


def choose_draft(site: Site, context: Context, draft_id: str) -> str:
    """Give the draft that is named, or the only open one."""
    if draft_id:
        return draft_id
    drafts = list_drafts(site, context)
    if len(drafts) != 1:
        named = ", ".join(d.row.uid for d in drafts)
        raise NotFound(
            f"there are {len(drafts)} open drafts; name one of: {named}"
            if drafts
            else "there is no open draft; `qtcore config draft FOLDER` makes one"
        )
    return drafts[0].row.uid


def compare(site: Site, context: Context, named: tuple[str, ...]) -> tuple[Difference, ...]:
    """Compare two versions, a version with what serves, or a draft or folder with its base."""
    require(site, context, READ)
    if named and all(name.isdecimal() and len(name) < 9 for name in named):
        newest = _published(site).number
        before, after = int(named[0]), int(named[1]) if len(named) > 1 else newest
        return compare_versions(site, context, before, after)
    if len(named) > 1:
        raise InputRejected("give one draft or folder, or two version numbers")
    if named and Path(named[0]).exists():
        return find_differences(site.registry, draft_registry(site, Path(named[0])))
    chosen = choose_draft(site, context, named[0] if named else "")
    report = check_draft(site, context, chosen, replays=None)
    if report.registry is None:
        raise DefinitionsRejected("the draft does not compile; run `qtcore config check`")
    return report.differences


def export_version(site: Site, context: Context, number: int, folder: Path) -> int:
    """Write the texts of a version below a new folder; returns how many files."""
    require(site, context, READ)
    if folder.exists() and any(folder.iterdir()):
        raise InputRejected(f"{folder} exists and is not empty; give a new folder")
    published = read_published(site.store, number)
    if published is None:
        raise NotFound(f"there is no configuration version {number}")
    count = 0
    for pack in published.configuration.packs:
        for name, text in pack.files.items():
            target = folder / pack.name / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode())
            count += 1
    return count


def _published(site: Site) -> Published:
    published = read_published(site.store)
    if published is None:
        raise Conflict("nothing is published yet; run `qtcore db upgrade` once")
    return published


def _sound(compiled: Compiled) -> Registry:
    # A label that is missing keeps a draft from being published, not from being tried.
    errors = [p for p in compiled.problems if p.severity == "error" and p.code not in SERVES_ANYWAY]
    if errors:
        faults = [Fault(p.code, p.message, f"{p.file}:{p.line}:{p.column}") for p in errors]
        report = render_problems(compiled.problems, compiled.sources)
        message = f"the draft has {len(faults)} problem(s)"
        raise DefinitionsRejected(message, faults, report=report)
    return compiled.get_registry()
