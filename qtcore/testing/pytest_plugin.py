"""Runs the tests of packs inside pytest: ``pytest --qtcore-pack PATH`` (may be given again).

It must not know what a test says. It is found by its entry point once QTCore is installed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qtcore.definitions.problems import Problem, render_problems
from qtcore.services.pack_tests import PackTestReport, TestOutcome, run_pack_tests


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names a pack."""
    group = parser.getgroup("qtcore")
    words = "run the YAML tests of the pack in this folder"
    group.addoption("--qtcore-pack", action="append", default=[], metavar="PATH", help=words)


def pytest_configure(config: pytest.Config) -> None:
    """Run the packs alone when nothing else was asked for."""
    if config.getoption("--qtcore-pack") and config.args_source is not config.ArgsSource.ARGS:
        config.args = []


def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Add the tests of every named pack to what was collected."""
    for path in session.config.getoption("--qtcore-pack"):
        folder = Path(path)
        found = PackTestCollector.from_parent(session, name=folder.as_posix(), path=folder)
        items.extend(found.collect())


class PackTestCollector(pytest.Collector):
    """The tests of one pack, and one item more for what concerns the pack as a whole."""

    def __init__(self, *, path: Path, **more: Any) -> None:
        super().__init__(path=path.absolute(), **more)
        self._folder = path

    def collect(self) -> Iterator[pytest.Item]:
        """Give an item for every test."""
        report = run_pack_tests(self._folder)
        told = {id(p) for outcome in report.outcomes for p in outcome.problems}
        whole = tuple(p for p in report.problems if id(p) not in told and p.severity == "error")
        yield PackTestItem.from_parent(
            self, name="definitions and coverage", problems=whole, report=report
        )
        for outcome in report.outcomes:
            yield PackTestItem.from_parent(
                self, name=outcome.name, problems=outcome.problems, report=report, outcome=outcome
            )


class PackTestItem(pytest.Item):
    """One YAML test; it fails with what was expected, what was found, and the place."""

    def __init__(
        self,
        *,
        problems: tuple[Problem, ...],
        report: PackTestReport,
        outcome: TestOutcome | None = None,
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self._problems = problems
        self._report = report
        self._outcome = outcome

    def runtest(self) -> None:
        """Fail when the test met a problem."""
        if self._problems:
            text = render_problems(self._problems, self._report.sources)
            pytest.fail(f"{text}\ncoverage: {self._report.coverage}", pytrace=False)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Say where the test stands."""
        if self._outcome is None:
            return self.path, None, f"{self.parent and self.parent.name}: {self.name}"
        test = self._outcome.test
        return Path(test.file), test.line - 1, self.name
