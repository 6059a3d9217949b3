"""`qtcore serve --dev`: sound edits serve, broken ones are shown and change nothing."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.http.app import make_app
from qtcore.http.logs import make_logger
from qtcore.services.disk_watch import DiskReport, DiskWatch
from qtcore.services.serving import Serving
from qtcore.services.site import Site
from qtcore.testing.sites import a_site
from tests.web import Web

HEAD = """\
pack: plant
version: 0.1.0
requires_qtcore: ">=0.1,<1"
layer: site
packs: []
languages: [en]
title: {en: Plant}
"""
RULE = """\
rules:
  - id: PL-1
    check: balance_ok
    severity: SEVERITY
"""
TEXTS = "language: en\ntexts:\n  rules:\n    PL-1: {title: A rule, fix: Mend it}\n"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with a_site() as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "i18n").mkdir()
    (tmp_path / "pack.yaml").write_text(HEAD)
    (tmp_path / "rules.yaml").write_text(RULE.replace("SEVERITY", "warn"))
    (tmp_path / "i18n" / "en.yaml").write_text(TEXTS)
    return tmp_path


def severity(serving: Serving) -> str:
    return str(serving.now().registry.get("rules", "PL-1").severity)


def test_an_edit_serves_when_it_is_sound_and_is_shown_when_it_is_broken(
    site: Site, folder: Path
) -> None:
    serving, told = Serving(site, follows=False), list[DiskReport]()
    watch = DiskWatch(serving, folder, tell=told.append)
    assert watch.look()
    assert severity(serving) == "warn"
    assert not watch.look()

    rules = folder / "rules.yaml"
    rules.write_text(RULE.replace("SEVERITY", "block"))
    assert watch.look()
    assert severity(serving) == "block"

    rules.write_text(RULE.replace("SEVERITY", "blok"))
    assert watch.look()
    assert severity(serving) == "block"
    assert not watch.report.ok
    assert not watch.report.is_serving
    assert "rules.yaml:4:15: QT112" in watch.report.text
    assert "(did you mean 'block'?)" in watch.report.text

    rules.write_text(RULE.replace("SEVERITY", "info"))
    assert watch.look()
    assert severity(serving) == "info"
    assert [report.is_serving for report in told] == [True, True, False, True]


def test_a_broken_base_pack_or_a_vanished_file_stops_nothing(site: Site, folder: Path) -> None:
    serving = Serving(site, follows=False)
    watch = DiskWatch(serving, folder)
    watch.look()
    (folder / "pack.yaml").write_bytes(b"\xff\xfe\x00")
    watch.look()
    assert severity(serving) == "warn"
    (folder / "pack.yaml").unlink()
    watch.look()
    assert severity(serving) == "warn"
    assert not watch.report.ok


def test_without_dev_an_edit_on_disk_changes_nothing_that_serves(site: Site, folder: Path) -> None:
    serving = Serving(site)
    (folder / "rules.yaml").write_text(RULE.replace("SEVERITY", "block"))
    assert serving.now().registry.find("rules", "PL-1") is None


def test_the_thread_finds_a_change_by_itself(
    site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qtcore.services.disk_watch.INTERVAL", 0.01)
    serving, seen = Serving(site, follows=False), list[DiskReport]()
    watch = DiskWatch(serving, folder, tell=seen.append)
    watch.start()
    (folder / "rules.yaml").write_text(RULE.replace("SEVERITY", "block_override"))
    for _ in range(2000):
        if len(seen) > 1:
            break
        watch._stopping.wait(0.01)
    watch.stop()
    assert severity(serving) == "block_override"


def test_the_page_shows_the_report_of_the_command(site: Site, folder: Path) -> None:
    (folder / "rules.yaml").write_text(RULE.replace("SEVERITY", "blok"))
    watch = DiskWatch(Serving(site, follows=False), folder)
    watch.look()
    log = io.StringIO()
    web = Web(site, make_app(watch.serving, logger=make_logger(log), dev=True, disk=watch), log)
    with web.person("implementer") as client:
        page = client.get("/config/check")
        assert page.status_code == 200
        assert client.get("/").text.count('role="alert"') == 1
    printed = CliRunner().invoke(app, ["check", str(folder)]).stdout
    for problem in watch.report.problems:
        assert problem.message.replace("'", "&#39;") in page.text
        assert problem.message in printed
    assert "severity: <mark>blok</mark>" in page.text


def test_the_page_without_dev_says_that_all_is_sound(site: Site) -> None:
    log = io.StringIO()
    web = Web(site, make_app(site, logger=make_logger(log)), log)
    with web.person("implementer") as client:
        page = client.get("/config/check")
        assert page.status_code == 200
        assert "No mistakes" in page.text
        assert 'role="alert"' not in page.text
    with web.person("warehouse") as client:
        assert client.get("/config/check").status_code == 403
