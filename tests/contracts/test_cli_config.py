"""The commands about configurations, from a changed file to a signed version and back."""

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.services.definitions import publish_registry
from qtcore.services.site import open_site
from qtcore.testing import PASSWORD, a_received_lot, a_user, release

RUNNER = CliRunner()
PAGE = Path(__file__).parents[2] / "docs/changing-the-configuration.md"
HEAD = 'pack: plant\nversion: "{}"\nrequires_qtcore: ">=0.1,<1"\nlayer: site\npacks: []\n'
TITLE = "languages: [en]\ntitle: {en: Plant}\n"

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plant for tests that change nothing, and the pattern of those that do."""
    top = tmp_path_factory.mktemp("config")
    folder = top / "plant"
    folder.mkdir()
    (folder / "pack.yaml").write_text(HEAD.format(1) + TITLE, "utf-8")
    site = open_site(f"sqlite:///{top / 'plant.db'}", site_dir=folder, create=True)
    publish_registry(site, site.system_context())
    for login, role in (("ida", "implementer"), ("quinn", "qa")):
        a_user(site, [role], login=login)
    release(site, a_received_lot(site))
    site.close()
    (top / "password").write_text(PASSWORD + "\n", "utf-8")
    return folder


@pytest.fixture
def plant(untouched: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(untouched.parent, tmp_path / "copy")) / untouched.name


def run(plant: Path, *words: str, code: int = 0) -> Any:
    database = f"sqlite:///{plant.parent / 'plant.db'}"
    done = RUNNER.invoke(app, [*words, "--json", "--db", database, "--site", str(plant)])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def test_a_changed_file_waits_is_proposed_signed_and_rolled_back(plant: Path) -> None:
    (plant / "pack.yaml").write_text(HEAD.format(2) + TITLE, "utf-8")
    assert run(plant, "config", "status")["pending"]["files"][0]["file"] == "pack.yaml"
    drafted = run(plant, "config", "draft", "--as", "ida", "--reason", "new number")
    assert (drafted["origin"], drafted["authors"]) == ("disk", ["ida"])
    assert run(plant, "config", "check")["ok"]
    assert "version" in run(plant, "config", "diff")["differences"][0]["path"]
    secret = ["--password-file", str(plant.parent / "password")]
    refused = run(plant, "config", "publish", "--as", "ida", *secret, code=1)
    assert refused["code"] == "QT403"
    signed = run(plant, "config", "publish", "--as", "quinn", "--reason", "checked", *secret)
    assert (signed["number"], signed["authors"], signed["published_by"]) == (2, ["ida"], "quinn")
    assert run(plant, "config", "status")["pending"]["files"] == []
    run(plant, "config", "rollback", "1", "--as", "ida", "--reason", "too early")
    (plant / "pack.yaml").write_text(HEAD.format(1) + TITLE, "utf-8")
    drafts = run(plant, "config", "status")["drafts"]
    back = next(d["draft_id"] for d in drafts if d["origin"] == "rollback")
    run(plant, "config", "publish", back, "--as", "quinn", *secret)
    assert [v["number"] for v in run(plant, "config", "history")["versions"]] == [3, 2, 1]
    assert run(plant, "config", "diff", "1", "3")["count"] == 0
    assert run(plant, "config", "export", "1", str(plant.parent / "out"))["files"] > 10
    assert (plant.parent / "out/plant/pack.yaml").read_text("utf-8") == HEAD.format(1) + TITLE


def test_a_replay_on_the_command_line_writes_nothing(plant: Path) -> None:
    database = plant.parent / "plant.db"
    draft = plant.parent / "stricter.yaml"
    draft.write_text("rules:\n  - {id: SITE-9, check: open_deviations > 5}\n", "utf-8")
    before = database.read_bytes()
    own = run(plant, "release", "replay")
    drafted = run(plant, "release", "replay", "--draft", str(draft), code=1)
    flow = run(plant, "workflow", "replay", "lot")
    told = run(plant, "release", "explain", "M-1", "--as-decided")
    assert database.read_bytes() == before
    assert (own["reproduced"], own["decisions"]) == (1, 1)
    assert drafted["counts"]["blocked_earlier"] == 1
    assert flow["counts"]["same"] == 1
    assert (told["verdict"], told["decision"]["reproduced"]) == ("released", True)


def test_the_commands_of_the_page_run_as_they_are_written(plant: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(plant.parent)
    (plant / "pack.yaml").write_text(HEAD.format(2) + TITLE, "utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    commands = [shlex.split(line) for block in blocks for line in block.splitlines()]
    assert [words[2] for words in commands] == [
        *("status", "draft", "check", "diff", "replay", "publish", "rollback", "history")
    ]
    for words in commands:
        run(plant, *words[1:])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["release", "replay", "--draft", "nowhere"], "there is nothing at nowhere"),
        (["workflow", "replay", "lott"], "did you mean 'lot'"),
        (["config", "rollback", "9", "--reason", "x"], "there are 1 to 1"),
        (["config", "publish"], "there is no open draft"),
        (["config", "migrate", "lot", "--map", "x"], "write OLD=NEW"),
    ],
    ids=["no draft file", "no workflow", "no version", "no draft", "no mapping"],
)
def test_what_is_wrong_is_said_with_the_next_step(
    untouched: Path, words: list[str], said: str
) -> None:
    assert said in run(untouched, *words, code=1)["detail"]
