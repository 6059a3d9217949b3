"""One request as the services need it: site, context, session, and what was sent.

It must not know routes, JSON or HTML.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from litestar import Request

from qtcore.context import Context
from qtcore.definitions.signs import find_hidden
from qtcore.errors import Fault, InputRejected, NotSignedIn
from qtcore.http.multipart_form import MULTIPART, SentForm, read_multipart
from qtcore.http.settings import Settings
from qtcore.services.sessions import SignedIn
from qtcore.services.sign_proofs import Proof
from qtcore.services.site import Site
from qtcore.services.uploads import Upload

# A slash inside an identifier of the path travels as this sign, which no identifier holds.
SLASH = "\x1f"


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks, for what: made once per request, before any route is chosen."""

    site: Site
    settings: Settings
    context: Context | None
    session: SignedIn | None
    secret: str
    language: str
    request_id: str
    is_secure: bool
    ip: str
    peer_ip: str
    agent: str
    host: str
    method: str
    path: str
    query_string: str
    content_type: str
    content_type_as_sent: str
    body: bytes
    idempotency_key: str
    visit: str = ""
    params: Mapping[str, str] = field(default_factory=dict)

    def act(self) -> Context:
        """Give the context of a signed-in person; raises NotSignedIn."""
        if self.context is None:
            raise NotSignedIn("you are not signed in; sign in, or send a token")
        return self.context

    @property
    def query(self) -> dict[str, list[str]]:
        """The query parameters, each with all its values; raises InputRejected for bad text."""
        return read_pairs(self.query_string)

    @property
    def form(self) -> dict[str, list[str]]:
        """The fields of a posted form, each with all its values."""
        if self.content_type.startswith(MULTIPART):
            return dict(self._sent_form().fields)
        if not self.content_type.startswith("application/x-www-form-urlencoded"):
            raise InputRejected(f"a form is expected, found {self.content_type or 'nothing'!r}")
        try:
            return read_pairs(self.body.decode("ascii"))
        except UnicodeDecodeError as error:
            raise InputRejected("the form is not URL-encoded text") from error

    @property
    def proof(self) -> Proof:
        """What a posted form gives to prove who signs; a password keeps its spaces."""
        password = self.form.get("password", [""])[-1]
        return Proof(password, self.field("login"), self.field("code"))

    def files(self, name: str) -> list[Upload]:
        """The files of one field of a posted form; an empty field holds one without a name."""
        if not self.content_type.startswith(MULTIPART):
            return []
        return [each for each in self._sent_form().files.get(name, []) if each.name]

    def _sent_form(self) -> SentForm:
        return read_multipart(self.body, self.content_type_as_sent)

    def word(self, name: str, default: str = "") -> str:
        """Give one query parameter as text, the last one when it is repeated."""
        return self.query.get(name, [default])[-1]

    def field(self, name: str) -> str:
        """Give one form field as text without spaces around it, or an empty text."""
        text = self.form.get(name, [""])[-1].strip()
        hidden = find_hidden(text)
        if hidden:
            text = f"field {name!r} holds {hidden}; type it anew without it"
            raise InputRejected(text, [Fault("QT411", text, f"/{name}")])
        return text


def read_pairs(text: str) -> dict[str, list[str]]:
    """Read URL-encoded pairs strictly; raises InputRejected for NUL, bad UTF-8 or too many."""
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=2000
        )
    except ValueError as error:
        raise InputRejected(
            "the parameters are not URL-encoded UTF-8, or more than 2000"
        ) from error
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        if "\x00" in name + value:
            raise InputRejected(
                f"parameter {name[:40]!r} holds a NUL character",
                [Fault("QT411", "a NUL character is never accepted", f"/{name[:40]}")],
            )
        found.setdefault(name, []).append(value)
    return found


def call_of(request: Request[Any, Any, Any]) -> Call:
    """Get the call that the gate made, with the parameters of the path."""
    call: Call = request.scope["state"]["call"]
    params = {k: str(v).replace(SLASH, "/") for k, v in request.path_params.items()}
    return Call(
        **{name: getattr(call, name) for name in Call.__slots__ if name != "params"},
        params=params,
    )
