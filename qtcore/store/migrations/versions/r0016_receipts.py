"""Who was sent a message and who has read it: one row for each person.

It must not import the tables: a revision says itself what they were when it was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0017"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "notification_receipt",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("notification_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", TIME, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(400), nullable=False),
        sa.Column("read_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "notification_id"],
            ["notification.tenant_id", "notification.id"],
            name=op.f("fk_notification_receipt_tenant_id_notification_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "person_id"],
            ["person.tenant_id", "person.id"],
            name=op.f("fk_notification_receipt_tenant_id_person_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_notification_receipt")),
        sa.UniqueConstraint(
            "tenant_id",
            "notification_id",
            "person_id",
            name=op.f("uq_notification_receipt_tenant_id_notification_id_person_id"),
        ),
    )
    # Nothing ever wrote them: one mark for a whole role says nothing about a person.
    op.drop_column("notification", "read_at")
    op.drop_column("notification", "read_by")


def downgrade() -> None:
    op.add_column("notification", sa.Column("read_at", TIME, nullable=True))
    op.add_column(
        "notification",
        sa.Column("read_by", sa.String(120), nullable=False, server_default=""),
    )
    op.drop_table("notification_receipt")
