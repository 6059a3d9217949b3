"""What devices told: whether a command may cite one, and which uses of a lot were of an unfit one.

It must not know how a device is calibrated; see `qtcore.services.devices`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlmodel import Session, col, select

from qtcore.builtin.facts import TraceEvent
from qtcore.definitions.fields import DEVICE
from qtcore.errors import Refusal
from qtcore.services.devices import calibrations_of, find_device, why_unfit
from qtcore.store.queries.keyset import batched
from qtcore.store.tables import Device, Event, InspectionResult, Movement
from qtcore.store.unit import UnitOfWork

SOURCE: Final = "21 CFR 11.10(h)"


@dataclass(frozen=True, slots=True)
class Use:
    """A device that told something of a lot on a day; `why` it is not taken, empty when it is."""

    node: int
    device: str
    on: date
    why: str
    event_id: int | None = None


def device_refusals(
    session: Session, tenant_id: int, codes: Iterable[str], on: date
) -> list[Refusal]:
    """Say why what devices tell on a day is not taken; an empty code names none."""
    refusals = []
    for code in filter(None, dict.fromkeys(codes)):
        row = find_device(session, tenant_id, code)
        if row is None:
            text = f"device {code!r} is not registered"
            fix = "register it, or name the one that was used"
            refusals.append(Refusal("QT561", text, fix=fix, source=SOURCE))
        elif why := why_unfit(row, calibrations_of(session, tenant_id, [row])[row.id], on):
            fix = "use a device that is calibrated, or record its calibration with the evidence"
            refusals.append(Refusal("QT562", why, fix=fix, source=SOURCE))
    return refusals


def cited_in(schema: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """List the devices that the values of a form name, in its fields and in rows of its tables."""
    found = []
    for name, part in schema.get("properties", {}).items():
        value = values.get(name)
        rows = value if part.get("type") == "array" and isinstance(value, list) else [value]
        inner = part.get("items", {}) if rows is value else part
        for row in rows:
            if inner.get("type") == "object" and isinstance(row, Mapping):
                found += cited_in(inner, row)
            elif (inner.get("x-qt") or {}).get("entity") == DEVICE and row:
                found.append(str(row))
    return list(dict.fromkeys(found))


def uses_of(session: Session, tenant_id: int, nodes: Iterable[int]) -> list[Use]:
    """List what devices told of lots, in events and results that hold, each judged by its day."""
    told: list[tuple[int, str, date, int | None]] = []
    for some in batched(sorted(set(nodes))):
        events: Any = (
            select(Movement.node, Event.device, Event.event_at, Event.id)
            .join(
                Event,
                (col(Event.tenant_id) == Movement.tenant_id) & (col(Event.id) == Movement.event_id),
            )
            .where(
                Movement.tenant_id == tenant_id,
                col(Movement.node).in_(some),
                Event.device != "",
                col(Event.superseded_by).is_(None),
            )
            .distinct()
        )
        told += [(node, code, at.date(), key) for node, code, at, key in session.exec(events)]
        results = select(InspectionResult).where(
            InspectionResult.tenant_id == tenant_id,
            col(InspectionResult.node).in_(some),
            InspectionResult.device != "",
            col(InspectionResult.superseded_by).is_(None),
        )
        told += [
            (row.node, row.device, (row.measured_at or row.recorded_at).date(), None)
            for row in session.exec(results)
        ]
    return _judged(session, tenant_id, told)


def _judged(
    session: Session, tenant_id: int, told: list[tuple[int, str, date, int | None]]
) -> list[Use]:
    if not told:
        return []
    codes = {code for _, code, _, _ in told}
    rows = session.exec(
        select(Device).where(Device.tenant_id == tenant_id, col(Device.code).in_(codes))
    ).all()
    known = calibrations_of(session, tenant_id, rows)
    devices = {row.code: row for row in rows}
    return [
        Use(
            node,
            code,
            on,
            why_unfit(devices[code], known[devices[code].id], on)
            if code in devices
            else f"device {code!r} is not registered",
            key,
        )
        for node, code, on, key in told
    ]


def cited_device(work: UnitOfWork, event: TraceEvent) -> str:
    """Give the code of the device an imported event names, when it is one of ours.

    Devices of other companies are not registered here: nothing is known of them, nothing is said.
    """
    for element in event.sensors:
        name = (element.get("sensorMetadata") or {}).get("deviceID")
        if isinstance(name, str) and find_device(work.session, work.tenant_id, name[:120]):
            return name[:120]
    return ""
