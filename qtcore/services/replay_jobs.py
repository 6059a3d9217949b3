"""Replays of drafts in the background: one for each draft, with progress that a page can show.

It must not replay itself; see `qtcore.services.replay`. Whoever makes a replay says in its row
every half second that it still does. A row that nobody speaks for is taken over by whoever asks
next; of two that would, one is let, and who was overtaken stops.
"""

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import structlog
from sqlalchemy import CursorResult, update
from sqlmodel import Session

from qtcore.errors import Conflict, QTCoreError
from qtcore.registry.registry import Registry
from qtcore.services.configurations import newest_number
from qtcore.services.replay import ReplayReport, Scope, read_report, replay
from qtcore.services.sealing import aware
from qtcore.services.site import Site
from qtcore.store.columns import table_of
from qtcore.store.tables import ConfigDraft, ReplayJob

MOST_REPLAYED: Final = 500
MOST_ATTEMPTS: Final = 3
LOST_AFTER: Final = timedelta(seconds=20)
STALE_AFTER: Final = timedelta(hours=1)
_TELL_EVERY: Final = 0.5
_LOG = structlog.get_logger("qtcore.replay")
_JOB: Final = table_of(ReplayJob)


@dataclass(frozen=True, slots=True)
class Replaying:
    """How far the replay of a draft is; `report` when it is over and has not failed.

    `state` is running, finished or failed; `seconds` it has taken so far; `at` is when it was told.
    """

    state: str
    done: int
    total: int
    seconds: float
    at: datetime
    report: ReplayReport | None = None
    message: str = ""

    @property
    def is_over(self) -> bool:
        """Say whether nothing more will come."""
        return self.state != "running"

    @property
    def rate(self) -> float:
        """How many lots and records in a second; 0 while that is not known."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> int | None:
        """About how long it goes on; None while that is not known."""
        return round((self.total - self.done) / self.rate) if self.rate else None

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "state": self.state,
            "done": self.done,
            "total": self.total,
            "per_second": f"{self.rate:.1f}",
            "seconds_left": self.seconds_left,
            "at": self.at.isoformat(),
            "message": self.message,
        }


def replay_draft(
    site: Site,
    draft: ConfigDraft,
    registry: Registry,
    *,
    wait_seconds: float = 0.0,
    anew: bool = False,
) -> Replaying:
    """Give the replay of a draft as it stands; begins it where there is none that can be used.

    Used is one of the same texts, against the same version, not older than an hour. Waits a moment
    in case it is over at once; `anew` makes it again.
    """
    subject = _subject_of(site, draft, registry)
    run = None
    # Two that find no row begin one each: the second insert conflicts, and the first goes on.
    with suppress(Conflict), site.store.plumbing() as session:
        row = session.get(ReplayJob, (site.store.tenant_id, draft.uid))
        run = _claim(site, session, (row, draft.uid, subject), anew=anew)
    if run is not None:
        work = threading.Thread(
            target=run.work, args=(registry,), name="qtcore-replay", daemon=True
        )
        work.start()
        work.join(wait_seconds)
    found = read_replay(site, draft.uid)
    if found is None:
        raise Conflict("the replay was taken away meanwhile; read the draft again")
    return found


def read_replay(site: Site, draft_uid: str) -> Replaying | None:
    """Read how far the latest replay of a draft is; None when there never was one.

    One that nobody speaks for any more is told as failed, so that nobody waits for it.
    """
    with site.store.read() as session:
        row = session.get(ReplayJob, (site.store.tenant_id, draft_uid))
    if row is None:
        return None
    told = aware(row.told_at)
    is_lost = row.state == "running" and site.sources.now() - told > LOST_AFTER
    return Replaying(
        "failed" if is_lost else row.state,
        row.done,
        row.total,
        max((told - aware(row.started_at)).total_seconds(), 0.0),
        told,
        read_report(row.report) if row.state == "finished" else None,
        "it was cut off; begin it again" if is_lost else row.message,
    )


def _subject_of(site: Site, draft: ConfigDraft, registry: Registry) -> str:
    with site.store.read() as session:
        newest = newest_number(session, site.store.tenant_id)
    told = [draft.uid, draft.version, draft.content_sha256, registry.fingerprint, newest]
    return sha256(json.dumps(told).encode()).hexdigest()


def _claim(
    site: Site, session: Session, asked: tuple[ReplayJob | None, str, str], *, anew: bool
) -> "_Run | None":
    """Take a replay on, or leave it to who makes it; the update decides between two that would."""
    row, draft_uid, subject = asked
    now, holder = site.sources.now(), site.sources.new_id()
    values: dict[str, Any] = {
        "subject_sha256": subject,
        "state": "running",
        "holder": holder,
        "attempts": 0,
        "done": 0,
        "total": 0,
        "started_at": now,
        "told_at": now,
        "report": {},
        "message": "",
    }
    if row is None:
        session.add(ReplayJob(tenant_id=site.store.tenant_id, draft_uid=draft_uid, **values))
        return _Run(site, draft_uid, holder)
    is_same = row.subject_sha256 == subject and not (anew and row.state != "running")
    age = now - aware(row.told_at)
    if is_same and row.state != "running" and age <= STALE_AFTER:
        return None
    if is_same and row.state == "running":
        if age <= LOST_AFTER:
            return None
        values["attempts"] = row.attempts + 1
        if row.attempts + 1 >= MOST_ATTEMPTS:
            values["state"] = "failed"
            values["message"] = f"it was cut off {row.attempts + 1} times; look into the log"
    taken = _change(session, (site.store.tenant_id, draft_uid, row.holder), values)
    return _Run(site, draft_uid, holder) if taken and values["state"] == "running" else None


def _change(session: Session, whose: tuple[int, str, str], values: Mapping[str, Any]) -> bool:
    """Change the row of who holds it; false when somebody else does."""
    tenant_id, draft_uid, holder = whose
    done: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        update(_JOB)
        .where(
            _JOB.c.tenant_id == tenant_id,
            _JOB.c.draft_uid == draft_uid,
            _JOB.c.holder == holder,
        )
        .values(**values)
    )
    return done.rowcount == 1


class _Overtaken(Exception):
    """Somebody else makes this replay now."""


@dataclass
class _Run:
    """One replay at work, and what speaks for it."""

    site: Site
    draft_uid: str
    holder: str
    done: int = 0
    total: int = 0
    is_overtaken: bool = False
    over: threading.Event = field(default_factory=threading.Event)

    def work(self, registry: Registry) -> None:
        """Replay, and store what came out."""
        speaker = threading.Thread(target=self._speak, name="qtcore-replay-told", daemon=True)
        speaker.start()
        outcome: dict[str, Any] = {"state": "failed", "message": "it broke off; look into the log"}
        try:
            found = replay(self.site, Scope(limit=MOST_REPLAYED), registry, self._count)
            outcome = {"state": "finished", "report": found.as_json()}
        except _Overtaken:
            return
        except QTCoreError as error:
            _LOG.error("replay failed", code=error.code, error=error.message)
            outcome["message"] = f"{error.code}: {error.message}"[:2000]
        finally:
            self.over.set()
            speaker.join()
            if not self.is_overtaken:
                self._tell(**outcome)

    def _count(self, done: int, total: int) -> None:
        self.done, self.total = done, total
        if self.is_overtaken:
            raise _Overtaken

    def _speak(self) -> None:
        while not self.over.wait(_TELL_EVERY):
            try:
                self._tell()
            except QTCoreError as error:
                # The database was busy for a moment; silence for long is what others act on.
                _LOG.warning("replay cannot tell", code=error.code, error=error.message)

    def _tell(self, **values: Any) -> None:
        told = {"done": self.done, "total": self.total, "told_at": self.site.sources.now()}
        with self.site.store.plumbing() as session:
            whose = (self.site.store.tenant_id, self.draft_uid, self.holder)
            self.is_overtaken = not _change(session, whose, {**told, **values})
