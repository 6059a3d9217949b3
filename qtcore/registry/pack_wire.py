"""What travels between the product and a pack in a process of its own: frames, and facts as JSON.

It must not know what a hook means. Requests are pickles, which only the pack's side unpacks;
answers are JSON, so that nothing a pack sends can run here.
"""

import json
import pickle
import socket
import struct
import time
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from types import MappingProxyType
from typing import Any, Final

from qtcore.hookspecs import FactValue, freeze

REQUEST: Final = struct.Struct("!QdQ")  # its number, seconds allowed, bytes that follow
REPLY: Final = struct.Struct("!QQ")  # the request's number, bytes that follow
_CHUNK: Final = 1 << 20


def pack_request(number: int, seconds: float, asked: tuple[object, ...]) -> bytes:
    """Give the frame of a request."""
    body = BytesIO()
    pickler = pickle.Pickler(body, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = {MappingProxyType: _thaw}
    pickler.dump(asked)
    raw = body.getvalue()
    return REQUEST.pack(number, seconds, len(raw)) + raw


def pack_reply(number: int, answer: object) -> bytes:
    """Give the frame of an answer."""
    raw = json.dumps(answer, separators=(",", ":")).encode()
    return REPLY.pack(number, len(raw)) + raw


def read_reply(raw: bytes) -> Any:
    """Read an answer; a number keeps its digits."""
    return json.loads(raw, parse_float=Decimal)


def receive(channel: socket.socket, size: int, until: float | None = None) -> bytes:
    """Read exactly `size` bytes; EOFError when the other side is gone, TimeoutError when late."""
    parts: list[bytes] = []
    while size:
        if until is not None:
            channel.settimeout(max(until - time.monotonic(), 0.000_001))
        part = channel.recv(min(size, _CHUNK))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def plain_fact(value: FactValue) -> object:
    """Say a fact in JSON: what JSON does not have is a pair of its kind and its text."""
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    return value


def read_fact(said: object) -> object:
    """Read what `plain_fact` said; ValueError for anything else."""
    if isinstance(said, list):
        return tuple(said)
    if not isinstance(said, dict):
        return said
    ((kind, text),) = said.items()
    if kind not in _READERS or not isinstance(text, str):
        raise ValueError("returned what no fact can hold")
    return _READERS[kind](text)


_READERS: Final[dict[str, Callable[[str], object]]] = {
    "decimal": Decimal,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
}


def _thaw(frozen: MappingProxyType[Any, Any]) -> tuple[Any, ...]:
    return freeze, (dict(frozen),)
