"""Which session of an identity provider a session of ours began in, so that it ends with that one.

It must not import the tables: a revision says itself what they were when it was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "web_session", sa.Column("provider_sid", sa.String(255), nullable=False, server_default="")
    )


def downgrade() -> None:
    op.drop_column("web_session", "provider_sid")
