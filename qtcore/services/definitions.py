"""Versions of definitions in the database: what records are pinned to.

It must not know packs on disk beyond the compiled registry.
"""

from hashlib import sha256
from typing import Any

from sqlmodel import Session, select

from qtcore.context import Context
from qtcore.engines.ledger import canonical_bytes
from qtcore.services.master import ensure_unknowns
from qtcore.services.site import Site
from qtcore.store.tables import DefinitionVersion
from qtcore.store.unit import UnitOfWork

PINNED_KINDS = ("workflows", "forms", "events", "records", "rules", "specs", "recalls")


def current_version(session: Session, tenant_id: int, kind: str, name: str) -> int | None:
    """Give the key of the newest stored version of a definition, or None before publication."""
    return session.exec(
        select(DefinitionVersion.id)
        .where(
            DefinitionVersion.tenant_id == tenant_id,
            DefinitionVersion.kind == kind,
            DefinitionVersion.name == name,
        )
        .order_by(DefinitionVersion.number.desc())  # type: ignore[attr-defined]
    ).first()


def get_version(session: Session, tenant_id: int, key: int) -> DefinitionVersion:
    """Get a stored version by its key."""
    return session.exec(
        select(DefinitionVersion).where(
            DefinitionVersion.tenant_id == tenant_id, DefinitionVersion.id == key
        )
    ).one()


def publish_registry(site: Site, context: Context) -> int:
    """Store every definition that changed as a new immutable version; returns how many.

    What is equal to its newest version is left alone, so publishing twice changes nothing. The
    explicit unknown party and place are made as well: a source is never null.
    """
    published = 0
    with site.store.write(context) as work:
        ensure_unknowns(work)
        newest = _newest(work.session, work.tenant_id)
        for kind in PINNED_KINDS:
            for definition in site.registry.list(kind):
                body = definition.model_dump(mode="json", by_alias=True, exclude_none=True)
                fingerprint = sha256(canonical_bytes(body)).hexdigest()
                latest = newest.get((kind, definition.id))
                if latest is None or latest.fingerprint != fingerprint:
                    number = latest.number + 1 if latest else 1
                    _publish(site, work, (kind, definition.id, number), (body, fingerprint))
                    published += 1
        if published:
            work.log(
                "definitions.publish",
                "registry",
                site.registry.fingerprint[:36],
                details={"fingerprint": site.registry.fingerprint, "versions": published},
            )
    return published


def _newest(session: Session, tenant_id: int) -> dict[tuple[str, str], DefinitionVersion]:
    rows = session.exec(
        select(DefinitionVersion)
        .where(DefinitionVersion.tenant_id == tenant_id)
        .order_by(DefinitionVersion.number)  # type: ignore[arg-type]
    )
    return {(row.kind, row.name): row for row in rows}


def _publish(
    site: Site, work: UnitOfWork, key: tuple[str, str, int], content: tuple[dict[str, Any], str]
) -> None:
    kind, name, number = key
    body, fingerprint = content
    pack = site.registry.owner_of(kind, name)
    version = next((p.version for p in site.registry.packs if p.name == pack), "")
    work.add(
        DefinitionVersion(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            kind=kind,
            name=name,
            number=number,
            pack=pack,
            pack_version=version,
            fingerprint=fingerprint,
            body=body,
            published_at=work.context.at,
            published_by=work.context.actor.login,
        )
    )
