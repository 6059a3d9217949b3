"""How far the replay of a draft is, and its report.

It must not import the tables: a revision says itself what they were when it was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0029"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "replay_job",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("draft_uid", sa.String(36), nullable=False),
        sa.Column("subject_sha256", sa.String(64), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("holder", sa.String(36), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("told_at", TIME, nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("message", sa.String(2000), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "draft_uid", name=op.f("pk_replay_job")),
    )


def downgrade() -> None:
    op.drop_table("replay_job")
