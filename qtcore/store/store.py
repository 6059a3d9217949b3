"""The store: one company's database, opened for reading and for units of work.

It must not know use cases, nor how a database is tuned; see `qtcore.store.engines`.
"""

import os
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Engine
from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session, select

from qtcore.context import Context, Sources
from qtcore.errors import Conflict, StoreUnavailable
from qtcore.store.damage import named_damage
from qtcore.store.engines import TURN_SECONDS, Engines, Target, open_engines, read_target
from qtcore.store.guard import begin_watch, check_watch
from qtcore.store.kept import Memory, forget_own, share, share_on_commit
from qtcore.store.ledger_rows import cut_long
from qtcore.store.migrate import current_revision, latest_revision, migrate
from qtcore.store.queries.keyset import READER
from qtcore.store.tables import KeyCounter, LedgerEvent, Tenant
from qtcore.store.unit import UnitOfWork, WritingSession

FIRST_TENANT: Final = 1
_DEADLOCKS: Final = frozenset({"40001", "40P01"})
_NO_DETAILS: Final[Mapping[str, Any]] = MappingProxyType({})
_NO_PRIVATE: Final[Mapping[str, str]] = MappingProxyType({})


class Store:
    """One tenant's rows in one database; safe to share between threads."""

    def __init__(self, engines: Engines, sources: Sources, tenant: Tenant, url: str) -> None:
        self.tenant_id = tenant.id
        self.tenant_uid = tenant.uid
        self.url = url
        self.dialect = engines.target.dialect
        self.sources = sources
        self._engines = engines
        self._writing_thread: int | None = None
        self.holder = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(8)}"
        # Why nothing may be written although the database could: a restored backup, until QA signs.
        self.fence: str = ""
        self._kept: Memory = {}

    @property
    def name(self) -> str:
        """The database's name for messages, without a password."""
        return self._engines.target.name

    @property
    def is_writable(self) -> bool:
        """Say whether it was opened for writing."""
        return self._engines.writer is not None

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Read one consistent state of the database; nothing can be written."""
        with (
            _named_faults(self.name),
            self._engines.readers.connect() as connection,
            connection.begin(),
            Session(connection, autoflush=False, expire_on_commit=False) as session,
        ):
            session.info[READER] = connection
            share(session, self._kept)
            with named_damage(session):
                yield session

    @contextmanager
    def write(self, context: Context) -> Iterator[UnitOfWork]:
        """Do one act: all of it is stored with its ledger entry, or nothing.

        Raises Conflict when somebody else was first, StoreUnavailable when it cannot be written.
        """
        with self._transaction() as session:
            work = UnitOfWork(session, context, tenant_id=self.tenant_id, sources=self.sources)
            yield work
            work.finish()

    @contextmanager
    def rehearse(self, context: Context) -> Iterator[UnitOfWork]:
        """Do an act as `write` does and undo all of it at the end: to see what would be."""
        with self._transaction() as session:
            try:
                yield UnitOfWork(session, context, tenant_id=self.tenant_id, sources=self.sources)
            finally:
                forget_own(session)
                session.info[READER].rollback()

    @contextmanager
    def plumbing(self) -> Iterator[Session]:
        """Write what is no fact about lots: seals, sessions, deliveries. Business rows: QT510."""
        with self._transaction() as session:
            connection = session.info[READER]
            begin_watch(connection)
            yield session
            session.flush()
            check_watch(connection, entries=0)

    def note(
        self,
        context: Context,
        action: str,
        kind: str,
        uid: str,
        *,
        reason: str = "",
        details: Mapping[str, object] = _NO_DETAILS,
        private: Mapping[str, str] = _NO_PRIVATE,
    ) -> str:
        """Tell the ledger of an attempt that was refused, in a transaction of its own.

        Call it after the refused unit of work has ended, or it waits for itself. A personal value
        that is too long to be kept is cut, and the entry says how long it was: nobody may keep an
        attempt out of the history by what they write.
        """
        kept, cut = cut_long(private)
        told = {**details, "cut": cut} if cut else details
        with self.write(context) as work:
            return work.log(action, kind, uid, reason=reason, details=told, private=kept)

    def drop_old_pages(self) -> None:
        """Empty SQLite's write-ahead log, which holds pages as they were before an erasure.

        While somebody reads from it, it stays until a later commit writes over it.
        """
        if self._engines.target.dialect != "sqlite":
            return
        with self._turn(), self._writer().connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Give back the connections and the writer's place."""
        self._engines.close()

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        """Open a session inside the transaction of its connection; it joins it when it is used.

        A session that begins and ends its own costs more than the statements of a small entry.
        """
        if self.fence:
            raise StoreUnavailable(self.fence, code="QT620")
        engine = self._writer()
        with (
            self._turn(),
            _named_faults(self.name),
            engine.connect() as connection,
            WritingSession(connection, expire_on_commit=False) as session,
            share_on_commit(session, self._kept),
            connection.begin(),
            named_damage(session),
        ):
            session.info[READER] = connection
            yield session

    def _writer(self) -> Engine:
        if self._engines.writer is None:
            raise StoreUnavailable(
                f"{self.name} was opened for reading only; open it with writable=True"
            )
        return self._engines.writer

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Let one thread write at a time, where the database has one writer."""
        turn = self._engines.turn
        if turn is None:
            yield
            return
        if self._writing_thread == threading.get_ident():
            raise RuntimeError("a unit of work was begun inside another one; end the first one")
        if not turn.acquire(timeout=TURN_SECONDS):
            raise StoreUnavailable(
                f"another write to {self.name} takes longer than {TURN_SECONDS:.0f} s; try again"
            )
        self._writing_thread = threading.get_ident()
        try:
            yield
        finally:
            self._writing_thread = None
            turn.release()


def open_store(
    url: str,
    *,
    sources: Sources | None = None,
    create: bool = False,
    writable: bool = True,
    content: bytes = b"",
) -> Store:
    """Open a database; ``sqlite://`` is a fleeting one, gone when the store is closed.

    `create` makes a new database ready; `content`, the bytes of a database file of this release,
    is what a fleeting one then begins with. Raises StoreUnavailable with the next step: no database
    there, tables of another release, another process writes.
    """
    sources = sources or Sources()
    target = read_target(url)
    if not create and target.file is not None and not target.file.is_file():
        raise StoreUnavailable(
            f"there is no database {target.name}; run `qtcore db upgrade --db {url}` to make it"
        )
    engines = open_engines(target, writable=writable)
    is_open = False
    try:
        with _named_faults(target.name):
            if create and current_revision(engines.readers) is None:
                migrate(target, content)
                engines.readers.dispose()
            _check_revision(engines)
            tenant = _find_tenant(engines, sources)
        is_open = True
    finally:
        if not is_open:
            engines.close()
    return Store(engines, sources, tenant, url)


def upgrade(url: str) -> tuple[str | None, str]:
    """Bring the tables of a database to this release; returns the revisions from and to.

    Raises StoreUnavailable while another process writes to it.
    """
    target = read_target(url)
    engines = open_engines(target)
    try:
        with _named_faults(target.name):
            before = current_revision(engines.readers)
            after = migrate(target)
            _find_tenant(engines, Sources())
        return before, after
    finally:
        engines.close()


def _check_revision(engines: Engines) -> None:
    found, needed = current_revision(engines.readers), latest_revision()
    if found == needed:
        return
    name = engines.target.name
    if found is None:
        said = f"{name} holds no QTCore tables; run `qtcore db upgrade` on it to make them"
    else:
        said = (
            f"{name} has the tables of revision {found}, this QTCore needs {needed}; make a backup "
            "and run `qtcore db upgrade` on it, or use the QTCore that wrote it"
        )
    raise StoreUnavailable(said, code="QT505")


def _find_tenant(engines: Engines, sources: Sources) -> Tenant:
    with Session(engines.readers) as session:
        found = session.exec(select(Tenant).where(Tenant.id == FIRST_TENANT)).first()
        if found is not None:
            session.expunge(found)
    if engines.writer is not None:
        with Session(engines.writer, expire_on_commit=False) as session, session.begin():
            if found is None:
                _require_new(session, engines.target)
                found = _first_tenant(sources)
                session.add(found)
            _touch(session, engines.target)
            session.flush()
            session.expunge_all()
    if found is None:
        raise StoreUnavailable(
            f"{engines.target.name} holds no company yet; run `qtcore db upgrade` on it"
        )
    return found


def _require_new(session: Session, target: Target) -> None:
    """Refuse to make a company where entries stand: somebody removed theirs."""
    entry = session.exec(select(LedgerEvent.id).limit(1)).first()
    if entry is not None:
        raise StoreUnavailable(
            f"{target.name} holds entries of a company that is not in it any more: somebody "
            "removed its row; restore a backup",
            code="QT509",
        )


def _first_tenant(sources: Sources) -> Tenant:
    return Tenant(
        id=FIRST_TENANT, uid=sources.new_id(), slug="main", name="", created_at=sources.now()
    )


def _touch(session: Session, target: Target) -> None:
    """Write once at start-up, so that no person's first release is what creates the WAL file."""
    if target.dialect == "sqlite":
        counter = session.exec(select(KeyCounter).where(KeyCounter.name == "opened")).first()
        counter = counter or KeyCounter(name="opened", value=0)
        counter.value += 1
        session.add(counter)


