"""Delegations, and for whom a step was made.

It must not import the tables: a revision says itself what they were when it was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0025"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "delegation",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("principal_id", sa.BigInteger(), nullable=False),
        sa.Column("delegate_id", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", TIME, nullable=False),
        sa.Column("valid_to", TIME, nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("actions", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(2000), nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("made_by", sa.String(120), nullable=False),
        sa.Column("revoked_at", TIME, nullable=True),
        sa.Column("revoked_by", sa.String(120), nullable=False),
        sa.Column("revoke_reason", sa.String(2000), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "principal_id"],
            ["person.tenant_id", "person.id"],
            name=op.f("fk_delegation_tenant_id_principal_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "delegate_id"],
            ["person.tenant_id", "person.id"],
            name=op.f("fk_delegation_tenant_id_delegate_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_delegation")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_delegation_tenant_id_uid")),
    )
    op.create_index(
        "ix_delegation_delegate", "delegation", ["tenant_id", "delegate_id", "valid_to"]
    )
    op.add_column(
        "state_change",
        sa.Column("acting_for", sa.String(400), nullable=False, server_default=""),
    )


def downgrade() -> None:
    op.drop_column("state_change", "acting_for")
    op.drop_table("delegation")
