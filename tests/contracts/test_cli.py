import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.services.audit import seal
from qtcore.services.events import EventInput, Origin, write_all
from qtcore.services.nodes import NodeBook
from qtcore.services.site import open_site
from qtcore.testing import a_received_lot, a_site, line

COMMANDS = (
    "demo",
    "init",
    "serve",
    "check",
    "schema",
    "import csv",
    "import epcis",
    "export epcis",
    "trace",
    "recall scope",
    "release explain",
    "audit verify",
    "pack list",
    "db upgrade",
    "user add",
    "user token",
)
RUNNER = CliRunner()
PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    found = f"sqlite:///{tmp_path_factory.mktemp('cli') / 'plant.db'}"
    assert RUNNER.invoke(app, ["db", "upgrade", "--db", found]).exit_code == 0
    yield found


@pytest.mark.parametrize("asked", ["--version --json", "--json --version"])
def test_the_version_is_told_as_text_and_as_json(asked: str) -> None:
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    expected = {"name": project["name"], "version": project["version"]}
    told = RUNNER.invoke(app, ["--version"])
    assert (told.exit_code, told.output) == (0, f"{expected['name']} {expected['version']}\n")
    assert json.loads(RUNNER.invoke(app, asked.split()).output) == expected


@pytest.mark.parametrize(
    ("given", "said"), [("", "Usage"), ("--json scan 0", "write it after the command")]
)
def test_nothing_asked_and_a_misplaced_option_are_wrong_usage(given: str, said: str) -> None:
    found = RUNNER.invoke(app, given.split())
    assert found.exit_code == 2
    assert said in re.sub(r"[\s│]+", " ", found.output)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_takes_the_shared_options(command: str) -> None:
    found = RUNNER.invoke(app, [*command.split(), "--json", "--db", "x", "--site", "y", "--wrong"])
    assert found.exit_code == 2
    assert "No such option: --wrong" in re.sub(r"\s+", " ", found.output)


@pytest.mark.parametrize(
    "command",
    [c for c in COMMANDS if c.split()[0] in ("import", "export", "trace", "recall", "user", "db")],
)
def test_what_a_command_writes_is_attributed(command: str) -> None:
    assert "--as" in RUNNER.invoke(app, [*command.split(), "--help"]).output


def test_a_program_reads_a_code_without_loading_what_opens_databases(tmp_path: Path) -> None:
    code = ["scan", "(01)04012345678901", "--db", f"sqlite:///{tmp_path / 'none.db'}"]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "qtcore", *code],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "accepted: ^0104012345678901" in done.stdout
    assert "qtcore.builtin.gs1.reading" in loaded
    assert not loaded & {"sqlalchemy", "alembic", "jinja2", "litestar", "qtcore.registry"}


def test_the_first_token_makes_the_administrator_and_stands_alone_on_the_last_line(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    done = RUNNER.invoke(app, ["user", "token", "admin", "--db", url])
    token = done.stdout.splitlines()[-1]
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
    assert (tmp_path / "new.db").is_file()


def test_a_token_needs_a_user_once_there_are_users(url: str) -> None:
    assert RUNNER.invoke(app, ["user", "token", "admin", "--db", url]).exit_code == 0
    refused = RUNNER.invoke(app, ["user", "token", "nobody", "--db", url, "--json"])
    assert refused.exit_code == 1
    assert "qtcore user add nobody" in json.loads(refused.output)["detail"]


def test_an_unknown_role_names_the_known_ones(url: str) -> None:
    refused = RUNNER.invoke(app, ["user", "add", "eve", "--role", "king", "--db", url, "--json"])
    (fault,) = json.loads(refused.output)["faults"]
    assert refused.exit_code == 1
    assert "role 'king' is not defined; known roles: admin, auditor" in fault["message"]


def test_a_question_does_not_make_a_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'absent.db'}"
    refused = RUNNER.invoke(app, ["trace", "L1", "--db", url, "--json"])
    assert refused.exit_code == 1
    assert "run `qtcore db upgrade" in json.loads(refused.output)["detail"]
    assert not (tmp_path / "absent.db").exists()


def test_an_unknown_lot_is_named_with_the_next_step(url: str) -> None:
    refused = RUNNER.invoke(app, ["trace", "L-404", "--db", url, "--json"])
    answer = json.loads(refused.output)
    assert (refused.exit_code, answer["code"]) == (1, "QT404")
    assert "nothing is called 'L-404'" in answer["detail"]


