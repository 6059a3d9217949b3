"""Records with their revisions, signatures and snapshots.

It must not import the tables: a revision says itself what they were when it was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _make_record()
    _make_record_revision()
    _make_record_link()
    _make_state_change()
    _make_signature()
    _make_attachment()
    _make_recall_snapshot()


def _make_record() -> None:
    op.create_table(
        "record",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(80), nullable=False),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("state", sa.String(60), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("workflow_version_id", sa.BigInteger(), nullable=False),
        sa.Column("form_version_id", sa.BigInteger(), nullable=False),
        sa.Column("registry_fingerprint", sa.String(64), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("opened_by", sa.String(120), nullable=False),
        sa.Column("closed_at", TIME, nullable=True),
        _link("record", "form_version_id", "definition_version.id"),
        _link("record", "workflow_version_id", "definition_version.id"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_record")),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_record_tenant_id_number")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_record_tenant_id_uid")),
    )
    op.create_index("ix_record_kind", "record", ["tenant_id", "kind", "state"], unique=False)


def _make_record_revision() -> None:
    op.create_table(
        "record_revision",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("form_version_id", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("content_sha256", sa.String(64), nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.Column("recorded_by", sa.String(120), nullable=False),
        sa.Column("reason", sa.String(2000), nullable=False),
        _link("record_revision", "form_version_id", "definition_version.id"),
        _link("record_revision", "record_id", "record.id"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_record_revision")),
        sa.UniqueConstraint(
            "tenant_id",
            "record_id",
            "revision",
            name=op.f("uq_record_revision_tenant_id_record_id_revision"),
        ),
    )


def _make_record_link() -> None:
    op.create_table(
        "record_link",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("about", sa.String(20), nullable=False),
        sa.Column("node", sa.BigInteger(), nullable=True),
        sa.Column("uid", sa.String(36), nullable=True),
        _link("record_link", "node", "node.node"),
        _link("record_link", "record_id", "record.id"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_record_link")),
    )
    op.create_index("ix_record_link_node", "record_link", ["tenant_id", "node"], unique=False)
    op.create_index(
        "ix_record_link_record", "record_link", ["tenant_id", "record_id"], unique=False
    )


def _make_state_change() -> None:
    op.create_table(
        "state_change",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("subject_kind", sa.String(20), nullable=False),
        sa.Column("subject_uid", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("transition", sa.String(60), nullable=False),
        sa.Column("from_state", sa.String(60), nullable=False),
        sa.Column("to_state", sa.String(60), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.Column("reason", sa.String(2000), nullable=False),
        sa.Column("verdicts", sa.JSON(), nullable=False),
        sa.Column("workflow_version_id", sa.BigInteger(), nullable=True),
        sa.Column("at", TIME, nullable=False),
        _link("state_change", "person_id", "person.id"),
        _link("state_change", "workflow_version_id", "definition_version.id"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_state_change")),
        sa.UniqueConstraint(
            "tenant_id",
            "subject_uid",
            "number",
            name=op.f("uq_state_change_tenant_id_subject_uid_number"),
        ),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_state_change_tenant_id_uid")),
    )


def _make_signature() -> None:
    op.create_table(
        "signature",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("subject_kind", sa.String(20), nullable=False),
        sa.Column("subject_uid", sa.String(36), nullable=False),
        sa.Column("subject_revision", sa.Integer(), nullable=False),
        sa.Column("content_sha256", sa.String(64), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("signer_login", sa.String(120), nullable=False),
        sa.Column("signer_name", sa.String(200), nullable=False),
        sa.Column("signer_roles", sa.JSON(), nullable=False),
        sa.Column("meaning", sa.String(60), nullable=False),
        sa.Column("meaning_text", sa.String(400), nullable=False),
        sa.Column("language", sa.String(20), nullable=False),
        sa.Column("signed_at", TIME, nullable=False),
        sa.Column("utc_offset", sa.String(6), nullable=False),
        sa.Column("method", sa.String(20), nullable=False),
        sa.Column("profile", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(2000), nullable=False),
        _link("signature", "person_id", "person.id"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_signature")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_signature_tenant_id_uid")),
    )
    op.create_index("ix_signature_subject", "signature", ["tenant_id", "subject_uid"], unique=False)


def _make_attachment() -> None:
    op.create_table(
        "attachment",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("owner_kind", sa.String(20), nullable=False),
        sa.Column("owner_uid", sa.String(36), nullable=False),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("media_type", sa.String(120), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.Column("recorded_by", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_attachment")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_attachment_tenant_id_uid")),
    )
    op.create_index("ix_attachment_owner", "attachment", ["tenant_id", "owner_uid"], unique=False)


def _make_recall_snapshot() -> None:
    op.create_table(
        "recall_snapshot",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("is_mock", sa.Boolean(), nullable=False),
        sa.Column("scope", sa.JSON(), nullable=False),
        sa.Column("content_sha256", sa.String(64), nullable=False),
        sa.Column("taken_at", TIME, nullable=False),
        sa.Column("taken_by", sa.String(120), nullable=False),
        sa.Column("seconds", sa.String(20), nullable=False),
        _link("recall_snapshot", "record_id", "record.id"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_recall_snapshot")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_recall_snapshot_tenant_id_uid")),
    )


def _link(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    other, key = target.split(".")
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{other}.tenant_id", f"{other}.{key}"],
        name=op.f(f"fk_{table}_tenant_id_{column}"),
    )
