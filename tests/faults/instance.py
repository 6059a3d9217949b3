"""Another process at the same database: started, told what to do, killed with all it started.

It must not judge: tests do. Nothing here waits without a limit. Run as a program it obeys lines of
JSON: "open" a database, do one act, "work" until it is killed; or "fork", and then a copy obeys
until it ends, so that the next copy costs milliseconds.
"""

import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from qtcore.errors import QTCoreError, Refused
from qtcore.pack import LotFacts, Refusal, hookimpl
from qtcore.registry.hooks import Hooks
from qtcore.services.audit import seal
from qtcore.services.drafts import DraftInput, edit_draft, open_draft
from qtcore.services.publication import Signing, publish_draft
from qtcore.services.sign_proofs import Proof
from qtcore.services.site import Site
from qtcore.services.table_loads import import_table
from qtcore.services.transitions import Step, fire_transition
from qtcore.store import engines, unit
from qtcore.store.driver import change_rows
from qtcore.testing import PASSWORD, a_received_lot, a_registry, a_user
from tests.faults.racing import another_instance

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60.0
ROWS = 10
_TEXTS = "workflows/i18n/en.yaml"
_RULES = b"""
mapping: dairy
event: {type: production, key: "dairy/{batch}", at: made}
lots:
  cheese:
    {part: output, item: cheese, item_kind: finished, source: dairy, lot_no: "{batch}",
     quantity: kg, unit: kg}
tables:
  batches:
    key: [batch]
    columns:
      batch: {required: true}
      made: {type: date, format: YYYY-MM-DD, required: true}
      kg: {type: decimal}
"""


