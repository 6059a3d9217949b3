"""Tables of a recall at work: its question and clock, notices, links, replies, checks; open orders.

It must not know what a plan demands. What was frozen of the scope is in `records.RecallSnapshot`.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from qtcore.store.columns import PublicRow, decimal_field, json_field, key_field, one_of, tenant_key


class OrderLine(PublicRow, table=True):
    """A line of a customer's order that reserves a lot and has not left yet.

    Whether it is stopped is never stored: it is stopped as long as any hold is on its lot, so that
    lifting the last hold gives exactly the earlier state back.
    """

    __tablename__ = "order_line"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        UniqueConstraint("tenant_id", "order_no", "line_no"),
        tenant_key("customer_id", "party"),
        tenant_key("node", "node", "node"),
        one_of("state", "open", "done", "cancelled"),
        Index("ix_order_line_node", "tenant_id", "node"),
    )

    order_no: str = Field(max_length=80)
    line_no: int
    customer_id: int = key_field()
    node: int = key_field()
    quantity: Decimal = decimal_field()
    unit: str = Field(max_length=20)
    due_at: datetime | None = None
    state: str = Field(default="open", max_length=12)
    version: int = 1
    recorded_at: datetime
    recorded_by: str = Field(max_length=120)


class RecallCase(PublicRow, table=True):
    """A recall beside its record: what was asked, the pinned plan, the clock, the measured time.

    `clock` maps a start event (``known_at``, ``decided_at`` ...) to an ISO time. `closure` is what
    was declared when it was closed: tolerance, unaccounted quantity, justification, report digest.
    """

    __tablename__ = "recall_case"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        UniqueConstraint("tenant_id", "record_id"),
        tenant_key("record_id", "record"),
    )

    record_id: int = key_field()
    is_mock: bool = False
    question: dict[str, Any] = json_field()
    plan: dict[str, Any] = json_field()
    recall_class: str = Field(default="", max_length=40)
    clock: dict[str, Any] = json_field()
    timings: dict[str, Any] = json_field()
    closure: dict[str, Any] = json_field()
    version: int = 1


class RecallNotice(PublicRow, table=True):
    """Somebody to be told under a node of the plan, and what became of it.

    `state`: planned, mock (never sent), sent, failed, acknowledged, void (asked for no more). What
    is due again and again has a row for each `round`, the next one a `repeat_after` later.
    """

    __tablename__ = "recall_notice"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        UniqueConstraint("tenant_id", "record_id", "node_id", "recipient", "round"),
        tenant_key("record_id", "record"),
        tenant_key("party_id", "party"),
        one_of("state", "planned", "mock", "sent", "failed", "acknowledged", "void"),
        Index("ix_recall_notice_state", "tenant_id", "state"),
    )

    record_id: int = key_field()
    node_id: str = Field(max_length=60)
    recipient: str = Field(max_length=200)
    party_id: int | None = key_field(default=None)
    start_event: str = Field(max_length=60)
    due_after: str = Field(max_length=40)
    repeat_after: str = Field(default="", max_length=40)
    round: int = 1
    calendar: str = Field(default="calendar", max_length=20)
    state: str = Field(max_length=20)
    channel: str = Field(default="", max_length=60)
    address: str = Field(default="", max_length=300)
    language: str = Field(default="en", max_length=20)
    subject: str = Field(default="", max_length=300)
    body: str = Field(default="")
    attempts: int = 0
    last_error: str = Field(default="", max_length=400)
    sent_at: datetime | None = None
    acknowledged_at: datetime | None = None
    reminded_at: datetime | None = None
    escalated_at: datetime | None = None
    version: int = 1


class RecallLink(PublicRow, table=True):
    """A way for one consignee to answer without an account; only the hash of its secret is kept."""

    __tablename__ = "recall_link"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        UniqueConstraint("tenant_id", "token_sha256"),
        tenant_key("record_id", "record"),
        tenant_key("party_id", "party"),
    )

    record_id: int = key_field()
    party_id: int = key_field()
    token_sha256: str = Field(max_length=64)
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None


class RecallReply(PublicRow, table=True):
    """What a consignee answered; a correction is a further number, the earlier ones stay."""

    __tablename__ = "recall_reply"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        UniqueConstraint("tenant_id", "record_id", "party_id", "number"),
        tenant_key("record_id", "record"),
        tenant_key("party_id", "party"),
        tenant_key("link_id", "recall_link"),
        one_of("impact", "none", "some", "all"),
    )

    record_id: int = key_field()
    party_id: int = key_field()
    number: int
    link_id: int | None = key_field(default=None)
    acknowledged: bool
    impact: str = Field(max_length=10)
    quantity: Decimal | None = decimal_field(default=None)
    unit: str = Field(default="", max_length=20)
    completed: bool = False
    contact: str = Field(default="", max_length=200)
    note: str = Field(default="", max_length=2000)
    replied_at: datetime
    replied_by: str = Field(max_length=120)


class RecallCheck(PublicRow, table=True):
    """An effectiveness check of one consignee: how it was made and what was found."""

    __tablename__ = "recall_check"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        tenant_key("record_id", "record"),
        tenant_key("party_id", "party"),
        one_of("method", "visit", "phone", "mail", "portal"),
        Index("ix_recall_check_record", "tenant_id", "record_id"),
    )

    record_id: int = key_field()
    party_id: int = key_field()
    method: str = Field(max_length=10)
    notice_received: bool
    understood: bool
    acted: bool
    note: str = Field(default="", max_length=2000)
    checked_at: datetime
    checked_by: str = Field(max_length=120)
