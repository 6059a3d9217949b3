"""Entries of the ledger piece by piece, as the driver has them, with what stands beside them.

It must not judge hashes; see `qtcore.engines.ledger`. Nothing is made of a row before something
about it does not fit: what is done for each of them counts a million times.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import groupby
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, and_, bindparam, select, type_coerce
from sqlalchemy.types import NullType
from sqlmodel import Session

from qtcore.engines.ledger import LedgerEvent, PrivateField
from qtcore.engines.ledger.contents import PrivateRow
from qtcore.engines.ledger.listed import (
    Listed,
    fit_at_a_glance,
    write_commitments,
    write_names,
)
from qtcore.store import tables
from qtcore.store.columns import as_bytes, table_of
from qtcore.store.ledger_rows import utc_text
from qtcore.store.queries.keyset import TENANT, told_by_driver
from qtcore.store.queries.ledger import about_rows, private_rows

_EVENT: Final = table_of(tables.LedgerEvent)
_SEAL: Final = table_of(tables.LedgerSeal)


class EntryRow(NamedTuple):
    """An entry with its place, as stored: somebody may have written anything into it."""

    seq: int | None
    sealed_leaf: Any
    id: int
    uid: str
    action: str
    object_kind: str
    object_uid: str
    recorded_at: Any
    head: Any
    leaf_hash: Any

    def as_event(self, private: Sequence[PrivateRow]) -> LedgerEvent:
        """Give what the check of hashes takes."""
        kept = as_bytes(self.leaf_hash if self.seq is None else self.sealed_leaf)
        return LedgerEvent(self.seq, as_bytes(self.head), kept, tuple(map(_private, private)))


class Columns(NamedTuple):
    """The columns of many entries, `times` as heads write them."""

    seqs: Sequence[int]
    sealed: Sequence[Any]
    keys: Sequence[int]
    uids: Sequence[str]
    actions: Sequence[str]
    kinds: Sequence[str]
    things: Sequence[str]
    times: Sequence[str]
    heads: Sequence[Any]
    leaves: Sequence[Any]


# What an `EntryRow` is made of.
COLUMNS: Final = (
    _SEAL.c.seq,
    _SEAL.c.leaf_hash.label("sealed_leaf"),
    _EVENT.c.id,
    _EVENT.c.uid,
    _EVENT.c.action,
    _EVENT.c.object_kind,
    _EVENT.c.object_uid,
    # As it is stored: a time that cannot be read must become a verdict, not a crash.
    type_coerce(_EVENT.c.recorded_at, NullType()).label("recorded_at"),
    _EVENT.c.head,
    _EVENT.c.leaf_hash,
)


_SEALED: Final = (
    select(*COLUMNS)
    .select_from(
        _SEAL.join(
            _EVENT, and_(_EVENT.c.tenant_id == _SEAL.c.tenant_id, _EVENT.c.id == _SEAL.c.event_id)
        )
    )
    .where(_SEAL.c.tenant_id == TENANT, _SEAL.c.seq >= bindparam("first", type_=BigInteger))
    .order_by(_SEAL.c.seq)
    .limit(bindparam("limit", type_=BigInteger))
)
_SEALED_BEFORE: Final = _SEALED.where(_SEAL.c.seq < bindparam("end", type_=BigInteger))


@dataclass
class Piece:
    """Some entries in order, and the rows of their personal fields and of what they are about."""

    rows: Sequence[tuple[Any, ...]]
    private: Sequence[tuple[Any, ...]]
    about: Sequence[tuple[Any, ...]]

    def parts(self) -> Iterator[tuple[bool, slice]]:
        """Cut it into runs of entries that fit at a glance, and of those that do not."""
        start = 0
        for is_fitting, group in groupby(self._fitting()):
            part = slice(start, start + len(list(group)))
            start = part.stop
            yield is_fitting, part

    def one_by_one(
        self, part: slice
    ) -> Iterator[tuple[EntryRow, Sequence[PrivateRow], Sequence[str]]]:
        """Give entries with their personal fields and what they are listed under."""
        private, about = self._grouped
        for row in map(EntryRow._make, self.rows[part]):
            yield row, private.get(row.id, ()), about.get(row.id, ())

    @cached_property
    def columns(self) -> Columns:
        """The columns of all entries."""
        found = Columns(*zip(*self.rows, strict=True))
        return found._replace(times=time_texts(found.times))

    @cached_property
    def _grouped(self) -> tuple[dict[int, list[Any]], dict[int, list[str]]]:
        private, about = defaultdict(list), defaultdict(list)
        for each in self.private:
            private[each[0]].append(each)
        for key, uid in self.about:
            about[key].append(uid)
        return private, about

    def _fitting(self) -> list[bool]:
        _, sealed, keys, uids, actions, kinds, things, times, heads, leaves = self.columns
        promised, named = write_commitments(self.private), write_names(self.about)
        beside = [promised.get(key, "") for key in keys], [named.get(key, "") for key in keys]
        fitting = fit_at_a_glance(
            Listed(heads, leaves, uids, actions, kinds, things, times, *beside)
        )
        if sealed == leaves and {*map(type, leaves)} == {bytes}:
            return fitting
        pairs = zip(fitting, sealed, leaves, strict=True)
        return [fits and one == two and type(two) is bytes for fits, one, two in pairs]


def sealed_rows(
    session: Session, tenant_id: int, first: int, end: int | None, *, limit: int
) -> Sequence[tuple[Any, ...]]:
    """Read sealed entries in order, from a place to before another one or the last."""
    asked = {"tenant": tenant_id, "first": first, "limit": limit}
    if end is None:
        return told_by_driver(session, _SEALED, asked)
    return told_by_driver(session, _SEALED_BEFORE, {**asked, "end": end})


def read_piece(session: Session, tenant_id: int, rows: Sequence[tuple[Any, ...]]) -> Piece:
    """Read what stands beside entries."""
    keys = [row[2] for row in rows]
    return Piece(rows, private_rows(session, tenant_id, keys), about_rows(session, tenant_id, keys))


def time_texts(stored: Sequence[Any]) -> list[str]:
    """Write times as heads do; what is no time stays as it is."""
    if {*map(type, stored)} == {str} and {*map(len, stored)} == {26}:
        # SQLite keeps UTC, without a zone, and writes a blank where heads have a T.
        lines = "Z\n".join([*stored, ""])
        is_usual = lines.count(" ") == lines.count("\n") == len(stored)
        if is_usual and {at[10] for at in stored} == {" "}:
            return lines.replace(" ", "T").split("\n")[:-1]
    return [*map(_time_text, stored)]


def _time_text(stored: object) -> str:
    try:
        at = stored if isinstance(stored, datetime) else datetime.fromisoformat(str(stored))
    except ValueError:
        return str(stored)
    return utc_text(at if at.tzinfo else at.replace(tzinfo=UTC))


def _private(row: PrivateRow) -> PrivateField:
    _, name, salt, value = row
    kept = None if salt is None else as_bytes(salt)
    return PrivateField(name, kept, None if value is None else str(value))
