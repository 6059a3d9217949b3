"""Sites for scenarios: a fresh one per test, and one demo for the whole session.

It must not hold assertions.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from qtcore.demo.build import build_demo
from qtcore.services.definitions import publish_registry
from qtcore.services.site import Site, open_site
from qtcore.testing import FrozenClock, a_site


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
    folder = tmp_path_factory.mktemp("demo")
    opened = open_site(f"sqlite:///{folder / 'demo.db'}", create=True)
    try:
        publish_registry(opened, opened.system_context())
        yield Demo(opened, build_demo(opened, address="http://127.0.0.1:8000"))
    finally:
        opened.close()
