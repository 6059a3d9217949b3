"""Seals small secrets that must be read again, such as the seed of time-based codes.

It must not know what they are for. The key lies in the folder of the ledger's key, never inside a
database: a stolen copy of the database alone makes no codes.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from qtcore.errors import StoreUnavailable
from qtcore.store.signers import Signer

KEY_FILE: Final = "factors.key"
_NONCE: Final = 12


def seal_secret(signer: Signer, secret: bytes, *, owner: str, nonce: bytes) -> bytes:
    """Seal a secret of `owner`: it opens for nobody else; `nonce` is 12 fresh random bytes."""
    return nonce + AESGCM(_key(signer)).encrypt(nonce, secret, owner.encode())


def open_secret(signer: Signer, sealed: bytes, *, owner: str) -> bytes:
    """Open a sealed secret; raises StoreUnavailable for a key or row it was not made with."""
    try:
        return AESGCM(_key(signer)).decrypt(sealed[:_NONCE], sealed[_NONCE:], owner.encode())
    except (InvalidTag, ValueError) as exc:
        raise StoreUnavailable(
            f"a second factor cannot be read: {KEY_FILE} is not the key it was sealed with; "
            "restore it from the backup of the key folder, or enrol the factor again"
        ) from exc


def _key(signer: Signer) -> bytes:
    if signer.folder is None:
        # In memory only: the ledger's key is all there is.
        raw = signer.private_key.private_bytes_raw()
        return HKDF(SHA256(), 32, salt=None, info=b"qtcore factors").derive(raw)
    file = signer.folder / KEY_FILE
    if not file.exists():
        _make(file)
    key = file.read_bytes()
    if len(key) != 32 or file.stat().st_mode & 0o077:
        raise StoreUnavailable(
            f"{file} must hold 32 bytes that only its owner may read; restore it, or `chmod 400`"
        )
    return key


def _make(file: Path) -> None:
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "wb") as made:
        made.write(AESGCM.generate_key(256))
        made.flush()
        os.fsync(made.fileno())
    with suppress(FileExistsError):
        os.link(part, file)  # the first of two processes wins, the other takes its key
    part.unlink()
