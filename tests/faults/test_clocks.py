"""Clocks that jump: the order holds, and a clock that was set back is named."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from qtcore.services.audit import read_ledger, seal
from qtcore.services.integrity.fsck import check_database
from qtcore.services.site import Site
from qtcore.testing import FrozenClock, a_site
from tests.attackers import judged, note

pytestmark = pytest.mark.fault

ZONE = ZoneInfo("Europe/Ljubljana")


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(datetime(2026, 10, 24, 22, 0, tzinfo=UTC))


@pytest.fixture
def site(clock: FrozenClock) -> Iterator[Site]:
    with a_site(clock=clock) as plain:
        sources = replace(plain.sources, zone=ZONE)
        plain.store.sources = sources
        yield replace(plain, sources=sources)


def told_of(site: Site) -> list[tuple[str, str]]:
    seal(site)
    verdict = judged(site)
    assert verdict.ok
    broken = {each.invariant for each in check_database(site, site.system_context()).violations}
    assert broken <= {"I9"}
    kinds = [("fsck", each) for each in sorted(broken)]
    return [*kinds, *(("notice", each.kind) for each in verdict.notices)]


def test_the_hour_that_comes_twice_keeps_its_order_and_tells_its_offset(
    site: Site, clock: FrozenClock
) -> None:
    for at in ("2026-10-25T00:30", "2026-10-25T01:30", "2027-03-28T00:30", "2027-03-28T01:30"):
        clock.at = datetime.fromisoformat(f"{at}+00:00")
        note(site, "lot-1")
    assert told_of(site) == []
    rows = read_ledger(site, site.system_context(), about="lot-1").rows
    found = [(row.at.astimezone(ZONE).strftime("%H:%M"), row.head["offset"]) for row in rows[::-1]]
    assert found == [
        ("02:30", "+02:00"),
        ("02:30", "+01:00"),
        ("01:30", "+01:00"),
        ("03:30", "+02:00"),
    ]


JUMPS = {
    "400 days on": (timedelta(days=400), []),
    "to 29 February": (
        datetime(2028, 2, 29, 12, tzinfo=UTC) - datetime(2026, 10, 24, 22, tzinfo=UTC),
        [],
    ),
    "3 days back": (timedelta(days=-3), [("notice", "CLOCK_BACK")]),
}


@pytest.mark.parametrize(("jump", "named"), JUMPS.values(), ids=JUMPS)
def test_a_clock_that_jumps_changes_no_order(
    site: Site, clock: FrozenClock, jump: timedelta, named: list[tuple[str, str]]
) -> None:
    """Jumps forward are the control: of them nothing is said."""
    note(site, "before")
    seal(site)
    clock.at += jump
    note(site, "after")
    assert [each for each in told_of(site) if each[0] == "notice"] == named
    uids = [row.object_uid for row in read_ledger(site, site.system_context()).rows]
    assert uids[:2] == ["after", "before"]
