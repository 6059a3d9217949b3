"""Events, movements, edges and imports.

It must not import the tables: a revision says itself what they were when it was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

AMOUNT = sa.String(40).with_variant(sa.Numeric(), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _make_import_run()
    _make_import_row()
    _make_event()
    _make_movement()
    _make_edge()
    _make_discrepancy()


def _make_import_run() -> None:
    op.create_table(
        "import_run",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("format", sa.String(20), nullable=False),
        sa.Column("file_name", sa.String(300), nullable=False),
        sa.Column("file_sha256", sa.String(64), nullable=False),
        sa.Column("mapping_sha256", sa.String(64), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("stored", sa.Integer(), nullable=False),
        sa.Column("duplicates", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("recorded_by", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_import_run")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_import_run_tenant_id_uid")),
    )


def _make_import_row() -> None:
    op.create_table(
        "import_row",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("row_key", sa.String(300), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("verdict", sa.String(12), nullable=False),
        sa.Column("reason", sa.String(2000), nullable=False),
        _link("import_row", "import_id", "import_run.id"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_import_row")),
        sa.UniqueConstraint("tenant_id", "row_key", name=op.f("uq_import_row_tenant_id_row_key")),
    )


def _make_event() -> None:
    op.create_table(
        "event",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("external_id", sa.String(300), nullable=True),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("event_type", sa.String(80), nullable=False),
        sa.Column("verb", sa.String(20), nullable=False),
        sa.Column("event_at", TIME, nullable=False),
        sa.Column("utc_offset", sa.String(6), nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.Column("superseded_by", sa.BigInteger(), nullable=True),
        sa.Column("superseded_at", TIME, nullable=True),
        sa.Column("origin", sa.String(20), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=True),
        sa.Column("location_id", sa.BigInteger(), nullable=True),
        sa.Column("from_party_id", sa.BigInteger(), nullable=True),
        sa.Column("to_party_id", sa.BigInteger(), nullable=True),
        sa.Column("equipment_id", sa.BigInteger(), nullable=True),
        sa.Column("step", sa.String(120), nullable=False),
        sa.Column("recorded_by", sa.String(120), nullable=False),
        sa.Column("definition_version_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(2000), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.CheckConstraint("origin IN ('command', 'import')", name=op.f("ck_event_origin")),
        _link("event", "definition_version_id", "definition_version.id"),
        _link("event", "equipment_id", "equipment.id"),
        _link("event", "from_party_id", "party.id"),
        _link("event", "import_id", "import_run.id"),
        _link("event", "location_id", "location.id"),
        _link("event", "to_party_id", "party.id"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_event")),
        sa.UniqueConstraint(
            "tenant_id", "external_id", name=op.f("uq_event_tenant_id_external_id")
        ),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_event_tenant_id_uid")),
    )
    op.create_index("ix_event_at", "event", ["tenant_id", "event_at"], unique=False)


def _make_movement() -> None:
    op.create_table(
        "movement",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("node", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.String(10), nullable=False),
        sa.Column("effect", sa.String(12), nullable=False),
        sa.Column("container", sa.BigInteger(), nullable=True),
        sa.Column("location_id", sa.BigInteger(), nullable=True),
        sa.Column("quantity", AMOUNT, nullable=True),
        sa.Column("unit", sa.String(20), nullable=False),
        sa.CheckConstraint(
            "effect IN ('received', 'produced', 'consumed', 'shipped', 'returned', "
            "'scrapped', 'sampled', 'adjusted', 'moved_in', 'moved_out', 'observed')",
            name=op.f("ck_movement_effect"),
        ),
        sa.CheckConstraint(
            "part IN ('input', 'output', 'subject', 'parent', 'child')",
            name=op.f("ck_movement_part"),
        ),
        sa.CheckConstraint(
            "quantity IS NULL OR effect = 'adjusted' OR CAST(quantity AS NUMERIC) >= 0",
            name=op.f("ck_movement_quantity"),
        ),
        _link("movement", "container", "node.node"),
        _link("movement", "event_id", "event.id"),
        _link("movement", "location_id", "location.id"),
        _link("movement", "node", "node.node"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_movement")),
    )
    op.create_index("ix_movement_container", "movement", ["tenant_id", "container"], unique=False)
    op.create_index("ix_movement_event", "movement", ["tenant_id", "event_id"], unique=False)
    op.create_index("ix_movement_node", "movement", ["tenant_id", "node"], unique=False)


def _make_edge() -> None:
    op.create_table(
        "edge",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("src", sa.BigInteger(), nullable=False),
        sa.Column("dst", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("certainty", sa.String(10), nullable=False),
        sa.Column("quantity", AMOUNT, nullable=True),
        sa.Column("unit", sa.String(20), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("event_at", TIME, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.Column("superseded_by", sa.BigInteger(), nullable=True),
        sa.Column("superseded_at", TIME, nullable=True),
        sa.CheckConstraint(
            "certainty IN ('recorded', 'derived', 'inferred')", name=op.f("ck_edge_certainty")
        ),
        sa.CheckConstraint("src <> dst", name=op.f("ck_edge_other")),
        _link("edge", "dst", "node.node"),
        _link("edge", "event_id", "event.id"),
        _link("edge", "src", "node.node"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_edge")),
    )
    op.create_index("ix_edge_event", "edge", ["tenant_id", "event_id"], unique=False)
    op.create_index(
        "ix_edge_in", "edge", ["tenant_id", "dst", "superseded_by", "src"], unique=False
    )
    op.create_index(
        "ix_edge_out", "edge", ["tenant_id", "src", "superseded_by", "dst"], unique=False
    )


def _make_discrepancy() -> None:
    op.create_table(
        "discrepancy",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("node", sa.BigInteger(), nullable=True),
        sa.Column("event_id", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.String(2000), nullable=False),
        sa.Column("found_at", TIME, nullable=False),
        sa.Column("resolved_at", TIME, nullable=True),
        _link("discrepancy", "event_id", "event.id"),
        _link("discrepancy", "node", "node.node"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_discrepancy")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_discrepancy_tenant_id_uid")),
    )
    op.create_index("ix_discrepancy_node", "discrepancy", ["tenant_id", "node"], unique=False)


def _link(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    other, key = target.split(".")
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{other}.tenant_id", f"{other}.{key}"],
        name=op.f(f"fk_{table}_tenant_id_{column}"),
    )
