"""What a table writes is looked up and converted as its mapping says, or its row waits."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from qtcore.errors import InputRejected
from qtcore.services.imports import ImportReport
from qtcore.services.lots import get_lot
from qtcore.services.master import MasterInput, save_master
from qtcore.services.site import Site
from qtcore.services.table_loads import import_table
from qtcore.store.tables import InspectionResult, Item, Lot, Party
from qtcore.testing import a_site

RULES = """
mapping: landings
units:
  crate: {unit: kg, factor: "12.5"}
lookups:
  species: {values: {COD: cod, HAD: haddock}}
  vessels: {table: vessels, by: mark, give: owner}
  buyers: {master: party, by: name}
event: {type: receiving, key: "landing/{lot}", at: day}
lots:
  fish:
    {part: output, item: "{species}", item_unit: kg, source: "{vessel}", lot_no: "{lot}",
     quantity: much, unit_column: uom, unit: kg}
tables:
  landings:
    key: [lot]
    columns:
      lot: {required: true}
      day: {type: date, format: YYYY-MM-DD, required: true}
      species: {lookup: species, required: true}
      vessel: {lookup: vessels, required: true}
      buyer: {lookup: buyers, event_value: true}
      much: {type: decimal}
      uom: {}
      ice: {type: decimal, result_of: fish, unit_column: ice_unit, unit: g}
      ice_unit: {}
  vessels:
    key: [mark]
    columns: {mark: {required: true}, owner: {required: true}}
