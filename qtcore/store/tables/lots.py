"""Tables of what is traced: lots, units and logistic units share one integer `node` key.

It must not know how edges are walked.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field

from qtcore.store.columns import (
    Row,
    TenantRow,
    json_field,
    key_field,
    one_of_words,
    ordered_text,
    tenant_key,
)


class NodeRow(Row):
    """A row whose key is a node."""

    tenant_id: int = key_field(primary_key=True)
    node: int = key_field(primary_key=True)


class Node(NodeRow, table=True):
    """The one key of everything that can be traced; `kind` is lot, unit or logistic_unit."""

    __tablename__ = "node"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        one_of_words("kind", "lot", "unit", "logistic_unit"),
    )

    uid: str = Field(max_length=36)
    kind: str = Field(max_length=20)
    recorded_at: datetime


class NodeAlias(TenantRow, table=True):
    """Two nodes found to be one thing: reversible, edges are never rewritten."""

    __tablename__ = "node_alias"
    __table_args__ = (
        tenant_key("node", "node", "node"),
        tenant_key("same_as", "node", "node"),
        CheckConstraint("node <> same_as", name="other"),
        Index("ix_node_alias_node", "tenant_id", "node"),
        Index("ix_node_alias_same_as", "tenant_id", "same_as"),
    )

    node: int = key_field()
    same_as: int = key_field()
    reason: str = Field(max_length=400)
    recorded_at: datetime
    undone_at: datetime | None = None


class Lot(NodeRow, table=True):
    """A quantity of an item from one source; the number alone is never the key.

    `origin` is ``recorded`` or ``unverified`` (an import named it before it was known).
    `version` counts changes: compare-and-set.
    """

    __tablename__ = "lot"
    __table_args__ = (
        tenant_key("node", "node", "node"),
        tenant_key("item_id", "item"),
        tenant_key("source_id", "party"),
        tenant_key("workflow_version_id", "definition_version"),
        UniqueConstraint("tenant_id", "item_id", "source_id", "lot_no", name="uq_lot_identity"),
        Index("ix_lot_no", "tenant_id", "lot_no"),
        Index("ix_lot_state", "tenant_id", "state", "node"),
    )

    item_id: int = key_field()
    source_id: int = key_field()
    lot_no: str = Field(max_length=200)
    state: str = Field(max_length=200)
    workflow_version_id: int | None = key_field(default=None)
    version: int = 1
    unit: str = Field(default="", max_length=20)
    origin: str = Field(default="recorded", max_length=20)
    made_at: datetime | None = None
    expiry_on: date | None = None
    extra: dict[str, Any] = json_field()


class Unit(NodeRow, table=True):
    """A serialised piece; `lot` is the node of its lot when known."""

    __tablename__ = "unit"
    __table_args__ = (
        tenant_key("node", "node", "node"),
        tenant_key("lot", "node", "node"),
        tenant_key("item_id", "item"),
        Index("ix_unit_serial", "tenant_id", "serial"),
        Index("ix_unit_lot", "tenant_id", "lot"),
    )

    serial: str = Field(max_length=200)
    item_id: int = key_field()
    lot: int | None = key_field(default=None)
    state: str = Field(default="commissioned", max_length=60)
    version: int = 1
    extra: dict[str, Any] = json_field()


class LogisticUnit(NodeRow, table=True):
    """A case or pallet that holds others."""

    __tablename__ = "logistic_unit"
    __table_args__ = (
        tenant_key("node", "node", "node"),
        Index("ix_logistic_unit_code", "tenant_id", "code"),
    )

    code: str = Field(max_length=200)
    kind: str = Field(default="pallet", max_length=20)
    state: str = Field(default="open", max_length=60)
    version: int = 1
    extra: dict[str, Any] = json_field()


class Identifier(TenantRow, table=True):
    """A name of a node. A globally unique one belongs to one node, whoever sends it."""

    __tablename__ = "identifier"
    __table_args__ = (
        tenant_key("node", "node", "node"),
        Index(
            "uq_identifier_global",
            "tenant_id",
            "scheme",
            "value",
            unique=True,
            sqlite_where=text("is_global"),
            postgresql_where=text("is_global"),
        ),
        Index("ix_identifier_value", "tenant_id", "value"),
        Index("ix_identifier_node", "tenant_id", "node"),
    )

    node: int = key_field()
    scheme: str = Field(max_length=40)
    value: str = Field(sa_type=ordered_text(400))
    is_global: bool = False
    recorded_at: datetime


class Hold(TenantRow, table=True):
    """A hold beats everything; it is lifted, never deleted."""

    __tablename__ = "hold"
    __table_args__ = (
        tenant_key("node", "node", "node"),
        Index("ix_hold_node", "tenant_id", "node"),
        UniqueConstraint("tenant_id", "uid"),
    )

    uid: str = Field(max_length=36)
    node: int = key_field()
    reason: str = Field(max_length=2000)
    cause: str = Field(default="manual", max_length=40)
    record_uid: str | None = Field(default=None, max_length=36)
    placed_at: datetime
    placed_by: str = Field(max_length=120)
    lifted_at: datetime | None = None
    lifted_by: str | None = Field(default=None, max_length=120)
    lift_reason: str | None = Field(default=None, max_length=2000)


class InspectionResult(TenantRow, table=True):
    """A measured value of a lot; a correction supersedes, a second source may conflict.

    The limits that applied are stored with the result, so that it reads the same years later.
    """

    __tablename__ = "inspection_result"
    __table_args__ = (
        tenant_key("node", "node", "node"),
        UniqueConstraint("tenant_id", "uid"),
        Index("ix_result_node", "tenant_id", "node", "characteristic"),
        Index("ix_result_import", "tenant_id", "import_id"),
    )

    uid: str = Field(max_length=36)
    node: int = key_field()
    spec: str = Field(default="", max_length=80)
    characteristic: str = Field(max_length=80)
    value: str = Field(max_length=400)
    unit: str = Field(default="", max_length=20)
    limits: dict[str, Any] = json_field()
    verdict: str = Field(max_length=20)
    origin: str = Field(default="", max_length=200)
    import_id: int | None = key_field(default=None)
    measured_at: datetime | None = None
    recorded_at: datetime
    recorded_by: str = Field(max_length=120)
    device: str = Field(default="", max_length=120)
    superseded_by: str | None = Field(default=None, max_length=36)
    reason: str = Field(default="", max_length=2000)
