"""Calls to other hosts reach checked addresses only; a name cannot lead back into our network."""

import socket
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest

from qtcore.services.outgoing import OutgoingRefused, Question, ask, find_address, resolve, why_not
from qtcore.services.recall_texts import write_subject
from qtcore.store.outposts import _check, is_fixed

INSIDE = [
    "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "0.0.0.0",
    "169.254.169.254", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1",
    "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
    "2001:0:7f00:1::", "192.0.2.1",
]  # fmt: skip
# What `ip_address` calls no address, and the resolver all the same turns into 127.0.0.1.
ODD = ["127.1", "2130706433", "0x7f000001", "0177.0.0.1"]


class Inside(BaseHTTPRequestHandler):
    """A machine of ours that nobody outside should reach."""

    def do_GET(self) -> None:
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("location", "http://169.254.169.254/latest")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"x" * 70_000 if self.path == "/large" else b"secret")

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Inside) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_inside_is_called(address: str):
    with pytest.raises(OutgoingRefused, match="leads to"):
        find_address("partner.example", 80, resolver=lambda *_: [address])
    assert why_not(ip_address("93.184.216.34"), is_private=False) == ""


@pytest.mark.parametrize("literal", ODD)
def test_an_odd_literal_is_judged_by_where_it_leads(literal: str, port: int):
    with pytest.raises(OutgoingRefused, match=r"leads to 127\.0\.0\.1"):
        ask(Question(f"http://{literal}:{port}/"))
    assert resolve(literal, port) == ["127.0.0.1"]  # the resolver alone would go there
    with pytest.raises(ValueError, match="does not appear"):
        ip_address(literal)


def test_one_bad_address_among_good_ones_refuses_the_name():
    with pytest.raises(OutgoingRefused, match=r"10\.0\.0\.7"):
        find_address("partner.example", 80, resolver=lambda *_: ["93.184.216.34", "10.0.0.7"])


def test_a_name_is_resolved_once_and_that_address_is_called(
    port: int, monkeypatch: pytest.MonkeyPatch
):
    """DNS rebinding: the first answer is harmless, the second leads to a machine of ours."""

    def rebinding() -> tuple[list[str], object]:
        asked: list[str] = []

        def resolver(host: str, _: int) -> Sequence[str]:
            asked.append(host)
            return ["93.184.216.34"] if len(asked) == 1 else ["127.0.0.1"]

        return asked, resolver

    called: list[str] = []
    real = socket.create_connection

    def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        called.append(address[0])
        if address[0] == "93.184.216.34":
            raise OSError("no network in tests")
        return real(address)

    monkeypatch.setattr(socket, "create_connection", connect)
    asked, resolver = rebinding()
    with pytest.raises(OSError, match="no network"):
        ask(Question(f"http://partner.example:{port}/"), resolver=resolver)  # type: ignore[arg-type]
    assert (asked, called) == (["partner.example"], ["93.184.216.34"])
    # Without the pin, a client checks one answer and connects to the next.
    asked, resolver = rebinding()
    assert find_address("partner.example", port, resolver=resolver).is_global  # type: ignore[arg-type]
    again = resolver("partner.example", port)[0]  # type: ignore[operator]
    with connect((again, port)) as reached:
        reached.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b"secret" in reached.makefile("rb").read()


def test_a_configured_address_of_our_own_network_is_called(port: int):
    question = Question(f"http://127.0.0.1:{port}/", data=b"x", is_private_allowed=True)
    assert ask(question).content == b"secret"
    with pytest.raises(OutgoingRefused, match="link-local"):
        find_address("x", 80, is_private=True, resolver=lambda *_: ["169.254.169.254"])


def test_a_redirect_is_an_answer_and_not_followed(port: int):
    question = Question(f"http://127.0.0.1:{port}/redirect", is_private_allowed=True)
    assert ask(question).status == 302


def test_an_answer_has_a_size(port: int):
    with pytest.raises(OutgoingRefused, match="more than 65536 bytes"):
        ask(Question(f"http://127.0.0.1:{port}/large", is_private_allowed=True))


@pytest.mark.parametrize(
    "url",
    [
        "http://a@127.0.0.1/", "http://a:b@partner.example/", "file:///etc/passwd",
        "gopher://x/", "//partner.example/", "http://", "http://x:99999/", "http://[::1",
        "http://x/\r\nHost: y", "http://x/ y", "http://x\\@y/", "http://xn--\u00e4/",
    ],
)  # fmt: skip
def test_an_address_that_two_readers_read_differently_is_refused(url: str):
    with pytest.raises(OutgoingRefused):
        ask(Question(url), resolver=lambda *_: ["93.184.216.34"])


@pytest.mark.parametrize(
    ("url", "fixed"),
    [
        ("http://127.0.0.1:80", True),
        ("http://[::1]:80", True),
        ("http://localhost", True),
        ("http://localhost.evil.example", False),
        ("http://127.1", False),
        ("http://witness.example", False),
    ],
)
def test_only_digits_and_localhost_need_no_leave(url: str, fixed: bool):
    assert is_fixed(url) is fixed


@pytest.mark.parametrize("private", ["yes", 1, None])
def test_the_leave_is_true_or_false(private: object):
    told = {"witness": [{"url": "http://x", "vkey": "k", "private": private}]}
    with pytest.raises(ValueError, match="neither true nor false"):
        _check(told)
    _check({"witness": [{"url": "http://x", "vkey": "k", "private": True}]})


def test_the_leave_belongs_to_addresses(tmp_path: Path):
    with pytest.raises(ValueError, match="accepted are path"):
        _check({"folder": [{"path": str(tmp_path), "private": True}]})


def test_a_title_begins_no_header_of_a_mail():
    facts = {"is_urgent": False, "number": "REC-1", "title": "Milk\r\nBcc: all@example.org"}
    assert write_subject("en", facts) == "RECALL REC-1: Milk Bcc: all@example.org"
