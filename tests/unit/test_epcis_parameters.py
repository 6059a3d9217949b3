"""Every parameter that the documentation lists is read; what it does not list is refused."""

import re
from itertools import product
from pathlib import Path

import pytest

from qtcore.builtin.epcis.query_parameters import read_query
from qtcore.builtin.faults import Faults

PAGE = Path(__file__).parent.parent.parent / "docs" / "epcis.md"
_FIELD = "https://ns.example.com/x"
_VALUES = {
    "Time": "2026-03-01T00:00:00Z", "time": "2026-03-01T00:00:00Z", "quantity": "1",
    "action": "ADD", "bizStep": "shipping", "disposition": "active", "errorReason": "did_not_occur",
    "eventType": "ObjectEvent", "orderBy": "eventTime", "orderDirection": "ASC",
    "eventCountLimit": "1", "maxEventCount": "1", "perPage": "1", "nextPageToken": "x",
    "booleanValue": "true", "persistentDisposition_set": "active",
    "persistentDisposition_unset": "active", "type": "Temperature",
}  # fmt: skip
_SCOPES = (
    "", "INNER_", "ILMD_", "INNER_ILMD_", "ERROR_DECLARATION_", "INNER_ERROR_DECLARATION_",
    "SENSORELEMENT_", "INNER_SENSORELEMENT_", "SENSORMETADATA_", "INNER_SENSORMETADATA_",
    "SENSORREPORT_", "INNER_SENSORREPORT_", "readPoint_", "bizLocation_",
)  # fmt: skip
_MEASURES = ("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue")


def _listed() -> tuple[list[str], list[str]]:
    """Give the names and the examples of the table."""
    text = PAGE.read_text("utf-8")
    table = text.partition("<!-- parameters -->")[2].partition("<!-- end of parameters -->")[0]
    rows = [line.split("|")[1:3] for line in table.splitlines() if line.startswith("| `")]
    names = [name for first, _ in rows for name in re.findall("`([^`]+)`", first)]
    return names, [re.findall("`([^`]+)`", second)[0] for _, second in rows]


NAMES, EXAMPLES = _listed()


def faults_of(name: str, *values: str) -> list[tuple[str, str]]:
    faults = Faults()
    read_query({name: values}, faults)
    return [(fault.code, fault.where) for fault in faults.listed()]


def value_of(name: str) -> str:
    bare = name.partition("_")[2] or name
    known = next((v for end, v in _VALUES.items() if bare == end or bare.endswith(end)), None)
    return known or "urn:x:1"


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_of_the_table_is_read(example: str) -> None:
    name, _, value = example.partition("=")
    assert faults_of(name, value) == []


@pytest.mark.parametrize("name", [n for n in NAMES if n.upper() != n and "FIELD" not in n])
def test_each_name_of_the_table_is_read(name: str) -> None:
    told = name.replace("_TYPE", "_owning_party").replace("_UOM", "_CEL")
    value = "1" if "alue_" in told or told in _MEASURES else value_of(told)
    if name in _MEASURES:
        told, value = f"EQ_{name}", "1"
    assert faults_of(told, value) == []


@pytest.mark.parametrize("scope", _SCOPES)
def test_fields_are_asked_in_every_place_with_every_sign(scope: str) -> None:
    for sign in ("EQ", "GT", "GE", "LT", "LE", "EXISTS", "HASATTR"):
        assert faults_of(f"{sign}_{scope}{_FIELD}", "5") == [], sign
    assert faults_of(f"EQATTR_{scope}{_FIELD}_kind", "k") == []


def test_measures_are_asked_with_every_sign() -> None:
    for sign, what in product(("EQ", "GT", "GE", "LT", "LE"), _MEASURES):
        assert faults_of(f"{sign}_{what}_CEL", "4.5") == []
        assert faults_of(f"{sign}_{what}_CEL", "warm") == [("QT761", f"/{sign}_{what}_CEL")]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("EQ_bizstep", "shipping", "QT760"),
        ("GT_action", "ADD", "QT760"),
        ("EQ_farm", "x", "QT760"),
        ("MATCH_all", "urn:x:1", "QT760"),
        ("WD_disposition", "active", "QT760"),
        ("LE_eventTime", "2026-03-01T00:00:00Z", "QT760"),
        ("eventtype", "ObjectEvent", "QT760"),
        ("EQ_action", "MOVE", "QT761"),
        ("EQ_bizStep", "shiping", "QT761"),
        ("eventType", "Object", "QT761"),
        ("GE_eventTime", "2026-03-01", "QT761"),
        ("GE_eventTime", "2026-03-01T00:00:00", "QT761"),
        ("MATCH_epc", "12345", "QT761"),
        ("MATCH_epc", "https://example.com/01/09506000134353/21/1", "QT761"),
        ("MATCH_epc", "urn:epc:raw:96.x302396D12A475094A080AD3B", "QT761"),
        ("EQ_quantity", "NaN", "QT761"),
        ("EQ_booleanValue", "maybe", "QT761"),
        ("EQ_bizStep", "", "QT761"),
        ("perPage", "0", "QT761"),
        ("perPage", "1001", "QT761"),
        ("perPage", "1e2", "QT761"),
        ("eventCountLimit", "-1", "QT761"),
        ("maxEventCount", "\u0661", "QT761"),
        ("orderBy", "bizStep", "QT761"),
        ("orderDirection", "up", "QT761"),
        (f"GT_{_FIELD}", "north", "QT761"),
    ],
)
def test_an_unknown_name_or_a_bad_value_is_refused_with_its_place(
    name: str, value: str, code: str
) -> None:
    assert faults_of(name, value) == [(code, f"/{name}")]


def test_two_limits_and_two_values_of_one_are_refused() -> None:
    faults = Faults()
    read_query({"eventCountLimit": ["1"], "maxEventCount": ["1"], "perPage": ["1", "2"]}, faults)
    assert [fault.where for fault in faults.listed()] == ["/perPage", "/maxEventCount"]
