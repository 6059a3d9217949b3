"""What a store keeps in memory of rows that never change once they are committed.

It must not keep anything that somebody may change: there is no way to make it forget one answer.
"""

from collections import ChainMap
from collections.abc import Callable, Hashable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from sqlmodel import Session

V = TypeVar("V")
_KEPT: Final = "qtcore_kept"
_MOST_KEPT: Final = 2_000
Memory = MutableMapping[Hashable, Any]


def kept(session: Session, key: Hashable, read: Callable[[], V]) -> V:
    """Give what `read` gives, which is asked once in the life of the store.

    `key` says which immutable row it is, and what is made of it. What a unit of work reads is
    kept when it commits: before, a row of its own may be taken back and its key be given again.
    """
    memory: Memory | None = session.info.get(_KEPT)
    if memory is None:
        return read()
    if key not in memory:
        memory[key] = read()
    found: V = memory[key]
    return found


def share(session: Session, memory: Memory) -> None:
    """Let a session that only reads use and fill a memory."""
    if len(memory) > _MOST_KEPT:
        memory.clear()
    session.info[_KEPT] = memory


@contextmanager
def share_on_commit(session: Session, memory: Memory) -> Iterator[None]:
    """Let a session that writes use a memory, and fill it once this ends without an error."""
    own: dict[Hashable, Any] = {}
    session.info[_KEPT] = ChainMap(own, memory)
    yield
    memory.update(own)


def forget_own(session: Session) -> None:
    """Keep nothing of what a session has read: it is about to be taken back."""
    memory = session.info.get(_KEPT)
    if isinstance(memory, ChainMap):
        memory.maps[0].clear()
