"""Rows are written by statements that are made once, and checks of many rows cost nothing.

It must not know services.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlmodel import select

from qtcore.store.store import Store, open_store
from qtcore.store.tables import Event, Identifier, LedgerAbout, Movement
from qtcore.store.unit import UnitOfWork
from tests.rows import a_context

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url, create=True)
    yield opened
    opened.close()


@pytest.fixture
def database(tmp_path: Path, migrated_file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(shutil.copy(migrated_file, tmp_path / "x.db"))) as opened:
        yield opened


def temporary_indexes(database: sqlite3.Connection, table: str) -> int:
    columns = database.execute(f"PRAGMA table_info({table})").fetchall()
    marks = ", ".join("1" for _ in columns)
    plan = database.execute(f"EXPLAIN INSERT INTO {table} VALUES ({marks})").fetchall()
    return sum(step[1] == "OpenEphemeral" for step in plan)


@pytest.mark.parametrize("table", ["node", "event", "movement", "edge", "lot", "ledger_event"])
def test_no_row_of_what_happened_builds_an_index_to_be_checked(
    database: sqlite3.Connection, table: str
):
    assert temporary_indexes(database, table) == 0


def test_a_check_by_a_list_would_build_one(database: sqlite3.Connection):
    database.execute("CREATE TABLE listed (word TEXT CHECK (word IN ('a', 'b', 'c')))")
    assert temporary_indexes(database, "listed") == 1


def write_names(work: UnitOfWork, count: int) -> list[int]:
    nodes = [each.node for each in work.new_nodes("lot", count)]
    rows = [{"node": node, "scheme": "x", "value": f"v{node}", "recorded_at": AT} for node in nodes]
    work.insert(Identifier, rows)
    work.log("test", "test", "t")
    return nodes


def test_many_rows_are_one_statement_and_get_their_keys(store: Store):
    with store.write(a_context()) as work:
        seen: list[str] = []
        engine = work.session.get_bind().engine
        event.listen(engine, "before_cursor_execute", lambda *told: seen.append(told[2]))
        nodes = write_names(work, 40)
    assert sum("INSERT INTO identifier" in each for each in seen) == 1
    with store.read() as session:
        rows = sorted(session.exec(select(Identifier)), key=lambda row: row.id)
    assert [row.node for row in rows] == nodes
    assert len({row.id for row in rows}) == 40
    assert {(row.tenant_id, row.is_global, row.recorded_at) for row in rows} == {
        (store.tenant_id, False, AT)
    }


def test_rows_that_name_other_columns_keep_their_own_values(store: Store):
    with store.write(a_context()) as work:
        one, other = (each.node for each in work.new_nodes("lot", 2))
        row = {"scheme": "x", "value": "1", "recorded_at": AT}
        work.insert(Identifier, [{"node": one, **row, "is_global": True}, {"node": other, **row}])
        work.log("test", "test", "t")
    with store.read() as session:
        found = session.exec(select(Identifier.node, Identifier.is_global)).all()
    assert sorted(found) == [(one, True), (other, False)]


def test_a_column_that_is_not_there_is_refused(store: Store):
    with (
        pytest.raises(ValueError, match="identifier has no column colour"),
        store.write(a_context()) as work,
    ):
        work.insert(Identifier, [{"node": 1, "colour": "red"}])


def test_a_quantity_keeps_its_digits_and_a_float_is_refused(store: Store):
    exact = Decimal("12345678901234.123456789012")
    with store.write(a_context()) as work:
        node = work.new_nodes("lot", 1)[0].node
        told = {
            "id": work.key(),
            "content_hash": "",
            "event_type": "x",
            "verb": "receive",
            "event_at": AT,
            "recorded_at": AT,
            "recorded_by": "t",
        }
        work.insert(Event, [told])
        row = {"event_id": told["id"], "node": node, "part": "output", "effect": "received"}
        work.insert(Movement, [{**row, "quantity": exact}, {**row, "quantity": None}])
        with pytest.raises(TypeError, match="finite Decimal"):
            work.insert(Movement, [{**row, "quantity": 0.1}])
        work.log("test", "test", "t")
    with store.read() as session:
        rows = sorted(session.exec(select(Movement)), key=lambda row: row.id)
    assert [row.quantity for row in rows] == [exact, None]


def test_every_entry_names_what_it_is_about_once(store: Store):
    with store.write(a_context()) as work:
        for name in ("a", "b"):
            work.log("test", "thing", name, about=["x", name, "x"])
    with store.read() as session:
        found = sorted(session.exec(select(LedgerAbout.uid)).all())
    assert found == ["a", "b", "x", "x"]
