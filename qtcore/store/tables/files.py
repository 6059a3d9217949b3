"""Tables of files: what each holds, once per content, and what each belongs to.

It must not know what a file shows.
"""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from qtcore.store.columns import PublicRow, TenantRow, bytes_field, key_field


class Blob(TenantRow, table=True):
    """The bytes of a file, kept once per content; the hash is its name."""

    __tablename__ = "blob"
    __table_args__ = (UniqueConstraint("tenant_id", "sha256"),)

    sha256: str = Field(max_length=64)
    size: int = key_field()
    content: bytes = bytes_field()
    recorded_at: datetime


class Attachment(PublicRow, table=True):
    """A file that belongs to a record or event; the name is only a label.

    `sha256` names what is kept, `sent_sha256` what was sent: pictures are drawn anew.
    """

    __tablename__ = "attachment"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        Index("ix_attachment_owner", "tenant_id", "owner_uid"),
    )

    owner_kind: str = Field(max_length=20)
    owner_uid: str = Field(max_length=36)
    name: str = Field(max_length=300)
    media_type: str = Field(max_length=120)
    size: int = key_field()
    sha256: str = Field(max_length=64)
    sent_sha256: str = Field(default="", max_length=64)
    recorded_at: datetime
    recorded_by: str = Field(max_length=120)
