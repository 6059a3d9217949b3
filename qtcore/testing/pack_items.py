"""Tests of packs as items of pytest; loaded by ``--qtcore-pack`` only.

It must not know how a test is run.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qtcore.services.pack_tests import run_pack_tests


def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add the tests of the packs that were named."""
    for path in config.getoption("--qtcore-pack"):
        items += _Pack.from_parent(session, name=str(path), path=Path(path).resolve()).collect()


class _Pack(pytest.Collector):
    """A pack whose tests are collected."""

    def collect(self) -> list[pytest.Item]:
        return list(self._items())

    def _items(self) -> Iterator[pytest.Item]:
        report = run_pack_tests(self.path)
        problems = "\n".join(map(str, report.problems))
        lacking = ", ".join(report.lacking)
        yield _Item.from_parent(self, name="checks", failure=problems)
        yield _Item.from_parent(
            self,
            name="mandatory rules have every case",
            failure=f"no test of every case: {lacking}" if lacking else "",
        )
        for each in report.results:
            failure = f"{each.file}:{each.line}: {each.failure}" if each.failure else ""
            yield _Item.from_parent(
                self, name=f"{each.file}:{each.line} {each.name}", failure=failure
            )


class _Failed(Exception):
    """A test of a pack does not hold."""


class _Item(pytest.Item):
    """One test of a pack."""

    def __init__(self, *, failure: str, **rest: Any) -> None:
        super().__init__(**rest)
        self._failure = failure

    def runtest(self) -> None:
        if self._failure:
            raise _Failed(self._failure)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, _Failed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name
