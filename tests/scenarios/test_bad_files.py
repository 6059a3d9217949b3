"""Files that lie, swell, break off or change: refused with the place, nothing of them is stored.

Beside each defence stands what a bare library makes of the same bytes: without the defence the
site would have taken that.
"""

import csv
import gzip
import io
import json
import threading
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qtcore.builtin.tabular.guess_mapping import guess_mapping
from qtcore.cli.options import steady_content
from qtcore.errors import InputRejected
from qtcore.services.interchange import import_epcis
from qtcore.services.site import Site
from qtcore.services.table_loads import import_table
from qtcore.store.tables import Event, Item, Lot
from qtcore.testing import a_site
from tests.counting import counts
from tests.epcis_words import a_document, an_event

TABLES = (Event, Item, Lot)
PLAIN = json.dumps(a_document(an_event(eventID="urn:x:1", **{"ex:note": "MARK"})))
JSON = PLAIN.replace('"https://ref.gs1.org', '{"ex": "https://ex.example/"}, "https://ref.gs1.org')


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """One site: nothing of any file here is kept, which the last test proves."""
    with a_site() as site:
        yield site


def refused(site: Site, data: bytes) -> list[tuple[str, str, str]]:
    before = counts(site, *TABLES)
    report = import_epcis(site, site.system_context(), [("f", data)])
    assert (report.stored, report.refused) == (0, 1)
    assert counts(site, *TABLES) == before
    return [(p.code, p.message, p.where) for p in report.problems]


def _marked(new: str) -> bytes:
    assert JSON.count('"MARK"') == 1
    return JSON.replace('"MARK"', new).encode("utf-8", "surrogatepass")


def _last_wins(data: bytes) -> bool:
    return "ObjectEvent" in str(json.loads(data))


def _is_number(data: bytes) -> bool:
    return bool(json.loads(data))


def _is_replaced(data: bytes) -> bool:
    return "\ufffd" in str(json.loads(data.decode(errors="replace")))


@pytest.mark.parametrize(
    ("data", "code", "says", "control"),
    [
        (_marked('"a", "ex:note": "b"'), "QT702", "ex:note", _last_wins),
        (_marked("NaN"), "QT701", "NaN", _is_number),
        (_marked("-Infinity"), "QT701", "Infinity", _is_number),
        (_marked('"\\ud800"'), "QT701", "surrogate", _is_number),
        (_marked('"caf').replace(b'"caf', b'"caf\xe9"'), "QT701", "UTF-8", _is_replaced),
        (_marked('"x" // why\n'), "QT701", "", None),
        (_marked('"x" /* why */'), "QT701", "", None),
        (JSON.encode()[:-40], "QT701", "", None),
        (JSON.encode() + b"{}", "QT701", "", None),
        (JSON.encode("utf-16"), "QT700", "UTF-16 text", lambda d: bool(json.loads(d))),
        (_marked("[" * 5000 + "]" * 5000), "QT703", "", None),
    ],
    ids="twice nan infinity surrogate latin1 comment block cut more utf16 deep".split(),
)
def test_json_that_is_not_plain_json_is_refused(
    site: Site, data: bytes, code: str, says: str, control: Callable[[bytes], bool] | None
) -> None:
    found = refused(site, data)
    assert found[0][0] == code, found
    assert says in found[0][1]
    assert found[0][2].startswith("f#")
    if control is not None:
        assert control(data), "without the defence the bytes would have been read"


def test_a_byte_order_mark_changes_nothing(site: Site) -> None:
    with a_site() as other:
        data = b"\xef\xbb\xbf" + JSON.encode()
        assert import_epcis(other, other.system_context(), [("f", data)]).stored == 1


def _xml(inside: str, head: str = "", *, encoding: str = "utf-8") -> bytes:
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}<epcis:EPCISDocument '
        'xmlns:epcis="urn:epcglobal:epcis:xsd:2" schemaVersion="2.0" creationDate="2026-03-01'
        f'T00:00:00Z"><EPCISBody><EventList>{inside}</EventList></EPCISBody></epcis:EPCISDocument>'
    )
    return text.encode(encoding)


