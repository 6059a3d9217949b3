"""One GS1 key is one identifier, as URN or as Digital Link, whoever sends it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qtcore.builtin.gs1 import (
    ANY_LOT,
    canonical_identifier,
    check_digit,
    has_check_digit,
    party_code,
    read_key,
)

digits = st.text("0123456789", min_size=1, max_size=30)
SERIAL_SIGNS = "ABCXYZabcxyz0189-._!\"%&'()*+,/:;<=>?"
serials = st.text(SERIAL_SIGNS, min_size=1, max_size=20)


@st.composite
def companies(draw: st.DrawFn, total: int) -> tuple[str, str]:
    prefix = draw(st.text("0123456789", min_size=6, max_size=12))
    rest = draw(st.text("0123456789", min_size=total - len(prefix), max_size=total - len(prefix)))
    return prefix, rest


def escaped(text: str) -> str:
    return "".join(f"%{ord(sign):02X}" if sign in '"%&/<>?#' else sign for sign in text)


def linked(text: str) -> str:
    return "".join(
        sign if sign.isalnum() or sign in "-._" else f"%{ord(sign):02X}" for sign in text
    )


@given(companies(13), serials, st.sampled_from(["10", "21"]))
def test_a_gtin_with_lot_or_serial_is_the_same_in_both_notations(
    company: tuple[str, str], serial: str, qualifier: str
) -> None:
    prefix, item = company
    body = item[0] + prefix + item[1:]
    urn = {"10": "urn:epc:class:lgtin", "21": "urn:epc:id:sgtin"}[qualifier]
    link = f"https://id.gs1.org/01/{body}{check_digit(body)}/{qualifier}/{linked(serial)}"
    assert canonical_identifier(f"{urn}:{prefix}.{item}.{escaped(serial)}") == (
        canonical_identifier(link)
    )


@given(companies(17))
def test_an_sscc_is_the_same_in_both_notations(company: tuple[str, str]) -> None:
    prefix, serial = company
    body = serial[0] + prefix + serial[1:]
    link = f"https://id.gs1.org/00/{body}{check_digit(body)}"
    assert canonical_identifier(f"urn:epc:id:sscc:{prefix}.{serial}") == ("sscc", link)
    assert canonical_identifier(link.replace("id.gs1.org", "id.example.com/x")) == ("sscc", link)


@given(companies(12), serials)
def test_a_gln_with_extension_is_the_same_in_both_notations(
    company: tuple[str, str], extension: str
) -> None:
    prefix, location = company
    gln = prefix + location + check_digit(prefix + location)
    urn = f"urn:epc:id:sgln:{prefix}.{location}"
    link = f"https://id.gs1.org/414/{gln}"
    assert canonical_identifier(f"{urn}.0") == canonical_identifier(link)
    assert party_code(f"{urn}.0") == party_code(f"urn:epc:id:pgln:{prefix}.{location}") == gln
    if extension != "0":
        assert canonical_identifier(f"{urn}.{escaped(extension)}") == (
            canonical_identifier(f"{link}/254/{linked(extension)}")
        )


@given(st.text(max_size=60))
def test_any_text_has_one_canonical_form(text: str) -> None:
    scheme, value = canonical_identifier(text)
    assert canonical_identifier(value) == (scheme, value)


@given(digits)
def test_a_changed_digit_breaks_the_check_digit(body: str) -> None:
    whole = body + check_digit(body)
    assert has_check_digit(whole)
    changed = str((int(whole[0]) + 1) % 10) + whole[1:]
    assert not has_check_digit(changed)


@pytest.mark.parametrize(
    ("uri", "scheme", "kind", "item", "number"),
    [
        ("urn:epc:id:sgtin:0614141.107346.2018", "sgtin", "unit", "10614141073464", "2018"),
        ("urn:epc:class:lgtin:4012345.012345.99%2F8", "lgtin", "lot", "04012345123456", "99/8"),
        ("https://id.gs1.org/01/09506000134352/10/A?17=27", "lgtin", "lot", "09506000134352", "A"),
        ("https://shop.example/p/01/9506000134352/21/S", "sgtin", "unit", "09506000134352", "S"),
        ("urn:epc:idpat:sgtin:4012345.098765.*", "gtin", "lot", "04012345987652", ANY_LOT),
        ("https://id.gs1.org/01/04012345987652", "gtin", "lot", "04012345987652", ANY_LOT),
        ("urn:epc:id:sscc:0614141.1234567890", "sscc", "logistic_unit", "", "106141412345678908"),
        ("urn:epc:id:grai:4012345.55555.987", "grai", "logistic_unit", "", "04012345555554987"),
        ("urn:epc:id:itip:4012345.012345.01.02.9", "itip", "unit", "040123451234560102", "9"),
        (
            "urn:gdst:example.org:product:lot:class:processor.2.v1-0122",
            "uri", "lot", "urn:gdst:example.org:product:class:processor.2", "v1-0122",
        ),
        ("urn:example:lots:2026-07", "uri", "lot", "urn:example:lots:", "2026-07"),
        ("urn:epc:id:sscc:08600031303.0003", "uri", "logistic_unit", "", "08600031303.0003"),
    ],
)  # fmt: skip
def test_a_name_tells_what_it_names(
    uri: str, scheme: str, kind: str, item: str, number: str
) -> None:
    key = read_key(uri, is_class=True)
    assert (key.scheme, key.kind, key.item, key.number) == (scheme, kind, item, number)


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("urn:epc:id:sscc:08600031303.0003", "needs 17 digits before the check digit, found 15"),
        ("https://id.gs1.org/01/04012345987653", "has check digit 3, it should be 2"),
        ("urn:epc:id:sgtin:06X4141.107346.2018", "'06X4141' is not 6 to 12 digits"),
        ("urn:epc:id:sgtin:0614141.107346", "has 2 parts, it needs 3"),
        ("urn:epc:id:sgtin:0614141.10734².1", "GTIN needs 13 digits"),
        ("urn:epc:id:sgtin:0614141.10734٣.1", "GTIN needs 13 digits"),
        ("https://id.gs1.org/01/0401234598765²", "does not begin with 14 digits"),
        ("urn:epc:id:sgtin:0614141.107346.", "the serial is empty"),
        ("urn:epc:idpat:sgtin:*", "has 1 parts, it needs 3"),
        ("urn:epc:class:lgtin:4012345.012345.A%00", "a sign that cannot be shown"),
        ("urn:epc:class:lgtin:4012345.012345.A%E2%80%AEB", "a sign that cannot be shown"),
        ("https://id.gs1.org/01/04012345123456/10/A%FF", "escapes that are no UTF-8"),
    ],
)
def test_a_malformed_key_keeps_its_text_and_says_what_is_wrong(uri: str, says: str) -> None:
    key = read_key(uri)
    assert key.value == uri
    assert says in key.problem


def test_two_lots_whose_escapes_are_no_text_never_become_one() -> None:
    first, second = (f"urn:epc:class:lgtin:4012345.012345.A%{code}" for code in ("FE", "FF"))
    assert canonical_identifier(first) != canonical_identifier(second)


def test_two_lots_of_unknown_notation_never_become_one() -> None:
    names = ["urn:a:b", "urn:a.b", "urn:a/b", "urn:a#b", "https://x.example/a/b"]
    keys = [read_key(name, is_class=True) for name in names]
    assert len({(key.item, key.number) for key in keys}) == len(names)


def test_a_web_address_that_only_looks_like_a_key_stays_itself() -> None:
    assert canonical_identifier("https://example.com/401/abc") == (
        "uri",
        "https://example.com/401/abc",
    )
    assert canonical_identifier("https://example.com/01/12345678901234")[0] == "uri"
