"""A flood of equal happenings is told of by few entries, and the last says how many."""

from datetime import UTC, datetime, timedelta

import pytest

from qtcore.services.tallies import Tally

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_the_first_are_told_then_each_doubling():
    tally = Tally(most=10)
    told = [tally.count("token", AT) for _ in range(1000)]
    assert told[:10] == [{}] * 10
    later = [each["count"] for each in told[10:] if each is not None]
    assert later == [20, 40, 80, 160, 320, 640]


def test_another_kind_and_another_hour_begin_anew():
    tally = Tally(most=1)
    assert tally.count("token", AT) == {}
    assert tally.count("request", AT) == {}
    for _ in range(2):
        tally.count("token", AT)
    assert tally.count("token", AT + timedelta(minutes=59)) == {
        "count": 4,
        "since": AT.isoformat(),
    }
    assert tally.count("token", AT + timedelta(minutes=60)) == {}


@pytest.mark.parametrize("most", [1, 100])
def test_a_million_in_an_hour_are_few_entries(most: int):
    tally = Tally(most=most)
    told = [tally.count("token", AT) for _ in range(10_000)]
    assert sum(each is not None for each in told) <= most + 14
