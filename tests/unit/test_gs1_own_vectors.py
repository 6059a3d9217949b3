"""Codes as they stand on goods, each with the verdict the General Specifications give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qtcore.builtin.gs1 import read_key
from qtcore.builtin.gs1.check_digits import SIGNS_82
from qtcore.builtin.gs1.elements import BadCode, read_bracketed
from qtcore.builtin.gs1.links import read_link
from qtcore.builtin.gs1.reading import read_code
from qtcore.builtin.gs1.rfid import Tag, read_tag, write_tag
from qtcore.builtin.gs1.table import IDENTIFIERS
from qtcore.builtin.gs1.urns import make_urn

GTIN = "(01)09506000134352"
LINK = "https://id.gs1.org/01/09506000134352"


@pytest.mark.parametrize(
    "text",
    [
        f"{GTIN}(17)260200", f"{GTIN}(11)260100", f"{GTIN}(17)280229", f"{GTIN}(3103)000125",
        f"{GTIN}(3105)000125", f"{GTIN}(8200)https://example.com/x", f"{GTIN}(10)ABC(21)123",
        f"{GTIN}(8008)26022812", f"{GTIN}(422)705", f"{GTIN}(20)01", f"{GTIN}(99)any",
        f"{GTIN}(710)123(711)456", "(8003)09506000134352ABC",
        "(8004)9506000134352", "(8010)9506000ABC(8011)12", "(253)9506000134352A",
        "(414)9506000134352(254)AB", "(417)9506000134352",
        "(415)9506000134352(8020)REF1(8007)GB29NWBK60161331926819",
        f"{LINK}/10/ABC/21/12?17=260200", f"{LINK}/10/A%2FB", f"{LINK}/10/A%2fB",
        "https://example.com/some/path/01/09506000134352?linkType=gs1:pip&17=260200",
        "HTTPS://EXAMPLE.COM/01/09506000134352", "https://id.gs1.org/8006/095060001343520102",
        "]C10109506000134352", "]d20109506000134352\x1d10ABC", "]E09506000134352",
        "]Q3010950600013435210ABC\x1d17260200", f"]Q1{LINK}", "]e00109506000134352",
        "urn:epc:id:sgtin:9506000.013435.1", "urn:epc:class:lgtin:9506000.013435.L%2F1",
        "urn:epc:id:sgln:9506000.13435.0", "urn:epc:id:grai:9506000.13435.A1",
        "urn:epc:id:giai:9506000.A1", "urn:epc:id:gsrn:9506000.1343521111",
        "urn:epc:id:gdti:9506000.13435.A1", "urn:epc:id:cpi:9506000.5PQ7%2FZ43.12345",
        "9506000134352",
    ],
)  # fmt: skip
def test_a_sound_code_is_accepted_without_a_doubt(text: str) -> None:
    reading = read_code(text)
    assert (reading.is_accepted, reading.problems) == (True, ())


@pytest.mark.parametrize(
    ("text", "ai"),
    [
        (f"{GTIN}(17)261300", "17"), (f"{GTIN}(17)260230", "17"), (f"{GTIN}(17)270229", "17"),
        (f"{GTIN}(10)ABCDEFGHIJKLMNOPQRSTU", "10"), (f"{GTIN}(10)AB#C", "10"),
        (f"{GTIN}(3106)000125", "3106"), (f"{GTIN}(3103)12345", "3103"), (f"{GTIN}(37)12", "01"),
        ("(02)09506000134352(37)12", "37"), (f"{GTIN}(02)09506000134352(37)1", "01"),
        (f"{GTIN}(3922)1250", "3922"), ("(8200)https://example.com/x", "8200"),
        (f"{GTIN}(8008)2602301200", "8008"), (f"{GTIN}(7003)2602282400", "7003"),
        ("(8003)19506000134352ABC", "8003"), ("(8010)9506000abc", "8010"),
        ("(253)9506000134353A", "253"), ("(254)AB", "254"), ("(415)9506000134352", "415"),
        ("(8007)GB29NWBK60161331926819", "8007"),
        ("(415)9506000134352(8020)REF1(8007)GB29NWBK60161331926818", "8007"),
        (f"{GTIN}(422)999", "422"), ("(01)9506000134352", "01"),
        ("(00)095060001343521111", "00"), (f"{LINK}?10=ABC", "10"), (f"{LINK}?17=26020", "17"),
        (f"{LINK}?17=260201&17=260202", "17"), (f"{LINK}/10/A%2", "10"),
        (f"{LINK}/21/12/10/ABC", "01"), ("9506000134353", "01"),
    ],
)  # fmt: skip
def test_a_wrong_code_is_refused_and_the_identifier_is_named(text: str, ai: str) -> None:
    reading = read_code(text)
    assert not reading.is_accepted
    assert next(p for p in reading.problems if p.is_fatal).ai == ai


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("https://id.gs1.org/ARHKVAdpQg", "may be a compressed Digital Link, which is not read"),
        ("https://example.com/p/AQHKVAdpSioA", "compressed"),
        ("https://example.com/products/overview", "no key of GS1 in the path"),
        ("]X00109506000134352", "symbology identifier ']X0' is not read"),
        ("]I109506000134352", "symbology identifier ']I1' is not read; accepted: ]C1"),
        ("urn:epc:id:sgtin:9506000.01343.1", "GTIN needs 13 digits"),
        ("urn:epc:id:xyz:9506000.1", "unknown kind of EPC URN"),
        (f"{GTIN}(23)1", "(23) is no application identifier"),
    ],
)
def test_what_is_not_read_is_refused_by_its_name(text: str, says: str) -> None:
    assert says in read_code(text).problems[0].message


@pytest.mark.parametrize("ai", sorted(IDENTIFIERS))
def test_no_identifier_takes_nothing_too_much_or_a_foreign_sign(ai: str) -> None:
    for value in ("", "1" * 91, "A" * 91, "\u00e4", "1 2", "\u0661" * 6):
        problems = read_bracketed(f"({ai}){value}").problems
        assert problems, (ai, value)


# The examples of the EPC Tag Data Standard, appendix E.3.
STANDARD_TAGS = {
    "3074257BF7194E4000001A85": Tag("sgtin", 3, "0614141", "812345", "6789"),
    "3174257BF4499602D2000000": Tag("sscc", 3, "0614141", "1234567890"),
    "3274257BF46072000000162E": Tag("sgln", 3, "0614141", "12345", "5678"),
    "3674257BF6B7A659B2C2BF1000000000000000000000000000": Tag(
        "sgtin", 3, "0614141", "712345", "32a/b"
    ),
}


@pytest.mark.parametrize("text", STANDARD_TAGS)
def test_the_tags_of_the_standard_are_read_and_written(text: str) -> None:
    tag = STANDARD_TAGS[text]
    assert read_tag(text) == tag
    assert write_tag(tag, 198 if len(text) > 24 else 96).rstrip("0") == text.rstrip("0")
    assert read_code(text).elements == tag.elements()


@given(
    st.integers(0, 7),
    st.integers(6, 12),
    st.integers(0, 10**13 - 1),
    st.text(sorted(SIGNS_82), min_size=1, max_size=20),
)
def test_a_tag_of_198_bits_is_read_back_with_its_text(
    filter_value: int, digits: int, number: int, serial: str
) -> None:
    body = str(number).zfill(13)
    tag = Tag("sgtin", filter_value, body[:digits], body[digits:], serial)
    written = write_tag(tag, 198)
    assert (len(written), read_tag(written), read_tag(written[:50])) == (52, tag, tag)
    assert read_link(read_key(tag.uri()).value).listed == tag.elements()


def test_a_place_without_extension_has_none_on_its_tag() -> None:
    tag = Tag("sgln", 1, "0614141", "07346", "0")
    assert [e.ai for e in read_code(write_tag(tag)).elements] == ["414"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("36" + "0" * 48, "is no serial"),
        ("3674257BF6B7A659B2C2BF1000000000000000000000000001", "are no SGTIN-198"),
        ("3674257BF6B7A659B2C2BF10", "are no SGTIN-198"),
        ("3374257BF46072000000162E", "header 33 is not read"),
        ("327C257BF46072000000162E", "partition 7 is not accepted"),
    ],
)
def test_a_tag_that_holds_no_such_thing_is_refused(text: str, says: str) -> None:
    with pytest.raises(BadCode, match=says):
        read_tag(text)


@pytest.mark.parametrize(
    "urn",
    [
        "urn:epc:id:sgtin:0614141.812345.6789", "urn:epc:class:lgtin:4012345.012345.998%2F877",
        "urn:epc:idpat:sgtin:0614141.812345.*", "urn:epc:id:sscc:0614141.1234567890",
        "urn:epc:id:sgln:0614141.12345.400", "urn:epc:id:sgln:0614141.12345.0",
        "urn:epc:id:pgln:0614141.12345", "urn:epc:id:grai:0614141.12345.400",
        "urn:epc:id:giai:0614141.12345400", "urn:epc:id:gsrn:0614141.1234567890",
        "urn:epc:id:gsrnp:0614141.1234567890", "urn:epc:id:gdti:0614141.12345.400",
        "urn:epc:id:cpi:0614141.5PQ7%2FZ43.12345", "urn:epc:id:sgcn:4012345.67890.04711",
        "urn:epc:id:ginc:0614141.xyz3311cba", "urn:epc:id:gsin:0614141.123456789",
        "urn:epc:id:itip:4012345.012345.01.02.987", "urn:epc:id:upui:1234567.089456.51qIgY",
    ],
)  # fmt: skip
def test_every_urn_becomes_a_link_and_that_urn_again(urn: str) -> None:
    company = urn.split(":")[4].split(".", maxsplit=1)[0]
    elements = read_link(read_key(urn, is_class=True).value).listed
    assert make_urn(elements, len(company)) == urn
