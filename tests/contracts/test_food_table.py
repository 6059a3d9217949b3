"""The page about the food pack is what the pack says, and leaves out no element of the rule."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

import qt_food
from qtcore.definitions.read import read_pack

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("food_table", ROOT / ".ci/food_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_pack_says(table: ModuleType) -> None:
    assert (ROOT / "docs/food-pack.md").read_text(encoding="utf-8") == table.write_page()


def test_every_rule_has_its_tests(table: ModuleType) -> None:
    page = table.write_page()
    # What only asks whether something is present has three: without it, it fails.
    assert re.findall(r"^\| (FD-\w+) \|.*\| [0-2] \|$", page, re.MULTILINE) == []


def test_every_element_of_the_rule_has_a_column(table: ModuleType, shared_data: Path) -> None:
    told = json.loads((shared_data / "fsma204/kde_by_cte.json").read_text(encoding="utf-8"))
    wanted = {
        each["cfr"] + "".join(f"({part})" for part in kde["para"].split("."))
        for each in told["critical_tracking_events"].values()
        for kde in each["kdes"]
    }
    found = {row[0] for row in table.list_elements(read_pack(Path(qt_food.__file__).parent))}
    assert len(wanted) == 87
    assert found == wanted
