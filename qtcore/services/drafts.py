"""Drafts of configurations: kept in the database, edited file by file, proposed by a person.

It must not publish; see `qtcore.services.publication`. Files on disk that differ from what serves
are one such draft, the pending upgrade.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from qtcore.context import Context
from qtcore.errors import Conflict, Fault, InputRejected, NotFound
from qtcore.registry.registry import PackTexts
from qtcore.registry.stored import (
    Configuration,
    FileChange,
    changed_files,
    with_version,
)
from qtcore.services.configurations import (
    find_version,
    get_version_row,
    read_texts_of,
    store_texts,
)
from qtcore.services.lengths import MOST_REASON, MOST_TITLE, refuse_long
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.tables import ConfigDraft
from qtcore.store.unit import UnitOfWork

EDIT = "definition.edit"
READ = "definition.read"
_MOST_TEXT = 1_000_000


@dataclass(frozen=True, slots=True)
class DraftInput:
    """A draft as it is opened: its words, and its texts (without: those that serve).

    `mappings`: by workflow, from each state that goes to the state its running subjects get.
    """

    title: str = ""
    reason: str = ""
    configuration: Configuration | None = None
    origin: str = "edit"
    mappings: Mapping[str, Mapping[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class DraftView:
    """A draft, its texts, and the files that differ from the version it is based on."""

    row: ConfigDraft
    configuration: Configuration
    files: tuple[FileChange, ...]

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        row = self.row
        return {
            "draft_id": row.uid,
            "base": row.base,
            "origin": row.origin,
            "state": row.state,
            "version": row.version,
            "content_sha256": row.content_sha256,
            "title": row.title,
            "reason": row.reason,
            "authors": list(row.authors),
            "mappings": row.mappings,
            "created_at": row.created_at.isoformat(),
            "updated_at": row.updated_at.isoformat(),
            "files": [{"pack": f.pack, "file": f.file, "change": f.kind} for f in self.files],
        }


def open_draft(site: Site, context: Context, entry: DraftInput) -> DraftView:
    """Open a draft over the version that serves; who opens it is its first author."""
    require(site, context, EDIT)
    with site.store.write(context) as work:
        row = write_draft(work, entry, [context.actor.login])
        work.flush()
        return _view(work.session, work.tenant_id, row)


def write_draft(work: UnitOfWork, entry: DraftInput, authors: Sequence[str]) -> ConfigDraft:
    """Write a new draft inside a running unit of work; InputRejected for long texts."""
    refuse_long("no draft is opened", MOST_TITLE, title=entry.title)
    refuse_long("no draft is opened", MOST_REASON, reason=entry.reason)
    base = find_version(work.session, work.tenant_id)
    if base is None:
        raise Conflict("nothing is published yet; start the site once (`qtcore db upgrade`)")
    configuration = entry.configuration
    if configuration is None:
        configuration = read_texts_of(work.session, work.tenant_id, base.packs)
    store_texts(work, configuration)
    row = ConfigDraft(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        base=base.number,
        origin=entry.origin,
        content_sha256=configuration.sha256,
        packs=configuration.manifest(),
        mappings={name: dict(states) for name, states in (entry.mappings or {}).items()},
        title=entry.title,
        reason=entry.reason,
        authors=list(authors),
        created_at=work.context.at,
        updated_at=work.context.at,
    )
    work.add(row)
    work.log(
        "config.draft",
        "config",
        row.uid,
        reason=row.reason,
        details={
            "base": row.base,
            "origin": row.origin,
            "content": row.content_sha256,
            "title": row.title,
        },
    )
    return row


def edit_draft(
    site: Site,
    context: Context,
    draft_id: str,
    texts: Mapping[tuple[str, str], str | None],
    *,
    expected: int | None = None,
) -> DraftView:
    """Set, add or (None) remove files of a draft, each named by (pack, file).

    `expected` is the draft's version the editor saw. Raises InputRejected with every fault,
    Conflict when somebody was faster.
    """
    require(site, context, EDIT, about=draft_id)
    with site.store.write(context) as work:
        row = get_draft(work.session, work.tenant_id, draft_id)
        _require_open(row)
        configuration = read_texts_of(work.session, work.tenant_id, row.packs)
        changed = _edited(configuration, texts)
        store_texts(work, changed)
        change_texts(work, row, changed, [*row.authors, context.actor.login], expected=expected)
        work.log(
            "config.edit",
            "config",
            row.uid,
            details={
                "files": [f"{pack}/{file}" for pack, file in sorted(texts)],
                "content": changed.sha256,
            },
        )
        work.flush()
        return _view(work.session, work.tenant_id, get_draft(work.session, work.tenant_id, row.uid))


def set_mappings(
    site: Site, context: Context, draft_id: str, mappings: Mapping[str, Mapping[str, str]]
) -> DraftView:
    """Say what becomes of running records whose state the draft removes: workflow -> old -> new."""
    require(site, context, EDIT, about=draft_id)
    with site.store.write(context) as work:
        row = get_draft(work.session, work.tenant_id, draft_id)
        _require_open(row)
        plain = {name: dict(states) for name, states in mappings.items()}
        authors = _joined(row.authors, context.actor.login)
        work.change(row, mappings=plain, authors=authors, updated_at=work.context.at)
        work.log("config.mapping", "config", row.uid, details={"mappings": plain})
        work.flush()
        return _view(work.session, work.tenant_id, row)


def propose_draft(site: Site, context: Context, draft_id: str, *, reason: str) -> DraftView:
    """Stand for a draft with one's name: a pending upgrade has no author until somebody does."""
    require(site, context, EDIT, about=draft_id)
    if not reason.strip():
        text = "a proposal needs the reason for the change"
        raise InputRejected(text, [Fault("QT451", text, "reason")])
    refuse_long("the draft is not proposed", MOST_REASON, reason=reason)
    with site.store.write(context) as work:
        row = get_draft(work.session, work.tenant_id, draft_id)
        _require_open(row)
        authors = _joined(row.authors, context.actor.login)
        work.change(row, authors=authors, reason=reason, updated_at=work.context.at)
        work.log("config.propose", "config", row.uid, reason=reason)
        work.flush()
        return _view(work.session, work.tenant_id, row)


