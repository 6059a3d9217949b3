"""Cosignatures of witnesses (C2SP tlog-cosignature, cosignature/v1) and what a log submits to one.

It must not know networks or where a witness keeps its book.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from qtcore.engines.ledger.note import NoteError, check_key_name
from qtcore.engines.ledger.tree import HASH_SIZE

MOST_PROOF_LINES: Final = 63
_KIND: Final = b"\x04"
_DASH: Final = "\N{EM DASH} "
_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)
_SIGNATURE_SIZE: Final = 4 + 8 + 64


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """A witness's public Ed25519 key, and the name it cosigns under."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature line finds its key."""
        return hashlib.sha256(self.name.encode() + b"\n" + _KIND + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        """The form that is published: name+id+key."""
        encoded = base64.b64encode(_KIND + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"


@dataclass(frozen=True, slots=True)
class Submission:
    """What a log asks a witness to cosign: the size it saw last, a proof from there, a note."""

    old: int
    proof: tuple[bytes, ...]
    note: str


def witness_key_of(name: str, private_key: Ed25519PrivateKey) -> WitnessKey:
    """Give the public side of a witness's key."""
    check_key_name(name)
    return WitnessKey(name, private_key.public_key().public_bytes_raw())


def read_witness_key(text: str) -> WitnessKey:
    """Read a witness's verifier key, written name+id+key; raises NoteError."""
    name, key_id, encoded = (*text.strip().split("+", 2), "", "")[:3]
    raw = _decode(encoded, f"witness key of {name[:80]!r}")
    if len(raw) != 33 or raw[:1] != _KIND:
        raise NoteError(f"{text[:80]!r} is no cosignature/v1 key, written name+id+key")
    check_key_name(name)
    key = WitnessKey(name, raw[1:])
    if key.key_id.hex() != key_id:
        raise NoteError(f"witness key of {name!r} has id {key_id!r}, expected {key.key_id.hex()}")
    return key


def cosign(body: str, name: str, private_key: Ed25519PrivateKey, *, at: int) -> str:
    """Cosign the text of a checkpoint at a time (seconds since 1970, UTC); gives the line."""
    key = witness_key_of(name, private_key)
    signature = private_key.sign(_message(body, at))
    raw = key.key_id + at.to_bytes(8, "big") + signature
    return f"{_DASH}{name} {base64.b64encode(raw).decode()}\n"


def check_cosignature(body: str, line: str, key: WitnessKey) -> int:
    """Give the time at which `key` cosigned `body`; raises NoteError when it did not."""
    name, blank, encoded = line.rstrip("\n").removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not blank:
        raise NoteError(f"cosignature {line[:80]!r} is not written '{_DASH}name base64'")
    raw = _decode(encoded, f"cosignature of {name!r}")
    if name != key.name or raw[:4] != key.key_id or len(raw) != _SIGNATURE_SIZE:
        raise NoteError(f"cosignature of {name!r} is not by {key.name!r}")
    at = int.from_bytes(raw[4:12], "big")
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(raw[12:], _message(body, at))
    except (InvalidSignature, ValueError) as exc:
        raise NoteError(f"cosignature of {name!r} does not fit the checkpoint") from exc
    return at


def cosigned_at(line: str) -> int:
    """Read the time in a cosignature, without checking it; raises NoteError when it is none."""
    raw = _decode(line.rstrip("\n").rpartition(" ")[2], "cosignature")
    if len(raw) != _SIGNATURE_SIZE:
        raise NoteError(f"cosignature {line[:80]!r} has another length")
    return int.from_bytes(raw[4:12], "big")


def write_submission(submission: Submission) -> bytes:
    """Write the body of an add-checkpoint request."""
    proof = (base64.b64encode(each).decode() for each in submission.proof)
    return "\n".join([f"old {submission.old}", *proof, "", submission.note]).encode()


def read_submission(body: bytes) -> Submission:
    """Read the body of an add-checkpoint request; raises NoteError when it is malformed."""
    try:
        head, blank, note = body.decode("utf-8").partition("\n\n")
    except UnicodeDecodeError as exc:
        raise NoteError("the body is not UTF-8") from exc
    old, *lines = head.split("\n")
    found = _OLD.fullmatch(old)
    if not blank or found is None:
        raise NoteError("the body needs a line 'old SIZE', proof lines, an empty line, the note")
    if len(lines) > MOST_PROOF_LINES:
        raise NoteError(f"{len(lines)} proof lines, at most {MOST_PROOF_LINES}")
    return Submission(int(found.group(1)), _read_hashes(lines), note)


def _read_hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    hashes = tuple(_decode(line, "proof line") for line in lines)
    if any(len(each) != HASH_SIZE for each in hashes):
        raise NoteError("a proof line is no hash of 32 bytes")
    return hashes


def _message(body: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{body}".encode()


def _decode(text: str, what: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise NoteError(f"{what} is not base64: {text[:60]!r}") from exc
    if base64.b64encode(raw).decode() != text:
        raise NoteError(f"{what} is not base64 in its usual spelling: {text[:60]!r}")
    return raw
