"""Tables of deadlines and messages: what falls due and when, who was told what.

It must not know workflows: a row holds the place of its timer in the pinned definition.
"""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from qtcore.store.columns import PublicRow, TenantRow, key_field, one_of, tenant_key


class WorkflowTimer(PublicRow, table=True):
    """A deadline of a lot or record in a state: it waits, is done, or its state was left.

    `place` is where the timer is written in the workflow, `entry` the number of the state change
    by which the state was entered: the same entry never gives a second row. Without `due_at` the
    day it counts from is not filled in yet.
    """

    __tablename__ = "workflow_timer"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        UniqueConstraint("tenant_id", "subject_uid", "place", "entry"),
        tenant_key("workflow_version_id", "definition_version"),
        one_of("status", "waiting", "done", "refused", "left"),
        Index("ix_workflow_timer_due", "tenant_id", "status", "due_at"),
    )

    subject_kind: str = Field(max_length=20)
    subject_uid: str = Field(max_length=36)
    workflow_version_id: int = key_field()
    place: int
    entry: int
    state: str = Field(max_length=60)
    status: str = Field(default="waiting", max_length=10)
    entered_at: datetime
    due_at: datetime | None = None
    told: int = 0
    settled_at: datetime | None = None
    outcome: str = Field(default="", max_length=400)


class Notification(PublicRow, table=True):
    """A message to the holders of a role, written in the transaction of what it tells of."""

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        Index("ix_notification_role", "tenant_id", "role", "id"),
        Index("ix_notification_about", "tenant_id", "about_uid"),
    )

    role: str = Field(max_length=80)
    about_kind: str = Field(max_length=20)
    about_uid: str = Field(max_length=36)
    about_name: str = Field(max_length=120)
    subject: str = Field(max_length=80)
    created_at: datetime


class NotificationReceipt(TenantRow, table=True):
    """That one person was sent a message, or has read it; how often sending was tried."""

    __tablename__ = "notification_receipt"
    __table_args__ = (
        UniqueConstraint("tenant_id", "notification_id", "person_id"),
        tenant_key("notification_id", "notification"),
        tenant_key("person_id", "person"),
    )

    notification_id: int = key_field()
    person_id: int = key_field()
    sent_at: datetime | None = None
    attempts: int = 0
    last_error: str = Field(default="", max_length=400)
    read_at: datetime | None = None
