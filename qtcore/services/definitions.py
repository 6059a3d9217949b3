"""Versions of definitions in the database: what records are pinned to, and the first publication.

It must not know packs on disk beyond what was read of them when the site was opened.
"""

from collections.abc import Mapping
from functools import cached_property

from sqlmodel import Session, select

from qtcore.context import Context
from qtcore.definitions.forms import FormDefinition
from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.engines.workflow import Lifecycle, compile_workflow
from qtcore.services.configurations import VersionHead, find_version, newest_number, store_version
from qtcore.services.master import ensure_unknowns
from qtcore.services.pending import note_disk
from qtcore.services.site import Site
from qtcore.store.company import company_of
from qtcore.store.kept import kept
from qtcore.store.tables import DefinitionVersion


def current_version(
    session: Session, tenant_id: int, kind: str, name: str, *, number: int = 0
) -> int | None:
    """Give the key of a definition as a published configuration has it, or None.

    `number` is the version that serves the one who asks; without it, the newest.
    """
    number = number or newest_number(session, tenant_id)
    if not number:
        return None

    def read() -> Mapping[str, int]:
        row = find_version(session, tenant_id, number)
        return row.pins if row is not None else {}

    return kept(session, ("pins", number), read).get(f"{kind}/{name}")


def get_version(session: Session, tenant_id: int, key: int) -> DefinitionVersion:
    """Get a stored version by its key; it is read once, and is not to be changed."""
    return _pinned(session, tenant_id, key).row


def workflow_at(session: Session, tenant_id: int, key: int) -> WorkflowDefinition:
    """Give the life cycle that a stored version holds."""
    return _pinned(session, tenant_id, key).workflow


def form_at(session: Session, tenant_id: int, key: int) -> FormDefinition:
    """Give the form that a stored version holds."""
    return _pinned(session, tenant_id, key).form


def lifecycle_at(session: Session, tenant_id: int, key: int) -> Lifecycle:
    """Give the life cycle that a stored version holds, compiled."""
    return _pinned(session, tenant_id, key).lifecycle


class _Pinned:
    """A stored version, and what it is when it is read; made once, as the row never changes."""

    def __init__(self, row: DefinitionVersion) -> None:
        self.row = row

    @cached_property
    def workflow(self) -> WorkflowDefinition:
        return WorkflowDefinition.model_validate(self.row.body)

    @cached_property
    def form(self) -> FormDefinition:
        return FormDefinition.model_validate(self.row.body)

    @cached_property
    def lifecycle(self) -> Lifecycle:
        return compile_workflow(self.workflow)


def _pinned(session: Session, tenant_id: int, key: int) -> _Pinned:
    def read() -> _Pinned:
        query = select(DefinitionVersion).where(
            DefinitionVersion.tenant_id == tenant_id, DefinitionVersion.id == key
        )
        return _Pinned(session.exec(query).one())

    return kept(session, ("version", key), read)


def publish_registry(site: Site, context: Context) -> int:
    """Make the first publication of a new database; returns how many definitions it stored.

    Later starts publish nothing: what differs on disk becomes a draft, a pending upgrade that
    people check and sign (`qtcore.services.publication`). The explicit unknown party and place are
    made as well: a source is never null.
    """
    with site.store.read() as session:
        is_new = newest_number(session, site.store.tenant_id) == 0
    if not is_new:
        note_disk(site, context)
        return 0
    with site.store.write(context) as work:
        work.take_turn()
        ensure_unknowns(work)
        if newest_number(work.session, work.tenant_id):
            return 0
        head = VersionHead(0, "initial", title="First start of this database")
        row, published = store_version(work, site.registry, head)
        work.log(
            "config.publish",
            "config",
            row.uid,
            details={
                "number": row.number,
                "origin": row.origin,
                "content": row.content_sha256,
                "fingerprint": row.fingerprint,
                "definitions": published,
                "company": company_of(work),
            },
        )
    return published
