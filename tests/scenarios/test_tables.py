"""Tables are loaded by a mapping: bad rows wait, loads are tried, gone on with, and taken back."""

import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import xlsxwriter
from sqlmodel import select
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.errors import InputRejected, Refused
from qtcore.services.import_runs import list_imports, read_import, undo_import
from qtcore.services.imports import ImportReport
from qtcore.services.lots import get_lot
from qtcore.services.site import Site, open_site
from qtcore.services.table_loads import ROWS_PER_UNIT, import_table, refused_rows
from qtcore.services.trace import trace
from qtcore.store.tables import (
    Edge,
    Event,
    ImportRow,
    ImportRun,
    InspectionResult,
    Lot,
    Movement,
)
from qtcore.testing import a_site
from tests.counting import counts
from tests.epcis_words import a_document, an_event

FACTS = (Event, Edge, Movement, Lot, InspectionResult, ImportRow)


@pytest.fixture
def site() -> Iterator[Site]:
    with a_site() as site:
        yield site


RULES = """
mapping: dairy
event: {type: production, key: "dairy/{batch}", at: made}
lots:
  milk: {part: input, item: milk, item_unit: kg, source: "{farm}", lot_no: "{milk}"}
  cheese:
    {part: output, item: cheese, item_kind: finished, source: dairy, lot_no: "{batch}",
     quantity: kg, unit: kg}
tables:
  batches:
    key: [batch]
    columns:
      batch: {required: true}
      made: {type: date, format: YYYY-MM-DD, required: true}
      farm: {}
      milk: {}
      kg: {type: decimal}
      fat: {type: decimal, result_of: milk}
"""
HEADER = "batch,made,farm,milk,kg,fat\n"
GOOD = "1,2026-03-01,north,007,12.50,3.8\n"


def load(site: Site, *rows: str, rules: str = RULES) -> ImportReport:
    files = [("batches.csv", (HEADER + "".join(rows)).encode())]
    return import_table(site, site.system_context(), files, ("rules.yaml", rules.encode()))


def test_a_bad_row_is_quarantined_and_loaded_when_it_is_mended(site: Site) -> None:
    bad = GOOD.replace("1,2026", "2,2026").replace("12.50", "much")
    first = load(site, GOOD, bad)
    assert (first.stored, first.refused) == (1, 1)
    assert "found 'much'" in first.problems[0].message
    assert "batches.csv row 3, column kg" in first.problems[0].where
    second = load(site, GOOD, bad.replace("much", "9"))
    assert (second.stored, second.duplicates, second.refused) == (1, 1, 0)
    with site.store.read() as session:
        verdicts = session.exec(select(ImportRow.verdict)).all()
    assert sorted(verdicts) == ["quarantined", "stored", "stored"]


def test_a_stored_row_with_other_content_is_refused(site: Site) -> None:
    load(site, GOOD)
    report = load(site, GOOD.replace("12.50", "13"))
    assert (report.stored, report.refused) == (0, 1)
    assert "dairy/1 is stored with other content" in report.problems[0].message


def test_one_lot_number_of_two_sources_is_two_lots(site: Site) -> None:
    load(site, GOOD, GOOD.replace("1,2026", "2,2026").replace("north", "south"))
    with site.store.read() as session:
        assert len(session.exec(select(Lot).where(Lot.lot_no == "007")).all()) == 2


def test_a_value_that_contradicts_an_earlier_load_is_listed_and_kept(site: Site) -> None:
    load(site, GOOD)
    report = load(site, GOOD.replace("1,2026", "2,2026").replace("3.8", "4.1"))
    assert [problem.code for problem in report.problems] == ["QT725"]
    assert "fat 4.1 contradicts 3.8, which is stored" in report.problems[0].message
    with site.store.read() as session:
        assert sorted(session.exec(select(InspectionResult.value))) == ["3.8", "4.1"]


def test_an_equal_value_in_other_digits_is_no_conflict(site: Site) -> None:
    load(site, GOOD)
    report = load(site, GOOD.replace("1,2026", "2,2026").replace("3.8", "3.80"))
    assert report.problems == ()


