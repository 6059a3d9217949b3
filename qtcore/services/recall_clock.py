"""The clock of a recall: when what is due, by the days of a calendar or by the hours as they pass.

It must not know who is told. Times are UTC.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from qtcore.engines.calendars import EVERY_DAY, due_after, read_span
from qtcore.services.site import Site
from qtcore.services.timers import find_calendar


class Term(NamedTuple):
    """How long there is: ISO 8601 durations and the calendar whose days count.

    Of what is due again and again, the `round` counts from 1; each further one is due a `repeat`
    after the one before.
    """

    after: str
    calendar: str = EVERY_DAY
    repeat: str = ""
    round: int = 1


def due_at(site: Site, clock: Mapping[str, Any], start_event: str, term: Term) -> datetime | None:
    """Say when something is due; None as long as its clock has not started.

    With any calendar but ``calendar`` its days are the working days of that calendar; where nobody
    declared it, Monday to Friday.
    """
    started = clock.get(start_event)
    if not started:
        return None
    moment = datetime.fromisoformat(str(started))
    calendar = find_calendar(site, term.calendar)
    for duration in (term.after, *[term.repeat] * (term.round - 1)):
        span = read_span(duration)
        moment = due_after(moment, span, calendar, working=term.calendar != EVERY_DAY)
    return moment
