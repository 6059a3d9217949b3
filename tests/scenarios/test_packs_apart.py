"""A pack of somebody else judges at work: in services, in `qtcore serve`, on both databases."""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from qtcore.errors import Refused
from qtcore.registry.load import load_registry
from qtcore.services.audit import seal
from qtcore.services.integrity.fsck import check_database
from qtcore.services.transitions import Step, fire_transition
from qtcore.testing import PASSWORD, a_received_lot, a_site, a_user
from tests.foreign_packs import a_lot, ends_within, importable, install

SOURCE = """
import os, time
from qtcore.pack import Refusal, hookimpl

@hookimpl
def judge_release(lot):
    if lot.lot_no == "EXITS":
        os._exit(3)
    if lot.lot_no == "HANGS":
        time.sleep(60)
    if lot.lot_no == "BAD":
        return [Refusal("AC-1", "not this one")]
"""
BOTH = ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.slow])]


@pytest.mark.heavy
@pytest.mark.parametrize("database", BOTH)
def test_a_lot_is_released_whatever_a_pack_did_to_the_one_before(request, tmp_path, database):
    url = "sqlite://" if database == "sqlite" else request.getfixturevalue("postgres_url")
    with importable(install(tmp_path, "acme", SOURCE)):
        registry = load_registry(packs=["food", "acme"]).get_registry()
    told = {}
    with a_site(url, registry=registry) as site:
        person = a_user(site, ["qp"])
        for number in ("EXITS", "GOOD-1", "HANGS", "GOOD-2", "BAD"):
            lot = a_received_lot(site, lot_no=number)
            try:
                fire_transition(site, person, ("lot", lot.uid), Step("release", password=PASSWORD))
                told[number] = "released"
            except Refused as refused:
                told[number] = ", ".join(f"{r.code} {r.asked_by}" for r in refused.refusals)
        seal(site)
        assert check_database(site, site.system_context()).violations == ()
    assert told == {
        "EXITS": "QT901 acme",
        "GOOD-1": "released",
        "HANGS": "QT901 acme",
        "GOOD-2": "released",
        "BAD": "AC-1 acme",
    }


@pytest.mark.heavy
def test_threads_ask_one_process_one_after_the_other(tmp_path):
    with importable(install(tmp_path, "acme", SOURCE)):
        hooks = load_registry(packs=["acme"]).get_registry().hooks
    said: dict[str, list[str]] = {}

    def ask(number: str) -> None:
        said[number] = [r.code for _ in range(50) for r in hooks.judge_release(a_lot(number))]

    threads = [threading.Thread(target=ask, args=(n,)) for n in ("BAD", "GOOD", "BAD ", "GOOD ")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == {"BAD": ["AC-1"] * 50, "GOOD": [], "BAD ": [], "GOOD ": []}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
def test_a_served_site_ends_its_packs_with_itself(tmp_path):
    place = install(tmp_path, "acme", SOURCE)
    command = [sys.executable, "-m", "qtcore", "serve", "--db", f"sqlite:///{tmp_path}/s.db"]
    path = os.pathsep.join([str(place), *sys.path])
    process = subprocess.Popen(
        [*command, "--port", str(free_port())],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "http" in line:
                break
        file = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        children = [int(pid) for pid in file.read_text().split()]
        assert len(children) == 1
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert ends_within(children[0], 10)
