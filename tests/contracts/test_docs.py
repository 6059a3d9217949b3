import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from qtcore.definitions.source import read_yaml

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    + sorted((ROOT / "plugins").glob("*/README.md"))
    + sorted((ROOT / "examples").rglob("*.md"))
)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
SETUP = re.compile(r"^(python3 -m venv|\.venv/|\.ci/|git )")


def _blocks(language: str) -> list[tuple[Path, str]]:
    return [
        (page, body)
        for page in PAGES
        for found, body in BLOCK.findall(page.read_text(encoding="utf-8"))
        if found == language
    ]


def _ids(blocks: list[tuple[Path, str]]) -> list[str]:
    return [f"{page.relative_to(ROOT)}-{number}" for number, (page, _) in enumerate(blocks)]


@pytest.mark.parametrize("page", PAGES, ids=[str(p.relative_to(ROOT)) for p in PAGES])
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    missing = [
        target
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert missing == []


def test_every_block_says_its_language() -> None:
    nameless = [str(page) for page, _ in _blocks("")]
    assert nameless == []


@pytest.mark.parametrize(("page", "body"), _blocks("yaml"), ids=_ids(_blocks("yaml")))
def test_yaml_blocks_are_read_without_problems(page: Path, body: str) -> None:
    assert read_yaml(body, page.name).problems == ()


@pytest.mark.parametrize(("page", "body"), _blocks("python"), ids=_ids(_blocks("python")))
def test_python_blocks_run(page: Path, body: str) -> None:
    assert ast.parse(body)
    exec(compile(body, str(page), "exec"), {"__name__": "docs"})


def test_commands_of_the_pages_run_in_order(tmp_path: Path) -> None:
    environment = {**os.environ, "QTCORE_DB": f"sqlite:///{tmp_path / 'tour.db'}"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    lines = [
        line
        for _, body in _blocks("bash")
        for line in body.splitlines()
        if line.strip() and not SETUP.match(line)
    ]
    for line in lines:
        done = subprocess.run(
            ["bash", "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode in (0, 1), f"{line}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, f"{line}\n{done.stderr}"
