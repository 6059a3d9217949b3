"""Published configurations in the database: read, compared with the disk, stored as a new version.

It must not know drafts or signatures; see `qtcore.services.publication`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import func
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from qtcore.errors import Conflict, NotFound
from qtcore.registry.registry import Registry, definition_body
from qtcore.registry.stored import Configuration, configuration_of, read_manifest
from qtcore.store.columns import table_of
from qtcore.store.queries.keyset import TENANT, read_rows
from qtcore.store.store import Store
from qtcore.store.tables import ConfigText, ConfigVersion, DefinitionVersion
from qtcore.store.unit import UnitOfWork

_DEFINITION: Final = table_of(DefinitionVersion)
_VERSION: Final = table_of(ConfigVersion)
_NEWEST: Final = sql_select(func.max(_VERSION.c.number)).where(_VERSION.c.tenant_id == TENANT)
PINNED_KINDS = ("workflows", "forms", "events", "records", "rules", "specs", "recalls")


@dataclass(frozen=True, slots=True)
class Published:
    """A published configuration: its row and all its texts."""

    row: ConfigVersion
    configuration: Configuration

    @property
    def number(self) -> int:
        """Its number; the highest one serves."""
        return self.row.number


@dataclass(frozen=True, slots=True)
class VersionHead:
    """What is said about a new version beside its texts; `base` is the version it was made from."""

    base: int
    origin: str
    title: str = ""
    reason: str = ""
    authors: Sequence[str] = ()
    draft_uid: str | None = None
    signature_uid: str | None = None
    report: Mapping[str, Any] = field(default_factory=dict)


def newest_number(session: Session, tenant_id: int) -> int:
    """Give the number of the version that serves; 0 before the first publication."""
    ((found,),) = read_rows(session, _NEWEST, {"tenant": tenant_id})
    return found or 0


def find_version(session: Session, tenant_id: int, number: int = 0) -> ConfigVersion | None:
    """Find a version by number; without one, the newest."""
    query = select(ConfigVersion).where(ConfigVersion.tenant_id == tenant_id)
    if number:
        query = query.where(ConfigVersion.number == number)
    return session.exec(query.order_by(col(ConfigVersion.number).desc()).limit(1)).first()


def get_version_row(session: Session, tenant_id: int, number: int) -> ConfigVersion:
    """Give a version by number; NotFound names the ones there are."""
    found = find_version(session, tenant_id, number) if number > 0 else None
    if found is None:
        newest = newest_number(session, tenant_id)
        there = f"there are 1 to {newest}" if newest else "nothing is published yet"
        raise NotFound(f"there is no configuration version {number}; {there}")
    return found


def list_versions(session: Session, tenant_id: int) -> Sequence[ConfigVersion]:
    """List all versions, newest first."""
    return session.exec(
        select(ConfigVersion)
        .where(ConfigVersion.tenant_id == tenant_id)
        .order_by(col(ConfigVersion.number).desc())
    ).all()


def read_texts_of(
    session: Session, tenant_id: int, manifest: Sequence[Mapping[str, Any]]
) -> Configuration:
    """Read every text a manifest names; Conflict when one is not there or not what it says."""
    wanted = {sha for row in manifest for sha in row["files"].values()}
    rows = session.exec(select(ConfigText).where(ConfigText.tenant_id == tenant_id)).all()
    texts = {row.sha256: row.content for row in rows if row.sha256 in wanted}
    wrong = sorted(s for s in wanted if sha256(texts.get(s, "\0").encode()).hexdigest() != s)
    if wrong:
        raise Conflict(
            f"{len(wrong)} texts of the configuration are missing or altered, first {wrong[0]}; "
            "restore a backup",
            code="QT530",
        )
    return read_manifest(manifest, texts)


def read_published(store: Store, number: int = 0) -> Published | None:
    """Read a published version with its texts; None when nothing is published yet."""
    with store.read() as session:
        row = find_version(session, store.tenant_id, number)
        if row is None:
            return None
        return Published(row, read_texts_of(session, store.tenant_id, row.packs))


def store_texts(work: UnitOfWork, configuration: Configuration) -> None:
    """Store the texts that are not in the database yet."""
    known = set(
        work.session.exec(
            select(ConfigText.sha256).where(ConfigText.tenant_id == work.tenant_id)
        ).all()
    )
    new = {sha: text for sha, text in configuration.texts().items() if sha not in known}
    work.insert(ConfigText, [{"sha256": sha, "content": text} for sha, text in new.items()])


def store_version(
    work: UnitOfWork, registry: Registry, head: VersionHead
) -> tuple[ConfigVersion, int]:
    """Store a compiled configuration as the version after `head.base`; also how many are new.

    The number is the compare-and-set: of two that follow the same base, the database takes one.
    Raises Conflict for the other.
    """
    if newest_number(work.session, work.tenant_id) != head.base:
        raise Conflict(
            f"another version was published after version {head.base}; compare with it and "
            "check the draft again",
            code="QT531",
        )
    configuration = configuration_of(registry)
    store_texts(work, configuration)
    pins, new = _pin(work, registry)
    row = ConfigVersion(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        number=head.base + 1,
        base=head.base,
        origin=head.origin,
        content_sha256=configuration.sha256,
        fingerprint=registry.fingerprint,
        packs=configuration.manifest(),
        pins=pins,
        report=dict(head.report),
        title=head.title,
        reason=head.reason,
        authors=list(head.authors),
        draft_uid=head.draft_uid,
        signature_uid=head.signature_uid,
        published_at=work.context.at,
        published_by=work.context.actor.login,
    )
    work.add(row)
    return row, new


def _pin(work: UnitOfWork, registry: Registry) -> tuple[dict[str, int], int]:
    """Store each definition that was never published before; give the keys of all of them."""
    named = [_DEFINITION.c[name] for name in ("kind", "name", "fingerprint", "id", "number")]
    rows = work.session.execute(
        sql_select(*named).where(_DEFINITION.c.tenant_id == work.tenant_id)
    ).all()
    known = {(kind, name, sha): key for kind, name, sha, key, _ in rows}
    numbers: dict[tuple[str, str], int] = {}
    for kind, name, _, _, number in rows:
        numbers[kind, name] = max(number, numbers.get((kind, name), 0))
    versions = {pack.name: pack.version for pack in registry.packs}
    pins: dict[str, int] = {}
    new = 0
    for kind in PINNED_KINDS:
        for definition in registry.list(kind):
            fingerprint = registry.fingerprint_of(kind, definition.id)
            key = known.get((kind, definition.id, fingerprint))
            if key is None:
                pack = registry.owner_of(kind, definition.id)
                key = work.key()
                new += 1
                work.add_plain(
                    DefinitionVersion,
                    {
                        "tenant_id": work.tenant_id,
                        "id": key,
                        "uid": work.new_uid(),
                        "kind": kind,
                        "name": definition.id,
                        "number": numbers.get((kind, definition.id), 0) + 1,
                        "pack": pack,
                        "pack_version": versions.get(pack, ""),
                        "fingerprint": fingerprint,
                        "body": definition_body(definition),
                        "published_at": work.context.at,
                        "published_by": work.context.actor.login,
                    },
                )
            pins[f"{kind}/{definition.id}"] = key
    return pins, new
