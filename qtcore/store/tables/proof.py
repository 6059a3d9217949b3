"""Tables around the sealed tree: lease, keys, witnesses, stamps, restores, reviews, archives.

It must not know what the bytes mean; see `qtcore.engines.ledger` and `qtcore.store.sealing`.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from qtcore.store.columns import PublicRow, Row, bytes_field, json_field, key_field


class LedgerLease(Row, table=True):
    """Who seals now, and until when nobody else may; it runs out by itself."""

    __tablename__ = "ledger_lease"

    tenant_id: int = key_field(primary_key=True)
    name: str = Field(primary_key=True, max_length=40)
    holder: str = Field(max_length=120)
    expires_at: datetime


class LedgerKey(Row, table=True):
    """A change of the signing key: both keys have signed the last state of the older one."""

    __tablename__ = "ledger_key"

    tenant_id: int = key_field(primary_key=True)
    number: int = Field(primary_key=True)
    vkey: str = Field(max_length=400)
    from_size: int = key_field()
    note: str = Field(max_length=4000)
    changed_at: datetime


class LedgerCosignature(Row, table=True):
    """What a witness outside has signed: the line that stands below a checkpoint."""

    __tablename__ = "ledger_cosignature"

    tenant_id: int = key_field(primary_key=True)
    size: int = key_field(primary_key=True)
    witness: str = Field(primary_key=True, max_length=200)
    line: str = Field(max_length=2000)
    received_at: datetime


class LedgerStamp(Row, table=True):
    """A time stamp (RFC 3161) over the note of a checkpoint."""

    __tablename__ = "ledger_stamp"

    tenant_id: int = key_field(primary_key=True)
    size: int = key_field(primary_key=True)
    authority: str = Field(primary_key=True, max_length=200)
    token: bytes = bytes_field()
    stamped_at: datetime


class LedgerIncarnation(Row, table=True):
    """A restore that QA has signed: from which size on the log goes on anew, and what was lost."""

    __tablename__ = "ledger_incarnation"

    tenant_id: int = key_field(primary_key=True)
    number: int = Field(primary_key=True)
    from_size: int = key_field()
    lost_to: int = key_field()
    witness: str = Field(max_length=200)
    event_uid: str = Field(max_length=36)
    accepted_at: datetime


class LedgerRoot(Row, table=True):
    """The place of a company's checkpoint in the log of the instance."""

    __tablename__ = "ledger_root"

    tenant_id: int = key_field(primary_key=True)
    size: int = key_field(primary_key=True)
    seq: int = key_field()


class LedgerReview(PublicRow, table=True):
    """A person has looked at all entries about a thing up to a place in the sealed order."""

    __tablename__ = "ledger_review"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        Index("ix_ledger_review_subject", "tenant_id", "subject_uid"),
    )

    subject_uid: str = Field(max_length=60)
    up_to: int = key_field()
    entries: int
    reviewed_by: str = Field(max_length=120)
    reviewed_at: datetime
    remark: str = Field(default="", max_length=2000)
    signature_uid: str = Field(default="", max_length=36)


class LegalHold(PublicRow, table=True):
    """Why nothing about a thing, or nothing at all (``*``), may be archived or erased."""

    __tablename__ = "legal_hold"
    __table_args__ = (UniqueConstraint("tenant_id", "uid"),)

    subject_uid: str = Field(max_length=60)
    reason: str = Field(max_length=2000)
    version: int = 1
    placed_at: datetime
    placed_by: str = Field(max_length=120)
    lifted_at: datetime | None = None
    lifted_by: str = Field(default="", max_length=120)


class LedgerArchive(Row, table=True):
    """A part of the beginning of the history that was moved into a proof file."""

    __tablename__ = "ledger_archive"

    tenant_id: int = key_field(primary_key=True)
    first: int = key_field(primary_key=True)
    last: int = key_field()
    file_name: str = Field(max_length=300)
    file_sha256: str = Field(max_length=64)
    event_uid: str = Field(max_length=36)
    archived_at: datetime


class LedgerArchived(Row, table=True):
    """An entry whose content is in an archive; its hash stays in the tree."""

    __tablename__ = "ledger_archived"
    __table_args__ = (
        UniqueConstraint("tenant_id", "event_id"),
        Index("ix_ledger_archived_object", "tenant_id", "object_uid"),
    )

    tenant_id: int = key_field(primary_key=True)
    seq: int = key_field(primary_key=True)
    event_id: int = key_field()
    object_uid: str = Field(max_length=60)


class LedgerJob(PublicRow, table=True):
    """A long verification that somebody asked for, how far it is, and its verdict."""

    __tablename__ = "ledger_job"
    __table_args__ = (UniqueConstraint("tenant_id", "uid"),)

    state: str = Field(max_length=20)
    first: int = key_field()
    last: int = key_field()
    done: int = key_field(default=0)
    asked_by: str = Field(max_length=120)
    started_at: datetime
    finished_at: datetime | None = None
    verdict: dict[str, Any] = json_field()
