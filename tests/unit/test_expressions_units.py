"""Units in expressions: what converts does, what does not is a mistake with words and a column."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from qtcore.engines.expressions import (
    DECIMAL,
    INTEGER,
    Compiled,
    FactType,
    Quantity,
    check,
    evaluate,
    explain_tree,
)
from tests.expression_vectors import units

UNITS = units()
NAMES: Mapping[str, FactType] = {
    "net": DECIMAL.counted_in(UNITS["kg"]),
    "tare": DECIMAL.counted_in(UNITS["g"]),
    "volume": DECIMAL.counted_in(UNITS["L"]),
    "weights": FactType("decimal_list", unit=UNITS["kg"]),
    "plain": DECIMAL,
    "count": INTEGER,
    "ok": FactType("boolean"),
    "numbers": FactType("decimal_list"),
}


def compiled(text: str) -> Compiled:
    found, problems = check(text, NAMES, units=UNITS)
    assert found is not None, [str(problem) for problem in problems]
    return found


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("net < volume", 1, "no declared factor leads from L to kg"),
        ("ok and net + volume > 1", 8, "no declared factor leads from L to kg"),
        ("max(net, volume) > 1", 1, "no declared factor leads from L to kg"),
        ("net + tare + plain > 1", 1, None),
        ("min(net, tare, plain) > 1", 1, "a plain number beside kg and g says too little"),
        ("net * net > 1", 1, "kg * kg gives a unit that is not declared"),
        ("1 / net > 1", 1, "a plain number / kg gives a unit that is not declared"),
        ("net / volume > 1", 1, "no declared factor leads from L to kg"),
        ("quantity(5, 'kgs') < net", 13, "there is no unit 'kgs'"),
        ("quantity(tare, 'kg') < net", 10, "'tare' counts in g already"),
        ("in_unit(plain, 'kg') > 1", 9, "'plain' is decimal without a unit"),
        ("in_unit(net, 'L') > 1", 9, "no declared factor leads from kg to L"),
        ("tare in weights", 1, "a list in kg cannot hold what counts in g"),
        ("quantity(5, count) < net", 13, "quantity needs the code of a unit in quotes"),
        ("quantity(ok, 'kg') < net", 10, "quantity is written quantity(number, 'kg')"),
    ],
)
def test_units_that_do_not_go_together_are_named(text: str, column: int, words: str | None) -> None:
    found, problems = check(text, NAMES, units=UNITS)
    if words is None:
        assert found is not None
        return
    assert [(p.column, words in p.message) for p in problems] == [(column, True)]


def test_a_misspelt_unit_has_a_suggestion() -> None:
    _, problems = check("net < quantity(1, 'Kg')", NAMES, units=UNITS)
    assert problems[0].suggestion in ("kg", "g")


def test_a_quantity_recorded_in_another_unit_is_converted() -> None:
    condition = compiled("net >= 1.5")
    assert evaluate(condition, {"net": Quantity(Decimal("1500"), "g")}).value is True
    assert evaluate(condition, {"net": Decimal("1.4")}).value is False


def test_a_quantity_without_a_factor_is_unknown_and_says_why() -> None:
    found = evaluate(compiled("net >= 1.5"), {"net": Quantity(Decimal(2), "L")})
    assert (found.value, found.is_met) == (None, False)
    assert found.reasons == ("net is in L; no declared factor leads to kg",)


def test_the_result_is_converted_to_the_unit_of_its_place() -> None:
    wanted = DECIMAL.counted_in(UNITS["g"])
    found, problems = check("net + tare", NAMES, result=wanted, units=UNITS)
    assert found is not None, problems
    facts = {"net": Decimal("1.5"), "tare": Decimal(250)}
    assert evaluate(found, facts).value == 1750
    assert check("volume", NAMES, result=wanted, units=UNITS)[1][0].code == "QT211"


def test_what_would_take_too_many_steps_is_refused_when_it_is_checked() -> None:
    many = ", ".join(["sum(numbers)"] * 110)
    found, problems = check(f"max({many}) > 0", NAMES, units=UNITS)
    assert found is None
    assert [problem.code for problem in problems] == ["QT201"]
    assert "steps" in problems[0].message


def test_a_list_too_long_at_run_time_is_unknown_even_if_something_is_decided() -> None:
    condition = compiled("ok or sum(numbers) > 0")
    assert evaluate(condition, {"ok": True, "numbers": [Decimal(1)] * 1000}).value is True
    late = evaluate(condition, {"ok": True, "numbers": [Decimal(1)] * 100_000})
    assert (late.value, late.reasons[0][:24]) == (None, "no answer within 50000 s")


def test_the_tree_of_an_explanation_names_the_facts_that_decided() -> None:
    condition = compiled("(ok or plain > 3) and (net + tare <= 2) and count >= 1")
    facts = {"ok": True, "plain": Decimal(1), "net": Decimal(2), "tare": Decimal(500), "count": 4}
    tree = explain_tree(condition, facts)
    assert (tree.value, tree.deciding_facts) == (False, ("net", "tare"))
    assert [step.text for step in tree.steps] == [
        "ok or plain > 3",
        "net + tare <= 2",
        "count >= 1",
    ]
    failing = tree.steps[1]
    assert failing.is_deciding
    assert [(step.text, step.value) for step in failing.steps] == [
        ("net + tare", Decimal("2.5")),
        ("2", Decimal(2)),
    ]
    assert not tree.steps[0].is_deciding


def test_an_unknown_outcome_rests_on_what_is_missing() -> None:
    condition = compiled("ok and plain > 3 and count >= 1")
    tree = explain_tree(condition, {"ok": True, "count": 4})
    assert (tree.value, tree.deciding_facts) == (None, ("plain",))
    assert tree.as_json()["steps"][1]["reasons"] == ["plain has no value"]  # type: ignore[index]


def test_a_true_or_rests_on_its_true_parts_only() -> None:
    tree = explain_tree(compiled("ok or count > 9 or plain > 3"), {"plain": Decimal(4), "count": 1})
    assert (tree.value, tree.deciding_facts) == (True, ("plain",))