_LAUGHS = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 9 if n else "ha"}">' for n in range(6))


@pytest.mark.parametrize(
    ("data", "code", "control"),
    [
        (_xml("&b;", '<!DOCTYPE a [<!ENTITY b "c">]>'), "QT711", "c"),
        (_xml("&e5;", f"<!DOCTYPE a [{_LAUGHS}]>"), "QT711", "ha" * 9**5),
        (_xml("", '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd">'), "QT711", ""),
        (_xml("", '<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>'), "QT711", None),
        (_xml("&b;", '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'), "QT711", None),
        (_xml("&b;"), "QT701", None),
        (_xml("caf\xe9", encoding="latin-1"), "QT701", None),
        (_xml("")[:-9], "QT701", None),
        (_xml("<a>" * 3000), "QT703", None),
    ],
    ids="entity laughs dtd parameter external unknown latin1 cut deep".split(),
)
def test_xml_that_declares_or_breaks_is_refused_and_nothing_is_fetched(
    site: Site, data: bytes, code: str, control: str | None
) -> None:
    assert refused(site, data)[0][0] == code
    if control is not None:
        assert ET.fromstring(data)[0][0].text == (control or None)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (gzip.compress(b" " * 30_000_000), "swells past"),
        (gzip.compress(JSON.encode())[:-12], "is cut off"),
        (gzip.compress(JSON.encode())[:-8] + b"\0" * 8, "is broken"),
        (gzip.compress(JSON.encode()) + b"tail", "is broken"),
    ],
    ids="bomb cut broken tail".split(),
)
def test_gzip_that_swells_or_breaks_is_refused(site: Site, data: bytes, says: str) -> None:
    ((code, message, _),) = refused(site, data)
    assert (code, says in message) == ("QT714", True), message


def test_without_the_limit_the_bomb_unpacks() -> None:
    data = gzip.compress(b" " * 30_000_000)
    assert len(gzip.decompress(data)) > 1000 * len(data)


def test_gzip_inside_gzip_is_not_unpacked_again(site: Site) -> None:
    assert refused(site, gzip.compress(gzip.compress(JSON.encode())))


RULES = """
mapping: m
event: {type: receiving, key: "m/{lot}", at: day}
lots: {l: {part: output, item: fish, source: north, lot_no: "{lot}", quantity: kg, unit: kg}}
tables:
  t:
    delimiter: ";"
    key: [lot]
    columns:
      lot: {required: true}
      day: {type: date, format: YYYY-MM-DD, required: true}
      kg: {type: decimal}
      note: {event_value: true}
"""
GOOD = "lot;day;kg;note\n1;2026-03-01;5;x\n"


def tried(site: Site, data: bytes, name: str = "t.csv") -> Any:
    """Load without effect."""
    files, rules = [(name, data)], ("r.yaml", RULES.encode())
    return import_table(site, site.system_context(), files, rules, dry_run=True)


def _workbook_bomb() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/workbook.xml", "<workbook/>")
        package.writestr("xl/worksheets/sheet1.xml", b" " * 30_000_000)
    return data.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (GOOD.replace(";", ",").encode(), "separates its columns by comma, the mapping says semi"),
        (GOOD.encode() + "2;2026-03-02;5;\xe9\n".encode("cp1252"), "bytes e9 0a in line 3"),
        (GOOD.encode("utf-16"), "UTF-16 text; save it in the encoding of the mapping"),
        (_workbook_bomb(), "times packed"),
        (_workbook_bomb()[:-30], "no whole workbook"),
        (GOOD.replace("lot;day", "lot;lot").encode(), "the columns 'day' are missing"),
        (GOOD.replace("kg;note", "kg;kg").encode(), "'note' are missing"),
        (gzip.compress(GOOD.encode()), "a gzip archive; unpack it"),
        (b"", "empty"),
    ],
    ids="delimiter mixed utf16 bomb cut twice repeated gzip empty".split(),
)
def test_a_table_that_cannot_be_trusted_is_refused_whole(
    site: Site, data: bytes, says: str
) -> None:
    report = tried(site, data)
    assert (report.read, report.stored, report.refused > 0) == (0, 0, True)
    assert says in report.problems[0].message, report.problems[0].message


