"""The page of an event asks for the fields of the lots it brings into being, without any script."""

import re
from collections.abc import Iterator

import httpx
import pytest

from qtcore.context import LANGUAGES
from qtcore.errors import InputRejected
from qtcore.services.events import EventInput
from qtcore.services.finding import find_exact
from qtcore.services.lots import get_lot
from qtcore.services.master import MasterInput, save_master
from qtcore.services.recording import record_event
from qtcore.testing import a_party, a_site, an_item, an_output
from qtcore.testing.builders import a_user
from tests.web import EVERY_ROLE, Web, csrf_of, make_web

PAGE = "/forms/receiving_food/new"
PAPERS = {"reference_document_type": "bol", "reference_document_number": "B-7"}
VALUES = {"previous_location": "FARM-1", **PAPERS}


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site(packs=["food"]) as site:
        a_party(site, "FARM", "supplier", "site")
        entry = MasterInput("location", "FARM-1", "Farm", values={"party": "FARM"})
        save_master(site, site.system_context(), entry)
        an_item(site, "LEAVES")
        yield make_web(site)


def sent(client: httpx.Client, lot_no: str, **extra: str) -> dict[str, str]:
    row = {"item": "LEAVES", "lot_no": lot_no, "source": "FARM", "quantity": "5", "unit": "kg"}
    return {
        "csrf_token": csrf_of(client),
        "event/event_at": "2026-01-05T08:00",
        "event/location": "FARM-1",
        **{f"event/output/0/{name}": value for name, value in row.items()},
        **{f"event/output/0/extra/{name}": value for name, value in extra.items()},
        **{f"values/{name}": value for name, value in VALUES.items()},
    }


def test_what_is_entered_for_the_lot_is_stored_as_the_api_stores_it(web: Web) -> None:
    codes = {
        "tlc": "TLC-00042",
        "tlc_source_location": "FARM-1",
        "tlc_source_reference_type": "gln",
        "tlc_source_reference": "0614141000005",
    }
    with web.person() as client:
        answer = client.post(PAGE, data=sent(client, "00042", **codes), follow_redirects=False)
        assert answer.status_code == 303, answer.text
    context = a_user(web.site, EVERY_ROLE)
    lot = find_exact(web.site, context, "00042")
    assert get_lot(web.site, context, lot.uid).info.extra == codes


def test_a_mistake_stands_at_its_field_in_the_words_of_the_api(web: Web) -> None:
    context = a_user(web.site, EVERY_ROLE)
    made = an_output("LEAVES", "L-9", "5", source="FARM", extra={"tlc": "x" * 51})
    event = EventInput(
        "receiving_food", (made,), web.site.sources.now(), location="FARM-1", values=VALUES
    )
    with pytest.raises(InputRejected) as refused:
        record_event(web.site, context, event)
    (words,) = (fault.message for fault in refused.value.faults)
    assert words.startswith("Traceability lot code ")
    with web.person() as client:
        answer = client.post(PAGE, data=sent(client, "L-9", tlc="x" * 51))
    assert answer.status_code == 400
    assert 'href="#event-f-output-0-extra-tlc"' in answer.text
    assert "x" * 51 in answer.text, "what was typed is kept"
    same = words.removeprefix("Traceability lot code ")
    found = re.search(r'id="event-f-output-0-extra-tlc-m">([^<]+)<', answer.text)
    assert found is not None
    assert same in found.group(1)
    assert "Traceability lot code" in found.group(1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_fields_have_their_names_and_choices_in_the_readers_language(
    web: Web, language: str
) -> None:
    texts = web.site.registry.find_text
    keys = ("tlc", "tlc_source_location", "choices.tlc_source_reference_type.gln")
    words = [texts(f"fields.lot.{key}", language) for key in keys]
    with web.person() as client:
        client.post("/language", data={"csrf_token": csrf_of(client), "to": language, "back": "/"})
        drawn = client.get(PAGE).text
    for word in words:
        assert word, keys
        assert word in drawn


def test_only_events_that_ask_for_them_show_them(web: Web) -> None:
    with web.person() as client:
        for name in ("receiving", "harvesting", "shipping_food"):
            assert "/extra/" not in client.get(f"/forms/{name}/new").text
