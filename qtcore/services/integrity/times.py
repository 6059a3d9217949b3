"""I9: no entry is dated after what covers it, and no seal long after what it seals.

It must not believe a time that a row repeats where somebody outside has signed it.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import and_, select

from qtcore.engines.ledger.cosign import cosigned_at
from qtcore.engines.ledger.note import NoteError
from qtcore.engines.ledger.notices import CLOCK_TOLERANCE
from qtcore.services.integrity.ground import Ground, Violation
from qtcore.services.sealing import aware
from qtcore.store.columns import table_of
from qtcore.store.sealing import INSTANCE
from qtcore.store.tables import (
    LedgerCheckpoint,
    LedgerCosignature,
    LedgerEvent,
    LedgerRoot,
    LedgerSeal,
    LedgerStamp,
)

TOLERANCE: Final = timedelta(minutes=5)
_CHECKPOINT: Final = table_of(LedgerCheckpoint)
_ROOT: Final = table_of(LedgerRoot)


@dataclass(frozen=True, slots=True)
class Ends:
    """Times before which the first `sizes` events were there, as somebody says, in order."""

    sizes: Sequence[int]
    times: Sequence[tuple[datetime, str]]

    def covering(self, seq: int) -> tuple[datetime, str] | None:
        """Give the first time that covers an event."""
        at = bisect_right(self.sizes, seq)
        return self.times[at] if at < len(self.sizes) else None


def check_time(ground: Ground) -> Iterator[Violation]:
    """I9: no entry is dated later than the seal, cosignature or stamp that covers it."""
    seals = {row.event_id: row.seq for row in ground.rows(LedgerSeal)}
    states = [(row.size, aware(row.sealed_at), "its seal") for row in ground.rows(LedgerCheckpoint)]
    sealed = _ends(states)
    # The clocks of others are compared where somebody serves; a copy is not to blame for them.
    others = [*_outside(ground)] if ground.is_serving else []
    latest: dict[int, datetime] = {}
    for row in ground.rows(LedgerEvent):
        seq, at = seals.get(row.id), aware(row.recorded_at)
        if seq is None:
            continue
        for ends in (sealed, *others):
            covering = ends.covering(seq)
            if covering and at > covering[0] + TOLERANCE:
                said = f"it is dated {at}, after {covering[1]} of {covering[0]}"
                yield Violation("I9", f"ledger event {seq}", said)
                # A clock outside that is wrong would be named with every entry.
                others = [each for each in others if each is not ends]
        batch = bisect_right(sealed.sizes, seq)
        latest[batch] = max(at, latest.get(batch, at))
    yield from _check_seals(ground, sealed, latest)
    yield from _check_instance(ground)


def _check_seals(ground: Ground, sealed: Ends, latest: dict[int, datetime]) -> Iterator[Violation]:
    """Name a seal that is dated after what it seals, and after what was recorded next as well."""
    now = aware(ground.site.sources.now())
    for batch, size in enumerate(sealed.sizes):
        following = latest.get(batch + 1) if batch + 1 < len(sealed.sizes) else now
        if batch not in latest or following is None:
            continue  # the entries are in an archive
        bound, at = max(latest[batch], following), sealed.times[batch][0]
        if at > bound + CLOCK_TOLERANCE:
            said = f"it is dated {at}, after what was recorded next, at {bound}"
            yield Violation("I9", f"checkpoint of {size} events", said)


def _check_instance(ground: Ground) -> Iterator[Violation]:
    """Compare the time of each state of the instance with that of the state it was made for."""
    own = _CHECKPOINT.alias("own")
    rows = ground.session.execute(
        select(own.c.size, own.c.sealed_at, _CHECKPOINT.c.sealed_at.label("of_log"))
        .select_from(_ROOT)
        .join(own, and_(own.c.tenant_id == INSTANCE, own.c.size == _ROOT.c.seq + 1))
        .join(
            _CHECKPOINT,
            and_(_CHECKPOINT.c.tenant_id == _ROOT.c.tenant_id, _CHECKPOINT.c.size == _ROOT.c.size),
        )
        .where(_ROOT.c.tenant_id == ground.tenant)
    )
    for size, at, of_log in rows:
        if abs(aware(at) - aware(of_log)) > TOLERANCE:
            said = f"it is dated {aware(at)}, the state it was made for {aware(of_log)}"
            yield Violation("I9", f"state of {size} checkpoints of the instance", said)


def _outside(ground: Ground) -> Iterator[Ends]:
    """Give what witnesses and authorities that we know have signed; I8 checks the signatures."""
    outposts = ground.site.outposts
    servers = {server.name for server in outposts.servers}
    authorities = {authority.name for authority in outposts.authorities}
    said: dict[str, list[tuple[int, datetime, str]]] = {}
    for row in ground.rows(LedgerCosignature):
        if row.witness in servers:
            try:
                at = datetime.fromtimestamp(cosigned_at(str(row.line)), UTC)
            except (NoteError, ValueError, OverflowError, OSError):
                continue
            said.setdefault(row.witness, []).append((row.size, at, f"witness {row.witness}"))
    for row in ground.rows(LedgerStamp):
        if row.authority in authorities:
            told = (row.size, aware(row.stamped_at), f"time stamp of {row.authority}")
            said.setdefault(row.authority, []).append(told)
    yield from map(_ends, said.values())


def _ends(said: list[tuple[int, datetime, str]]) -> Ends:
    said.sort()
    return Ends([size for size, _, _ in said], [(at, by) for _, at, by in said])
