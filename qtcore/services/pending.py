"""The pending upgrade: files on disk that differ from what serves, kept as a draft without author.

It must not publish: what lies on disk serves only after two people said so.
"""

from sqlmodel import Session, select

from qtcore.context import Context
from qtcore.definitions.problems import Problem
from qtcore.registry.stored import (
    Configuration,
    FileChange,
    changed_files,
    compile_configuration,
)
from qtcore.services.configurations import find_version, read_texts_of, store_texts
from qtcore.services.drafts import DraftInput, change_texts, write_draft
from qtcore.services.site import Site
from qtcore.store.tables import ConfigDraft, ConfigVersion


def find_disk_draft(session: Session, tenant_id: int) -> ConfigDraft | None:
    """Find the open draft of what lies on disk, the pending upgrade."""
    return session.exec(
        select(ConfigDraft).where(
            ConfigDraft.tenant_id == tenant_id,
            ConfigDraft.state == "open",
            ConfigDraft.origin == "disk",
        )
    ).first()


def pending_files(site: Site) -> tuple[FileChange, ...]:
    """List the files on disk that differ from the version that serves; empty when none does."""
    if site.on_disk is None:
        return ()
    with site.store.read() as session:
        row = find_version(session, site.store.tenant_id)
        if row is None or row.content_sha256 == site.on_disk.sha256:
            return ()
        return changed_files(read_texts_of(session, site.store.tenant_id, row.packs), site.on_disk)


def pending_problems(site: Site) -> tuple[Problem, ...]:
    """Compile what lies on disk and list its problems; nothing of it serves."""
    return compile_configuration(site.on_disk, is_draft=True).problems if site.on_disk else ()


def note_disk(site: Site, context: Context) -> None:
    """Keep the draft of a pending upgrade in step with the disk; it is published by nobody here."""
    if site.on_disk is None:
        return
    with site.store.read() as session:
        newest = find_version(session, site.store.tenant_id)
        held = find_disk_draft(session, site.store.tenant_id)
    is_same = newest is not None and newest.content_sha256 == site.on_disk.sha256
    if held is None and is_same:
        return
    if held is not None and not is_same and _is_noted(held, site.on_disk, newest):
        return
    with site.store.write(context) as work:
        row = find_disk_draft(work.session, work.tenant_id)
        if row is None and not is_same:
            entry = DraftInput("Files on disk differ", configuration=site.on_disk, origin="disk")
            write_draft(work, entry, [])
        elif row is not None and is_same:
            work.change(row, state="discarded", updated_at=work.context.at)
            work.log("config.discard", "config", row.uid, reason="the disk equals what serves")
        elif row is not None and newest is not None:
            store_texts(work, site.on_disk)
            change_texts(work, row, site.on_disk, [], base=newest.number)
            work.log("config.edit", "config", row.uid, details={"content": site.on_disk.sha256})


def _is_noted(held: ConfigDraft, disk: Configuration, newest: ConfigVersion | None) -> bool:
    return held.content_sha256 == disk.sha256 and newest is not None and held.base == newest.number
