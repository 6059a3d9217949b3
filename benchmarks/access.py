"""What access costs: a page read and a write with and without it, and reads while people guess.

It must not gate anything by absolute times: on shared machines only ratios of one run count.
"Without" lets every decision pass unasked and veils nothing; sessions and tokens stay.

    python benchmarks/access.py --rounds 60
"""

import argparse
import io
import json
import multiprocessing
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from qtcore.engines.access import Decision, Policy
from qtcore.http.app import make_app
from qtcore.http.logs import make_logger
from qtcore.http.rates import Rate, RateRules
from qtcore.services.accounts import NewUser, add_user, find_account
from qtcore.services.sessions import start_session
from qtcore.services.site import Site
from qtcore.services.tokens import NewToken, make_token
from qtcore.testing.builders import a_received_lot
from qtcore.testing.sites import a_site, sqlite_url

GUESSERS = 20


@contextmanager
def served(site: Site) -> Iterator[str]:
    """Serve a site on a free port in a thread of its own."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    # Who reads without a pause is no program that asks too much: this limit alone is off.
    rates = replace(RateRules(), person=Rate(0, 0))
    app = make_app(site, logger=make_logger(io.StringIO()), proxies=1, rates=rates)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def without_access() -> Iterator[None]:
    """Let every decision pass unasked."""
    kept = {name: getattr(Policy, name) for name in ("decide", "is_open", "hidden_fields")}
    changed: dict[str, Callable[..., Any]] = {
        "decide": lambda *_: Decision(),
        "is_open": lambda *_: True,
        "hidden_fields": lambda *_: frozenset(),
    }
    for name, stand_in in changed.items():
        setattr(Policy, name, stand_in)
    try:
        yield
    finally:
        for name, own in kept.items():
            setattr(Policy, name, own)


def timed(act: Callable[[int], httpx.Response], rounds: int, first: int = 0) -> list[float]:
    """Time each of some requests in seconds; every one must be answered well."""
    found = []
    for number in range(first, first + rounds):
        started = time.perf_counter()
        act(number).raise_for_status()
        found.append(time.perf_counter() - started)
    return found


def p95(times: list[float]) -> float:
    """Give the time that 95 of 100 stay below."""
    return statistics.quantiles(times, n=20)[-1]


def layer(reader: httpx.Client, writer: httpx.Client, lot: str, rounds: int) -> dict[str, float]:
    """Compare requests a second with and without access, in turns, so that both see one machine."""

    def read(_: int) -> httpx.Response:
        return reader.get(f"/l/{lot}")

    def write(number: int) -> httpx.Response:
        body = {"reason": f"round {number}"}
        key = {"idempotency-key": f"bench-{number}"}
        return writer.post(f"/api/v1/lots/{lot}/holds", json=body, headers=key)

    told: dict[str, list[float]] = {"read": [], "read bare": [], "write": [], "write bare": []}
    for turn in range(5):
        told["read"] += timed(read, rounds)
        told["write"] += timed(write, rounds, turn * 2 * rounds)
        with without_access():
            told["read bare"] += timed(read, rounds)
            told["write bare"] += timed(write, rounds, (turn * 2 + 1) * rounds)
    median = {name: statistics.median(times) for name, times in told.items()}
    return {
        "reads a second": round(1 / median["read"], 1),
        "read: with/without": round(median["read"] / median["read bare"], 3),
        "writes a second": round(1 / median["write"], 1),
        "write: with/without": round(median["write"] / median["write bare"], 3),
    }


def guess(address: str, ip: str, over: Any, count: Any) -> None:
    """Guess passwords without a pause, from a process that is not the server's."""
    with httpx.Client(base_url=address, headers={"x-forwarded-for": ip}, timeout=60) as client:
        tries = 0
        while not over.is_set():
            told = {"login": f"guess-{threading.get_ident()}-{tries}", "password": "wrong password"}
            client.post("/sign-in", data=told)
            tries += 1
            with count.get_lock():
                count.value += 1


def guess_together(address: str, apart: bool, over: Any, count: Any) -> None:
    """Let everybody guess, each in a thread: from one address, or each from one of their own."""
    threads = [
        threading.Thread(
            target=guess,
            args=(address, f"198.51.100.{n if apart else 255}", over, count),
        )
        for n in range(GUESSERS)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def guessing(address: str, reader: httpx.Client, rounds: int, *, apart: bool) -> dict[str, float]:
    """Compare the p95 of reads alone with that beside 20 people who guess without a pause."""
    spawned = multiprocessing.get_context("spawn")
    over, count = spawned.Event(), spawned.Value("i", 0)
    calm = timed(lambda _: reader.get("/me"), rounds * 5)
    guessers = spawned.Process(target=guess_together, args=(address, apart, over, count))
    guessers.start()
    while count.value < GUESSERS and guessers.is_alive():
        time.sleep(0.05)
    before, started = count.value, time.perf_counter()
    beside = timed(lambda _: reader.get("/me"), rounds * 5)
    guesses, seconds = count.value - before, time.perf_counter() - started
    over.set()
    guessers.join()
    return {
        "p95 alone ms": round(p95(calm) * 1000, 1),
        "p95 beside 20 guessers ms": round(p95(beside) * 1000, 1),
        "p95 ratio": round(p95(beside) / p95(calm), 2),
        "guesses a second": round(guesses / seconds, 1),
    }


def main() -> None:
    """Run everything and print one JSON result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--layer", action=argparse.BooleanOptionalAction, default=True)
    asked = parser.parse_args()
    rounds = asked.rounds
    with (
        tempfile.TemporaryDirectory() as folder,
        a_site(sqlite_url(Path(folder))) as site,
        served(site) as address,
    ):
        lot = a_received_lot(site).uid
        system = site.system_context()
        add_user(site, system, NewUser("bench", "Bench", ("qa",)))
        token = make_token(site, system, NewToken("bench"))["token"]
        with site.store.read() as session:
            account = find_account(session, site.store.tenant_id, "bench")
        assert account is not None
        cookie = {"qtcore_session": start_session(site, system, account)}
        bearer = {"authorization": f"Bearer {token}"}
        with (
            httpx.Client(base_url=address, cookies=cookie, timeout=60) as reader,
            httpx.Client(base_url=address, headers=bearer, timeout=60) as writer,
        ):
            result: dict[str, Any] = layer(reader, writer, lot, rounds) if asked.layer else {}
            for name, apart in (("one address", False), ("20 addresses", True)):
                result[name] = guessing(address, reader, rounds, apart=apart)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
