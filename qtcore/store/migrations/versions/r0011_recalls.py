"""Recalls at work: cases, notices, links, replies, checks; and open orders that can be stopped.

It must not import the tables: a revision says itself what they were when it was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0007"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
DECIMAL = sa.String(40).with_variant(sa.Numeric(), "postgresql")


def upgrade() -> None:
    _make_order_line()
    _make_recall_case()
    _make_recall_notice()
    _make_recall_link()
    _make_recall_reply()
    _make_recall_check()


def downgrade() -> None:
    op.drop_table("recall_check")
    op.drop_table("recall_reply")
    op.drop_table("recall_link")
    op.drop_table("recall_notice")
    op.drop_table("recall_case")
    op.drop_table("order_line")


def _make_order_line() -> None:
    op.create_table(
        "order_line",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("order_no", sa.String(80), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("node", sa.BigInteger(), nullable=False),
        sa.Column("quantity", DECIMAL, nullable=False),
        sa.Column("unit", sa.String(20), nullable=False),
        sa.Column("due_at", TIME, nullable=True),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.Column("recorded_by", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_order_line")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["party.tenant_id", "party.id"],
            name=op.f("fk_order_line_tenant_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "node"],
            ["node.tenant_id", "node.node"],
            name=op.f("fk_order_line_tenant_id_node"),
        ),
        sa.UniqueConstraint(
            "tenant_id",
            "order_no",
            "line_no",
            name=op.f("uq_order_line_tenant_id_order_no_line_no"),
        ),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_order_line_tenant_id_uid")),
        sa.CheckConstraint(
            "state IN ('open', 'done', 'cancelled')", name=op.f("ck_order_line_state")
        ),
    )
    op.create_index("ix_order_line_node", "order_line", ["tenant_id", "node"])


def _make_recall_case() -> None:
    op.create_table(
        "recall_case",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("is_mock", sa.Boolean(), nullable=False),
        sa.Column("question", sa.JSON(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("recall_class", sa.String(40), nullable=False),
        sa.Column("clock", sa.JSON(), nullable=False),
        sa.Column("timings", sa.JSON(), nullable=False),
        sa.Column("closure", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_recall_case")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "record_id"],
            ["record.tenant_id", "record.id"],
            name=op.f("fk_recall_case_tenant_id_record_id"),
        ),
        sa.UniqueConstraint(
            "tenant_id", "record_id", name=op.f("uq_recall_case_tenant_id_record_id")
        ),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_recall_case_tenant_id_uid")),
    )


def _make_recall_notice() -> None:
    op.create_table(
        "recall_notice",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("node_id", sa.String(60), nullable=False),
        sa.Column("recipient", sa.String(200), nullable=False),
        sa.Column("party_id", sa.BigInteger(), nullable=True),
        sa.Column("start_event", sa.String(60), nullable=False),
        sa.Column("due_after", sa.String(40), nullable=False),
        sa.Column("calendar", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("channel", sa.String(60), nullable=False),
        sa.Column("address", sa.String(300), nullable=False),
        sa.Column("language", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(400), nullable=False),
        sa.Column("sent_at", TIME, nullable=True),
        sa.Column("acknowledged_at", TIME, nullable=True),
        sa.Column("reminded_at", TIME, nullable=True),
        sa.Column("escalated_at", TIME, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_recall_notice")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "party_id"],
            ["party.tenant_id", "party.id"],
            name=op.f("fk_recall_notice_tenant_id_party_id"),
        ),
        sa.UniqueConstraint(
            "tenant_id",
            "record_id",
            "node_id",
            "recipient",
            name=op.f("uq_recall_notice_tenant_id_record_id_node_id_recipient"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "record_id"],
            ["record.tenant_id", "record.id"],
            name=op.f("fk_recall_notice_tenant_id_record_id"),
        ),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_recall_notice_tenant_id_uid")),
        sa.CheckConstraint(
            "state IN ('planned', 'mock', 'sent', 'failed', 'acknowledged')",
            name=op.f("ck_recall_notice_state"),
        ),
    )
    op.create_index("ix_recall_notice_state", "recall_notice", ["tenant_id", "state"])


def _make_recall_link() -> None:
    op.create_table(
        "recall_link",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("party_id", sa.BigInteger(), nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("revoked_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_recall_link")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "party_id"],
            ["party.tenant_id", "party.id"],
            name=op.f("fk_recall_link_tenant_id_party_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "record_id"],
            ["record.tenant_id", "record.id"],
            name=op.f("fk_recall_link_tenant_id_record_id"),
        ),
        sa.UniqueConstraint(
            "tenant_id", "token_sha256", name=op.f("uq_recall_link_tenant_id_token_sha256")
        ),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_recall_link_tenant_id_uid")),
    )


def _make_recall_reply() -> None:
    op.create_table(
        "recall_reply",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("party_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("link_id", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged", sa.Boolean(), nullable=False),
        sa.Column("impact", sa.String(10), nullable=False),
        sa.Column("quantity", DECIMAL, nullable=True),
        sa.Column("unit", sa.String(20), nullable=False),
        sa.Column("completed", sa.Boolean(), nullable=False),
        sa.Column("contact", sa.String(200), nullable=False),
        sa.Column("note", sa.String(2000), nullable=False),
        sa.Column("replied_at", TIME, nullable=False),
        sa.Column("replied_by", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_recall_reply")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "link_id"],
            ["recall_link.tenant_id", "recall_link.id"],
            name=op.f("fk_recall_reply_tenant_id_link_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "party_id"],
            ["party.tenant_id", "party.id"],
            name=op.f("fk_recall_reply_tenant_id_party_id"),
        ),
        sa.UniqueConstraint(
            "tenant_id",
            "record_id",
            "party_id",
            "number",
            name=op.f("uq_recall_reply_tenant_id_record_id_party_id_number"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "record_id"],
            ["record.tenant_id", "record.id"],
            name=op.f("fk_recall_reply_tenant_id_record_id"),
        ),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_recall_reply_tenant_id_uid")),
        sa.CheckConstraint(
            "impact IN ('none', 'some', 'all')", name=op.f("ck_recall_reply_impact")
        ),
    )


def _make_recall_check() -> None:
    op.create_table(
        "recall_check",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("party_id", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.String(10), nullable=False),
        sa.Column("notice_received", sa.Boolean(), nullable=False),
        sa.Column("understood", sa.Boolean(), nullable=False),
        sa.Column("acted", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(2000), nullable=False),
        sa.Column("checked_at", TIME, nullable=False),
        sa.Column("checked_by", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_recall_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "party_id"],
            ["party.tenant_id", "party.id"],
            name=op.f("fk_recall_check_tenant_id_party_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "record_id"],
            ["record.tenant_id", "record.id"],
            name=op.f("fk_recall_check_tenant_id_record_id"),
        ),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_recall_check_tenant_id_uid")),
        sa.CheckConstraint(
            "method IN ('visit', 'phone', 'mail', 'portal')", name=op.f("ck_recall_check_method")
        ),
    )
    op.create_index("ix_recall_check_record", "recall_check", ["tenant_id", "record_id"])
