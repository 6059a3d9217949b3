"""Lots, units and logistic units, their names, holds and results.

It must not import the tables: a revision says itself what they were when it was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)

# What a person types is found in any case; no SQLModel declaration can say such an index.
FOLDED = {
    "lot": "lot_no",
    "unit": "serial",
    "logistic_unit": "code",
    "identifier": "value",
}


def upgrade() -> None:
    _make_node()
    _make_node_alias()
    _make_lot()
    _make_unit()
    _make_logistic_unit()
    _make_identifier()
    _make_hold()
    _make_inspection_result()
    for table, column in FOLDED.items():
        op.execute(
            f"CREATE INDEX ix_{table}_{column}_folded ON {table} (tenant_id, lower({column}))"
        )


def _make_node() -> None:
    op.create_table(
        "node",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("node", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.CheckConstraint("kind IN ('lot', 'unit', 'logistic_unit')", name=op.f("ck_node_kind")),
        sa.PrimaryKeyConstraint("tenant_id", "node", name=op.f("pk_node")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_node_tenant_id_uid")),
    )


def _make_node_alias() -> None:
    op.create_table(
        "node_alias",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("node", sa.BigInteger(), nullable=False),
        sa.Column("same_as", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(400), nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.Column("undone_at", TIME, nullable=True),
        sa.CheckConstraint("node <> same_as", name=op.f("ck_node_alias_other")),
        _link("node_alias", "node", "node.node"),
        _link("node_alias", "same_as", "node.node"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_node_alias")),
    )
    op.create_index("ix_node_alias_node", "node_alias", ["tenant_id", "node"], unique=False)
    op.create_index("ix_node_alias_same_as", "node_alias", ["tenant_id", "same_as"], unique=False)


def _make_lot() -> None:
    op.create_table(
        "lot",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("node", sa.BigInteger(), nullable=False),
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("lot_no", sa.String(200), nullable=False),
        sa.Column("state", sa.String(60), nullable=False),
        sa.Column("workflow_version_id", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(20), nullable=False),
        sa.Column("origin", sa.String(20), nullable=False),
        sa.Column("made_at", TIME, nullable=True),
        sa.Column("expiry_on", sa.Date(), nullable=True),
        sa.Column("extra", sa.JSON(), nullable=False),
        _link("lot", "item_id", "item.id"),
        _link("lot", "node", "node.node"),
        _link("lot", "source_id", "party.id"),
        _link("lot", "workflow_version_id", "definition_version.id"),
        sa.PrimaryKeyConstraint("tenant_id", "node", name=op.f("pk_lot")),
        sa.UniqueConstraint("tenant_id", "item_id", "source_id", "lot_no", name="uq_lot_identity"),
    )
    op.create_index("ix_lot_no", "lot", ["tenant_id", "lot_no"], unique=False)
    op.create_index("ix_lot_state", "lot", ["tenant_id", "state", "node"], unique=False)


def _make_unit() -> None:
    op.create_table(
        "unit",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("node", sa.BigInteger(), nullable=False),
        sa.Column("serial", sa.String(200), nullable=False),
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.Column("lot", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False),
        _link("unit", "item_id", "item.id"),
        _link("unit", "lot", "node.node"),
        _link("unit", "node", "node.node"),
        sa.PrimaryKeyConstraint("tenant_id", "node", name=op.f("pk_unit")),
    )
    op.create_index("ix_unit_lot", "unit", ["tenant_id", "lot"], unique=False)
    op.create_index("ix_unit_serial", "unit", ["tenant_id", "serial"], unique=False)


def _make_logistic_unit() -> None:
    op.create_table(
        "logistic_unit",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("node", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("state", sa.String(60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False),
        _link("logistic_unit", "node", "node.node"),
        sa.PrimaryKeyConstraint("tenant_id", "node", name=op.f("pk_logistic_unit")),
    )
    op.create_index("ix_logistic_unit_code", "logistic_unit", ["tenant_id", "code"], unique=False)


def _make_identifier() -> None:
    op.create_table(
        "identifier",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("node", sa.BigInteger(), nullable=False),
        sa.Column("scheme", sa.String(40), nullable=False),
        sa.Column("value", sa.String(400), nullable=False),
        sa.Column("is_global", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        _link("identifier", "node", "node.node"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_identifier")),
    )
    op.create_index("ix_identifier_node", "identifier", ["tenant_id", "node"], unique=False)
    op.create_index("ix_identifier_value", "identifier", ["tenant_id", "value"], unique=False)
    op.create_index(
        "uq_identifier_global",
        "identifier",
        ["tenant_id", "scheme", "value"],
        unique=True,
        sqlite_where=sa.text("is_global"),
        postgresql_where=sa.text("is_global"),
    )


def _make_hold() -> None:
    op.create_table(
        "hold",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("node", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(2000), nullable=False),
        sa.Column("cause", sa.String(40), nullable=False),
        sa.Column("record_uid", sa.String(36), nullable=True),
        sa.Column("placed_at", TIME, nullable=False),
        sa.Column("placed_by", sa.String(120), nullable=False),
        sa.Column("lifted_at", TIME, nullable=True),
        sa.Column("lifted_by", sa.String(120), nullable=True),
        sa.Column("lift_reason", sa.String(2000), nullable=True),
        _link("hold", "node", "node.node"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_hold")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_hold_tenant_id_uid")),
    )
    op.create_index("ix_hold_node", "hold", ["tenant_id", "node"], unique=False)


def _make_inspection_result() -> None:
    op.create_table(
        "inspection_result",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("node", sa.BigInteger(), nullable=False),
        sa.Column("spec", sa.String(80), nullable=False),
        sa.Column("characteristic", sa.String(80), nullable=False),
        sa.Column("value", sa.String(400), nullable=False),
        sa.Column("unit", sa.String(20), nullable=False),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("verdict", sa.String(20), nullable=False),
        sa.Column("origin", sa.String(200), nullable=False),
        sa.Column("measured_at", TIME, nullable=True),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.Column("recorded_by", sa.String(120), nullable=False),
        sa.Column("superseded_by", sa.String(36), nullable=True),
        sa.Column("reason", sa.String(2000), nullable=False),
        _link("inspection_result", "node", "node.node"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_inspection_result")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_inspection_result_tenant_id_uid")),
    )
    op.create_index(
        "ix_result_node", "inspection_result", ["tenant_id", "node", "characteristic"], unique=False
    )


def _link(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    other, key = target.split(".")
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{other}.tenant_id", f"{other}.{key}"],
        name=op.f(f"fk_{table}_tenant_id_{column}"),
    )
