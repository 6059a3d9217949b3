"""An event without an id is known by the standard's hash, in whatever notation it comes again."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlmodel import select

from qtcore.builtin.epcis.event_hash import event_hash
from qtcore.services.imports import ImportReport
from qtcore.services.interchange import import_epcis
from qtcore.services.site import Site
from qtcore.store.tables import Event
from qtcore.testing import a_context, a_site
from tests.epcis_words import a_document, an_event

NAMELESS = an_event(eventID=None)
SAME = {
    **NAMELESS,
    "eventTime": "2026-03-01T09:00:00.1234567Z",
    "bizStep": "https://ref.gs1.org/cbv/BizStep-shipping",
    "quantityList": [
        {
            "uom": "KGM",
            "quantity": 12.5,
            "epcClass": "https://id.gs1.org/01/04012345123456/10/998877",
        }
    ],
}


@pytest.fixture
def site() -> Iterator[Site]:
    with a_site() as site:
        yield site


def sent(site: Site, *events: dict[str, Any]) -> ImportReport:
    data = json.dumps(a_document(*events)).encode()
    return import_epcis(site, a_context(site, ["admin"]), [("events.json", data)])


def stored_ids(site: Site) -> list[str | None]:
    with site.store.read() as session:
        return list(session.exec(select(Event.external_id)).all())


@pytest.mark.clause("EU Annex 11.5")
def test_a_nameless_event_is_stored_once_under_its_hash(site):
    assert sent(site, NAMELESS).stored == 1
    assert (sent(site, SAME).stored, sent(site, SAME, NAMELESS).duplicates) == (0, 2)
    assert stored_ids(site) == [event_hash(NAMELESS)]


def test_two_notations_of_one_nameless_event_in_one_document_are_one(site):
    report = sent(site, NAMELESS, SAME)

    assert (report.read, report.stored, report.duplicates, report.refused) == (2, 1, 1, 0)


def test_another_nameless_event_is_another_event(site):
    later = {**NAMELESS, "eventTime": "2026-03-01T10:00:01+01:00"}

    assert sent(site, NAMELESS, later).stored == 2


def test_a_declaration_finds_the_nameless_event_it_is_about(site):
    sent(site, NAMELESS)
    sent(site, {**SAME, "errorDeclaration": {"declarationTime": "2026-03-02T00:00:00Z"}})

    with site.store.read() as session:
        rows = session.exec(select(Event)).all()
    assert [row.external_id for row in rows if row.superseded_by] == [event_hash(NAMELESS)]