def test_a_mock_recall_is_filed_and_shown(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'drill.db'}"
    with a_site(url) as site:
        a_received_lot(site)
    shared = ["--db", url, "--as", "admin"]
    RUNNER.invoke(app, ["user", "token", "admin", "--db", url])

    made = RUNNER.invoke(app, ["recall", "mock", "M-1", "--plan", "food_cn", *shared, "--json"])
    wrong = RUNNER.invoke(app, ["recall", "mock", "M-1", "--plan", "food_xx", *shared])

    assert made.exit_code == 0, made.output
    answer = json.loads(made.output)
    assert (answer["held"], answer["timings"]["located_percent"]) == ([], "100.00")
    shown = RUNNER.invoke(app, ["recall", "show", answer["number"], *shared])
    assert shown.exit_code == 0
    assert f"{answer['number']} Mock recall: signal (mock recall: " in shown.output
    assert wrong.exit_code == 1
    assert "no recall plan 'food_xx'; known plans: " in wrong.output


def test_the_scope_on_the_command_line_takes_whole_days_and_says_what_does_not_add_up(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'days.db'}"
    with a_site(url) as site:
        lot = a_received_lot(site, quantity="10")
        day = str(site.sources.now().date())
        sold = EventInput("shipping", (line(lot, "subject", "12"),), site.sources.now())
        with site.store.write(site.system_context()) as work:
            write_all(site, NodeBook(site, work), [sold], origin=Origin("import"))
    asked = ["recall", "scope", "--supplier", "SUPPLIER-A", "--db", url]

    found = RUNNER.invoke(app, [*asked, "--from", day, "--to", day])
    wrong = RUNNER.invoke(app, [*asked, "--from", "yesterday", "--to", day])

    assert found.exit_code == 0, found.output
    assert "not counted: MILK lot M-1 of SUPPLIER-A: on hand is -2 kg" in found.output
    assert "the balance closes" not in found.output
    assert wrong.exit_code == 1
    assert "--from 'yesterday' is not a time; give a day such as" in wrong.output


def test_upgrading_twice_publishes_once(url: str) -> None:
    done = RUNNER.invoke(app, ["db", "upgrade", "--db", url, "--json"])
    assert json.loads(done.output)["definitions_published"] == 0


def test_an_empty_history_verifies_and_says_how_far_it_is_signed(url: str) -> None:
    done = RUNNER.invoke(app, ["audit", "verify", "--db", url, "--json"])
    answer = json.loads(done.output)
    assert (done.exit_code, answer["ok"], answer["pending"]) == (0, True, 0)
    assert answer["signed_size"] == answer["events"]


def test_a_checkpoint_needs_size_and_root_together(url: str) -> None:
    assert RUNNER.invoke(app, ["audit", "verify", "--size", "3", "--db", url]).exit_code == 2


def test_one_event_verifies_and_a_range_names_what_is_sealed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'one.db'}"
    site = open_site(url, create=True)
    with site.store.write(site.system_context()) as work:
        work.log("look", "lot", "the-only-one")
    count = seal(site)
    site.close()
    verify = ["audit", "verify", "--db", url, "--json"]
    done = RUNNER.invoke(app, verify)
    assert done.exit_code == 0
    assert json.loads(done.output)["signed_size"] == count == 1
    done = RUNNER.invoke(app, [*verify, "--from", "0", "--to", "0"])
    assert (done.exit_code, json.loads(done.output)["events"]) == (0, 1)
    refused = RUNNER.invoke(app, [*verify, "--from", "1"])
    assert refused.exit_code == 1
    assert "events 1 to 0 are not all sealed; 0 to 0 are" in refused.output
    both = [*verify, "--from", "0", "--to", "0", "--size", "1", "--root", "00"]
    assert RUNNER.invoke(app, both).exit_code == 2


def test_a_checkpoint_of_another_history_fails_and_bad_hex_is_refused(url: str) -> None:
    verify = ["audit", "verify", "--db", url, "--size", "99"]
    shorter = RUNNER.invoke(app, [*verify, "--root", "00" * 32])
    assert shorter.exit_code == 1
    assert "SHORTER_THAN_WITNESS" in shorter.output and "NOT INTACT" in shorter.output
    refused = RUNNER.invoke(app, [*verify, "--root", "xyz"])
    assert refused.exit_code == 1
    assert "a root 64 hexadecimal digits" in refused.output


