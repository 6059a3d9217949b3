"""Lot numbers written in free text become exact lots and ranges, or a question to a person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qtcore.builtin.lot_text import NotARange, make_range, read_lot_text


def said(text: str) -> dict[str, object]:
    found = read_lot_text(text)
    ranges = [(each.first, each.last) for each in found.ranges]
    named = {"lots": found.lots, "ranges": ranges, "prefixes": found.prefixes}
    return {name: value for name, value in named.items() if value}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lots 00112 through 10412", {"ranges": [("00112", "10412")]}),
        (
            "Lot numbers: 012, 013 and 0150 - 0160",
            {"lots": ["012", "013"], "ranges": [("0150", "0160")]},
        ),
        ("Lot #: A1234; Exp 12/2025, A1235", {"lots": ["A1234", "A1235"]}),
        ("Lot A1 exp. Jan 5, 2025, Lot A2 exp. 02/25", {"lots": ["A1", "A2"]}),
        ("Lot Nos. L2103A-L2109A", {"ranges": [("L2103A", "L2109A")]}),
        ("lot codes 1B-22 thru 1B-27", {"ranges": [("1B-22", "1B-27")]}),
        ("lots 99 through 101", {"ranges": [("99", "101")]}),
        ("lots 22A through 22F", {"ranges": [("22A", "22F")]}),
        ("lots between 100 and 200", {"ranges": [("100", "200")]}),
        ("lots from 100 to 200 and 300", {"lots": ["300"], "ranges": [("100", "200")]}),
        ("Lots 0001-0005", {"ranges": [("0001", "0005")]}),
        ("lots 0001-0005, 0007", {"lots": ["0007"], "ranges": [("0001", "0005")]}),
        ("all the following lots: 12, 13, 0014", {"lots": ["12", "13", "0014"]}),
        ("3 lots: A1, A2", {"lots": ["A1", "A2"]}),
        ("Lot 1234 of Brand 16 oz jars, 20 cases", {"lots": ["1234"]}),
        ("Lot 12; UPC 0 12345 67890 5", {"lots": ["12"]}),
        ("00112 through 10412, 20000", {"lots": ["20000"], "ranges": [("00112", "10412")]}),
        ("lots beginning with 22", {"prefixes": ["22"]}),
        (
            "批号：20230101、20230102至20230110",
            {"lots": ["20230101"], "ranges": [("20230102", "20230110")]},
        ),
        ("批号 001~010，有效期至2025年3月", {"ranges": [("001", "010")]}),
        ("批号 ００１ 和 ００２", {"lots": ["001", "002"]}),
        ("Lot 2021-001, 22/0456", {"lots": ["2021-001", "22/0456"]}),
        ("Lots #0000120 thru #0000145", {"ranges": [("0000120", "0000145")]}),
        ("Store at 20 to 25 C, below 60%. Lot 0042", {"lots": ["0042"]}),
        ("Even though it looks fine, discard lot 0042", {"lots": ["0042"]}),
        ("Lot 0042, sold before and after the fix", {"lots": ["0042"]}),
        ("Odd smell reported on or after 1 May 2021; lot 0042", {"lots": ["0042"]}),
    ],
)
def test_what_can_be_decided_is_exact(text, expected):
    assert (said(text), read_lot_text(text).doubts) == (expected, [])
    assert read_lot_text(text).is_decided


@pytest.mark.parametrize(
    "text",
    [
        "All lots",
        "all lot codes",
        "ALL BATCHES of this cream",
        "所有批次",
        "All lots. UPC 0 41415 00976 6",
        "All lots, NDC 12345-678-90",
    ],
)
def test_all_lots_is_all_lots(text):
    assert (read_lot_text(text).all_lots, read_lot_text(text).is_decided) == (True, True)


def test_all_lots_but_some_names_the_ones_left_out():
    found = read_lot_text("all lots except 12345 and 12346")
    assert (found.all_lots, found.excluded, found.is_decided) == (True, ["12345", "12346"], True)


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("Lots 0098 through 101", "0098 through 101"),
        ("lots 200 through 100", "200 through 100"),
        ("lots A12 through B14", "A12 through B14"),
        ("Lot 12345-12350", "12345-12350"),
        ("Lot A123/A124", "A123/A124"),
        ("Lot 2024-01-05", "2024-01-05"),
        ("lot 22XXX", "22XXX"),
        ("lot 22*", "22*"),
        ("lots 100 through", "100 through"),
        ("all lots manufactured before 3/1/2020", "all lots manufactured before 3/1/2020"),
        ("all lots within expiry", "all lots within expiry"),
        ("500 of brand X, lot A1", "500"),
        ("lot 12 C", "12 C"),
    ],
)
def test_what_is_open_goes_to_a_person_with_its_place(text, piece):
    found = read_lot_text(text)
    doubt = found.doubts[0]
    assert piece.endswith(doubt.text) and not found.is_decided
    assert text[doubt.start :].startswith(doubt.text)
    assert not found.all_lots


def test_a_doubt_lists_its_readings():
    assert read_lot_text("Lot 12345-12350").doubts[0].readings == (
        "12345-12350",
        "12345 through 12350",
    )


@pytest.mark.parametrize(
    "text",
    ["Lots with expiration dates up to and including 12/2020", "Julian dates 8001 thru 8123"],
)
def test_dates_are_no_lots(text):
    assert said(text) == {}
    assert not read_lot_text(text).is_decided


def test_dates_amounts_and_names_are_given_back_unread():
    found = read_lot_text("Lot 1234 of Brand, 20 cases, exp. 01/25")
    assert {"Brand", "20", "01/25"} <= set(found.unread)


@given(st.integers(0, 99_999), st.integers(0, 99_999), st.sampled_from(["", "L", "A-", "7B"]))
def test_a_range_holds_its_numbers_with_their_zeros_and_no_others(one, two, prefix):
    low, high = sorted((one, two))
    found = make_range(f"{prefix}{low:05d}", f"{prefix}{high:05d}")
    for number in (low - 1, low, (low + high) // 2, high, high + 1):
        inside = low <= number <= high
        assert found.holds(f"{prefix}{number:05d}") == inside
        assert not found.holds(f"{prefix}{number:06d}")
        assert not found.holds(f"x{prefix}{number:05d}")
    assert found.count == high - low + 1


def test_a_range_without_zeros_holds_no_number_with_zeros():
    found = make_range("99", "101")
    assert [
        n for n in ("98", "99", "099", "100", "101", "0101", "102", "١٠٠") if found.holds(n)
    ] == [
        "99",
        "100",
        "101",
    ]


def test_a_range_of_endless_numbers_is_refused():
    with pytest.raises(NotARange, match="at most 200 signs"):
        make_range("1" * 5000, "2" * 5000)


@given(
    st.lists(
        st.sampled_from(
            "lots lot all of exp. through to and , ; - ( ) * 0012 A1 A1-A9 12/25 批号 至 brand "
            "5 cases except between 以 beginning with 2024-01-05 UPC".split()
        ),
        max_size=14,
    ).map(" ".join)
    | st.text(max_size=60)
)
def test_no_text_makes_the_reader_fail_and_no_lot_is_invented(text):
    found = read_lot_text(text)
    for lot in (*found.lots, *found.excluded, *found.prefixes):
        assert lot in text.translate({code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)})


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("lots 5000 and above", "and above"),
        ("lots 12345 and earlier", "and earlier"),
        ("lot 00112 onwards", "onwards"),
        ("Not all lots", "Not all"),
        ("lots 10 through 20 (odd numbers only)", "odd numbers"),
        ("lots 10 through 20 (even only)", "even only"),
        ("lots 1001, 1002, or later", "or later"),
        ("every other lot from 10 to 20", "every other"),
        ("lotes 001 a 005", "a"),
        ("Chargen 00112 bis 00120", "bis"),
        ("批号 00112 及以后", "以后"),
        ("批号 00112 起", "起"),
    ],
)
def test_a_word_that_changes_which_lots_are_meant_goes_to_a_person(text: str, word: str):
    found = read_lot_text(text)
    assert word in [doubt.text for doubt in found.doubts]
    assert not found.is_decided


@pytest.mark.parametrize("text", ["lots 10 and 12", "lots 10 to 20, best before 01.02.2027"])
def test_plain_lists_and_dates_stay_decided(text: str):
    assert read_lot_text(text).is_decided
