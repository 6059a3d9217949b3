from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from qtcore.definitions.folders import base_folders
from qtcore.errors import Ambiguous, InputRejected, NotFound, QTCoreError, Refused
from qtcore.pack import FolderPack, PackFolder, hookimpl
from qtcore.registry.load import load_packs, load_registry
from qtcore.services.counts import count_site
from qtcore.services.events import EventInput, Line
from qtcore.services.interchange import import_epcis
from qtcore.services.lots import get_lot
from qtcore.services.nodes import LotRef
from qtcore.services.recording import record_event
from qtcore.services.site import Site
from qtcore.services.table_loads import import_table
from qtcore.testing import (
    a_context,
    a_made_lot,
    a_received_lot,
    a_site,
    an_item,
    an_output,
    line,
    release,
)
from tests.scenarios.dairy import a_dairy

HEAD = """\
pack: {name}
version: 0.1.0
requires_qtcore: ">=0.1,<1"
layer: industry
title: {{en: {name}, zh-CN: {name}}}
"""
FIELD = """\
fields:
  - id: {name}_item
    entity: item
    properties:
      fat_content: {{type: number}}
"""
LABEL = """\
language: {language}
texts: {{fields: {{item: {{fat_content: Fat}}}}}}
"""


def a_pack(folder: Path, name: str) -> Path:
    pack = folder / name
    (pack / "i18n").mkdir(parents=True)
    (pack / "pack.yaml").write_text(HEAD.format(name=name), encoding="utf-8")
    (pack / "fields.yaml").write_text(FIELD.format(name=name), encoding="utf-8")
    for language in ("en", "zh-CN"):
        text = LABEL.format(language=language)
        (pack / "i18n" / f"{language}.yaml").write_text(text, encoding="utf-8")
    return pack


def production(site: Site, *lines: Line) -> EventInput:
    return EventInput("production", lines, site.sources.now())


def refused_whole(site: Site, event: EventInput) -> QTCoreError:
    """Record what cannot be recorded; nothing of it may be stored."""
    before = count_site(site, a_context(site))
    with pytest.raises(QTCoreError, match=r".") as raised:
        record_event(site, a_context(site, ["operator"]), event)
    assert count_site(site, a_context(site)) == before
    return raised.value


def faults_of(error: QTCoreError) -> list[tuple[str, str, str]]:
    assert isinstance(error, InputRejected)
    return [(f.code, f.where, f.message) for f in error.faults]


def test_an_unknown_lot_is_named_with_the_next_step(site):
    with pytest.raises(NotFound, match="nothing is called 'M-404'; give a lot number, serial"):
        get_lot(site, a_context(site), "M-404")


def test_an_unknown_material_stops_the_whole_event(site):
    a_received_lot(site)
    an_item(site, "CREAM", kind="finished")
    used = Line(LotRef(item="MILK", lot_no="M-9", source="SUPPLIER-A"), "input", Decimal(5), "kg")
    error = refused_whole(site, production(site, used, an_output("CREAM", "S-1", "5")))
    assert error.message == (
        "there is no lot MILK M-9 of SUPPLIER-A; receive or make it first, or correct the number"
    )


def test_an_ambiguous_number_shows_the_candidates(site):
    a_received_lot(site, lot_no="M-1", source="SUPPLIER-A")
    a_received_lot(site, lot_no="M-1", source="SUPPLIER-B")
    with pytest.raises(Ambiguous, match="'M-1' fits 2 lots; name one by its lot_id") as raised:
        get_lot(site, a_context(site), "M-1")
    found = [(c["item"], c["lot_no"], c["source"]) for c in raised.value.candidates]
    assert found == [("MILK", "M-1", "SUPPLIER-A"), ("MILK", "M-1", "SUPPLIER-B")]


def test_a_number_with_its_source_is_not_ambiguous(site):
    a_received_lot(site, lot_no="M-1", source="SUPPLIER-A")
    second = a_received_lot(site, lot_no="M-1", source="SUPPLIER-B")
    assert get_lot(site, a_context(site), second.uid).info.source_code == "SUPPLIER-B"


def test_a_lot_cannot_become_its_own_ancestor(site):
    dairy = a_dairy(site)
    release(site, dairy.yoghurt)
    error = refused_whole(
        site,
        production(
            site,
            line(dairy.yoghurt, "input", "1"),
            Line(LotRef(text="K-1"), "output", Decimal(1), "kg"),
        ),
    )
    assert isinstance(error, Refused)
    assert [(r.code, r.message) for r in error.refusals] == [
        (
            "QT448",
            "lot K-1 of CURD is already a source of lot Y-1 of YOGHURT: it cannot be made from it "
            "as well",
        )
    ]
    assert "rework makes a new lot" in error.refusals[0].fix


def test_a_lot_cannot_be_made_of_itself(site):
    milk = a_received_lot(site)
    release(site, milk)
    error = refused_whole(
        site,
        production(
            site, line(milk, "input", "1"), Line(LotRef(text="M-1"), "output", Decimal(1), "kg")
        ),
    )
    assert isinstance(error, Refused)
    assert "QT448" in [r.code for r in error.refusals]


def test_rework_into_a_new_lot_is_accepted(site):
    dairy = a_dairy(site)
    release(site, dairy.yoghurt)
    assert a_made_lot(site, "YOGHURT", "Y-1R", [(dairy.yoghurt, "10")]).lot_no == "Y-1R"


def test_a_negative_quantity_is_refused(site):
    milk = a_received_lot(site)
    release(site, milk)
    an_item(site, "CREAM", kind="finished")
    error = refused_whole(
        site, production(site, line(milk, "input", "-5"), an_output("CREAM", "S-1", "5"))
    )
    [(code, where, message)] = faults_of(error)
    assert (code, where) == ("QT444", "lines/0/quantity")
    assert message.endswith("quantity -5 is negative; give a positive number")


