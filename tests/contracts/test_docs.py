import re
from pathlib import Path

import pytest

from qtcore.definitions.source import read_yaml
from qtcore.registry.load import check_packs

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "plugins/*/*.md", "examples/**/*.md", "benchmarks/*.md")
    for page in ROOT.glob(pattern)
)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


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
    names: dict[str, object] = {"__name__": "docs"}
    exec(compile(body, str(page), "exec"), names)
    assert len(names) > 1


def test_the_pack_of_the_tutorial_checks(tmp_path: Path) -> None:
    page = ROOT / "docs" / "tutorial" / "first-pack.md"
    head, fields, rules, texts = (
        b for language, b in BLOCK.findall(page.read_text("utf-8")) if language == "yaml"
    )
    files = {"pack.yaml": head, "fields.yaml": fields, "rules.yaml": rules, "i18n/en.yaml": texts}
    files["i18n/zh-CN.yaml"] = texts.replace("language: en", "language: zh-CN")
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert check_packs([tmp_path]).problems == ()
