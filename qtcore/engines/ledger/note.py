"""Signed notes in the C2SP form: Ed25519 signature lines under a text, and verifier keys.

It must not know what the text says; checkpoints are read in `checkpoint`.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

MOST_CHARACTERS: Final = 1_000_000
MOST_SIGNATURES: Final = 100
_ED25519: Final = b"\x01"
_ID_SIZE: Final = 4
_KEY_SIZE: Final = 32
_DASH: Final = "\N{EM DASH} "
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


class NoteError(ValueError):
    """Raised when a note or a verifier key is malformed, or no known key has signed the note."""


class UnsignedNote(NoteError):
    """Raised when a note is well formed, and no known key has signed it or a signature is false."""


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public Ed25519 key and the name it signs under."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        check_key_name(self.name)
        if len(self.public) != _KEY_SIZE:
            raise NoteError(f"key {self.name!r} has {len(self.public)} bytes, expected {_KEY_SIZE}")

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature line finds its key."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        """The form that is published: name+id+key."""
        return f"{self.name}+{self.key_id.hex()}+{_encode(_ED25519 + self.public)}"

    def has_signed(self, body: str, signature: bytes) -> bool:
        """Say whether `signature` over `body` is from this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, body.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class RetiredKey:
    """A key that signed until another took its place: it is believed up to this size only."""

    key: NoteKey
    last_size: int


@dataclass(frozen=True, slots=True)
class OpenedNote:
    """A note's text and the known keys that signed it, at least one."""

    body: str
    signed_by: tuple[NoteKey, ...]


def key_of(name: str, private_key: Ed25519PrivateKey) -> NoteKey:
    """Give the public side of a signing key."""
    return NoteKey(name, private_key.public_key().public_bytes_raw())


def read_vkey(text: str) -> NoteKey:
    """Read a verifier key; its id must belong to its name and key."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise NoteError(f"verifier key {text[:80]!r} is not written name+id+key")
    name, key_id, encoded = parts
    raw = _decode(encoded, f"verifier key of {name!r}")
    if len(raw) != 1 + _KEY_SIZE or raw[:1] != _ED25519:
        raise NoteError(f"verifier key of {name!r} is not an Ed25519 key")
    key = NoteKey(name, raw[1:])
    if key.key_id.hex() != key_id:
        raise NoteError(f"verifier key of {name!r} has id {key_id!r}, expected {key.key_id.hex()}")
    return key


def sign_note(body: str, key_name: str, private_key: Ed25519PrivateKey) -> str:
    """Sign `body`, which ends with a newline, and give the whole note."""
    _check_text(body)
    if not body.strip("\n") or not body.endswith("\n"):
        raise NoteError("text of a note must not be empty and must end with a newline")
    return f"{body}\n{_signature_line(body, key_of(key_name, private_key), private_key)}"


def add_signature(note: str, key_name: str, private_key: Ed25519PrivateKey) -> str:
    """Sign the text of a note as well, below the signatures it has."""
    body = note.rpartition("\n\n")[0] + "\n"
    return note + _signature_line(body, key_of(key_name, private_key), private_key)


def open_note(text: str, known_keys: Iterable[NoteKey]) -> OpenedNote:
    """Verify a note; lines of unknown keys are ignored, malformed ones refuse the whole note.

    A line that claims a known key and does not verify refuses the note too.
    """
    _check_text(text)
    body, separator, lines = text.rpartition("\n\n")
    body += "\n"
    if not separator or not body.strip("\n") or not lines.endswith("\n"):
        raise NoteError("note has no signature lines below a blank line")
    known = {(key.name, key.key_id): key for key in known_keys}
    signed_by: dict[NoteKey, None] = {}
    found = lines[:-1].split("\n")
    if len(found) > MOST_SIGNATURES:
        raise NoteError(f"note has {len(found)} signatures, at most {MOST_SIGNATURES}")
    for line in found:
        name, key_id, signature = _read_line(line)
        key = known.get((name, key_id))
        if key is None:
            continue
        if not key.has_signed(body, signature):
            raise UnsignedNote(f"signature of {name!r} (id {key_id.hex()}) does not fit the text")
        if key in signed_by:
            raise NoteError(f"signature of {name!r} (id {key_id.hex()}) is there twice")
        signed_by[key] = None
    if not signed_by:
        names = ", ".join(sorted(name for name, _ in known)) or "none"
        raise UnsignedNote(f"note is not signed by a known key; known: {names}")
    return OpenedNote(body, tuple(signed_by))


def check_key_name(name: str) -> None:
    """Refuse a name that could not stand in a signature line or a verifier key."""
    if not name or "+" in name or any(sign.isspace() for sign in name):
        raise NoteError(f"key name {name!r} must be non-empty, without blanks and '+'")
    _check_text(name)
    if "\n" in name:
        raise NoteError(f"key name {name!r} must be one line")


def _check_text(text: str) -> None:
    if len(text) > MOST_CHARACTERS:
        raise NoteError(f"note has {len(text)} characters, at most {MOST_CHARACTERS}")
    control = _CONTROL.search(text)
    if control:
        raise NoteError(f"note holds the control character {control.group()!r}")
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise NoteError(f"note holds a lone surrogate at character {exc.start}") from exc


def _signature_line(body: str, key: NoteKey, private_key: Ed25519PrivateKey) -> str:
    signature = private_key.sign(body.encode())
    return f"{_DASH}{key.name} {_encode(key.key_id + signature)}\n"


def _read_line(line: str) -> tuple[str, bytes, bytes]:
    name, blank, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not blank:
        raise NoteError(f"signature line {line[:80]!r} is not written '{_DASH}name base64'")
    check_key_name(name)
    raw = _decode(encoded, f"signature of {name!r}")
    if len(raw) <= _ID_SIZE:
        raise NoteError(f"signature of {name!r} has {len(raw)} bytes; a key id and more is needed")
    return name, raw[:_ID_SIZE], raw[_ID_SIZE:]


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decode(text: str, what: str) -> bytes:
    """Read base64 in its one spelling; a second spelling of one signature is refused."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise NoteError(f"{what} is not base64: {text[:60]!r}") from exc
    if _encode(raw) != text:
        raise NoteError(f"{what} is not base64 in its usual spelling: {text[:60]!r}")
    return raw
