"""Leases, keys, witnesses, stamps, restores, reviews, holds and archives of the ledger.

It must not import the tables: a revision says itself what they were when it was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0008"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)

FROZEN = (
    "ledger_key",
    "ledger_cosignature",
    "ledger_stamp",
    "ledger_incarnation",
    "ledger_root",
    "ledger_review",
    "ledger_archive",
    "ledger_archived",
)

# What an archive takes out of the database, and the column that names the entry.
ARCHIVED = {
    "ledger_event": "id",
    "ledger_about": "event_id",
    "ledger_private": "event_id",
    "ledger_seal": "event_id",
}


def upgrade() -> None:
    _make_leases_and_keys()
    _make_witnesses()
    _make_reviews()
    _make_archives()
    if op.get_context().dialect.name == "postgresql":
        _protect_on_postgres()
    else:
        _protect_on_sqlite()


def _key(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def _table(name: str, key: tuple[str, ...], *parts: sa.schema.SchemaItem) -> None:
    op.create_table(
        name, _key("tenant_id"), *parts, sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{name}"))
    )


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{'_'.join(columns)}"))


def _make_leases_and_keys() -> None:
    _table(
        "ledger_lease",
        ("tenant_id", "name"),
        _text("name", 40),
        _text("holder", 120),
        sa.Column("expires_at", TIME, nullable=False),
    )
    _table(
        "ledger_key",
        ("tenant_id", "number"),
        sa.Column("number", sa.Integer(), nullable=False),
        _text("vkey", 400),
        _key("from_size"),
        _text("note", 4000),
        sa.Column("changed_at", TIME, nullable=False),
    )
    _table("ledger_root", ("tenant_id", "size"), _key("size"), _key("seq"))


def _make_witnesses() -> None:
    _table(
        "ledger_cosignature",
        ("tenant_id", "size", "witness"),
        _key("size"),
        _text("witness", 200),
        _text("line", 2000),
        sa.Column("received_at", TIME, nullable=False),
    )
    _table(
        "ledger_stamp",
        ("tenant_id", "size", "authority"),
        _key("size"),
        _text("authority", 200),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("stamped_at", TIME, nullable=False),
    )
    _table(
        "ledger_incarnation",
        ("tenant_id", "number"),
        sa.Column("number", sa.Integer(), nullable=False),
        _key("from_size"),
        _key("lost_to"),
        _text("witness", 200),
        _text("event_uid", 36),
        sa.Column("accepted_at", TIME, nullable=False),
    )


def _make_reviews() -> None:
    _table(
        "ledger_review",
        ("tenant_id", "id"),
        _key("id"),
        _text("uid", 36),
        _text("subject_uid", 60),
        _key("up_to"),
        sa.Column("entries", sa.Integer(), nullable=False),
        _text("reviewed_by", 120),
        sa.Column("reviewed_at", TIME, nullable=False),
        _text("remark", 2000),
        _text("signature_uid", 36),
        _unique("ledger_review", "tenant_id", "uid"),
    )
    op.create_index("ix_ledger_review_subject", "ledger_review", ["tenant_id", "subject_uid"])
    _table(
        "ledger_job",
        ("tenant_id", "id"),
        _key("id"),
        _text("uid", 36),
        _text("state", 20),
        _key("first"),
        _key("last"),
        _key("done"),
        _text("asked_by", 120),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("verdict", sa.JSON(), nullable=False),
        _unique("ledger_job", "tenant_id", "uid"),
    )


def _make_archives() -> None:
    _table(
        "legal_hold",
        ("tenant_id", "id"),
        _key("id"),
        _text("uid", 36),
        _text("subject_uid", 60),
        _text("reason", 2000),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("placed_at", TIME, nullable=False),
        _text("placed_by", 120),
        sa.Column("lifted_at", TIME, nullable=True),
        _text("lifted_by", 120),
        _unique("legal_hold", "tenant_id", "uid"),
    )
    _table(
        "ledger_archive",
        ("tenant_id", "first"),
        _key("first"),
        _key("last"),
        _text("file_name", 300),
        _text("file_sha256", 64),
        _text("event_uid", 36),
        sa.Column("archived_at", TIME, nullable=False),
    )
    _table(
        "ledger_archived",
        ("tenant_id", "seq"),
        _key("seq"),
        _key("event_id"),
        _text("object_uid", 60),
        _unique("ledger_archived", "tenant_id", "event_id"),
    )
    op.create_index("ix_ledger_archived_object", "ledger_archived", ["tenant_id", "object_uid"])


def _protect_on_sqlite() -> None:
    for table in FROZEN:
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {act} refused'); END"
            )
    op.execute(
        "CREATE TRIGGER legal_hold_no_delete BEFORE DELETE ON legal_hold "
        "BEGIN SELECT RAISE(ABORT, 'legal_hold is append-only: DELETE refused'); END"
    )
    for table, column in ARCHIVED.items():
        op.execute(f"DROP TRIGGER {table}_no_delete")
        op.execute(  # the names are the fixed ones above
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "  # noqa: S608
            "WHEN NOT EXISTS (SELECT 1 FROM ledger_archived AS a "
            f"WHERE a.tenant_id = OLD.tenant_id AND a.event_id = OLD.{column}) "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: DELETE refused'); END"
        )


def _protect_on_postgres() -> None:
    for table in FROZEN:
        for act in ("UPDATE", "DELETE"):
            _refuse(table, act, "qtcore_refuse()")
        _refuse_truncate(table)
    _refuse("legal_hold", "DELETE", "qtcore_refuse()")
    _refuse_truncate("legal_hold")
    op.execute(
        "CREATE FUNCTION qtcore_refuse_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF EXISTS (SELECT 1 FROM ledger_archived a WHERE a.tenant_id = OLD.tenant_id "
        "AND a.event_id = (to_jsonb(OLD) ->> TG_ARGV[0])::bigint) THEN RETURN OLD; END IF; "
        "RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP; END $$"
    )
    for table, column in ARCHIVED.items():
        op.execute(f"DROP TRIGGER {table}_no_delete ON {table}")
        _refuse(table, "DELETE", f"qtcore_refuse_kept('{column}')")


def _refuse(table: str, act: str, function: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} FOR EACH ROW "
        f"EXECUTE FUNCTION {function}"
    )


def _refuse_truncate(table: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION qtcore_refuse()"
    )
