"""Roles at one site, tokens with a scope, where records stand, and what slows guesses down.

It must not import the tables: a revision says itself what they were when it was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0018"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "user_account", sa.Column("site_roles", sa.JSON(), nullable=False, server_default="[]")
    )
    op.add_column("api_token", sa.Column("scope", sa.JSON(), nullable=True))
    op.add_column("api_token", sa.Column("site", sa.String(120), nullable=False, server_default=""))
    op.add_column("record", sa.Column("site", sa.String(120), nullable=False, server_default=""))
    op.create_table(
        "token_use",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("token_id", sa.BigInteger(), nullable=False),
        sa.Column("used_at", TIME, nullable=False),
        sa.Column("ip", sa.String(60), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "token_id", name=op.f("pk_token_use")),
    )
    op.create_table(
        "throttle",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("bucket", sa.String(80), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("blocked_until", TIME, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "bucket", name=op.f("pk_throttle")),
    )
    op.create_table(
        "credential_ticket",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["user_account.tenant_id", "user_account.id"],
            name=op.f("fk_credential_ticket_tenant_id_user_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "token_hash", name=op.f("pk_credential_ticket")),
    )


def downgrade() -> None:
    op.drop_table("credential_ticket")
    op.drop_table("throttle")
    op.drop_table("token_use")
    op.drop_column("record", "site")
    op.drop_column("api_token", "site")
    op.drop_column("api_token", "scope")
    op.drop_column("user_account", "site_roles")
