"""What counts as looser, part by part; what the comparison does not know counts as looser."""

import copy
from typing import Any

import pytest

from qtcore.definitions.packs import KINDS
from qtcore.registry.durations import shortest_first
from qtcore.registry.weakening import Asked, find_loosenings

FLOW: dict[str, Any] = {
    "id": "batch",
    "subject": "record",
    "initial": "open",
    "states": [
        {"id": "open", "status": "draft", "may": ["edit"]},
        {"id": "done", "status": "released", "final": True},
    ],
    "transitions": [
        {
            "id": "close",
            "from": ["open"],
            "to": "done",
            "roles": ["qa", "qp"],
            "guard": "ok",
            "gate": "release",
            "form": "closing",
            "reason": True,
            "signature": {"meaning": "approved", "profile": "session", "roles": ["qa"]},
            "not_same_as": ["start"],
            "rules": ["R-1"],
            "different_from_all": True,
            "creator": "never",
            "effects": [{"do": "hold", "reason": "x"}],
        },
        {"id": "start", "from": ["open"], "to": "open", "roles": ["qa"]},
    ],
    "timers": [{"state": "open", "after": "P3D", "escalate_to": ["qa"]}],
    "verify": [{"id": "v", "mandatory": True, "never": {"state": "open"}}],
}
SPEC: dict[str, Any] = {
    "id": "tablet",
    "items": ["A", "B"],
    "characteristics": [
        {"id": "assay", "lower": "95", "upper": "105", "critical": True},
        {"id": "look", "type": "choice", "accept": ["white"]},
    ],
}
FORM: dict[str, Any] = {
    "id": "receipt",
    "schema": {
        "type": "object",
        "required": ["seal"],
        "properties": {
            "seal": {"type": "string", "maxLength": 10, "pattern": "^[A-Z]+$"},
            "temp": {"type": "number", "maximum": 8, "x-qt": {"unit": "Cel", "critical": True}},
            "kind": {"type": "string", "enum": ["a", "b"]},
        },
    },
}
PLAN: dict[str, Any] = {
    "id": "us",
    "jurisdiction": "US",
    "classes": [{"id": "I"}],
    "nodes": [
        {"id": "n", "order": 1, "recipient": "fda", "due": {"I": "PT24H"}, "evidence": ["x"]}
    ],
    "effectiveness": [{"id": "A", "percent": 100}],
}
RULE: dict[str, Any] = {"id": "R", "check": "ok", "when": "x", "industries": ["food"]}
KIND = {
    "batch": "workflows",
    "tablet": "specs",
    "receipt": "forms",
    "us": "recalls",
    "R": "rules",
    "lot_fields": "fields",
    "clerk": "roles",
}
ROLE: dict[str, Any] = {"id": "clerk", "permissions": ["lot.read"], "may_sign": False}


