"""Tables are read row by row: a good row stands, a bad one is quarantined and named."""

import tracemalloc
from collections import defaultdict
from collections.abc import Callable
from collections.abc import Mapping as Dict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qtcore.builtin.tabular.conflicts import ValueBook
from qtcore.builtin.tabular.mapping import Mapping, check_mapping
from qtcore.builtin.tabular.reading import Table, read_table
from qtcore.builtin.tabular.rows import RowFacts
from qtcore.definitions.source import read_yaml

MAPPING: Dict[str, Any] = {
    "mapping": "mill",
    "missing": ["", "-"],
    "months": {"maj": 5, "okt": 10},
    "event": {"type": "production", "key": "mill/{batch}", "at": "made"},
    "lots": {
        "grain": {"part": "input", "item": "grain", "source": "{farm}", "lot_no": "{lot}"},
        "flour": {
            "part": "output", "item": "flour", "source": "mill", "lot_no": "{batch}",
            "quantity": "kg", "unit": "kg",
        },
    },
    "tables": {
        "batches": {
            "delimiter": ";",
            "key": ["batch"],
            "columns": {
                "batch": {"required": True},
                "made": {"type": "date", "format": "MON.YY"},
                "farm": {},
                "lot": {},
                "kg": {"type": "decimal"},
                "water": {"type": "decimal", "result_of": "grain"},
                "grade": {"values": {"1": "fine", "2": "coarse"}, "result_of": "flour"},
            },
        },
        "line": {
            "delimiter": ";",
            "optional": True,
            "key": ["batch"],
            "columns": {
                "batch": {},
                "kg": {"type": "decimal", "same_as": "kg"},
                "speed": {"type": "integer", "event_value": True},
            },
        },
    },
}  # fmt: skip
HEADER = "batch;made;farm;lot;kg;water;grade\n"
ROW = "1;maj.19;north;007;12.50;1.50;1\n"


def a_mapping(**changes: Any) -> Mapping:
    mapping, faults = check_mapping({**MAPPING, **changes})
    assert mapping is not None, faults
    return mapping


def table(*rows: str, line: str = "", header: str = HEADER) -> Table:
    files = [("batches.csv", (header + "".join(rows)).encode())]
    if line:
        files.append(("line.csv", f"batch;kg;speed\n{line}".encode()))
    return read_table(files, a_mapping())


def rows_of(*rows: str, line: str = "") -> list[RowFacts]:
    return list(table(*rows, line=line).rows)


def test_a_row_becomes_lots_results_and_values() -> None:
    row = rows_of(ROW, line="1;12.5;30\n")[0]
    grain, flour = row.lots
    assert grain.identity == ("grain", "north", "007")
    assert (grain.quantity, grain.unit) == (None, "")
    assert (flour.quantity, flour.unit, flour.lot_no) == (Decimal("12.50"), "kg", "1")
    assert [(r.alias, r.characteristic, r.value) for r in row.results] == [
        ("grain", "water", "1.50"),
        ("flour", "grade", "fine"),
    ]
    assert (row.key, row.values) == ("mill/1", (("speed", "30"),))


def test_a_month_is_dated_to_its_first_day_and_says_so() -> None:
    at = rows_of(ROW)[0].at
    assert at is not None
    assert (at.day, at.precision, at.text) == (date(2019, 5, 1), "month", "maj.19")


def test_blanks_are_missing_values() -> None:
    row = rows_of("1;maj.19;north;007;  -;        ;1\n")[0]
    assert row.faults == ()
    assert [result.characteristic for result in row.results] == ["grade"]
    assert row.lot("flour").quantity is None


