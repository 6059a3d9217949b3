"""The keys that sign checkpoints: files in a folder that is never inside a database.

It must not know the tree. The folder holds `ledger.key` (secret), `ledger.vkey` (its public side),
`ledger.retired`: one line for each earlier key, the size up to which it signed and its vkey; and
`ledger.folders`: one line for each witness folder that was written to.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from qtcore.engines.ledger import NoteError, NoteKey, RetiredKey, key_of, read_vkey
from qtcore.engines.ledger.cosign import read_witness_key, witness_key_of
from qtcore.errors import StoreUnavailable

KEY_FILE: Final = "ledger.key"
VKEY_FILE: Final = "ledger.vkey"
RETIRED_FILE: Final = "ledger.retired"
FOLDERS_FILE: Final = "ledger.folders"
# A key that is made, and not yet told of in the ledger.
NEXT: Final = "next."


@dataclass(frozen=True, slots=True)
class Signer:
    """The key that signs checkpoints. `name` is also the origin: the name of the log.

    `retired` are the keys that signed before; `folder` is where the key lies, None in memory only.
    """

    name: str
    private_key: Ed25519PrivateKey
    retired: tuple[RetiredKey, ...] = ()
    folder: Path | None = None

    @property
    def key(self) -> NoteKey:
        """The public side."""
        return key_of(self.name, self.private_key)


def load_or_make_signer(folder: Path) -> Signer:
    """Load the signing key of a folder, or make one; the folder is never inside a database.

    `ledger.vkey` beside it is its public side, to be given to whoever verifies. Raises
    StoreUnavailable for a key that others may read or that cannot be read.
    """
    try:
        if not (folder / KEY_FILE).exists():
            _make_key(folder)
        signer = _load(folder)
        return replace(signer, retired=_read_retired(folder))
    except (OSError, ValueError, NoteError, UnsupportedAlgorithm) as exc:
        raise StoreUnavailable(
            f"the ledger's signing key in {folder} cannot be read: {exc}; restore both files "
            f"{KEY_FILE} and {VKEY_FILE} from their backup"
        ) from exc


def load_or_make_witness_key(folder: Path) -> tuple[str, Ed25519PrivateKey, str]:
    """Load the key of a witness, or make one; gives its name, the secret and its vkey."""
    key_file = folder / "witness.key"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not key_file.exists():
            made = Ed25519PrivateKey.generate()
            name = f"qtcore-witness/{made.public_key().public_bytes_raw().hex()[:12]}"
            vkey = witness_key_of(name, made).vkey
            _write_new(folder / "witness.vkey", f"{vkey}\n".encode("ascii"), 0o444)
            _write_new(key_file, _pem(made), 0o400)
        if key_file.stat().st_mode & 0o077:
            raise StoreUnavailable(f"{key_file} may be read by others; run `chmod 400` on it")
        private_key = load_pem_private_key(key_file.read_bytes(), password=None)
        known = read_witness_key((folder / "witness.vkey").read_text(encoding="ascii"))
    except (OSError, ValueError, NoteError, UnsupportedAlgorithm) as exc:
        raise StoreUnavailable(f"the key of the witness in {folder} cannot be read: {exc}") from exc
    if not isinstance(private_key, Ed25519PrivateKey) or known != witness_key_of(
        known.name, private_key
    ):
        raise StoreUnavailable(f"{key_file} is not the key that witness.vkey names")
    return known.name, private_key, known.vkey


def make_next_key(signer: Signer) -> Signer:
    """Make the key that will follow, beside the one in use; a half-made one is taken up again."""
    folder = _folder_of(signer)
    if not (folder / f"{NEXT}{KEY_FILE}").exists():
        _write_key(folder, Ed25519PrivateKey.generate(), signer.name, NEXT)
    return _load(folder, NEXT)


def find_next_key(signer: Signer) -> Signer | None:
    """Find a key that was made and not yet put to use."""
    folder = signer.folder
    if folder is None or not (folder / f"{NEXT}{KEY_FILE}").exists():
        return None
    return _load(folder, NEXT)


def put_next_to_use(signer: Signer, *, size: int) -> Signer:
    """Retire the key in use, which signed up to `size`, and put the next one in its place.

    The old secret is removed: nobody can sign with it again.
    """
    folder = _folder_of(signer)
    line = f"{size} {signer.key.vkey}\n"
    retired = folder / RETIRED_FILE
    before = retired.read_text(encoding="ascii") if retired.exists() else ""
    if line not in before:
        _write_new(retired, (before + line).encode("ascii"), 0o444)
    # The secret last: while it is there, this can be repeated.
    (folder / f"{NEXT}{VKEY_FILE}").replace(folder / VKEY_FILE)
    (folder / f"{NEXT}{KEY_FILE}").replace(folder / KEY_FILE)
    return load_or_make_signer(folder)


def is_set_up(signer: Signer, name: str) -> bool:
    """Say whether a witness folder was ever written to; a restored database may not know."""
    file = signer.folder / FOLDERS_FILE if signer.folder else None
    return file is not None and file.exists() and name in file.read_text("utf-8").splitlines()


def note_set_up(signer: Signer, name: str) -> None:
    """Note that a witness folder was written to; raises OSError where that cannot be kept."""
    if signer.folder is None or is_set_up(signer, name):
        return
    file = signer.folder / FOLDERS_FILE
    before = file.read_text("utf-8") if file.exists() else ""
    _write_new(file, f"{before}{name}\n".encode(), 0o444)


def _load(folder: Path, prefix: str = "") -> Signer:
    key_file, vkey_file = folder / f"{prefix}{KEY_FILE}", folder / f"{prefix}{VKEY_FILE}"
    if key_file.stat().st_mode & 0o077:
        raise StoreUnavailable(
            f"the ledger's signing key {key_file} may be read by others; run "
            f"`chmod 400 {key_file}`, and make a new key if somebody may have copied it"
        )
    private_key = load_pem_private_key(key_file.read_bytes(), password=None)
    if not vkey_file.exists() and prefix:
        vkey_file = folder / VKEY_FILE  # the change of files was cut short between the two
    known = read_vkey(vkey_file.read_text(encoding="ascii").strip())
    if not isinstance(private_key, Ed25519PrivateKey) or known != key_of(known.name, private_key):
        raise StoreUnavailable(
            f"{key_file} is not the Ed25519 key that {vkey_file} names; restore both from one "
            "backup"
        )
    return Signer(known.name, private_key, folder=folder)


def _read_retired(folder: Path) -> tuple[RetiredKey, ...]:
    file = folder / RETIRED_FILE
    if not file.exists():
        return ()
    lines = file.read_text(encoding="ascii").splitlines()
    pairs = [line.split(" ", 1) for line in lines if line]
    return tuple(RetiredKey(read_vkey(vkey), int(size)) for size, vkey in pairs)


def _folder_of(signer: Signer) -> Path:
    if signer.folder is None:
        raise StoreUnavailable("this signing key is in memory only; it cannot be changed")
    return signer.folder


def _make_key(folder: Path) -> None:
    private_key = Ed25519PrivateKey.generate()
    name = f"qtcore/{private_key.public_key().public_bytes_raw().hex()[:12]}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_key(folder, private_key, name)


def _write_key(folder: Path, private_key: Ed25519PrivateKey, name: str, prefix: str = "") -> None:
    # The public side first: a key file alone would be taken for a whole signer.
    vkey = key_of(name, private_key).vkey
    _write_new(folder / f"{prefix}{VKEY_FILE}", f"{vkey}\n".encode("ascii"), 0o444)
    _write_new(folder / f"{prefix}{KEY_FILE}", _pem(private_key), 0o400)


def _pem(private_key: Ed25519PrivateKey) -> bytes:
    return private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a file whole, down to the disk, or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