@pytest.mark.clause("EU Annex 11.5")
def test_a_file_that_does_not_fit_is_refused_and_nothing_is_stored(site: Site) -> None:
    rules = ("rules.yaml", RULES.encode())
    data = json.dumps(a_document(an_event())).encode()
    report = import_table(site, site.system_context(), [("x.csv", data)], rules)
    assert (report.stored, report.refused) == (0, 1)
    assert "JSON; an EPCIS document is loaded with `import epcis`" in report.problems[0].message
    assert counts(site, *FACTS) == dict.fromkeys(counts(site, *FACTS), 0)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("unit: kg}\ntables", "unit: kilo}\ntables", "unit 'kilo' is not declared"),
        ("part: input", "part: subject", "has no part 'subject'; accepted: input, output"),
        ("at: made", "at: done", "names column 'done'"),
        ("mapping: dairy", "mapping: dairy\nmapping: dairy", "mapping"),
    ],
)
def test_a_mapping_that_does_not_check_is_refused(
    site: Site, old: str, new: str, says: str
) -> None:
    with pytest.raises(InputRejected, match="the mapping rules") as caught:
        load(site, GOOD, rules=RULES.replace(old, new))
    assert any(says in fault.message for fault in caught.value.faults)


def a_workbook(rows: list[list[object]], *, sheet: str = "Batches", merged: bool = False) -> bytes:
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"default_date_format": "yyyy-mm-dd"}) as book:
        page = book.add_worksheet(sheet)
        for number, row in enumerate(rows):
            for place, cell in enumerate(row):
                naive = cell.replace(tzinfo=None) if isinstance(cell, datetime) else cell
                page.write(number, place, naive)
        if merged:
            page.merge_range(0, 0, 0, 1, "batch")
    return data.getvalue()


ROWS: list[list[object]] = [
    [*HEADER.strip().split(",")],
    ["1", datetime(2026, 3, 1, tzinfo=UTC), "north", "007", 12.5, 3.8],
    ["=1+1", datetime(2026, 3, 2, tzinfo=UTC), "north", "008", 0.1, ""],
]


def test_a_workbook_gives_what_its_csv_gives(site: Site) -> None:
    report = import_table(
        site, site.system_context(), [("b.xlsx", a_workbook(ROWS[:2]))], ("r.yaml", RULES.encode())
    )
    assert (report.stored, report.refused) == (1, 0)
    assert load(site, GOOD).duplicates == 1


def test_a_time_of_day_becomes_the_time_of_the_event(site: Site) -> None:
    rules = RULES.replace("YYYY-MM-DD", "YYYY-MM-DD hh:mm")
    load(site, GOOD.replace("2026-03-01", "2026-03-01 08:30"), rules=rules)
    with site.store.read() as session:
        assert session.exec(select(Event.event_at)).one().hour == 8


def a_bomb() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/workbook.xml", "<workbook/>")
        package.writestr("xl/worksheets/sheet1.xml", b" " * 30_000_000)
    return data.getvalue()


def a_far_cell(*, is_broken: bool = False) -> bytes:
    """A workbook of a few kB whose cells lie so far apart that the area between takes GB."""
    with zipfile.ZipFile(io.BytesIO(a_workbook(ROWS))) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    far = b'<row r="900000"><c r="XFD900000"><v>1</v></c></row></sheetData>'
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = parts[sheet].replace(b"</sheetData>", b"&no;" * is_broken + far)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as package:
        for name, part in parts.items():
            package.writestr(name, part)
    return data.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (a_far_cell(), "spans 14745600000 cells from its first to its last; at most 20000000"),
        (a_far_cell(is_broken=True), "spans 14745600000 cells"),
        (a_workbook(ROWS, merged=True), "the first row has merged cells"),
        (a_workbook([["a", "b"]]), "is none of the tables"),
        (a_workbook(ROWS)[:900], "no whole workbook"),
        (a_bomb(), "times packed"),
        (b"PK\x03\x04", "no whole workbook"),
    ],
    ids=[
        "far cell",
        "far cell in broken XML",
        "merged header",
        "other columns",
        "truncated",
        "bomb",
        "no archive",
    ],
)
def test_a_workbook_that_cannot_be_trusted_is_refused_whole(
    site: Site, data: bytes, says: str
) -> None:
    report = import_table(
        site, site.system_context(), [("b.xlsx", data)], ("r.yaml", RULES.encode())
    )
    assert says in report.problems[0].message
    assert counts(site, *FACTS) == dict.fromkeys(counts(site, *FACTS), 0)


