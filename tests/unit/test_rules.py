"""Rules say pass, fail, unknown or not applicable; what is not a pass blocks."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qtcore.definitions.definition import LegalSource
from qtcore.definitions.rules import RuleDefinition
from qtcore.engines import expressions
from qtcore.engines.rules import RuleOutcome, blocking, cite, judge

TODAY = date(2026, 11, 20)
LAW = LegalSource(law="21 CFR", clause="211.192", jurisdiction="US", status="verified")


def evaluate(
    text: str, facts: Mapping[str, object], rules: Mapping[str, bool | None]
) -> bool | None:
    """A few words of a language: `fact`, `rule:ID`, joined by `and` or `or`, in three values."""
    for word, deciding in ((" or ", True), (" and ", False)):
        if word in text:
            answers = [evaluate(part, facts, rules) for part in text.split(word)]
            if deciding in answers:
                return deciding
            return None if None in answers else not deciding
    if text.startswith("rule:"):
        return rules.get(text.removeprefix("rule:"))
    value = facts.get(text)
    return value if isinstance(value, bool) else None


def a_rule(name: str, check: str = "ok", **more) -> RuleDefinition:
    return RuleDefinition(id=name, check=check, **more)


def judged(*rules: RuleDefinition, industry: str | None = None, **facts) -> dict[str, RuleOutcome]:
    outcomes = judge(rules, facts, evaluate, on=TODAY, industry=industry)
    return {outcome.id: outcome for outcome in outcomes}


@pytest.mark.parametrize(
    ("facts", "outcome", "missing"),
    [
        ({"ok": True}, "pass", ()),
        ({"ok": False}, "fail", ()),
        ({"ok": None}, "unknown", ("ok",)),
        ({}, "unknown", ("ok",)),
        ({"ok": "yes"}, "unknown", ()),
    ],
    ids=["true", "false", "empty", "absent", "of another kind"],
)
def test_a_rule_passes_only_when_it_is_true(facts, outcome, missing):
    found = judged(a_rule("R1"), **facts)["R1"]
    assert (found.outcome, found.missing) == (outcome, missing)


def test_an_outcome_holds_what_it_was_decided_on():
    rule = a_rule("R1", "ok", severity="warn", source=LAW, valid_from=date(2026, 1, 1))
    assert judged(rule, ok=True, other=1)["R1"] == RuleOutcome(
        "R1",
        "pass",
        "warn",
        "ok",
        facts_used={"ok": True},
        source=LAW,
        valid=(date(2026, 1, 1), None),
    )


def test_outcomes_are_ordered_by_id():
    assert list(judged(a_rule("R2"), a_rule("R10"), a_rule("A"))) == ["A", "R10", "R2"]


@pytest.mark.parametrize(
    ("more", "because"),
    [
        ({"valid_from": date(2026, 11, 21)}, "valid from 2026-11-21"),
        ({"valid_to": date(2026, 11, 19)}, "valid to 2026-11-19"),
        ({"industries": ("food",)}, "only for food"),
        ({"when": "is_sterile"}, "only when is_sterile"),
    ],
    ids=["not yet", "no longer", "other industry", "other lots"],
)
def test_a_rule_that_does_not_apply_says_why_and_blocks_nothing(more, because):
    found = judged(a_rule("R1", **more), industry="pharma", ok=False, is_sterile=False)["R1"]
    assert (found.outcome, found.because, found.blocks) == ("not_applicable", because, False)


@pytest.mark.parametrize(
    "more",
    [
        {"valid_from": TODAY},
        {"valid_to": TODAY},
        {"industries": ("food", "pharma")},
        {"when": "is_sterile"},
        {"when": "nobody_knows"},
    ],
    ids=["first day", "last day", "one of the industries", "meant", "perhaps meant"],
)
def test_a_rule_that_may_apply_is_judged(more):
    found = judged(a_rule("R1", **more), industry="pharma", ok=False, is_sterile=True)
    assert found["R1"].outcome == "fail"


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [({"ok": True}, "pass"), ({"ok": False}, "fail"), ({}, "unknown")],
    ids=["pass", "fail", "unknown"],
)
def test_a_rule_may_refer_to_another(facts, outcome):
    found = judged(a_rule("A", "rule:B"), a_rule("B"), **facts)["A"]
    assert (found.outcome, found.rules_used) == (outcome, {"B": outcome})


def test_a_referred_rule_that_does_not_apply_has_no_objection():
    found = judged(a_rule("A", "rule:B"), a_rule("B", valid_to=date(2020, 1, 1)))
    assert found["A"].outcome == "pass"


def test_a_referred_rule_that_is_not_there_is_missing():
    found = judged(a_rule("A", "rule:GONE"))["A"]
    assert (found.outcome, found.missing) == ("unknown", ("rule GONE",))


def test_rules_in_a_loop_are_unknown_and_show_the_loop():
    found = judged(a_rule("A", "rule:B"), a_rule("B", "rule:C"), a_rule("C", "rule:A"))
    assert {o.outcome for o in found.values()} == {"unknown"}
    assert found["A"].because == "rules refer to each other: A -> B -> C -> A"


def test_no_member_of_a_loop_passes_by_another_clause():
    found = judged(a_rule("A", "rule:B"), a_rule("B", "ok or rule:A"), ok=True)
    assert (found["A"].outcome, found["B"].outcome) == ("unknown", "unknown")


def test_a_rule_that_refers_to_itself_is_unknown():
    assert judged(a_rule("A", "ok or rule:A"), ok=True)["A"].outcome == "unknown"


def test_a_rule_beside_a_loop_is_not_drawn_in():
    found = judged(a_rule("A", "rule:A"), a_rule("B", "ok or rule:A"), ok=True)
    assert found["B"].outcome == "pass"


def test_a_chain_without_end_blocks_instead_of_crashing():
    rules = [a_rule(f"R{n:04}", f"rule:R{n + 1:04}") for n in range(2000)]
    found = judged(*rules, a_rule("R2000"), ok=True)
    assert found["R0000"].outcome == "unknown"


def test_a_chain_of_usual_length_is_followed():
    rules = [a_rule(f"R{n:02}", f"rule:R{n + 1:02}") for n in range(20)]
    assert judged(*rules, a_rule("R20"), ok=True)["R00"].outcome == "pass"


@pytest.mark.parametrize(
    ("severity", "blocks"),
    [("block", True), ("block_override", True), ("warn", False), ("info", False)],
)
@pytest.mark.parametrize("facts", [{"ok": False}, {}], ids=["fail", "unknown"])
def test_severity_decides_what_blocks(severity, blocks, facts):
    outcomes = judge([a_rule("R1", severity=severity)], facts, evaluate, on=TODAY)
    assert bool(blocking(outcomes)) is blocks


def test_a_refusal_names_the_rule_the_facts_and_the_law():
    outcomes = judge([a_rule("R1", "ok and rule:R2", source=LAW), a_rule("R2")], {"ok": False},
                     evaluate, on=TODAY)  # fmt: skip
    refusal = blocking(outcomes)[0]
    assert refusal.code == "R1"
    assert refusal.message == "needed: ok and rule:R2; found: ok = false, rule R2 = fail"
    assert refusal.source == "21 CFR 211.192 (US)"


def test_a_refusal_for_want_of_a_fact_says_which():
    (refusal,) = blocking(judge([a_rule("R1")], {}, evaluate, on=TODAY))
    assert refusal.message == "needed: ok; no value for ok"
    assert refusal.fix == "record what is missing: ok"


def test_only_an_overridable_rule_can_be_overridden():
    rules = [a_rule("R1"), a_rule("R2", severity="block_override")]
    refusals = blocking(judge(rules, {}, evaluate, on=TODAY), overridden={"R1", "R2"})
    assert [refusal.code for refusal in refusals] == ["R1"]


def test_a_source_nobody_verified_says_so():
    assert cite(LegalSource(law="GSP")) == "GSP [unverified]"


def test_the_shipped_expression_language_fits_the_judge():
    names = {"assay": expressions.DECIMAL, "ok": expressions.BOOLEAN}

    def run(
        text: str, facts: Mapping[str, object], rules: Mapping[str, bool | None]
    ) -> bool | None:
        compiled, problems = expressions.check(text, names)
        assert compiled is not None, problems
        return expressions.evaluate(compiled, facts, rules).value is True or None

    rules = [a_rule("R1", "rule('R2') and ok"), a_rule("R2", "assay >= 95.0")]
    found = judge(rules, {"assay": Decimal("99.10"), "ok": True}, run, on=TODAY)
    assert [outcome.outcome for outcome in found] == ["pass", "pass"]
    assert found[0].facts_used == {"ok": True}
    assert found[1].facts_used == {"assay": Decimal("99.10")}


@given(
    st.dictionaries(
        st.sampled_from("ABCD"),
        st.sampled_from(["ok", "rule:A", "rule:B or ok", "rule:C and ok", "rule:D", "bad"]),
        min_size=1,
    ),
    st.randoms(),
)
def test_the_order_in_which_rules_are_given_does_not_matter(checks, random):
    rules = [a_rule(name, check) for name, check in checks.items()]
    shuffled = random.sample(rules, len(rules))
    assert judged(*rules, ok=True, bad=False) == judged(*shuffled, ok=True, bad=False)
