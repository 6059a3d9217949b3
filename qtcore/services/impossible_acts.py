"""Which acts on one thing cannot be: too early, to come, in no known unit, out of itself.

It must not read anything: it is told the acts, in the order they happened.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from qtcore.services.findings import Finding, moment_text
from qtcore.services.site import Site
from qtcore.store.queries.events import ActRow, MovementRow

EARLY: Final = "used_before_made"
UNIT: Final = "unknown_unit"
FUTURE: Final = "future_event"
ITSELF: Final = "made_from_itself"
CLOCK_TOLERANCE: Final = timedelta(minutes=5)
_ACTS: Final[Mapping[str, str]] = {
    "consumed": "consumed",
    "shipped": "shipped",
    "returned": "returned",
    "scrapped": "scrapped",
    "sampled": "sampled",
    "adjusted": "adjusted",
    "moved_out": "moved",
}


def find_impossible(site: Site, rows: Sequence[ActRow | MovementRow]) -> list[Finding]:
    """Find what cannot be among the acts on one node."""
    return [*_early(rows), *_unknown_units(site, rows), *_future(rows), *_itself(rows)]


def is_departure(effect: str, *, is_packing: bool) -> bool:
    """Say whether an act of this sort asks for a thing that is there already.

    Being seen does not: an inspection may name what an order asked for.
    """
    return is_packing or effect in _ACTS


def _early(rows: Sequence[ActRow | MovementRow]) -> list[Finding]:
    """Find an act before the thing was there. A month-precise date counts as its first day.

    Where its making is not recorded, only a use before the first receipt is early: its maker
    packed and shipped it before that, of course.
    """
    made = [r.event_at for r in rows if r.effect == "produced"]
    arrived = made or [r.event_at for r in rows if r.effect == "received"]
    if not arrived:
        return []
    acts = [
        (row.event_at, _ACTS.get(row.effect, "packed"), row.event_id)
        for row in rows
        if row.event_at < min(arrived)
        and is_departure(row.effect, is_packing=row.container is not None)
        and (made or row.effect == "consumed")
    ]
    if not acts:
        return []
    at, done, event_id = min(acts)
    times = {"at": moment_text(at), "made_at": moment_text(min(arrived))}
    return [Finding(EARLY, {"done": done, **times}, event_id)]


def _unknown_units(site: Site, rows: Sequence[ActRow | MovementRow]) -> list[Finding]:
    unknown = {r.unit: r.event_id for r in rows if r.unit and site.registry.unit(r.unit) is None}
    return [Finding(UNIT, {"name": unit}, event_id) for unit, event_id in sorted(unknown.items())]


def _future(rows: Sequence[ActRow | MovementRow]) -> list[Finding]:
    """Find an event told before it happened: a clock, a zone or a year is wrong."""
    told = [row for row in rows if row.event_at > row.recorded_at + CLOCK_TOLERANCE]
    if not told:
        return []
    first = min(told, key=lambda row: (row.event_at, row.event_type, row.id))
    times = {"at": moment_text(first.event_at), "told_at": moment_text(first.recorded_at)}
    return [Finding(FUTURE, {"event": first.event_type, **times}, first.event_id)]


def _itself(rows: Sequence[ActRow | MovementRow]) -> list[Finding]:
    """Find an event that made a lot out of the same lot: rework makes a new lot."""
    made = {row.event_id for row in rows if row.part == "output"}
    used = [row for row in rows if row.part == "input" and row.event_id in made]
    if not used:
        return []
    return [Finding(ITSELF, {"at": moment_text(used[0].event_at)}, used[0].event_id)]
