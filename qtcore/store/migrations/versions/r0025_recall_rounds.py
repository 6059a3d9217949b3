"""Notices that are due again and again, and those that a changed class asks for no more.

It must not import the tables: a revision says itself what they were when it was written. SQLite
cannot change constraints: there the table is made anew and filled from the old one.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0011"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
_STATE = "ck_recall_notice_state"
_STATES = ("planned", "mock", "sent", "failed", "acknowledged")
_KEY = ("tenant_id", "record_id", "node_id", "recipient")
_COLUMNS = (
    *("tenant_id", "id", "uid", "record_id", "node_id", "recipient"),
    *("party_id", "start_event", "due_after", "calendar", "state", "channel"),
    *("address", "language", "subject", "body", "attempts", "last_error"),
    *("sent_at", "acknowledged_at", "reminded_at", "escalated_at", "version"),
)


def upgrade() -> None:
    further = (
        sa.Column("repeat_after", sa.String(40), nullable=False, server_default=""),
        sa.Column("round", sa.Integer(), nullable=False, server_default="1"),
    )
    states, key = (*_STATES, "void"), (*_KEY, "round")
    if op.get_bind().dialect.name == "sqlite":
        _make_anew(further, key, states)
        return
    for column in further:
        op.add_column("recall_notice", column)
    _constrain((_KEY, key), states)


def downgrade() -> None:
    op.execute("DELETE FROM recall_notice WHERE round > 1 OR state = 'void'")
    if op.get_bind().dialect.name == "sqlite":
        _make_anew((), _KEY, _STATES)
        return
    _constrain(((*_KEY, "round"), _KEY), _STATES)
    op.drop_column("recall_notice", "round")
    op.drop_column("recall_notice", "repeat_after")


def _name(key: Sequence[str]) -> str:
    return f"uq_recall_notice_{'_'.join(key)}"


def _of(states: Sequence[str]) -> str:
    return f"state IN ({', '.join(repr(state) for state in states)})"


def _constrain(keys: tuple[Sequence[str], Sequence[str]], states: Sequence[str]) -> None:
    old, new = keys
    op.drop_constraint(op.f(_name(old)), "recall_notice", type_="unique")
    op.create_unique_constraint(op.f(_name(new)), "recall_notice", list(new))
    op.drop_constraint(op.f(_STATE), "recall_notice", type_="check")
    op.create_check_constraint(op.f(_STATE), "recall_notice", _of(states))


def _make_anew(
    further: Sequence[sa.Column[Any]], key: Sequence[str], states: Sequence[str]
) -> None:
    op.drop_index("ix_recall_notice_state", "recall_notice")
    op.rename_table("recall_notice", "recall_notice_before")
    _make_recall_notice(further, key, states)
    names = ", ".join(_COLUMNS)
    op.execute(f"INSERT INTO recall_notice ({names}) SELECT {names} FROM recall_notice_before")  # noqa: S608 -- names of this file
    op.drop_table("recall_notice_before")


def _make_recall_notice(
    further: Sequence[sa.Column[Any]], key: Sequence[str], states: Sequence[str]
) -> None:
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
        *further,
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
        sa.UniqueConstraint(*key, name=op.f(_name(key))),
        sa.ForeignKeyConstraint(
            ["tenant_id", "record_id"],
            ["record.tenant_id", "record.id"],
            name=op.f("fk_recall_notice_tenant_id_record_id"),
        ),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_recall_notice_tenant_id_uid")),
        sa.CheckConstraint(_of(states), name=op.f(_STATE)),
    )
    op.create_index("ix_recall_notice_state", "recall_notice", ["tenant_id", "state"])
