"""Devices with their calibrations, and which of them an event or a result was told by.

It must not import the tables: a revision says itself what they were when it was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0021"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
KINDS = ("scale", "scanner", "tablet", "printer", "meter", "other")


def upgrade() -> None:
    listed = ", ".join(f"'{kind}'" for kind in KINDS)
    op.create_table(
        "device",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("code", sa.String(120), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("serial_no", sa.String(120), nullable=False),
        sa.Column("site", sa.String(120), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("every_days", sa.Integer(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("reminded_for", sa.Date(), nullable=True),
        sa.Column("retired_on", sa.Date(), nullable=True),
        sa.Column("registered_at", TIME, nullable=False),
        sa.Column("registered_by", sa.String(120), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(f"kind IN ({listed})", name=op.f("ck_device_kind")),
        sa.CheckConstraint("state IN ('active', 'retired')", name=op.f("ck_device_state")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_device")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("uq_device_tenant_id_code")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_device_tenant_id_uid")),
    )
    op.create_table(
        "calibration",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("is_passed", sa.Boolean(), nullable=False),
        sa.Column("evidence", sa.String(400), nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.Column("recorded_by", sa.String(120), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "device_id"],
            ["device.tenant_id", "device.id"],
            name=op.f("fk_calibration_tenant_id_device_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_calibration")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_calibration_tenant_id_uid")),
    )
    op.create_index("ix_calibration_device", "calibration", ["tenant_id", "device_id"])
    for table in ("event", "inspection_result"):
        op.add_column(table, sa.Column("device", sa.String(120), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("inspection_result", "device")
    op.drop_column("event", "device")
    op.drop_index("ix_calibration_device", "calibration")
    op.drop_table("calibration")
    op.drop_table("device")
