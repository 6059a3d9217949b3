"""Tables of access and delivery: accounts, tokens, sessions, idempotency keys, outbox.

It must not know what a right means.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlmodel import Field

from qtcore.store.columns import PublicRow, Row, TenantRow, json_field, key_field, tenant_key


class UserAccount(PublicRow, table=True):
    """An account of a person; logins are never reused or reassigned (21 CFR 11.100(a)).

    `site_roles` are [site, role] pairs. `password_set_at`: null for one set before that was kept.
    """

    __tablename__ = "user_account"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        UniqueConstraint("tenant_id", "login"),
        tenant_key("person_id", "person"),
    )

    login: str = Field(max_length=120)
    person_id: int = key_field()
    password_hash: str = Field(default="", max_length=300)
    roles: list[str] = json_field(list)
    site_roles: list[list[str]] = json_field(list)
    language: str = Field(default="", max_length=20)
    state: str = Field(default="active", max_length=20)
    version: int = 1
    failed_sign_ins: int = 0
    locked_until: datetime | None = None
    password_set_at: datetime | None = None
    created_at: datetime


class ApiToken(PublicRow, table=True):
    """A token for the API; only its hash is stored.

    `scope` lists the rights it is good for, all of its person's when null; `site` the one site.
    """

    __tablename__ = "api_token"
    __table_args__ = (
        UniqueConstraint("tenant_id", "token_hash"),
        tenant_key("user_id", "user_account"),
    )

    user_id: int = key_field()
    name: str = Field(default="", max_length=120)
    token_hash: str = Field(max_length=64)
    scope: list[str] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    site: str = Field(default="", max_length=120)
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class TokenUse(Row, table=True):
    """When a token was last used, and from where; noted at most once a minute."""

    __tablename__ = "token_use"

    tenant_id: int = key_field(primary_key=True)
    token_id: int = key_field(primary_key=True)
    used_at: datetime
    ip: str = Field(default="", max_length=60)


class Throttle(Row, table=True):
    """Failed sign-ins of one account or from one address; `bucket` is a hash of which."""

    __tablename__ = "throttle"

    tenant_id: int = key_field(primary_key=True)
    bucket: str = Field(primary_key=True, max_length=80)
    failures: int = 0
    since: datetime
    blocked_until: datetime | None = None


class CredentialTicket(Row, table=True):
    """A link with which a person sets their password: good once, for a day; only its hash."""

    __tablename__ = "credential_ticket"
    __table_args__ = (tenant_key("user_id", "user_account"),)

    tenant_id: int = key_field(primary_key=True)
    token_hash: str = Field(primary_key=True, max_length=64)
    user_id: int = key_field()
    expires_at: datetime


class IdentityLink(PublicRow, table=True):
    """That a person of an identity provider is an account of ours, by issuer and subject alone.

    `follows_roles`: the account was made by the provider's claims, which also give its roles.
    """

    __tablename__ = "identity_link"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        UniqueConstraint("tenant_id", "issuer", "subject"),
        tenant_key("user_id", "user_account"),
        Index("ix_identity_link_user", "tenant_id", "user_id"),
    )

    issuer: str = Field(max_length=400)
    subject: str = Field(max_length=255)
    provider: str = Field(max_length=40)
    user_id: int = key_field()
    follows_roles: bool = False
    linked_at: datetime
    linked_by: str = Field(default="", max_length=120)


class ProviderVisit(Row, table=True):
    """Somebody who was sent to an identity provider and has not come back: once, for minutes.

    Only hashes of the state and of the browser's secret; nonce and PKCE verifier are derived from
    the latter, so whoever reads the row can finish nothing. `purpose`: what it is for.
    """

    __tablename__ = "provider_visit"

    tenant_id: int = key_field(primary_key=True)
    state_hash: str = Field(primary_key=True, max_length=64)
    browser_hash: str = Field(max_length=64)
    provider: str = Field(max_length=40)
    purpose: str = Field(max_length=10)
    about: str = Field(default="", max_length=80)
    goal: str = Field(default="/", max_length=2000)
    user_id: int | None = key_field(default=None)
    session_uid: str = Field(default="", max_length=36)
    started_at: datetime
    expires_at: datetime


class WebSession(PublicRow, table=True):
    """A sign-in; only the hash of its cookie is stored, and it is rotated at login.

    `provider`: the identity provider that said who it is; empty for a password. `provider_sid`:
    what the provider calls its own session, where it told.
    """

    __tablename__ = "web_session"
    __table_args__ = (
        UniqueConstraint("tenant_id", "token_hash"),
        tenant_key("user_id", "user_account"),
    )

    user_id: int = key_field()
    token_hash: str = Field(max_length=64)
    csrf_token: str = Field(max_length=64)
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    ip: str = Field(default="", max_length=60)
    agent: str = Field(default="", max_length=300)
    provider: str = Field(default="", max_length=40)
    provider_sid: str = Field(default="", max_length=255)


class KeptForm(Row, table=True):
    """What a person had filled in on a page when the terminal was locked; theirs alone."""

    __tablename__ = "kept_form"
    __table_args__ = (tenant_key("user_id", "user_account"),)

    tenant_id: int = key_field(primary_key=True)
    user_id: int = key_field(primary_key=True)
    path: str = Field(primary_key=True, max_length=400)
    fields: list[Any] = json_field()
    kept_at: datetime


class IdempotencyKey(Row, table=True):
    """One effect per key: the first answer is kept and given again."""

    __tablename__ = "idempotency_key"

    tenant_id: int = key_field(primary_key=True)
    user_id: int = key_field(primary_key=True)
    key: str = Field(primary_key=True, max_length=200)
    request_sha256: str = Field(max_length=64)
    status: int
    answer: dict[str, Any] = json_field()
    created_at: datetime


class Outbox(TenantRow, table=True):
    """What must be told after commit: written in the same transaction, delivered at least once."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_open", "tenant_id", "delivered_at", "id"),)

    topic: str = Field(max_length=60)
    payload: dict[str, Any] = json_field()
    created_at: datetime
    delivered_at: datetime | None = None
    attempts: int = 0
    last_error: str = Field(default="", max_length=400)
