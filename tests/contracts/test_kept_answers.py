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
from sqlalchemy import update

from qtcore.errors import Conflict, InputRejected, NotFound
from qtcore.http.app import make_app
from qtcore.services import idempotency, spent_keys
from qtcore.services.accounts import NewUser, add_user
from qtcore.services.erasing import Erasure, SecondPerson, erase_personal
from qtcore.services.held_values import HeldValues
from qtcore.services.idempotency import Kept, claim_key, free_key, keep_answer
from qtcore.services.jobs import Worker, sweep
from qtcore.services.sign_intents import Act, make_intent, sign_intent
from qtcore.services.sign_proofs import Proof
from qtcore.services.site import Site
from qtcore.services.spent_keys import read_answers_kept, spend_old, spend_where
from qtcore.store.tables import IdempotencyKey
from qtcore.testing import PASSWORD, FrozenClock, a_received_lot, a_site, a_user
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
    return [row for row in all_rows(site) if row.request_sha256 == "" or row.answer]


def all_rows(site: Site) -> list[Any]:
    with site.store.read() as session:
        return list(session.connection().exec_driver_sql("SELECT * FROM idempotency_key"))


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


def leave(site: Site, login: str) -> None:
    one = a_user(site, ["qa"], login="one")
    a_user(site, ["qa"], login="two")
    erase_personal(site, one, Erasure("GDPR", "left", person=login), SecondPerson("two", PASSWORD))


def add(site: Site, login: str, name: str) -> None:
    add_user(site, site.system_context(), NewUser(login, name, ("operator",), PASSWORD, ""))


ID = "019e8232-aaaa-7aaa-8aaa-0123456789ab"


def test_an_erasure_spends_no_key_that_holds_a_value_by_its_letters_only(site: Site) -> None:
    add(site, "a", "Al")
    carol = a_user(site, ["operator"], login="carol")
    for key, told in (("carol-key-1", ID), ("carol-key-2", f"asked by a at {ID}")):
        claim_key(site, carol, key, "sha")
        keep_answer(site, carol, key, status=201, answer={"content": told})
    leave(site, "a")
    assert claim_key(site, carol, "carol-key-1", "sha") == Kept(201, {"content": ID})
    with pytest.raises(Conflict, match="no longer kept"):
        claim_key(site, carol, "carol-key-2", "sha")


def test_a_request_that_runs_through_an_erasure_ends_as_ever(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "WAIT_SECONDS", 0.0)
    add(site, "a", "Al")
    carol = a_user(site, ["operator"], login="carol")
    for key in ("refused-a", "done-a"):
        claim_key(site, carol, key, "sha")
    leave(site, "a")
    assert "done-a" not in str(all_rows(site))
    with pytest.raises(Conflict, match="still running"):
        claim_key(site, carol, "done-a", "sha")
    with pytest.raises(Conflict, match="another request"):
        claim_key(site, carol, "done-a", "other")

    free_key(site, carol, "refused-a")
    assert claim_key(site, carol, "refused-a", "other") is None
    keep_answer(site, carol, "done-a", status=201, answer={"content": "made"})
    assert claim_key(site, carol, "done-a", "sha") == Kept(201, {"content": "made"})
    spend_old(site, -DAYS)
    with pytest.raises(Conflict, match="no longer kept"):
        claim_key(site, carol, "done-a", "sha")


@pytest.mark.parametrize(
    ("value", "text", "stands"),
    [
        ("ann", "Ann", False),
        ("ann", "joanna", False),
        ("ann", "by ann.", True),
        ("ann", "make_ann_1", True),
        ("10.0.0.1", "10.0.0.12", False),
        ("10.0.0.1", "[10.0.0.1]", True),
        ("张三", "由张三提交", True),
        ("", "anything", False),
    ],
)
def test_a_value_is_found_as_a_word(value: str, text: str, *, stands: bool) -> None:
    held = HeldValues([value])
    for told in (text, {"a": [{text: 1}]}, ["x", (text,)]):
        assert held.in_data(told) is stands
    assert HeldValues(["marker"]).in_key("xmarkers")
    assert not HeldValues(["mark"]).in_key("xmarkers")


def test_a_key_that_was_freed_and_claimed_anew_meanwhile_is_not_spent(
    site: Site, clock: FrozenClock
) -> None:
    carol = a_user(site, ["operator"], login="carol")
    claim_key(site, carol, "k-1", "sha")

    def anew(_: str) -> bool:
        """Between the look at the key and the change of it."""
        again = update(IdempotencyKey).values(request_sha256="new")
        work.session.execute(again)
        return True

    with site.store.write(carol) as work:
        spent = spend_where(work.session, work.tenant_id, in_key=anew, in_answer=lambda _: False)
    assert spent == 0
    with pytest.raises(Conflict, match="another request"):
        claim_key(site, carol, "k-1", "sha")


def test_keys_are_read_a_few_at_a_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spent_keys, "_AT_ONCE", 2)
    for login in ("carol", "dora"):
        who = a_user(site, ["operator"], login=login)
        for number in range(5):
            claim_key(site, who, f"{login}-{number}", "sha")
            keep_answer(site, who, f"{login}-{number}", status=201, answer={"content": login})
    most: list[int] = []
    look = spent_keys._next

    def counted(*given: Any) -> Any:
        found = look(*given)
        most.append(len(found))
        return found

    monkeypatch.setattr(spent_keys, "_next", counted)
    with site.store.write(who) as work:
        held = HeldValues(["dora"])
        spent = spend_where(
            work.session, work.tenant_id, in_key=held.in_key, in_answer=held.in_data
        )
    assert spent == 5
    assert spend_old(site, -DAYS) == 5
    assert max(most) == 2


def test_an_erasure_leaves_what_others_are_about_to_sign(site: Site, clock: FrozenClock) -> None:
    lot = a_received_lot(site)
    clock.advance(minutes=1)
    add(site, "leaver", "Lea Ver")
    petra = a_user(site, ["qp"], login="petra")
    asked = make_intent(site, petra, [Act("lot", lot.uid, "release")])
    told = make_intent(site, petra, [Act("lot", lot.uid, "release", reason="asked by leaver")])
    leave(site, "leaver")
    with pytest.raises(NotFound):
        sign_intent(site, petra, told, Proof(PASSWORD))
    assert sign_intent(site, petra, asked, Proof(PASSWORD))


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
