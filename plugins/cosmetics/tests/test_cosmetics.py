from pathlib import Path

from qtcore.testing import check_pack, run_pack_tests

PACK = Path(__file__).parents[1] / "qt_cosmetics"


def test_the_pack_conforms():
    assert check_pack(PACK).problems == ()


def test_its_own_tests_hold_and_each_rule_has_every_case():
    report = run_pack_tests(PACK)
    assert report.results
    assert (report.failures, report.problems, dict(report.gaps)) == ((), (), {})
