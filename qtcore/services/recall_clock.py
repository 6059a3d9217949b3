"""The clock of a recall: when what is due, by hours, calendar days or business days.

It must not know who is told. Times are UTC; a day of a plan ends at the same time of a later day.
Of business days only the weekend is known here: public holidays must be allowed for.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

_DURATION: Final = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?)?",
    re.ASCII,
)
_SATURDAY: Final = 5


def add_duration(start: datetime, duration: str, calendar: str = "calendar") -> datetime:
    """Add an ISO 8601 duration; with calendar ``business`` its days skip Saturday and Sunday.

    Raises ValueError for what is no duration of weeks, days, hours and minutes.
    """
    found = _DURATION.fullmatch(duration)
    if found is None or duration in ("P", "PT"):
        raise ValueError(f"{duration!r} is not a duration such as P3D or PT24H")
    parts = {name: int(value) for name, value in found.groupdict(default="0").items()}
    days = parts["weeks"] * 7 + parts["days"]
    rest = timedelta(hours=parts["hours"], minutes=parts["minutes"])
    if calendar != "business":
        return start + timedelta(days=days) + rest
    moment = start
    while days:
        moment += timedelta(days=1)
        days -= moment.weekday() < _SATURDAY
    return moment + rest


def due_at(
    clock: Mapping[str, Any], start_event: str, duration: str, calendar: str
) -> datetime | None:
    """Say when something is due; None as long as its clock has not started."""
    started = clock.get(start_event)
    if not started:
        return None
    return add_duration(datetime.fromisoformat(str(started)), duration, calendar).astimezone(UTC)
