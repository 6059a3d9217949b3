import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
SETUP = ("python3 -m venv", ".venv/", ".ci/")


def _commands() -> list[str]:
    lines = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    return [
        line
        for block in lines
        for line in block.splitlines()
        if line.strip() and not line.startswith(SETUP)
    ]


def _run(line: str, folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "QTCORE_DB": url, "PATH": path}
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


@pytest.mark.parametrize("line", _commands())
def test_a_command_of_the_readme_answers(line: str, folder: Path, demo: Any) -> None:
    done = _run(line, folder, demo.site.store.url)
    expected = 1 if "explain" in line else 0
    assert (done.returncode, done.stderr) == (expected, "")
    assert done.stdout.strip()
