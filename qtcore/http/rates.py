"""How many requests one may send: a bucket for each address and each person, in bounded memory.

It must not know accounts or routes. Each process counts for itself: of two instances each allows as
much. An IPv6 address is counted by its network, because one subscriber holds 2^64 of them.
"""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from math import inf
from typing import Final

import anyio

from qtcore.errors import InputRejected, TooManyTries

Clock = Callable[[], float]
ROOM: Final = 20_000
# A token that is none is asked of the database: it weighs as much as many requests.
WRONG_TOKEN: Final = 10.0
_LONGEST: Final = 60.0
_MOST: Final = 100_000


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` requests at once and `a_second` more; without limit when `a_second` is 0."""

    a_second: float
    burst: float


@dataclass(frozen=True, slots=True)
class RateRules:
    """`address`: everything from one address, behind which a plant may stand; `person`: one session
    or token; `guess`: passwords and secrets that nobody is signed in for, by address; `guesses`:
    all of those together, which wait for their turn up to `patience` seconds.

    `hold`: how long, in seconds, an address that sends too much waits for its refusal: who asks
    again at once is slowed without work of ours. `held`: how many wait so together.
    """

    address: Rate = Rate(200, 2000)
    person: Rate = Rate(100, 1000)
    guess: Rate = Rate(1, 30)
    guesses: Rate = Rate(5, 5)
    patience: float = 10.0
    hold: float = 1.0
    held: int = 500


_FREE: Final = Rate(0, 0)
UNLIMITED: Final = RateRules(_FREE, _FREE, _FREE, _FREE)


class Buckets:
    """One bucket for each key, the longest unused forgotten beyond `room`.

    A bucket is kept as the moment at which it is full again, so one number is all it costs.
    """

    def __init__(self, rate: Rate, *, room: int = ROOM, clock: Clock = time.monotonic) -> None:
        self._rate, self._room, self._clock = rate, room, clock
        self._lock = threading.Lock()
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str, weight: float = 1.0, *, patience: float = 0.0) -> float:
        """Take a request out; gives how many seconds it must wait for its turn.

        Nothing is taken when that is more than the `patience`.
        """
        if not self._rate.a_second:
            return 0.0
        cost, deep = weight / self._rate.a_second, self._rate.burst / self._rate.a_second
        with self._lock:
            now = self._clock()
            full_at = max(now, self._full_at.pop(key, now)) + cost
            wait = full_at - now - deep
            taken = full_at if wait <= patience else full_at - cost
            self._full_at[key] = min(taken, now + deep + _LONGEST)
            if len(self._full_at) > self._room:
                self._full_at.popitem(last=False)
        return max(wait, 0.0)


@dataclass(frozen=True, slots=True)
class Rates:
    """The buckets of one application."""

    rules: RateRules
    address: Buckets = field(init=False)
    person: Buckets = field(init=False)
    guess: Buckets = field(init=False)
    guesses: Buckets = field(init=False)
    _waiting: list[None] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        for name in ("address", "person", "guess", "guesses"):
            object.__setattr__(self, name, Buckets(getattr(self.rules, name)))

    async def admit(self, ip: str, *, is_guess: bool) -> None:
        """Count a request before anything is read of it; raises TooManyTries, after a while."""
        try:
            self._count(network_of(ip), is_guess=is_guess)
            if is_guess:
                await self._take_turn()
        except TooManyTries:
            await self._hold()
            raise

    def _count(self, network: str, *, is_guess: bool) -> None:
        if is_guess:
            _refuse(self.guess.take(network), "passwords and links are tried too fast from here")
        _refuse(self.address.take(network), "too many requests come from your address")

    async def _take_turn(self) -> None:
        """Let guesses of everybody go on one behind the other, so that others go on as well."""
        wait = self.guesses.take("", patience=self.rules.patience)
        if wait > self.rules.patience:
            _refuse(wait, "many people are signing in at this moment")
        if wait:
            await anyio.sleep(wait)

    async def _hold(self) -> None:
        """Let a refused request wait; beyond so many that wait, it is answered at once."""
        if len(self._waiting) >= self.rules.held:
            return
        self._waiting.append(None)
        try:
            await anyio.sleep(self.rules.hold)
        finally:
            self._waiting.pop()

    def admit_person(self, key: str) -> None:
        """Count a request of a session or token; raises TooManyTries."""
        _refuse(self.person.take(key), "you send too many requests")

    def count_wrong_token(self, ip: str) -> None:
        """Let an address pay for a token that is none."""
        self.address.take(network_of(ip), WRONG_TOKEN, patience=inf)


def network_of(ip: str) -> str:
    """Give what an address is counted as: itself, or the /64 of an IPv6 one."""
    try:
        address = ip_address(ip.strip("[]").partition("%")[0])
    except ValueError:
        return ip
    if address.version == 4:
        return str(address)
    plain = address.ipv4_mapped
    return str(plain or ip_network((address, 64), strict=False))


def read_rates() -> RateRules:
    """Read ``QTCORE_RATE_ADDRESS`` and ``QTCORE_RATE_PERSON``: whole requests a second, 0 for none.

    Ten seconds' worth may come at once. Raises InputRejected for anything else.
    """
    usual = RateRules()
    return RateRules(
        _read("QTCORE_RATE_ADDRESS", usual.address), _read("QTCORE_RATE_PERSON", usual.person)
    )


def _read(name: str, usual: Rate) -> Rate:
    text = os.environ.get(name, "")
    if not text:
        return usual
    if not (text.isascii() and text.isdecimal() and len(text) < 7 and int(text) <= _MOST):
        raise InputRejected(f"{name} {text[:20]!r} is no rate; give 0 to {_MOST} requests a second")
    return Rate(int(text), 10 * int(text))


def _refuse(wait: float, what: str) -> None:
    if wait:
        seconds = int(wait) + 1
        raise TooManyTries(f"{what}; try again in {seconds} s", seconds, code="QT437")
