"""Fixtures shared by all tests: where the real data is.

It must not build sites, records or databases.
"""

import os
from pathlib import Path

import pytest

_CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = Path(os.environ.get("QTCORE_SHARED_DATA", _CHECKOUT / "../shared/data"))
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder}; set QTCORE_SHARED_DATA to its folder")
    return folder
