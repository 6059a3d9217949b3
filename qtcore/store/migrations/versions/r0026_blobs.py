"""The bytes of files, and the hash of what was sent.

It must not import the tables: a revision says itself what they were when it was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "blob",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_blob"),
        sa.UniqueConstraint("tenant_id", "sha256", name="uq_blob_tenant_id_sha256"),
    )
    op.add_column(
        "attachment", sa.Column("sent_sha256", sa.String(64), nullable=False, server_default="")
    )


def downgrade() -> None:
    op.drop_column("attachment", "sent_sha256")
    op.drop_table("blob")
