"""A mapping is proposed from what files hold; what they leave open is a doubt, never a guess."""

import io

import pytest
import xlsxwriter
import yaml

from qtcore.builtin.faults import Faults
from qtcore.builtin.tabular.guess_columns import guess_column
from qtcore.builtin.tabular.guess_dates import guess_dates
from qtcore.builtin.tabular.guess_files import guess_encoding, guess_grid
from qtcore.builtin.tabular.guess_mapping import MappingGuess, guess_mapping
from qtcore.builtin.tabular.guess_text import write_guess
from qtcore.builtin.tabular.mapping import check_mapping
from qtcore.definitions.source import read_yaml


def guessed(text: str, name: str = "table.csv") -> MappingGuess:
    return guess_mapping([(name, text.encode())])


def doubts(guess: MappingGuess) -> str:
    return "\n".join(map(str, guess.doubts))


@pytest.mark.parametrize(
    ("texts", "formats"),
    [
        (["nov.18", "maj.19", "avg.19", "okt.19"], ("MON.YY",)),
        (["12 janv 2020", "03 août 2021"], ("DD MON YYYY",)),
        (["1-Mär-20", "12-Dez-20"], ("D-MON-YY",)),
        (["01.02.2020", "13.02.2020"], ("DD.MM.YYYY",)),
        (["2/1/2020", "2/13/2020"], ("M/D/YYYY",)),
        (["01/02/2020", "03/04/2020"], ("DD/MM/YYYY", "MM/DD/YYYY")),
        (["01.02.03"], ("DD.MM.YY", "MM.DD.YY", "YY.MM.DD")),
        (["04/04/2020"], ("DD/MM/YYYY",)),
        (["2020-01-05"], ("YYYY-MM-DD",)),
        (["20200105", "20191231"], ("YYYYMMDD",)),
        (["2020年1月5日", "2020年12月5日"], ("YYYY年M月D日",)),
        (["12/2020"], ("MM/YYYY",)),
        (["lis 20"], ()),
    ],
)
def test_all_formats_that_read_every_date_are_found(texts, formats):
    found = guess_dates(texts)
    assert found is not None
    assert found.formats == formats


@pytest.mark.parametrize(
    "texts",
    [["abc"], ["12"], ["12.5", "3.4"], ["12.2020"], ["2020-13-01"], ["03-04"], ["31.02.2020"]],
)
def test_what_is_no_date_is_none(texts):
    assert guess_dates(texts) is None


def test_months_of_several_languages_are_told_apart():
    found = guess_dates(["maj.19", "avg.19"])
    assert found is not None
    assert (found.months, found.languages) == ({"avg": 8, "maj": 5}, ("sl",))


@pytest.mark.parametrize(
    ("name", "cells", "expected"),
    [
        ("water", ["1.5", "2"], ("decimal", ".", 0)),
        ("water", ["1,5", "2"], ("decimal", ",", 0)),
        ("water", ["1,234", "2,345"], ("decimal", ",", 1)),
        ("water", ["1.234,5"], ("text", "", 1)),
        ("count", ["1", "2"], ("integer", "", 0)),
        ("lot", ["1", "2"], ("text", "", 0)),
        ("Batch Size", ["1", "2"], ("integer", "", 0)),
        ("value", ["007", "12"], ("text", "", 0)),
        ("value", ["1234567890123456"], ("text", "", 0)),
        ("when", ["01/02/2020"], ("text", "", 1)),
        ("empty", ["", "NA"], ("text", "", 1)),
        ("mostly", [*map(str, range(50)), "broken"], ("text", "", 1)),
        ("word", ["yes", "no"], ("text", "", 0)),
    ],
)
def test_a_column_is_what_all_its_values_are(name, cells, expected):
    found = guess_column(name, cells)
    assert (found.type, found.separator, len(found.doubts)) == expected


def test_missing_values_are_listed_and_count_for_no_type():
    found = guess_column("water", ["1.5", "   ", "NA", "2"])
    assert (found.type, found.missing) == ("decimal", ("", "NA"))


@pytest.mark.parametrize(
    ("data", "encoding", "is_doubt"),
    [
        ("lot;šarža".encode(), "utf-8", False),
        (b"\xef\xbb\xbflot;x", "utf-8", False),
        ("lot;x".encode("utf-16"), "utf-16", False),
        ("批号;名称\n一;二".encode("gb18030"), "gb18030", True),
        ("Größe;x".encode("cp1252"), "cp1252", True),
    ],
)
def test_an_encoding_that_is_not_certain_is_a_doubt(data, encoding, is_doubt):
    found = Faults()
    assert (guess_encoding(data, "f", found), bool(found.count)) == (encoding, is_doubt)


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_the_delimiter_is_found_beside_decimal_commas(delimiter):
    sign = "." if delimiter == "," else ","
    rows = [["lot", "water"], ["A1", f"1{sign}5"], ["A2", f"2{sign}5"]]
    found = guess_grid("\n".join(map(delimiter.join, rows)).encode(), "f", Faults())
    assert found is not None
    assert (found.delimiter, found.header) == (delimiter, ("lot", "water"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("one\ntwo\n", "has one column only"),
        ("a;;c\n1;2;3\n", "columns 2 have no name"),
        ("a;a\n1;2\n", "occurs twice"),
        ("1;2;3\n4;5;6\n", "reads as values"),
        ("lot;x\nA1;1\nA2\n", "1 rows have not the 2 fields"),
        ("lot;x\n", "there is no row"),
        ("lot;start\nA1;01/02/2020\n", "read as DD/MM/YYYY or as MM/DD/YYYY"),
        ("x;y\na;1\na;1\n", "tell the rows apart"),
        ("lot;w\nA;1,5\nB;2\n;3", "no column is a date"),
        ("lot;a;b\nA;1,5;1.5\n", "another sign"),
        ("\x00\x01", "binary"),
    ],
)
def test_what_a_file_leaves_open_is_a_doubt(text, says):
    assert says in doubts(guessed(text))


