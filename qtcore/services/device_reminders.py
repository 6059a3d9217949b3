"""Reminders of calibrations: two weeks before the due date, and each week that it is overdue.

It must not know channels; the message is delivered like every other.
"""

from datetime import date, timedelta
from typing import Final

from sqlmodel import Session, col, select

from qtcore.services.devices import MANAGE
from qtcore.services.site import Site
from qtcore.services.telling import About, tell
from qtcore.store.tables import Device

REMIND_BEFORE: Final = timedelta(days=14)
WEEK: Final = 7
DUE: Final = "calibration_due"
OVERDUE: Final = "calibration_overdue"


def remind_of_calibrations(site: Site) -> int:
    """Tell the holders of ``device.manage`` of what is due or overdue; returns how many devices."""
    today = site.sources.now().date()
    with site.store.read() as session:
        if not _untold(session, site.store.tenant_id, today):
            return 0
    with site.store.write(site.system_context()) as work:
        work.take_turn()
        rows = _untold(work.session, work.tenant_id, today)
        for row, day in rows:
            work.change(row, reminded_for=day)
            subject = DUE if day == row.due_on else OVERDUE
            about = About("device", row.uid, row.code)
            tell(work, site.registry.policy.holders(MANAGE), about, subject)
            work.log("device.remind", "device", row.uid, details={"due": str(row.due_on)})
    return len(rows)


def _untold(session: Session, tenant_id: int, today: date) -> list[tuple[Device, date]]:
    """List the devices to be told of now, each with the day of its plan that has come."""
    due = session.exec(
        select(Device)
        .where(
            Device.tenant_id == tenant_id,
            Device.state == "active",
            col(Device.due_on).is_not(None),
            col(Device.due_on) <= today + REMIND_BEFORE,
        )
        .order_by(Device.code)
    )
    planned = [(row, _day_of_plan(row.due_on, today)) for row in due if row.due_on is not None]
    return [(row, day) for row, day in planned if row.reminded_for != day]


def _day_of_plan(due_on: date, today: date) -> date:
    """Give the due date until it is over; after it the last day of those a week apart."""
    overdue = (today - due_on).days
    return due_on if overdue <= 0 else today - timedelta(days=(overdue - 1) % WEEK)
