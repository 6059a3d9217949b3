"""Deadlines of workflows, messages to roles, priorities; texts of states may be longer.

It must not import the tables: a revision says itself what they were when it was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0013"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
# Parallel states are stored as one text, such as ``in_review/qa_open+lab_done``.
WIDENED = (
    ("lot", "state"),
    ("record", "state"),
    ("state_change", "from_state"),
    ("state_change", "to_state"),
)


def upgrade() -> None:
    _make_workflow_timer()
    _make_notification()
    op.add_column(
        "record", sa.Column("priority", sa.String(10), nullable=False, server_default="normal")
    )
    op.add_column(
        "state_change",
        sa.Column("stands_for", sa.JSON(), nullable=False, server_default="[]"),
    )
    op.add_column(
        "state_change",
        sa.Column("form_values", sa.JSON(), nullable=False, server_default="{}"),
    )
    if op.get_context().dialect.name == "postgresql":
        for table, column in WIDENED:
            op.alter_column(table, column, type_=sa.String(200), existing_type=sa.String(60))
    else:
        _widen_on_sqlite()


def _make_workflow_timer() -> None:
    op.create_table(
        "workflow_timer",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("subject_kind", sa.String(20), nullable=False),
        sa.Column("subject_uid", sa.String(36), nullable=False),
        sa.Column("workflow_version_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(60), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("entered_at", TIME, nullable=False),
        sa.Column("due_at", TIME, nullable=True),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("settled_at", TIME, nullable=True),
        sa.Column("outcome", sa.String(400), nullable=False),
        sa.CheckConstraint(
            "status IN ('waiting', 'done', 'refused', 'left')",
            name=op.f("ck_workflow_timer_status"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workflow_version_id"],
            ["definition_version.tenant_id", "definition_version.id"],
            name=op.f("fk_workflow_timer_tenant_id_workflow_version_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_workflow_timer")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_workflow_timer_tenant_id_uid")),
        sa.UniqueConstraint(
            "tenant_id",
            "subject_uid",
            "place",
            "entry",
            name=op.f("uq_workflow_timer_tenant_id_subject_uid_place_entry"),
        ),
    )
    op.create_index("ix_workflow_timer_due", "workflow_timer", ["tenant_id", "status", "due_at"])


def _make_notification() -> None:
    op.create_table(
        "notification",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("role", sa.String(80), nullable=False),
        sa.Column("about_kind", sa.String(20), nullable=False),
        sa.Column("about_uid", sa.String(36), nullable=False),
        sa.Column("about_name", sa.String(120), nullable=False),
        sa.Column("subject", sa.String(80), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("read_at", TIME, nullable=True),
        sa.Column("read_by", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_notification")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_notification_tenant_id_uid")),
    )
    op.create_index("ix_notification_role", "notification", ["tenant_id", "role", "id"])
    op.create_index("ix_notification_about", "notification", ["tenant_id", "about_uid"])


def _widen_on_sqlite() -> None:
    """Change the declared length only: SQLite stores any text, and no row needs to be rewritten.

    See https://www.sqlite.org/lang_altertable.html, "changes that do not affect the content".
    """
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema=ON")
    for table, column in WIDENED:
        for quote in ("", '"'):
            name = f"{quote}{column}{quote}"
            connection.exec_driver_sql(
                "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE type='table' AND name=?",
                (f"{name} VARCHAR(60)", f"{name} VARCHAR(200)", table),
            )
    connection.exec_driver_sql(f"PRAGMA schema_version={version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema=OFF")


def downgrade() -> None:
    op.drop_column("state_change", "form_values")
    op.drop_column("state_change", "stands_for")
    op.drop_column("record", "priority")
    op.drop_table("notification")
    op.drop_table("workflow_timer")
