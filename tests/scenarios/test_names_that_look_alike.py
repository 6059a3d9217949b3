"""Lots, codes and people are not called so that nobody can tell two of them apart."""

from collections.abc import Callable, Iterator

import pytest

from qtcore.errors import InputRejected
from qtcore.registry.load import load_registry
from qtcore.services import accounts, master, recording
from qtcore.services.accounts import NewUser, add_user
from qtcore.services.events import EventInput
from qtcore.services.master import MasterInput, save_master
from qtcore.services.recording import record_event
from qtcore.services.site import Site
from qtcore.testing.builders import a_context, a_party, an_item, an_output
from qtcore.testing.sites import a_site

# What each looks like beside L-9: a recall of L-9 would not find it.
LIKE_L9 = {
    "a space after it": "L-9 ",
    "a line end after it": "L-9\n",
    "a space of no width": "L\u200b-9",
    "a soft hyphen": "L\u00ad-9",
    "a space that does not break": "L-9\u00a0A",
    "a filler": "L\u3164-9",
    "a variation selector": "L\ufe0f-9",
    "a tag": "L\U000e0041-9",
    "an accent by itself": "LE\u0301-9",
    "nothing at all": "",
}
LOGINS = {
    "a space of no width": "quinn\u200b",
    "wide letters": "\uff51uinn",
    "a letter of another alphabet": "quinn\u0430",
    "the product": "System",
    "a way up": "..",
}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with a_site(registry=load_registry(packs=[]).get_registry()) as opened:
        a_party(opened, "FARM")
        an_item(opened, "MILK")
        yield opened


def receive(site: Site, number: str) -> str:
    came = an_output("MILK", number, "1", source="FARM")
    event = EventInput("receiving", (came,), site.sources.now(), from_party="FARM")
    return record_event(site, a_context(site, ["operator", "warehouse"]), event).event_id


def make_item(site: Site, code: str) -> str:
    entry = MasterInput("item", code, "Milk", values={"unit": "kg"})
    return save_master(site, site.system_context(), entry)


def make_user(site: Site, login: str) -> object:
    return add_user(site, site.system_context(), NewUser(login, "Quinn", ()))


@pytest.mark.parametrize("number", LIKE_L9.values(), ids=LIKE_L9)
def test_a_lot_is_not_made_under_a_number_that_looks_like_another(site: Site, number: str):
    with pytest.raises(InputRejected, match="cannot be recorded") as refused:
        receive(site, number)
    assert [f.where for f in refused.value.faults] == ["lines/0/lot/lot_no"]


def test_a_code_and_its_twin_are_not_two_items(site: Site):
    with pytest.raises(InputRejected, match="cannot be stored") as refused:
        make_item(site, "MILK\u200b")
    assert "U+200B" in refused.value.faults[0].message


@pytest.mark.clause("21 CFR 11.100(a)")
@pytest.mark.clause("21 CFR 11.300(a)")
@pytest.mark.parametrize("login", LOGINS.values(), ids=LOGINS)
def test_nobody_gets_a_login_that_is_taken_for_another(site: Site, login: str):
    with pytest.raises(InputRejected, match="cannot be made") as refused:
        make_user(site, login)
    assert [f.where for f in refused.value.faults] == ["login"]


@pytest.mark.parametrize("name", ["L-10 A/B", "2026-07 批号", "ÉTÉ-1", "=1+1", "Ω-5"])
def test_a_number_that_is_seen_whole_is_kept_as_it_is_written(site: Site, name: str):
    assert receive(site, name)
    assert make_item(site, name)


@pytest.mark.parametrize("login", ["Zoë", "o'brien", "li.wei", "李伟", "иван", "a@example.org"])
def test_people_keep_the_names_they_have(site: Site, login: str):
    assert make_user(site, login)


@pytest.mark.parametrize(
    ("where", "make", "name"),
    [
        (recording, receive, "L-9 "),
        (master, make_item, "M\u200b"),
        (accounts, make_user, "q\u200b"),
    ],
)
def test_control_without_the_question_the_twin_is_made(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    where: object,
    make: Callable[[Site, str], object],
    name: str,
):
    monkeypatch.setattr(where, "find_unseen", lambda _: None)
    monkeypatch.setattr(accounts, "_unusable", lambda _: None)
    assert make(site, name)
