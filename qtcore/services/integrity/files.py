"""I14: every attached file is there, byte for byte, and belongs to something that is there.

It must not know what a file shows.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import SQLModel

from qtcore.services.integrity.ground import Ground, Violation
from qtcore.store.columns import as_bytes, table_of
from qtcore.store.tables import Attachment, Blob, Event, Record

_BLOB: Final = table_of(Blob)
_OWNERS: Final[dict[str, type[SQLModel]]] = {"record": Record, "event": Event}
_TOLD: Final = ("name", "media_type", "size", "sha256")


def check_files(ground: Ground) -> Iterator[Violation]:
    """Compare what is attached with the bytes kept and with what the ledger tells of it."""
    kept = set(
        ground.session.scalars(select(_BLOB.c.sha256).where(_BLOB.c.tenant_id == ground.tenant))
    )
    told = _told(ground)
    owners = {kind: {row.uid for row in ground.rows(table)} for kind, table in _OWNERS.items()}
    for row in ground.rows(Attachment):
        place = f"attachment {row.uid}"
        found = tuple(getattr(row, name) for name in _TOLD)
        if row.sha256 not in kept:
            yield Violation("I14", place, f"the bytes of {row.name!r} are missing")
        if row.owner_uid not in owners.get(row.owner_kind, ()):
            yield Violation("I14", place, f"it belongs to no {row.owner_kind} {row.owner_uid}")
        # What was archived is told of outside of the database.
        if told.pop(row.uid, found if ground.archived else None) != found:
            yield Violation("I14", place, "the ledger tells of another file")
    for uid in sorted(told):
        yield Violation("I14", f"attachment {uid}", "the ledger tells of it, but it is gone")


def check_bytes(ground: Ground) -> Iterator[Violation]:
    """Hash every file again; one at a time, because each may have ten megabytes."""
    query = select(_BLOB).where(_BLOB.c.tenant_id == ground.tenant)
    for row in ground.session.execute(query.execution_options(yield_per=1)):
        content = as_bytes(row.content)
        if sha256(content).hexdigest() != row.sha256 or len(content) != row.size:
            place = f"file {str(row.sha256)[:16]}"
            yield Violation("I14", place, "its bytes are not those that were attached")


def _told(ground: Ground) -> dict[str, tuple[Any, ...]]:
    """Read what the ledger tells of each attached file."""
    return {
        str(head["details"].get("attachment")): tuple(head["details"].get(n) for n in _TOLD)
        for _, head in ground.heads()
        if head["action"] == "attachment.add"
    }
