"""Stores to test against: the same tests run on each.

It must not hold business rules.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from qtcore.store.store import Store, open_store

KINDS = [
    pytest.param("file", id="sqlite-file"),
    pytest.param("memory", id="sqlite-memory"),
    pytest.param("postgres", id="postgres", marks=pytest.mark.postgres),
]


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "migrated.db"
    open_store(f"sqlite:///{path}", create=True).close()
    return path


def _url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    if request.param == "memory":
        return "sqlite://"
    path = tmp_path / "site.db"
    shutil.copy(request.getfixturevalue("migrated_file"), path)
    return f"sqlite:///{path}"


@pytest.fixture(params=KINDS)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return _url(request, tmp_path)


@pytest.fixture(params=[KINDS[0], KINDS[2]])
def lasting_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """For long tables of cases: a fleeting database would only repeat what a file shows."""
    opened = open_store(_url(request, tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url, create=True)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(tmp_path: Path, migrated_file: Path) -> Iterator[Store]:
    path = tmp_path / "site.db"
    shutil.copy(migrated_file, path)
    opened = open_store(f"sqlite:///{path}")
    yield opened
    opened.close()
