"""Changes of the key and restores: are their rows what the entries told of them?

It must not check signatures; see `qtcore.services.outside`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select
from sqlmodel import Session

from qtcore.engines.ledger import HistoryProblem, read_checkpoint
from qtcore.engines.ledger.note import NoteError
from qtcore.engines.ledger.notices import RESTORE
from qtcore.store.columns import as_bytes, table_of
from qtcore.store.key_changes import NEXT_KEY
from qtcore.store.proofs import note_body
from qtcore.store.sealed_rows import time_texts
from qtcore.store.tables import LedgerArchive, LedgerEvent, LedgerIncarnation, LedgerKey

KEY_CHANGE: Final = "ledger.key"
_ARCHIVE: Final = table_of(LedgerArchive)
_EVENT: Final = table_of(LedgerEvent)
_INCARNATION: Final = table_of(LedgerIncarnation)
_KEY: Final = table_of(LedgerKey)


@dataclass(frozen=True, slots=True)
class _Told:
    """An entry about the log itself: its id, its time, and what it says."""

    uid: str
    at: str
    changes: Mapping[str, Any]
    details: Mapping[str, Any]


def check_handovers(session: Session, tenant_id: int, log_uid: str) -> Iterator[HistoryProblem]:
    """Compare both tables with the entries about the log, whose public id is `log_uid`.

    What an entry told of may stand in an archive by now; such a row is bound by its signature, or
    by the names of the states that were signed after it.
    """
    gone = session.execute(
        select(func.max(_ARCHIVE.c.last)).where(_ARCHIVE.c.tenant_id == tenant_id)
    ).scalar_one()
    told = _told(session, tenant_id, log_uid)
    yield from _check_restores(session, tenant_id, told.get(RESTORE, []), gone)
    yield from _check_keys(session, tenant_id, told.get(KEY_CHANGE, []), gone)


def _told(session: Session, tenant_id: int, log_uid: str) -> dict[str, list[_Told]]:
    rows = session.execute(
        select(_EVENT.c.uid, _EVENT.c.head)
        .where(_EVENT.c.tenant_id == tenant_id, _EVENT.c.object_uid == log_uid)
        .order_by(_EVENT.c.id)
    )
    found: dict[str, list[_Told]] = {}
    for uid, head in rows:
        try:
            said = json.loads(as_bytes(head))
            changes = {change[0]: change[2] for change in said["changes"]}
            entry = _Told(str(uid), said["at"], changes, dict(said["details"]))
            found.setdefault(str(said["action"]), []).append(entry)
        except (ValueError, KeyError, TypeError, IndexError):
            continue  # the check of the contents names it
    return found


def _check_restores(
    session: Session, tenant_id: int, told: list[_Told], gone: int | None
) -> Iterator[HistoryProblem]:
    entries = {each.uid: each for each in told}
    rows = session.execute(
        select(_INCARNATION)
        .where(_INCARNATION.c.tenant_id == tenant_id)
        .order_by(_INCARNATION.c.number)
    )
    for row in rows:
        entry = entries.pop(row.event_uid, None)
        if entry is None:
            if gone is None or row.from_size > gone:
                yield _problem(f"restore {row.number} is told by no entry")
            continue
        said = entry.details
        # Restores of the first releases do not tell at which size the log went on.
        kept = (row.number, row.lost_to, row.witness, row.from_size)
        size = said.get("size", row.from_size)
        named = (said.get("incarnation"), said.get("to"), said.get("witness"), size)
        if kept != named or time_texts([row.accepted_at])[0] != entry.at:
            yield _problem(f"restore {row.number} is not what entry {entry.uid} tells of it")
    for entry in entries.values():
        yield _problem(f"entry {entry.uid} tells of a restore that is listed nowhere")


def _check_keys(
    session: Session, tenant_id: int, told: list[_Told], gone: int | None
) -> Iterator[HistoryProblem]:
    entries = {str(each.changes.get("vkey")): each for each in told}
    rows = session.execute(
        select(_KEY).where(_KEY.c.tenant_id == tenant_id).order_by(_KEY.c.number)
    )
    for row in rows:
        entry = entries.pop(str(row.vkey), None)
        signed = _signed(str(row.note))
        if signed != (row.from_size, row.vkey):
            yield _problem(f"change {row.number} of the key is not what both keys have signed")
        elif entry is None:
            if gone is None or row.from_size > gone:
                yield _problem(f"change {row.number} of the key is told by no entry")
        elif entry.details.get("size") != row.from_size or (
            time_texts([row.changed_at])[0] != entry.at
        ):
            yield _problem(f"change {row.number} of the key is not what entry {entry.uid} tells")
    for entry in entries.values():
        yield _problem(f"entry {entry.uid} tells of a change of the key that is listed nowhere")


def _signed(note: str) -> tuple[int, str] | None:
    """Read which key a note hands over to, and after how many events; None where it says not."""
    try:
        state = read_checkpoint(note_body(note))
    except NoteError:
        return None
    named = [line.removeprefix(f"{NEXT_KEY} ") for line in state.extensions]
    return (state.size, named[0]) if len(named) == 1 else None


def _problem(said: str) -> HistoryProblem:
    return HistoryProblem("NOT_AS_TOLD", None, said)