class _Gate:
    """A pack that lets a release go on when the other process is at the same place as well."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @hookimpl
    def judge_release(self, lot: LotFacts) -> list[Refusal]:
        """Come to the narrowest place: the lot was read, and is not written yet."""
        (self._folder / f"{lot.lot_no}-{os.getpid()}").touch()
        until = time.monotonic() + 1
        while time.monotonic() < until and len([*self._folder.glob(f"{lot.lot_no}-*")]) < 2:
            os.sched_yield()
        return []


def _compare_nothing(*told: Any) -> int:
    """Say that a row had the version that was seen: the defence that is switched off."""
    return max(1, change_rows(*told))


class Gone(Exception):
    """Raised when the other process ended, or said nothing for too long."""


class Instance:
    """One other process, as its parent sees it."""

    def __init__(self, *prefix: str) -> None:
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "tests.faults.instance"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self._rest = b""

    def tell(self, do: str, **more: Any) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps({"do": do, **more}).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Gone("it ended before it was asked") from None

    def hear(self, seconds: float = SECONDS) -> Any:
        """Give its next line; raises Gone when there is none in time."""
        assert self.process.stdout is not None
        until = time.monotonic() + seconds
        while b"\n" not in self._rest:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise Gone(f"it said nothing for {seconds:g} s")
            part = os.read(self.process.stdout.fileno(), 65_536)
            if not part:
                raise Gone("it ended")
            self._rest += part
        line, self._rest = self._rest.split(b"\n", 1)
        return json.loads(line)

    def ask(self, do: str, **more: Any) -> Any:
        self.tell(do, **more)
        return self.hear()

    def heard(self) -> list[Any]:
        """Give what it had said and nobody had heard yet."""
        said = []
        while True:
            try:
                said.append(self.hear(0.05))
            except Gone:
                return said

    def limit(self, pid: int, size: int) -> None:
        """Let no file of the process grow beyond `size` bytes: a full disk."""
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def end(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        self.process.wait()


@contextmanager
def instances(number: int, *prefix: str) -> Iterator[list[Instance]]:
    found = [Instance(*prefix) for _ in range(number)]
    try:
        yield found
    finally:
        for each in found:
            each.end()


class _Acts:
    """What the other process can do; each act gives what it may be held to."""

    site: Site

    def open(self, url: str, seed: int, *, gate: str = "", off: Sequence[str] = ()) -> None:
        """Open a database; `off` names the defences to do without."""
        if "writer lock" in off:
            engines.needs_single_writer = lambda version: False
        if "compare and set" in off:
            unit.change_rows = _compare_nothing  # type: ignore[assignment, attr-defined]
        if "transactions" in off:
            engines._begin_with = lambda statement: lambda connection: None
        site = another_instance(url, seed)
        if gate:
            hooks = Hooks({"gate": _Gate(Path(gate))})
            site = replace(site, registry=replace(site.registry, hooks=hooks))
        self.site = site

    def receive(self, no: str) -> str:
        return a_received_lot(self.site, lot_no=no).uid

    def release(self, lot: str, login: str = "petra") -> str:
        person = a_user(self.site, ["qp"], login=login)
        return fire_transition(
            self.site, person, ("lot", lot), Step("release", password=PASSWORD)
        ).to_state

    def load(self, first: int) -> int:
        rows = (f"C-{at},2026-03-01,12.50\n" for at in range(first, first + ROWS))
        files = [("batches.csv", ("batch,made,kg\n" + "".join(rows)).encode())]
        context = self.site.system_context()
        return import_table(self.site, context, files, ("rules.yaml", _RULES)).stored

    def seal(self) -> int:
        return seal(self.site)

    def publish(self, word: str) -> int:
        author, signer = (a_user(self.site, [role]) for role in ("implementer", "qa"))
        draft = open_draft(self.site, author, DraftInput("A change", "asked for"))
        base = draft.configuration.find("base")
        assert base is not None
        text = base.files[_TEXTS].replace("Quarantine", word)
        edit_draft(self.site, author, draft.row.uid, {("base", _TEXTS): text})
        signing = Signing(Proof(PASSWORD), "checked")
        return publish_draft(self.site, signer, draft.row.uid, signing).row.number


def _attempt(acts: _Acts, do: str, told: dict[str, Any]) -> Any:
    """Do one act; a refusal or an error of the product is an answer."""
    try:
        return {"done": getattr(acts, do)(**told)}
    except Refused as refused:
        return {"refused": [r.code for r in refused.refusals]}
    except QTCoreError as error:
        return {"error": error.code, "message": error.message}
    except SQLAlchemyError as error:
        return {"unnamed": f"{type(error).__name__}: {error}"}


def _work(acts: _Acts, run: str, publishes: bool) -> None:
    """Act without end; each act is told when it is done, and only then."""
    for at in count():
        lot = acts.receive(f"{run}-{at}")
        _say(["received", f"{run}-{at}"])
        acts.release(lot)
        _say(["released", f"{run}-{at}"])
        if at % 3 == 1:
            acts.load(int(run) * 1_000_000 + at * ROWS)
            _say(["loaded", int(run) * 1_000_000 + at * ROWS])
        if at % 4 == 2:
            acts.seal()
            _say(["sealed", at])
        if publishes and at % 5 == 4:
            _say(["published", acts.publish(f"Held-{run}-{at}")])


def _say(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _obey(lines: Iterator[bytes]) -> None:
    acts = _Acts()
    for line in lines:
        told = json.loads(line)
        do = told.pop("do")
        if do == "fork":
            child = os.fork()
            if child:
                os.waitpid(child, 0)
                _say("ended")
            else:
                _say(os.getpid())
        elif do == "work":
            _work(acts, **told)
        else:
            _say(_attempt(acts, do, told))


def _unbuffered_lines() -> Iterator[bytes]:
    """Read lines byte by byte: what a forked copy shall read must not wait in our buffer."""
    line = b""
    while part := os.read(0, 1):
        line += part
        if part == b"\n":
            yield line
            line = b""


def main(_arguments: Sequence[str]) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then a full disk is an error of the write
    a_registry("food")  # so that every copy has it
    _obey(_unbuffered_lines())


if __name__ == "__main__":
    main(sys.argv[1:])
