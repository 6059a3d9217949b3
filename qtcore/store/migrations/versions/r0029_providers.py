"""Accounts of identity providers, visits to them, and which of them said who a session is.

It must not import the tables: a revision says itself what they were when it was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0023"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "web_session", sa.Column("provider", sa.String(40), nullable=False, server_default="")
    )
    op.create_table(
        "identity_link",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("issuer", sa.String(400), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("follows_roles", sa.Boolean(), nullable=False),
        sa.Column("linked_at", TIME, nullable=False),
        sa.Column("linked_by", sa.String(120), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["user_account.tenant_id", "user_account.id"],
            name=op.f("fk_identity_link_tenant_id_user_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_identity_link")),
        sa.UniqueConstraint(
            "tenant_id", "issuer", "subject", name=op.f("uq_identity_link_tenant_id_issuer_subject")
        ),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_identity_link_tenant_id_uid")),
    )
    op.create_index("ix_identity_link_user", "identity_link", ["tenant_id", "user_id"])
    op.create_table(
        "provider_visit",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("state_hash", sa.String(64), nullable=False),
        sa.Column("browser_hash", sa.String(64), nullable=False),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("purpose", sa.String(10), nullable=False),
        sa.Column("about", sa.String(80), nullable=False),
        sa.Column("goal", sa.String(2000), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("session_uid", sa.String(36), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "state_hash", name=op.f("pk_provider_visit")),
    )


def downgrade() -> None:
    op.drop_table("provider_visit")
    op.drop_index("ix_identity_link_user", "identity_link")
    op.drop_table("identity_link")
    op.drop_column("web_session", "provider")
