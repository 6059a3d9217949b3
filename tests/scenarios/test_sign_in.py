"""Signing in and staying in: sessions, tokens, guesses; each defence with its control."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from qtcore.errors import Denied, InputRejected, NotFound, NotSignedIn
from qtcore.registry.load import load_registry
from qtcore.registry.registry import Registry
from qtcore.services.session_rules import SessionRules, read_session_rules
from qtcore.services.sessions import (
    device_of,
    end_session,
    find_session,
    list_sessions,
)
from qtcore.services.site import Site
from qtcore.services.tokens import NewToken, actor_by_token, list_tokens, make_token, revoke_token
from qtcore.services.users import (
    UserChange,
    change_own_password,
    change_user,
    check_ticket,
    list_users,
    reset_credential,
    use_ticket,
)
from qtcore.testing.builders import PASSWORD, a_party, a_user
from qtcore.testing.sites import FrozenClock, a_site
from tests.signing_in import asking, enter, inside


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


# ------------------------------------------------------------------ sessions


@pytest.mark.parametrize(
    ("wait", "is_alive"),
    [({"minutes": 14}, True), ({"minutes": 16}, False), ({"hours": 13}, False)],
)
def test_a_session_ends_when_nothing_moves(site, clock, wait, is_alive):
    a_user(site, ["qa"], login="ann")
    secret = enter(site, "ann")
    clock.advance(**wait)

    if is_alive:
        assert find_session(site, secret).actor.login == "ann"
    else:
        with pytest.raises(NotSignedIn, match="has ended"):
            find_session(site, secret)


@pytest.mark.clause("21 CFR 11.10(d)")
def test_a_busy_session_ends_at_its_absolute_limit_as_configured(site, clock):
    short = replace(site, sessions=SessionRules(timedelta(hours=1), timedelta(hours=2)))
    a_user(site, ["qa"], login="ann")
    secret = enter(short, "ann")
    for _ in range(2):
        clock.advance(minutes=50)
        assert find_session(short, secret).actor.login == "ann"
    clock.advance(minutes=30)
    with pytest.raises(NotSignedIn, match="has ended"):
        find_session(short, secret)


@pytest.mark.parametrize(
    ("idle", "absolute", "said"),
    [("5", "60", ""), ("0", "60", "no number"), ("x", "60", "no number"), ("61", "60", "longer")],
)
def test_the_limits_are_read_from_the_environment(monkeypatch, idle, absolute, said):
    monkeypatch.setenv("QTCORE_SESSION_IDLE", idle)
    monkeypatch.setenv("QTCORE_SESSION_ABSOLUTE", absolute)
    if said:
        with pytest.raises(InputRejected, match=said):
            read_session_rules()
    else:
        assert read_session_rules().idle.total_seconds() == 300


def test_only_hashes_of_secrets_are_stored(site):
    a_user(site, ["admin"], login="ann")
    secret = enter(site, "ann")
    token = make_token(site, inside(site, secret), NewToken("ann"))["token"]

    with site.store.read() as session:
        connection = session.connection().connection.driver_connection
        dump = "\n".join(connection.iterdump())
    assert secret not in dump
    assert token not in dump


def test_people_list_and_end_their_own_sessions_and_administrators_all(site):
    a_user(site, ["qa"], login="ann")
    admin = a_user(site, ["admin"], login="root")
    first, second = enter(site, "ann"), enter(site, "ann", ip="192.0.2.2")
    ann = inside(site, first)

    listed = list_sessions(site, ann, login="ann")
    assert [each["device"] for each in listed] == ["Firefox, Windows"] * 2
    assert [each["is_this"] for each in listed] == [False, True]
    end_session(site, ann, listed[0]["session_id"])
    with pytest.raises(NotSignedIn, match="has ended"):
        find_session(site, second)
    with pytest.raises(Denied, match=r"user\.manage"):
        list_sessions(site, ann, login="root")
    end_session(site, admin, listed[1]["session_id"])
    with pytest.raises(NotSignedIn, match="has ended"):
        find_session(site, first)


def test_nobody_ends_a_session_of_another(site):
    for login in ("ann", "bob"):
        a_user(site, ["qa"], login=login)
    theirs = inside(site, enter(site, "bob")).session_id

    with pytest.raises(Denied, match=r"user\.manage"):
        end_session(site, inside(site, enter(site, "ann")), theirs)


@pytest.mark.clause("21 CFR 11.10(d)")
@pytest.mark.parametrize(
    "change", [UserChange(roles=("operator",)), UserChange(state="disabled", reason="left")]
)
def test_a_change_of_what_somebody_may_do_ends_their_sessions(site, change):
    a_user(site, ["qa"], login="ann")
    admin = a_user(site, ["admin"], login="root")
    secret = enter(site, "ann")

    change_user(site, admin, "ann", change)

    with pytest.raises(NotSignedIn, match="has ended"):
        find_session(site, secret)


def test_a_new_password_rotates_this_session_and_ends_the_others(site):
    a_user(site, ["qa"], login="ann")
    here, there = enter(site, "ann"), enter(site, "ann")
    old = find_session(site, here)

    fresh = change_own_password(site, inside(site, here), PASSWORD, "another long password")

    for secret in (here, there):
        with pytest.raises(NotSignedIn, match=r"signed in|ended"):
            find_session(site, secret)
    new = find_session(site, fresh)
    assert new.session_id == old.session_id
    assert new.csrf_token != old.csrf_token
    with pytest.raises(NotSignedIn):
        enter(site, "ann")


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/150.0", "Firefox, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) Version/19 Safari/604.1", "Safari, iPhone"),
        ("Mozilla/5.0 (Linux; Android 16) Chrome/156.0 Mobile Safari/537.36", "Chrome, Android"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/156.0 Safari/537.36 Edg/156.0", "Edge, Windows"),
        ("curl/8.5", "curl/8.5"),
        ("", ""),
    ],
)
def test_a_device_has_a_name_people_know(agent, name):
    assert device_of(agent) == name


# ------------------------------------------------------------------ credentials


def test_a_reset_gives_a_link_that_works_once_for_a_day(site, clock):
    a_user(site, ["qa"], login="ann")
    admin = a_user(site, ["admin"], login="root")
    secret = reset_credential(site, admin, "ann")
    with pytest.raises(NotSignedIn):
        enter(site, "ann")
    assert check_ticket(site, secret) == "ann"
    with pytest.raises(InputRejected, match="at least 12"):
        use_ticket(site, asking(site, "ann"), secret, "short")

    use_ticket(site, asking(site, "ann"), secret, "a long new password")

    assert enter(site, "ann", "a long new password")
    with pytest.raises(NotFound, match="was used"):
        use_ticket(site, asking(site, "ann"), secret, "a long new password")
    late = reset_credential(site, admin, "ann")
    clock.advance(hours=25)
    with pytest.raises(NotFound, match="too old"):
        check_ticket(site, late)


def test_the_last_who_manages_users_keeps_it(site):
    admin = a_user(site, ["admin"], login="root")
    with pytest.raises(InputRejected, match="cannot be changed") as refused:
        change_user(site, admin, "root", UserChange(state="disabled", reason="left"))
    assert [f.code for f in refused.value.faults] == ["QT469"]

    a_user(site, ["admin"], login="second")
    changed = change_user(site, admin, "root", UserChange(state="disabled", reason="left"))
    assert changed["state"] == "disabled"
    assert {each["login"] for each in list_users(site, admin)} == {"root", "second"}


# ------------------------------------------------------------------ tokens


def test_a_token_is_good_for_its_scope_until_its_day_or_its_end(site, clock):
    a_party(site, "EAST", "site")
    a_user(site, ["qa"], login="ann")
    admin = a_user(site, ["admin"], login="root")
    made = make_token(site, admin, NewToken("ann", "scale", ("lot.read",), site="EAST", days=30))
    actor = actor_by_token(site, made["token"], ip="192.0.2.9")

    assert actor.may("lot.read")
    assert not actor.may("record.read")
    assert actor.bound_site == "EAST"
    shown = list_tokens(site, admin, login="ann")[0]
    assert (shown["scope"], shown["used_from"]) == (["lot.read"], "192.0.2.9")
    assert "token" not in shown
    clock.advance(days=31)
    with pytest.raises(NotSignedIn, match="not valid"):
        actor_by_token(site, made["token"])

    other = make_token(site, admin, NewToken("ann"))
    revoke_token(site, admin, other["token_id"])
    with pytest.raises(NotSignedIn, match="not valid"):
        actor_by_token(site, other["token"])


@pytest.mark.parametrize(
    ("new", "code"),
    [
        (NewToken("ann", scope=("lot.raed",)), "QT461"),
        (NewToken("ann", site="NOWHERE"), "QT467"),
        (NewToken("ann", days=0), "QT411"),
        (NewToken("ann", days=100_000), "QT411"),
    ],
)
def test_what_a_token_is_asked_for_must_exist(site, new, code):
    a_user(site, ["qa"], login="ann")
    with pytest.raises(InputRejected, match="cannot be made") as refused:
        make_token(site, a_user(site, ["admin"], login="root"), new)
    assert [f.code for f in refused.value.faults] == [code]


def test_a_narrowed_token_makes_no_wider_one(site):
    admin = a_user(site, ["admin"], login="root")
    narrow = make_token(site, admin, NewToken("root", scope=("user.manage",)))["token"]
    holder = replace(admin, actor=actor_by_token(site, narrow))

    with pytest.raises(Denied, match="narrowed"):
        make_token(site, holder, NewToken("root"))
    wide = make_token(site, admin, NewToken("root"))["token"]
    assert make_token(site, replace(admin, actor=actor_by_token(site, wide)), NewToken("root"))


def test_people_with_the_right_make_and_end_their_own_tokens_only(site):
    a_user(site, ["implementer"], login="ann")
    operator = a_user(site, ["operator"], login="bob")
    ann = a_user(site, ["implementer"], login="ann")
    made = make_token(site, ann, NewToken("ann", days=7))

    assert [t["token_id"] for t in list_tokens(site, ann, login="ann")] == [made["token_id"]]
    for act in (
        lambda: make_token(site, ann, NewToken("bob")),
        lambda: make_token(site, operator, NewToken("bob")),
        lambda: revoke_token(site, operator, made["token_id"]),
        lambda: list_tokens(site, ann, login="bob"),
    ):
        with pytest.raises(Denied, match="may not do this"):
            act()
    revoke_token(site, ann, made["token_id"])
