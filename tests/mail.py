"""A mail server on this machine, for tests of what the product sends."""

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

LINK = re.compile(r"https://qt\.example\.com/reply/([A-Za-z0-9_-]+)")


class _Conversation(socketserver.StreamRequestHandler):
    """Speaks as much SMTP as smtplib asks for; a refusal repeats what it was given, as some do."""

    server: "MailServer"

    def handle(self) -> None:
        self.say("220 sink")
        for raw in self.rfile:
            word = raw[:4].upper()
            if word == b"DATA":
                self.say("354 go on")
                self.take()
            elif word == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 fine")

    def take(self) -> None:
        lines = []
        for raw in self.rfile:
            if raw == b".\r\n":
                break
            lines.append(raw.removeprefix(b"."))
        letter = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(letter, EmailMessage)
        if self.server.refuses:
            found = LINK.search(letter.get_content())
            self.say(f"554 no: {found.group(0) if found else ''}")
            return
        self.server.letters.append(letter)
        self.say("250 taken")

    def say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


class MailServer(socketserver.ThreadingTCPServer):
    """A mail server on this machine that keeps the letters it takes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.letters: list[EmailMessage] = []
        self.refuses = False

    @property
    def setting(self) -> str:
        return f"smtp://127.0.0.1:{self.server_address[1]}?from=recall@example.org"

    def links(self) -> list[str]:
        found = [LINK.search(letter.get_content()) for letter in self.letters]
        return [match.group(1) for match in found if match]


@contextmanager
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
