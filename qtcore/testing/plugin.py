"""The pytest plugin for packs: ``pytest --qtcore-pack PATH`` runs a pack's YAML tests as tests.

It must not slow a run that does not ask for it: what runs the tests is loaded when it is needed.
"""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option."""
    parser.getgroup("qtcore").addoption(
        "--qtcore-pack",
        action="append",
        default=[],
        metavar="PATH",
        help="folder of a pack: check it and run its tests/*.yaml (may be given again)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Load what collects the tests of packs, when a pack is named."""
    if config.getoption("--qtcore-pack"):
        config.pluginmanager.import_plugin("qtcore.testing.pack_items")
