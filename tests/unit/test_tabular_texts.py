"""Cells of a workbook become texts, and texts go out without becoming formulas."""

from datetime import UTC, datetime

import pytest

from qtcore.builtin.tabular.spreadsheet import safe_cell
from qtcore.builtin.tabular.workbooks import cell_text


@pytest.mark.parametrize(
    ("cell", "form", "text"),
    [
        (12.0, "", "12"),
        (0.1 + 0.2, "", "0.3"),
        (1e-07, "", "0.0000001"),
        (123456789012.5, "", "123456789012.5"),
        (True, "", "true"),
        ("0012", "", "0012"),
        (datetime(2026, 3, 1, tzinfo=UTC), "D.M.YY", "1.3.26"),
        (datetime(2026, 3, 1, 8, 30, tzinfo=UTC), "", "2026-03-01 08:30:00"),
        (None, "", "None"),
    ],
)
def test_a_cell_reads_as_a_person_sees_it(cell: object, form: str, text: str) -> None:
    assert cell_text(cell, form) == text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=cmd", "'=cmd"),
        ("@SUM", "'@SUM"),
        ("-1", "-1"),
        ("+1.5", "+1.5"),
        ("-a", "'-a"),
        ("x", "x"),
    ],
)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str, safe: str) -> None:
    assert safe_cell(text) == safe
