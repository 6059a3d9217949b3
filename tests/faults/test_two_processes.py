"""Two processes release the same lots at the same moment: one release each, on both databases."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from qtcore.errors import StoreUnavailable
from qtcore.services.audit import seal
from qtcore.services.integrity.fsck import check_database
from qtcore.store import engines
from qtcore.testing import a_received_lot, a_site, a_user
from qtcore.testing.sites import sqlite_url
from tests.faults.instance import Instance
from tests.faults.racing import another_instance
from tests.postgres import PostgresServer

pytestmark = pytest.mark.fault

MANY = [10, pytest.param(1000, marks=pytest.mark.slow)]

_UNIQUE_STEPS = b"""
SELECT conname FROM pg_constraint WHERE conrelid = 'state_change'::regclass AND contype = 'u'
"""


@pytest.fixture
def pair(zygotes: list[Instance]) -> Iterator[list[Instance]]:
    copies = [each.ask("fork") for each in zygotes]
    yield zygotes
    for each, pid in zip(zygotes, copies, strict=True):
        os.kill(pid, signal.SIGKILL)
        while each.hear() != "ended":
            pass


def prepared(url: str, count: int) -> list[str]:
    with a_site(url, packs=["food"]) as site:
        for login in ("racer-1", "racer-2"):
            a_user(site, ["qp"], login=login)
        return [a_received_lot(site, lot_no=f"R-{at}").uid for at in range(count)]


def open_both(pair: list[Instance], url: str, **more: object) -> None:
    for seed, each in enumerate(pair, start=2):
        assert each.ask("open", url=url, seed=seed, **more) == {"done": None}


def raced(pair: list[Instance], lots: list[str]) -> list[list[str]]:
    """Let both release each lot at once; gives what each was told, lot by lot."""
    outcomes = []
    for lot in lots:
        for number, each in enumerate(pair, start=1):
            each.tell("release", lot=lot, login=f"racer-{number}")
        outcomes.append([said_of(each.hear()) for each in pair])
    return outcomes


def said_of(answer: dict[str, object]) -> str:
    return "done" if answer.get("done") == "released" else str(answer.get("refused", answer))


def check_released_once(url: str, lots: list[str], outcomes: list[list[str]]) -> None:
    assert [each for each in outcomes if each.count("done") != 1] == []
    site = another_instance(url, 9)
    with site.store.read() as session:
        rows = session.connection().exec_driver_sql(
            "SELECT subject_uid FROM state_change WHERE transition = 'release'"
        )
        assert Counter(row[0] for row in rows) == Counter(lots)
    seal(site)
    assert check_database(site, site.system_context()).violations == ()
    site.close()


@pytest.mark.postgres
@pytest.mark.parametrize("count", MANY)
def test_two_processes_release_no_lot_twice_on_postgresql(
    pair: list[Instance], postgres_url: str, tmp_path: Path, count: int
) -> None:
    lots = prepared(postgres_url, count)
    open_both(pair, postgres_url, gate=str(tmp_path))
    outcomes = raced(pair, lots)
    check_released_once(postgres_url, lots, outcomes)


@pytest.mark.postgres
def test_without_compare_and_set_and_unique_steps_a_lot_is_released_twice(
    pair: list[Instance], postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """The control: the same race with both defences off."""
    url = postgres_server.new_database()
    lots = prepared(url, 2)
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(_UNIQUE_STEPS).fetchall()
        for (name,) in found:
            connection.execute(f"ALTER TABLE state_change DROP CONSTRAINT {name}".encode())
    open_both(pair, url, gate=str(tmp_path), off=["compare and set"])
    outcomes = raced(pair, lots)
    assert outcomes == [["done", "done"]] * 2


@pytest.mark.slow
def test_two_processes_release_no_lot_twice_on_sqlite(pair: list[Instance], tmp_path: Path) -> None:
    """Both may write, as with a library of SQLite 3.51.3 and later."""
    url = sqlite_url(tmp_path)
    lots = prepared(url, 1000)
    open_both(pair, url, off=["writer lock"])
    outcomes = raced(pair, lots)
    check_released_once(url, lots, outcomes)


def test_a_second_writer_is_refused_where_the_library_could_corrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = sqlite_url(tmp_path)
    monkeypatch.setattr(engines, "needs_single_writer", lambda version: True)
    with a_site(url, packs=["food"]):
        with pytest.raises(StoreUnavailable, match="is being written by another process") as caught:
            another_instance(url, 2)
        assert caught.value.code == "QT504"


def test_without_the_lock_a_second_writer_writes_beside_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: nothing else would have kept it out."""
    url = sqlite_url(tmp_path)
    monkeypatch.setattr(engines, "needs_single_writer", lambda version: False)
    with a_site(url, packs=["food"]) as one:
        two = another_instance(url, 2)
        made = [a_received_lot(two, lot_no="L-2"), a_received_lot(one, lot_no="L-1")]
        two.close()
    assert [lot.lot_no for lot in made] == ["L-2", "L-1"]
