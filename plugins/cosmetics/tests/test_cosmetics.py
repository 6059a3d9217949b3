from pathlib import Path

from qtcore.testing import check_pack


def test_the_pack_conforms():
    assert check_pack(Path(__file__).parents[1] / "qt_cosmetics").problems == ()
