"""The gate runs what the README promises, and a test that may not be skipped is not skipped."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
MARKER = "<!-- test-command -->"
DATA = ["no shared data at ../shared/data", "no Node.js found"]
OTHERS = ["no PostgreSQL server binaries", "chromium is not installed", "not today"]


def test_the_readme_marks_one_test_command_that_ends_in_pytest():
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert readme.count(MARKER) == 1
    fence, command, end = readme.split(MARKER)[1].strip().splitlines()[:3]
    assert fence.startswith("```")
    assert end == "```"
    assert "-c constraints.txt" in command
    assert command.endswith(".venv/bin/python -m pytest")


def test_the_run_script_takes_its_command_from_the_marker():
    assert MARKER in (CHECKOUT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("script", ["check", "run"])
def test_the_gate_scripts_are_executable_bash_without_a_syntax_error(script):
    path = CHECKOUT / ".ci" / script
    assert os.access(path, os.X_OK)
    subprocess.run(["bash", "-n", str(path)], check=True, timeout=10)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("reasons", "status"), [(DATA, 0), (OTHERS, 1)], ids=["shared data", "the rest"]
)
def test_in_ci_only_absent_shared_data_may_skip_a_test(tmp_path, reasons, status):
    shutil.copy(CHECKOUT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text(
        "import pytest\n\n"
        f"@pytest.mark.parametrize('reason', {reasons!r})\n"
        "def test_it(reason):\n    pytest.skip(reason)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "QTCORE_ONLY_DATA_MAY_SKIP": "1", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert done.stdout.count(": 1\n") == len(reasons)
