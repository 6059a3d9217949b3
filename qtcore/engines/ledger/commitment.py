"""Salted commitments to personal values, so that a value can be erased and the proof still holds.

It must not know which fields are personal, where salts are stored, or how they are drawn.
"""

import hashlib
import hmac
from typing import Final

SALT_SIZE: Final = 16
_PREFIX: Final = b"\x03"  # leaves have 0x00 and nodes 0x01: no commitment can pass for one


def commit_field(salt: bytes, name: str, value: str) -> bytes:
    """Give SHA-256(0x03 || salt || name || 0x00 || value); the text is hashed as it is stored."""
    if len(salt) != SALT_SIZE:
        raise ValueError(f"salt of field {name!r} must be {SALT_SIZE} random bytes")
    if not name or "\x00" in name:
        raise ValueError(f"field name {name!r} must be non-empty and without NUL")
    return hashlib.sha256(_PREFIX + salt + name.encode() + b"\x00" + value.encode()).digest()


def verify_field(commitment: bytes, salt: bytes, name: str, value: str) -> bool:
    """Say whether `value` is what was committed to; unusable input is simply not it."""
    try:
        return hmac.compare_digest(commit_field(salt, name, value), commitment)
    except (ValueError, TypeError):
        return False