def discard_draft(site: Site, context: Context, draft_id: str, *, reason: str = "") -> DraftView:
    """Give a draft up; it stays readable."""
    require(site, context, EDIT, about=draft_id)
    with site.store.write(context) as work:
        row = get_draft(work.session, work.tenant_id, draft_id)
        _require_open(row)
        work.change(row, state="discarded", updated_at=work.context.at)
        work.log("config.discard", "config", row.uid, reason=reason)
        work.flush()
        return _view(work.session, work.tenant_id, row)


def rebase_draft(site: Site, context: Context, draft_id: str) -> DraftView:
    """Carry a draft over to the version that serves now, file by file.

    Raises Conflict naming the files that both changed.
    """
    require(site, context, EDIT, about=draft_id)
    with site.store.write(context) as work:
        row = get_draft(work.session, work.tenant_id, draft_id)
        _require_open(row)
        newest = find_version(work.session, work.tenant_id)
        old = get_version_row(work.session, work.tenant_id, row.base)
        if newest is None or newest.number == row.base:
            return _view(work.session, work.tenant_id, row)
        parts = [
            read_texts_of(work.session, work.tenant_id, manifest)
            for manifest in (old.packs, row.packs, newest.packs)
        ]
        moved = _rebased(*parts)
        store_texts(work, moved)
        change_texts(work, row, moved, [*row.authors, context.actor.login], base=newest.number)
        work.log("config.rebase", "config", row.uid, details={"base": newest.number})
        work.flush()
        return _view(work.session, work.tenant_id, get_draft(work.session, work.tenant_id, row.uid))


def read_draft(site: Site, context: Context, draft_id: str) -> DraftView:
    """Read a draft with its texts."""
    require(site, context, READ, about=draft_id)
    with site.store.read() as session:
        return _view(
            session, site.store.tenant_id, get_draft(session, site.store.tenant_id, draft_id)
        )


def list_drafts(site: Site, context: Context, *, state: str = "open") -> tuple[DraftView, ...]:
    """List the drafts in a state, the latest first."""
    require(site, context, READ)
    tenant = site.store.tenant_id
    with site.store.read() as session:
        rows = session.exec(
            select(ConfigDraft)
            .where(ConfigDraft.tenant_id == tenant, ConfigDraft.state == state)
            .order_by(col(ConfigDraft.id).desc())
            .limit(100)
        ).all()
        return tuple(_view(session, tenant, row) for row in rows)


