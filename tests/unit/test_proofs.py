import pytest

from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.engines.diagrams import Labels, draw_mermaid, draw_svg
from qtcore.engines.expressions import (
    BOOLEAN,
    DATE,
    DECIMAL,
    INTEGER,
    TEXT_LIST,
    Moment,
    check,
    enum_of,
    find_example,
)
from qtcore.engines.proofs import Instant, Judgement, Setting, prove_workflow

NAMES = {
    "kind": enum_of("a", "b", "c"),
    "ok": BOOLEAN,
    "n": INTEGER,
    "m": INTEGER,
    "d": DECIMAL,
    "on": DATE,
    "marks": TEXT_LIST,
}


def answer(*texts, constant=(), apart=False):
    compiled = [found for text in texts if (found := check(text, NAMES)[0])]
    assert len(compiled) == len(texts)
    moments = [Moment((each,)) for each in compiled] if apart else [Moment(tuple(compiled))]
    return find_example(moments, constant)


@pytest.mark.parametrize(
    "text",
    [
        "kind == 'a' and kind != 'a'",
        "kind not in ('a', 'b', 'c')",
        "ok and not ok",
        "ok == false and ok",
        "n > 1 and n < 2",
        "1 < n < 3 and n != 2",
        "n == 1.5",
        "d > 1 and d <= 1",
        "on > date('2026-01-01') and on < date('2026-01-02')",
        "on > date('9999-12-31')",
        "missing(n) and n > m",
        "'x' in marks and missing(marks)",
        "rule('X') and not rule('X')",
        "n < n",
        "1 > 2",
        "n > 99999999999999999999999999999 and n < 100000000000000000000000000000",
    ],
)
def test_what_contradicts_itself_is_impossible(text):
    assert answer(text).outcome == "impossible"


@pytest.mark.parametrize(
    ("text", "example"),
    [
        ("kind in ('a', 'b') and not kind == 'a'", {"kind": "'b'"}),
        ("n > 1 and n < 3", {"n": "2"}),
        ("d > 1 and d < 2", {"d": "1.5"}),
        ("missing(on) or ok", {}),
        ("not (n > 1 or missing(n))", {"n": "1"}),
        ("n - 3 > 0", {"n": "4"}),
    ],
)
def test_what_is_possible_comes_with_values_that_make_it_true(text, example):
    found = answer(text)
    assert (found.outcome, dict(found.example)) == ("possible", example)


@pytest.mark.parametrize("text", ["n > m and m > n", "n * n < 0"])
def test_what_relates_two_facts_is_left_open_and_never_called_impossible(text):
    assert answer(text).outcome == "undecided"


def test_facts_may_change_between_two_moments_but_constant_ones_do_not():
    assert answer("kind == 'a'", "kind == 'b'", apart=True).outcome == "possible"
    held = answer("kind == 'a'", "kind == 'b'", apart=True, constant={"kind"})
    assert held.outcome == "impossible"


class PlainJudge:
    def __init__(self, constant=()):
        self.constant = constant

    def decide(self, instants):
        moments = [
            Moment(tuple(found for text in each.guards if (found := check(text, NAMES)[0])))
            for each in instants
        ]
        known = find_example(moments, self.constant)
        example = " and ".join(f"{name} = {value}" for name, value in known.example.items())
        return Judgement(known.outcome, example)

    def lasts(self, guard):
        return any(name in guard for name in self.constant)


def a_flow(*transitions, verify=(), timers=()):
    return WorkflowDefinition.model_validate(
        {
            "id": "flow",
            "subject": "record",
            "initial": "open",
            "states": [
                {"id": "open", "status": "draft"},
                {"id": "done", "status": "released", "final": True},
            ],
            "transitions": [
                {"id": name, "from": ["open"], "to": "done", "roles": ["qa"], "guard": guard}
                for name, guard in transitions
            ],
            "verify": list(verify),
            "timers": list(timers),
        }
    )


def prove(flow, **setting):
    return prove_workflow(flow, Setting(PlainJudge(), frozenset({"qa"}), **setting))


def test_alternatives_that_can_both_be_open_are_shown_with_an_example():
    found = prove(a_flow(("close", "n > 1"), ("close", "n < 3"))).findings
    assert [(each.code, each.severity) for each in found] == [("QT312", "error")]
    assert "for example when n = 2" in found[0].message


def test_alternatives_that_exclude_each_other_are_fine():
    assert prove(a_flow(("close", "n > 1"), ("close", "n <= 1"))).findings == ()


def test_alternatives_nobody_can_compare_are_a_warning():
    found = prove(a_flow(("close", "n > m"), ("close", "m > n"))).findings
    assert [(each.code, each.severity) for each in found] == [("QT312", "warning")]


def test_a_state_whose_only_roles_lack_the_right_has_no_actor():
    flow = a_flow(("close", None))
    report = prove_workflow(flow, Setting(PlainJudge(), frozenset({"operator"})))
    assert [each.code for each in report.findings] == ["QT316", "QT316"]
    assert not report.holds


@pytest.mark.parametrize(("mandatory", "holds"), [(False, True), (True, False)])
def test_what_cannot_be_decided_blocks_only_when_mandatory(mandatory, holds):
    claim = {"id": "shut", "never": {"state": "done"}, "mandatory": mandatory}
    report = prove(a_flow(("close", "n > m and m > n"), verify=[claim]))
    assert report.proofs[0].verdict == "undecided"
    assert report.holds is holds


def test_a_timer_cannot_fire_what_does_not_begin_in_its_state():
    flow = a_flow(("close", None), timers=[{"state": "done", "after": "P1D", "fire": "close"}])
    assert [each.code for each in prove(flow).findings] == ["QT319", "QT319"]


def test_a_judge_is_asked_about_guards_only():
    asked = []

    class Listening(PlainJudge):
        def decide(self, instants):
            asked.extend(instants)
            return super().decide(instants)

    prove_workflow(a_flow(("close", "ok")), Setting(Listening(), frozenset({"qa"})))
    assert set(asked) == {Instant(("ok",))}


LABELS = Labels("Flow <1>", {"open": '打"开', "done": "Done & gone"}, {"close": "Close"})


def test_mermaid_text_holds_every_state_and_step_and_none_of_its_own_signs():
    drawn = draw_mermaid(a_flow(("close", None)), LABELS)
    assert 'state "打 开" as s_open' in drawn
    assert "s_open --> s_done: Close" in drawn
    assert "s_done --> [*]" in drawn


def test_an_svg_escapes_its_labels_and_follows_the_theme():
    drawn = draw_svg(a_flow(("close", None)), LABELS)
    assert "Done &amp; gone" in drawn
    assert "Flow &lt;1&gt;" in drawn
    assert "prefers-color-scheme:dark" in drawn
    assert "currentColor" in drawn
