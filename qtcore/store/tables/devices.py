"""Tables of devices: scales, scanners, tablets, printers, and what proves that they measure right.

It must not know what is measured. Calibrations are append-only.
"""

from datetime import date, datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from qtcore.store.columns import PublicRow, key_field, one_of, tenant_key

DEVICE_KINDS = ("scale", "scanner", "tablet", "printer", "meter", "other")


class Device(PublicRow, table=True):
    """A device of a site. `every_days`: how often it is calibrated; null: it needs no calibration.

    `reminded_for` is the day that was told of last: the due date, or a day of each week after it.
    """

    __tablename__ = "device"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        UniqueConstraint("tenant_id", "code"),
        one_of("kind", *DEVICE_KINDS),
        one_of("state", "active", "retired"),
    )

    code: str = Field(max_length=120)
    name: str = Field(max_length=200)
    kind: str = Field(max_length=20)
    serial_no: str = Field(default="", max_length=120)
    site: str = Field(default="", max_length=120)
    state: str = Field(default="active", max_length=20)
    every_days: int | None = None
    due_on: date | None = None
    reminded_for: date | None = None
    retired_on: date | None = None
    registered_at: datetime
    registered_by: str = Field(max_length=120)
    version: int = 1


class Calibration(PublicRow, table=True):
    """One calibration: on which day, valid until when, whether it passed, on what evidence."""

    __tablename__ = "calibration"
    __table_args__ = (
        UniqueConstraint("tenant_id", "uid"),
        tenant_key("device_id", "device"),
        Index("ix_calibration_device", "tenant_id", "device_id"),
    )

    device_id: int = key_field()
    done_on: date
    valid_until: date
    is_passed: bool
    evidence: str = Field(max_length=400)
    recorded_at: datetime
    recorded_by: str = Field(max_length=120)
