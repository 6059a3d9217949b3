"""Tables of master data: who, what, where and with what, each with one owner and a state.

It must not know lots, events or records.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from qtcore.store.columns import PublicRow, Row, json_field, key_field, tenant_key


class Tenant(Row, table=True):
    """A company: one site folder, one registry, one ledger."""

    __tablename__ = "tenant"

    id: int = key_field(primary_key=True)
    uid: str = Field(max_length=36, unique=True)
    slug: str = Field(max_length=60, unique=True)
    name: str = Field(max_length=200)
    created_at: datetime


class KeyCounter(Row, table=True):
    """The last integer key given out per name; used where the database has no sequences."""

    __tablename__ = "key_counter"

    name: str = Field(primary_key=True, max_length=20)
    value: int = key_field(default=0)


class Item(PublicRow, table=True):
    """A product, material or packaging; `industry` names the pack whose rules apply."""

    __tablename__ = "item"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        UniqueConstraint("tenant_id", "code"),
    )

    code: str = Field(max_length=120)
    name: str = Field(max_length=200)
    names: dict[str, str] = json_field()
    kind: str = Field(default="raw", max_length=20)
    industry: str = Field(default="", max_length=60)
    unit: str = Field(default="", max_length=20)
    state: str = Field(default="active", max_length=20)
    version: int = 1
    extra: dict[str, Any] = json_field()


class Party(PublicRow, table=True):
    """A company or site we deal with; code ``unknown`` stands for a source nobody recorded."""

    __tablename__ = "party"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        UniqueConstraint("tenant_id", "code"),
    )

    code: str = Field(max_length=120)
    name: str = Field(max_length=200)
    names: dict[str, str] = json_field()
    roles: list[str] = json_field(list)
    contacts: dict[str, Any] = json_field()
    state: str = Field(default="active", max_length=20)
    version: int = 1
    extra: dict[str, Any] = json_field()


class Location(PublicRow, table=True):
    """A place: plant, store, room, bin; places nest."""

    __tablename__ = "location"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        UniqueConstraint("tenant_id", "code"),
        tenant_key("party_id", "party"),
        tenant_key("parent_id", "location"),
    )

    code: str = Field(max_length=120)
    name: str = Field(max_length=200)
    names: dict[str, str] = json_field()
    kind: str = Field(default="store", max_length=20)
    party_id: int | None = key_field(default=None)
    parent_id: int | None = key_field(default=None)
    state: str = Field(default="active", max_length=20)
    version: int = 1
    extra: dict[str, Any] = json_field()


class Equipment(PublicRow, table=True):
    """A machine, vessel, balance or line."""

    __tablename__ = "equipment"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        UniqueConstraint("tenant_id", "code"),
        tenant_key("location_id", "location"),
    )

    code: str = Field(max_length=120)
    name: str = Field(max_length=200)
    names: dict[str, str] = json_field()
    kind: str = Field(default="", max_length=60)
    location_id: int | None = key_field(default=None)
    state: str = Field(default="active", max_length=20)
    version: int = 1
    extra: dict[str, Any] = json_field()


class Person(PublicRow, table=True):
    """A human being; a person may have several accounts and is one pair of eyes."""

    __tablename__ = "person"
    __table_args__ = (UniqueConstraint("tenant_id", "uid"),)

    name: str = Field(max_length=200)
    title: str = Field(default="", max_length=200)
    email: str = Field(default="", max_length=200)
    state: str = Field(default="active", max_length=20)
    version: int = 1


class FieldValue(PublicRow, table=True):
    """The typed index of extra fields that are searched: one row per value."""

    __tablename__ = "field_value"
    __table_args__ = (
        Index("ix_field_value_text", "tenant_id", "entity", "name", "text_value"),
        Index("ix_field_value_owner", "tenant_id", "entity", "owner_id"),
    )

    entity: str = Field(max_length=20)
    owner_id: int = key_field()
    name: str = Field(max_length=60)
    text_value: str | None = Field(default=None, max_length=400)
    number_value: float | None = None
    on_value: str | None = Field(default=None, max_length=40)
