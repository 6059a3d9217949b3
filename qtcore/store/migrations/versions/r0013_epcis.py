"""What captured EPCIS events are asked by, and queries kept under a name.

It must not import the tables: a revision says itself what they were when it was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0014"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
_ASKED_BY = ("biz_step", "disposition", "biz_location", "read_point", "transformation_id")
_INDEXES = {
    "ix_epcis_event_at": ["tenant_id", "event_at", "event_id"],
    "ix_epcis_event_step": ["tenant_id", "biz_step", "event_at"],
    "ix_epcis_event_location": ["tenant_id", "biz_location", "event_at"],
    "ix_epcis_event_read_point": ["tenant_id", "read_point", "event_at"],
    "ix_epcis_event_transformation": ["tenant_id", "transformation_id"],
}


def upgrade() -> None:
    op.create_table(
        "epcis_event",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("event_at", TIME, nullable=False),
        sa.Column("kind", sa.String(400), nullable=False),
        sa.Column("action", sa.String(10), nullable=False),
        *(sa.Column(name, sa.String(400), nullable=False) for name in _ASKED_BY),
        sa.ForeignKeyConstraint(
            ["tenant_id", "event_id"],
            ["event.tenant_id", "event.id"],
            name=op.f("fk_epcis_event_tenant_id_event_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "event_id", name=op.f("pk_epcis_event")),
    )
    for name, columns in _INDEXES.items():
        op.create_index(name, "epcis_event", columns, unique=False)
    op.create_table(
        "epcis_query",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("created_by", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_epcis_query")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_epcis_query_tenant_id_name")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_epcis_query_tenant_id_uid")),
    )