@contextmanager
def _named_faults(name: str) -> Iterator[None]:
    """Turn the database's complaints into ours, where a caller can do something about them."""
    try:
        yield
    except IntegrityError as exc:
        if not _is_duplicate(exc):
            raise
        raise Conflict(
            f"somebody else has stored the same key meanwhile; read again and repeat ({exc.orig})"
        ) from exc
    except (OperationalError, InterfaceError, PoolTimeout) as exc:
        raise _unavailable(name, exc) from exc
    except DatabaseError as exc:
        if type(exc) is not DatabaseError:  # a statement of ours is wrong, and nobody can help it
            raise
        raise _unavailable(name, exc) from exc


def _is_duplicate(exc: IntegrityError) -> bool:
    return getattr(exc.orig, "sqlstate", None) == "23505" or "UNIQUE constraint" in str(exc.orig)


def _unavailable(name: str, exc: Exception) -> StoreUnavailable | Conflict:
    cause = exc.orig if isinstance(exc, DBAPIError) else exc
    if getattr(cause, "sqlstate", None) in _DEADLOCKS:
        return Conflict(f"two changes crossed in {name}; repeat yours ({cause})")
    if "not a database" in str(cause):
        return StoreUnavailable(
            f"{name} is a file, but no database; give the path of a QTCore database in --db"
        )
    return StoreUnavailable(f"{name} cannot be used: {cause}; see that it runs and try again")
