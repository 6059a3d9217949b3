"""Channels by which words leave the product: mail, or what a pack brings.

It must not know what is said, nor to whom.
"""

import os
import smtplib
from collections.abc import Callable
from email.message import EmailMessage
from typing import Final
from urllib.parse import parse_qs, urlsplit

from qtcore.services.site import Site

EMAIL: Final = "email"
SMTP_SETTING: Final = "QTCORE_SMTP"
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
    """Send a mail through the host of ``QTCORE_SMTP``: smtp://host:port?from=recall@example.org"""
    setting = urlsplit(os.environ[SMTP_SETTING])
    message = EmailMessage()
    message["From"] = parse_qs(setting.query).get("from", ["qtcore@localhost"])[0]
    message["To"] = to
    message["Subject"] = subject
    message.set_content(text)
    with smtplib.SMTP(setting.hostname or "localhost", setting.port or 25, timeout=20) as server:
        if setting.scheme == "smtp+tls":
            server.starttls()
        server.send_message(message)
