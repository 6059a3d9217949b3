"""How long a sign-in lasts: without a movement, and at all; set per installation.

It must not know sessions.
"""

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from qtcore.errors import InputRejected

_SHORTEST: Final = timedelta(minutes=1)
_LONGEST: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class SessionRules:
    """`idle`: how long without a request; `absolute`: how long at all."""

    idle: timedelta = timedelta(minutes=15)
    absolute: timedelta = timedelta(hours=12)


def read_session_rules() -> SessionRules:
    """Read ``QTCORE_SESSION_IDLE`` and ``QTCORE_SESSION_ABSOLUTE``: whole minutes, 1 to 10080.

    Raises InputRejected for anything else, and when the idle limit is the longer one.
    """
    usual = SessionRules()
    idle = _minutes("QTCORE_SESSION_IDLE", usual.idle)
    absolute = _minutes("QTCORE_SESSION_ABSOLUTE", usual.absolute)
    if idle > absolute:
        raise InputRejected(
            f"QTCORE_SESSION_IDLE {idle} is longer than QTCORE_SESSION_ABSOLUTE {absolute}; make "
            "it the shorter one"
        )
    return SessionRules(idle, absolute)


def _minutes(name: str, usual: timedelta) -> timedelta:
    text = os.environ.get(name, "")
    if not text:
        return usual
    found = timedelta(minutes=int(text)) if text.isascii() and text.isdecimal() else timedelta()
    if not _SHORTEST <= found <= _LONGEST or len(text) > 6:
        raise InputRejected(f"{name} {text[:20]!r} is no number of minutes; give 1 to 10080")
    return found
