"""Mail goes to the address that was checked, whatever its name answers a moment later."""

import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest

from qtcore.services import outgoing
from qtcore.services.channels import SMTP_SETTING, find_channels
from qtcore.services.outgoing import OutgoingRefused
from qtcore.services.site import Site
from qtcore.testing.sites import a_site
from tests.mail import MailServer, mail_server

LETTER = ("qa@example.org", "Recall", "text")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with a_site(packs=[]) as opened:
        yield opened


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


def named(monkeypatch: pytest.MonkeyPatch, mail: MailServer, more: str = "", tls: str = "") -> None:
    port = mail.server_address[1]
    setting = f"smtp{tls}://mail.example:{port}?from=a@example.org{more}"
    monkeypatch.setenv(SMTP_SETTING, setting)


def rebinding(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Let the resolver give another answer to each question; the last one for ever."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolve(host, port, *more, **options):
        if host != "mail.example":
            return real(host, port, *more, **options)
        asked.append(host)
        return real(answers[min(len(asked), len(answers)) - 1], port, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


def send(site: Site) -> None:
    find_channels(site)["email"](*LETTER)


def test_a_name_that_leads_inside_gets_no_mail_without_leave(site, mail, monkeypatch):
    rebinding(monkeypatch, "127.0.0.1")
    named(monkeypatch, mail)
    with pytest.raises(OutgoingRefused, match=r"mail\.example leads to 127\.0\.0\.1.*private=true"):
        send(site)
    before = len(mail.letters)
    named(monkeypatch, mail, "&private=true")
    send(site)
    assert len(mail.letters) == before + 1


def test_a_name_is_asked_once_and_that_address_is_called(site, mail, monkeypatch):
    """The control: the library asks again, and is led to the other answer."""
    asked = rebinding(monkeypatch, "127.0.0.1", "192.0.2.1")
    named(monkeypatch, mail, "&private=true")
    before = len(mail.letters)
    send(site)
    assert len(asked) == 1 and len(mail.letters) == before + 1

    called: list[str] = []

    def connect(address, *_more):
        called.append(address[0])
        raise OSError("nothing is called here")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(OSError, match="nothing is called"):
        smtplib.SMTP("mail.example", 25)
    assert called == ["mail.example"]


@pytest.mark.parametrize("metadata", ["169.254.169.254", "fe80::1"])
def test_no_leave_opens_the_way_to_the_metadata_of_a_cloud(site, mail, monkeypatch, metadata):
    monkeypatch.setattr(outgoing, "resolve", lambda *_: [metadata])
    with pytest.raises(OutgoingRefused, match="never called"):
        outgoing.find_address("mail.example", 25, is_private=True, resolver=lambda *_: [metadata])


@pytest.mark.parametrize("setting", ["mail.example:25", "http://mail.example", "smtp://", "smtp:x"])
def test_what_is_no_mail_address_is_named(site, monkeypatch, setting):
    monkeypatch.setenv(SMTP_SETTING, setting)
    with pytest.raises(OutgoingRefused, match="QTCORE_SMTP is no address"):
        send(site)


def test_tls_asks_for_a_certificate_of_the_name(site, monkeypatch):
    """The control: the library's own default takes any certificate."""
    seen: list[tuple[bool, ssl.VerifyMode, str]] = []

    def wrap(context, sock, *_more, server_hostname="", **_options):
        seen.append((context.check_hostname, context.verify_mode, server_hostname))
        raise ssl.SSLError("no certificate here")

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", wrap)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        monkeypatch.setenv(SMTP_SETTING, f"smtp+tls://localhost:{port}?from=a@example.org")
        for tried in (lambda: send(site), lambda: bare(port)):
            answering = threading.Thread(target=offer_tls, args=(listening,))
            answering.start()
            with pytest.raises(ssl.SSLError, match="no certificate"):
                tried()
            answering.join()
    assert seen == [
        (True, ssl.CERT_REQUIRED, "localhost"),
        (False, ssl.CERT_NONE, "localhost"),
    ]


def bare(port: int) -> None:
    with smtplib.SMTP("localhost", port, timeout=5) as server:
        server.starttls()


def offer_tls(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    with connection, connection.makefile("rwb") as stream:
        stream.write(b"220 here\r\n")
        stream.flush()
        for raw in stream:
            is_greeting = raw.upper().startswith(b"EHLO")
            stream.write(b"250-here\r\n250 STARTTLS\r\n" if is_greeting else b"220 go\r\n")
            stream.flush()
            if raw.upper().startswith(b"STARTTLS"):
                return
