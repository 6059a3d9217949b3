"""A witness that listens and a time-stamping authority of OpenSSL, both on this machine.

It must not judge: tests do.
"""

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import uvicorn

from qtcore.context import Sources
from qtcore.engines.ledger import NoteKey
from qtcore.engines.ledger.cosign import read_witness_key
from qtcore.http.witness import Witness
from qtcore.store.outposts import StampAuthority, WitnessServer
from qtcore.testing import FrozenClock

CONFIG = """\
[req]
distinguished_name = name
prompt = no
[name]
CN = QTCore test authority
[tsa]
default_tsa = one
[one]
dir = .
serial = ./serial
crypto_device = builtin
signer_cert = ./tsa.pem
signer_key = ./tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
[ext]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
basicConstraints = CA:false
"""


@contextmanager
def a_running_witness(
    folder: Path, keys: Sequence[NoteKey], clock: FrozenClock | None = None
) -> Iterator[WitnessServer]:
    """A witness that really listens."""
    witness = Witness(folder, tuple(keys), Sources(now=(clock or FrozenClock()).now))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(witness, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = listener.getsockname()[1]
    yield WitnessServer(f"http://127.0.0.1:{port}", read_witness_key(witness.vkey))
    server.should_exit = True
    thread.join(5)
    listener.close()


class Authority:
    """`openssl ts` behind an HTTP server."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("no openssl program for a local time-stamping authority")
        self.folder = folder
        folder.mkdir()
        (folder / "tsa.cnf").write_text(CONFIG)
        (folder / "serial").write_text("01\n")
        self.run(
            *"req -x509 -newkey rsa:2048 -nodes -days 3650 -config tsa.cnf -extensions ext".split(),
            *"-keyout tsa.key -out tsa.pem".split(),
        )

    def run(self, *arguments: str) -> None:
        subprocess.run(
            ["openssl", *arguments], cwd=self.folder, check=True, capture_output=True, timeout=60
        )

    def answer(self, query: bytes) -> bytes:
        (self.folder / "query.tsq").write_bytes(query)
        self.run(*"ts -reply -config tsa.cnf -queryfile query.tsq -out answer.tsr".split())
        return (self.folder / "answer.tsr").read_bytes()


@contextmanager
def a_running_authority(folder: Path) -> Iterator[StampAuthority]:
    """An authority that answers over HTTP, with the real time."""
    made = Authority(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["content-length"]))
            answer = made.answer(query)
            self.send_response(200)
            self.send_header("content-type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield StampAuthority(f"http://127.0.0.1:{server.server_port}/tsr", made.folder / "tsa.pem")
    server.shutdown()
    server.server_close()
