"""Tables of the EPCIS door: what captured events are asked by, and queries kept under a name.

It must not hold what an event says; that stays in the event.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from qtcore.store.columns import PublicRow, Row, json_field, key_field, tenant_key


class EpcisEvent(Row, table=True):
    """What a captured event is asked by; places and ids in canonical notation, words bare.

    `event_at` repeats the event's, so that one index finds and orders.
    """

    __tablename__ = "epcis_event"
    __table_args__ = (
        tenant_key("event_id", "event"),
        Index("ix_epcis_event_at", "tenant_id", "event_at", "event_id"),
        Index("ix_epcis_event_step", "tenant_id", "biz_step", "event_at"),
        Index("ix_epcis_event_location", "tenant_id", "biz_location", "event_at"),
        Index("ix_epcis_event_read_point", "tenant_id", "read_point", "event_at"),
        Index("ix_epcis_event_transformation", "tenant_id", "transformation_id"),
    )

    tenant_id: int = key_field(primary_key=True)
    event_id: int = key_field(primary_key=True)
    event_at: datetime
    kind: str = Field(max_length=400)
    action: str = Field(max_length=10)
    biz_step: str = Field(max_length=400)
    disposition: str = Field(max_length=400)
    biz_location: str = Field(max_length=400)
    read_point: str = Field(max_length=400)
    transformation_id: str = Field(max_length=400)


class EpcisQuery(PublicRow, table=True):
    """A query kept under a name, with its parameters as they were given."""

    __tablename__ = "epcis_query"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        UniqueConstraint("tenant_id", "name"),
    )

    name: str = Field(max_length=200)
    parameters: dict[str, Any] = json_field()
    created_at: datetime
    created_by: str = Field(max_length=120)
