"""Runs schemathesis against a served site: `python -m tests.contract_run [--db URL]`.

It has a process of its own because the pytest plugin of schemathesis changes every other test.
Exit code 0: no 500, and no answer that the description does not promise.
"""

import argparse
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from qtcore.services.tokens import add_token
from qtcore.testing.builders import a_user
from qtcore.testing.sites import a_site
from tests.web import EVERY_ROLE, make_web, milk_and_butter

# Left out: what a description cannot say. A value of the right form may name nothing we know, and
# who asks without a token is told so before anything else is looked at.
LEFT_OUT = ("positive_data_acceptance", "missing_required_header")


@contextmanager
def served(url: str) -> Iterator[tuple[str, str]]:
    """Serve a site with a small story; gives its address and the token of somebody with rights."""
    with a_site(url) as site, socket.socket() as listening:
        milk_and_butter(site)
        login = a_user(site, (*EVERY_ROLE, "admin")).actor.login
        token = add_token(site, site.system_context(), login)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        app = make_web(site).app
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", token
        finally:
            server.should_exit = True
            thread.join()


def run(url: str, examples: int, seed: int, *more: str) -> int:
    """Run all phases, the stateful one among them, against one database; gives the exit code."""
    with served(url) as (address, token), tempfile.TemporaryDirectory() as folder:
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{address}/api/v1/openapi.json"),
            *("--header", f"Authorization: Bearer {token}"),
            *("--checks", "all", "--exclude-checks", ",".join(LEFT_OUT)),
            *("--max-examples", str(examples), "--seed", str(seed)),
            *("--continue-on-failure", "--request-timeout", "30", "--no-color"),
            *("--suppress-health-check", "all", "--warnings", "off"),
            *more,
        ]
        return subprocess.run(command, cwd=Path(folder), check=False).returncode


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--db", default="sqlite://", help="URL of an empty database")
    parser.add_argument("--examples", type=int, default=20, help="cases per operation and phase")
    parser.add_argument("--seed", type=int, default=1)
    asked, more = parser.parse_known_args()
    sys.exit(run(asked.db, asked.examples, asked.seed, *more))


if __name__ == "__main__":
    main()