def test_a_sheet_that_is_not_there_is_named_with_those_that_are(site: Site) -> None:
    rules = RULES.replace("key: [batch]", "sheet: Lots\n    key: [batch]")
    files = [("b.xlsx", a_workbook(ROWS))]
    report = import_table(site, site.system_context(), files, ("r.yaml", rules.encode()))
    assert "no sheet 'Lots'; it has: Batches" in report.problems[0].message


def rows(count: int) -> list[str]:
    return [GOOD.replace("1,2026", f"{n},2026").replace("007", f"M{n % 7}") for n in range(count)]


def test_a_trial_reports_what_a_load_does_and_keeps_nothing(site: Site) -> None:
    lines = [*rows(ROWS_PER_UNIT + 20), "x,2026-03-01,north,007,much,1\n"]
    files = [("batches.csv", (HEADER + "".join(lines)).encode())]
    rules = ("rules.yaml", RULES.encode())
    tried = import_table(site, site.system_context(), files, rules, dry_run=True)
    assert counts(site, *FACTS, ImportRun) == dict.fromkeys(counts(site, *FACTS, ImportRun), 0)
    real = import_table(site, site.system_context(), files, rules)
    names = ("read", "stored", "duplicates", "refused", "lots", "sums")
    assert [getattr(tried, n) for n in names] == [getattr(real, n) for n in names]
    assert real.lots == ROWS_PER_UNIT + 20 + 7


@pytest.mark.clause("EU Annex 11.4.8")
def test_the_report_of_a_load_is_kept_with_counts_sums_and_checksums(site: Site) -> None:
    report = load(site, *rows(3))
    kept = read_import(site, site.system_context(), report.import_id).as_json()
    assert kept["sums"] == {"cheese kg": "37.50"} == report.as_json()["sums"]
    assert (kept["state"], kept["stored"], len(kept["sha256"])) == ("done", 3, 64)
    assert len(kept["mapping_sha256"]) == 64
    assert [run.row.uid for run in list_imports(site, site.system_context())] == [report.import_id]


def test_progress_is_told_with_the_number_of_rows(site: Site) -> None:
    told: list[tuple[int, int]] = []
    lines = rows(ROWS_PER_UNIT + 1)
    files = [("batches.csv", (HEADER + "".join(lines)).encode())]
    import_table(
        site,
        site.system_context(),
        files,
        ("rules.yaml", RULES.encode()),
        progress=lambda read, total: told.append((read, total)),
    )
    assert told == [(ROWS_PER_UNIT, len(lines)), (len(lines), len(lines))]


class Cut(Exception):
    pass


def test_a_load_that_was_cut_off_goes_on_as_one_load(site: Site) -> None:
    def cut(_read: int, _total: int) -> None:
        raise Cut

    lines = rows(ROWS_PER_UNIT + 5)
    files = [("batches.csv", (HEADER + "".join(lines)).encode())]
    rules = ("rules.yaml", RULES.encode())
    with pytest.raises(Cut):
        import_table(site, site.system_context(), files, rules, progress=cut)
    assert [run.state for run in list_imports(site, site.system_context())] == ["running"]
    report = import_table(site, site.system_context(), files, rules)
    assert (report.stored, report.duplicates) == (len(lines), 0)
    assert [run.state for run in list_imports(site, site.system_context())] == ["done"]
    assert import_table(site, site.system_context(), files, rules).duplicates == len(lines)


_LOADER = """
import os, signal, sys
from qtcore.services.site import open_site
from qtcore.services.table_loads import import_table
site = open_site(sys.argv[1])
def kill(read, total):
    os.kill(os.getpid(), signal.SIGKILL)
data = open(sys.argv[2], "rb").read()
rules = ("rules.yaml", open(sys.argv[3], "rb").read())
import_table(site, site.system_context(), [("batches.csv", data)], rules, progress=kill)
"""


