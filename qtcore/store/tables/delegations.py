"""Table of delegations: who lets whom act in their place, for what, from when to when.

It must not know workflows: scopes are names.
"""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from qtcore.store.columns import PublicRow, json_field, key_field, tenant_key


class Delegation(PublicRow, table=True):
    """One person lets another act for them; revoked with a reason, never deleted or changed.

    `roles` and `actions` narrow it; empty means all that the person represented may do.
    """

    __tablename__ = "delegation"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        tenant_key("principal_id", "person"),
        tenant_key("delegate_id", "person"),
        Index("ix_delegation_delegate", "tenant_id", "delegate_id", "valid_to"),
    )

    principal_id: int = key_field()
    delegate_id: int = key_field()
    valid_from: datetime
    valid_to: datetime
    roles: list[str] = json_field(list)
    actions: list[str] = json_field(list)
    reason: str = Field(max_length=2000)
    made_at: datetime
    made_by: str = Field(max_length=120)
    revoked_at: datetime | None = None
    revoked_by: str = Field(default="", max_length=120)
    revoke_reason: str = Field(default="", max_length=2000)
