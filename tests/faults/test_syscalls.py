"""One system call fails, or the process dies in it: nothing acknowledged is lost, nothing is half.

`strace` makes the call fail. Where a machine has none, or forbids tracing, the long run says so.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qtcore.testing.sites import sqlite_url
from tests.faults.instance import Gone, Instance, instances
from tests.faults.test_crashes import Acks, made, what_is_wrong

pytestmark = [pytest.mark.fault, pytest.mark.slow]

CALLS = ("pwrite64", "fdatasync")
FAULTS = ("error=EIO", "error=ENOSPC", "signal=KILL")
TIMES = range(1, 15)


@contextmanager
def injected(pid: int, call: str, fault: str, when: int) -> Iterator[None]:
    """Let the `when`-th call of a process end with a fault."""
    inject = f"inject={call}:{fault}:when={when}"
    tracer = subprocess.Popen(
        ["strace", "-f", "-p", str(pid), "-e", f"trace={call}", "-e", inject, "-o", "/dev/null"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert tracer.stderr is not None
    said = tracer.stderr.readline()
    try:
        if "attached" not in said:
            pytest.skip(f"strace may not trace here: {said.strip()}")
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=20)


@pytest.mark.skipif(shutil.which("strace") is None, reason="no strace on this machine")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
def test_each_call_of_a_receipt_may_fail(tmp_path: Path, call: str, fault: str) -> None:
    url = made(sqlite_url(tmp_path))
    acks: Acks = []
    told: list[str] = []
    with instances(1) as (zygote,):
        for when in TIMES:
            pid = zygote.ask("fork")
            zygote.ask("open", url=url, seed=100 + when)
            with injected(pid, call, fault, when):
                told.append(outcome(zygote, f"L-{when}"))
            if told[-1] == "done":
                acks.append(["received", f"L-{when}"])
            if told[-1] != "ended":
                os.kill(pid, signal.SIGKILL)
                assert zygote.hear() == "ended"
            assert what_is_wrong(url, acks, seed=1000 + when) == []
    # The control: the faults do hit the act, and behind the last call of it they do not.
    assert told[0] != "done"
    assert "unnamed" not in told
    assert "done" in told or call == "pwrite64"


def outcome(zygote: Instance, number: str) -> str:
    try:
        answer = zygote.ask("receive", no=number)
    except Gone:
        return "gone"
    if answer == "ended":
        return "ended"
    return str(next(iter(answer)))
