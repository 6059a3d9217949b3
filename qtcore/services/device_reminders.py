"""Reminders of calibrations that are due: two weeks before, once for each due date.

It must not know channels; the message is delivered like every other.
"""

from datetime import timedelta
from typing import Final

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from qtcore.services.devices import MANAGE
from qtcore.services.site import Site
from qtcore.store.tables import Device, Notification

REMIND_BEFORE: Final = timedelta(days=14)
SUBJECT: Final = "calibration_due"


def remind_of_calibrations(site: Site) -> int:
    """Tell the holders of ``device.manage`` of what is due soon; returns how many devices."""
    with site.store.read() as session:
        if session.exec(_due(site).limit(1)).first() is None:
            return 0
    with site.store.write(site.system_context()) as work:
        work.take_turn()
        rows = work.session.exec(_due(site)).all()
        for row in rows:
            work.change(row, reminded_for=row.due_on)
            for role in site.registry.policy.holders(MANAGE):
                work.add(
                    Notification(
                        tenant_id=work.tenant_id,
                        id=work.key(),
                        uid=work.new_uid(),
                        role=role,
                        about_kind="device",
                        about_uid=row.uid,
                        about_name=row.code,
                        subject=SUBJECT,
                        created_at=work.context.at,
                    )
                )
            work.log("device.remind", "device", row.uid, details={"due": str(row.due_on)})
    return len(rows)


def _due(site: Site) -> SelectOfScalar[Device]:
    day = site.sources.now().date() + REMIND_BEFORE
    return select(Device).where(
        Device.tenant_id == site.store.tenant_id,
        Device.state == "active",
        col(Device.due_on).is_not(None),
        col(Device.due_on) <= day,
        col(Device.reminded_for).is_distinct_from(col(Device.due_on)),
    )
