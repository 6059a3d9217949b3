"""The ledger, and what no statement may change.

It must not import the tables: a revision says itself what they were when it was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)

FROZEN = (
    "ledger_event",
    "ledger_about",
    "ledger_seal",
    "ledger_tile",
    "ledger_checkpoint",
    "movement",
    "state_change",
    "signature",
    "record_revision",
    "definition_version",
    "recall_snapshot",
)

# Of these only `superseded_by` and `superseded_at` may be written later, and once.
SUPERSEDED = {
    "event": (
        "tenant_id, id, uid, external_id, content_hash, event_type, verb, event_at, utc_offset, "
        "recorded_at, origin, import_id, location_id, from_party_id, to_party_id, equipment_id, "
        'step, recorded_by, definition_version_id, reason, "values", document'
    ),
    "edge": (
        "tenant_id, id, src, dst, kind, certainty, quantity, unit, event_id, event_at, recorded_at"
    ),
}

# A personal value may be erased; nothing else of its row may change.
ERASED = "NEW.salt IS NOT NULL OR NEW.value IS NOT NULL"


def upgrade() -> None:
    _make_ledger_event()
    _make_ledger_private()
    _make_ledger_about()
    _make_ledger_pending()
    _make_ledger_seal()
    _make_ledger_tile()
    _make_ledger_checkpoint()
    if op.get_context().dialect.name == "postgresql":
        _protect_on_postgres()
    else:
        _protect_on_sqlite()


def _make_ledger_event() -> None:
    op.create_table(
        "ledger_event",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("action", sa.String(60), nullable=False),
        sa.Column("object_kind", sa.String(40), nullable=False),
        sa.Column("object_uid", sa.String(60), nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_ledger_event")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_ledger_event_tenant_id_uid")),
    )
    op.create_index(
        "ix_ledger_event_at", "ledger_event", ["tenant_id", "recorded_at"], unique=False
    )
    op.create_index(
        "ix_ledger_event_object", "ledger_event", ["tenant_id", "object_uid"], unique=False
    )


def _make_ledger_private() -> None:
    op.create_table(
        "ledger_private",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("field", sa.String(60), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("value", sa.String(2000), nullable=True),
        _link("ledger_private", "event_id", "ledger_event.id"),
        sa.PrimaryKeyConstraint("tenant_id", "event_id", "field", name=op.f("pk_ledger_private")),
    )


def _make_ledger_about() -> None:
    op.create_table(
        "ledger_about",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(60), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        _link("ledger_about", "event_id", "ledger_event.id"),
        sa.PrimaryKeyConstraint("tenant_id", "uid", "event_id", name=op.f("pk_ledger_about")),
    )
    op.create_index(
        "ix_ledger_about_event", "ledger_about", ["tenant_id", "event_id"], unique=False
    )


def _make_ledger_pending() -> None:
    op.create_table(
        "ledger_pending",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        _link("ledger_pending", "event_id", "ledger_event.id"),
        sa.PrimaryKeyConstraint("tenant_id", "event_id", name=op.f("pk_ledger_pending")),
    )


def _make_ledger_seal() -> None:
    op.create_table(
        "ledger_seal",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        _link("ledger_seal", "event_id", "ledger_event.id"),
        sa.PrimaryKeyConstraint("tenant_id", "seq", name=op.f("pk_ledger_seal")),
        sa.UniqueConstraint(
            "tenant_id", "event_id", name=op.f("uq_ledger_seal_tenant_id_event_id")
        ),
    )


def _make_ledger_tile() -> None:
    op.create_table(
        "ledger_tile",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "level", "index", name=op.f("pk_ledger_tile")),
    )


def _make_ledger_checkpoint() -> None:
    op.create_table(
        "ledger_checkpoint",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.String(4000), nullable=False),
        sa.Column("sealed_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "size", name=op.f("pk_ledger_checkpoint")),
    )


def _protect_on_sqlite() -> None:
    for table in FROZEN:
        _refuse_on_sqlite(table, "UPDATE")
    for table, columns in SUPERSEDED.items():
        _refuse_on_sqlite(table, "UPDATE", of=columns)
        _refuse_on_sqlite(table, "UPDATE", when="OLD.superseded_by IS NOT NULL", name="again")
    _refuse_on_sqlite("ledger_private", "UPDATE", of="tenant_id, event_id, field")
    _refuse_on_sqlite("ledger_private", "UPDATE", when=ERASED, name="rewrite")
    for table in (*FROZEN, *SUPERSEDED, "ledger_private"):
        _refuse_on_sqlite(table, "DELETE")


def _refuse_on_sqlite(
    table: str, act: str, *, of: str = "", when: str = "", name: str = ""
) -> None:
    what = f"UPDATE OF {of}" if of else act
    condition = f"WHEN {when} " if when else ""
    op.execute(
        f"CREATE TRIGGER {table}_no_{name or act.lower()} BEFORE {what} ON {table} {condition}"
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {act} refused'); END"
    )


def _protect_on_postgres() -> None:
    op.execute(
        "CREATE FUNCTION qtcore_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP; END $$"
    )
    for table in FROZEN:
        _refuse_on_postgres(table, "UPDATE")
    for table, columns in SUPERSEDED.items():
        _refuse_on_postgres(table, "UPDATE", of=columns)
        _refuse_on_postgres(table, "UPDATE", when="OLD.superseded_by IS NOT NULL", name="again")
    _refuse_on_postgres("ledger_private", "UPDATE", of="tenant_id, event_id, field")
    _refuse_on_postgres("ledger_private", "UPDATE", when=ERASED, name="rewrite")
    for table in (*FROZEN, *SUPERSEDED, "ledger_private"):
        _refuse_on_postgres(table, "DELETE")
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION qtcore_refuse()"
        )


def _refuse_on_postgres(
    table: str, act: str, *, of: str = "", when: str = "", name: str = ""
) -> None:
    what = f"UPDATE OF {of}" if of else act
    condition = f"WHEN ({when}) " if when else ""
    op.execute(
        f"CREATE TRIGGER {table}_no_{name or act.lower()} BEFORE {what} ON {table} FOR EACH ROW "
        f"{condition}EXECUTE FUNCTION qtcore_refuse()"
    )


def _link(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    other, key = target.split(".")
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{other}.tenant_id", f"{other}.{key}"],
        name=op.f(f"fk_{table}_tenant_id_{column}"),
    )
