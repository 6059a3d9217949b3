from pathlib import Path

from qtcore.services.pack_tests import run_pack_tests
from qtcore.testing import check_pack

PACK = Path(__file__).parents[1] / "qt_cosmetics"


def test_the_pack_conforms():
    assert check_pack(PACK).problems == ()


def test_the_tests_of_the_pack_hold():
    report = run_pack_tests(PACK)
    assert [str(problem) for problem in report.problems] == []
    assert report.outcomes
