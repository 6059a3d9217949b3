"""Codes of GS1 are read in every notation; what is wrong is named with found and accepted."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qtcore.builtin.gs1.check_digits import SIGNS_82, check_digit, check_pair
from qtcore.builtin.gs1.elements import (
    BadCode,
    Element,
    read_bracketed,
    read_raw,
    write_bracketed,
    write_raw,
)
from qtcore.builtin.gs1.keys import read_key
from qtcore.builtin.gs1.links import make_link, read_link
from qtcore.builtin.gs1.reading import read_code
from qtcore.builtin.gs1.rfid import Tag, read_tag, write_tag
from qtcore.builtin.gs1.urns import make_urn

GTIN, SSCC = "09506000134352", "106141412345678908"
texts = st.text(SIGNS_82, min_size=1, max_size=20)
dates = st.dates().map(lambda day: day.strftime("%y%m%d"))


def with_check(body: str) -> str:
    return body + check_digit(body)


gtins = st.text("0123456789", min_size=13, max_size=13).map(with_check)
ssccs = st.text("0123456789", min_size=17, max_size=17).map(with_check)


@st.composite
def goods(draw: st.DrawFn) -> list[Element]:
    more = {"10": texts, "21": texts, "17": dates, "3103": st.just("000195"), "99": texts}
    chosen = draw(st.lists(st.sampled_from(list(more)), unique=True))
    return [Element("01", draw(gtins)), *(Element(ai, draw(more[ai])) for ai in chosen)]


@given(goods())
def test_written_elements_are_read_back(elements: list[Element]) -> None:
    assert list(read_raw(write_raw(elements)).listed) == elements
    scanned = "]C1" + write_raw(elements)[1:].replace("^", "\x1d")
    assert list(read_code(scanned).elements) == elements


@given(goods())
def test_bracketed_text_is_read_back(elements: list[Element]) -> None:
    assume(not any(e.value.endswith("\\") for e in elements))
    assert list(read_bracketed(write_bracketed(elements)).listed) == elements


@given(goods())
def test_a_link_is_read_back(elements: list[Element]) -> None:
    assert {*read_link(make_link(elements, "https://x.example/a")).listed} == {*elements}


@given(st.one_of(gtins.map(lambda x: ("01", x)), ssccs.map(lambda x: ("00", x))), st.data())
def test_a_changed_digit_is_always_refused(key: tuple[str, str], data: st.DataObject) -> None:
    ai, value = key
    at = data.draw(st.integers(0, len(value) - 1))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != value[at]]))
    changed = f"{value[:at]}{other}{value[at + 1 :]}"
    for code in (f"({ai}){changed}", f"^{ai}{changed}", f"https://x.example/{ai}/{changed}"):
        assert not read_code(code).is_accepted
    assert read_code(f"({ai}){value}").is_accepted


@given(st.one_of(st.text(max_size=60), st.text("0123456789²٣.:/?=&%()|]e\x1d^", max_size=40)))
def test_any_text_gets_a_verdict(text: str) -> None:
    for prefix in (
        *("", "(01)", "^", "]C1", "]E0", "^8110", "^8030", "]E09506000134352|"),
        *("https://a/01/", "https://id.gs1.org/01/", "urn:epc:id:", "urn:epc:id:sgtin:0614141."),
    ):
        found = read_code(prefix + text)
        assert found.is_accepted or found.problems


@given(gtins, texts, st.integers(6, 12), st.sampled_from(["10", "21"]))
def test_a_urn_is_the_same_key(gtin: str, text: str, digits: int, ai: str) -> None:
    elements = (Element("01", gtin), Element(ai, text))
    key = read_key(make_urn(elements, digits))
    assert read_link(key.value).listed == elements


@given(ssccs, gtins.map(lambda x: x[1:]), texts, st.integers(6, 12))
def test_urns_of_pallets_and_places_are_read_back(
    sscc: str, number: str, text: str, digits: int
) -> None:
    gln = with_check(number[:12])
    for elements in (
        (Element("00", sscc),),
        (Element("417", gln),),
        (Element("414", gln), Element("254", text)),
    ):
        if text != "0":
            assert read_link(read_key(make_urn(elements, digits)).value).listed == elements


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (f"(01){GTIN[:-1]}3", "check digit 2, found 3"),
        (f"(01){GTIN}(17)261301", "'261301' is not accepted; accepted: a date YYMMDD"),
        (f"(01){GTIN}(17)270229", "a date YYMMDD that exists"),
        (f"(01){GTIN}(10)A B", "' ' in 'A B' is not accepted; use letters, digits and"),
        (f"(01){GTIN}(10)" + "X" * 21, "is 1 signs too long; accepted: 20"),
        (f"(01){GTIN}(3103)12345", "'12345' is too short; accepted: 6 signs: digits"),
        (f"(01){GTIN}(29)1", "(29) is no application identifier of GS1"),
        (f"(01){GTIN}(422)999", "a country number of ISO 3166-1"),
        (f"(01){GTIN}(21)A(235)B", "(21) and (235) contradict each other"),
        (f"(01){GTIN}(10)A(10)B", "(10) stands twice, as 'A' and 'B'"),
        ("(21)A", "accepted beside it: (01), (03), (8006)"),
        ("https://x.example/product/1", "no key of GS1 in the path '/product/1'"),
        (f"https://x.example/01/{GTIN}?10=A", "(10) belongs into the path"),
        (f"https://x.example/01/{GTIN}/21/A/10/B", "accepted, in this order: 22, 10, 21"),
        (f"https://x.example/01/{GTIN}/10/A%2", "not followed by two hexadecimal digits"),
        (f"https://x.example/01/{GTIN}/10/%C3%A9", "is not accepted; use letters"),
        ("https://x.example/gtin/" + GTIN, "no key of GS1"),
        ("]A0123", "symbology identifier ']A0' is not read; accepted: ]C1"),
        ("urn:epc:id:sgtin:0614141.107346", "sgtin URN has 2 parts, it needs 3"),
        ("09506000134353", "as GTIN 09506000134353 has check digit 3; accepted: 2"),
        ("33" + "0" * 22, "is no code of GS1; accepted: (01)..."),
        ("31" + "F" * 22, "partition 7 is not accepted"),
        ("hello", "'hello' is no code of GS1; accepted"),
    ],
)
def test_a_bad_code_says_what_was_found_and_what_is_accepted(code: str, says: str) -> None:
    reading = read_code(code)
    assert not reading.is_accepted
    assert says in reading.problems[0].message


@pytest.mark.parametrize(
    ("code", "elements"),
    [
        (f"]d201{GTIN}10AB\x1d17270200", {"01": GTIN, "10": "AB", "17": "270200"}),
        (f"]Q301{GTIN}10AB", {"01": GTIN, "10": "AB"}),
        (f"\x1d01{GTIN}10AB\x1d21S", {"01": GTIN, "10": "AB", "21": "S"}),
        (f"01{GTIN}10AB", {"01": GTIN, "10": "AB"}),
        (f"(01){GTIN}(10)A\\(1)", {"01": GTIN, "10": "A(1)"}),
        (f"HTTPS://x.example:8443/p/01/{GTIN}/10/A%2FB#top", {"01": GTIN, "10": "A/B"}),
        ("]E09506000134352", {"01": GTIN}),
        ("9506000134352", {"01": GTIN}),
        (SSCC, {"00": SSCC}),
        ("urn:epc:id:sscc:0614141.1234567890", {"00": SSCC}),
        ("urn:epc:class:lgtin:4012345.012345.99%2F8", {"01": "04012345123456", "10": "99/8"}),
        ("3074257BF7194E4000001A85", {"01": "80614141123458", "21": "6789"}),
        ("(8013)1987654Ad4X4bL5ttr2310c2K", {"8013": "1987654Ad4X4bL5ttr2310c2K"}),
        ("^8110106141416543213150110120", {"8110": "106141416543213150110120"}),
        ("(415)9506000134352(8020)A(8007)GB82WEST12345698765432", None),
    ],
)
def test_each_notation_is_read(code: str, elements: dict[str, str] | None) -> None:
    reading = read_code(code)
    assert reading.is_accepted, reading.problems
    assert elements is None or {e.ai: e.value for e in reading.elements} == elements


def test_a_lot_number_alone_is_accepted_with_a_doubt() -> None:
    reading = read_code("(10)AB-1(17)270600")
    assert reading.is_accepted
    assert {p.code for p in reading.problems} == {"QT733"}


def test_the_check_pair_of_the_standard_s_example_is_right() -> None:
    assert check_pair("1987654Ad4X4bL5ttr2310c") == "2K"


@given(
    st.integers(0, 7),
    st.integers(6, 12),
    st.integers(0, 10**18),
    st.integers(0, 2**38 - 1),
    st.sampled_from(["sgtin", "sscc", "sgln"]),
)
def test_a_tag_is_read_back_under_every_filter_and_partition(
    filter_value: int, digits: int, number: int, serial: int, scheme: str
) -> None:
    total = {"sgtin": 13, "sscc": 17, "sgln": 12}[scheme]
    body = str(number).zfill(19)[-total:]
    tag = Tag(scheme, filter_value, body[:digits], body[digits:], str(serial))
    if scheme == "sscc":
        tag = Tag(scheme, filter_value, body[:digits], body[digits:])
    written = write_tag(tag)
    assert read_tag(written) == tag
    assert read_code(written).elements == tag.elements()
    assert read_link(read_key(tag.uri()).value).listed == tag.elements()


@pytest.mark.parametrize(
    ("tag", "says"),
    [
        (Tag("sgtin", 1, "0614141", "812345", "0123"), "without leading zeros"),
        (Tag("sgtin", 1, "0614141", "812345", str(2**38)), "does not fit 38 bits"),
        (Tag("sgtin", 8, "0614141", "812345", "1"), "filter 8 is not accepted"),
        (Tag("sgtin", 1, "061414", "812345", "1"), "7 digits and 0 to 7"),
        (Tag("grai", 1, "0614141", "12345"), "has no form of 96 bits here"),
    ],
    ids=["leading-zero", "too-large", "filter", "reference", "scheme"],
)
def test_what_a_tag_cannot_hold_is_refused(tag: Tag, says: str) -> None:
    with pytest.raises(BadCode, match=says):
        write_tag(tag)
