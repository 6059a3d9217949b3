"""What other systems send is stored whole or refused, and never doubled, in any order."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlmodel import select

from qtcore.errors import Denied, NotFound
from qtcore.services.imports import ImportReport
from qtcore.services.interchange import export_epcis, export_text, import_epcis
from qtcore.services.lots import search
from qtcore.services.master import MasterInput
from qtcore.services.nodes import LotRef, NodeBook
from qtcore.services.site import Site
from qtcore.services.trace import trace
from qtcore.store.tables import (
    Discrepancy,
    Edge,
    Event,
    Identifier,
    ImportRun,
    Lot,
    Movement,
    Node,
)
from qtcore.testing import a_context, a_received_lot, a_site
from tests.counting import counts
from tests.epcis_words import a_document, an_event

MILK, CHEESE = "urn:epc:class:lgtin:4012345.011111.M1", "urn:epc:class:lgtin:4012345.022222.C1"
MILK_LINK = "https://id.gs1.org/01/04012345111118/10/M1"
WHEY = "urn:epc:class:lgtin:4012345.033333.W1"
PALLET = "urn:epc:id:sscc:0614141.1234567890"
FACTS = (Event, Edge, Node, Lot, Movement, Identifier, Discrepancy)


@pytest.fixture
def site() -> Iterator[Site]:
    with a_site() as site:
        yield site


def lots(*uris: str, quantity: Any = 10) -> list[dict[str, Any]]:
    return [{"epcClass": uri, "quantity": quantity, "uom": "KGM"} for uri in uris]


def event(number: int, kind: str = "ObjectEvent", **changes: Any) -> dict[str, Any]:
    drop = {} if kind == "ObjectEvent" else {"quantityList": None, "bizStep": None}
    if kind == "TransformationEvent":
        drop["action"] = None
    identity = {"eventID": f"urn:x:event:{number}", "type": kind}
    at = {"eventTime": f"2026-03-{number:02}T10:00:00Z"}
    return an_event(**{**at, **drop, **identity, **changes})


def send(site: Site, *events: dict[str, Any], name: str = "sent.jsonld") -> ImportReport:
    data = json.dumps(a_document(*events)).encode()
    return import_epcis(site, site.system_context(), [(name, data)])


def milked(number: int = 1, **changes: Any) -> dict[str, Any]:
    return event(
        number,
        **{"action": "ADD", "bizStep": "commissioning", "quantityList": lots(MILK), **changes},
    )


def made(number: int = 2, **changes: Any) -> dict[str, Any]:
    parts = {"inputQuantityList": lots(MILK), "outputQuantityList": lots(CHEESE, quantity=1)}
    return event(number, "TransformationEvent", **{**parts, **changes})


def packed(number: int = 3) -> dict[str, Any]:
    return event(
        number, "AggregationEvent", action="ADD", parentID=PALLET,
        childQuantityList=lots(CHEESE, quantity=1),
    )  # fmt: skip


def shipped(number: int = 4, **changes: Any) -> dict[str, Any]:
    buyer = [{"type": "owning_party", "destination": "urn:epc:id:pgln:0614141.00777"}]
    return event(
        number, **{"quantityList": lots(CHEESE, quantity=1), "destinationList": buyer, **changes}
    )


def downstream(site: Site, uri: str) -> set[str]:
    found = trace(site, site.system_context(), uri, "forward").as_json()
    return {name for node in found["nodes"] if node["depth"] for name in node["identifiers"]}


def open_discrepancies(site: Site) -> list[str]:
    with site.store.read() as session:
        return list(
            session.exec(select(Discrepancy.kind).where(Discrepancy.resolved_at == None))  # noqa: E711
        )


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1), (1, 3, 0, 2)])
def test_any_order_of_documents_gives_the_same_graph(site: Site, order: tuple[int, ...]) -> None:
    documents = [milked(), made(), packed(), shipped()]
    for place in order:
        send(site, documents[place])
    assert {CHEESE, PALLET} <= downstream(site, MILK)
    with site.store.read() as session:
        assert set(session.exec(select(Lot.origin))) == {"recorded"}
        edges = session.exec(select(Edge.kind, Edge.certainty)).all()
    assert sorted(edges) == [("pack", "recorded"), ("transform", "recorded")]
    assert open_discrepancies(site) == []


def test_only_the_second_event_is_wrong_and_nothing_is_stored(site: Site) -> None:
    before = counts(site, *FACTS)
    report = send(site, milked(), made(inputQuantityList=lots(MILK, quantity=-1)))
    assert (report.stored, report.refused) == (0, 1)
    assert [problem.where for problem in report.problems] == [
        "sent.jsonld#/epcisBody/eventList/1/inputQuantityList/0/quantity"
    ]
    assert counts(site, *FACTS) == before
    with site.store.read() as session:
        assert [run.refused for run in session.exec(select(ImportRun))] == [1]


def test_a_refused_document_does_not_stop_the_next(site: Site) -> None:
    good = json.dumps(a_document(milked())).encode()
    report = import_epcis(site, site.system_context(), [("bad", b"{"), ("good", good)])
    assert (report.stored, report.refused) == (1, 1)


def test_a_known_id_with_other_content_refuses_the_whole_document(site: Site) -> None:
    send(site, milked())
    report = send(site, shipped(), milked(quantityList=lots(MILK, quantity=11)))
    assert (report.stored, report.refused) == (0, 1)
    assert [(problem.code, problem.where) for problem in report.problems] == [
        ("QT708", "sent.jsonld#/epcisBody/eventList/1/eventID")
    ]


def test_a_known_event_in_other_words_is_a_duplicate(site: Site) -> None:
    send(site, milked())
    other = milked(
        eventTime="2026-03-01T11:00:00.000+01:00",
        quantityList=[{"epcClass": "https://id.gs1.org/01/04012345111118/10/M1", "quantity": 10.0,
                       "uom": "KGM"}],
    )  # fmt: skip
    assert (send(site, other).duplicates, counts(site, Event)) == (1, {"event": 1})


def test_an_event_without_an_id_is_known_by_its_content(site: Site) -> None:
    nameless = milked(eventID=None)
    reports = [send(site, nameless), send(site, nameless)]
    assert [(report.stored, report.duplicates) for report in reports] == [(1, 0), (0, 1)]


def test_both_notations_of_a_key_name_one_lot(site: Site) -> None:
    send(site, milked())
    send(site, made(inputQuantityList=lots("https://id.gs1.org/01/04012345111118/10/M1")))
    assert CHEESE in downstream(site, MILK)
    assert CHEESE in downstream(site, "https://id.gs1.org/01/04012345111118/10/M1")


def test_a_lot_entered_by_hand_takes_the_global_name_of_its_item_and_number(site: Site) -> None:
    context = site.system_context()
    with site.store.write(context) as work:
        book = NodeBook(site, work)
        book.master("item", "04012345111118", MasterInput("item", "04012345111118", "Milk"))
        node = book.get_or_make(LotRef(item="04012345111118", lot_no="M1"))
        uid = work.uid_of(node)
        work.log("lot.enter", "lot", uid)
    send(site, milked(), made())
    found = trace(site, context, CHEESE, "backward").as_json()
    assert [each["lot_id"] for each in found["nodes"] if each["depth"]] == [uid]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_transformation_told_in_parts_is_one(site: Site, order: tuple[int, ...]) -> None:
    whole = {"transformationID": "urn:x:run:7"}
    parts = [
        made(1, outputQuantityList=None, **whole),
        made(2, outputQuantityList=None, inputQuantityList=lots(WHEY), **whole),
        made(3, inputQuantityList=None, **whole),
    ]
    for place in order:
        send(site, parts[place])
        send(site, parts[place])
    assert CHEESE in downstream(site, MILK)
    assert CHEESE in downstream(site, WHEY)
    assert counts(site, Edge) == {"edge": 2}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["declared after", "declared before"])
@pytest.mark.parametrize("name", [{}, {"eventID": None}], ids=["with id", "without id"])
def test_an_event_declared_wrong_no_longer_counts(
    site: Site, order: tuple[int, ...], name: dict[str, Any]
) -> None:
    error = {"declarationTime": "2026-03-09T00:00:00Z", "reason": "did_not_occur"}
    documents = [made(**name), made(errorDeclaration=error, **name)]
    send(site, milked())
    for place in order:
        send(site, documents[place])
        send(site, documents[place])
    assert downstream(site, MILK) == set()
    with site.store.read() as session:
        rows = session.exec(select(Event).where(Event.superseded_by != None)).all()  # noqa: E711
    assert len(rows) == 1


def test_a_part_declared_wrong_takes_its_edges_back_only(site: Site) -> None:
    whole = {"transformationID": "urn:x:run:7"}
    wrong = made(1, outputQuantityList=None, **whole)
    send(site, wrong, made(2, inputQuantityList=lots(WHEY), **whole))
    assert CHEESE in downstream(site, MILK)
    send(site, {**wrong, "errorDeclaration": {"declarationTime": "2026-03-09T00:00:00Z"}})
    assert downstream(site, MILK) == set()
    assert CHEESE in downstream(site, WHEY)


def test_impossible_facts_are_stored_named_and_resolved_by_later_ones(site: Site) -> None:
    send(site, made(inputQuantityList=lots(MILK, quantity=15)), milked(8))
    assert sorted(open_discrepancies(site)) == ["negative_balance", "used_before_made"]
    send(site, milked(1, eventID="urn:x:more", quantityList=lots(MILK, quantity=5)))
    assert open_discrepancies(site) == []


def test_a_supplier_ships_before_we_receive_and_nothing_is_wrong(site: Site) -> None:
    send(site, shipped(1), shipped(5, bizStep="receiving"))
    assert open_discrepancies(site) == []


def test_a_use_before_the_receipt_is_named(site: Site) -> None:
    send(site, made(1), event(5, bizStep="receiving", quantityList=lots(MILK)))
    assert open_discrepancies(site) == ["used_before_made"]


def test_a_lot_that_comes_from_itself_is_named(site: Site) -> None:
    send(site, made(), made(3, inputQuantityList=lots(CHEESE), outputQuantityList=lots(MILK)))
    assert "cycle" in open_discrepancies(site)


def test_a_unit_nobody_declared_is_kept_and_named(site: Site) -> None:
    send(site, milked(quantityList=[{"epcClass": MILK, "quantity": 3, "uom": "X9Z"}]))
    with site.store.read() as session:
        assert session.exec(select(Movement.unit)).all() == ["X9Z"]
    assert open_discrepancies(site) == ["unknown_unit"]


def test_a_quantity_of_zero_is_a_fact(site: Site) -> None:
    assert send(site, milked(quantityList=lots(MILK, quantity=0))).stored == 1


def test_what_is_said_of_a_new_lot_is_kept(site: Site) -> None:
    ilmd = {"cbvmda:lotNumber": "M-1", "cbvmda:itemExpirationDate": "2026-09-01T03:00:00Z"}
    send(site, shipped(quantityList=lots(MILK)))
    send(site, milked(ilmd=ilmd))
    with site.store.read() as session:
        lot = session.exec(select(Lot)).one()
        names = set(session.exec(select(Identifier.scheme, Identifier.value)))
    assert (lot.lot_no, lot.origin, str(lot.expiry_on)) == ("M1", "recorded", "2026-09-01")
    assert {("lot_number", "M-1"), ("uri", MILK)} <= names


def test_a_name_too_long_to_store_is_refused(site: Site) -> None:
    report = send(site, milked(bizLocation={"id": f"urn:x:{'y' * 150}"}))
    assert [problem.message for problem in report.problems] == [
        "bizLocation has 156 signs; at most 120 are stored"
    ]


def test_a_transformation_of_too_many_pairs_is_refused(site: Site) -> None:
    many = [f"urn:epc:id:sgtin:4012345.011111.{n}" for n in range(501)]
    others = [f"urn:epc:id:sgtin:4012345.022222.{n}" for n in range(501)]
    report = send(site, made(inputEPCList=many, outputEPCList=others))
    assert (report.stored, report.refused) == (0, 1)
    assert "252004 pairs of input and output" in report.problems[0].message


def test_our_own_events_are_written_and_known_again(site: Site) -> None:
    a_received_lot(site)
    text = export_text(export_epcis(site, site.system_context()))
    before = counts(site, Lot)
    with a_site(seed=2) as other:
        report = import_epcis(other, other.system_context(), [("own.jsonld", text.encode())])
        assert (report.refused, report.stored) == (0, counts(site, Event)["event"])
    again = import_epcis(site, site.system_context(), [("own.jsonld", text.encode())])
    assert again.refused == 0
    assert counts(site, Lot) == before


def test_who_may_not_import_is_refused(site: Site) -> None:
    with pytest.raises(Denied, match=r"import\.run"):
        import_epcis(site, a_context(site, ["auditor"]), [])


@pytest.mark.parametrize("sent", [MILK, MILK_LINK], ids=["urn", "link"])
def test_a_key_finds_its_lot_in_either_notation_whichever_was_sent(site: Site, sent: str) -> None:
    send(site, milked(quantityList=lots(sent)))
    by_urn, by_link = (trace(site, site.system_context(), x).focus for x in (MILK, MILK_LINK))
    assert by_urn.node == by_link.node
    assert [info.node for info in search(site, site.system_context(), MILK)] == [by_urn.node]
    with pytest.raises(NotFound, match="M2"):
        trace(site, site.system_context(), MILK.replace("M1", "M2"))
