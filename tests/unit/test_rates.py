"""Buckets fill with time, forget the longest unused, and count an IPv6 network as one."""

import pytest

from qtcore.errors import InputRejected
from qtcore.http.rates import Buckets, Rate, network_of, read_rates


class Hand:
    """A clock that stands until it is set."""

    at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def hand() -> Hand:
    return Hand()


def test_a_burst_goes_through_then_as_much_as_the_rate(hand: Hand):
    buckets = Buckets(Rate(2, 3), clock=hand)
    assert [buckets.take("a") for _ in range(5)] == [0, 0, 0, 0.5, 0.5]
    assert buckets.take("b") == 0
    hand.at += 1
    assert [buckets.take("a") > 0 for _ in range(3)] == [False, False, True]


def test_who_waits_takes_the_turn_and_the_next_waits_longer(hand: Hand):
    buckets = Buckets(Rate(2, 1), clock=hand)
    assert [buckets.take("", patience=1) for _ in range(4)] == [0, 0.5, 1, 1.5]
    assert buckets.take("", patience=1) == 1.5


def test_what_weighs_more_is_taken_beyond_the_bucket_but_not_for_ever(hand: Hand):
    buckets = Buckets(Rate(1, 10), clock=hand)
    for _ in range(100):
        buckets.take("a", 10, patience=1e9)
    assert 60 <= buckets.take("a") <= 61


@pytest.mark.parametrize("keys", [10, 1000])
def test_the_room_is_bounded_and_the_longest_unused_goes(hand: Hand, keys: int):
    buckets = Buckets(Rate(1, 1), room=10, clock=hand)
    for number in range(keys):
        buckets.take(str(number))
        buckets.take("busy")
    assert len(buckets) == 10
    assert buckets.take("busy") > 0


def test_no_rate_counts_nothing(hand: Hand):
    buckets = Buckets(Rate(0, 0), clock=hand)
    assert [buckets.take("a") for _ in range(100)] == [0] * 100
    assert len(buckets) == 0


@pytest.mark.parametrize(
    ("ip", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
    ],
)
def test_an_address_is_counted_as_what_one_subscriber_holds(ip: str, counted: str):
    assert network_of(ip) == counted


def test_rates_are_set_for_an_installation(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("QTCORE_RATE_PERSON", "5")
    monkeypatch.setenv("QTCORE_RATE_ADDRESS", "0")
    rules = read_rates()
    assert (rules.person, rules.address.a_second) == (Rate(5, 50), 0)


@pytest.mark.parametrize("text", ["-1", "1.5", "many", "٣", "1000000"])
def test_what_is_no_rate_is_refused(monkeypatch: pytest.MonkeyPatch, text: str):
    monkeypatch.setenv("QTCORE_RATE_PERSON", text)
    with pytest.raises(InputRejected, match="give 0 to 100000 requests a second"):
        read_rates()
