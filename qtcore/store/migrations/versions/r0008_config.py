"""Published configurations, their drafts, and the decisions made under them.

It must not import the tables: a revision says itself what they were when it was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0005"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
FROZEN = ("config_text", "config_version", "decision")


def upgrade() -> None:
    _make_config_text()
    _make_config_version()
    _make_config_draft()
    _make_decision()
    for table in FROZEN:
        if op.get_context().dialect.name == "postgresql":
            _protect_on_postgres(table)
        else:
            _protect_on_sqlite(table)


def _make_config_text() -> None:
    op.create_table(
        "config_text",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "sha256", name=op.f("pk_config_text")),
    )


def _make_config_version() -> None:
    op.create_table(
        "config_version",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("base", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(20), nullable=False),
        sa.Column("content_sha256", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("packs", sa.JSON(), nullable=False),
        sa.Column("pins", sa.JSON(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("reason", sa.String(2000), nullable=False),
        sa.Column("authors", sa.JSON(), nullable=False),
        sa.Column("draft_uid", sa.String(36), nullable=True),
        sa.Column("signature_uid", sa.String(36), nullable=True),
        sa.Column("published_at", TIME, nullable=False),
        sa.Column("published_by", sa.String(120), nullable=False),
        sa.CheckConstraint(
            "origin IN ('initial', 'publication', 'rollback')",
            name=op.f("ck_config_version_origin"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_config_version")),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_config_version_tenant_id_number")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_config_version_tenant_id_uid")),
    )


def _make_config_draft() -> None:
    op.create_table(
        "config_draft",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("base", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content_sha256", sa.String(64), nullable=False),
        sa.Column("packs", sa.JSON(), nullable=False),
        sa.Column("mappings", sa.JSON(), nullable=False),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("reason", sa.String(2000), nullable=False),
        sa.Column("authors", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.CheckConstraint(
            "origin IN ('disk', 'edit', 'rollback')", name=op.f("ck_config_draft_origin")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'published', 'discarded')", name=op.f("ck_config_draft_state")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_config_draft")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_config_draft_tenant_id_uid")),
    )
    op.create_index("ix_config_draft_state", "config_draft", ["tenant_id", "state"], unique=False)


def _make_decision() -> None:
    op.create_table(
        "decision",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("subject_kind", sa.String(20), nullable=False),
        sa.Column("subject_uid", sa.String(36), nullable=False),
        sa.Column("change_uid", sa.String(36), nullable=True),
        sa.Column("workflow", sa.String(80), nullable=False),
        sa.Column("workflow_version_id", sa.BigInteger(), nullable=True),
        sa.Column("config_number", sa.Integer(), nullable=False),
        sa.Column("transition", sa.String(60), nullable=False),
        sa.Column("from_state", sa.String(60), nullable=False),
        sa.Column("to_state", sa.String(60), nullable=False),
        sa.Column("gate", sa.String(60), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("content_sha256", sa.String(64), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.CheckConstraint("outcome IN ('made', 'refused')", name=op.f("ck_decision_outcome")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workflow_version_id"],
            ["definition_version.tenant_id", "definition_version.id"],
            name=op.f("fk_decision_tenant_id_workflow_version_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_decision")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_decision_tenant_id_uid")),
    )
    op.create_index(
        "ix_decision_subject", "decision", ["tenant_id", "subject_uid", "id"], unique=False
    )
    op.create_index(
        "ix_decision_workflow", "decision", ["tenant_id", "workflow", "id"], unique=False
    )


def _protect_on_sqlite(table: str) -> None:
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {act} refused'); END"
        )


def _protect_on_postgres(table: str) -> None:
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} FOR EACH ROW "
            "EXECUTE FUNCTION qtcore_refuse()"
        )
    op.execute(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION qtcore_refuse()"
    )
