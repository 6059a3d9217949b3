"""What heads tell beyond their own bytes: a clock set back, erasures and who answers for them.

It must not know the tree, keys or checkpoints: it reads heads in the order they were sealed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, TypeGuard

from qtcore.engines.ledger.canonical import Json

NoticeKind = Literal["CLOCK_BACK", "RESTORED"]

# The action of an event that tells of erased personal fields. Its details name them:
# {"fields": [[id of the event, name of the field], ...], "approved_by": account}. It counts only
# when a second person approved it.
ERASURE: Final = "ledger.erase"
# The action of an event that tells of a restored backup: {"from": first, "to": last} were lost.
RESTORE: Final = "ledger.restore"
# A request or an import may take this long between its time and its place in the order.
CLOCK_TOLERANCE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class HistoryNotice:
    """Something that no promise forbids, and that a person should look at."""

    kind: NoticeKind
    seq: int
    message: str


@dataclass
class Watch:
    """What heads say of time and of erasure, held against the order they are sealed in."""

    latest_text: str = ""
    notices: list[HistoryNotice] = field(default_factory=list)
    told: set[tuple[str, str]] = field(default_factory=set)
    erased: list[tuple[int, str, str]] = field(default_factory=list)

    def see(self, first: int, times: Sequence[str]) -> None:
        """Take the times of the next sealed events, in the one form of heads, sorting as text."""
        latest = self.latest_text
        if latest and {*map(len, times)} == {len(latest)} and _is_rising([latest, *times]):
            self.latest_text = times[-1]
            return
        for seq, at in enumerate(times, first):
            self._read_time(seq, at)

    def read(self, seq: int, head: Mapping[str, Json], erased: Iterable[str]) -> None:
        """Take the head of the next sealed event."""
        self._read_time(seq, head.get("at"))
        self.erased += [(seq, str(head.get("id")), name) for name in erased]
        details = head.get("details")
        if not isinstance(details, dict):
            return
        second = details.get("approved_by")
        if head.get("action") == ERASURE and second and second != head.get("actor"):
            fields = details.get("fields")
            named = fields if isinstance(fields, list) else []
            self.told.update((str(e[0]), str(e[1])) for e in named if _is_pair(e))
        if head.get("action") == RESTORE:
            said = (
                f"event {seq} tells of a restored backup: events {details.get('from')} to "
                f"{details.get('to')} as a witness saw them were lost"
            )
            self.notices.append(HistoryNotice("RESTORED", seq, said))

    def untold(self) -> list[tuple[int, str]]:
        """Name the erased fields that no event of two persons tells of; it may come later."""
        return [
            (seq, f"field {name!r} of event {seq} is erased, and no event of two persons tells why")
            for seq, uid, name in self.erased
            if (uid, name) not in self.told
        ]

    def close(self) -> tuple[HistoryNotice, ...]:
        """Give the notices in order."""
        return tuple(sorted(self.notices, key=lambda each: each.seq))

    def _read_time(self, seq: int, said: Json) -> None:
        try:
            at = datetime.fromisoformat(str(said))
        except ValueError:
            return
        if at.tzinfo is None:
            return
        latest = datetime.fromisoformat(self.latest_text) if self.latest_text else None
        if latest is not None and at < latest - CLOCK_TOLERANCE:
            message = (
                f"event {seq} is dated {at.isoformat()}, {latest - at} before what was sealed "
                "ahead of it: the clock was set back, or it was written late; the order holds"
            )
            self.notices.append(HistoryNotice("CLOCK_BACK", seq, message))
            # From here on the new clock is the measure, or every later event would be named.
            self.latest_text = str(said)
            return
        if latest is None or at > latest:
            self.latest_text = str(said)


def _is_rising(times: list[str]) -> bool:
    return times == sorted(times)


def _is_pair(value: Json) -> TypeGuard[list[Json]]:
    return isinstance(value, list) and len(value) == 2
