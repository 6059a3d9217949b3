"""What fills the sentence of a discrepancy, so that every reader has it in their language.

It must not import the tables: a revision says itself what they were when it was written. What was
found before keeps its text alone.
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("discrepancy", sa.Column("parts", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("discrepancy", "parts")
