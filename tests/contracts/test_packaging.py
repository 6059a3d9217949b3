"""A wheel and a checkout carry the same: code, packs, base definitions, pages, migrations."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path, PurePosixPath
from shutil import copytree, ignore_patterns

import pytest

from qtcore.definitions.folders import base_folders

pytestmark = pytest.mark.heavy

CHECKOUT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
PACKS = {"cosmetics": "qt_cosmetics", "food": "qt_food", "pharma": "qt_pharma"}

# A folder of the checkout -> where its files lie in the wheel.
CARRIED = {
    "qtcore": "qtcore",
    "workflows": "qtcore/base/workflows",
    "forms": "qtcore/base/forms",
    **{f"plugins/{industry}/{pack}": pack for industry, pack in PACKS.items()},
}
# What must be among them, or the wheel carries an empty folder faithfully.
EXPECTED = {
    "base life cycles": "qtcore/base/workflows/*.yaml",
    "base forms": "qtcore/base/forms/*.yaml",
    "cosmetics pack": "qt_cosmetics/pack.yaml",
    "food pack": "qt_food/pack.yaml",
    "pharma pack": "qt_pharma/pack.yaml",
    "pages": "qtcore/http/templates/*.html",
    "styles": "qtcore/http/static/*.css",
    "migrations": "qtcore/store/migrations/versions/*.py",
    "type marker": "qtcore/py.typed",
}
# What an installed copy knows about itself, asked in a process of its own.
ASK = """
import json
from importlib.metadata import entry_points
from qtcore.definitions.folders import base_folders
import qtcore
print(json.dumps({
    "package": qtcore.__file__,
    "base": {folder.name: [each.name for each in folder.iterdir()] for folder in base_folders()},
    "packs": {e.name: e.load().__file__ for e in entry_points(group="qtcore.packs")},
    "scripts": [e.value for e in entry_points(group="console_scripts") if e.name == "qtcore"],
}))
"""


def _run(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _left_out(folder: str, names: list[str]) -> set[str]:
    """Leave out what a build does not read; the tests of a pack belong to the pack."""
    found = ignore_patterns(".git", ".venv", "*_cache", "__pycache__")(folder, names)
    return {*found, "tests"} if Path(folder) == CHECKOUT else set(found)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    copytree(CHECKOUT, source, ignore=_left_out)
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "../dist", cwd=source)
    (built,) = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    target = wheel.parent / "installed"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
    _run(*pip, "--no-compile", "--target", str(target), str(wheel), cwd=wheel.parent)
    return target


def _names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def _carried() -> Iterator[str]:
    for folder, place in CARRIED.items():
        for file in (CHECKOUT / folder).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                yield f"{place}/{file.relative_to(CHECKOUT / folder).as_posix()}"


def test_the_wheel_holds_every_file_of_the_product_and_nothing_else(wheel):
    assert _names(wheel) == set(_carried())


@pytest.mark.parametrize("pattern", EXPECTED.values(), ids=EXPECTED)
def test_the_wheel_holds_what_makes_the_product(wheel, pattern):
    assert [name for name in _names(wheel) if PurePosixPath(name).match(pattern)]


def test_an_installed_wheel_finds_its_own_parts_in_a_hostile_folder(installed, tmp_path):
    for stranger in ("plugins", "workflows", "forms"):
        (tmp_path / stranger).mkdir()
        (tmp_path / stranger / "__init__.py").write_text("raise SystemExit('hostile')\n")
    answer = json.loads(_run(sys.executable, "-c", ASK, cwd=tmp_path, PYTHONPATH=str(installed)))
    assert Path(answer["package"]).is_relative_to(installed)
    assert answer["base"].keys() == {"workflows", "forms"}
    for folder, names in answer["base"].items():
        assert sorted(names) == sorted(each.name for each in (CHECKOUT / folder).iterdir())
    assert answer["packs"].keys() == PACKS.keys()
    assert all(Path(each).is_relative_to(installed) for each in answer["packs"].values())
    assert answer["scripts"] == ["qtcore.cli:main"]


def test_a_checkout_reads_the_base_pack_from_its_root():
    assert base_folders() == (CHECKOUT / "workflows", CHECKOUT / "forms")
    assert all(folder.is_dir() for folder in base_folders())


def test_each_pack_is_an_entry_point_that_can_be_imported():
    declared = PROJECT["project"]["entry-points"]["qtcore.packs"]
    assert declared == PACKS
    for industry, pack in PACKS.items():
        assert (CHECKOUT / "plugins" / industry / pack / "__init__.py").is_file()


def _imported() -> set[str]:
    folders = [folder for folder in CARRIED if folder not in {"workflows", "forms"}]
    files = [file for folder in folders for file in (CHECKOUT / folder).rglob("*.py")]
    names: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {each.name.split(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    return names - sys.stdlib_module_names - {"qtcore", *PACKS.values()}


def test_every_imported_library_is_a_declared_dependency():
    extras = PROJECT["project"]["optional-dependencies"]
    # The drivers are imported where a PostgreSQL site asks for them, pytest by its plugin only.
    # pydantic pins the exact release of its core, so its own line here would say nothing.
    declared = [*PROJECT["project"]["dependencies"], *extras["postgres"]]
    declared += ["psycopg-pool", "pydantic-core", "pytest"]
    allowed = {_project_name(each) for each in declared}
    owners = metadata.packages_distributions()
    undeclared = {
        name
        for name in _imported()
        if not {_project_name(owner) for owner in owners.get(name, [name])} & allowed
    }
    assert undeclared == set()


def _project_name(requirement: str) -> str:
    name = re.match(r"[\w.-]+", requirement)
    assert name is not None
    return name.group().lower().replace("_", "-")


def test_the_constraints_name_exact_versions_and_no_address():
    lines = (CHECKOUT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(line.count("==") == 1 and "@" not in line for line in pins)
    assert not [line for line in lines if "://" in line]
    pinned = {_project_name(pin) for pin in pins}
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [*PROJECT["project"]["dependencies"], *extras["postgres"], *extras["test"]]
    assert {_project_name(each) for each in wanted} - {"qtcore"} <= pinned
