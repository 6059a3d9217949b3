"""Backup and restore: a copy is believed only after it was put back and checked.

It must not hold keys: they lie outside the database, and are backed up on their own.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from qtcore.errors import InputRejected, QTCoreError, StoreUnavailable
from qtcore.services.integrity.fsck import Checked, check_database
from qtcore.services.site import default_key_folder, open_site
from qtcore.store.backups import a_temporary_place, copy_database, kind_of, put_back, require_free
from qtcore.store.engines import read_target
from qtcore.store.queries.ledger import count_pending, sealed_up_to
from qtcore.store.store import upgrade

FORMAT = "qtcore-backup/1"


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy that was verified: its file, its hash, how much of the history it holds."""

    file: Path
    sha256: str
    sealed: int
    pending: int
    keys: Path
    checked: Checked

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API and of the note beside the file."""
        return {
            "format": FORMAT,
            "file": self.file.name,
            "sha256": self.sha256,
            "sealed": self.sealed,
            "pending": self.pending,
            "verified": self.checked.is_sound,
            "violations": [each.as_json() for each in self.checked.violations],
            "keys": f"not in this backup; back up {self.keys} on its own",
        }


def back_up(url: str, file: Path, *, key_folder: Path | None = None) -> Backup:
    """Copy a database in use into a new file, put the copy back elsewhere, and check it there.

    A copy that breaks a promise is kept, because the database itself does; the answer says so.
    Raises StoreUnavailable when the file exists or the database cannot be copied.
    """
    if file.exists():
        raise InputRejected(f"{file} exists; nothing was overwritten: give a new name")
    copy_database(url, file)
    keys = key_folder or default_key_folder(url)
    is_done = False
    try:
        sealed, pending, checked = _try_out(file, url, keys)
        made = Backup(file, _digest(file), sealed, pending, keys, checked)
        _write_note(file, made)
        is_done = True
    finally:
        if not is_done:  # nobody could say what this file holds
            file.unlink(missing_ok=True)
            _note_of(file).unlink(missing_ok=True)
    return made


def _write_note(file: Path, made: Backup) -> None:
    try:
        text = json.dumps(made.as_json(), indent=1) + "\n"
        _note_of(file).write_text(text, encoding="utf-8")
    except OSError as exc:
        raise StoreUnavailable(f"{_note_of(file)} cannot be written: {exc.strerror}") from exc


def restore(file: Path, url: str, *, key_folder: Path | None = None) -> Backup:
    """Fill an empty place from a backup, after the backup was put back elsewhere and checked.

    Nothing is overwritten. A backup that breaks a promise is refused. What its witnesses have seen
    beyond it is found when the site is opened: it is read-only then, until QA signs for it.
    """
    _check_note(file)
    if kind_of(file) is None:
        raise InputRejected(f"{file} is no backup of QTCore: neither SQLite nor a PostgreSQL dump")
    require_free(url)
    keys = key_folder or default_key_folder(url)
    sealed, pending, checked = _try_out(file, url, keys)
    made = Backup(file, _digest(file), sealed, pending, keys, checked)
    if not checked.is_sound:
        first = checked.violations[0]
        raise QTCoreError(
            f"{file} is not sound: {first.invariant} {first.place}: {first.message}; nothing was "
            "restored; take an older backup, or copy the file by hand to examine it",
            code="QT630",
        )
    put_back(file, url)
    return made


def _try_out(file: Path, url: str, keys: Path) -> tuple[int, int, Checked]:
    with (
        tempfile.TemporaryDirectory(prefix="qtcore-restore-") as folder,
        a_temporary_place(url, Path(folder)) as place,
        _named_as(file, place),
    ):
        put_back(file, place)
        upgrade(place)  # a backup of an older release is checked as this one will see it
        site = open_site(place, key_folder=keys, writable=False)
        try:
            checked = check_database(site, site.system_context(), is_serving=False)
            with site.store.read() as session:
                tenant = site.store.tenant_id
                counted = sealed_up_to(session, tenant), count_pending(session, tenant)
        finally:
            site.close()
        name = read_target(place).name
    told = (replace(v, message=v.message.replace(name, str(file))) for v in checked.violations)
    return (*counted, replace(checked, violations=tuple(told)))


@contextmanager
def _named_as(file: Path, place: str) -> Iterator[None]:
    """Let what is wrong with a copy be told of its file, not of the place it was tried out in."""
    try:
        yield
    except StoreUnavailable as exc:
        said = exc.message.replace(read_target(place).name, str(file))
        raise StoreUnavailable(said, code=exc.code) from exc


def _check_note(file: Path) -> None:
    note = _note_of(file)
    if not note.exists():
        return
    try:
        told = json.loads(note.read_text(encoding="utf-8"))["sha256"]
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as exc:
        raise InputRejected(f"{note} cannot be read; remove it to restore without it") from exc
    if told != _digest(file):
        raise InputRejected(f"{file} is not the file that {note.name} tells of: it was changed")


def _note_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")


def _digest(file: Path) -> str:
    digest = sha256()
    with file.open("rb") as opened:
        while piece := opened.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
