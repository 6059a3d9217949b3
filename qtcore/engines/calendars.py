"""When something is due: durations over all days, or over the working days of a calendar.

It must not know timers, records, or what time it is. Days, weeks, months and years are counted on
the clock on the wall of the calendar's place, so that a summer time in between does not move the
hour; hours and minutes are counted as they pass.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from qtcore.definitions.calendars import WEEKDAYS, CalendarDefinition

EVERY_DAY: Final = "calendar"
_DURATION: Final = re.compile(
    r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?"
)
_MOST_DAYS: Final = 366 * 50


@dataclass(frozen=True, slots=True)
class Span:
    """A duration in its parts."""

    months: int = 0
    days: int = 0
    weeks: int = 0
    minutes: int = 0


def read_span(text: str) -> Span:
    """Read an ISO 8601 duration; ValueError when it is none."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a duration such as P3D or PT24H")
    years, months, weeks, days, hours, minutes = (int(part or 0) for part in found.groups())
    return Span(years * 12 + months, days, weeks, hours * 60 + minutes)


def due_after(
    start: datetime, span: Span, calendar: CalendarDefinition, *, working: bool
) -> datetime:
    """Give the moment a span after another, in UTC.

    With `working` days of the span are working days, and what falls on another day moves on to the
    next working day; its hours pass on working days only.
    """
    return _moved(start, span, calendar, (1, working))


def due_before(day: date, span: Span, calendar: CalendarDefinition, *, working: bool) -> datetime:
    """Give the moment a span before a day begins, in UTC."""
    return _moved(begin_of(day, calendar), span, calendar, (-1, working))


def begin_of(day: date, calendar: CalendarDefinition) -> datetime:
    """Give the moment a day begins at the calendar's place, in UTC."""
    return datetime.combine(day, time(), calendar.zone).astimezone(UTC)


def is_working(day: date, calendar: CalendarDefinition) -> bool:
    """Say whether people work on a day."""
    if day in calendar.extra_days:
        return True
    return WEEKDAYS[day.weekday()] in calendar.working_days and day not in calendar.holidays


def _moved(
    start: datetime, span: Span, calendar: CalendarDefinition, how: tuple[int, bool]
) -> datetime:
    way, working = how
    wall = start.astimezone(calendar.zone)
    day = _months_on(wall.date(), way * span.months) + timedelta(weeks=way * span.weeks)
    day = _days_on(day, way * span.days, calendar if working else None)
    if working and (span.days or span.months or span.weeks):
        day = _to_working(day, way, calendar)
    # A time that the summer time leaves out is read as if it had not begun: an hour later.
    moment = datetime.combine(day, wall.timetz()).astimezone(UTC)
    if not working:
        return moment + way * timedelta(minutes=span.minutes)
    return _minutes_on(moment, way * span.minutes, calendar)


def _months_on(day: date, months: int) -> date:
    """Move by months; the 31st of a short month is its last day."""
    count = day.year * 12 + day.month - 1 + months
    year, month = divmod(count, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _days_on(day: date, days: int, calendar: CalendarDefinition | None) -> date:
    if calendar is None:
        return day + timedelta(days=days)
    way = 1 if days > 0 else -1
    left = abs(days)
    for _ in range(_MOST_DAYS):
        if not left:
            return day
        day += timedelta(days=way)
        left -= is_working(day, calendar)
    raise ValueError(f"calendar {calendar.id!r} has too few working days")


def _to_working(day: date, way: int, calendar: CalendarDefinition) -> date:
    for _ in range(_MOST_DAYS):
        if is_working(day, calendar):
            return day
        day += timedelta(days=way)
    raise ValueError(f"calendar {calendar.id!r} has no working days")


def _minutes_on(moment: datetime, minutes: int, calendar: CalendarDefinition) -> datetime:
    """Let minutes pass on working days; days off stand still."""
    way = 1 if minutes >= 0 else -1
    left = timedelta(minutes=abs(minutes))
    for _ in range(_MOST_DAYS):
        if not left:
            return moment
        wall = moment.astimezone(calendar.zone)
        is_edge = way < 0 and wall.time() == time()
        day = wall.date() - timedelta(days=1) if is_edge else wall.date()
        end = begin_of(day + timedelta(days=1) if way > 0 else day, calendar)
        room = abs(end - moment)
        if is_working(day, calendar):
            if room >= left:
                return moment + way * left
            left -= room
        moment = end
    raise ValueError(f"calendar {calendar.id!r} has no working days")
