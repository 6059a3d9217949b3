"""Packs that others wrote run in processes of their own: started, asked, limited, replaced here.

It must not know what a hook means; what it gives is a pack like any other, whose functions ask
the process. It is a fence against mistakes, not against a malicious program.
"""

import importlib.util
import inspect
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial, wraps
from pathlib import Path
from typing import Any, Final

from qtcore import hookspecs
from qtcore.definitions.read import PackFolder, read_pack_texts
from qtcore.definitions.recalls import RecallNode
from qtcore.errors import Refusal
from qtcore.hookspecs import Channel, ExchangeFormat, FactValue, GiveFact, LotFacts
from qtcore.pack import hookimpl
from qtcore.registry.code import PackCode, StoredPack, file_digest
from qtcore.registry.fence import CHECKS, Failure, PackFailed, checked_fact
from qtcore.registry.pack_wire import REPLY, pack_request, read_fact, read_reply, receive

_DEFINES: Final = "contribute_definitions"
_WORKER: Final = "qtcore.registry.pack_worker"
_MEBI: Final = 1 << 20
_UNASKED: Final = "its process wrote what nobody asked for"
_GRACE: Final = 1.0  # the kernel's timer in the process ends it this much later than we would


@dataclass(frozen=True, slots=True)
class Limits:
    """What a pack may take: seconds to load, to judge and to do anything else; bytes."""

    load_seconds: float = 20.0
    judge_seconds: float = 1.0
    other_seconds: float = 30.0
    memory: int = 1024 * _MEBI
    judgement: int = _MEBI
    reply: int = 64 * _MEBI


class _Running:
    """A process that was started, and our end of the channel to it."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str]) -> None:
        self.channel, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                [sys.executable, "-P", "-m", _WORKER, str(theirs.fileno()), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env=environment,
            )
        self.owner = os.getpid()
        self.end = weakref.finalize(self, _end, self.process, self.channel, self.owner)


class PackProcess:
    """The process of one pack: started when it is first asked, replaced when it was lost.

    Raises PackFailed for whatever goes wrong. A replacement runs what was loaded first or nothing:
    Python that changed on disk meanwhile is refused.
    """

    def __init__(self, name: str, value: str, code: tuple[Path, str], limits: Limits) -> None:
        self._name, self._value, self._limits = name, value, limits
        self._file, self._digest = code
        self._environment = _environment()
        self._running: _Running | None = None
        self._description: Any = None
        self._count = 0
        self._lock = threading.Lock()

    def describe(self) -> Any:
        """Give the hooks the pack answers, or why it cannot be used, as its process said it."""
        with self._lock:
            self._started()
            return self._description

    def judge(self, hook: str, given: Mapping[str, object]) -> Any:
        """Call a hook inside a decision."""
        limits = self._limits
        return self._ask(("hook", hook, given), limits.judge_seconds, limits.judgement)

    def know(self, fact: str, lot: LotFacts) -> FactValue:
        """Ask for one fact of a lot, which a decision waits for."""
        limits = self._limits
        said = self._ask(("fact", fact, lot), limits.judge_seconds, limits.judgement)
        return checked_fact(read_fact(said))

    def ask(self, *asked: object) -> Any:
        """Ask for what no decision waits for; give its plain data."""
        return self._ask(asked, self._limits.other_seconds, self._limits.reply)

    def end(self) -> None:
        """End the process with all it started; the next question starts another."""
        if self._running is not None:
            self._running.end()
            self._running = None

    def _ask(self, asked: tuple[object, ...], seconds: float, most: int) -> Any:
        with self._lock:
            return self._exchange(self._started(), asked, seconds, most)

    def _exchange(
        self, running: _Running, asked: tuple[object, ...], seconds: float, most: int
    ) -> Any:
        try:
            answer = self._answer(running, asked, seconds, most)
        except TimeoutError:
            self.end()
            raise PackFailed(f"it did not answer within {seconds:g} s and was stopped") from None
        except (EOFError, ConnectionError):
            raise PackFailed(f"its process {self._how_it_ended(running)}") from None
        except (PackFailed, ValueError, RecursionError):
            self.end()
            raise
        if "said" in answer:
            return answer["said"]
        if answer["failed"].startswith(MemoryError.__name__):
            self.end()
        raise PackFailed(answer["failed"])

    def _answer(
        self, running: _Running, asked: tuple[object, ...], seconds: float, most: int
    ) -> dict[str, Any]:
        until = time.monotonic() + seconds
        self._count += 1
        _require_silence(running.channel)
        running.channel.settimeout(seconds)
        running.channel.sendall(pack_request(self._count, seconds + _GRACE, asked))
        number, size = REPLY.unpack(receive(running.channel, REPLY.size, until))
        if number != self._count:
            raise PackFailed(_UNASKED)
        if size > most:
            raise PackFailed(f"it answered with {size} bytes; at most {most} are accepted")
        answer = read_reply(receive(running.channel, size, until))
        if isinstance(answer, dict) and ("said" in answer or isinstance(answer.get("failed"), str)):
            return answer
        raise PackFailed(_UNASKED)

    def _how_it_ended(self, running: _Running) -> str:
        with suppress(subprocess.TimeoutExpired):
            running.process.wait(timeout=_GRACE)
        code = running.process.returncode
        self.end()
        if code is None:
            return "closed its channel before it answered"
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"left with code {code}"
        return f"{how} before it answered"

    def _started(self) -> _Running:
        """Give the process at work, or start one; a forked copy of ours starts its own."""
        running = self._running
        if running is not None and running.owner == os.getpid():
            if running.process.poll() is None:
                return running
            self.end()
        if file_digest(self._file) != self._digest:
            raise PackFailed("its Python on disk is not what was loaded; restart to load it anew")
        limits = self._limits
        memory, seconds = str(limits.memory), str(limits.load_seconds + _GRACE)
        self._running = running = _Running(
            [memory, seconds, self._name, self._value], self._environment
        )
        self._description = self._exchange(
            running, ("describe",), limits.load_seconds, limits.judgement
        )
        return running


def load_apart(name: str, value: str, limits: Limits = Limits()) -> object:  # frozen
    """Load an installed pack in a process of its own; `value` is its entry point.

    Gives the pack as hooks that ask the process, or the Failure. A pack that is all YAML is read
    from what its process found, and needs no process any more.
    """
    try:
        file = _find_file(value)
        digest = file_digest(file)
        process = _process(name, value, (file, digest), limits)
        said = process.describe()
        if "off" in said:
            return Failure(name, *map(str, said["off"]))
        hooks = [hook for hook in CHECKS if hook in said["hooks"]]
        if hooks == [_DEFINES]:
            content = _read_folder(process, _DEFINES, {})
            process.end()
            return StoredPack(content)
    except (PackFailed, ImportError) as exc:
        return Failure(name, "its import", str(exc))
    calls = {hook: _call(process, hook) for hook in hooks}
    return PackCode(digest=digest, **calls)


@lru_cache(maxsize=64)
def _process(name: str, value: str, code: tuple[Path, str], limits: Limits) -> PackProcess:
    """Give the one process of a pack and its Python, however many registries use it."""
    return PackProcess(name, value, code, limits)


def _call(process: PackProcess, hook: str) -> Any:
    """Make the function that stands for a pack's answer to a hook."""
    spec, read = getattr(hookspecs, hook), _READERS[hook]
    names = tuple(inspect.signature(spec).parameters)

    @wraps(spec)  # so that pluggy hands over all that the hook has
    def call(*given: object) -> object:
        return read(process, hook, dict(zip(names, given, strict=True)))

    return hookimpl(call)