def test_a_proposal_checks_and_reads_back_with_names_kept():
    text = (
        "批号;供应商;生产日期;净重 (kg);no\n0012;甲;2020-01-05;1,5;NO\n0013;乙;2020-02-05;2,5;yes\n"
    )
    guess = guessed(text, "来料.csv")
    again = read_yaml(write_guess(guess).encode(), "mapping.yaml")
    assert not again.problems
    found, faults = check_mapping(again.value)
    assert not faults
    assert found is not None
    assert (found.main.decimal_separator, found.event.at) == (",", "生产日期")
    lot = found.lots["batch"]
    assert (lot.lot_no, lot.source) == ("{批号}", "{供应商}")
    assert found.main.columns["批号"].type == "text"


def test_a_doubt_about_one_column_is_settled_by_another():
    text = "lot;start;a;b\nA;2020-01-05;1.234;1.5\nB;2020-01-06;2.345;2.5\n"
    assert "thousands" not in doubts(guessed(text))
    assert "thousands" in doubts(guessed(text.replace("1.5", "1").replace("2.5", "2")))


def test_the_real_laboratory_is_proposed_as_it_is(shared_data):
    files = [
        (name, (shared_data / "tablets" / name).read_bytes())
        for name in ("Laboratory_1_500.csv", "Process_1_500.csv")
    ]
    guess = guess_mapping(files)
    found, faults = check_mapping(yaml.safe_load(write_guess(guess)))
    assert not faults
    assert found is not None
    assert set(found.lots) == {"batch", "api", "smcc", "lactose", "starch"}
    assert found.lots["api"].source == "{api_code}"
    assert (found.main.key, found.main.delimiter, found.event.at) == (("batch",), ";", "start")
    assert found.months["maj"] == 5
    assert found.tables["process_1_500"].key == ("batch",)


LANDINGS = "lot,day,sort,net weight,uom\nA1,2026-03-01,COD,1.5,kg\nA2,2026-03-02,COD,2,lbs\n"
SORTS = "sort,latin name,limit\nCOD,Gadus morhua,5\nHAD,Melanogrammus,6\n"


def test_a_table_that_explains_codes_is_proposed_as_a_look_up():
    guess = guess_mapping([("landings.csv", LANDINGS.encode()), ("sorts.csv", SORTS.encode())])
    assert guess.mapping["lookups"] == {
        "sorts": {"table": "sorts", "by": "sort", "give": "latin name"}
    }
    assert guess.mapping["tables"]["landings"]["columns"]["sort"]["lookup"] == "sorts"
    assert "looked up by sort of sorts, giving latin name (there are also limit)" in doubts(guess)
    assert check_mapping(guess.mapping)[1] == ()


@pytest.mark.parametrize("sorts", [SORTS.replace("COD", "CDD"), SORTS + "COD,Again,1\n"])
def test_a_table_that_does_not_explain_every_code_once_is_no_look_up(sorts):
    guess = guess_mapping([("landings.csv", LANDINGS.encode()), ("sorts.csv", sorts.encode())])
    assert "lookups" not in guess.mapping


def test_a_column_of_units_is_proposed_with_what_is_written_there():
    lot = guessed(LANDINGS).mapping["lots"]["batch"]
    assert (lot["quantity"], lot["unit_column"], "unit" in lot) == ("net weight", "uom", False)
    assert "uom as its unit (kg, lbs); name the unit to convert into" in doubts(guessed(LANDINGS))


def test_a_column_named_as_a_unit_but_with_numbers_is_none():
    odd = LANDINGS.replace(",kg", ",3").replace(",lbs", ",4")
    assert "unit_column" not in guessed(odd).mapping["lots"]["batch"]


GRADES = "lot,day,grade,remark\n" + "".join(
    f"A{n},2026-03-{n:02d},{'AB'[n % 2]},r{n}\n" for n in range(1, 13)
)


def test_a_few_words_again_and_again_are_proposed_as_a_code_list():
    guess = guessed(GRADES)
    columns = guess.mapping["tables"]["table"]["columns"]
    assert columns["grade"]["values"] == {"A": "A", "B": "B"}
    assert "values" not in columns["remark"]
    assert "column grade holds only A, B: proposed as a code list" in doubts(guess)
    assert check_mapping(yaml.safe_load(write_guess(guess)))[1] == ()


def test_words_that_hardly_repeat_are_no_code_list():
    columns = guessed(GRADES.replace("A5,2026-03-05,B", "A5,2026-03-05,C"))
    assert "values" not in columns.mapping["tables"]["table"]["columns"]["grade"]


def test_a_workbook_gives_the_proposal_of_its_csv():
    data = io.BytesIO()
    with xlsxwriter.Workbook(data) as book:
        page = book.add_worksheet("Fish")
        for number, line in enumerate(LANDINGS.splitlines()):
            page.write_row(number, 0, line.split(","))
    table = guess_mapping([("landings.xlsx", data.getvalue())]).mapping["tables"]["landings"]
    text = guessed(LANDINGS, "landings.csv").mapping["tables"]["landings"]
    assert table == {"sheet": "Fish", **{k: v for k, v in text.items() if k != "delimiter"}}