@pytest.mark.parametrize("quantity", [Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")])
def test_a_quantity_that_is_no_number_is_refused(site, quantity):
    milk = a_received_lot(site)
    release(site, milk)
    an_item(site, "CREAM", kind="finished")
    used = replace(line(milk, "input", "1"), quantity=quantity)
    error = refused_whole(site, production(site, used, an_output("CREAM", "S-1", "5")))
    [(code, where, message)] = faults_of(error)
    assert (code, where) == ("QT444", "lines/0/quantity")
    assert "is not a decimal number such as 12.5" in message


def test_an_unknown_unit_is_refused_with_what_is_accepted(site):
    milk = a_received_lot(site)
    release(site, milk)
    an_item(site, "CREAM", kind="finished")
    error = refused_whole(
        site, production(site, line(milk, "input", "1", "bushel"), an_output("CREAM", "S-1", "5"))
    )
    [(code, where, message)] = faults_of(error)
    assert (code, where) == ("QT432", "lines/0/unit")
    assert "unit 'bushel'" in message
    assert "use a declared unit such as kg" in message


def test_a_unit_of_another_kind_is_refused(site):
    milk = a_received_lot(site)
    release(site, milk)
    an_item(site, "CREAM", kind="finished")
    error = refused_whole(
        site, production(site, line(milk, "input", "1", "L"), an_output("CREAM", "S-1", "5"))
    )
    assert "'L' (volume) cannot be converted to 'kg' (mass)" in error.message


def test_every_mistake_of_an_event_is_shown_at_once(site):
    milk = a_received_lot(site)
    an_item(site, "CREAM", kind="finished")
    sent = production(
        site, line(milk, "input", "-1", "bushel"), an_output("CREAM", "S-1", "5", unit="stone")
    )
    error = refused_whole(site, replace(sent, values={"rom": "1"}))
    assert [(code, where) for code, where, _ in faults_of(error)][:3] == [
        ("QT432", "lines/0/unit"),
        ("QT444", "lines/0/quantity"),
        ("QT432", "lines/1/unit"),
    ]
    assert "Did you mean “room”?" in str(faults_of(error))


def test_an_event_in_the_future_is_refused(site):
    an_item(site)
    later = site.sources.now().replace(year=2027)
    came = EventInput("receiving", (an_output("MILK", "M-1", "5", source="unknown"),), later)
    [(code, where, message)] = faults_of(refused_whole(site, came))
    assert (code, where) == ("QT443", "event_at")
    assert "lies in the future" in message


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("photo.json", b"\x89PNG\r\n\x1a\n\x00\x00"),
        ("orders.json", b'{"orders": []}'),
        ("empty.json", b""),
    ],
    ids=["picture", "other-json", "empty"],
)
def test_a_file_of_the_wrong_kind_is_refused_whole(site, name, content):
    report = import_epcis(site, a_context(site), [(name, content)])
    assert (report.stored, report.refused) == (0, 1)
    assert name in " ".join(f.where + f.message for f in report.problems)
    assert count_site(site, a_context(site)).events == 0


def test_a_table_that_its_mapping_does_not_fit_is_refused_whole(site):
    mapping = ("map.yaml", b"tables: [")
    with pytest.raises(InputRejected, match=r"the mapping map\.yaml cannot be read") as raised:
        import_table(site, a_context(site), [("lots.csv", b"a;b\n1;2\n")], mapping)
    assert raised.value.faults[0].where.startswith("map.yaml:")


class Raising:
    """A pack whose Python part crashes as soon as it is asked for its definitions."""

    @hookimpl
    def contribute_definitions(self) -> PackFolder:
        raise RuntimeError("no licence file")


def test_a_pack_that_raises_at_load_is_named_and_the_rest_serves(tmp_path):
    sound = FolderPack(a_pack(tmp_path, "cheese"))
    base = FolderPack(*base_folders())
    found = load_packs({"base": base, "cheese": sound, "dairy": Raising()})
    assert [(p.code, p.message.split(";")[0]) for p in found.problems] == [
        ("QT122", "pack 'dairy' failed in contribute_definitions: RuntimeError: no licence file")
    ]
    assert found.registry is not None
    assert {p.name: p.is_broken for p in found.registry.packs} == {
        "base": False,
        "cheese": False,
        "dairy": True,
    }


def test_two_packs_that_define_one_field_are_both_named(tmp_path):
    packs = [a_pack(tmp_path, "dairy"), a_pack(tmp_path, "cheese")]
    found = load_registry(packs=[], extra_packs=packs)
    [problem] = [p for p in found.problems if p.code == "QT123"]
    assert "fat_content" in problem.message
    assert "dairy" in problem.message + problem.file
    assert "cheese" in problem.message + problem.file


def test_a_pack_alone_may_define_the_field(tmp_path):
    found = load_registry(packs=[], extra_packs=[a_pack(tmp_path, "dairy")])
    assert found.problems == ()


def test_what_depends_on_a_broken_pack_is_refused(tmp_path):
    pack = a_pack(tmp_path, "dairy2")
    (pack / "rules.yaml").write_text("rules:\n  - {id: DA-01, check: no_such_fact == 1}\n")
    found = load_registry(packs=[], extra_packs=[pack])
    assert [p.code for p in found.problems if p.severity == "error"][:1] == ["QT203"]
    assert found.registry is not None
    with a_site(registry=found.registry) as site:
        an_item(site, "MILK", industry="dairy2")
        milk = a_received_lot(site)
        with pytest.raises(Refused, match="pack 'dairy2'"):
            release(site, milk)
