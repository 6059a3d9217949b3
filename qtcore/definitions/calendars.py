"""Calendars: which days people work, where, so that deadlines fall on days somebody is there.

It must not know timers, nor what the day is today.
"""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field

from qtcore.definitions.definition import Day, Definition, Text

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _as_zone(value: str) -> str:
    """Refuse a place nobody knows; a zone by its offset has no summer time."""
    if value not in available_timezones():
        raise ValueError("a time zone such as Europe/Berlin, Asia/Shanghai or UTC")
    return value


Zone = Annotated[Text, AfterValidator(_as_zone)]


class CalendarDefinition(Definition):
    """The working days of a site.

    `working_days` of each week, without the `holidays`, with the `extra_days` on which people work
    although the week says otherwise. Days begin and end in `time_zone`.
    """

    working_days: tuple[Weekday, ...] = Field(
        default=("mon", "tue", "wed", "thu", "fri"), min_length=1
    )
    holidays: tuple[Day, ...] = ()
    extra_days: tuple[Day, ...] = ()
    time_zone: Zone = "UTC"

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.time_zone)
