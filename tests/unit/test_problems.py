import pytest

from qtcore.definitions.problems import (
    Problem,
    has_errors,
    render_problems,
    sort_problems,
    suggest,
)


def test_a_problem_names_place_code_text_and_suggestion():
    problem = Problem("QT112", "wrong", "f.yaml", 14, 9, "lot_no")
    assert str(problem) == "f.yaml:14:9: QT112 wrong (did you mean 'lot_no'?)"


def test_the_caret_stands_below_what_is_meant():
    text = render_problems([Problem("QT1", "x", "f", 2, 4, length=3)], {"f": "a\nab cde fg\n"})
    assert text == "f:2:4: QT1 x\n  2 | ab cde fg\n    |    ^^^\n"


def test_the_caret_counts_chinese_signs_as_two_cells():
    text = render_problems([Problem("QT1", "x", "f", 1, 3, length=2)], {"f": "批号未知"})
    assert text.splitlines()[2] == "    |     ^^^^"


def test_a_long_line_is_cut_around_the_place():
    line = "x" * 5_000 + "HERE" + "y" * 5_000
    shown = render_problems([Problem("QT1", "x", "f", 1, 5_001, length=4)], {"f": line})
    source, caret = shown.splitlines()[1:]
    assert len(source) < 140
    assert source[caret.index("^") :].startswith("HERE")


def test_signs_that_steer_a_terminal_are_not_printed():
    problem = Problem("QT1", "bad \x1b[31m", "f", 1, 1)
    assert "\x1b" not in render_problems([problem], {"f": "a\x1b]0;title\x07b"})


def test_a_problem_without_a_source_is_one_line():
    assert render_problems([Problem("QT1", "x", "gone.yaml")], {}) == "gone.yaml:1:1: QT1 x\n"


def test_problems_are_sorted_by_place_and_said_once():
    late, early = Problem("QT1", "x", "b", 1), Problem("QT2", "y", "a", 9)
    assert sort_problems([late, early, late]) == (early, late)


def test_a_warning_is_no_error():
    assert not has_errors([Problem("QT1", "x", severity="warning")])
    assert has_errors([Problem("QT1", "x")])


@pytest.mark.parametrize(
    ("word", "expected"),
    [("relased", "released"), ("RELEASED", "released"), ("zzz", ""), ("", "")],
)
def test_the_nearest_word_is_suggested(word, expected):
    assert suggest(word, ["released", "rejected"]) == expected
