"""What devices told: whether a command may cite one, and which uses of a lot were of an unfit one.

It must not know how a device is calibrated; see `qtcore.services.devices`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Final

from sqlalchemy import BigInteger, CompoundSelect, Select, and_, func, literal
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from qtcore.builtin.facts import TraceEvent
from qtcore.definitions.fields import DEVICE
from qtcore.errors import Refusal
from qtcore.services.devices import Unfit, calibrations_of, find_device, why_unfit
from qtcore.store.columns import table_of
from qtcore.store.queries.keyset import TENANT, among, batched, rows_for
from qtcore.store.tables import Device, Event, InspectionResult, Movement
from qtcore.store.unit import UnitOfWork

SOURCE: Final = "21 CFR 11.10(h)"
_EVENT: Final = table_of(Event).c
_MOVED: Final = table_of(Movement).c
_RESULT: Final = table_of(InspectionResult).c


@dataclass(frozen=True, slots=True)
class Use:
    """A device that told something of a lot on a day; why it is not taken, None when it is."""

    node: int
    device: str
    on: date
    unfit: Unfit | None
    event_id: int | None = None


def device_refusals(
    session: Session, tenant_id: int, codes: Iterable[str], on: date
) -> list[Refusal]:
    """Say why what devices tell on a day is not taken; an empty code names none."""
    refusals = []
    for code in filter(None, dict.fromkeys(codes)):
        row = find_device(session, tenant_id, code)
        if row is None:
            text = str(Unfit("device_unknown", code))
            fix = "register it, or name the one that was used"
            refusals.append(Refusal("QT561", text, fix=fix, source=SOURCE))
        elif why := why_unfit(row, calibrations_of(session, tenant_id, [row])[row.id], on):
            fix = "use a device that is calibrated, or record its calibration with the evidence"
            refusals.append(Refusal("QT562", str(why), fix=fix, source=SOURCE))
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


def uses_of(
    session: Session, tenant_id: int, nodes: Iterable[int], *, not_in_events: Iterable[int] = ()
) -> list[Use]:
    """List what devices told of lots, in events and results that hold, each judged by its day.

    `not_in_events` are lots of which no event names a device, as sums say: only their results are
    read.
    """
    rest = set(not_in_events)
    rows = [
        *rows_for(session, _told, tenant_id, set(nodes) - rest),
        *rows_for(session, _measured, tenant_id, rest),
    ]
    told = sorted((node, code, at.date(), key) for node, code, at, key in rows)
    return _judged(session, tenant_id, [(n, code, on, key or None) for n, code, on, key in told])


def uses_in_events(
    session: Session, tenant_id: int, events: Mapping[int, Collection[int]]
) -> list[Use]:
    """List what devices told of lots in some events of each, whether these still hold or not."""
    named: dict[int, tuple[str, date]] = {}
    for few in batched(sorted(set().union(*events.values()))):
        rows = session.execute(
            sql_select(_EVENT.id, _EVENT.device, _EVENT.event_at).where(
                _EVENT.tenant_id == tenant_id, _EVENT.id.in_(few), _EVENT.device != literal("")
            )
        )
        named |= {key: (code, at.date()) for key, code, at in rows}
    told = [(node, *named[key], key) for node, own in events.items() for key in own if key in named]
    return _judged(session, tenant_id, sorted(told))


@cache
def _told(dialect: str) -> CompoundSelect[Any]:
    """Select what devices told of nodes; the key is that of the event, or 0 for a result."""
    this = and_(_EVENT.tenant_id == _MOVED.tenant_id, _EVENT.id == _MOVED.event_id)
    in_events = (
        sql_select(_MOVED.node, _EVENT.device, _EVENT.event_at, _EVENT.id)
        .select_from(table_of(Movement).join(table_of(Event), this))
        .where(_MOVED.tenant_id == TENANT, among(dialect, _MOVED.node))
        .where(_EVENT.device != literal(""), _EVENT.superseded_by.is_(None))
    )
    return in_events.union(_measured(dialect))


@cache
def _measured(dialect: str) -> Select[Any]:
    at = func.coalesce(_RESULT.measured_at, _RESULT.recorded_at)
    return (
        sql_select(_RESULT.node, _RESULT.device, at, literal(0, BigInteger))
        .where(_RESULT.tenant_id == TENANT, among(dialect, _RESULT.node))
        .where(_RESULT.device != literal(""), _RESULT.superseded_by.is_(None))
        .distinct()
    )


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
            else Unfit("device_unknown", code),
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
