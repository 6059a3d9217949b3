"""Names of things in the order of their signs on PostgreSQL, so that a beginning is an index seek.

It must not import the tables: a revision says itself what they were when it was written. SQLite
orders so anyway.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _order("C")


def downgrade() -> None:
    _order("default")


def _order(collation: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("identifier", "value", type_=sa.String(400, collation=collation))
