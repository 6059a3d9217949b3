"""A locked terminal: the session ends, what was filled in waits for its person and nobody else."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from qtcore.errors import InputRejected
from qtcore.services.kept_forms import drop_kept, find_kept, keep_form
from qtcore.testing import PASSWORD, a_site, a_user
from qtcore.testing.sites import FrozenClock
from tests.web import Web, csrf_of, make_web

PAGE = "/forms/deviation/new"
TYPED = json.dumps([[0, "values.title", "Door was open"], [0, "password", "my secret"]])


@pytest.fixture(scope="module")
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(scope="module")
def web(clock: FrozenClock) -> Iterator[Web]:
    with a_site(packs=["food"], clock=clock) as site:
        yield make_web(site)


def again(client, login: str) -> None:
    client.post("/sign-in", data={"login": login, "password": PASSWORD})


def test_a_lock_ends_the_session_and_gives_the_form_back_to_the_same_person_only(web):
    with web.person("qa") as client:
        secret = client.cookies.get("qtcore_session")
        told = {"csrf_token": csrf_of(client), "back": f"{PAGE}?lot=1", "kept": TYPED}
        locked = client.post("/lock", data=told)
        assert "This terminal is locked" in locked.text and "Door was open" not in locked.text
        client.cookies.set("qtcore_session", secret or "")
        assert client.get(PAGE, follow_redirects=False).status_code == 303
        client.cookies.clear()
        a_user(web.site, ["operator"])
        again(client, "operator")
        assert "Door was open" not in client.get(PAGE).text
        again_as = client.post("/sign-out", data={"csrf_token": csrf_of(client)})
        assert again_as.status_code == 200
        again(client, "qa")
        shown = client.get(PAGE).text
        assert "Door was open" in shown and "my secret" not in shown
        assert "Door was open" not in client.get("/forms/complaint/new").text
        drop = {"csrf_token": csrf_of(client), "back": PAGE, "act": "drop"}
        assert "Door was open" not in client.post("/lock", data=drop).text


def test_a_copy_while_somebody_types_ends_nothing_and_is_replaced_by_the_next(web):
    with web.person("qa") as client:
        for title in ("first", "second"):
            kept = json.dumps([[0, "values.title", title]])
            told = {"csrf_token": csrf_of(client), "back": PAGE, "act": "keep", "kept": kept}
            assert client.post("/lock", data=told).status_code == 200
        assert find_kept(web.site, a_user(web.site, ["qa"]), PAGE) == [
            [0, "values.title", "second"]
        ]


def test_nothing_is_kept_for_more_than_a_day_or_for_another_account(web, clock):
    qa = a_user(web.site, ["qa"])
    keep_form(web.site, qa, "/x", TYPED)
    other = a_user(web.site, ["qp"])
    assert find_kept(web.site, qa, "/x") and not find_kept(web.site, other, "/x")
    drop_kept(web.site, other, "/x")
    assert find_kept(web.site, qa, "/x")
    clock.advance(minutes=24 * 60)
    later = a_user(web.site, ["qa"])
    assert later.at - qa.at == timedelta(days=1)
    assert not find_kept(web.site, later, "/x")


BAD = {
    "no JSON": "{",
    "no list": "{}",
    "another shape": "[[0, 1, 2]]",
    "a negative form": '[[-1, "a", "b"]]',
    "a flag for a number": '[[true, "a", "b"]]',
    "too many": json.dumps([[0, "a", "b"]] * 1001),
    "too long": json.dumps([[0, "a", "b" * 200_001]]),
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_what_cannot_be_kept_is_refused(web, text):
    with pytest.raises(InputRejected, match="cannot be kept"):
        keep_form(web.site, a_user(web.site, ["qa"]), "/bad", text)
    assert not find_kept(web.site, a_user(web.site, ["qa"]), "/bad")
