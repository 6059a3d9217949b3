"""Fixtures shared by all tests: where the real data is, and an honest count of what was skipped.

It must not build sites or records.
"""

import gc
import os
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import typer.testing
import yaml
from hypothesis import HealthCheck, settings
from typer.main import get_command

from tests.postgres import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url", "shared_data"]

_CHECKOUT = Path(__file__).resolve().parent.parent

# How long an example takes says something about the machine; the tests of speed are others. A gate
# shows the same examples each time; QTCORE_HYPOTHESIS=search looks for new ones, and long for fifty
# times as many where a test asks for a share of what the profile allows.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", settings.get_profile("search"), max_examples=5000)
settings.register_profile("steady", settings.get_profile("search"), derandomize=True)
settings.load_profile(os.environ.get("QTCORE_HYPOTHESIS", "steady"))

# `CliRunner` makes the tree of commands anew for each call; a program makes it once.
typer.testing._get_command = cache(get_command)  # type: ignore[attr-defined]  # has no public way

# A word of the skip reason, and what its absence is called in the summary.
_NEEDS = {
    "shared data": "the shared data",
    "postgres": "a PostgreSQL server",
    "chromium": "Chromium",
    "node.js": "Node.js",
}
# What CI may go without: the data is not ours, and the browser runs what Node would.
_MAY_SKIP = frozenset({_NEEDS["shared data"], _NEEDS["node.js"]})
_SKIPS = pytest.StashKey[Counter[str]]()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = Path(os.environ.get("QTCORE_SHARED_DATA", _CHECKOUT / "../shared/data"))
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder}; set QTCORE_SHARED_DATA to its folder")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each report tell which clauses of a law its test shows."""
    for item in items:
        for mark in item.iter_markers("clause"):
            item.user_properties.append(("clause", mark.args[0]))


def pytest_collection_finish() -> None:
    """Take modules and collected tests out of the search for cycles, and search less often.

    They live as long as the run; walking over them again and again took an eighth of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run of CI that skipped anything but what it may go without."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:  # a worker of pytest-xdist; its parent counts
        return
    skips = Counter(_need(str(each.longrepr)) for each in reporter.stats.get("skipped", []))
    session.config.stash[_SKIPS] = skips
    if os.environ.get("QTCORE_ONLY_DATA_MAY_SKIP") and set(skips) - _MAY_SKIP:
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
    if os.environ.get("QTCORE_ONLY_DATA_MAY_SKIP"):
        unshown = unshown_clauses(reporter.stats)
        for clause in unshown:
            reporter.write_line(f"no test that passed shows {clause} of docs/clauses.yaml")
        if unshown:
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def unshown_clauses(stats: dict[str, list[pytest.TestReport]]) -> list[str]:
    """List the claimed clauses that no test which passed in this run shows."""
    file = _CHECKOUT / "docs" / "clauses.yaml"
    claimed = yaml.safe_load(file.read_text("utf-8"))["clauses"] if file.exists() else []
    told = [each.user_properties for each in stats.get("passed", []) if each.when == "call"]
    shown = {value for each in told for name, value in each if name == "clause"}
    return [each["clause"] for each in claimed if each["clause"] not in shown]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    skips = config.stash.get(_SKIPS, Counter())
    terminalreporter.section("skipped for want of")
    for need in (*_NEEDS.values(), "something else"):
        terminalreporter.line(f"{need}: {skips[need]}")


def _need(reason: str) -> str:
    words = (need for word, need in _NEEDS.items() if word in reason.lower())
    return next(words, "something else")
