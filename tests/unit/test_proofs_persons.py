"""Who may approve alone, and where there is nobody to compare with."""

from typing import Any

import pytest

from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.engines.proofs import Instant, Judgement, Report, Setting, prove_workflow
from tests.unit.test_proofs import PlainJudge


class OddJudge(PlainJudge):
    """Cannot say whether an odd guard can be true."""

    def decide(self, instants: Any) -> Judgement:
        return Judgement("undecided" if Instant(("odd",)) in instants else "possible")


STATES = [
    {"id": "open", "status": "draft"},
    {"id": "working", "status": "testing"},
    {"id": "closed", "status": "released", "final": True},
]


def report(steps: list[dict[str, Any]], *, subject: str = "record", verify: Any = ()) -> Report:
    body = {"id": "f", "subject": subject, "initial": "open", "states": STATES}
    flow = WorkflowDefinition.model_validate(
        {**body, "transitions": [{"roles": ["qa"], **s} for s in steps], "verify": list(verify)}
    )
    return prove_workflow(flow, Setting(OddJudge(), frozenset({"qa"}), frozenset({"approved"})))


def alone(steps: list[dict[str, Any]], **more: Any) -> list[tuple[str, str]]:
    found = report(steps, **more).findings
    return [(f.severity, ">".join(f.steps)) for f in found if f.code == "QT317"]


SIGNED = {"signature": {"meaning": "approved"}}
BEGIN: dict[str, Any] = {"id": "begin", "from": ["open"], "to": "working"}
CLOSE: dict[str, Any] = {"id": "close", "from": ["working"], "to": "closed", **SIGNED}
AT_ONCE: dict[str, Any] = {"id": "close", "from": ["open"], "to": "closed", **SIGNED}


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ([BEGIN, CLOSE], [("error", "begin>close")]),
        ([BEGIN, {**CLOSE, "not_same_as": ["begin"]}], []),
        ([BEGIN, {**CLOSE, "different_from_all": True}], []),
        ([BEGIN, {**CLOSE, "creator": "never"}], []),
        ([BEGIN, {**CLOSE, "roles": ["qp"]}], []),
        ([BEGIN, {**CLOSE, "guard": "odd"}], [("warning", "begin>close")]),
        ([AT_ONCE], [("error", "close")]),
        ([{**AT_ONCE, "creator": "never"}], []),
        ([{**AT_ONCE, "different_from_all": True}], []),
    ],
)
def test_who_did_the_work_or_opened_the_record_may_not_approve_it(
    steps: list[dict[str, Any]], found: list[tuple[str, str]]
) -> None:
    assert alone(steps) == found


def test_a_lot_is_no_work_of_who_recorded_it_and_a_reason_accepts() -> None:
    accepts = {"id": "a", "accepts_same_person": {"transition": "close", "reason": "few people"}}
    assert alone([AT_ONCE], subject="lot") == []
    assert alone([BEGIN, CLOSE], verify=[accepts]) == []


SKIP = {**BEGIN, "id": "skip"}
SECOND = {"id": "p", "requires_distinct_persons": {"to": ["closed"], "other_than": ["begin"]}}


def test_a_path_on_which_nobody_made_the_other_step_is_told() -> None:
    (proof,) = report([BEGIN, SKIP, {**CLOSE, "not_same_as": ["begin"]}], verify=[SECOND]).proofs
    assert (proof.verdict, proof.steps) == ("proved", ("skip", "close"))
    assert "nobody has made begin" in proof.message
    (proof,) = report([BEGIN, {**CLOSE, "not_same_as": ["begin"]}], verify=[SECOND]).proofs
    assert (proof.verdict, proof.way) == ("proved", None)


def test_two_steps_that_bar_each_other_compare_whichever_comes_second() -> None:
    steps = [
        {"id": "one", "from": ["open"], "to": [], "not_same_as": ["two"]},
        {"id": "two", "from": ["open"], "to": [], "not_same_as": ["one"]},
        {**CLOSE, "from": ["open"], "different_from_all": True},
    ]
    claims = [
        {"id": a, "requires_distinct_persons": {"transition": a, "other_than": [b]}}
        for a, b in (("one", "two"), ("two", "one"))
    ]
    assert [(p.verdict, p.way) for p in report(steps, verify=claims).proofs] == [
        ("proved", None),
        ("proved", None),
    ]
