"""Passwords: hashed with argon2id, checked few at a time, so that guessing starves nobody.

It must not know accounts. A check costs 19 MiB and some 27 ms of one core; without a bound, twenty
guesses at once take every core and every thread of the server (measured: benchmarks/access.py).
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from qtcore.errors import TooManyTries

# 19 MiB, t=2: OWASP's floor for argon2id.
_HASHER = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19456, parallelism=1),))
# Checked where there is no password, so that the time does not tell which logins exist.
_NOBODY = _HASHER.hash("no such account")


class PasswordDesk:
    """Checks passwords: `at_once` together, `waiting` more in the queue, the rest are sent away.

    A waiting check holds a thread of the server: the queue must stay well below their number.
    """

    def __init__(self, at_once: int = 0, *, waiting: int = 8, patience: float = 10.0) -> None:
        self._at_once = at_once or max(1, (os.cpu_count() or 2) // 2)
        self._room = threading.BoundedSemaphore(self._at_once + waiting)
        self._slots = threading.BoundedSemaphore(self._at_once)
        self._patience = patience

    def hash(self, password: str) -> str:
        """Hash a password for storage; raises TooManyTries when the queue is full."""
        with self._turn():
            return _HASHER.hash(password)

    def fits(self, password: str, stored: str) -> bool:
        """Check a password; an empty hash fits nothing and costs the same."""
        with self._turn():
            is_same = _HASHER.verify(password, stored or _NOBODY)
        return is_same and bool(stored)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._room.acquire(blocking=False):
            raise _busy()
        try:
            if not self._slots.acquire(timeout=self._patience):
                raise _busy()
            try:
                yield
            finally:
                self._slots.release()
        finally:
            self._room.release()


def _busy() -> TooManyTries:
    return TooManyTries("many people are signing in at this moment; try again in a few seconds", 5)
