"""The reference pages come from the code; one that differs is named."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "generated.py"


@pytest.fixture(scope="module")
def generated() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generated", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.heavy
def test_a_page_that_differs_from_the_code_is_named(
    generated: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(generated, "FOLDER", tmp_path)
    assert generated.main([]) == 0
    assert generated.main(["--check"]) == 0
    (tmp_path / "kinds.md").write_text("an older page\n")
    (tmp_path / "gone.md").write_text("nobody writes this\n")
    assert generated.main(["--check"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said] == [
        "docs/reference/kinds.md",
        "docs/reference/gone.md",
    ]


@pytest.mark.heavy
def test_every_code_in_the_source_has_a_heading(generated: ModuleType) -> None:
    page = generated.codes_page()
    for code in ("QT101", "QT126", "QT203", "QT211", "QT310"):
        assert f"## {code}\n" in page


def test_every_command_and_hook_and_kind_has_a_heading(generated: ModuleType) -> None:
    commands, hooks, kinds = (
        generated.commands_page(),
        generated.hooks_page(),
        generated.kinds_page(),
    )
    assert "## qtcore check\n" in commands
    assert "`--show-merged`" in commands
    assert hooks.count("\n## ") >= 12
    for kind in (*generated.KINDS, "pack"):
        assert f"## {kind}\n" in kinds
