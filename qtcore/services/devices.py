"""Devices of a site: registered, calibrated on evidence, retired; whether one measures right.

It must not know what a device measured. 21 CFR 11.10(h): what comes from a device is taken only
from one that is known, and while it is known to measure right.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from sqlmodel import Session, col, select

from qtcore.context import Context
from qtcore.engines.access import Thing
from qtcore.errors import Fault, InputRejected, NotFound
from qtcore.services.accounts import own_sites
from qtcore.services.findings import in_english
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.tables import Calibration, Device
from qtcore.store.tables.devices import DEVICE_KINDS
from qtcore.store.unit import UnitOfWork

MANAGE: Final = "device.manage"
_MOST_DAYS: Final = 3660


@dataclass(frozen=True, slots=True)
class NewDevice:
    """A device to be registered. `every_days` is None for one that needs no calibration."""

    code: str
    name: str
    kind: str
    site: str = ""
    serial_no: str = ""
    every_days: int | None = None


@dataclass(frozen=True, slots=True)
class NewCalibration:
    """A calibration: the day, whether it passed, the evidence (a certificate's number, a file).

    `valid_until` is the last good day; without one it follows from how often it is due.
    """

    done_on: date
    evidence: str
    is_passed: bool = True
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why what a device tells is not taken, as a kind of finding; as text it says so in English."""

    why: str
    device: str
    day: date | None = None

    def as_parts(self) -> dict[str, str]:
        """Give what fills the sentence."""
        return {"why": self.why, "device": self.device, "day": str(self.day or "")}

    def __str__(self) -> str:
        """Say it in English."""
        return in_english(self.why, {"device": self.device, "day": str(self.day or "")})


def list_devices(site: Site, context: Context) -> list[dict[str, Any]]:
    """List the devices, of one's own sites where roles are held there only, by code."""
    require(site, context, "lot.read")
    today = context.at.date()
    with site.store.read() as session:
        rows = session.exec(
            select(Device).where(Device.tenant_id == site.store.tenant_id).order_by(Device.code)
        ).all()
        known = calibrations_of(session, site.store.tenant_id, rows)
    return [_shown(row, known[row.id], today) for row in rows if _sees(context, row)]


def get_device(site: Site, context: Context, code: str) -> dict[str, Any]:
    """Get one device with its calibrations, the newest first; raises NotFound."""
    require(site, context, "lot.read")
    with site.store.read() as session:
        row = find_device(session, site.store.tenant_id, code)
        if row is None or not _sees(context, row):
            raise _missing(code)
        known = calibrations_of(session, site.store.tenant_id, [row])[row.id]
    return {
        **_shown(row, known, context.at.date()),
        "calibrations": [
            {
                "calibration_id": each.uid,
                "done_on": each.done_on.isoformat(),
                "valid_until": each.valid_until.isoformat(),
                "is_passed": each.is_passed,
                "evidence": each.evidence,
                "recorded_at": each.recorded_at.isoformat(),
                "recorded_by": each.recorded_by,
            }
            for each in reversed(known)
        ],
    }


def register_device(site: Site, context: Context, new: NewDevice) -> dict[str, Any]:
    """Register a device at a site; raises Denied, InputRejected naming everything wrong."""
    _require(site, context, new.code, new.site)
    with site.store.write(context) as work:
        work.take_turn()
        _check_new(site, work.session, new)
        row = Device(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            code=new.code,
            name=new.name.strip(),
            kind=new.kind,
            serial_no=new.serial_no.strip(),
            site=new.site,
            every_days=new.every_days,
            registered_at=context.at,
            registered_by=context.actor.login,
        )
        work.add(row)
        told = ("code", "name", "kind", "serial_no", "site", "every_days")
        given = {name: (None, getattr(row, name)) for name in told}
        work.log("device.register", "device", row.uid, changes=given)
    return get_device(site, context, new.code)


def calibrate_device(
    site: Site, context: Context, code: str, new: NewCalibration
) -> dict[str, Any]:
    """Record a calibration; raises Denied, NotFound, InputRejected."""
    with site.store.write(_allowed(site, context, code)) as work:
        row = _active(work, code)
        until = new.valid_until or new.done_on + timedelta(days=row.every_days or 0)
        _check_calibration(context, row, (new, until))
        made = Calibration(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            device_id=row.id,
            done_on=new.done_on,
            valid_until=until,
            is_passed=new.is_passed,
            evidence=new.evidence.strip(),
            recorded_at=context.at,
            recorded_by=context.actor.login,
        )
        work.add(made)
        work.flush()
        known = calibrations_of(work.session, work.tenant_id, [row])[row.id]
        changes = work.change(row, due_on=known[-1].valid_until)
        details = {
            "calibration": made.uid,
            "done_on": new.done_on.isoformat(),
            "valid_until": until.isoformat(),
            "passed": new.is_passed,
            "evidence": made.evidence,
        }
        work.log("device.calibrate", "device", row.uid, changes=changes, details=details)
    return get_device(site, context, code)


def retire_device(site: Site, context: Context, code: str, *, reason: str) -> dict[str, Any]:
    """Take a device out of use for good; Denied, NotFound, InputRejected without a reason."""
    with site.store.write(_allowed(site, context, code)) as work:
        row = _active(work, code)
        if not reason.strip():
            fault = Fault("QT451", "retiring a device needs the reason", "reason")
            raise InputRejected(f"device {code} is not retired", [fault])
        changes = work.change(row, state="retired", retired_on=context.at.date())
        work.log("device.retire", "device", row.uid, changes=changes, reason=reason)
    return get_device(site, context, code)


def find_device(session: Session, tenant_id: int, code: str) -> Device | None:
    """Find a device by its code."""
    return session.exec(
        select(Device).where(Device.tenant_id == tenant_id, Device.code == code)
    ).first()


def calibrations_of(
    session: Session, tenant_id: int, devices: Sequence[Device]
) -> dict[int, list[Calibration]]:
    """Read the calibrations of devices, by the key of the device, the oldest first."""
    found: dict[int, list[Calibration]] = {each.id: [] for each in devices}
    if not found:
        return found
    rows = session.exec(
        select(Calibration)
        .where(Calibration.tenant_id == tenant_id, col(Calibration.device_id).in_(found))
        .order_by(col(Calibration.done_on), col(Calibration.id))
    )
    for row in rows:
        found[row.device_id].append(row)
    return found


def why_unfit(row: Device, known: Sequence[Calibration], on: date) -> Unfit | None:
    """Say why what a device tells on a day is not taken; None when it measures right."""
    if row.retired_on is not None and on >= row.retired_on:
        return Unfit("device_retired", row.code, row.retired_on)
    if row.every_days is None:
        return None
    last = next((each for each in reversed(known) if each.done_on <= on), None)
    if last is None:
        return Unfit("device_not_calibrated", row.code, on)
    if not last.is_passed:
        return Unfit("device_failed", row.code, last.done_on)
    if on > last.valid_until:
        return Unfit("device_overdue", row.code, last.valid_until)
    return None


def _shown(row: Device, known: Sequence[Calibration], today: date) -> dict[str, Any]:
    why = why_unfit(row, known, today)
    return {
        "device_id": row.uid,
        "code": row.code,
        "name": row.name,
        "kind": row.kind,
        "site": row.site,
        "serial_no": row.serial_no,
        "state": row.state,
        "every_days": row.every_days,
        "due_on": row.due_on.isoformat() if row.due_on else None,
        "is_fit": why is None,
        "why": str(why or ""),
        "why_parts": why.as_parts() if why else {},
        "registered_at": row.registered_at.isoformat(),
        "registered_by": row.registered_by,
    }


def _sees(context: Context, row: Device) -> bool:
    actor = context.actor
    if actor.bound_site:
        return row.site in ("", actor.bound_site)
    return not actor.is_bound or row.site in ("", *actor.own_sites)


def _require(site: Site, context: Context, code: str, at: str) -> None:
    thing = Thing(f"device {code}", sites=frozenset([at] if at else []))
    require(site, context, MANAGE, about=code, thing=thing)


def _allowed(site: Site, context: Context, code: str) -> Context:
    found = get_device(site, context, code)
    _require(site, context, code, found["site"])
    return context


def _active(work: UnitOfWork, code: str) -> Device:
    work.take_turn()
    row = find_device(work.session, work.tenant_id, code)
    if row is None:
        raise _missing(code)
    if row.state != "active":
        text = f"device {code} was retired on {row.retired_on}; register the one in its place"
        raise InputRejected(text, [Fault("QT560", text, "code")])
    return row


def _check_new(site: Site, session: Session, new: NewDevice) -> None:
    faults = []
    if not new.code or new.code != new.code.strip() or "/" in new.code or len(new.code) > 120:
        faults.append(Fault("QT560", f"code {new.code!r} is not usable", "code"))
    elif find_device(session, site.store.tenant_id, new.code) is not None:
        text = f"device {new.code!r} exists; codes are never used again"
        faults.append(Fault("QT560", text, "code"))
    if not new.name.strip():
        faults.append(Fault("QT560", "the name is missing", "name"))
    if new.kind not in DEVICE_KINDS:
        text = f"kind {new.kind!r} is none of {', '.join(DEVICE_KINDS)}"
        faults.append(Fault("QT560", text, "kind"))
    ours = own_sites(session, site.store.tenant_id)
    if new.site and new.site not in ours:
        text = f"{new.site!r} is no site; sites are: {', '.join(ours) or 'none yet'}"
        faults.append(Fault("QT467", text, "site"))
    if new.every_days is not None and not 1 <= new.every_days <= _MOST_DAYS:
        text = f"every_days {new.every_days} is not 1 to {_MOST_DAYS}"
        faults.append(Fault("QT560", text, "every_days"))
    if faults:
        raise InputRejected(f"device {new.code!r} is not registered", faults)


def _check_calibration(context: Context, row: Device, told: tuple[NewCalibration, date]) -> None:
    new, until = told
    faults = []
    if row.every_days is None:
        text = f"device {row.code} was registered as one that needs no calibration"
        faults.append(Fault("QT560", text, "code"))
    if new.done_on > context.at.date():
        faults.append(Fault("QT560", f"{new.done_on} has not come yet", "done_on"))
    if until < new.done_on:
        text = f"it would end on {until}, before it was done on {new.done_on}"
        faults.append(Fault("QT560", text, "valid_until"))
    if not new.evidence.strip():
        text = "the evidence is missing: the certificate's number, or where it is kept"
        faults.append(Fault("QT560", text, "evidence"))
    if faults:
        raise InputRejected(f"the calibration of {row.code} is not recorded", faults)


def _missing(code: str) -> NotFound:
    return NotFound(
        f"there is no device {code!r} here; the list of devices has their codes", code="QT561"
    )
