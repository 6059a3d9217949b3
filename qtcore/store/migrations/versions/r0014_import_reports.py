"""Sums of a load, loads that are taken back, and which load brought a result.

It must not import the tables: a revision says itself what they were when it was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("import_run", sa.Column("sums", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("import_run", sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("inspection_result", sa.Column("import_id", sa.BigInteger(), nullable=True))
    op.create_index("ix_result_import", "inspection_result", ["tenant_id", "import_id"])
    op.create_index("ix_event_import", "event", ["tenant_id", "import_id"])


def downgrade() -> None:
    op.drop_index("ix_event_import", "event")
    op.drop_index("ix_result_import", "inspection_result")
    op.drop_column("inspection_result", "import_id")
    op.drop_column("import_run", "undone_at")
    op.drop_column("import_run", "sums")
