"""A pack asks more of partners' events than the standard does, by party or item, in words."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qtcore.builtin.gs1 import read_key
from qtcore.registry.load import check_packs, load_registry
from qtcore.services.interchange import import_epcis
from qtcore.services.master import MasterInput, save_master
from qtcore.services.site import Site
from qtcore.store.tables import Event
from qtcore.testing import a_site
from tests.counting import counts
from tests.epcis_words import a_document, an_event

FISH = "urn:epc:class:lgtin:4012345.012345.F1"
FISHING = "urn:gdst:bizStep:fishingEvent"
SITE = """pack: fish_site
version: 1.0.0
requires_qtcore: ">=0.1"
layer: site
languages: [en]
title: {en: Fish}
packs: [food]
"""
PROFILES = """profiles:
  - id: OURS
    parties: ["urn:epc:id:pgln:4012345.00000"]
    uses: [FD-SEAFOOD]
    demands:
      - id: temperature
        when: {biz_steps: [receiving]}
        needs: [sensorElementList/sensorReport/value]
  - id: SCHEMA
    items: ["https://example.com/sealed/*"]
    schema:
      type: object
      required: [disposition]
      properties: {readPoint: {type: object, required: [id]}}
"""
TEXTS = """language: en
texts:
  profiles:
    OURS: {title: Our profile, temperature: send the temperature at receipt}
    SCHEMA: {title: Sealed goods}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("fish")
    (folder / "i18n").mkdir()
    (folder / "pack.yaml").write_text(SITE)
    (folder / "profiles.yaml").write_text(PROFILES)
    (folder / "i18n/en.yaml").write_text(TEXTS)
    with a_site(registry=load_registry(site_dir=folder).get_registry()) as site:
        context = site.system_context()
        save_master(
            site,
            context,
            MasterInput("item", read_item(), "Cod", values={"kind": "raw", "unit": "kg",
                        "industry": "food"}, extra={"ftl_status": "listed",
                        "ftl_category": "finfish"}),
        )  # fmt: skip
        yield site


def read_item() -> str:
    return read_key(FISH, is_class=True).item


def a_catch(**changes: Any) -> dict[str, Any]:
    vessel = {
        "g:vesselName": "Vessel 1",
        "g:vesselFlagState": "US",
        "g:fishingGearTypeCode": "1.1",
        "g:catchArea": "urn:gdst:fao:27.1",
    }
    event = an_event(
        action="ADD",
        bizStep=FISHING,
        readPoint={"id": "urn:x:sea"},
        quantityList=[{"epcClass": FISH, "quantity": 10, "uom": "KGM"}],
        ilmd={
            "g:vesselCatchInformationList": {"g:vesselCatchInformation": [vessel]},
            "g:productionMethodForFishAndSeafoodCode": "MARINE_FISHERY",
        },
    )
    event |= {"g:productOwner": "urn:x:owner", "g:informationProvider": "urn:x:owner"}
    return {**event, **changes}


def load(site: Site, *events: dict[str, Any], language: str = "en") -> Any:
    document = a_document(*events)
    document["@context"].append({"g": "https://gdst.example.org/"})
    context = replace(site.system_context(), language=language)
    return import_epcis(site, context, [("x", json.dumps(document).encode())])


def test_an_event_without_a_key_data_element_is_refused_with_the_reason(site: Site) -> None:
    bad = a_catch(eventID="urn:x:bad")
    del bad["ilmd"]["g:vesselCatchInformationList"]["g:vesselCatchInformation"][0]["g:catchArea"]
    before = counts(site, Event)
    report = load(site, a_catch(eventID="urn:x:good"), bad)
    (problem,) = report.problems
    assert (report.refused, problem.code) == (1, "QT716")
    assert problem.where.startswith("x#/epcisBody/eventList/1/ilmd/g:vesselCatchInformationList")
    assert "name the catch area" in problem.message
    assert "ftl_category finfish" in problem.message
    assert counts(site, Event) == before


def test_the_reason_is_told_in_chinese(site: Site) -> None:
    bad = a_catch(eventID="urn:x:zh", **{"g:informationProvider": ""})
    assert "写明信息由谁提供" in load(site, bad, language="zh-CN").problems[0].message


def test_an_event_with_every_element_is_stored(site: Site) -> None:
    assert load(site, a_catch(eventID="urn:x:whole")).stored == 1


def test_other_items_are_not_asked(site: Site) -> None:
    other = [{"epcClass": "urn:epc:class:lgtin:4012345.099999.1", "quantity": 1}]
    assert load(site, an_event(eventID="urn:x:other", quantityList=other)).stored == 1


