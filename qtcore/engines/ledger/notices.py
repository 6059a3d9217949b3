"""What a person should look at in a history although it is intact: the clock, untold erasures.

It must not know the tree, keys or checkpoints: it reads heads in the order they were sealed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, TypeGuard

from qtcore.engines.ledger.canonical import Json

NoticeKind = Literal["CLOCK_BACK", "UNTOLD_ERASURE"]

# The action of an event that tells of erased personal fields. Its details name them:
# {"fields": [[id of the event, name of the field], ...]}.
ERASURE: Final = "ledger.erase"
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

    latest: datetime | None = None
    notices: list[HistoryNotice] = field(default_factory=list)
    told: set[tuple[str, str]] = field(default_factory=set)
    erased: list[tuple[int, str, str]] = field(default_factory=list)

    def read(self, seq: int, head: Mapping[str, Json], erased: Iterable[str]) -> None:
        """Take the head of the next sealed event."""
        self._read_time(seq, head.get("at"))
        self.erased += [(seq, str(head.get("id")), name) for name in erased]
        details = head.get("details")
        if head.get("action") == ERASURE and isinstance(details, dict):
            fields = details.get("fields")
            named = fields if isinstance(fields, list) else []
            self.told.update((str(e[0]), str(e[1])) for e in named if _is_pair(e))

    def close(self) -> tuple[HistoryNotice, ...]:
        """Give the notices in order; an erasure may be told of after the event it touches."""
        untold = [each for each in self.erased if each[1:] not in self.told]
        for seq, _, name in untold:
            said = f"field {name!r} of event {seq} is erased, and no event tells of it"
            self.notices.append(HistoryNotice("UNTOLD_ERASURE", seq, said))
        return tuple(sorted(self.notices, key=lambda each: each.seq))

    def _read_time(self, seq: int, said: Json) -> None:
        try:
            at = datetime.fromisoformat(str(said))
        except ValueError:
            return
        if at.tzinfo is None:
            return
        if self.latest is not None and at < self.latest - CLOCK_TOLERANCE:
            message = (
                f"event {seq} is dated {at.isoformat()}, {self.latest - at} before what was sealed "
                "ahead of it: the clock was set back, or it was written late; the order holds"
            )
            self.notices.append(HistoryNotice("CLOCK_BACK", seq, message))
            # From here on the new clock is the measure, or every later event would be named.
            self.latest = at
            return
        self.latest = at if self.latest is None else max(at, self.latest)


def _is_pair(value: Json) -> TypeGuard[list[Json]]:
    return isinstance(value, list) and len(value) == 2
