"""The standard's addresses: capture, jobs, events, queries, discovery, on a real site."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from qtcore.builtin.epcis.reading import read_epcis
from qtcore.store.tables import EpcisEvent, Event
from qtcore.testing.sites import a_site
from tests.counting import counts
from tests.epcis_words import LOT, a_document, an_event
from tests.web import Web, make_web

JSON = {"content-type": "application/json"}
Client = httpx.Client


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site() as site:
        yield make_web(site)


@pytest.fixture
def api(web: Web) -> Iterator[Client]:
    with web.program("admin") as client:
        yield client


def post(api: Client, document: Any, path: str = "/epcis/capture", **headers: str) -> Any:
    return api.post(path, content=json.dumps(document), headers={**JSON, **headers})


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    results = answer.json()["epcisBody"]["queryResults"]["resultsBody"]
    return [event["eventID"] for event in results["eventList"]]


def test_a_capture_is_a_job_and_its_events_are_found(api: Client) -> None:
    event = an_event(eventID="urn:x:job", epcList=["urn:epc:id:sgtin:0614141.107346.77"])
    answer = post(api, a_document(event))
    assert answer.status_code == 202
    job = api.get(answer.headers["location"]).json()
    assert (job["success"], job["running"], job["errors"]) == (True, False, [])
    assert job["captureID"] in [each["captureID"] for each in api.get("/epcis/capture").json()]
    link = "https://id.gs1.org/01/10614141073464/21/77"
    assert ids(api.get("/epcis/events", params={"MATCH_epc": link})) == ["urn:x:job"]
    found = api.get(f"/epcis/events/{quote('urn:x:job', safe='')}").json()
    assert found["epcList"] == event["epcList"]
    assert found["recordTime"]


def test_a_refused_document_leaves_a_job_with_every_fault_and_nothing_else(
    web: Web, api: Client
) -> None:
    before = counts(web.site, Event, EpcisEvent)
    bad = an_event(eventID="urn:x:bad", bizStep="shiping", eventTime="x")
    answer = post(api, a_document(an_event(eventID="urn:x:good"), bad))
    told = answer.json()
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert told["type"] == "epcisException:ValidationException"
    assert {fault["where"] for fault in told["faults"]} == {
        "/epcisBody/eventList/1/bizStep", "/epcisBody/eventList/1/eventTime",
    }  # fmt: skip
    assert counts(web.site, Event, EpcisEvent) == before
    job = api.get("/epcis/capture", params={"perPage": "1"}).json()[0]
    assert job["success"] is False
    assert len(job["errors"]) == 2


def test_proceed_stores_the_events_that_are_right(api: Client) -> None:
    bad = an_event(eventID="urn:x:left-out", bizStep="shiping")
    answer = post(
        api, a_document(an_event(eventID="urn:x:kept"), bad),
        **{"GS1-Capture-Error-Behaviour": "proceed"},
    )  # fmt: skip
    assert answer.status_code == 202
    job = api.get(answer.headers["location"]).json()
    assert (job["success"], job["captureErrorBehaviour"]) == (False, "proceed")
    assert api.get("/epcis/events/urn:x:kept").status_code == 200
    assert api.get("/epcis/events/urn:x:left-out").status_code == 404


def test_one_event_is_captured_under_its_address(api: Client) -> None:
    event = {"@context": [], **an_event(eventID=None, epcList=["urn:x:single"])}
    first = post(api, event, "/epcis/events")
    again = post(api, event, "/epcis/events")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.headers["location"] == again.headers["location"]
    assert "ni%3A%2F%2F%2Fsha-256" in first.headers["location"]
    assert api.get(first.headers["location"]).json()["epcList"] == ["urn:x:single"]


def test_an_id_with_other_content_is_refused(api: Client) -> None:
    event = {"@context": [], **an_event(eventID="urn:x:once")}
    assert post(api, event, "/epcis/events").status_code == 201
    answer = post(api, {**event, "bizStep": "receiving"}, "/epcis/events")
    assert answer.status_code == 409
    assert answer.json()["type"] == "epcisException:ResourceAlreadyExistsException"
    assert post(
        api, a_document(an_event(eventID="urn:x:once", bizStep="arriving"))
    ).status_code == (400)


def test_a_document_is_taken_in_gzip_and_a_bomb_is_not(api: Client) -> None:
    packed = gzip.compress(json.dumps(a_document(an_event(eventID="urn:x:packed"))).encode())
    coded = {**JSON, "content-encoding": "gzip"}
    assert api.post("/epcis/capture", content=packed, headers=coded).status_code == 202
    assert api.post("/epcis/capture", content=packed, headers=JSON).status_code == 415
    bomb = api.post("/epcis/capture", content=gzip.compress(b" " * 50_000_000), headers=coded)
    assert (bomb.status_code, bomb.json()["faults"][0]["code"]) == (400, "QT714")
    cut = api.post("/epcis/capture", content=packed[:-20], headers=coded)
    assert cut.json()["faults"][0]["code"] == "QT714"


@pytest.mark.parametrize(
    ("content", "headers", "status", "kind"),
    [
        ("{}", {"content-type": "text/csv"}, 415, "UnsupportedMediaTypeException"),
        ("", JSON, 400, "ValidationException"),
        ("{}", {**JSON, "accept": "text/csv"}, 406, "NotAcceptableException"),
        ("{}", {**JSON, "GS1-EPCIS-Min": "3.0.0"}, 406, "NotAcceptableException"),
        ("{}", {**JSON, "GS1-EPCIS-Max": "1.2"}, 406, "NotAcceptableException"),
        ("{}", {**JSON, "GS1-EPC-Format": "Always_URN"}, 406, "NotAcceptableException"),
        ("{}", {**JSON, "GS1-CBV-XML-Format": "Always_Bare"}, 406, "NotAcceptableException"),
        ("{}", {**JSON, "GS1-Capture-Error-Behaviour": "skip"}, 400, "ValidationException"),
        ("<a/>", JSON, 400, "ValidationException"),
    ],
)
def test_what_cannot_be_agreed_is_refused_as_the_standard_says(
    api: Client, content: str, headers: dict[str, str], status: int, kind: str
) -> None:
    answer = api.post("/epcis/capture", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["type"] == f"epcisException:{kind}"


def test_discovery_tells_versions_and_limits(api: Client) -> None:
    for path in ("/epcis", "/epcis/capture", "/epcis/events", "/epcis/queries"):
        answer = api.options(path)
        assert answer.status_code == 204, path
        assert answer.headers["gs1-epcis-version"] == "2.0.0"
        assert answer.headers["gs1-cbv-version"] == "2.0.0"
        assert int(answer.headers["gs1-epcis-capture-file-size-limit"]) > 1_000_000
        assert "OPTIONS" in answer.headers["allow"]
    assert "/epcis/events" in api.get("/epcis").json()["member"]
    assert not [each for each in api.get("/epcis").json()["member"] if "{" in each]
    assert "/epcis/events" in api.get("/epcis/").json()["member"]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("capture/any", "GET, OPTIONS"),
        ("events/urn:x:1", "GET, OPTIONS"),
        ("queries/any", "GET, DELETE, OPTIONS"),
        ("queries/any/events", "GET, OPTIONS"),
        ("bizSteps", "GET, OPTIONS"),
        ("bizSteps/shipping", "GET, OPTIONS"),
        ("eventTypes/ObjectEvent/events", "GET, OPTIONS"),
    ],
)
def test_every_address_tells_what_it_allows(api: Client, path: str, allowed: str) -> None:
    answer = api.options(f"/epcis/{path}")
    assert (answer.status_code, answer.headers["allow"]) == (204, allowed)


def test_a_stranger_is_told_so_in_the_standards_words(web: Web) -> None:
    with web.visitor() as client:
        answer = client.get("/epcis/events")
    assert answer.status_code == 401
    assert answer.json()["type"] == "epcisException:SecurityException"


def test_who_may_not_import_captures_nothing(web: Web) -> None:
    with web.program("operator") as client:
        answer = post(client, a_document(an_event(eventID="urn:x:denied")))
    assert answer.status_code == 403
    assert answer.json()["type"] == "epcisException:SecurityException"


def test_xml_is_taken_and_given(api: Client, shared_data: Path) -> None:
    path = shared_data / "epcis/event-hash/ReferenceEventHashAlgorithm3.xml"
    kind = {"content-type": "application/xml"}
    assert api.post("/epcis/capture", content=path.read_bytes(), headers=kind).status_code == 202
    asked = {"MATCH_epc": "urn:epc:id:sgtin:0614141.011111.987"}
    answer = api.get("/epcis/events", params=asked, headers={"accept": "application/xml"})
    assert answer.headers["content-type"].startswith("application/xml")
    assert answer.headers["gs1-cbv-xml-format"] == "Always_URN"
    (event,) = read_epcis(answer.content, "x").events
    assert event.content_hash == path.with_suffix(".hashes").read_text().strip()
    web = {"accept": "application/xml", "GS1-CBV-XML-Format": "Always_Web_URI"}
    assert (
        "https://ref.gs1.org/cbv/BizStep-departing"
        in api.get("/epcis/events", params=asked, headers=web).text
    )


def test_digital_links_are_given_where_asked_for(api: Client) -> None:
    post(api, a_document(an_event(eventID="urn:x:link")))
    answer = api.get(
        "/epcis/events/urn:x:link", headers={"GS1-EPC-Format": "Always_GS1_Digital_Link"}
    )
    assert answer.json()["quantityList"][0]["epcClass"].startswith("https://id.gs1.org/01/")


def test_urns_are_given_where_the_company_prefix_is_known(api: Client) -> None:
    urns = {"GS1-EPC-Format": "Always_EPC_URN"}
    link = {"quantityList": [{"epcClass": "https://id.gs1.org/01/09506000134352/10/A"}]}
    post(api, a_document(an_event(eventID="urn:x:unknown", **link)))
    refused = api.get("/epcis/events/urn:x:unknown", headers=urns)
    assert (refused.status_code, refused.json()["type"]) == (
        406, "epcisException:NotAcceptableException",
    )  # fmt: skip
    assert "https://id.gs1.org/01/09506000134352/10/A: no URN" in refused.json()["detail"]
    told = {"quantityList": [{"epcClass": "urn:epc:class:lgtin:9506000.013435.B"}]}
    post(api, a_document(an_event(eventID="urn:x:told", **told)))
    for event_id in ("urn:x:unknown", "urn:x:told"):
        answer = api.get(f"/epcis/events/{event_id}", headers=urns)
        name = answer.json()["quantityList"][0]["epcClass"]
        assert name.startswith("urn:epc:class:lgtin:9506000.013435.")
        assert answer.headers["gs1-epc-format"] == "Always_EPC_URN"


def test_no_preference_gives_keys_as_they_were_sent(api: Client) -> None:
    post(api, a_document(an_event(eventID="urn:x:as-sent")))
    for told in ("No_Preference", "Never_Translates"):
        answer = api.get("/epcis/events/urn:x:as-sent", headers={"GS1-EPC-Format": told})
        assert answer.json()["quantityList"][0]["epcClass"] == LOT
        assert answer.headers["gs1-epc-format"] == "Never_Translates"


def test_a_query_is_kept_listed_run_and_removed(api: Client) -> None:
    post(api, a_document(*(an_event(eventID=f"urn:x:kept-{n}", disposition="recalled")
                           for n in range(3))))  # fmt: skip
    told = {
        "name": "recalled",
        "query": {"EQ_disposition": ["recalled"], "eventType": "ObjectEvent"},
    }
    assert post(api, told, "/epcis/queries").status_code == 201
    assert post(api, told, "/epcis/queries").status_code == 409
    assert "recalled" in [each["name"] for each in api.get("/epcis/queries").json()]
    assert api.get("/epcis/queries/recalled").json()["query"]["EQ_disposition"] == ["recalled"]
    assert len(ids(api.get("/epcis/queries/recalled/events"))) == 3
    assert api.get("/epcis/queries/recalled/events?EQ_bizStep=x").status_code == 400
    assert api.delete("/epcis/queries/recalled").status_code == 204
    assert api.get("/epcis/queries/recalled/events").status_code == 404


@pytest.mark.parametrize(
    "told",
    [[], {"name": "a b", "query": {}}, {"name": "x"}, {"name": "x", "query": {"EQ_foo": "1"}},
     {"name": "x", "query": {}, "more": 1}],
)  # fmt: skip
def test_a_query_that_cannot_run_is_not_kept(api: Client, told: Any) -> None:
    answer = post(api, told, "/epcis/queries")
    assert answer.status_code == 400
    assert answer.json()["type"] == "epcisException:QueryParameterException"


def test_resources_lead_to_their_events(api: Client) -> None:
    event = an_event(
        eventID="urn:x:res", bizStep="holding", disposition="damaged", epcList=["urn:x:thing"],
        bizLocation={"id": "urn:epc:id:sgln:0614141.07346.0"}, readPoint={"id": "urn:x:gate"},
    )  # fmt: skip
    post(api, a_document(event))
    for name, value in (
        ("eventTypes", "ObjectEvent"),
        ("bizSteps", "holding"),
        ("dispositions", "damaged"),
        ("readPoints", "urn:x:gate"),
        ("bizLocations", "https://id.gs1.org/414/0614141073467"),
        ("epcs", "urn:x:thing"),
    ):
        listed = api.get(f"/epcis/{name}", params={"perPage": "1000"}).json()
        assert value in listed["member"], name
        found = ids(api.get(f"/epcis/{name}/{quote(value, safe='')}/events?perPage=500"))
        assert "urn:x:res" in found, name
    assert ids(api.get(f"/epcis/epcs/{quote(LOT, safe='')}/events"))


def test_pages_are_walked_without_loss_or_repetition(api: Client) -> None:
    events = [
        an_event(
            eventID=f"urn:x:p{n}", bizStep="stocking", eventTime=f"2026-03-0{n % 3 + 1}T00:00:00Z"
        )
        for n in range(7)
    ]
    post(api, a_document(*events))
    seen: list[str] = []
    address = "/epcis/events?EQ_bizStep=stocking&perPage=3"
    while address:
        answer = api.get(address)
        seen += ids(answer)
        link = answer.headers.get("link", "")
        address = link[1 : link.index(">")] if link else ""
    assert sorted(seen) == sorted(e["eventID"] for e in events)
    assert api.get("/epcis/events?nextPageToken=zzz").status_code == 400


def test_too_large_an_answer_is_refused(api: Client) -> None:
    post(api, a_document(*(an_event(eventID=f"urn:x:l{n}", bizStep="picking") for n in range(3))))
    asked = {"EQ_bizStep": "picking", "maxEventCount": "2"}
    answer = api.get("/epcis/events", params=asked)
    assert (answer.status_code, answer.json()["type"]) == (
        413, "epcisException:QueryTooLargeException",
    )  # fmt: skip
    assert len(ids(api.get("/epcis/events", params={**asked, "maxEventCount": "3"}))) == 3
    limited = api.get("/epcis/events?EQ_bizStep=picking&eventCountLimit=2")
    assert (len(ids(limited)), "link" in limited.headers) == (2, False)


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ("EQ_foo=1", "/EQ_foo"),
        ("eventtype=ObjectEvent", "/eventtype"),
        ("eventType=Object", "/eventType"),
        ("EQ_action=MOVE", "/EQ_action"),
        ("EQ_bizStep=shiping", "/EQ_bizStep"),
        ("GE_eventTime=yesterday", "/GE_eventTime"),
        ("GE_eventTime=2026-03-01T00:00:00", "/GE_eventTime"),
        ("MATCH_epc=nothing", "/MATCH_epc"),
        ("GT_quantity=many", "/GT_quantity"),
        ("perPage=0", "/perPage"),
        ("perPage=x", "/perPage"),
        ("orderBy=size", "/orderBy"),
        ("orderDirection=UP", "/orderDirection"),
        ("eventCountLimit=1&maxEventCount=1", "/maxEventCount"),
        ("EQ_value_CEL=warm", "/EQ_value_CEL"),
        ("EQ_bizStep=", "/EQ_bizStep"),
    ],
)
def test_an_unknown_parameter_or_bad_value_is_refused(api: Client, asked: str, where: str) -> None:
    answer = api.get(f"/epcis/events?{asked}")
    assert answer.status_code == 400
    told = answer.json()
    assert told["type"] == "epcisException:QueryParameterException"
    assert where in [fault["where"] for fault in told["faults"]]
