"""One pack in a process of its own: loads it, answers what it is asked, ends when nobody asks.

It must not know databases or sites: it receives frozen facts and gives plain JSON back.
"""

import ctypes
import os
import pickle
import resource
import signal
import socket
import sys
from collections.abc import Mapping
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Final

from qtcore.errors import Refusal
from qtcore.hookspecs import Channel, ExchangeFormat
from qtcore.registry.fence import CHECKS, Failure, checked_fact, checked_nothing, fenced
from qtcore.registry.hooks import Hooks
from qtcore.registry.pack_wire import REQUEST, pack_reply, plain_fact, receive
from qtcore.registry.packs import ENTRY_POINTS, load_pack

_PR_SET_CHILD_SUBREAPER: Final = 36
_ANY_CHILD: Final = os.WEXITED | os.WNOHANG | os.WNOWAIT


class PackAtWork:
    """The pack behind its hooks, and the functions it gave that are called later, by their names.

    Each method answers one kind of request: with plain data, or with the Failure.
    """

    def __init__(self, name: str, value: str) -> None:
        self._name = name
        loaded = load_pack(name, EntryPoint(name, value, ENTRY_POINTS).load)
        self._hooks = Hooks({} if isinstance(loaded, Failure) else {name: loaded})
        off = loaded if isinstance(loaded, Failure) else next(iter(self._hooks.off), None)
        self._off = off
        self._given: dict[tuple[str, str], Any] = {}

    def describe(self) -> object:
        """Name the hooks the pack answers, or say why it cannot be used."""
        if self._off is not None:
            return {"off": [self._off.hook, self._off.message, self._off.file]}
        return {"hooks": [hook for hook in CHECKS if self._hooks.judges_of(hook)]}

    def hook(self, hook: str, given: Mapping[str, object]) -> object:
        """Call one hook."""
        answers = self._hooks.answers(hook, **given)
        if answers.failures:
            return answers.failures[0]
        if hook.startswith("after_"):
            return None
        if hook == "contribute_definitions":
            ((_, folder),) = answers.values
            return [folder.name, folder.label, dict(folder.files)]
        if hook == "contribute_facts":
            return [fact for _, givers in answers.values for fact in self._keep(hook, givers)]
        return [self._plain(hook, each) for _, found in answers.values for each in found]

    def fact(self, fact: str, lot: object) -> object:
        """Call the pack's function for one fact of a lot."""
        call = partial(self._call, ("contribute_facts", fact), "", lot)
        asked = fenced(self._name, fact, call, checked_fact)
        return asked if isinstance(asked, Failure) else plain_fact(asked[0])

    def read(self, name: str, data: bytes) -> object:
        """Read a file with a format the pack gave."""
        call = partial(self._call, ("contribute_formats", name), "read", data)
        asked = fenced(self._name, name, call, _listed)
        return asked if isinstance(asked, Failure) else asked[0]

    def send(self, name: str, *told: str) -> object:
        """Send a notice by a channel the pack gave."""
        call = partial(self._call, ("contribute_channels", name), "send", *told)
        asked = fenced(self._name, name, call, checked_nothing)
        return asked if isinstance(asked, Failure) else None

    def _call(self, given: tuple[str, str], part: str, *told: object) -> object:
        if given not in self._given:  # this process replaces the one that gave it
            self.hook(given[0], {})
        found = self._given[given]
        return (getattr(found, part) if part else found)(*told)

    def _keep(self, hook: str, named: Mapping[str, object]) -> list[str]:
        self._given |= {(hook, name): each for name, each in named.items()}
        return list(named)

    def _plain(self, hook: str, each: Any) -> object:
        if isinstance(each, Refusal):
            return each.as_json()
        if not isinstance(each, ExchangeFormat | Channel):
            return each.model_dump(mode="json")
        self._keep(hook, {each.name: each})
        suffixes = [*each.suffixes] if isinstance(each, ExchangeFormat) else []
        return [each.name, each.title, suffixes]


def answer_requests(channel: socket.socket, pack: PackAtWork) -> None:
    """Answer one request after the other until the product closes its end or is gone.

    A request that takes longer than it may ends this process: the kernel's timer does it, however
    the pack hangs, and even when the product is no longer there to do it.
    """
    own = os.getpid()
    while True:
        try:
            number, seconds, size = REQUEST.unpack(receive(channel, REQUEST.size))
            kind, *given = pickle.loads(receive(channel, size))  # noqa: S301  # the product's own
        except (EOFError, ConnectionError):
            return
        signal.setitimer(signal.ITIMER_REAL, seconds)
        answer = getattr(pack, kind)(*given)
        if os.getpid() != own:
            os._exit(0)  # the pack forked: its child has nothing to say
        if _end_children():
            answer = Failure("", kind, "it left a process running, which was ended")
        reply = _reply(number, answer)
        signal.setitimer(signal.ITIMER_REAL, 0)
        channel.sendall(reply)


def _reply(number: int, answer: object) -> bytes:
    if isinstance(answer, Failure):
        return pack_reply(number, {"failed": answer.message})
    try:
        return pack_reply(number, {"said": answer})
    except (TypeError, ValueError, RecursionError) as exc:
        return pack_reply(number, {"failed": f"{type(exc).__name__}: {exc}"[:300]})


def _end_children() -> bool:
    """End what the pack left running, with all it left in turn; say whether there was anything."""
    has_any = False
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while True:
        try:
            os.waitid(os.P_ALL, 0, _ANY_CHILD)
        except ChildProcessError:
            return has_any
        has_any = True
        for child in children.read_text(encoding="ascii").split():
            os.kill(int(child), signal.SIGKILL)
        os.waitpid(-1, 0)


def _listed(result: object) -> list[object]:
    if not isinstance(result, list | tuple):
        raise TypeError(f"returned a {type(result).__name__}, a list of events is accepted")
    return list(result)


def main(arguments: list[str]) -> None:
    """Serve one pack: file descriptor, memory in bytes, seconds to load, name, entry point."""
    descriptor, memory, seconds, name, value = arguments
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # so that no grandchild escapes
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, float(seconds))
    with socket.socket(fileno=int(descriptor)) as channel:
        answer_requests(channel, PackAtWork(name, value))


if __name__ == "__main__":
    main(sys.argv[1:])