def test_a_new_site_checks_without_problems(tmp_path: Path) -> None:
    folder = str(tmp_path / "plant one")
    made = RUNNER.invoke(app, ["init", folder, "--packs", "pharma,food"])
    assert made.exit_code == 0
    assert RUNNER.invoke(app, ["check", folder]).output == "OK: no problems\n"
    assert RUNNER.invoke(app, ["init", folder]).exit_code == 1


def test_a_site_chooses_its_packs(tmp_path: Path) -> None:
    folder = str(tmp_path / "dairy")
    RUNNER.invoke(app, ["init", folder, "--packs", "food"])
    listed = json.loads(RUNNER.invoke(app, ["pack", "list", "--site", folder, "--json"]).output)
    assert [p["name"] for p in listed["packs"]] == ["base", "food", "dairy"]


def test_a_pack_that_is_not_installed_is_named(tmp_path: Path) -> None:
    refused = RUNNER.invoke(app, ["init", str(tmp_path / "x"), "--packs", "phrma", "--json"])
    assert refused.exit_code == 1
    assert "no pack phrma; installed: cosmetics, food, pharma" in refused.output


@pytest.mark.parametrize("command", ["trace X", "user token admin"])
def test_a_site_that_is_not_there_is_refused_before_anything_is_done(
    tmp_path: Path, command: str
) -> None:
    database = tmp_path / "plant.db"
    options = ["--db", f"sqlite:///{database}", "--site", str(tmp_path / "nosite")]
    found = RUNNER.invoke(app, [*command.split(), *options])
    assert found.exit_code == 1
    assert "QT120" in found.output
    assert "holds no pack.yaml" in found.output
    assert not database.exists()


def test_a_broken_site_is_named_by_each_command(url: str) -> None:
    site = Path(__file__).parents[1] / "broken/raises_at_load"
    found = RUNNER.invoke(app, ["audit", "verify", "--json", "--db", url, "--site", str(site)])
    assert "QT120" in found.stderr
    assert json.loads(found.stdout)["ok"]


def test_a_text_file_is_no_database_and_said_to_be_none(tmp_path: Path) -> None:
    place = tmp_path / "notes.txt"
    place.write_text("just text, long enough to be read as a header of a file\n" * 20, "utf-8")
    refused = RUNNER.invoke(app, ["trace", "L1", "--db", f"sqlite:///{place}", "--json"])
    assert refused.exit_code == 1
    assert "is a file, but no database" in json.loads(refused.output)["detail"]


def test_the_texts_a_pack_lacks_are_written_for_translation(tmp_path: Path) -> None:
    folder = tmp_path / "plant"
    RUNNER.invoke(app, ["init", str(folder), "--packs", "food"])
    rule = "{id: P-1, check: item_kind == 'raw', severity: block, source: {law: Ours}}"
    (folder / "rules.yaml").write_text(f"rules:\n  - {rule}\n")
    assert RUNNER.invoke(app, ["check", str(folder)]).exit_code == 1

    shown = RUNNER.invoke(app, ["pack", "texts", str(folder)])
    assert "title: P-1" in shown.output
    assert not (folder / "i18n/added").exists()
    assert RUNNER.invoke(app, ["pack", "texts", str(folder), "--write"]).exit_code == 0

    checked = RUNNER.invoke(app, ["check", str(folder)])
    assert checked.output == "OK: no problems\n"
    assert RUNNER.invoke(app, ["pack", "texts", str(folder)]).output == "OK: no text is missing\n"


def test_a_broken_pack_is_mended_before_its_texts_are_written(tmp_path: Path) -> None:
    folder = tmp_path / "plant"
    RUNNER.invoke(app, ["init", str(folder), "--packs", "food"])
    (folder / "rules.yaml").write_text("rules:\n  - {id: P-1, check: no_such_fact}\n")
    refused = RUNNER.invoke(app, ["pack", "texts", str(folder), "--write", "--json"])
    assert refused.exit_code == 1
    assert "pack 'plant' has other mistakes" in json.loads(refused.output)["detail"]
    assert not (folder / "i18n/added").exists()
