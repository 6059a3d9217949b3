"""The workbook for an outbreak: every element of every event, and what is missing named."""

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from qtcore.builtin.tabular.writing import write_csv, write_csv_zip, write_workbook
from qtcore.errors import InputRejected, NotFound
from qtcore.services.events import EventInput, Line
from qtcore.services.master import MasterInput, save_master
from qtcore.services.recording import record_event
from qtcore.services.sheet_export import Asked, Workbook, export_workbook
from qtcore.services.site import Site
from qtcore.testing import FrozenClock, a_party, a_site, an_item, an_output, line, release

ADDRESS = {"street": "1 Farm Road", "city": "Salinas", "country": "US", "postal_code": "00901"}
PAPERS = {"reference_document_type": "bol", "reference_document_number": "=1+1"}
PRODUCT = {"packaging_size": "12 x 200 g", "packaging_style": "tray", "ftl_status": "listed"}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    clock = FrozenClock()
    with a_site(clock=clock, packs=["food"]) as site:
        for code in ("FARM", "PLANT", "SHOP"):
            a_party(site, code, "supplier", "customer", "site")
            told = {"business_name": f"{code} Inc.", "phone": "+1 555 0100", **ADDRESS}
            entry = MasterInput("location", f"{code}-1", code, values={"party": code}, extra=told)
            save_master(site, site.system_context(), entry)
        an_item(site, "LEAVES", extra=PRODUCT)
        an_item(site, "SALAD", kind="intermediate", extra=PRODUCT)
        an_item(site, "CRATE")
        receive(site, "LEAVES", "00042", tlc="TLC-00042")
        receive(site, "LEAVES", "B-2")
        clock.advance(days=2)
        make(site)
        yield site


def receive(site: Site, item: str, lot_no: str, **codes: str) -> None:
    extra = {**codes, "tlc_source_location": "FARM-1"} if codes else {}
    came = an_output(item, lot_no, "100.50", source="FARM", extra=extra)
    values = {"previous_location": "FARM-1", **PAPERS}
    record(
        site,
        EventInput(
            "receiving_food",
            (came,),
            site.sources.now(),
            location="PLANT-1",
            from_party="FARM",
            values=values,
        ),
    )


def make(site: Site) -> None:
    for name in ("00042", "B-2"):
        release(site, name)
    made = an_output(
        "SALAD", "S-1", "80", extra={"tlc": "TLC-S1", "tlc_source_location": "PLANT-1"}
    )
    lines: tuple[Line, ...] = (line("00042", "input", "40"), line("B-2", "input", "30"), made)
    record(
        site,
        EventInput(
            "transformation_food", lines, site.sources.now(), location="PLANT-1", values=PAPERS
        ),
    )


def record(site: Site, event: EventInput) -> None:
    record_event(site, site.system_context(), event)


def book(site: Site, **asked: Any) -> Workbook:
    return export_workbook(site, site.system_context(), "fsma204", Asked(**asked))


def rows(found: Workbook, sheet: str) -> list[dict[str, str]]:
    table = next(t for t in found.tables if t.name == sheet)
    return [dict(zip(table.head, row, strict=True)) for row in table.rows]


def test_a_receipt_shows_every_element_of_its_paragraph(site: Site) -> None:
    first = rows(book(site), "Receiving")[0]
    wanted = {
        "1.1345(a)(1) Traceability lot code": "TLC-00042",
        "1.1345(a)(2) Received - quantity": "100.50",
        "1.1345(a)(2) Received - unit of measure": "kg",
        "1.1345(a)(3) Product - product": "LEAVES",
        "1.1345(a)(3) Product - packaging size": "12 x 200 g",
        "1.1345(a)(4) Immediate previous source - business name": "FARM Inc.",
        "1.1345(a)(5) Place of receipt - location": "PLANT-1",
        "1.1345(a)(5) Place of receipt - postal code": "00901",
        "1.1345(a)(6) Date received": "2026-06-01",
        "1.1345(a)(7) Traceability lot code source - location": "FARM-1",
        "1.1345(a)(8) Reference document type": "bol",
        "1.1345(a)(8) Reference document number": "=1+1",
        "KDE_MISSING": "",
    }
    assert {name: first[name] for name in wanted} == wanted


def test_what_nobody_recorded_is_named_and_never_filled_in(site: Site) -> None:
    found = book(site)
    second = rows(found, "Receiving")[1]
    assert second["1.1345(a)(1) Traceability lot code"] == ""
    lacks = ["1.1345(a)(1) Traceability lot code", "1.1345(a)(7) Traceability lot code source"]
    assert second["KDE_MISSING"] == "; ".join(lacks)
    of_receipt = [gap for gap in found.gaps if gap.sheet == "Receiving"]
    assert [(gap.lot, gap.lacks) for gap in of_receipt] == [("B-2", each) for each in lacks]
    assert not found.as_json()["complete"]


def test_a_transformation_has_a_row_for_each_input(site: Site) -> None:
    found = rows(book(site), "Transformation")
    inputs = [row["1.1350(a)(1)(i) Input traceability lot code"] for row in found]
    used = [row["1.1350(a)(1)(iii) Used - quantity"] for row in found]
    made = {row["1.1350(a)(2)(i) New traceability lot code"] for row in found}
    assert (inputs, used, made) == (["TLC-00042", ""], ["40", "30"], {"TLC-S1"})
    assert len({row["event id"] for row in found}) == 1


def test_a_lot_and_days_limit_what_is_written(site: Site) -> None:
    assert len(rows(book(site, lot="00042"), "Receiving")) == 1
    assert len(rows(book(site, lot="S-1"), "Receiving")) == 2
    assert len(rows(book(site, until=date(2026, 6, 2)), "Transformation")) == 0
    assert len(rows(book(site, since=date(2026, 6, 3)), "Transformation")) == 2
    assert len(rows(book(site, since=date(2026, 6, 1), until=date(2026, 6, 1)), "Receiving")) == 2


def test_what_cannot_be_asked_is_refused(site: Site) -> None:
    with pytest.raises(NotFound):
        book(site, lot="NOBODY")
    with pytest.raises(InputRejected, match="lies before"):
        book(site, since=date(2026, 6, 2), until=date(2026, 6, 1))


def test_the_workbook_keeps_texts_and_runs_nothing(site: Site) -> None:
    read = CalamineWorkbook.from_filelike(io.BytesIO(write_workbook(book(site).all_tables())))
    assert read.sheet_names[0] == "Request"
    assert {"Receiving", "Transformation", "Gaps", "Glossary"} <= set(read.sheet_names)
    sheet = read.get_sheet_by_name("Receiving").to_python()
    place = sheet[0].index("1.1345(a)(8) Reference document number")
    assert [row[place] for row in sheet[1:]] == ["=1+1", "=1+1"]
    assert sheet[1][sheet[0].index("1.1345(a)(5) Place of receipt - postal code")] == "00901"


def test_csv_holds_the_same_rows_and_defuses_formulas(site: Site) -> None:
    found = book(site)
    text = write_csv(found.one_table())
    read = list(csv.DictReader(io.StringIO(text)))
    assert [row["record"] for row in read] == ["Receiving"] * 2 + ["Transformation"] * 2
    assert read[0]["1.1345(a)(8) Reference document number"] == "'=1+1"
    zipped = zipfile.ZipFile(io.BytesIO(write_csv_zip(found.all_tables())))
    assert "Receiving.csv" in zipped.namelist()
    assert write_csv_zip(found.all_tables()) == write_csv_zip(book(site).all_tables())
