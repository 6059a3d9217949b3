"""schemathesis in a process of its own finds no 500 and no answer that is not described."""

import importlib.util
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("schemathesis") is None,
        reason="schemathesis is not installed; the extra `fuzz` brings it",
    ),
]


def ran(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.contract_run", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=3000)


@pytest.mark.parametrize("phases", ["coverage", "stateful"])
def test_sqlite_keeps_what_the_description_promises(phases: str):
    done = ran("--examples", "3", "--phases", phases, "--max-time", "600")
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.postgres
@pytest.mark.parametrize("phases", ["coverage", "stateful"])
def test_postgres_keeps_what_the_description_promises(postgres_url: str, phases: str):
    done = ran("--db", postgres_url, "--examples", "3", "--phases", phases, "--max-time", "600")
    assert done.returncode == 0, done.stdout[-4000:]
