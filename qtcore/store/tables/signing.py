"""Tables of signing: what is about to be signed, second factors, who may sign, what was accepted.

It must not know what a signature means, nor how a factor is checked.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from qtcore.store.columns import (
    PublicRow,
    bytes_field,
    json_field,
    key_field,
    one_of,
    tenant_key,
)


class SignIntent(PublicRow, table=True):
    """What one person is about to sign: the exact bytes of each record, frozen, for one use.

    `acts` are the steps asked for, `items` the canonical texts to be signed with their digests.
    `outcome` is what became of it; an intent that was used gives the same answer again.
    """

    __tablename__ = "sign_intent"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        tenant_key("user_id", "user_account"),
    )

    user_id: int = key_field()
    session_uid: str = Field(default="", max_length=36)
    roles: list[str] = json_field(list)
    language: str = Field(max_length=20)
    acts: list[dict[str, Any]] = json_field(list)
    items: list[dict[str, Any]] = json_field(list)
    nonce: str = Field(max_length=64)
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    outcome: list[dict[str, Any]] = json_field(list)
    version: int = 1


class SigningFactor(PublicRow, table=True):
    """A second factor of an account: a sealed TOTP secret, or the public key of a passkey.

    `counter` is the last time step of a TOTP code, or the sign count of a passkey: neither is taken
    twice.
    """

    __tablename__ = "signing_factor"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        tenant_key("user_id", "user_account"),
        one_of("kind", "totp", "passkey"),
        Index("ix_signing_factor_user", "tenant_id", "user_id"),
    )

    user_id: int = key_field()
    kind: str = Field(max_length=10)
    name: str = Field(max_length=80)
    material: bytes = bytes_field()
    credential_id: str = Field(default="", max_length=1400)
    relying_party: str = Field(default="", max_length=255)
    counter: int = key_field(default=0)
    created_at: datetime
    confirmed_at: datetime | None = None
    revoked_at: datetime | None = None
    version: int = 1


class SignerStanding(PublicRow, table=True):
    """Whether an account may sign: wrong tries, a lock, and how its person was identified.

    `trying` counts tries that are being checked now: together with `failed` they never exceed the
    limit, on however many instances somebody guesses. `let_in_at` and `let_in_by`: when another
    person last handed out a way to be this person, and who (0: the product's own command line).
    """

    __tablename__ = "signer_standing"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        UniqueConstraint("tenant_id", "user_id"),
        tenant_key("user_id", "user_account"),
    )

    user_id: int = key_field()
    failed: int = 0
    trying: int = 0
    tried_at: datetime | None = None
    locked_at: datetime | None = None
    identity_method: str = Field(default="", max_length=200)
    identity_evidence: str = Field(default="", max_length=400)
    identity_verified_at: datetime | None = None
    identity_verified_by: str = Field(default="", max_length=120)
    identity_by_person: int | None = key_field(default=None)
    let_in_at: datetime | None = None
    let_in_by: int | None = key_field(default=None)
    version: int = 1


class PolicyAcceptance(PublicRow, table=True):
    """That a person accepted a version of a policy, with the signature under it."""

    __tablename__ = "policy_acceptance"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        tenant_key("person_id", "person"),
        Index("ix_policy_acceptance_person", "tenant_id", "person_id"),
    )

    person_id: int = key_field()
    policy: str = Field(max_length=80)
    policy_version: str = Field(max_length=40)
    text_sha256: str = Field(max_length=64)
    accepted_at: datetime
    signature_uid: str = Field(max_length=36)


class Training(PublicRow, table=True):
    """That a person is trained for a topic, from a day to a day, on which evidence."""

    __tablename__ = "training"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        tenant_key("person_id", "person"),
        Index("ix_training_person", "tenant_id", "person_id"),
    )

    person_id: int = key_field()
    topic: str = Field(max_length=80)
    valid_from: date
    valid_until: date | None = None
    evidence: str = Field(max_length=400)
    recorded_at: datetime
    recorded_by: str = Field(max_length=120)


class TrainingTask(PublicRow, table=True):
    """That a person is to be trained for a topic by a day, whichever steps ask for it."""

    __tablename__ = "training_task"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        tenant_key("person_id", "person"),
        Index("ix_training_task_person", "tenant_id", "person_id"),
    )

    person_id: int = key_field()
    topic: str = Field(max_length=80)
    due_on: date
    reason: str = Field(default="", max_length=400)
    assigned_at: datetime
    assigned_by: str = Field(max_length=120)
    ended_at: datetime | None = None
    version: int = 1