"""
HEADER = "lot,day,species,vessel,buyer,much,uom,ice,ice_unit\n"
GOOD = "007,2026-03-01,COD,AB1,Kühne,1.5,t,2.50,kg\n"
VESSELS = "mark,owner\nAB1,north\nAB2,south\nAB3,east\nAB3,west\n"


@pytest.fixture(scope="module")
def untouched() -> Iterator[Site]:
    """One site for loads that keep nothing."""
    with a_site() as site:
        add_parties(site)
        yield site


@pytest.fixture
def site() -> Iterator[Site]:
    with a_site() as site:
        add_parties(site)
        yield site


def add_parties(site: Site) -> None:
    context = site.system_context()
    names = {"en": "Kuehne", "zh-CN": "屈内"}
    save_master(site, context, MasterInput("party", "P-1", "Kühne", names))
    for code in ("P-2", "P-3"):
        save_master(site, context, MasterInput("party", code, "Twice"))


def load(
    site: Site, *rows: str, rules: str = RULES, vessels: str = VESSELS, dry_run: bool = False
) -> ImportReport:
    files = [
        ("landings.csv", (HEADER + "".join(rows)).encode()),
        ("vessels.csv", vessels.encode()),
    ]
    given = ("rules.yaml", rules.encode())
    return import_table(site, site.system_context(), files, given, dry_run=dry_run)


def test_code_list_table_and_master_data_say_what_is_meant(site: Site) -> None:
    assert load(site, GOOD).problems == ()
    view = get_lot(site, site.system_context(), "007")
    assert (view.info.item_code, view.info.source_code) == ("cod", "north")


def test_units_of_rows_are_converted_into_the_unit_of_the_mapping(site: Site) -> None:
    crates = GOOD.replace("007", "008").replace("1.5,t", "3,crate").replace("2.50,kg", "40,g")
    report = load(site, GOOD, crates)
    assert report.as_json()["sums"] == {"fish kg": "1537.5"}
    assert get_lot(site, site.system_context(), "008").stock.quantity == 37.5
    with site.store.read() as session:
        found = session.exec(select(InspectionResult.value, InspectionResult.unit)).all()
    assert sorted(found) == [("2500", "g"), ("40", "g")]


def test_without_a_unit_of_the_mapping_each_row_keeps_its_own(site: Site) -> None:
    report = load(site, GOOD, rules=RULES.replace("unit_column: uom, unit: kg", "unit_column: uom"))
    assert report.as_json()["sums"] == {"fish t": "1.5"}


@pytest.mark.parametrize("name", ["Kuehne", "屈内", "Kühne"])
def test_a_party_is_found_by_its_name_in_any_language(untouched: Site, name: str) -> None:
    assert load(untouched, GOOD.replace("Kühne", name), dry_run=True).problems == ()


@pytest.mark.parametrize(
    ("old", "new", "column", "says"),
    [
        ("COD", "CD", "species", "found 'CD', which is not in the code list 'species' (COD, HAD"),
        ("COD", "CD", "species", "did you mean 'COD'?"),
        ("COD", "", "species", "the value is missing; this column needs one"),
        ("AB1", "AB9", "vessel", "which is not in vessels.csv, column mark (AB1, AB2, AB3 ...)"),
        ("AB1", "AB3", "vessel", "which is 2 entries of vessels.csv, column mark: 'east', 'west'"),
        ("Kühne", "Twice", "buyer", "is 2 entries of the party master data, by name: 'P-2', 'P-3'"),
        ("1.5,t", "1.5,kilo", "uom", "found unit 'kilo'; accepted: a unit that a pack declares"),
        ("1.5,t", "1.5,L", "uom", "'L' (volume) cannot be converted to 'kg' (mass)"),
        ("1.5,t", "1.5,", "uom", "the value is missing, but a number of the row needs its unit"),
        ("2.50,kg", "2.50,", "ice_unit", "a number of the row needs its unit"),
        ("2.50,kg", "2.50,crat", "ice_unit", "did you mean 'crate'?"),
    ],
)
def test_what_is_not_known_or_not_certain_waits_with_the_reason(
    untouched: Site, old: str, new: str, column: str, says: str
) -> None:
    rows = (GOOD.replace(old, new), GOOD.replace("007", "008"))
    report = load(untouched, *rows, dry_run=True)
    assert (report.stored, report.refused) == (1, 1)
    assert says in report.problems[0].message
    assert report.problems[0].where == f"landings.csv row 2, column {column}"


def test_a_row_with_an_unknown_code_brings_no_lot(site: Site) -> None:
    load(site, GOOD.replace("COD", "CD"), GOOD.replace("007", "008"))
    with site.store.read() as session:
        assert session.exec(select(Lot.lot_no)).all() == ["008"]


def test_a_row_of_the_looked_up_table_that_cannot_be_read_is_refused(untouched: Site) -> None:
    report = load(untouched, GOOD, vessels=VESSELS + "AB4,\n", dry_run=True)
    assert (report.stored, report.refused) == (1, 1)
    assert report.problems[0].where == "vessels.csv row 6, column owner"


def test_a_trial_looks_up_like_a_load_and_makes_nothing(untouched: Site) -> None:
    site = untouched
    tried = load(site, GOOD, GOOD.replace("007,", "008,").replace("COD", "XX"), dry_run=True)
    assert (tried.stored, tried.refused) == (1, 1)
    with site.store.read() as session:
        assert "cod" not in session.exec(select(Item.code)).all()
        assert "north" not in session.exec(select(Party.code)).all()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("lookup: species", "lookup: specis", "has lookup 'specis'; known: species, vessels"),
        ("table: vessels", "table: ships", "names table 'ships'; accepted: vessels"),
        ("table: vessels", "table: landings", "names table 'landings'; accepted: vessels"),
        ("give: owner", "give: boss", "names column 'boss', which is none of mark, owner"),
        ("by: name}", "by: colour}", "party has no 'colour'; accepted: code, name"),
        ("master: party", "master: person", "item"),
        ("{values: {COD: cod, HAD: haddock}}", "{by: x}", "give one of values, table and master"),
        ("unit_column: uom,", "unit_column: oum,", "lots.fish.unit_column names column 'oum'"),
        ("unit_column: ice_unit", "unit_column: ice_uni", "'ice_uni', which is none of lot"),
        ("ice: {type: decimal, ", "ice: {", "but is no number"),
        ("quantity: much, ", "", "has a unit_column but no quantity"),
        ("{unit: kg, factor", "{unit: kilo, factor", "unit 'kilo' is not declared"),
        ("crate:", "lbs:", "'lbs' is declared by a pack already"),
        ('"12.5"', '"0"', "greater than 0"),
        ('"12.5"', "dozen", "a number such as 12.5"),
        ("{lookup: species, req", "{lookup: species, values: {a: b}, req", "both translate"),
    ],
)  # fmt: skip
def test_a_look_up_or_unit_that_does_not_check_is_refused_with_its_place(
    untouched: Site, old: str, new: str, says: str
) -> None:
    assert old in RULES
    with pytest.raises(InputRejected, match="does not check") as caught:
        load(untouched, GOOD, rules=RULES.replace(old, new))
    assert any(says in fault.message for fault in caught.value.faults), caught.value.faults


def test_the_example_of_the_docs_loads(untouched: Site) -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "tables.md").read_text("utf-8")
    rules = page.split("```yaml\n")[1].split("```")[0]
    header = "lot;day;species;vessel;buyer;much;uom;core;core_unit\n"
    row = "007;01.03.2026;COD;AB1;Kuehne;3;crate;1,5;°C\n"
    files = [("landings.csv", (header + row).encode()), ("vessels.csv", VESSELS.encode())]
    given = ("docs.yaml", rules.encode())
    report = import_table(untouched, untouched.system_context(), files, given, dry_run=True)
    assert (report.stored, report.problems) == (1, ())
    assert report.as_json()["sums"] == {"fish kg": "37.5"}
