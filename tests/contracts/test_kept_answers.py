"""Answers kept under an Idempotency-Key end: after their days, and with what is erased.

It must not sleep: the clock of the site is moved.
"""

import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from qtcore.errors import InputRejected
from qtcore.http.app import make_app
from qtcore.services.accounts import NewUser
from qtcore.services.erasing import Erasure, SecondPerson, erase_personal
from qtcore.services.jobs import Worker, sweep
from qtcore.services.site import Site
from qtcore.services.spent_keys import read_answers_kept
from qtcore.testing import PASSWORD, FrozenClock, a_site, a_user
from tests.asgi_client import client_of
from tests.walk_plant import a_walker

LOGIN, NAME, MAIL = "zofia.marker", 'Zofia "Zo" Markerova', "zofia@marker.example"
BODY = {"login": LOGIN, "name": NAME, "email": MAIL, "roles": ["operator"]}
DAYS = timedelta(days=7)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def site(store_url: str, clock: FrozenClock) -> Iterator[Site]:
    with a_site(store_url, packs=["food"], clock=clock) as made:
        yield made


@pytest.fixture
def api(site: Site) -> Iterator[httpx.Client]:
    token = a_walker(site, NewUser("boss", "Boss", ("admin",))).token
    with client_of(make_app(site)) as client:
        client.headers["authorization"] = f"Bearer {token}"
        yield client


def post(api: httpx.Client, key: str, **body: object) -> httpx.Response:
    return api.post("/api/v1/users", json={**BODY, **body}, headers={"idempotency-key": key})


def test_an_old_answer_goes_and_its_key_has_no_second_effect(
    api: httpx.Client, site: Site, clock: FrozenClock
) -> None:
    assert post(api, "k-1").status_code == 201
    clock.advance(days=6, hours=23)
    sweep(site, DAYS)
    assert post(api, "k-1").status_code == 201  # the control: it is given again until then

    clock.advance(hours=2)
    sweep(site, DAYS)
    for again in (post(api, "k-1"), post(api, "k-1", login="another")):
        assert (again.status_code, again.json()["code"]) == (409, "QT644")
        assert "look up what it made" in again.json()["detail"]
    kept = rows(site)
    assert kept and all(row.key.startswith(" spent ") for row in kept)
    assert {str(row.answer) for row in kept} == {"{}"}
    assert post(api, "k-2", login="another").status_code == 201


def rows(site: Site) -> list[Any]:
    with site.store.read() as session:
        found = session.connection().exec_driver_sql("SELECT * FROM idempotency_key")
        return [row for row in found if row.request_sha256 == "" or row.answer]


def erase(site: Site) -> None:
    one = a_user(site, ["qa"], login="one")
    a_user(site, ["qa"], login="two")
    asked = Erasure("GDPR Art. 17(1)(a)", "left", person=LOGIN)
    erase_personal(site, one, asked, SecondPerson("two", PASSWORD))


@pytest.mark.clause("EU Annex 11.17")
def test_no_answer_holds_what_was_erased(api: httpx.Client, site: Site) -> None:
    assert post(api, f"make-{LOGIN}").status_code == 201
    assert post(api, "other", login="other", name="Other", email="").status_code == 201
    assert NAME in str([row.answer for row in rows(site)]).replace("\\", "")  # the control
    erase(site)
    told = str(rows(site))
    assert not [each for each in (LOGIN, "Markerova", MAIL) if each in told]
    assert post(api, f"make-{LOGIN}").json()["code"] == "QT644"
    assert post(api, "other", login="other", name="Other", email="").status_code == 201


def bytes_of(site: Site, url: str, folder: Path) -> bytes:
    """Give all that the database's files or pages hold; of PostgreSQL what a dump writes."""
    if url == "sqlite://":
        with site.store.read() as session:
            driver: Any = session.connection().connection.driver_connection
            return bytes(driver.serialize())
    if url.startswith("sqlite:///"):
        files = Path(url.removeprefix("sqlite:///")).parent.glob("site.db*")
        return b"".join(each.read_bytes() for each in files if each.is_file())
    out = folder / "dump.sql"
    subprocess.run(["pg_dump", "--file", str(out), url.replace("+psycopg", "")], check=True)
    return out.read_bytes()


def test_no_file_of_the_database_holds_an_erased_address(
    api: httpx.Client, site: Site, store_url: str, tmp_path: Path
) -> None:
    """The login stays in the account; the address stood in the person and the kept answer."""
    assert post(api, "k-1").status_code == 201
    assert MAIL.encode() in bytes_of(site, store_url, tmp_path)
    erase(site)
    assert MAIL.encode() not in bytes_of(site, store_url, tmp_path)


@pytest.mark.parametrize("text", ["0", "-1", "8761", "1.5", "week", "١٢", "9" * 30])
def test_how_long_answers_are_kept_is_said_in_whole_hours(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QTCORE_ANSWERS_KEPT", text)
    with pytest.raises(InputRejected, match="no number of hours; give 1 to 8760"):
        read_answers_kept()
    monkeypatch.setenv("QTCORE_ANSWERS_KEPT", "24")
    assert read_answers_kept() == timedelta(hours=24)
    monkeypatch.delenv("QTCORE_ANSWERS_KEPT")
    assert read_answers_kept() == DAYS


def test_a_worker_does_not_begin_with_a_wrong_number(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QTCORE_ANSWERS_KEPT", "week")
    with pytest.raises(InputRejected):
        Worker(site)
