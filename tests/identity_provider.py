"""An OpenID Connect provider for tests: a real HTTP server with keys of its own, and its mistakes.

It must not import what it tests. A test says through `lie` what the next token or answer is to be.
"""

import hashlib
import json
import threading
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import HTTPErrorProcessor, build_opener

from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey

CLIENT, SECRET = "qtcore-test", "a client's secret"


@dataclass(slots=True)
class IdentityProvider:
    """Approves whoever `subject` says at once, and signs what `lie` makes of the claims."""

    clock: Callable[[], datetime]
    keys: dict[str, Key]
    signs_with: str = "one"
    subject: str = "sub-ann"
    claims: dict[str, Any] = field(default_factory=dict)
    lie: Callable[[dict[str, Any]], str] | None = None
    document: dict[str, Any] = field(default_factory=dict)
    is_down: bool = False
    ignores_prompt_since: datetime | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    server: Any = None

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def start(self) -> "IdentityProvider":
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.get(self)

            def do_POST(self) -> None:
                provider.post(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def visit(self, address: str) -> dict[str, str]:
        """Go to the provider as a browser would; gives the words it sends back with."""
        opener = build_opener(_NoRedirect)
        with opener.open(address) as answer:
            back = urlsplit(answer.headers["location"])
        return {name: texts[0] for name, texts in parse_qs(back.query).items()}

    def get(self, asked: BaseHTTPRequestHandler) -> None:
        path = urlsplit(asked.path)
        self.read.append(path.path)
        if self.is_down:
            _answer(asked, 503, {"error": "temporarily_unavailable"})
        elif path.path == "/.well-known/openid-configuration":
            _answer(asked, 200, {**self._document(), **self.document})
        elif path.path == "/keys":
            public = [
                {**key.as_dict(private=False), "kid": name, "use": "sig"}
                for name, key in self.keys.items()
            ]
            _answer(asked, 200, {"keys": public})
        else:
            words = {name: texts[0] for name, texts in parse_qs(path.query).items()}
            self.asked.append(words)
            code = f"code-{len(self.asked)}"
            self.codes[code] = {**words, "subject": self.subject}
            told = {"code": code, "state": words["state"], "iss": self.issuer}
            _answer(asked, 302, {}, location=f"{words['redirect_uri']}?{urlencode(told)}")

    def post(self, asked: BaseHTTPRequestHandler) -> None:
        length = int(asked.headers["content-length"])
        sent = {k: v[0] for k, v in parse_qs(asked.rfile.read(length).decode()).items()}
        self.read.append("/token")
        if self.is_down:
            _answer(asked, 503, {})
            return
        login = b64decode(asked.headers.get("authorization", "Basic ").partition(" ")[2]).decode()
        if login != f"{CLIENT}:{SECRET}":
            _answer(asked, 401, {"error": "invalid_client"})
            return
        words = self.codes.pop(sent["code"], None)
        made = urlsafe_b64encode(hashlib.sha256(sent["code_verifier"].encode()).digest())
        if (
            words is None
            or words.get("code_challenge") != made.decode().rstrip("=")
            or words.get("code_challenge_method") != "S256"
            or words["redirect_uri"] != sent["redirect_uri"]
        ):
            _answer(asked, 400, {"error": "invalid_grant"})
            return
        claims = self.claims_of(words)
        token = self.lie(claims) if self.lie else self.sign(claims)
        _answer(asked, 200, {"access_token": "x", "token_type": "Bearer", "id_token": token})

    def claims_of(self, words: dict[str, str]) -> dict[str, Any]:
        now = int(self.clock().timestamp())
        since = self.ignores_prompt_since
        proved = int(since.timestamp()) if since else now
        again = {"auth_time": proved} if "max_age" in words else {}
        return {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": words["subject"],
            "iat": now,
            "exp": now + 300,
            "nonce": words["nonce"],
            **again,
            **self.claims,
        }

    def sign(self, claims: dict[str, Any], *, name: str = "", algorithm: str = "") -> str:
        name = name or self.signs_with
        key = self.keys[name]
        algorithm = algorithm or ("RS256" if isinstance(key, RSAKey) else "ES256")
        head = {"alg": algorithm, "kid": name}
        return jwt.encode(head, claims, key, algorithms=[algorithm])

    def _document(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/end",
            "authorization_response_iss_parameter_supported": True,
        }


class _NoRedirect(HTTPErrorProcessor):
    def http_response(self, request: Any, response: Any) -> Any:
        return response


def _answer(
    asked: BaseHTTPRequestHandler, status: int, told: dict[str, Any], location: str = ""
) -> None:
    body = json.dumps(told).encode()
    asked.send_response(status)
    if location:
        asked.send_header("location", location)
    asked.send_header("content-length", str(len(body)))
    asked.end_headers()
    asked.wfile.write(body)


def new_key() -> Key:
    return ECKey.generate_key("P-256")