def changed(below: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Copy a raw definition with one value changed; None takes the key away."""
    above: Any = copy.deepcopy(below)
    here = above
    *steps, last = [int(s) if s.isdigit() else s for s in path.split("/")]
    for step in steps:
        here = here[step]
    if value is not None:
        here[last] = value
    else:
        del here[last]
    return dict(above)


def loosenings(below: dict[str, Any], above: dict[str, Any]) -> list[Any]:
    model = KINDS[KIND[below["id"]]]
    one, two = model.model_validate(below), model.model_validate(above)
    return list(find_loosenings(KIND[below["id"]], one, two))


@pytest.mark.parametrize(
    ("below", "path", "value"),
    [
        (FLOW, "transitions/0", None),
        (FLOW, "transitions/0/from", ["open", "done"]),
        (FLOW, "transitions/0/to", "open"),
        (FLOW, "transitions/0/roles", ["qa", "qp", "operator"]),
        (FLOW, "transitions/0/guard", None),
        (FLOW, "transitions/0/guard", "ok or late"),
        (FLOW, "transitions/0/gate", None),
        (FLOW, "transitions/0/form", None),
        (FLOW, "transitions/0/form", "other"),
        (FLOW, "transitions/0/reason", False),
        (FLOW, "transitions/0/signature", None),
        (FLOW, "transitions/0/signature/meaning", "seen"),
        (FLOW, "transitions/0/signature/profile", "simple"),
        (FLOW, "transitions/0/signature/roles", None),
        (FLOW, "transitions/0/not_same_as", []),
        (FLOW, "transitions/0/effects", None),
        (FLOW, "transitions/0/rules", []),
        (FLOW, "transitions/0/automatic", True),
        (FLOW, "transitions/0/different_from_all", False),
        (FLOW, "transitions/0/creator", None),
        (FLOW, "states/0/may", ["edit", "ship"]),
        (FLOW, "states/0/status", "released"),
        (FLOW, "states/1/final", False),
        (FLOW, "timers", []),
        (FLOW, "verify", []),
        (FLOW, "verify/0/mandatory", False),
        (FLOW, "initial", "done"),
        (SPEC, "characteristics/0/lower", "94.9"),
        (SPEC, "characteristics/0/upper", "105.1"),
        (SPEC, "characteristics/0/upper", None),
        (SPEC, "characteristics/0/critical", False),
        (SPEC, "characteristics/0/required", False),
        (SPEC, "characteristics/1/accept", ["white", "grey"]),
        (SPEC, "characteristics/1", None),
        (SPEC, "items", ["A"]),
        (FORM, "schema/required", []),
        (FORM, "schema/properties/seal", None),
        (FORM, "schema/properties/seal/maxLength", 11),
        (FORM, "schema/properties/seal/pattern", "^.+$"),
        (FORM, "schema/properties/temp/maximum", 9),
        (FORM, "schema/properties/temp/x-qt/critical", None),
        (FORM, "schema/properties/temp/x-qt/unit", "K"),
        (FORM, "schema/properties/kind/enum", ["a", "b", "c"]),
        (PLAN, "nodes/0/due/I", "PT25H"),
        (PLAN, "nodes/0/due/I", "P1M"),
        (PLAN, "nodes/0/due", {}),
        (PLAN, "nodes/0/when", "big"),
        (PLAN, "nodes/0/evidence", []),
        (PLAN, "nodes/0/recipient", "nobody"),
        (PLAN, "effectiveness/0/percent", 80),
        (RULE, "check", "ok or x"),
        (RULE, "when", "x and y"),
        (RULE, "severity", "block_override"),
        (RULE, "severity", "info"),
        (RULE, "industries", ["pharma"]),
        (RULE, "gate", "other"),
        (RULE, "valid_from", "2030-01-01"),
        (RULE, "valid_to", "2030-01-01"),
        (ROLE, "permissions", ["lot.read", "release.decide"]),
        (ROLE, "may_sign", True),
    ],
)
def test_a_looser_part_is_found_or_put_to_the_proof(
    below: dict[str, Any], path: str, value: Any
) -> None:
    above = changed(below, path, value)
    assert loosenings(below, above)


@pytest.mark.parametrize(
    ("below", "path", "value"),
    [
        (FLOW, "transitions/0/roles", ["qa"]),
        (FLOW, "transitions/0/signature/profile", "strict"),
        (FLOW, "transitions/1/guard", "ok"),
        (FLOW, "transitions/1/reason", True),
        (FLOW, "states/0/may", []),
        (SPEC, "characteristics/0/lower", "95.5"),
        (SPEC, "items", ["A", "B", "C"]),
        (FORM, "schema/required", ["seal", "temp"]),
        (FORM, "schema/properties/temp/minimum", 2),
        (FORM, "schema/properties/extra", {"type": "string"}),
        (FORM, "schema/properties/kind/enum", ["a"]),
        (PLAN, "nodes/0/due/I", "PT12H"),
        (PLAN, "effectiveness/0/percent", 100),
        (RULE, "industries", []),
        (RULE, "valid_from", None),
        (ROLE, "permissions", []),
    ],
)
def test_a_stricter_part_is_not_called_looser(below: dict[str, Any], path: str, value: Any) -> None:
    below = {"valid_from": "2026-01-01", **below}
    assert loosenings(below, changed(below, path, value)) == []


def test_a_new_way_into_a_state_must_ask_for_what_the_others_ask_for() -> None:
    shortcut = {"id": "shortcut", "from": ["open"], "to": "done", "roles": ["qa"]}
    found = loosenings(FLOW, {**FLOW, "transitions": [*FLOW["transitions"], shortcut]})
    said = " / ".join(each.said for each in found)
    for wanted in (
        "gate 'release'",
        "form 'closing'",
        "guard 'ok'",
        "without a signature",
        "rule 'R-1'",
    ):
        assert wanted in said
    assert "without a reason" in said
    assert "by the person of 'start'" in said


def test_an_expression_is_not_judged_by_its_words() -> None:
    below, above = RULE, {**RULE, "check": "ok and x"}
    assert [type(each) for each in loosenings(below, above)] == [Asked]


@pytest.mark.parametrize(
    ("first", "second", "is_shorter"),
    [
        ("PT24H", "P1D", True),
        ("P1D", "PT24H", True),
        ("P30D", "P1M", False),
        ("P28D", "P1M", True),
        ("P1M", "P31D", True),
        ("P1M", "P30D", False),
        ("P1Y", "P366D", True),
        ("P2W", "P14D", True),
        ("PT90M", "PT1H", False),
    ],
)
def test_durations_compare_only_when_it_is_certain(
    first: str, second: str, is_shorter: bool
) -> None:
    assert shortest_first(first, second) is is_shorter
