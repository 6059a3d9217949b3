"""Retention: the beginning of the history moves into a proof file; what follows still verifies.

It must not leave a hole: only a beginning can go, never a middle, and the hashes of the tree stay.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from sqlalchemy import and_, delete, func, insert, select
from sqlmodel import Session

from qtcore.context import Context
from qtcore.errors import InputRejected, QTCoreError, StoreUnavailable
from qtcore.offline import qtcore_verify
from qtcore.services.legal_holds import refuse_held
from qtcore.services.proving import MAX_EXPORTED, export_history
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.claims import digest_archived
from qtcore.store.columns import table_of
from qtcore.store.proofs import find_checkpoint
from qtcore.store.tables import (
    LedgerAbout,
    LedgerArchive,
    LedgerArchived,
    LedgerEvent,
    LedgerPrivate,
    LedgerSeal,
)
from qtcore.store.unit import UnitOfWork

_ABOUT: Final = table_of(LedgerAbout)
_ARCHIVE: Final = table_of(LedgerArchive)
_ARCHIVED: Final = table_of(LedgerArchived)
_EVENT: Final = table_of(LedgerEvent)
_PRIVATE: Final = table_of(LedgerPrivate)
_SEAL: Final = table_of(LedgerSeal)


@dataclass(frozen=True, slots=True)
class Archived:
    """What was moved: events from `first` to `last`, into a file with this hash."""

    first: int
    last: int
    file: Path
    sha256: str

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "from": self.first,
            "to": self.last,
            "file": str(self.file),
            "sha256": self.sha256,
        }


def archive_history(site: Site, context: Context, before: datetime, file: Path) -> Archived:
    """Move the sealed events recorded before a time into a new proof file.

    The file is written and verified before anything leaves the database. At most 50,000 events go
    at once. Raises InputRejected when nothing is that old or the file exists, Refused under a legal
    hold, Denied without the right.
    """
    require(site, context, "ledger.manage", about="archive")
    if file.exists():
        raise InputRejected(f"{file} exists; nothing was overwritten: give a new name")
    tenant = site.store.tenant_id
    with site.store.read() as session:
        first, last = _span(session, tenant, before)
        refuse_held(session, tenant, _keys(session, tenant, (first, last)))
    made = export_history(site, context, first=first, last=last).as_json()
    content = (json.dumps(made, ensure_ascii=False) + "\n").encode()
    _check(site, content)
    _write(file, content)
    digest = sha256(content).hexdigest()
    with site.store.write(context) as work:
        refuse_held(work.session, tenant, _keys(work.session, tenant, (first, last)))
        _list_going(work, (first, last))
        told = {"from": first, "to": last, "file": file.name, "sha256": digest}
        told["listed"] = digest_archived(work.session, tenant, (first, last))
        event = work.log("ledger.archive", "ledger", site.store.tenant_uid, details=told)
        row = {"first": first, "last": last, "file_name": file.name, "file_sha256": digest}
        work.insert(LedgerArchive, [{**row, "event_uid": event, "archived_at": context.at}])
        _move_out(work, (first, last))
    return Archived(first, last, file, digest)


def _span(session: Session, tenant: int, before: datetime) -> tuple[int, int]:
    gone = session.execute(
        select(func.max(_ARCHIVE.c.last)).where(_ARCHIVE.c.tenant_id == tenant)
    ).scalar_one()
    first = 0 if gone is None else int(gone) + 1
    told = and_(_EVENT.c.tenant_id == _SEAL.c.tenant_id, _EVENT.c.id == _SEAL.c.event_id)
    kept = session.execute(
        select(func.min(_SEAL.c.seq))
        .select_from(_SEAL.join(_EVENT, told))
        .where(_SEAL.c.tenant_id == tenant, _EVENT.c.recorded_at >= before)
    ).scalar_one()
    newest = find_checkpoint(session, tenant)
    size = newest.size if newest else 0
    # The newest event stays, so that what follows has something to stand on.
    last = min(size - 2 if kept is None else int(kept) - 1, size - 2, first + MAX_EXPORTED - 1)
    if last < first:
        raise InputRejected(f"nothing that is sealed and still here is older than {before}")
    return first, last


def _keys(session: Session, tenant: int, span: tuple[int, int]) -> list[int]:
    return list(
        session.execute(
            select(_SEAL.c.event_id).where(_SEAL.c.tenant_id == tenant, _SEAL.c.seq.between(*span))
        ).scalars()
    )


def _check(site: Site, content: bytes) -> None:
    """Let the verifier that inspectors use judge the file, with the keys of this site."""
    signer = site.signer
    vkeys = [signer.key.vkey, *(each.key.vkey for each in signer.retired)]
    keys = [qtcore_verify.read_key(vkey) for vkey in vkeys]
    verdict = qtcore_verify.judge(qtcore_verify.read_file(content), qtcore_verify.Trust(keys))
    if verdict.fails:
        lines = [line for line in verdict.lines if line.startswith("FAIL")]
        raise QTCoreError(f"nothing was archived: {lines[0]}", code="QT643")


def _write(file: Path, content: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as out:
            out.write(content)
        file.chmod(0o444)
    except OSError as exc:
        raise StoreUnavailable(f"{file} cannot be written: {exc.strerror}") from exc


def _list_going(work: UnitOfWork, span: tuple[int, int]) -> None:
    """Note what goes: the triggers let nothing go that was not noted."""
    tenant = work.tenant_id
    told = and_(_EVENT.c.tenant_id == _SEAL.c.tenant_id, _EVENT.c.id == _SEAL.c.event_id)
    going = (
        select(_SEAL.c.tenant_id, _SEAL.c.seq, _SEAL.c.event_id, _EVENT.c.object_uid)
        .select_from(_SEAL.join(_EVENT, told))
        .where(_SEAL.c.tenant_id == tenant, _SEAL.c.seq.between(*span))
    )
    names = ["tenant_id", "seq", "event_id", "object_uid"]
    work.session.execute(insert(_ARCHIVED).from_select(names, going))


def _move_out(work: UnitOfWork, span: tuple[int, int]) -> None:
    tenant, session = work.tenant_id, work.session
    keys = select(_ARCHIVED.c.event_id).where(
        _ARCHIVED.c.tenant_id == tenant, _ARCHIVED.c.seq.between(*span)
    )
    for table, column in ((_ABOUT, "event_id"), (_PRIVATE, "event_id"), (_SEAL, "event_id")):
        session.execute(delete(table).where(table.c.tenant_id == tenant, table.c[column].in_(keys)))
    session.execute(delete(_EVENT).where(_EVENT.c.tenant_id == tenant, _EVENT.c.id.in_(keys)))