def test_mixed_encodings_would_be_read_as_other_letters_by_a_lenient_reader() -> None:
    data = GOOD.encode() + "2;2026-03-02;5;\xe9\n".encode("cp1252")
    rows = list(csv.reader(io.StringIO(data.decode(errors="replace")), delimiter=";"))
    assert rows[2][3] == "\ufffd"


@pytest.mark.parametrize(
    ("tail", "says"),
    [
        ("2;2026-03-02;5", "the row has 3 fields, the header 4"),
        ("2;2026-03", "the row has 2 fields, the header 4"),
        ('2;2026-03-02;5;"cut of', "cannot be read from here on"),
    ],
)
def test_a_table_that_breaks_off_says_in_which_row(site: Site, tail: str, says: str) -> None:
    report = tried(site, (GOOD + tail).encode())
    assert (report.stored, report.refused) == (1, 1)
    assert says in report.problems[0].message
    assert "3" in report.problems[0].where
    lenient = list(csv.reader(io.StringIO(GOOD + tail), delimiter=";"))
    assert len(lenient) == 3, "a lenient reader takes the half row as a row"


def test_formula_text_stays_text_and_no_number(site: Site) -> None:
    report = tried(site, (GOOD + "=1+1;2026-03-02;=2*3;@SUM(A1)\n").encode())
    assert (report.stored, report.refused) == (1, 1)
    assert "found '=2*3'; accepted: a number" in report.problems[0].message
    assert tried(site, (GOOD + "=1+1;2026-03-02;6;@SUM(A1)\n").encode()).stored == 2


def test_ambiguous_dates_are_listed_and_not_guessed() -> None:
    text = "lot;day\n1;01/02/2026\n2;03/04/2026\n"
    guess = guess_mapping([("t.csv", text.encode())])
    assert any("01/02/2026' read as DD/MM/YYYY or as MM/DD/YYYY" in str(d) for d in guess.doubts)
    assert guess.mapping["tables"]["t"]["columns"]["day"].get("type", "text") == "text"


class Growing(type(Path())):  # type: ignore[misc]
    """A file to which another program writes while it is read."""

    def read_bytes(self) -> bytes:
        data = Path(self).read_bytes()
        with Path(self).open("ab") as file:
            file.write(b"3;2026-03-03;5;late\n")
        return data


def test_a_small_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    plain = tmp_path / "t.csv"
    plain.write_text(GOOD)
    assert steady_content(plain, tmp_path) == GOOD.encode()
    with pytest.raises(InputRejected, match=r"t\.csv"):
        steady_content(Growing(plain), tmp_path)
    assert Growing(plain).read_bytes() != plain.read_bytes(), "undefended, half is taken as whole"


def test_a_large_file_that_changes_while_it_is_copied_is_refused(tmp_path: Path) -> None:
    large, copies = tmp_path / "large.csv", tmp_path / "copies"
    copies.mkdir()
    with large.open("wb") as file:
        file.truncate(64 << 20)
    is_writing, is_done = threading.Event(), threading.Event()

    def write() -> None:
        while not is_done.is_set():
            with large.open("ab") as file:
                file.write(b"x")
            is_writing.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        is_writing.wait()
        with pytest.raises(InputRejected, match=r"large\.csv"):
            steady_content(large, copies)
    finally:
        is_done.set()
        writer.join()
    assert isinstance(steady_content(large, copies), Path)