@pytest.mark.fault
def test_a_killed_load_is_gone_on_with_without_doubles(tmp_path: Path) -> None:
    url, table, rules = f"sqlite:///{tmp_path / 'site.db'}", tmp_path / "b.csv", tmp_path / "r.yaml"
    lines = rows(ROWS_PER_UNIT + 5)
    table.write_text(HEADER + "".join(lines))
    rules.write_text(RULES)
    open_site(url, create=True).close()
    command = [sys.executable, "-c", _LOADER, url, str(table), str(rules)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = open_site(url)
    try:
        files = [("batches.csv", table.read_bytes())]
        given = ("rules.yaml", rules.read_bytes())
        report = import_table(again, again.system_context(), files, given)
        assert (report.stored, report.duplicates) == (len(lines), 0)
        assert counts(again, Event)["event"] == len(lines)
    finally:
        again.close()


def test_a_load_is_taken_back_as_a_whole_and_can_be_made_again(site: Site) -> None:
    report = load(site, *rows(2))
    context = site.system_context()
    assert trace(site, context, "1").nodes
    undone = undo_import(site, context, report.import_id, reason="wrong plant")
    assert undone.state == "undone"
    view = get_lot(site, context, "1")
    assert (view.info.origin, view.results) == ("unverified", ())
    assert view.stock.quantity == 0
    assert trace(site, context, "1").edges == ()
    again = load(site, *rows(2))
    assert (again.stored, again.duplicates, again.lots) == (2, 0, 0)
    assert get_lot(site, context, "1").info.origin == "recorded"
    assert get_lot(site, context, "1").stock.quantity == 12.5


def test_a_load_on_which_something_depends_stands_and_the_reason_is_told(site: Site) -> None:
    report = load(site, GOOD)
    load(site, "9,2026-04-01,dairy,1,5,\n", rules=RULES.replace("item: milk", "item: cheese"))
    with pytest.raises(Refused, match="cannot be undone: lot 1 of cheese: a production event"):
        undo_import(site, site.system_context(), report.import_id, reason="wrong")
    assert get_lot(site, site.system_context(), "1").info.origin == "recorded"


def test_an_undo_needs_a_reason_and_happens_once(site: Site) -> None:
    report = load(site, GOOD)
    with pytest.raises(InputRejected, match="with a reason"):
        undo_import(site, site.system_context(), report.import_id, reason=" ")
    undo_import(site, site.system_context(), report.import_id, reason="twice")
    with pytest.raises(Refused, match="undone already"):
        undo_import(site, site.system_context(), report.import_id, reason="twice")


def test_refused_rows_are_written_with_reasons_and_load_when_they_are_mended(site: Site) -> None:
    bad = GOOD.replace("1,2026", "2,2026").replace("12.50", "=HYPERLINK")
    files = [("batches.csv", (HEADER + GOOD + bad).encode())]
    rules = ("rules.yaml", RULES.encode())
    report = import_table(site, site.system_context(), files, rules)
    waiting = refused_rows(site, files, rules, report).decode()
    assert waiting.splitlines()[0] == HEADER.strip() + ",qtcore_problem"
    assert len(waiting.splitlines()) == 2
    mended = [("mended.csv", waiting.replace("=HYPERLINK", "9", 1).encode())]
    again = import_table(site, site.system_context(), mended, rules)
    assert (again.stored, again.refused) == (1, 0)


@pytest.mark.heavy
def test_the_commands_load_list_show_and_undo(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'site.db'}"
    (tmp_path / "b.xlsx").write_bytes(a_workbook(ROWS))
    (tmp_path / "r.yaml").write_text(RULES)
    waiting = tmp_path / "waiting.csv"

    def run(*words: str) -> tuple[int, dict[str, object]]:
        done = CliRunner().invoke(app, [*words, "--db", url, "--json"])
        return done.exit_code, json.loads(done.stdout)

    load = ("import", "xlsx", str(tmp_path / "b.xlsx"), "--mapping", str(tmp_path / "r.yaml"))
    assert run(*load, "--dry-run")[1]["stored"] == 2
    code, report = run(*load, "--quarantine", str(waiting))
    assert (code, report["stored"], waiting.read_bytes()) == (0, 2, b"")
    import_id = str(report["import_id"])
    assert run("import", "list")[1]["items"][0]["import_id"] == import_id  # type: ignore[index]
    assert run("import", "show", import_id)[1]["sums"] == {"cheese kg": "12.6"}
    assert run("import", "undo", import_id, "--reason", "trial")[1]["state"] == "undone"
    assert run("import", "undo", import_id, "--reason", "trial")[0] == 1
