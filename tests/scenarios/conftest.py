"""Sites for scenarios: a fresh one per test, and one demo for the whole session.

It must not hold assertions.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from qtcore.demo.build import build_demo
from qtcore.services.definitions import publish_registry
from qtcore.services.site import Site, open_site
from qtcore.testing import FrozenClock, a_site
from tests.scenarios.recall_dairy import built, dairy

__all__ = ["built", "clock", "dairy", "demo", "site"]


class Demo(NamedTuple):
    site: Site
    summary: dict[str, Any]


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def site(clock: FrozenClock) -> Iterator[Site]:
    with a_site(clock=clock) as opened:
        yield opened


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo of this worker's own, copied from the one that all workers of a run build once."""
    base = tmp_path_factory.getbasetemp()
    built = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "demo-built"
    with Path(f"{built}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (built / "summary.json").exists():
            _build(built)
    folder = tmp_path_factory.mktemp("demo") / "site"
    shutil.copytree(built, folder)
    opened = open_site(f"sqlite:///{folder / 'demo.db'}")
    try:
        yield Demo(opened, json.loads((folder / "summary.json").read_text("utf-8")))
    finally:
        opened.close()


def _build(folder: Path) -> None:
    folder.mkdir()
    opened = open_site(f"sqlite:///{folder / 'demo.db'}", create=True)
    try:
        publish_registry(opened, opened.system_context())
        summary = build_demo(opened, address="http://127.0.0.1:8000")
    finally:
        opened.close()
    (folder / "summary.json").write_text(json.dumps(summary, ensure_ascii=False), "utf-8")