def test_a_word_that_is_not_accepted_is_told(site: Site) -> None:
    bad = a_catch(eventID="urn:x:word")
    bad["ilmd"]["g:productionMethodForFishAndSeafoodCode"] = "SEA"
    assert "'SEA'; accepted: MARINE_FISHERY" in load(site, bad).problems[0].message


def test_a_party_is_asked_by_the_profile_of_the_site_and_by_the_one_it_uses(site: Site) -> None:
    event = an_event(
        eventID="urn:x:party",
        bizStep="receiving",
        quantityList=[{"epcClass": "urn:epc:class:lgtin:4012345.077777.1", "quantity": 1}],
        sourceList=[{"type": "owning_party", "source": "https://id.gs1.org/417/4012345000009"}],
    )
    words = [p.message for p in load(site, event).problems]
    assert any("send the temperature" in each for each in words)
    assert any("who provides the information" in each for each in words)


def test_a_schema_of_a_pack_is_asked_too(site: Site) -> None:
    names = ["https://example.com/sealed/1"]
    event = an_event(eventID="urn:x:schema", quantityList=None, epcList=names)
    (problem,) = load(site, event).problems
    assert '"disposition" is a required property' in problem.message
    assert load(site, {**event, "disposition": "active"}).stored == 1


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that asks every partner for what the shipped profile asks."""
    folder = tmp_path_factory.mktemp("strict")
    (folder / "i18n").mkdir()
    (folder / "pack.yaml").write_text(SITE)
    asked = 'profiles:\n  - {id: EVERY, parties: ["*"], uses: [FD-SEAFOOD]}\n'
    (folder / "profiles.yaml").write_text(asked)
    title = "language: en\ntexts:\n  profiles:\n    EVERY: {title: Every partner}\n"
    (folder / "i18n/en.yaml").write_text(title)
    with a_site(registry=load_registry(site_dir=folder).get_registry()) as site:
        yield site


def sent(site: Site, text: bytes) -> Any:
    return import_epcis(site, site.system_context(), [("chain", text)])


def test_one_real_chain_has_every_element_and_is_refused_when_it_loses_one(
    strict: Site, shared_data: Path
) -> None:
    text = (shared_data / "epcis/examples/gdst_data_withmasterdata.jsonld").read_bytes()
    for name in (b"vesselName", b"productionMethodForFishAndSeafoodCode", b"informationProvider"):
        assert name in text
        lost = sent(strict, text.replace(name, b"otherName"))
        assert (lost.stored, lost.refused) == (0, 1)
        assert {p.code for p in lost.problems} >= {"QT716"}
    assert sent(strict, text).stored == 17


def test_the_other_real_chain_lacks_elements_and_each_is_named_with_its_event(
    strict: Site, shared_data: Path
) -> None:
    path = shared_data / "epcis/examples/epcisquerydoc-example01.jsonld"
    before = counts(strict, Event)
    report = sent(strict, path.read_bytes())
    assert (report.stored, report.refused) == (0, 1)
    events = "chain#/epcisBody/queryResults/resultsBody/eventList"
    found = {p.where.removeprefix(events): p.message.split("(")[-1] for p in report.problems}
    lot, port = "ilmd/lotNumber is missing", "unloadingPort is missing"
    assert {where: said.partition(";")[0] for where, said in found.items()} == {
        "/19/ilmd": lot, "/20/ilmd": lot, "/21/ilmd": lot, "/28/ilmd": lot,
        "/22": port, "/23": port,
    }  # fmt: skip
    assert counts(strict, Event) == before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("demands: [{id: a, needs: [x]}, {id: a, needs: [y]}]", "occurs twice"),
        ("demands: [{id: a}]", "asks for nothing"),
        ("parties: ['*']", "asks for nothing"),
        ("demands: [{id: a, needs: [x], when: {actions: [MOVE]}}]", "'MOVE' is none of ADD"),
        ("schema: {type: strin}", "no JSON Schema"),
        ("schema: {$ref: 'https://example.com/s.json'}", "nothing is fetched"),
        ("uses: [NONE]", "NONE"),
    ],
)
def test_a_profile_with_a_mistake_is_named(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "pack.yaml").write_text(SITE)
    (tmp_path / "profiles.yaml").write_text(f"profiles:\n  - id: X\n    {text}\n")
    found = [p.message for p in check_packs([tmp_path]).problems]
    assert any(says in each for each in found), found
