"""Tables of published configurations, their drafts, and the decisions made under them.

It must not know what a definition means.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Text, UniqueConstraint
from sqlmodel import Field

from qtcore.store.columns import PublicRow, Row, json_field, key_field, one_of, tenant_key


class ConfigText(Row, table=True):
    """The text of one definition file, under its SHA-256; immutable."""

    __tablename__ = "config_text"

    tenant_id: int = key_field(primary_key=True)
    sha256: str = Field(max_length=64, primary_key=True)
    content: str = Field(sa_type=Text)


class ConfigVersion(PublicRow, table=True):
    """One published configuration; immutable. The highest number serves.

    `packs` lists each pack with the hashes of its files; `pins` maps ``kind/name`` to the key of
    the definition's own version; `report` is what the signer was shown.
    """

    __tablename__ = "config_version"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        UniqueConstraint("tenant_id", "number"),
        one_of("origin", "initial", "publication", "rollback"),
    )

    number: int
    base: int
    origin: str = Field(max_length=20)
    content_sha256: str = Field(max_length=64)
    fingerprint: str = Field(max_length=64)
    packs: list[dict[str, Any]] = json_field(list)
    pins: dict[str, int] = json_field()
    report: dict[str, Any] = json_field()
    title: str = Field(default="", max_length=300)
    reason: str = Field(default="", max_length=2000)
    authors: list[str] = json_field(list)
    draft_uid: str | None = Field(default=None, max_length=36)
    signature_uid: str | None = Field(default=None, max_length=36)
    published_at: datetime
    published_by: str = Field(max_length=120)


class ConfigDraft(PublicRow, table=True):
    """A configuration that somebody wants to publish; `version` counts its changes.

    `authors` are the people who wrote or proposed it: none of them may sign its publication.
    """

    __tablename__ = "config_draft"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        Index("ix_config_draft_state", "tenant_id", "state"),
        one_of("origin", "disk", "edit", "rollback"),
        one_of("state", "open", "published", "discarded"),
    )

    base: int
    origin: str = Field(max_length=20)
    state: str = Field(default="open", max_length=20)
    version: int = 1
    content_sha256: str = Field(max_length=64)
    packs: list[dict[str, Any]] = json_field(list)
    mappings: dict[str, Any] = json_field()
    title: str = Field(default="", max_length=300)
    reason: str = Field(default="", max_length=2000)
    authors: list[str] = json_field(list)
    created_at: datetime
    updated_at: datetime


class ReplayJob(Row, table=True):
    """The latest replay of one draft: how far it is, who makes it, and its report.

    `subject_sha256` stands for all that is replayed. `holder` makes it and tells at `told_at` that
    it still does; `attempts` counts those that were cut off.
    """

    __tablename__ = "replay_job"

    tenant_id: int = key_field(primary_key=True)
    draft_uid: str = Field(primary_key=True, max_length=36)
    subject_sha256: str = Field(max_length=64)
    state: str = Field(max_length=20)
    holder: str = Field(max_length=36)
    attempts: int = 0
    done: int = 0
    total: int = 0
    started_at: datetime
    told_at: datetime
    report: dict[str, Any] = json_field()
    message: str = Field(default="", max_length=2000)


class Decision(PublicRow, table=True):
    """One attempt at a step of a life cycle, made or refused, with what it was decided on.

    Immutable. `document` holds facts with values and sources, verdicts, versions and code digests;
    `content_sha256` is the hash of its canonical bytes, which the ledger entry of the act repeats.
    """

    __tablename__ = "decision"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        tenant_key("workflow_version_id", "definition_version"),
        Index("ix_decision_subject", "tenant_id", "subject_uid", "id"),
        Index("ix_decision_workflow", "tenant_id", "workflow", "id"),
        one_of("outcome", "made", "refused"),
    )

    subject_kind: str = Field(max_length=20)
    subject_uid: str = Field(max_length=36)
    change_uid: str | None = Field(default=None, max_length=36)
    workflow: str = Field(max_length=80)
    workflow_version_id: int | None = key_field(default=None)
    config_number: int
    transition: str = Field(max_length=60)
    from_state: str = Field(max_length=60)
    to_state: str = Field(default="", max_length=60)
    gate: str = Field(default="", max_length=60)
    outcome: str = Field(max_length=20)
    document: dict[str, Any] = json_field()
    content_sha256: str = Field(max_length=64)
    at: datetime
    actor: str = Field(max_length=120)
