"""Where integer keys come from: a counter row on SQLite, sequences on PostgreSQL.

It must not know what a key is for. Keys have gaps; they order nothing but ledger entries.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final, Literal

from sqlalchemy import text
from sqlmodel import Session

KeyName = Literal["row", "node"]

_FIRST_BLOCK: Final = 16
_LARGEST_BLOCK: Final = 512
_COUNT = text("UPDATE key_counter SET value = value + :count WHERE name = :name RETURNING value")
_NEXT = {
    "row": text("SELECT nextval('row_key_seq') FROM generate_series(1, :count)"),
    "node": text("SELECT nextval('node_key_seq') FROM generate_series(1, :count)"),
}


class KeySource:
    """The keys of one transaction; single ones are drawn in growing blocks."""

    def __init__(self, session: Session, dialect: str) -> None:
        self._session = session
        self._is_counted = dialect == "sqlite"
        self._stock: dict[KeyName, deque[int]] = {"row": deque(), "node": deque()}
        self._block: dict[KeyName, int] = {"row": _FIRST_BLOCK, "node": 1}

    def take(self, name: KeyName) -> int:
        """Take one key."""
        stock = self._stock[name]
        if not stock:
            stock.extend(self.draw(name, self._block[name]))
            self._block[name] = min(2 * self._block[name], _LARGEST_BLOCK)
        return stock.popleft()

    def take_some(self, name: KeyName, count: int) -> Sequence[int]:
        """Take several keys, ascending; few of them from what single ones were drawn for."""
        if count > _LARGEST_BLOCK:
            return self.draw(name, count)
        return [self.take(name) for _ in range(count)]

    def draw(self, name: KeyName, count: int) -> Sequence[int]:
        """Draw fresh keys, larger than any drawn before by a transaction that has committed."""
        if count < 1:
            return ()
        connection = self._session.connection()
        if self._is_counted:
            last = connection.execute(_COUNT, {"name": name, "count": count}).scalar_one()
            return range(last - count + 1, last + 1)
        return connection.execute(_NEXT[name], {"count": count}).scalars().all()
