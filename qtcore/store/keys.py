"""Where integer keys come from: a counter row on SQLite, sequences on PostgreSQL.

It must not know what a key is for. Keys have gaps; they order nothing but ledger entries.
"""

from collections import deque
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final, Literal

from sqlalchemy import BigInteger, Connection, TextualSelect, column, text

from qtcore.store.driver import rows_of

KeyName = Literal["row", "node"]

_FIRST_BLOCK: Final = 16
_LARGEST_BLOCK: Final = 512


def _giving_keys(statement: str) -> TextualSelect:
    return text(statement).columns(column("value", BigInteger))


_COUNT: Final = _giving_keys(
    "UPDATE key_counter SET value = value + :count WHERE name = :name RETURNING value"
)
_NEXT: Final = MappingProxyType(
    {
        "row": _giving_keys("SELECT nextval('row_key_seq') FROM generate_series(1, :count)"),
        "node": _giving_keys("SELECT nextval('node_key_seq') FROM generate_series(1, :count)"),
    }
)


class KeySource:
    """The keys of one transaction; single ones are drawn in growing blocks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_counted = connection.dialect.name == "sqlite"
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

    def forget(self) -> None:
        """Leave what was drawn and not taken."""
        for stock in self._stock.values():
            stock.clear()

    def draw_last(self, count: int) -> Sequence[int]:
        """Draw keys of rows that are larger than those of every transaction that had its turn.

        On SQLite a transaction has its turn from its first statement, so any of its keys are.
        """
        return self.take_some("row", count) if self._is_counted else self.draw("row", count)

    def draw(self, name: KeyName, count: int) -> Sequence[int]:
        """Draw fresh keys, larger than any drawn before by a transaction that has committed."""
        if count < 1:
            return ()
        if self._is_counted:
            ((last,),) = rows_of(self._connection, _COUNT, {"name": name, "count": count})
            return range(last - count + 1, last + 1)
        return [key for (key,) in rows_of(self._connection, _NEXT[name], {"count": count})]