@pytest.mark.parametrize(
    ("row", "where", "says"),
    [
        (ROW.replace("12.50", "12,50"), "column kg", "found '12,50'; accepted: a number"),
        (ROW.replace("12.50", "9" * 37), "column kg", "of at most 30 digits before and 30 after"),
        (ROW.replace("12.50", "1e400"), "column kg", "an exponent of at most two"),
        (ROW.replace("12.50", "NaN"), "column kg", "found 'NaN'"),
        (ROW.replace("12.50", "-1"), "column kg", "found quantity '-1'; accepted: 0 or more"),
        (ROW.replace("maj", "may"), "column made", "found month 'may'; the mapping knows maj, okt"),
        (ROW.replace("maj.19", "2019-05"), "column made", "a date written MON.YY"),
        (ROW.replace("maj.19", ""), "column made", "the date of the event is missing"),
        (ROW.replace("north", " "), "column farm", "the value is missing, but '{farm}' needs it"),
        (ROW.replace(";1\n", ";3\n"), "column grade", "found '3'; accepted: 1, 2"),
        (ROW.replace("1;maj", ";maj"), "column batch", "the value is missing"),
        (ROW.replace(";1\n", "\n"), "row 2", "the row has 6 fields, the header 7"),
        (ROW.replace(";1\n", ";1;\n"), "row 2", "the row has 8 fields, the header 7"),
    ],
)
def test_a_wrong_row_is_quarantined_and_its_neighbour_stands(
    row: str, where: str, says: str
) -> None:
    bad, good = rows_of(row, ROW.replace("1;maj", "2;maj"))
    assert good.faults == ()
    assert bad.lots == ()
    assert any(says in fault.message and where in fault.where for fault in bad.faults)
    assert all("batches.csv row 2" in fault.where for fault in bad.faults)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (HEADER.replace(";", ",").encode(), "separates its columns by comma"),
        (HEADER.replace(";", "\t").encode(), "separates its columns by tab"),
        (b'{"type": "EPCISDocument"}', "is JSON"),
        (b"\xef\xbb\xbf[]", "is JSON"),
        (b"PK\x03\x04", "no whole workbook"),
        (b"", "is empty"),
        (b"<html>", "XML"),
        (b"ab\x00c", "binary"),
        (HEADER.replace("water", "watr").encode(), "did 'watr' take the place of 'water'"),
        (HEADER.replace("water", "kg").encode(), "'water' are missing"),
        ((HEADER + ROW).encode() + b"2;\xff\n", "in line 3; correct the file"),
    ],
)
def test_a_file_of_the_wrong_kind_gives_one_clear_fault(data: bytes, says: str) -> None:
    found = read_table([("batches.csv", data)], a_mapping())
    assert list(found.rows) == []
    assert len(found.faults) == 1
    assert says in found.faults[0].message


def test_a_repeated_column_is_refused() -> None:
    found = table(header=HEADER.replace("\n", ";kg\n"))
    assert [fault.message for fault in found.faults] == ["column kg occurs twice in the header"]


def test_a_byte_order_mark_is_no_fault() -> None:
    data = (HEADER + ROW).encode("utf-8-sig")
    assert [row.faults for row in read_table([("b", data)], a_mapping()).rows] == [()]


def test_a_column_outside_the_mapping_is_listed() -> None:
    found = table("1;maj.19;north;007;1;1;1;x\n", header=HEADER.replace("\n", ";extra\n"))
    assert [row.faults for row in found.rows] == [()]
    assert any("'extra' is not in the mapping" in note.message for note in found.notes)


def test_files_are_found_by_their_header_in_any_order() -> None:
    files = [("b", b"batch;kg;speed\n1;12.5;30\n"), ("a", (HEADER + ROW).encode())]
    assert [row.values for row in read_table(files, a_mapping()).rows] == [(("speed", "30"),)]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("1;13;30\n", "kg is '13' in line, but kg is '12.50'"),
        ("1;12.5;30\n1;12.5;31\n", "rows 2, 3 of line.csv share its key"),
        ("1;12.5;fast\n", "found 'fast'; accepted: a whole number"),
    ],
)
def test_a_row_that_contradicts_its_joined_row_is_quarantined(line: str, says: str) -> None:
    row = rows_of(ROW, line=line)[0]
    assert says in row.faults[0].message


def test_a_joined_row_without_partner_is_quarantined() -> None:
    good, alone = rows_of(ROW, line="1;12.5;30\n9;1;1\n")
    assert good.faults == ()
    assert [(fault.code, fault.where) for fault in alone.faults] == [("QT724", "line.csv row 3")]


def test_an_equal_repetition_of_a_row_is_loaded_once_and_noted() -> None:
    found = table(ROW, ROW)
    assert len(list(found.rows)) == 1
    assert "repeats row 2 exactly" in found.notes[-1].message


def test_a_key_with_other_content_is_quarantined() -> None:
    _, second = rows_of(ROW, ROW.replace("north", "south"))
    assert "is that of row 2 with other content" in second.faults[0].message


