"""Companies, master data, accounts and delivery.

It must not import the tables: a revision says itself what they were when it was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _make_tenant()
    _make_key_counter()
    _make_definition_version()
    _make_item()
    _make_party()
    _make_person()
    _make_location()
    _make_equipment()
    _make_field_value()
    _make_user_account()
    _make_api_token()
    _make_web_session()
    _make_idempotency_key()
    _make_outbox()
    _make_key_source()


def _make_tenant() -> None:
    op.create_table(
        "tenant",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("slug", sa.String(60), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant")),
        sa.UniqueConstraint("slug", name=op.f("uq_tenant_slug")),
        sa.UniqueConstraint("uid", name=op.f("uq_tenant_uid")),
    )


def _make_key_counter() -> None:
    op.create_table(
        "key_counter",
        sa.Column("name", sa.String(20), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_key_counter")),
    )


def _make_definition_version() -> None:
    op.create_table(
        "definition_version",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("pack", sa.String(60), nullable=False),
        sa.Column("pack_version", sa.String(40), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("published_at", TIME, nullable=False),
        sa.Column("published_by", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_definition_version")),
        sa.UniqueConstraint(
            "tenant_id",
            "kind",
            "name",
            "fingerprint",
            name=op.f("uq_definition_version_tenant_id_kind_name_fingerprint"),
        ),
        sa.UniqueConstraint(
            "tenant_id",
            "kind",
            "name",
            "number",
            name=op.f("uq_definition_version_tenant_id_kind_name_number"),
        ),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_definition_version_tenant_id_uid")),
    )


def _make_item() -> None:
    op.create_table(
        "item",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("code", sa.String(120), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("industry", sa.String(60), nullable=False),
        sa.Column("unit", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_item")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("uq_item_tenant_id_code")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_item_tenant_id_uid")),
    )


def _make_party() -> None:
    op.create_table(
        "party",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("code", sa.String(120), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("contacts", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_party")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("uq_party_tenant_id_code")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_party_tenant_id_uid")),
    )


def _make_person() -> None:
    op.create_table(
        "person",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("email", sa.String(200), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_person")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_person_tenant_id_uid")),
    )


def _make_location() -> None:
    op.create_table(
        "location",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("code", sa.String(120), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("party_id", sa.BigInteger(), nullable=True),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False),
        _link("location", "parent_id", "location.id"),
        _link("location", "party_id", "party.id"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_location")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("uq_location_tenant_id_code")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_location_tenant_id_uid")),
    )


def _make_equipment() -> None:
    op.create_table(
        "equipment",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("code", sa.String(120), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("kind", sa.String(60), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False),
        _link("equipment", "location_id", "location.id"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_equipment")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("uq_equipment_tenant_id_code")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_equipment_tenant_id_uid")),
    )


def _make_field_value() -> None:
    op.create_table(
        "field_value",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("entity", sa.String(20), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("text_value", sa.String(400), nullable=True),
        sa.Column("number_value", sa.Float(), nullable=True),
        sa.Column("on_value", sa.String(40), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_field_value")),
    )
    op.create_index(
        "ix_field_value_owner", "field_value", ["tenant_id", "entity", "owner_id"], unique=False
    )
    op.create_index(
        "ix_field_value_text",
        "field_value",
        ["tenant_id", "entity", "name", "text_value"],
        unique=False,
    )


def _make_user_account() -> None:
    op.create_table(
        "user_account",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("login", sa.String(120), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("password_hash", sa.String(300), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("language", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("failed_sign_ins", sa.Integer(), nullable=False),
        sa.Column("locked_until", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        _link("user_account", "person_id", "person.id"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("tenant_id", "login", name=op.f("uq_user_account_tenant_id_login")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_user_account_tenant_id_uid")),
    )


def _make_api_token() -> None:
    op.create_table(
        "api_token",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=True),
        sa.Column("revoked_at", TIME, nullable=True),
        _link("api_token", "user_id", "user_account.id"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_api_token")),
        sa.UniqueConstraint(
            "tenant_id", "token_hash", name=op.f("uq_api_token_tenant_id_token_hash")
        ),
    )


def _make_web_session() -> None:
    op.create_table(
        "web_session",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("csrf_token", sa.String(64), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("revoked_at", TIME, nullable=True),
        sa.Column("ip", sa.String(60), nullable=False),
        sa.Column("agent", sa.String(300), nullable=False),
        _link("web_session", "user_id", "user_account.id"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_web_session")),
        sa.UniqueConstraint(
            "tenant_id", "token_hash", name=op.f("uq_web_session_tenant_id_token_hash")
        ),
    )


def _make_idempotency_key() -> None:
    op.create_table(
        "idempotency_key",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("request_sha256", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", "key", name=op.f("pk_idempotency_key")),
    )


def _make_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.String(60), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("delivered_at", TIME, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(400), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_outbox")),
    )
    op.create_index("ix_outbox_open", "outbox", ["tenant_id", "delivered_at", "id"], unique=False)


def _make_key_source() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE row_key_seq")
        op.execute("CREATE SEQUENCE node_key_seq")
    else:
        op.execute("INSERT INTO key_counter (name, value) VALUES ('row', 0), ('node', 0)")


def _link(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    other, key = target.split(".")
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{other}.tenant_id", f"{other}.{key}"],
        name=op.f(f"fk_{table}_tenant_id_{column}"),
    )