def get_draft(session: Session, tenant_id: int, draft_id: str) -> ConfigDraft:
    """Get a draft by its public id, or the beginning of it; raises NotFound."""
    rows = session.exec(
        select(ConfigDraft).where(
            ConfigDraft.tenant_id == tenant_id, col(ConfigDraft.uid).startswith(draft_id)
        )
    ).all()
    if not draft_id or len(rows) != 1:
        raise NotFound(
            f"there is no draft {draft_id!r}; `qtcore config status` lists the open ones"
        )
    return rows[0]


def _view(session: Session, tenant_id: int, row: ConfigDraft) -> DraftView:
    configuration = read_texts_of(session, tenant_id, row.packs)
    base = get_version_row(session, tenant_id, row.base)
    before = read_texts_of(session, tenant_id, base.packs)
    return DraftView(row, configuration, changed_files(before, configuration))


def _require_open(row: ConfigDraft) -> None:
    if row.state != "open":
        raise Conflict(f"draft {row.uid} is {row.state}; open a new one")


def change_texts(
    work: UnitOfWork,
    row: ConfigDraft,
    configuration: Configuration,
    authors: Sequence[str],
    *,
    base: int | None = None,
    expected: int | None = None,
) -> None:
    """Put other texts into a draft; `authors` are all who stand for them."""
    work.change(
        row,
        expected=expected,
        packs=configuration.manifest(),
        content_sha256=configuration.sha256,
        authors=list(dict.fromkeys(authors)),
        base=row.base if base is None else base,
        updated_at=work.context.at,
    )


def _joined(authors: Sequence[str], login: str) -> list[str]:
    return list(dict.fromkeys((*authors, login)))


def _edited(
    configuration: Configuration, texts: Mapping[tuple[str, str], str | None]
) -> Configuration:
    faults = []
    for (name, file), text in texts.items():
        pack = configuration.find(name)
        if pack is None:
            known = ", ".join(each.name for each in configuration.packs)
            faults.append(Fault("QT404", f"there is no pack {name!r}; there are: {known}", name))
            continue
        fault = _fault_of(pack, file, text)
        if fault:
            faults.append(Fault("QT411", fault, f"{name}/{file}"))
            continue
        files = {k: v for k, v in pack.files.items() if k != file}
        files |= {file: text} if text is not None else {}
        changed = PackTexts(pack.name, pack.version, pack.layer, pack.label, pack.code, files)
        configuration = configuration.with_pack(with_version(changed))
    if faults:
        raise InputRejected("the draft cannot be changed so", faults)
    return configuration


def _fault_of(pack: PackTexts, file: str, text: str | None) -> str:
    parts = file.split("/")
    if not file or file.startswith("/") or ".." in parts or "" in parts or len(file) > 200:
        return f"{file!r} is no file name inside a pack, such as rules/release.yaml"
    if text is None and file not in pack.files:
        return f"{file!r} is not there and cannot be removed"
    if text is not None and not file.endswith(".yaml") and "templates" not in parts[:-1]:
        return f"{file!r} is neither a .yaml file nor a template"
    if text is not None and (len(text) > _MOST_TEXT or "\x00" in text):
        return f"{file!r} is longer than {_MOST_TEXT} characters or holds a NUL character"
    return ""


def _rebased(old: Configuration, draft: Configuration, new: Configuration) -> Configuration:
    mine, theirs = changed_files(old, draft), changed_files(old, new)
    both = sorted({(c.pack, c.file) for c in mine} & {(c.pack, c.file) for c in theirs})
    if both:
        named = ", ".join(f"{pack}/{file}" for pack, file in both[:10])
        raise Conflict(
            f"both this draft and a version published since changed {named}; open a new draft"
        )
    result = new
    for change in mine:
        pack = draft.find(change.pack)
        held = result.find(change.pack)
        if pack is None:
            result = result.without(change.pack)
        elif held is None or change.file == "*.py":
            result = result.with_pack(pack)
        else:
            files = {k: v for k, v in held.files.items() if k != change.file}
            files |= {change.file: pack.files[change.file]} if change.file in pack.files else {}
            result = result.with_pack(
                PackTexts(held.name, pack.version, held.layer, held.label, held.code, files)
            )
    return result
