"""Which of many equal happenings the history tells, so that a flood from outside does not fill it.

It must not know what happens. Told are the first of an hour, then each time their number doubled:
a million wrong tokens in an hour are some hundred entries, and the last one says how many came.
"""

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

_WINDOW: Final = timedelta(hours=1)


class Tally:
    """Counts happenings of each kind within an hour; safe to share between threads."""

    def __init__(self, most: int = 100) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[datetime, int]] = {}

    def count(self, kind: str, at: datetime) -> Mapping[str, object] | None:
        """Count one more; gives the details of its entry, or None when it is only counted.

        The details are empty for the first ones; later ``count`` is how many there were
        ``since`` the hour began, those without an entry of their own among them.
        """
        with self._lock:
            since, count = self._seen.get(kind, (at, 0))
            if at - since >= _WINDOW:
                since, count = at, 0
            count += 1
            self._seen[kind] = since, count
        if count <= self._most:
            return {}
        times, rest = divmod(count, self._most)
        is_told = rest == 0 and times & (times - 1) == 0
        return {"count": count, "since": since.isoformat()} if is_told else None
