"""A witness as a server: C2SP tlog-witness `add-checkpoint`, for another department's machine.

It must not know sites, users or databases of QTCore: all it has is a folder with its own key and
book.
"""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import anyio
import structlog
import uvicorn
from litestar.enums import ScopeType
from litestar.types import Receive, Scope, Send

from qtcore.context import Sources
from qtcore.engines.ledger import NoteKey, read_vkey
from qtcore.engines.ledger.cosign import cosign
from qtcore.http.logs import configure_logs
from qtcore.store.signers import load_or_make_witness_key
from qtcore.store.witness_book import Refusal, WitnessBook

MOST_BYTES = 65_536
LOGS_FILE = "logs.txt"
_LOG = structlog.get_logger("qtcore.witness")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the protocol."""

    status: int
    text: str
    media_type: str = "text/plain; charset=utf-8"


class Witness:
    """An ASGI application that cosigns the checkpoints of the logs it was told of."""

    def __init__(
        self, folder: Path, keys: tuple[NoteKey, ...], sources: Sources | None = None
    ) -> None:
        self._sources = sources or Sources()
        self._name, self._key, self.vkey = load_or_make_witness_key(folder)
        self._book = WitnessBook(folder / "witness.db", keys, self._now)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != ScopeType.HTTP:
            return
        body = await _read_body(receive)
        method, path = str(scope["method"]), str(scope["path"])
        answer = await anyio.to_thread.run_sync(self.answer, method, path, body)
        head = [
            (b"content-type", answer.media_type.encode()),
            (b"content-length", str(len(answer.text.encode())).encode()),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": head})
        await send({"type": "http.response.body", "body": answer.text.encode(), "more_body": False})

    def answer(self, method: str, path: str, body: bytes | None) -> Answer:
        """Answer a request; a body of None is one that is too large."""
        try:
            return self._answer(method, path, body)
        except sqlite3.Error as exc:  # nothing is cosigned that could not be kept
            _LOG.error("book", message=str(exc))
            return Answer(503, "the book of this witness cannot be used now; try again\n")

    def _answer(self, method: str, path: str, body: bytes | None) -> Answer:
        if path == "/add-checkpoint":
            if method != "POST":
                return Answer(405, "send it by POST\n")
            return Answer(413, "the body is too large\n") if body is None else self._add(body)
        if method == "GET" and path == "/vkey":
            return Answer(200, f"{self.vkey}\n")
        if method == "GET" and path.startswith("/newest/"):
            found = self._book.newest(unquote(path.removeprefix("/newest/")))
            return Answer(200, found[1]) if found else Answer(404, "no checkpoint of this log\n")
        return Answer(404, "POST /add-checkpoint, GET /newest/ORIGIN and GET /vkey are here\n")

    def _add(self, body: bytes) -> Answer:
        try:
            accepted = self._book.accept(body)
        except Refusal as refusal:
            _LOG.warning("refused", status=refusal.status, reason=refusal.message)
            if refusal.size is not None:
                return Answer(refusal.status, f"{refusal.size}\n", "text/x.tlog.size")
            return Answer(refusal.status, f"{refusal.message}\n")
        state = accepted.checkpoint
        _LOG.info("cosigned", origin=state.origin, size=state.size)
        return Answer(200, cosign(accepted.body, self._name, self._key, at=self._now()))

    def _now(self) -> int:
        return int(self._sources.now().timestamp())


def read_logs(folder: Path, more: list[str]) -> tuple[NoteKey, ...]:
    """Read the keys of the logs a witness watches, and remember those given anew."""
    file = folder / LOGS_FILE
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    known = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    lines = list(dict.fromkeys(line.strip() for line in (*known, *more) if line.strip()))
    keys = tuple(read_vkey(line) for line in lines)
    if lines != known:
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return keys


def serve_witness(witness: Witness, host: str, port: int) -> None:
    """Serve until interrupted."""
    configure_logs()
    uvicorn.run(
        witness,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
    )


async def _read_body(receive: Receive) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            return None
        if not message.get("more_body"):
            return bytes(body)