def _read_refusals(process: PackProcess, hook: str, given: Mapping[str, object]) -> list[Refusal]:
    return [Refusal(**row) for row in process.judge(hook, given)]


def _read_nothing(process: PackProcess, hook: str, given: Mapping[str, object]) -> None:
    process.ask("hook", hook, given)


def _read_folder(process: PackProcess, hook: str, given: Mapping[str, object]) -> PackFolder:
    name, label, files = process.ask("hook", hook, given)
    return read_pack_texts({str(k): str(v) for k, v in files.items()}, name=name, label=label)


def _read_nodes(process: PackProcess, hook: str, given: Mapping[str, object]) -> list[RecallNode]:
    return [RecallNode.model_validate(row) for row in process.ask("hook", hook, given)]


def _read_givers(
    process: PackProcess, hook: str, given: Mapping[str, object]
) -> Mapping[str, GiveFact]:
    return {str(fact): partial(process.know, fact) for fact in process.ask("hook", hook, given)}


def _read_formats(
    process: PackProcess, hook: str, given: Mapping[str, object]
) -> list[ExchangeFormat]:
    return [
        ExchangeFormat(name, title, tuple(suffixes), partial(process.ask, "read", name))
        for name, title, suffixes in process.ask("hook", hook, given)
    ]


def _read_channels(process: PackProcess, hook: str, given: Mapping[str, object]) -> list[Channel]:
    return [
        Channel(name, title, partial(process.ask, "send", name))
        for name, title, _ in process.ask("hook", hook, given)
    ]


_READERS: Final[Mapping[str, Callable[[PackProcess, str, Mapping[str, object]], object]]] = {
    _DEFINES: _read_folder,
    "contribute_formats": _read_formats,
    "contribute_channels": _read_channels,
    "contribute_recall_nodes": _read_nodes,
    "contribute_facts": _read_givers,
    "judge_receipt": _read_refusals,
    "judge_transition": _read_refusals,
    "judge_release": _read_refusals,
    "judge_shipment": _read_refusals,
    "judge_recall_closure": _read_refusals,
    "after_event": _read_nothing,
    "after_transition": _read_nothing,
}


def _find_file(value: str) -> Path:
    """Find the file of the module an entry point names, without running any of it.

    Raises ImportError when there is none.
    """
    first, *rest = value.partition(":")[0].strip().split(".")
    spec = importlib.util.find_spec(first)
    if spec is None:
        raise ImportError(f"there is no module {first!r}; install the pack anew")
    places = [Path(place) for place in spec.submodule_search_locations or ()]
    file = Path(spec.origin) if spec.origin else Path()
    for part in rest:
        inner = [place / part for place in places]
        files = [f for p in inner for f in (p / "__init__.py", p.with_suffix(".py")) if f.is_file()]
        file, places = (files[0] if files else Path()), inner
    return file


def _environment() -> dict[str, str]:
    """Give a pack our environment without our settings: its database is none of its business."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("QTCORE_")}
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return {**kept, "PYTHONPATH": path}


def _require_silence(channel: socket.socket) -> None:
    """Make sure that nothing waits in the channel before a question is asked."""
    channel.setblocking(False)
    try:
        waiting = channel.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return
    raise PackFailed(_UNASKED) if waiting else EOFError


def _end(process: subprocess.Popen[bytes], channel: socket.socket, owner: int) -> None:
    """End a process with all it started; nothing of it stays, not even its exit code."""
    channel.close()
    if owner != os.getpid():
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
