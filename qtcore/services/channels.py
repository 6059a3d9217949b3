"""Channels by which words leave the product: mail, or what a pack brings.

It must not know what is said, nor to whom.
"""

import os
import smtplib
import socket
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from typing import Final
from urllib.parse import parse_qs, urlsplit

from qtcore.services.outgoing import OutgoingRefused, find_address
from qtcore.services.site import Site
from qtcore.store.outposts import is_fixed

EMAIL: Final = "email"
SMTP_SETTING: Final = "QTCORE_SMTP"
_SCHEMES: Final = ("smtp", "smtp+tls")
Send = Callable[[str, str, str], None]
"""Address, subject and text; raises when they could not be handed over."""


def find_channels(site: Site) -> dict[str, Send]:
    """Give the channels by name: mail where a host is set, and those of packs."""
    found: dict[str, Send] = {}
    if os.environ.get(SMTP_SETTING):
        found[EMAIL] = _mail
    for _, channels in site.hooks.contribute_channels().values:
        found.update({channel.name: channel.send for channel in channels})
    return found


def try_to_send(send: Send, to: str, subject: str, text: str) -> str:
    """Hand words to a channel; gives what went wrong, or nothing."""
    try:
        send(to, subject, text)
    except Exception as exc:  # foreign code: whatever it raises is its failure
        return f"{type(exc).__name__}: {exc}"
    return ""


def _mail(to: str, subject: str, text: str) -> None:
    """Send a mail through the host of ``QTCORE_SMTP``: smtp://host:port?from=recall@example.org

    The host is resolved once and the address that was checked is called; one of our own network by
    its number, as localhost, or with ``&private=true``. With smtp+tls:// its certificate counts.
    Raises OutgoingRefused, OSError or SMTPException.
    """
    url = os.environ[SMTP_SETTING]
    setting = urlsplit(url)
    if setting.scheme not in _SCHEMES or not setting.hostname:
        raise OutgoingRefused(f"{SMTP_SETTING} is no address of smtp:// or smtp+tls:// with a host")
    options = parse_qs(setting.query)
    host, port = setting.hostname, setting.port or 25
    is_private = is_fixed(url) or options.get("private") == ["true"]
    address = str(find_address(host, port, is_private=is_private))
    message = EmailMessage()
    message["From"] = options.get("from", ["qtcore@localhost"])[0]
    message["To"] = to
    message["Subject"] = subject
    message.set_content(text)
    with _Pinned(host, port, address) as server:
        if setting.scheme == "smtp+tls":
            server.starttls(context=ssl.create_default_context())
        server.send_message(message)


class _Pinned(smtplib.SMTP):
    """A connection to one address that was checked; greeting and certificate are of the host."""

    def __init__(self, host: str, port: int, address: str) -> None:
        self._address = address
        super().__init__(host, port, timeout=20)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        # The one place where smtplib opens a socket, there to be replaced (SMTP_SSL does so too).
        return socket.create_connection((self._address, port), timeout)
