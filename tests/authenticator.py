"""A passkey in software: real keys, COSE, CBOR and signatures, without a browser.

It must not know what is signed.
"""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

USER_PRESENT, USER_VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(slots=True)
class Authenticator:
    """One passkey; its flags and counter can be turned to those of a thief's."""

    origin: str = "https://plant.example"
    party: str = "plant.example"
    verifies: bool = True
    counter: int = 0
    credential_id: bytes = b"passkey-0000-1111"
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def make(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer the options of a registration."""
        client = self._client("webauthn.create", options["challenge"])
        attestation = {"fmt": "none", "attStmt": {}, "authData": self._data(self._attested())}
        return self._answer(client, {"attestationObject": encode(cbor2.dumps(attestation))})

    def sign(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer the options of a signature."""
        self.counter += 1
        client = self._client("webauthn.get", options["challenge"])
        data = self._data(b"")
        signed = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._answer(
            client, {"authenticatorData": encode(data), "signature": encode(signed)}
        )

    def _client(self, kind: str, challenge: str) -> bytes:
        told = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(told).encode()

    def _data(self, attested: bytes) -> bytes:
        flags = USER_PRESENT | (USER_VERIFIED if self.verifies else 0)
        flags |= ATTESTED if attested else 0
        head = hashlib.sha256(self.party.encode()).digest()
        return head + bytes([flags]) + self.counter.to_bytes(4, "big") + attested

    def _attested(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        x, y = (n.to_bytes(32, "big") for n in (numbers.x, numbers.y))
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        size = len(self.credential_id).to_bytes(2, "big")
        return bytes(16) + size + self.credential_id + cose

    def _answer(self, client: bytes, response: dict[str, Any]) -> dict[str, Any]:
        name = encode(self.credential_id)
        told = {"clientDataJSON": encode(client), **response}
        return {"id": name, "rawId": name, "type": "public-key", "response": told}
