"""Guessing passwords: told nothing, slowed down, and never in the way of others."""

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlmodel import select

from qtcore.errors import Denied, TooManyTries
from qtcore.registry.load import load_registry
from qtcore.registry.registry import Registry
from qtcore.services import sessions as session_service
from qtcore.services import throttles
from qtcore.services.passwords import PasswordDesk
from qtcore.services.rights import require
from qtcore.services.site import Site, open_site
from qtcore.services.throttles import ACCOUNT, ADDRESS
from qtcore.services.users import (
    UserChange,
    change_user,
    reset_credential,
)
from qtcore.store.tables import Throttle
from qtcore.testing.builders import PASSWORD, a_user
from qtcore.testing.sites import FrozenClock, a_site, sqlite_url
from tests.signing_in import enter, inside, told


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(scope="module")
def base() -> Registry:
    return load_registry(packs=[]).get_registry()


@pytest.fixture
def site(clock: FrozenClock, base: Registry) -> Iterator[Site]:
    with a_site(clock=clock, registry=base) as opened:
        yield opened


def test_unknown_locked_disabled_and_wrong_are_told_apart_by_nobody(site, clock):
    for login in ("ann", "locked", "off", "tokenonly"):
        a_user(site, ["qa"], login=login)
    admin = a_user(site, ["admin"], login="root")
    change_user(site, admin, "off", UserChange(state="disabled", reason="left"))
    reset_credential(site, admin, "tokenonly")
    for n in range(5):
        told(site, "locked", "wrong password!", ip=f"198.51.100.{n}")

    answers = {
        login: told(site, login, PASSWORD if login != "ann" else "wrong password!")
        for login in ("ann", "locked", "off", "tokenonly", "nobody")
    }
    assert len(set(answers.values())) == 1
    assert told(site, "ann", PASSWORD)[0] == "in"


def test_each_of_them_costs_one_check(site, monkeypatch):
    a_user(site, ["qa"], login="ann")
    checks = Counter[str]()
    fits = PasswordDesk.fits

    def counted(desk, password, stored):
        checks[password] += 1
        return fits(desk, password, stored)

    monkeypatch.setattr(PasswordDesk, "fits", counted)
    for login in ("ann", "nobody"):
        told(site, login, f"wrong for {login}")

    assert checks == {"wrong for ann": 1, "wrong for nobody": 1}


@pytest.mark.parametrize("login", ["ann", "nobody"])
def test_a_guessed_login_rests_known_or_not_even_for_other_addresses(site, clock, login):
    a_user(site, ["qa"], login="ann")
    for n in range(ACCOUNT.most):
        assert told(site, login, "wrong password!", ip=f"192.0.2.{n}")[0] == "NotSignedIn"

    assert told(site, login, PASSWORD, ip="198.51.100.1")[0] == "TooManyTries"
    clock.advance(minutes=31)
    assert told(site, login, PASSWORD)[0] == ("in" if login == "ann" else "NotSignedIn")


def test_an_address_that_tries_many_logins_rests(site, monkeypatch):
    monkeypatch.setattr(throttles, "ADDRESS", replace(ADDRESS, most=8))
    a_user(site, ["qa"], login="ann")
    for n in range(8):
        told(site, f"user-{n}", "wrong password!")

    assert told(site, "ann", PASSWORD)[0] == "TooManyTries"
    assert told(site, "ann", PASSWORD, ip="198.51.100.7")[0] == "in"


def test_the_count_survives_a_restart(tmp_path, clock, base):
    url = sqlite_url(tmp_path)
    with a_site(url, clock=clock, registry=base) as site:
        a_user(site, ["qa"], login="ann")
        for n in range(ACCOUNT.most):
            told(site, "nobody", "wrong password!", ip=f"192.0.2.{n}")
    again = open_site(url, sources=site.sources, key_folder=tmp_path / "keys")
    try:
        assert told(again, "nobody", "wrong password!", ip="198.51.100.1")[0] == "TooManyTries"
    finally:
        again.close()


def test_signing_in_forgets_the_failures_of_the_login(site):
    a_user(site, ["qa"], login="ann")
    for _ in range(3):
        for _ in range(4):
            told(site, "ann", "wrong password!")
        assert told(site, "ann", PASSWORD)[0] == "in"


@pytest.mark.parametrize("is_on", [True, False], ids=["purged", "control"])
def test_old_counts_are_forgotten_when_new_logins_are_tried(site, clock, monkeypatch, is_on):
    """Whoever tries ever new logins fills no table: what counts no more is taken away."""
    if not is_on:
        monkeypatch.setattr(throttles, "_forget_old", lambda *_: None)
    counted = []
    for number in range(4):
        throttles.count_failed(site, f"nobody-{number}", "")
        with site.store.read() as session:
            counted.append(len(session.exec(select(Throttle.bucket)).all()))
        clock.advance(minutes=61)
    assert counted == ([1, 1, 1, 1] if is_on else [1, 2, 3, 4])


def test_without_the_throttle_guesses_go_on(site, monkeypatch):
    """The control: what the tests above would see if nothing were counted."""
    monkeypatch.setattr(session_service, "check_throttle", lambda *_: None)
    for n in range(ACCOUNT.most + 3):
        assert told(site, "nobody", "wrong password!", ip=f"192.0.2.{n}")[0] == "NotSignedIn"


def test_more_checks_at_once_than_the_queue_holds_are_sent_away():
    desk = PasswordDesk(1, waiting=2, patience=30)
    stored, answers = desk.hash("a"), Counter[str]()
    gate = threading.Barrier(8)

    def guess() -> None:
        gate.wait()
        try:
            answers[str(desk.fits("b", stored))] += 1
        except TooManyTries:
            answers["sent away"] += 1

    guesses = [threading.Thread(target=guess) for _ in range(8)]
    for each in guesses:
        each.start()
    for each in guesses:
        each.join()

    assert answers["False"] >= 3
    assert answers["sent away"] >= 1
    assert answers.total() == 8


def test_a_sign_in_from_a_new_address_is_told(site):
    a_user(site, ["qa"], login="ann")
    for ip in ("192.0.2.1", "192.0.2.1", "198.51.100.1"):
        enter(site, "ann", ip=ip)

    with site.store.read() as session:
        found = session.connection().exec_driver_sql(
            "SELECT count(*) FROM ledger_event WHERE action = 'sign_in.new_address'"
        )
        assert found.scalar_one() == 1


def test_the_right_is_asked_of_the_session_of_now(site):
    a_user(site, ["qa"], login="ann")
    context = inside(site, enter(site, "ann"))
    require(site, context, "lot.read")
    with pytest.raises(Denied, match=r"user\.manage"):
        require(site, context, "user.manage")
