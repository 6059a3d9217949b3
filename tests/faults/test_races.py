"""Two instances act on one lot: one release, one effect, on both databases."""

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from qtcore.services.audit import seal
from qtcore.services.integrity.fsck import check_database
from qtcore.services.site import Site
from qtcore.testing import a_party, a_received_lot, a_site, a_user, an_item
from qtcore.testing.sites import sqlite_url
from tests.faults.racing import in_threads, release_each
from tests.web import make_web

pytestmark = pytest.mark.fault

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
MANY = [30, pytest.param(1000, marks=pytest.mark.slow)]


@pytest.fixture(params=BOTH)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    found: str = request.getfixturevalue("postgres_url")
    return found


def some_lots(site: Site, count: int) -> list[str]:
    return [a_received_lot(site, lot_no=f"R-{at}").uid for at in range(count)]


def releases_of(site: Site) -> Counter[str]:
    with site.store.read() as session:
        rows = session.connection().exec_driver_sql(
            "SELECT subject_uid FROM state_change WHERE transition = 'release'"
        )
        return Counter(row[0] for row in rows)


def check_released_once(site: Site, lots: list[str], outcomes: list[list[str]]) -> None:
    assert releases_of(site) == Counter(lots)
    for one, other in zip(*outcomes, strict=True):
        assert [one, other].count("done") == 1, (one, other)
    seal(site)
    assert check_database(site, site.system_context()).violations == ()


@pytest.mark.parametrize("count", MANY)
def test_two_threads_release_no_lot_twice(tmp_path: Path, count: int) -> None:
    with a_site(sqlite_url(tmp_path), packs=["food"]) as site:
        lots = some_lots(site, count)
        for login in ("racer-1", "racer-2"):
            a_user(site, ["qp"], login=login)
        start = threading.Barrier(2)
        outcomes = in_threads(
            [
                lambda: release_each(site, "racer-1", lots, lambda: start.wait(60)),
                lambda: release_each(site, "racer-2", lots, lambda: start.wait(60)),
            ]
        )
        check_released_once(site, lots, outcomes)


def test_a_release_without_the_defence_happens_twice(tmp_path: Path) -> None:
    """The control: read, then write, and the same race gives each lot away twice."""
    file = tmp_path / "naive.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE lot (id INTEGER, state TEXT)")
        connection.executemany("INSERT INTO lot VALUES (?, 'waits')", [(at,) for at in range(50)])
        connection.commit()
    start = threading.Barrier(2)

    def naive() -> list[str]:
        outcomes = []
        with closing(sqlite3.connect(file, timeout=30)) as own:
            for at in range(50):
                start.wait(60)
                state = own.execute("SELECT state FROM lot WHERE id = ?", (at,)).fetchone()[0]
                start.wait(60)
                if state == "waits":
                    own.execute("UPDATE lot SET state = 'released' WHERE id = ?", (at,))
                    own.commit()
                    outcomes.append("done")
        return outcomes

    assert [len(outcome) for outcome in in_threads([naive, naive])] == [50, 50]


@pytest.fixture
def post(url: str) -> Iterator[Callable[..., Any]]:
    with a_site(url, packs=["food"]) as site:
        an_item(site, "MILK")
        a_party(site, "DAIRY-1", "supplier")
        with make_web(site).program() as client:

            def send(number: str, **headers: str) -> Any:
                lot = {"item": "MILK", "lot_no": number, "source": "DAIRY-1"}
                line = {"part": "output", "lot": lot, "quantity": "12.50", "unit": "kg"}
                event = {
                    "event_type": "receiving",
                    "event_at": site.sources.now().isoformat(),
                    "lines": [line],
                }
                return client.post("/api/v1/events", json=event, headers=headers)

            send.client = client  # type: ignore[attr-defined]
            yield send


@pytest.mark.parametrize(("key", "effects"), [("k-50", 1), (None, 50)])
def test_50_equal_requests_have_one_effect(
    post: Callable[..., Any], key: str | None, effects: int
) -> None:
    """Without a key each has its own: the control."""
    headers = {"idempotency-key": key} if key else {}
    answers = in_threads([lambda: post("K-1", **headers)] * 50)
    assert [answer.status_code for answer in answers] == [201] * 50, answers[0].text
    assert len({answer.json()["event_id"] for answer in answers}) == effects
    lot = post.client.get(f"/api/v1/lots/{answers[0].json()['lots'][0]}").json()  # type: ignore[attr-defined]
    assert lot["stock"]["quantity"] == f"{effects * 12.5:.2f}"
