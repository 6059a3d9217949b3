"""Passwords: hashed with argon2id, checked few at a time, so that guessing starves nobody.

It must not know accounts. A check costs 19 MiB and some 27 ms of one core; without a bound, twenty
guesses at once take every core and every thread of the server (measured: benchmarks/access.py).
"""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from qtcore.errors import TooManyTries

# 19 MiB, t=2: OWASP's floor for argon2id.
_HASHER = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19456, parallelism=1),))
# How far checks step back behind everything else that wants a core (as `nice`).
_BEHIND = 10
_R = TypeVar("_R")
# Checked where there is no password, so that the time does not tell which logins exist.
_NOBODY = _HASHER.hash("no such account")


class PasswordDesk:
    """Checks passwords: `at_once` together, `waiting` more in the queue, the rest are sent away.

    A waiting check holds a thread of the server: the queue must stay well below their number.
    """

    def __init__(self, at_once: int = 0, *, waiting: int = 8, patience: float = 10.0) -> None:
        most = at_once or max(1, (os.cpu_count() or 2) // 2)
        self._room = threading.BoundedSemaphore(most + waiting)
        self._checkers = ThreadPoolExecutor(most, "password", initializer=_step_back)
        self._patience = patience

    def hash(self, password: str) -> str:
        """Hash a password for storage; raises TooManyTries when the queue is full."""
        return self._in_turn(lambda: _HASHER.hash(password))

    def fits(self, password: str, stored: str) -> bool:
        """Check a password; an empty hash fits nothing and costs the same."""
        return self._in_turn(lambda: _HASHER.verify(password, stored or _NOBODY)) and bool(stored)

    def _in_turn(self, check: Callable[[], _R]) -> _R:
        if not self._room.acquire(blocking=False):
            raise _busy()
        try:
            asked = self._checkers.submit(check)
            try:
                return asked.result(self._patience)
            except TimeoutError:
                asked.cancel()
                raise _busy() from None
        finally:
            self._room.release()


def _step_back() -> None:
    """Let this thread take only what the others leave: the system counts it as one of its own.

    argon2 works outside the interpreter's lock, so a checker that waits for a core keeps nobody.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _BEHIND)


def _busy() -> TooManyTries:
    return TooManyTries("many people are signing in at this moment; try again in a few seconds", 5)
