"""Tables of what happened: events, the quantities they moved, and the edges they made.

It must not know lots' life cycles. Rows are append-only; a correction supersedes.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from qtcore.store.columns import (
    PublicRow,
    TenantRow,
    decimal_field,
    json_field,
    key_field,
    one_of_words,
    tenant_key,
)

EFFECTS = (
    "received",
    "produced",
    "consumed",
    "shipped",
    "returned",
    "scrapped",
    "sampled",
    "adjusted",
    "moved_in",
    "moved_out",
    "observed",
)


class Event(PublicRow, table=True):
    """Something that happened to lots or units: what, when, where, why, how.

    `external_id` is the id the sender gave (EPCIS eventID); `content_hash` is the SHA-256 of the
    canonical content, so that one id with other content is noticed. `origin` is ``command`` or
    ``import``; `document` keeps what the sender wrote beyond our columns.
    """

    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        UniqueConstraint("tenant_id", "external_id"),
        tenant_key("location_id", "location"),
        tenant_key("from_party_id", "party"),
        tenant_key("to_party_id", "party"),
        tenant_key("equipment_id", "equipment"),
        tenant_key("import_id", "import_run"),
        tenant_key("definition_version_id", "definition_version"),
        one_of_words("origin", "command", "import"),
        Index("ix_event_at", "tenant_id", "event_at"),
        Index("ix_event_import", "tenant_id", "import_id"),
    )

    external_id: str | None = Field(default=None, max_length=300)
    content_hash: str = Field(max_length=64)
    event_type: str = Field(max_length=80)
    verb: str = Field(max_length=20)
    event_at: datetime
    utc_offset: str = Field(default="+00:00", max_length=6)
    recorded_at: datetime
    superseded_by: int | None = key_field(default=None)
    superseded_at: datetime | None = None
    origin: str = Field(default="command", max_length=20)
    import_id: int | None = key_field(default=None)
    location_id: int | None = key_field(default=None)
    from_party_id: int | None = key_field(default=None)
    to_party_id: int | None = key_field(default=None)
    equipment_id: int | None = key_field(default=None)
    step: str = Field(default="", max_length=120)
    recorded_by: str = Field(max_length=120)
    definition_version_id: int | None = key_field(default=None)
    reason: str = Field(default="", max_length=2000)
    values: dict[str, Any] = json_field()
    document: dict[str, Any] = json_field()
    device: str = Field(default="", max_length=120)


class Movement(TenantRow, table=True):
    """What one event did to one node: its part in the event, and how much.

    `part` is one of input, output, subject, parent, child. `effect` is what the balance counts:
    received, produced, consumed, shipped, returned, scrapped, sampled, adjusted, moved_in,
    moved_out, observed. A quantity is positive; only ``adjusted`` may be negative; null when nobody
    recorded it. `location_id` is the place whose stock it changes: on hand is a fold of these rows.
    `container` is the logistic unit of a pack or unpack.
    """

    __tablename__ = "movement"
    __table_args__ = (
        tenant_key("event_id", "event"),
        tenant_key("node", "node", "node"),
        tenant_key("container", "node", "node"),
        tenant_key("location_id", "location"),
        one_of_words("part", "input", "output", "subject", "parent", "child"),
        one_of_words("effect", *EFFECTS),
        # SQLite keeps a decimal as text, so the sign is read by a cast that both databases know.
        CheckConstraint(
            "quantity IS NULL OR effect = 'adjusted' OR CAST(quantity AS NUMERIC) >= 0",
            name="quantity",
        ),
        # With what they are asked for besides: what came after the kept sums, and whether an event
        # that made a node used it as well.
        Index("ix_movement_node", "tenant_id", "node", "id"),
        Index("ix_movement_event", "tenant_id", "event_id", "node"),
        Index("ix_movement_container", "tenant_id", "container"),
    )

    event_id: int = key_field()
    node: int = key_field()
    part: str = Field(max_length=10)
    effect: str = Field(max_length=12)
    container: int | None = key_field(default=None)
    location_id: int | None = key_field(default=None)
    quantity: Decimal | None = decimal_field(default=None)
    unit: str = Field(default="", max_length=20)


class MovementSum(TenantRow, table=True):
    """What the older acts of one sort did to a node with very many: no fact, but adding done once.

    It holds what counts of the node's movements up to `last_id`, the same in all rows of the node.
    When one of them counts no longer, the rows of the node go, see `qtcore.store.kept_sums`.
    """

    __tablename__ = "movement_sum"
    __table_args__ = (
        tenant_key("node", "node", "node"),
        tenant_key("location_id", "location"),
        Index("ix_movement_sum_node", "tenant_id", "node"),
    )

    node: int = key_field()
    part: str = Field(max_length=10)
    effect: str = Field(max_length=12)
    unit: str = Field(default="", max_length=20)
    location_id: int | None = key_field(default=None)
    is_packing: bool
    quantity: Decimal | None = decimal_field(default=None)
    acts: int
    untold: int
    future: int
    emptied: int
    itself: int
    devices: int
    first_at: datetime
    first_id: int = key_field()
    last_id: int = key_field()


class Edge(TenantRow, table=True):
    """A link from a source node to a product (or container) node.

    `kind`: transform, split, merge, rework, pack. `certainty`: recorded (the allocation was
    captured), derived (all inputs of one event to all its outputs), inferred (matched).
    """

    __tablename__ = "edge"
    __table_args__ = (
        tenant_key("src", "node", "node"),
        tenant_key("dst", "node", "node"),
        tenant_key("event_id", "event"),
        CheckConstraint("src <> dst", name="other"),
        one_of_words("certainty", "recorded", "derived", "inferred"),
        # Whole indexes, not partial ones: the walk cannot use those, see `queries.trace`.
        Index("ix_edge_out", "tenant_id", "src", "superseded_by", "dst"),
        Index("ix_edge_in", "tenant_id", "dst", "superseded_by", "src"),
        Index("ix_edge_event", "tenant_id", "event_id"),
    )

    src: int = key_field()
    dst: int = key_field()
    kind: str = Field(max_length=20)
    certainty: str = Field(max_length=10)
    quantity: Decimal | None = decimal_field(default=None)
    unit: str = Field(default="", max_length=20)
    event_id: int = key_field()
    event_at: datetime
    recorded_at: datetime
    superseded_by: int | None = key_field(default=None)
    superseded_at: datetime | None = None


class Discrepancy(PublicRow, table=True):
    """An imported fact that a command would have refused: named, shown, resolved by later facts.

    `parts` fill the sentence of its kind; `detail` is that sentence in English. What was found by
    an older release has a detail alone.
    """

    __tablename__ = "discrepancy"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        tenant_key("node", "node", "node"),
        tenant_key("event_id", "event"),
        Index("ix_discrepancy_node", "tenant_id", "node"),
    )

    kind: str = Field(max_length=40)
    node: int | None = key_field(default=None)
    event_id: int | None = key_field(default=None)
    detail: str = Field(max_length=2000)
    parts: dict[str, str] = json_field()
    found_at: datetime
    resolved_at: datetime | None = None


class ImportRun(PublicRow, table=True):
    """One load of one file: what was read, stored, already there, refused (Annex 11, 4.8).

    `sums` are the quantities of what was stored, by lot of the mapping and unit. Without
    `finished_at` it was cut off, or is going on.
    """

    __tablename__ = "import_run"
    __table_args__ = (UniqueConstraint("tenant_id", "uid"),)

    format: str = Field(max_length=20)
    file_name: str = Field(max_length=300)
    file_sha256: str = Field(max_length=64)
    mapping_sha256: str = Field(default="", max_length=64)
    read: int = 0
    stored: int = 0
    duplicates: int = 0
    refused: int = 0
    sums: dict[str, Any] = json_field()
    problems: list[dict[str, Any]] = json_field(list)
    started_at: datetime
    finished_at: datetime | None = None
    undone_at: datetime | None = None
    recorded_by: str = Field(max_length=120)


class ImportRow(TenantRow, table=True):
    """A row that was stored or quarantined, so that loading it again changes nothing.

    `row_key` names the row in its source; `content_hash` tells an equal row from a changed one.
    """

    __tablename__ = "import_row"
    __table_args__ = (
        tenant_key("import_id", "import_run"),
        UniqueConstraint("tenant_id", "row_key"),
    )

    import_id: int = key_field()
    row_key: str = Field(max_length=300)
    content_hash: str = Field(max_length=64)
    verdict: str = Field(max_length=12)
    reason: str = Field(default="", max_length=2000)
