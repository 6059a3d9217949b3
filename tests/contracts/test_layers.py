"""Each import contract of pyproject.toml catches a planted violation, on a skeleton tree."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SETTINGS = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
CONTRACTS = {
    each["id"]: each for each in tomllib.loads(SETTINGS)["tool"]["importlinter"]["contracts"]
}
LAYERS = [each for line in CONTRACTS["layers"]["layers"] for each in line.split(" | ")]
ENGINES = ("expressions", "forms", "genealogy", "ledger", "workflow")
PACKS = ("qt_cosmetics", "qt_food", "qt_pharma")
RUN = "from importlinter.cli import lint_imports_command as run; run()"

# The module that sins, its line, and the contract that must be broken by it.
PLANTED = [
    ("qtcore/engines/forms.py", "import qtcore.services", "layers"),
    ("qtcore/store/__init__.py", "import qtcore.registry", "layers"),
    ("qtcore/stray.py", "", "layers"),
    ("qtcore/engines/__init__.py", "import qtcore.engines.loop_a", "cycles"),
    ("qtcore/engines/ledger.py", "import qtcore.engines.genealogy", "engines"),
    ("qt_food/__init__.py", "import qt_pharma", "packs"),
    ("qtcore/services/__init__.py", "import qt_pharma", "core"),
    ("qt_pharma/__init__.py", "import qtcore.store", "door"),
    ("qtcore/builtin/__init__.py", "import qtcore.engines", "door"),
    ("qtcore/engines/expressions.py", "import sqlmodel", "pure"),
    ("qtcore/definitions/__init__.py", "import jinja2", "pure"),
    ("qtcore/http/__init__.py", "import pluggy", "pluggy"),
]


def _skeleton(folder: Path) -> Path:
    (folder / "pyproject.toml").write_text(SETTINGS, encoding="utf-8")
    packages = ["qtcore", *(f"qtcore/{each}" for each in LAYERS), *PACKS]
    for package in packages:
        (folder / package).mkdir()
        (folder / package / "__init__.py").write_text("")
    for engine in ENGINES:
        (folder / "qtcore" / "engines" / f"{engine}.py").write_text("import qtcore.definitions\n")
    for pack in PACKS:
        (folder / pack / "__init__.py").write_text("import qtcore.pack\n")
    (folder / "qtcore" / "hookspecs" / "__init__.py").write_text("import pluggy\n")
    (folder / "qtcore" / "services" / "__init__.py").write_text("import qtcore.registry\n")
    (folder / "qtcore" / "registry" / "__init__.py").write_text("import pluggy\n")
    return folder


def _lint(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", RUN, "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout + done.stderr


def test_a_clean_skeleton_keeps_all_contracts(tmp_path):
    answer = _lint(_skeleton(tmp_path))
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in answer


@pytest.mark.parametrize(("module", "line", "contract"), PLANTED)
def test_a_planted_import_breaks_its_contract(tmp_path, module, line, contract):
    sinner = _skeleton(tmp_path) / module
    before = sinner.read_text() if sinner.exists() else ""
    sinner.write_text(f"{before}{line}\n")
    if contract == "cycles":
        loops = tmp_path / "qtcore" / "engines"
        (loops / "loop_a.py").write_text("import qtcore.engines.loop_b\n")
        (loops / "loop_b.py").write_text("import qtcore.engines.loop_a\n")
    answer = _lint(tmp_path)
    assert f"{CONTRACTS[contract]['name']} BROKEN" in answer or (
        module == "qtcore/stray.py" and "stray" in answer
    )


def test_the_door_contract_forbids_every_layer_but_the_door():
    forbidden = {each.removeprefix("qtcore.") for each in CONTRACTS["door"]["forbidden_modules"]}
    assert forbidden == set(LAYERS) - {"pack"}


def test_no_contract_has_an_ignore_list():
    assert not [each["id"] for each in CONTRACTS.values() if "ignore_imports" in each]
