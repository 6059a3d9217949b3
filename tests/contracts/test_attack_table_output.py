"""The attack table of what leaves the product: tables, log lines, files, pages.

As in test_attack_table_web.py each attack fails here, and works with the bare library.
"""

import csv
import io
import json
import logging
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
import xlsxwriter

import qtcore
from qtcore.builtin.faults import Faults
from qtcore.builtin.tabular.spreadsheet import write_csv_rows
from qtcore.builtin.tabular.workbooks import check_package
from qtcore.builtin.tabular.writing import Table, write_workbook
from qtcore.http.rendering import TEMPLATES
from qtcore.testing.sites import a_site
from tests.web import Web, make_web


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site() as site:
        yield make_web(site)


# ------------------------------------------------------------------ what is given out


FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_a_table_is_a_formula(text: str):
    ((cell,),) = csv.reader(io.StringIO(write_csv_rows([text], []), newline=""))
    assert cell == f"'{text}"
    out = io.StringIO(newline="")
    csv.writer(out).writerow([text])
    assert next(csv.reader(io.StringIO(out.getvalue(), newline="")))[0].startswith(text[:1])


def test_another_delimiter_opens_no_cell():
    sign = 'x";=1+1'.replace('"', "")
    (row,) = csv.reader(io.StringIO(write_csv_rows([sign], [])), delimiter=";")
    assert row == [sign]
    out = io.StringIO()
    csv.writer(out).writerow([sign])
    assert next(csv.reader(io.StringIO(out.getvalue()), delimiter=";")) == ["x", "=1+1"]


def test_no_cell_of_a_workbook_is_a_formula_or_a_link():
    def parts(content: bytes) -> str:
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            return book.read("xl/worksheets/sheet1.xml").decode()

    ours = parts(write_workbook([Table("T", ("a",), (("=1+1",), ("http://evil.example",)))]))
    assert "<f>" not in ours and "<hyperlink" not in ours
    held = io.BytesIO()
    book = xlsxwriter.Workbook(held)
    book.add_worksheet().write(0, 0, "=1+1")
    book.close()
    assert "<f>1+1</f>" in parts(held.getvalue())


# What writes tables: one place for CSV, one for workbooks; rows of a quarantine file are mended and
# loaded again, so they stay as they came.
WRITERS = {"tabular/spreadsheet.py", "tabular/writing.py", "tabular/quarantine.py"}
WRITES = re.compile(r"\bcsv\.(writer|DictWriter)|\bimport xlsxwriter|\bopenpyxl\b|text/csv.*join\(")


def test_every_table_that_leaves_is_written_in_one_place():
    root = Path(qtcore.__file__).parent
    found = {
        "/".join(file.parts[-2:])
        for folder in (root, root.parent / "plugins")
        for file in folder.rglob("*.py")
        if WRITES.search(file.read_text("utf-8"))
    }
    assert found == WRITERS
    assert WRITES.search("held = csv.writer(out)")


def test_a_small_workbook_that_unpacks_to_a_large_one_is_not_unpacked():
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
        book.writestr("xl/workbook.xml", "<workbook/>")
        book.writestr("xl/worksheets/sheet1.xml", bytes(30_000_000))
    faults = Faults()
    assert not check_package(held.getvalue(), "bomb.xlsx", faults)
    assert faults.count == 1
    with zipfile.ZipFile(held) as book:
        assert len(book.read("xl/worksheets/sheet1.xml")) > 100 * len(held.getvalue())


def test_a_line_of_the_log_is_one_line_whatever_was_asked(web: Web):
    own = make_web(web.site)
    path = "/l/x%0d%0aINFO%20forged"
    with own.visitor() as client:
        client.get(path)
    (line, *rest) = own.log.getvalue().splitlines()
    assert json.loads(line)["path"].endswith("\r\nINFO forged")
    assert not any("forged" in each and not each.startswith("{") for each in rest)
    out = io.StringIO()
    bare = logging.Logger("bare")
    bare.addHandler(logging.StreamHandler(out))
    bare.info("GET %s", "/l/x\r\nINFO forged")
    assert out.getvalue().splitlines()[1] == "INFO forged"


def test_static_files_stay_in_their_folder(web: Web):
    outside = "../templates/layout.html"
    with web.visitor() as client:
        for path in (outside, outside.replace("/", "%2f"), "..%5ctemplates", "/etc/passwd"):
            assert client.get(f"/static/{path}", follow_redirects=False).status_code in (303, 404)
    assert Path(TEMPLATES.parent / "static" / outside).is_file()


# ------------------------------------------------------------------ templates


_OUTPUT = re.compile(r"{{.*?}}|{%.*?%}", re.DOTALL)
# `{{ "checked" if ... }}` writes a word of ours, `link(...)` begins with a path of ours, and
# `attributes` is a block of the template itself, whose inside is looked at as well.
_OURS = re.compile(r"""{{ (["'])[^"'{}]*\1 if [^{}]*}}|{{ link\(.*?\) }}|{{ attributes }}""")
_TAG = re.compile(r"<[a-zA-Z][^<>]*>")


def lint(text: str) -> list[str]:
    """Find what autoescape does not make safe: outputs outside of quotes, scripts, own markup."""
    found = []
    marked = _OUTPUT.sub(
        lambda m: "\x01" if m.group().startswith("{{") else "", _OURS.sub("", text)
    )
    for tag in _TAG.findall(marked):
        bare = re.sub(r'"[^"]*"', "", tag)
        if "\x01" in bare:
            found.append(f"an output without quotes: {tag}")
        if re.search(r"\son\w+\s*=", bare):
            found.append(f"a script in an attribute: {tag}")
        if re.search(r'(href|src|action|formaction)="\x01', tag):
            found.append(f"an address that an output begins: {tag}")
    if re.search(r"<script(?![^>]*\bsrc=)", text) or "<style" in text or ' style="' in text:
        found.append("a script or style in the page")
    if re.search(r"\|\s*safe\b|autoescape|Markup", text):
        found.append("markup that is not escaped")
    return found


@pytest.mark.parametrize("name", sorted(file.name for file in TEMPLATES.iterdir()))
def test_no_template_puts_a_value_where_escaping_does_not_help(name: str):
    assert lint((TEMPLATES / name).read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("template", "value", "result"),
    [
        ("<a x={{ v }}>", "1 onfocus=alert(1)", "<a x=1 onfocus=alert(1)>"),
        ('<a href="{{ v }}">', "javascript:alert(1)", '<a href="javascript:alert(1)">'),
        ("<script>f('{{ v }}')</script>", "\\", "<script>f('\\')</script>"),
        ("<b>{{ v | safe }}</b>", "<i>", "<b><i></b>"),
    ],
)
def test_the_lint_finds_what_autoescape_lets_through(template: str, value: str, result: str):
    made = jinja2.Environment(autoescape=True).from_string(template).render(v=value)
    assert made == result
    assert lint(template)


@pytest.mark.parametrize(
    "text", ["{{ 7*7 }}", "{{ ''.__class__.__mro__ }}", "{0.__class__}", "{% raw %}", "${7*7}"]
)
def test_what_a_person_typed_is_never_a_template(web: Web, text: str):
    with web.person() as client:
        page = client.get("/search", params={"q": text}).text
    assert text.replace("'", "&#39;") in page
    assert jinja2.Environment().from_string("{{ 7*7 }}").render() == "49"
