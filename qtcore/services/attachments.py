"""Files that belong to records and events: kept by the hash of their content, told to the ledger.

It must not know what a file of a kind must look like; see `qtcore.services.uploads`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal

from sqlmodel import Session, func, select

from qtcore.context import Context
from qtcore.definitions.stored_states import allows
from qtcore.errors import Conflict, Fault, InputRejected, NotFound
from qtcore.services.event_views import read_event
from qtcore.services.record_views import get_record, read_record
from qtcore.services.records import make_revision
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.services.uploads import Cleaned, Upload
from qtcore.store.ledger_rows import Change
from qtcore.store.tables import Attachment, Blob, Record
from qtcore.store.unit import UnitOfWork

MOST_FILES: Final = 100
"""So many files may belong to one record or event."""

Kind = Literal["record", "event"]


@dataclass(frozen=True, slots=True)
class Owner:
    """What a file belongs to: a record (id or number) or an event (id)."""

    kind: Kind
    uid: str


@dataclass(frozen=True, slots=True)
class File:
    """A file with its bytes, which were checked against their hash."""

    row: Attachment
    content: bytes


def attachment_json(row: Attachment) -> dict[str, Any]:
    """Give the shape of the API."""
    return {
        "attachment_id": row.uid,
        "owner": {"kind": row.owner_kind, "id": row.owner_uid},
        "name": row.name,
        "media_type": row.media_type,
        "size": row.size,
        "sha256": row.sha256,
        "sent_sha256": row.sent_sha256,
        "recorded_at": row.recorded_at.isoformat(),
        "recorded_by": row.recorded_by,
    }


def attach_file(site: Site, context: Context, owner: Owner, upload: Upload) -> Attachment:
    """Keep a file with a record or event.

    A record gets a new revision by it, so that earlier signatures show that they cover less; it
    must be in a state that may be edited. Raises InputRejected for a file that is not accepted,
    Conflict for one that is there already, NotFound for an unknown owner.
    """
    owner = _required(site, context, owner)
    file = site.easel.clean(upload)
    with site.store.write(context) as work:
        _check_room(work, owner, file)
        row = Attachment(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            owner_kind=owner.kind,
            owner_uid=owner.uid,
            name=file.name,
            media_type=file.media_type,
            size=len(file.content),
            sha256=file.sha256,
            sent_sha256=file.sent_sha256,
            recorded_at=context.at,
            recorded_by=context.actor.login,
        )
        _keep(work, file)
        work.add(row)
        is_record = owner.kind == "record"
        reason, changes = _revise(site, work, owner, file) if is_record else ("", {})
        names = ("name", "media_type", "size", "sha256", "sent_sha256")
        told: Mapping[str, object] = {name: getattr(row, name) for name in names}
        work.log(
            "attachment.add",
            owner.kind,
            owner.uid,
            changes=changes,
            reason=reason,
            details={"attachment": row.uid, **told},
        )
        return row


def list_attachments(site: Site, context: Context, owner: Owner) -> tuple[Attachment, ...]:
    """List the files of a record or event in the order they came."""
    uid = _owner_uid(site, context, owner)
    with site.store.read() as session:
        return tuple(files_of(session, site.store.tenant_id, uid))


def files_of(session: Session, tenant_id: int, owner_uid: str) -> list[Attachment]:
    """Read the files of one owner in the order they came; rights are the caller's matter."""
    query = select(Attachment).where(
        Attachment.tenant_id == tenant_id, Attachment.owner_uid == owner_uid
    )
    return list(session.exec(query.order_by(Attachment.id)).all())  # type: ignore[arg-type]


def read_attachment(site: Site, context: Context, attachment_id: str) -> Attachment:
    """Read what is known of a file, without its bytes; whoever may read its owner may."""
    with site.store.read() as session:
        row = session.exec(
            select(Attachment).where(
                Attachment.tenant_id == site.store.tenant_id, Attachment.uid == attachment_id
            )
        ).first()
    missing = NotFound(f"there is no file {attachment_id!r}; its record or event lists its files")
    if row is None:
        raise missing
    kind: Kind = "record" if row.owner_kind == "record" else "event"
    try:
        _owner_uid(site, context, Owner(kind, row.owner_uid))
    except NotFound as exc:  # whose record is not seen sees no file of it, in the same words
        raise missing from exc
    return row


def read_file(site: Site, context: Context, attachment_id: str) -> File:
    """Read a file with its bytes; raises Conflict when they are missing or not those attached."""
    row = read_attachment(site, context, attachment_id)
    with site.store.read() as session:
        content = session.exec(
            select(Blob.content).where(
                Blob.tenant_id == site.store.tenant_id, Blob.sha256 == row.sha256
            )
        ).first()
    if content is None or sha256(content).hexdigest() != row.sha256:
        what = "missing" if content is None else "not those that were attached"
        raise Conflict(
            f"the bytes of {row.name!r} are {what}; run `qtcore db fsck` and restore a backup",
            code="QT498",
        )
    return File(row, content)


def _owner_uid(site: Site, context: Context, owner: Owner) -> str:
    if owner.kind == "record":
        return read_record(site, context, owner.uid).record.uid
    return read_event(site, context, owner.uid).event.uid


def _required(site: Site, context: Context, owner: Owner) -> Owner:
    """Ask for the right to write what the file belongs to; gives the owner by its public id."""
    if owner.kind == "event":
        seen = read_event(site, context, owner.uid)
        event = seen.event
        right = f"event.record:{event.event_type}"
        require(site, context, right, about=event.uid, thing=seen.thing)
        return Owner("event", event.uid)
    view = read_record(site, context, owner.uid)
    right = f"record.submit:{view.record.kind}"
    require(site, context, right, about=view.record.uid, thing=view.thing)
    if not allows(view.workflow, view.record.state, "edit"):
        text = f"{view.record.number} is {view.record.state}: it cannot be edited"
        raise InputRejected(text, [Fault("QT452", text, "")])
    return Owner("record", view.record.uid)


def _check_room(work: UnitOfWork, owner: Owner, file: Cleaned) -> None:
    known = files_of(work.session, work.tenant_id, owner.uid)
    if any((each.sha256, each.name) == (file.sha256, file.name) for each in known):
        raise Conflict(f"the file {file.name!r} with this content is attached already")
    if len(known) >= MOST_FILES:
        text = f"{MOST_FILES} files are attached already; attach this one to another record"
        raise InputRejected(text, [Fault("QT499", text, "/content")], code="QT499")


def _keep(work: UnitOfWork, file: Cleaned) -> None:
    """Keep the bytes once, whoever else attached them."""
    count = work.session.exec(
        select(func.count())
        .select_from(Blob)
        .where(Blob.tenant_id == work.tenant_id, Blob.sha256 == file.sha256)
    ).one()
    if not count:
        work.add(
            Blob(
                tenant_id=work.tenant_id,
                id=work.key(),
                sha256=file.sha256,
                size=len(file.content),
                content=file.content,
                recorded_at=work.context.at,
            )
        )


def _revise(
    site: Site, work: UnitOfWork, owner: Owner, file: Cleaned
) -> tuple[str, Mapping[str, Change]]:
    """Give the record one more revision; returns why, and what it changes."""
    record: Record = get_record(site, work.session, owner.uid)
    changes = work.change(record, revision=record.revision + 1)
    work.flush()
    reason = f"file attached: {file.name}"
    work.add(make_revision(work, record, reason=reason))
    return reason, changes
