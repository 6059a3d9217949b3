"""A site's wall from both sides: what is named by number, told beside a lot, or signed there."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from qtcore.context import Context
from qtcore.engines.access import Policy
from qtcore.errors import NotFound, Refused
from qtcore.registry.load import load_registry
from qtcore.services import recording
from qtcore.services.accounts import NewUser, actor_by_login, add_user
from qtcore.services.event_views import read_event
from qtcore.services.events import EventInput, Line
from qtcore.services.lots import get_lot
from qtcore.services.manifestations import list_signatures
from qtcore.services.nodes import LotRef
from qtcore.services.overrides import justify_rules
from qtcore.services.recording import record_event
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.sign_proofs import Proof
from qtcore.services.site import Site
from qtcore.testing.builders import PASSWORD, a_user, an_output
from qtcore.testing.sites import a_site
from tests.two_sites import furnish

DEVIATION = {"title": "Smell", "severity": "minor", "description": "sour"}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with a_site(registry=load_registry(packs=[]).get_registry()) as opened:
        furnish(opened)
        yield opened


def person(site: Site, login: str, *roles: str, at: str) -> Context:
    held = tuple((at, role) for role in roles)
    user = NewUser(login, login.title(), (), PASSWORD, site_roles=held)
    add_user(site, site.system_context(), user)
    context = site.system_context()
    return Context(actor_by_login(site, login), context.at, site.sources.new_id())


@pytest.fixture(scope="module")
def people(site: Site) -> dict[str, Context]:
    return {
        "east": person(site, "eva", "operator", "warehouse", at="EAST"),
        "west": person(site, "wen", "operator", "warehouse", at="WEST"),
        "qa_east": person(site, "quinn-east", "qa", at="EAST"),
        "qa": a_user(site, ["qa", "warehouse"], login="quinn"),
    }


@pytest.fixture(scope="module")
def lot(site: Site, people: dict[str, Context]) -> str:
    """A lot that stands at the east."""
    came = an_output("MILK", "EAST-1", "100", source="FARM")
    at = site.sources.now()
    event = EventInput("receiving", (came,), at, location="EAST-HALL", from_party="FARM")
    stored = record_event(site, people["qa"], event)
    return read_event(site, people["qa"], stored.event_id).lines[0][1].uid


BY_ITS_NUMBER = LotRef(item="MILK", lot_no="EAST-1", source="FARM")
ELSEWHERE: dict[str, tuple[list[Line], str]] = {
    "shipping": ([Line(BY_ITS_NUMBER, "subject", Decimal("1"), "kg")], "FARM"),
    "production": (
        [
            Line(BY_ITS_NUMBER, "input", Decimal("1"), "kg"),
            an_output("MILK", "NEW-1", "1", source="WEST"),
        ],
        "",
    ),
}


@pytest.mark.clause("21 CFR 11.10(d)")
def test_a_lot_tells_of_the_records_alone_that_its_reader_may_read(site, people, lot, monkeypatch):
    opened = submit_record(site, people["qa"], "deviation", RecordInput(DEVIATION, [lot]))
    number = opened.record.number
    qa = people["qa"]
    narrow = replace(qa, actor=replace(qa.actor, scope=frozenset({"lot.read"})))

    assert number in str(get_lot(site, qa, lot).as_json())
    told = get_lot(site, narrow, lot).as_json()
    assert told["records"] == []

    # Control: with what may be read taken for granted, the same token is shown the record.
    monkeypatch.setattr(Policy, "is_open", lambda *_: True)
    assert number in str(get_lot(site, narrow, lot).as_json())


@pytest.mark.parametrize("verb", ELSEWHERE)
def test_an_event_does_not_reach_another_site_by_the_number_of_a_lot(
    site, people, lot, verb: str, monkeypatch
):
    lines, customer = ELSEWHERE[verb]
    at = site.sources.now()
    event = EventInput(verb, tuple(lines), at, location="WEST-HALL", to_party=customer)

    with pytest.raises(NotFound, match="there is no lot MILK EAST-1 of FARM"):
        record_event(site, people["west"], event)

    # Control: without the question the answer tells how the lot of the other site stands.
    monkeypatch.setattr(recording, "_require_seen", lambda *_: None)
    with pytest.raises(Refused, match="in state 'quarantine'"):
        record_event(site, people["west"], event)


def test_a_lot_of_a_supplier_is_received_at_two_sites(site, people):
    nodes: list[int] = []
    for who, place in (("east", "EAST-HALL"), ("west", "WEST-HALL")):
        came = an_output("MILK", "BOTH-1", "1", source="FARM")
        at = site.sources.now()
        event = EventInput("receiving", (came,), at, location=place, from_party="FARM")
        nodes += record_event(site, people[who], event).nodes

    assert len(nodes) == 2
    assert len(set(nodes)) == 1


def test_a_role_at_a_site_justifies_there_and_its_signature_tells_the_role(site, people, lot):
    own = people["qa_east"]
    rule = next(r.id for r in site.registry.list("rules") if r.severity == "block_override")
    justify_rules(site, own, lot, ([rule], "checked by hand", Proof(PASSWORD)))

    [signed] = list_signatures(site, own, lot)
    assert signed.as_json()["roles"] == ["qa"]
