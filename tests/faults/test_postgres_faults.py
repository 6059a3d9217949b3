"""PostgreSQL crashes, or its network is cut: no answer is lost, nothing hangs, all is named."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import postgres
from tests.faults.instance import Instance, instances
from tests.faults.test_crashes import Acks, made, what_is_wrong

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.postgres]

CRASHES = 5
SERVER, CLIENT = "qtfault-server", "qtfault-client"
WITHIN = ("ip", "netns", "exec", CLIENT)
_PATIENT = """
import psycopg, sys
with psycopg.connect(sys.argv[1]) as connection:
    print("connected", flush=True)
    sys.stdin.readline()
    connection.execute("SELECT 1")
"""


@pytest.fixture
def server() -> Iterator[tuple[Path, Path]]:
    """A server of this test alone: the folder of the programs, and its own."""
    programs = postgres.find_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server programs")
    folder = Path(tempfile.mkdtemp(prefix="qtpg-"))
    try:
        postgres.initialise(programs, folder)
        yield programs, folder
    finally:
        postgres.stop(programs, folder)
        shutil.rmtree(folder, ignore_errors=True)


def test_nothing_acknowledged_is_lost_when_postgresql_crashes(server: tuple[Path, Path]) -> None:
    """An act under way at the crash may have happened or not; what was answered for has."""
    programs, folder = server
    postgres.start(programs, folder)
    url = made(f"postgresql://postgres@/postgres?host={folder}")
    acks: Acks = []
    with instances(1) as (zygote,):
        for run in range(1, CRASHES + 1):
            zygote.ask("fork")
            zygote.ask("open", url=url, seed=run)
            zygote.tell("work", run=str(run), publishes=False)
            acks += [zygote.hear() for _ in range(3 + run)]
            postgres.stop(programs, folder)
            acks += heard_until_it_ended(zygote)
            postgres.start(programs, folder)
            assert what_is_wrong(url, acks, seed=1000 + run) == []
    assert len(acks) > 5 * CRASHES


def test_without_syncs_a_crash_of_postgresql_loses_acts(server: tuple[Path, Path]) -> None:
    """The control: the same crash, where the server answers before its log is written."""
    programs, folder = server
    postgres.start(programs, folder)
    url = made(f"postgresql://postgres@/postgres?host={folder}")
    postgres.stop(programs, folder)
    lazy = "-c synchronous_commit=off -c wal_writer_delay=10000"
    postgres.start(programs, folder, more=lazy)
    with instances(1) as (zygote,):
        zygote.ask("open", url=url, seed=2)
        assert "done" in zygote.ask("receive", no="L-1")
        postgres.stop(programs, folder)
    postgres.start(programs, folder)
    assert ["received", "L-1"] in what_is_wrong(url, [["received", "L-1"]], seed=3)


def heard_until_it_ended(zygote: Instance) -> Acks:
    acks: Acks = []
    while (said := zygote.hear()) != "ended":
        acks.append(said)
    return acks


@contextmanager
def two_networks() -> Iterator[None]:
    """A network of two machines, the server's and ours."""
    if shutil.which("ip") is None:
        pytest.skip("no network namespaces: there is no program ip")
    first = subprocess.run(["ip", "netns", "add", SERVER], capture_output=True, text=True)
    if first.returncode:
        pytest.skip(f"no network namespaces: {first.stderr.strip()}")
    try:
        link = f"ip link add qtf0 netns {SERVER} type veth peer name qtf1 netns {CLIENT}"
        commands = [f"ip netns add {CLIENT}", link]
        for space, name, at in ((SERVER, "qtf0", 1), (CLIENT, "qtf1", 2)):
            commands.append(f"ip -n {space} address add 10.77.0.{at}/24 dev {name}")
            commands.append(f"ip -n {space} link set {name} up")
        for command in commands:
            subprocess.run(command.split(), check=True)
        yield
    finally:
        for space in (SERVER, CLIENT):
            subprocess.run(["ip", "netns", "delete", space], capture_output=True)


def switch_network(on: bool) -> None:
    state = "up" if on else "down"
    subprocess.run(["ip", "-n", SERVER, "link", "set", "qtf0", state], check=True)


def test_a_cut_network_is_an_answer_within_seconds(server: tuple[Path, Path]) -> None:
    programs, folder = server
    with (folder / "data" / "pg_hba.conf").open("a") as file:
        file.write("host all all 10.77.0.0/24 trust\n")
    with two_networks():
        postgres.start(programs, folder, address="10.77.0.1", space=SERVER)
        made(f"postgresql://postgres@/postgres?host={folder}")
        far = "postgresql://postgres@10.77.0.1/postgres"
        with instances(1, *WITHIN) as (away,):
            assert away.ask("open", url=far, seed=2) == {"done": None}
            assert "done" in away.ask("receive", no="L-1")
            with patient(far) as other:
                switch_network(on=False)
                print(file=other.stdin, flush=True)
                began = time.monotonic()
                assert away.ask("receive", no="L-2")["error"] == "QT503"
                assert time.monotonic() - began < 20
                # The control: the driver as it comes still waits.
                assert other.poll() is None
            switch_network(on=True)
            assert "done" in away.ask("receive", no="L-3")
        near = f"postgresql://postgres@/postgres?host={folder}"
        assert what_is_wrong(near, [["received", "L-1"], ["received", "L-3"]], seed=9) == []


@contextmanager
def patient(url: str) -> Iterator["subprocess.Popen[str]"]:
    """A program without our limits, which asks the server once it is cut off."""
    process = subprocess.Popen(
        [*WITHIN, sys.executable, "-c", _PATIENT, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "connected\n"
        yield process
    finally:
        process.kill()
        process.communicate()
