"""Tables of the ledger: events with exact canonical bytes, their erasable parts, the sealed tree.

It must not know business tables; see `qtcore.engines.ledger` for what the bytes mean.
"""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from qtcore.store.columns import PublicRow, Row, bytes_field, key_field, tenant_key


class LedgerEvent(PublicRow, table=True):
    """One act. `head` are the exact bytes that were hashed, and what is shown is read from them.

    The other columns repeat parts of the head for searching; verification compares them.
    """

    __tablename__ = "ledger_event"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        Index("ix_ledger_event_object", "tenant_id", "object_uid"),
        Index("ix_ledger_event_at", "tenant_id", "recorded_at"),
    )

    action: str = Field(max_length=60)
    object_kind: str = Field(max_length=40)
    object_uid: str = Field(max_length=60)
    recorded_at: datetime
    head: bytes = bytes_field()
    leaf_hash: bytes = bytes_field()


class LedgerPrivate(Row, table=True):
    """A personal field of an event: its salt and value can be erased, its commitment stays."""

    __tablename__ = "ledger_private"
    __table_args__ = (tenant_key("event_id", "ledger_event"),)

    tenant_id: int = key_field(primary_key=True)
    event_id: int = key_field(primary_key=True)
    field: str = Field(primary_key=True, max_length=60)
    salt: bytes | None = bytes_field(default=None)
    value: str | None = Field(default=None, max_length=2000)


class LedgerAbout(Row, table=True):
    """What an event tells of, its object included; repeats the head, so that a lot's are found."""

    __tablename__ = "ledger_about"
    __table_args__ = (
        tenant_key("event_id", "ledger_event"),
        Index("ix_ledger_about_event", "tenant_id", "event_id"),
    )

    tenant_id: int = key_field(primary_key=True)
    uid: str = Field(primary_key=True, max_length=60)
    event_id: int = key_field(primary_key=True)


class LedgerPending(Row, table=True):
    """Events that are not sealed yet: a set, because a cursor over ids misses late commits."""

    __tablename__ = "ledger_pending"
    __table_args__ = (tenant_key("event_id", "ledger_event"),)

    tenant_id: int = key_field(primary_key=True)
    event_id: int = key_field(primary_key=True)


class LedgerSeal(Row, table=True):
    """The place of an event in the tree: dense from 0, each event once."""

    __tablename__ = "ledger_seal"
    __table_args__ = (
        UniqueConstraint("tenant_id", "event_id"),
        tenant_key("event_id", "ledger_event"),
    )

    tenant_id: int = key_field(primary_key=True)
    seq: int = key_field(primary_key=True)
    event_id: int = key_field()
    leaf_hash: bytes = bytes_field()


class LedgerTile(Row, table=True):
    """The hash of a complete subtree of the RFC 9162 tree: 2**level leaves from index*2**level."""

    __tablename__ = "ledger_tile"

    tenant_id: int = key_field(primary_key=True)
    level: int = Field(primary_key=True)
    index: int = key_field(primary_key=True)
    hash: bytes = bytes_field()


class LedgerCheckpoint(Row, table=True):
    """A signed statement of size and root (C2SP signed note)."""

    __tablename__ = "ledger_checkpoint"

    tenant_id: int = key_field(primary_key=True)
    size: int = key_field(primary_key=True)
    root: bytes = bytes_field()
    note: str = Field(max_length=4000)
    sealed_at: datetime
