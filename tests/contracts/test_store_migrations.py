"""Every release's database is brought to today's tables, and those are what the code describes."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, create_engine, inspect, text
from sqlmodel import select

from qtcore.engines.ledger import Trust, key_of
from qtcore.errors import StoreUnavailable
from qtcore.store.columns import Row
from qtcore.store.engines import open_for_migration, read_target
from qtcore.store.history import verify_store
from qtcore.store.migrate import _config, is_current, latest_revision, migrate
from qtcore.store.migrations.drift import find_drift
from qtcore.store.queries.events import movements_of
from qtcore.store.queries.nodes import active_holds, find_nodes
from qtcore.store.queries.trace import reached_nodes
from qtcore.store.store import open_store, upgrade
from qtcore.store.tables import Lot
from tests.postgres import PostgresServer
from tests.release_dump import SIGNER, load_dump, make_dump

GOLDEN = Path(__file__).parents[1] / "golden"
RELEASES = sorted(GOLDEN.glob("release_*.sql"))


@pytest.fixture(params=RELEASES, ids=lambda path: path.stem)
def old_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    load_dump(request.param, tmp_path / "old.db")
    return f"sqlite:///{tmp_path / 'old.db'}"


def test_there_is_a_database_of_each_release():
    assert "release_0_1_0" in {path.stem for path in RELEASES}


def test_the_database_of_a_release_is_upgraded_with_all_it_holds(old_database: str):
    _, revision = upgrade(old_database)
    assert revision == latest_revision()
    store = open_store(old_database)
    with store.read() as session:
        (lot,) = find_nodes(session, store.tenant_id, "09506000134352")
        amounts = [str(row.quantity) for row in movements_of(session, store.tenant_id, [lot])]
        reached = reached_nodes(session, store.tenant_id, [lot], "forward")
        held = active_holds(session, store.tenant_id, reached)
        states = dict(session.exec(select(Lot.lot_no, Lot.state)).all())
    key = key_of(SIGNER.name, SIGNER.private_key)
    verdict = verify_store(store, Trust(SIGNER.name, (key,)))
    store.close()
    assert amounts == ["12345678901234.123456789012"]
    assert len(reached) == 4
    assert [hold.reason for holds in held.values() for hold in holds] == ["dust"]
    assert states == {"L0": "quarantine", "L1": "released", "L2": "quarantine", "L3": "quarantine"}
    assert verdict.ok
    assert (verdict.size, verdict.pending) == (4, 1)


def test_an_upgraded_release_has_the_tables_the_code_describes(old_database: str):
    upgrade(old_database)
    assert _drift(open_for_migration(read_target(old_database))) == []


@pytest.mark.heavy
def test_this_release_would_leave_the_same_text_again():
    assert make_dump() == make_dump()


def test_migrated_tables_are_those_the_code_describes(store_url: str):
    target = read_target(store_url)
    if target.is_fleeting:
        migrate(target)
    assert _drift(open_for_migration(target)) == []


def test_a_table_that_differs_is_noticed(tmp_path: Path):
    target = read_target(f"sqlite:///{tmp_path / 'x.db'}")
    migrate(target)
    engine = open_for_migration(target)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE lot ADD COLUMN colour VARCHAR(20)"))
        connection.execute(text("DROP INDEX ix_edge_out"))
    steps = [step[0] for step in _drift(engine)]
    assert sorted(steps) == ["add_index", "remove_column"]


def test_migrated_checks_are_those_the_code_describes(tmp_path: Path):
    migrated = read_target(f"sqlite:///{tmp_path / 'migrated.db'}")
    migrate(migrated)
    described = create_engine(f"sqlite:///{tmp_path / 'described.db'}")
    Row.metadata.create_all(described)
    assert _checks(open_for_migration(migrated)) == _checks(described)


def test_upgrading_twice_changes_nothing(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert upgrade(url) == (None, latest_revision())
    assert upgrade(url) == (latest_revision(), latest_revision())


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    target = read_target(f"sqlite:///{tmp_path / 'new.db'}")
    with monkeypatch.context() as broken:
        broken.setattr("qtcore.store.migrate._check_references", _fail)
        with pytest.raises(StoreUnavailable, match="rows point"):
            migrate(target)
    engine = open_for_migration(target)
    assert inspect(engine).get_table_names() == []
    engine.dispose()
    migrate(target)
    assert is_current(open_for_migration(target))


@pytest.mark.parametrize(
    ("revision", "said"),
    [
        ("0001", "has the tables of revision 0001, this QTCore needs"),
        ("9999", "use the QTCore that wrote it"),
    ],
    ids=["older", "newer"],
)
def test_tables_of_another_release_are_named(
    tmp_path: Path, migrated_file: Path, revision: str, said: str
):
    path = tmp_path / "site.db"
    path.write_bytes(migrated_file.read_bytes())
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.close()
    with pytest.raises(StoreUnavailable, match=said) as caught:
        open_store(f"sqlite:///{path}")
    assert caught.value.code == "QT505"


def test_tables_of_a_newer_release_are_not_upgraded(tmp_path: Path, migrated_file: Path):
    path = tmp_path / "site.db"
    path.write_bytes(migrated_file.read_bytes())
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreUnavailable, match="revision 9999, which this QTCore does not know"):
        upgrade(f"sqlite:///{path}")


def test_a_database_of_another_program_is_left_alone(tmp_path: Path):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE song (title TEXT)")
    connection.close()
    for act in (upgrade, lambda url: open_store(url, create=True)):
        with pytest.raises(StoreUnavailable, match="another program: it has a table 'song'"):
            act(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("song",)]
    connection.close()


@pytest.mark.postgres
def test_a_new_postgresql_database_is_made_ready(postgres_server: PostgresServer):
    url = postgres_server.new_database("template0")
    with pytest.raises(StoreUnavailable, match="holds no QTCore tables; run `qtcore db upgrade`"):
        open_store(url)
    assert upgrade(url) == (None, latest_revision())
    store = open_store(url)
    assert store.tenant_id == 1
    store.close()


@pytest.mark.postgres
def test_rows_from_before_the_timers_are_kept_and_widened_on_postgresql(
    postgres_server: PostgresServer,
):
    url = postgres_server.new_database("template0")
    engine = open_for_migration(read_target(url))
    try:
        with engine.begin() as connection:
            command.upgrade(_config(connection), "0013")
            connection.execute(text(_COMPANY_AND_RECORD))
        with engine.begin() as connection:
            command.upgrade(_config(connection), "0007")
            kept = connection.execute(text("SELECT state, priority FROM record")).one()
            connection.execute(text("UPDATE record SET state = repeat('s', 200)"))
        assert tuple(kept) == ("open", "normal")
    finally:
        engine.dispose()
    assert upgrade(url)[1] == latest_revision()
    assert _drift(open_for_migration(read_target(url))) == []


_COMPANY_AND_RECORD = """
INSERT INTO tenant (id, uid, slug, name, created_at) VALUES (1, 't', 'c', 'C', now());
INSERT INTO definition_version (tenant_id, id, uid, kind, name, number, pack, pack_version,
  fingerprint, body, published_at, published_by)
VALUES (1, 1, 'd', 'workflows', 'deviation', 1, 'base', '1', 'f', '{}', now(), 'x');
INSERT INTO record (tenant_id, id, uid, kind, number, title, state, revision, version,
  workflow_version_id, form_version_id, registry_fingerprint, data, opened_at, opened_by)
VALUES (1, 1, 'r', 'deviation', 'DEV-1', '', 'open', 1, 1, 1, 1, 'f', '{}', now(), 'x');
"""


def _fail(_connection: object) -> None:
    raise StoreUnavailable("1 rows point to rows that are not there")


def _drift(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        found = find_drift(connection, Row.metadata)
    engine.dispose()
    return found


def _checks(engine: Engine) -> dict[str, set[Any]]:
    seen = inspect(engine)
    found = {
        table: {(c["name"], c["sqltext"]) for c in seen.get_check_constraints(table)}
        for table in Row.metadata.tables
    }
    engine.dispose()
    return found
