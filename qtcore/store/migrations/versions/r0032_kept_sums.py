"""Sums of the older movements of nodes with very many, and indexes that find what came after.

It must not import the tables: a revision says itself what they were when it was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0033"
branch_labels = None
depends_on = None

INDEXES = (("ix_movement_node", "node", "id"), ("ix_movement_event", "event_id", "node"))
COUNTS = ("acts", "untold", "future", "emptied", "itself", "devices")


def upgrade() -> None:
    quantity = sa.Numeric() if op.get_bind().dialect.name == "postgresql" else sa.String(40)
    op.create_table(
        "movement_sum",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("node", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.String(10), nullable=False),
        sa.Column("effect", sa.String(12), nullable=False),
        sa.Column("unit", sa.String(20), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=True),
        sa.Column("is_packing", sa.Boolean(), nullable=False),
        sa.Column("quantity", quantity, nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "location_id"],
            ["location.tenant_id", "location.id"],
            name=op.f("fk_movement_sum_tenant_id_location_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "node"],
            ["node.tenant_id", "node.node"],
            name=op.f("fk_movement_sum_tenant_id_node"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_movement_sum")),
    )
    op.create_index("ix_movement_sum_node", "movement_sum", ["tenant_id", "node"])
    for name, column, besides in INDEXES:
        op.drop_index(name, "movement")
        op.create_index(name, "movement", ["tenant_id", column, besides])


def downgrade() -> None:
    for name, column, _ in INDEXES:
        op.drop_index(name, "movement")
        op.create_index(name, "movement", ["tenant_id", column])
    op.drop_table("movement_sum")
