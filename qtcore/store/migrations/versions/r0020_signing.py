"""Signatures over kept bytes, intents to sign, second factors, standing of signers, training.

It must not import the tables: a revision says itself what they were when it was written.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0016"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)

# Signatures given before this revision keep their digest only; what they lack is empty.
ADDED = {
    "content": sa.String(),
    "subject_sha256": sa.String(64),
    "intent_uid": sa.String(36),
    "session_uid": sa.String(36),
    "device": sa.String(200),
    "ip": sa.String(60),
    "zone": sa.String(60),
    "factor_uid": sa.String(36),
    "delegation_uid": sa.String(400),
    "on_behalf_of": sa.String(400),
    "registry_fingerprint": sa.String(64),
}


def upgrade() -> None:
    for name, kind in ADDED.items():
        op.add_column("signature", sa.Column(name, kind, nullable=False, server_default=""))
    op.add_column(
        "signature", sa.Column("components", sa.Integer(), nullable=False, server_default="1")
    )
    op.add_column(
        "signature", sa.Column("assertion", sa.JSON(), nullable=False, server_default="{}")
    )
    op.create_index("ix_signature_session", "signature", ["tenant_id", "session_uid"])
    _make_intents()
    _make_factors()
    _make_standings()
    _make_acceptances()
    _make_trainings()


def _table(name: str, owner: tuple[str, str], *columns: sa.schema.SchemaItem) -> None:
    own, other = owner
    op.create_table(
        name,
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column(own, sa.BigInteger(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(
            ["tenant_id", own],
            [f"{other}.tenant_id", f"{other}.id"],
            name=op.f(f"fk_{name}_tenant_id_{own}"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{name}")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f(f"uq_{name}_tenant_id_uid")),
    )


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def _time(name: str, *, needed: bool = True) -> sa.Column[Any]:
    return sa.Column(name, TIME, nullable=not needed)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _make_intents() -> None:
    _table(
        "sign_intent",
        ("user_id", "user_account"),
        _text("session_uid", 36),
        sa.Column("roles", sa.JSON(), nullable=False),
        _text("language", 20),
        sa.Column("acts", sa.JSON(), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        _text("nonce", 64),
        _time("created_at"),
        _time("expires_at"),
        _time("used_at", needed=False),
        sa.Column("outcome", sa.JSON(), nullable=False),
        _number("version"),
    )


def _make_factors() -> None:
    _table(
        "signing_factor",
        ("user_id", "user_account"),
        _text("kind", 10),
        _text("name", 80),
        sa.Column("material", sa.LargeBinary(), nullable=False),
        _text("credential_id", 1400),
        _text("relying_party", 255),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        _time("created_at"),
        _time("confirmed_at", needed=False),
        _time("revoked_at", needed=False),
        _number("version"),
        sa.CheckConstraint("kind IN ('totp', 'passkey')", name=op.f("ck_signing_factor_kind")),
    )
    op.create_index("ix_signing_factor_user", "signing_factor", ["tenant_id", "user_id"])


def _make_standings() -> None:
    _table(
        "signer_standing",
        ("user_id", "user_account"),
        _number("failed"),
        _number("trying"),
        _time("tried_at", needed=False),
        _time("locked_at", needed=False),
        _text("identity_method", 200),
        _text("identity_evidence", 400),
        _time("identity_verified_at", needed=False),
        _text("identity_verified_by", 120),
        _number("version"),
        sa.UniqueConstraint(
            "tenant_id", "user_id", name=op.f("uq_signer_standing_tenant_id_user_id")
        ),
    )


def _make_acceptances() -> None:
    _table(
        "policy_acceptance",
        ("person_id", "person"),
        _text("policy", 80),
        _text("policy_version", 40),
        _text("text_sha256", 64),
        _time("accepted_at"),
        _text("signature_uid", 36),
    )
    op.create_index("ix_policy_acceptance_person", "policy_acceptance", ["tenant_id", "person_id"])


def _make_trainings() -> None:
    _table(
        "training",
        ("person_id", "person"),
        _text("topic", 80),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        _text("evidence", 400),
        _time("recorded_at"),
        _text("recorded_by", 120),
    )
    op.create_index("ix_training_person", "training", ["tenant_id", "person_id"])


def downgrade() -> None:
    for name in ("training", "policy_acceptance", "signer_standing", "signing_factor"):
        op.drop_table(name)
    op.drop_table("sign_intent")
    op.drop_index("ix_signature_session", "signature")
    for name in ("assertion", "components", *reversed(ADDED)):
        op.drop_column("signature", name)