def test_a_broken_quote_stops_the_file_with_the_line() -> None:
    found = table(ROW, '2;"maj.19;north\n')
    assert len(list(found.rows)) == 1
    assert [fault.code for fault in found.faults] == ["QT722"]


def test_conflicting_values_of_one_lot_are_listed_with_their_rows() -> None:
    book = ValueBook()
    for row in rows_of(
        ROW,
        ROW.replace("1;maj", "2;maj").replace("1.50", "1.5"),
        ROW.replace("1;maj", "3;maj").replace("1.50", "1.9"),
        ROW.replace("1;maj", "4;maj").replace("north", "south").replace("1.50", "2.7"),
    ):
        book.add(row)
    assert [str(conflict) for conflict in book.conflicts()] == [
        "lot north-007 of grain: water 1.50 (rows 2, 3) and 1.9 (row 4): conflicting; "
        "correct it with a reason"
    ]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"event": {**MAPPING["event"], "at": "mad"}}, "event.at names column 'mad'"),
        ({"event": {**MAPPING["event"], "at": "farm"}}, "column 'farm' is no date"),
        ({"event": {**MAPPING["event"], "key": "{bach}"}}, "names column 'bach'"),
        ({"lots": {"grain": MAPPING["lots"]["grain"]}}, "a result of 'flour'; lots are grain"),
        ({"colour": "red"}, "not known here"),
        ({"event": {"type": "production"}}, "this key is missing"),
        ({"tables": {}}, "at least 1 item"),
    ],
)
def test_a_mapping_that_does_not_fit_together_is_refused(
    changes: dict[str, Any], says: str
) -> None:
    mapping, faults = check_mapping({**MAPPING, **changes})
    assert mapping is None
    assert says in faults[0].message


def tablet_rows(shared_data: Path) -> list[RowFacts]:
    text = (Path(__file__).parents[2] / "examples/tablets/mapping.yaml").read_text("utf-8")
    mapping, faults = check_mapping(read_yaml(text, "mapping.yaml").value)
    assert mapping is not None, faults
    names = ("Laboratory_1_500.csv", "Process_1_500.csv")
    files = [(name, (shared_data / "tablets" / name).read_bytes()) for name in names]
    found = read_table(files, mapping)
    rows = list(found.rows)
    assert (found.faults, found.notes) == ((), ())
    return rows


def test_the_real_tablet_plant_is_read_without_loss(shared_data: Path) -> None:
    rows = tablet_rows(shared_data)
    inputs = [lot for row in rows for lot in row.lots if lot.part == "input"]
    assert [row.faults for row in rows] == [()] * 500
    assert len({row.lot("batch").identity for row in rows}) == 500
    assert (len(inputs), len({lot.identity for lot in inputs})) == (2000, 164)
    assert all(len(row.values) == 27 for row in rows)


def test_the_conflicts_of_the_real_laboratory_are_found(shared_data: Path) -> None:
    book: ValueBook = ValueBook()
    expected = defaultdict(set)
    for row in tablet_rows(shared_data):
        book.add(row)
        for result in row.results:
            place = (*row.lot(result.alias).identity, result.characteristic)
            expected[place].add(Decimal(result.value))
    wanted = {place for place, values in expected.items() if len(values) > 1}
    found = {(c.item, c.source, c.lot_no, c.characteristic) for c in book.conflicts()}
    assert found == wanted
    assert len(found) == 150
    assert ("api", "5", "119", "api_water") in found


def _peak(path: Path, rows: int, keep: Callable[[RowFacts], None]) -> int:
    """Read a file of so many rows; gives the most bytes that Python held."""
    with path.open("w") as file:
        file.write(HEADER)
        file.writelines(ROW.replace("1;maj", f"{n};maj", 1) for n in range(rows))
    tracemalloc.start()
    try:
        for row in read_table([("batches.csv", path)], a_mapping()).rows:
            keep(row)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_memory_of_reading_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    book, kept = ValueBook(), list[RowFacts]()

    def growth(keep: Callable[[RowFacts], None]) -> int:
        return _peak(tmp_path / "b.csv", 600, keep) - _peak(tmp_path / "b.csv", 100, keep)

    assert growth(book.add) < growth(kept.append) / 3, "whoever keeps the rows pays for each"
