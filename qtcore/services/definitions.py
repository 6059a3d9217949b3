"""Versions of definitions in the database: what records are pinned to, and the first publication.

It must not know packs on disk beyond what was read of them when the site was opened.
"""

from sqlmodel import Session, select

from qtcore.context import Context
from qtcore.services.configurations import VersionHead, find_version, newest_number, store_version
from qtcore.services.master import ensure_unknowns
from qtcore.services.pending import note_disk
from qtcore.services.site import Site
from qtcore.store.tables import DefinitionVersion


def current_version(
    session: Session, tenant_id: int, kind: str, name: str, *, number: int = 0
) -> int | None:
    """Give the key of a definition as a published configuration has it, or None.

    `number` is the version that serves the one who asks; without it, the newest.
    """
    row = find_version(session, tenant_id, number)
    return row.pins.get(f"{kind}/{name}") if row is not None else None


def get_version(session: Session, tenant_id: int, key: int) -> DefinitionVersion:
    """Get a stored version by its key."""
    return session.exec(
        select(DefinitionVersion).where(
            DefinitionVersion.tenant_id == tenant_id, DefinitionVersion.id == key
        )
    ).one()


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
            },
        )
    return published
