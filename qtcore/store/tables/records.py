"""Tables of form-backed records: head, revisions, links, signatures, definitions.

It must not know what a kind of record means.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from qtcore.store.columns import PublicRow, TenantRow, json_field, key_field, tenant_key


class DefinitionVersion(PublicRow, table=True):
    """The exact text of a definition that records are pinned to; immutable once stored."""

    __tablename__ = "definition_version"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        UniqueConstraint("tenant_id", "kind", "name", "number"),
        UniqueConstraint("tenant_id", "kind", "name", "fingerprint"),
    )

    kind: str = Field(max_length=20)
    name: str = Field(max_length=80)
    number: int
    pack: str = Field(max_length=60)
    pack_version: str = Field(max_length=40)
    fingerprint: str = Field(max_length=64)
    body: dict[str, Any] = json_field()
    published_at: datetime
    published_by: str = Field(max_length=120)


class Record(PublicRow, table=True):
    """A deviation, inspection, recall ...: any form-backed document with a workflow.

    `revision` counts contents, `version` counts every change (compare-and-set). `site` is the code
    of the site it was opened at; empty for one of the whole company.
    """

    __tablename__ = "record"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        UniqueConstraint("tenant_id", "number"),
        tenant_key("workflow_version_id", "definition_version"),
        tenant_key("form_version_id", "definition_version"),
        Index("ix_record_kind", "tenant_id", "kind", "state"),
    )

    kind: str = Field(max_length=80)
    number: str = Field(max_length=40)
    title: str = Field(default="", max_length=300)
    state: str = Field(max_length=200)
    priority: str = Field(default="normal", max_length=10)
    revision: int = 1
    version: int = 1
    workflow_version_id: int = key_field()
    form_version_id: int = key_field()
    registry_fingerprint: str = Field(max_length=64)
    data: dict[str, Any] = json_field()
    opened_at: datetime
    opened_by: str = Field(max_length=120)
    site: str = Field(default="", max_length=120)
    closed_at: datetime | None = None


class RecordRevision(TenantRow, table=True):
    """What a record said at a revision, who changed it and why; shown with its own form version."""

    __tablename__ = "record_revision"
    __table_args__ = (
        tenant_key("record_id", "record"),
        tenant_key("form_version_id", "definition_version"),
        UniqueConstraint("tenant_id", "record_id", "revision"),
    )

    record_id: int = key_field()
    revision: int
    form_version_id: int = key_field()
    data: dict[str, Any] = json_field()
    content_sha256: str = Field(max_length=64)
    recorded_at: datetime
    recorded_by: str = Field(max_length=120)
    reason: str = Field(default="", max_length=2000)


class RecordLink(TenantRow, table=True):
    """What a record is about: a node, or another thing by its public id."""

    __tablename__ = "record_link"
    __table_args__ = (
        tenant_key("record_id", "record"),
        tenant_key("node", "node", "node"),
        Index("ix_record_link_node", "tenant_id", "node"),
        Index("ix_record_link_record", "tenant_id", "record_id"),
    )

    record_id: int = key_field()
    about: str = Field(max_length=20)
    node: int | None = key_field(default=None)
    uid: str | None = Field(default=None, max_length=36)


class StateChange(PublicRow, table=True):
    """One transition of a lot or record: the fold of these is its state.

    `verdicts` stores, for a gate, each rule's outcome with the facts, pack version and limits it
    saw, so that the decision can be explained years later. `stands_for` are the keys of the
    persons a delegate represented, `acting_for` their logins.
    """

    __tablename__ = "state_change"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        UniqueConstraint("tenant_id", "subject_uid", "number"),
        tenant_key("person_id", "person"),
        tenant_key("workflow_version_id", "definition_version"),
    )

    subject_kind: str = Field(max_length=20)
    subject_uid: str = Field(max_length=36)
    number: int
    transition: str = Field(max_length=60)
    from_state: str = Field(max_length=200)
    to_state: str = Field(max_length=200)
    person_id: int | None = key_field(default=None)
    actor: str = Field(max_length=120)
    reason: str = Field(default="", max_length=2000)
    verdicts: list[dict[str, Any]] = json_field(list)
    stands_for: list[str] = json_field(list)
    acting_for: str = Field(default="", max_length=400)
    form_values: dict[str, Any] = json_field()
    workflow_version_id: int | None = key_field(default=None)
    at: datetime


class Signature(PublicRow, table=True):
    """Name, time and meaning of a signature, bound to the exact content that was signed.

    `content` is the canonical text that was signed, `content_sha256` its digest; `subject_sha256`
    is the digest of the record's part of it: once the record has another one, the signature is
    superseded. `assertion` holds what a passkey signed, so that it can be verified anywhere.
    """

    __tablename__ = "signature"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        tenant_key("person_id", "person"),
        Index("ix_signature_subject", "tenant_id", "subject_uid"),
        Index("ix_signature_session", "tenant_id", "session_uid"),
    )

    subject_kind: str = Field(max_length=20)
    subject_uid: str = Field(max_length=36)
    subject_revision: int
    content_sha256: str = Field(max_length=64)
    person_id: int | None = key_field(default=None)
    signer_login: str = Field(max_length=120)
    signer_name: str = Field(max_length=200)
    signer_roles: list[str] = json_field(list)
    meaning: str = Field(max_length=60)
    meaning_text: str = Field(max_length=400)
    language: str = Field(max_length=20)
    signed_at: datetime
    utc_offset: str = Field(default="+00:00", max_length=6)
    method: str = Field(max_length=20)
    profile: str = Field(default="simple", max_length=20)
    reason: str = Field(default="", max_length=2000)
    content: str = ""
    subject_sha256: str = Field(default="", max_length=64)
    intent_uid: str = Field(default="", max_length=36)
    session_uid: str = Field(default="", max_length=36)
    device: str = Field(default="", max_length=200)
    ip: str = Field(default="", max_length=60)
    zone: str = Field(default="", max_length=60)
    factor_uid: str = Field(default="", max_length=36)
    delegation_uid: str = Field(default="", max_length=400)
    on_behalf_of: str = Field(default="", max_length=400)
    registry_fingerprint: str = Field(default="", max_length=64)
    components: int = 1
    assertion: dict[str, Any] = json_field()


class RecallSnapshot(PublicRow, table=True):
    """A frozen recall scope: what was affected, where it was and why, as known at that time."""

    __tablename__ = "recall_snapshot"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        tenant_key("record_id", "record"),
    )

    record_id: int = key_field()
    number: int
    is_mock: bool = False
    scope: dict[str, Any] = json_field()
    content_sha256: str = Field(max_length=64)
    taken_at: datetime
    taken_by: str = Field(max_length=120)
    seconds: str = Field(default="", max_length=20)
