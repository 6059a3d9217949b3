"""Deadlines fall on working days, at the hour people know, whatever the summer time does."""

from datetime import UTC, date, datetime

import pytest

from qtcore.definitions.calendars import CalendarDefinition
from qtcore.engines.calendars import begin_of, due_after, due_before, is_working, read_span

BERLIN = CalendarDefinition(
    id="berlin",
    holidays=(date(2026, 5, 1),),
    extra_days=(date(2026, 5, 9),),
    time_zone="Europe/Berlin",
)
SHANGHAI = CalendarDefinition(id="shanghai", time_zone="Asia/Shanghai")


def after(start: str, span: str, *, working: bool, calendar: CalendarDefinition = BERLIN) -> str:
    moment = datetime.fromisoformat(start).replace(tzinfo=calendar.zone)
    due = due_after(moment, read_span(span), calendar, working=working)
    assert due.tzinfo is UTC
    return due.astimezone(calendar.zone).strftime("%Y-%m-%d %H:%M %z")


@pytest.mark.parametrize(
    ("start", "span", "working", "due"),
    [
        ("2026-06-01T09:00", "P3D", False, "2026-06-04 09:00 +0200"),
        ("2026-03-28T09:00", "P1D", False, "2026-03-29 09:00 +0200"),
        ("2026-03-28T09:00", "PT24H", False, "2026-03-29 10:00 +0200"),
        ("2026-10-24T09:00", "P1D", False, "2026-10-25 09:00 +0100"),
        ("2026-10-24T09:00", "PT24H", False, "2026-10-25 08:00 +0100"),
        ("2026-03-28T02:30", "P1D", False, "2026-03-29 03:30 +0200"),
        ("2026-01-31T09:00", "P1M", False, "2026-02-28 09:00 +0100"),
        ("2024-02-29T09:00", "P1Y", False, "2025-02-28 09:00 +0100"),
        ("2026-06-05T15:00", "P1D", True, "2026-06-08 15:00 +0200"),
        ("2026-06-06T15:00", "P1D", True, "2026-06-08 15:00 +0200"),
        ("2026-04-30T15:00", "P1D", True, "2026-05-04 15:00 +0200"),
        ("2026-05-08T15:00", "P1D", True, "2026-05-09 15:00 +0200"),
        ("2026-06-01T15:00", "P1M", True, "2026-07-01 15:00 +0200"),
        ("2026-05-01T15:00", "P1M", True, "2026-06-01 15:00 +0200"),
        ("2026-06-05T20:00", "PT8H", True, "2026-06-08 04:00 +0200"),
        ("2026-06-06T20:00", "PT8H", True, "2026-06-08 08:00 +0200"),
    ],
)
def test_a_span_ends_where_people_expect_it(start, span, working, due):
    assert after(start, span, working=working) == due


def test_a_day_begins_at_the_calendars_place():
    assert begin_of(date(2026, 6, 1), SHANGHAI) == datetime(2026, 5, 31, 16, tzinfo=UTC)


def test_a_span_before_a_day_ends_on_a_working_day():
    due = due_before(date(2026, 5, 4), read_span("P1D"), BERLIN, working=True)
    assert due == begin_of(date(2026, 4, 30), BERLIN)
    due = due_before(date(2026, 6, 8), read_span("PT4H"), BERLIN, working=True)
    assert due.astimezone(BERLIN.zone).strftime("%Y-%m-%d %H:%M") == "2026-06-05 20:00"


def test_an_extra_day_is_worked_and_a_holiday_is_not():
    days = (date(2026, 5, 1), date(2026, 5, 9), date(2026, 5, 10), date(2026, 5, 11))
    assert [is_working(day, BERLIN) for day in days] == [False, True, False, True]


def test_a_zone_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="a time zone such as Europe/Berlin"):
        CalendarDefinition(id="x", time_zone="Mars/Base")
