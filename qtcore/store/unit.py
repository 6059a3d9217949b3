"""The unit of work: business rows and the ledger entry that tells of them, in one transaction.

It must not know use cases. It refuses to commit business rows without an entry (QT510).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Table, bindparam, event, func, inspect, select
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import ORMExecuteState, make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Session, SQLModel

from qtcore.context import Context, Sources
from qtcore.errors import NotFound
from qtcore.store.changing import conflict_of, updating
from qtcore.store.columns import PublicRow, Row, TenantRow, table_of
from qtcore.store.driver import change_rows, rows_of
from qtcore.store.guard import begin_watch, check_watch
from qtcore.store.inserts import insert_rows
from qtcore.store.keys import KeySource
from qtcore.store.ledger_rows import Change, Entry, Frame, LedgerRows, build_rows, frame_of
from qtcore.store.queries.keyset import BEFORE_READING, READER, TENANT
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.tables import (
    LedgerAbout,
    LedgerEvent,
    LedgerPending,
    LedgerPrivate,
    Lot,
    Node,
    Outbox,
)

# What is referred to is written first; without ORM relationships nothing else would see to it.
_ORDER: Final = MappingProxyType(
    {table.name: place for place, table in enumerate(Row.metadata.sorted_tables)}
)
_NODE: Final = table_of(Node)
_LOT: Final = table_of(Lot)
_UID: Final = select(_NODE.c.uid).where(
    _NODE.c.tenant_id == TENANT, _NODE.c.node == bindparam("node", type_=_NODE.c.node.type)
)
_TURN: Final = 0x5154  # tells our advisory lock from those of other programs
_MOST_WAITING_ENTRIES: Final = 500
_MOST_UIDS_AT_ONCE: Final = 64
_NO_CHANGES: Final[Mapping[str, Change]] = MappingProxyType({})
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class NewNode(NamedTuple):
    """One of many nodes that were just made."""

    node: int
    uid: str
    kind: str


class WritingSession(Session):
    """The session of a unit of work: rows that wait are written before anything is read."""


@event.listens_for(WritingSession, "do_orm_execute")
def _write_before_reading(state: ORMExecuteState) -> None:
    prepare = state.session.info.get(BEFORE_READING)
    if prepare is not None:
        prepare()


class UnitOfWork:
    """One write transaction of one person's act; made by `Store.write`.

    Rows given to `add` are written before the next query, at `flush`, or at the end. `session` is
    for reading, also of what was just added.
    """

    def __init__(
        self, session: Session, context: Context, *, tenant_id: int, sources: Sources
    ) -> None:
        self.session = session
        self.context = context
        self.tenant_id = tenant_id
        self._sources = sources
        self._connection: Connection = session.info[READER]
        self._keys = KeySource(self._connection)
        self._waiting: list[SQLModel] = []
        self._plain: dict[str, list[Mapping[str, object]]] = defaultdict(list)
        self._entries: list[LedgerRows] = []
        self._messages: list[dict[str, object]] = []
        self._logged = 0
        self.has_turn = self._connection.dialect.name != "postgresql"
        self._frame: Frame | None = None
        self._uids: dict[int, str] = {}
        self._uids_left: list[str] = []
        self._uids_at_once = 1
        self._versions: dict[str, int] = {}
        begin_watch(self._connection)
        session.info[BEFORE_READING] = self._write_waiting

    def act_as(self, context: Context) -> None:
        """Say as whom this act is done, once it is known; nothing of it was told yet."""
        self.context, self._frame = context, None

    def take_turn(self) -> None:
        """Wait for the units that took their turn before; the next queries see what they wrote.

        For checks of what others may be writing, stock or genealogy, which no version of a row
        guards. On SQLite every unit has its turn anyway. Keys drawn from now on are larger than all
        that units with a turn have used.
        """
        if not self.has_turn:
            self._connection.execute(select(func.pg_advisory_xact_lock(_TURN, self.tenant_id)))
            self.has_turn = True
            self.draw_anew()

    def draw_anew(self) -> None:
        """Leave keys that were drawn and not used: the next are larger than all in use."""
        self._keys.forget()

    def key(self) -> int:
        """Give the next integer key of a row."""
        return self._keys.take("row")

    def keys(self, count: int) -> Sequence[int]:
        """Give several keys at once; ascending, on PostgreSQL perhaps with gaps."""
        return self._keys.take_some("row", count)

    def new_uid(self) -> str:
        """Make a public id."""
        if not self._uids_left:
            self._uids_left = self._sources.new_ids(self._uids_at_once)[::-1]
            self._uids_at_once = min(2 * self._uids_at_once, _MOST_UIDS_AT_ONCE)
        return self._uids_left.pop()

    def new_node(self, kind: str) -> Node:
        """Make one node: ``lot``, ``unit`` or ``logistic_unit``."""
        made = self._make_nodes(kind, [self._keys.take("node")])[0]
        return Node(tenant_id=self.tenant_id, recorded_at=self.context.at, **made._asdict())

    def new_nodes(self, kind: str, count: int) -> list[NewNode]:
        """Make many nodes with one statement; a model for each would cost more than the rows."""
        return self._make_nodes(kind, self._keys.draw("node", count))

    def uid_of(self, node: int) -> str:
        """Give the public id of a node; raises NotFound."""
        if node not in self._uids:
            found = rows_of(self._connection, _UID, {"tenant": self.tenant_id, "node": node})
            if not found:
                raise NotFound(f"there is no node {node}")
            self._uids[node] = found[0].uid
        return self._uids[node]

    def learn_uids(self, uids: Mapping[int, str]) -> None:
        """Take public ids that were read already, so that `uid_of` need not ask for each."""
        self._uids.update(uids)

    def knows_uid(self, node: int) -> bool:
        """Say whether `uid_of` answers without asking the database."""
        return node in self._uids

    def add(self, *rows: SQLModel) -> None:
        """Add new rows; what they refer to may be added in any order before the next query."""
        self._waiting += rows
        for row in rows:
            version, uid = getattr(row, "version", None), getattr(row, "uid", None)
            if version is not None and uid is not None:
                self._versions[uid] = version

    def add_plain(self, table: type[SQLModel], *rows: Mapping[str, object]) -> None:
        """Add new rows that nobody will change in this unit: no object is made for them."""
        self._plain[table_of(table).name] += rows

    def insert(self, table: type[SQLModel], rows: Sequence[Mapping[str, object]]) -> None:
        """Write many rows by plain statements; defaults apply.

        The tenant is filled in, and so are `id` and `uid` where the first row names none.
        """
        self.flush()
        if not rows:
            return
        given: dict[str, Sequence[object]] = {}
        if issubclass(table, TenantRow) and "id" not in rows[0]:
            given["id"] = self.keys(len(rows))
        if issubclass(table, PublicRow) and "uid" not in rows[0]:
            given["uid"] = self._sources.new_ids(len(rows))
        self._insert(table_of(table), rows, **given)

    def flush(self) -> None:
        """Write the rows that wait."""
        waiting, self._waiting = self._waiting, []
        plain, self._plain = self._plain, defaultdict(list)
        groups: dict[str, list[SQLModel]] = defaultdict(list)
        for row in waiting:
            groups[table_of(type(row)).name].append(row)
        for name in sorted({*groups, *plain}, key=_ORDER.__getitem__):
            if name in groups:
                self._insert_new(groups[name])
            if name in plain:
                self._insert(Row.metadata.tables[name], plain[name])
        self.session.flush()

    def change(
        self, row: SQLModel, *, expected: int | None = None, **values: object
    ) -> dict[str, Change]:
        """Change a row by compare-and-set; returns each changed field's old and new value.

        `expected` is the version the person saw; without it, the version of `row`. Raises Conflict
        when the row has another version by now. A row without versions is changed as it stands.
        """
        self.flush()
        table = table_of(type(row))
        changes = {
            name: (getattr(row, name), value)
            for name, value in values.items()
            if getattr(row, name) != value
        }
        version = getattr(row, "version", None)
        seen = version if expected is None else expected
        if version is not None and seen != version:
            raise conflict_of(table, row, seen)
        if not changes:
            return {}
        written = {name: new for name, (_, new) in changes.items()}
        if version is not None:
            written["version"] = version + 1
        self._compare_and_set(table, row, written)
        return changes

    def move_lot(self, lot: NodeInfo, state: str, *, expected: int | None = None) -> NodeInfo:
        """Give a lot another state by compare-and-set, as `change` does; gives it as it is then."""
        seen = lot.version if expected is None else expected
        if seen != lot.version:
            raise conflict_of(_LOT, lot, seen)
        if state == lot.state:
            return lot
        after = lot._replace(state=state, version=lot.version + 1)
        told = {"new_state": state, "new_version": after.version, "before": lot.version}
        told |= {"of_tenant_id": self.tenant_id, "of_node": lot.node}
        if change_rows(self._connection, updating(_LOT, ("state", "version")), told) != 1:
            raise conflict_of(_LOT, lot, lot.version)
        key = inspect(Lot).identity_key_from_primary_key((self.tenant_id, lot.node))
        if key in self.session.identity_map:
            self.session.expire(self.session.identity_map[key])
        self._uids[lot.node] = lot.uid
        self._versions[lot.uid] = after.version
        return after

    def log(
        self,
        action: str,
        kind: str,
        uid: str,
        *,
        changes: Mapping[str, Change] = _NO_CHANGES,
        reason: str = "",
        about: Sequence[str] = (),
        details: Mapping[str, object] = _NOTHING,
        private: Mapping[str, str] = _NOTHING,
    ) -> str:
        """Tell the ledger of this act; returns the public id of the entry.

        Who, when, where and by which request comes from the context. `about` names the lots
        concerned, `private` holds personal values: the head only commits to them.
        """
        entry = Entry(
            uid=self.new_uid(),
            action=action,
            kind=kind,
            object_uid=uid,
            changes=changes,
            reason=reason,
            about=about,
            details=details,
            private=private,
            version=self._versions.get(uid),
        )
        if self._frame is None:
            self._frame = frame_of(self.context, self._sources)
        self._entries.append(build_rows(entry, self._frame))
        self._logged += 1
        if len(self._entries) >= _MOST_WAITING_ENTRIES:
            self._write_entries()
        return entry.uid

    def publish(self, topic: str, payload: Mapping[str, object]) -> None:
        """Leave a message for after the commit; it is delivered at least once."""
        self._messages.append(
            {
                "id": self.key(),
                "topic": topic,
                "payload": dict(payload),
                "created_at": self.context.at,
            }
        )

    def finish(self) -> None:
        """Write all that waits and check that the ledger tells of it; `Store.write` calls this."""
        self._write_entries()
        check_watch(self._connection, entries=self._logged)

    def _write_waiting(self) -> None:
        if self._waiting or self._plain:
            self.flush()

    def _make_nodes(self, kind: str, keys: Sequence[int]) -> list[NewNode]:
        uids = self._sources.new_ids(len(keys))
        at = self.context.at
        self._insert(_NODE, [{"kind": kind, "recorded_at": at}] * len(keys), node=keys, uid=uids)
        self._uids.update(zip(keys, uids, strict=True))
        return [NewNode(key, uid, kind) for key, uid in zip(keys, uids, strict=True)]

    def _insert_new(self, rows: Sequence[SQLModel]) -> None:
        """Write rows of one table by a plain statement, and let the session know them as stored.

        Its own way of writing them costs several times as much as the statement.
        """
        names = _attributes_of(type(rows[0]))
        told = [{name: getattr(row, key) for name, key in names.items()} for row in rows]
        table = table_of(type(rows[0]))
        try:
            insert_rows(self._connection, table, told, given={})
        except TypeError as exc:
            said = f"a row of {table.name} cannot be stored: {exc}"
            raise StatementError(said, None, None, exc) from exc
        for row in rows:
            make_transient_to_detached(row)
        self.session.add_all(rows)

    def _insert(
        self, table: Table, rows: Sequence[Mapping[str, object]], **given: Iterable[object]
    ) -> None:
        given["tenant_id"] = repeat(self.tenant_id, len(rows))
        insert_rows(self._connection, table, rows, given=given)

    def _compare_and_set(self, table: Table, row: SQLModel, written: Mapping[str, Any]) -> None:
        told = {f"new_{name}": value for name, value in written.items()}
        told |= {f"of_{c.name}": getattr(row, c.name) for c in table.primary_key.columns}
        if "version" in written:
            told["before"] = written["version"] - 1
        statement = updating(table, tuple(written))
        if change_rows(self._connection, statement, told) != 1:
            raise conflict_of(table, row, getattr(row, "version", None))
        self._forget_copies(row)
        for name, value in written.items():
            set_committed_value(row, name, value)
        if "version" in written:
            self._versions[self._uid_of_row(row)] = written["version"]

    def _forget_copies(self, row: SQLModel) -> None:
        """Make another object of the same row read again; a row from outside has copies here."""
        state = inspect(row)
        copy = self.session.identity_map.get(state.mapper.identity_key_from_instance(row))
        if copy is not None and copy is not row:
            self.session.expire(copy)

    def _uid_of_row(self, row: SQLModel) -> str:
        uid = getattr(row, "uid", None)
        return str(uid) if uid is not None else self.uid_of(row.node)  # type: ignore[attr-defined]

    def _write_entries(self) -> None:
        self.flush()
        entries, self._entries = self._entries, []
        messages, self._messages = self._messages, []
        self._insert(table_of(Outbox), messages)
        # Drawn only now, when every row of this act is locked: per object, the order of keys is
        # the order of commits also where transactions overlap.
        keys = self._keys.draw_last(len(entries))
        private = [each for rows in entries for each in rows.private]
        of_private = [key for key, rows in zip(keys, entries, strict=True) for _ in rows.private]
        about = [uid for rows in entries for uid in rows.about]
        of_about = [key for key, rows in zip(keys, entries, strict=True) for _ in rows.about]
        self._insert(table_of(LedgerEvent), [rows.event for rows in entries], id=keys)
        self._insert(table_of(LedgerPrivate), private, event_id=of_private)
        self._insert(table_of(LedgerAbout), [_NOTHING] * len(about), event_id=of_about, uid=about)
        self._insert(table_of(LedgerPending), [_NOTHING] * len(keys), event_id=keys)


@lru_cache(maxsize=1000)
def _attributes_of(model: type[SQLModel]) -> Mapping[str, str]:
    """Give the attribute of a model for each column of its table."""
    return {each.columns[0].name: each.key for each in inspect(model).column_attrs}
