"""Answers that were worked out before, by a digest of everything they depend on.

It must not know what the answers mean. Only what is a function of its key may be kept here: then a
memo changes how long an answer takes and nothing else (docs/decisions/0014).
"""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

_AnswerT = TypeVar("_AnswerT")


class Memo(Generic[_AnswerT]):
    """The newest `most` answers; safe to be used by several threads, which may work one out twice.

    ``Memo(0)`` keeps nothing.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[bytes, _AnswerT] = OrderedDict()
        self._lock = Lock()

    def get(self, key: bytes, work_out: Callable[[], _AnswerT]) -> _AnswerT:
        """Give the answer of `key`, worked out if need be."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = work_out()
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return found
