"""Two people act at the same moment: what only one may have is given once, on both databases."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qtcore.errors import QTCoreError, Refused
from qtcore.services.events import EventInput, Line
from qtcore.services.recording import record_event
from qtcore.services.site import Site
from qtcore.store.queries.trace import reached_nodes
from qtcore.testing import (
    a_context,
    a_party,
    a_received_lot,
    a_site,
    an_item,
    an_output,
    line,
    release,
)
from qtcore.testing.builders import PLANT
from qtcore.testing.sites import sqlite_url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    is_sqlite = request.param == "sqlite"
    url = sqlite_url(tmp_path) if is_sqlite else request.getfixturevalue("postgres_url")
    with a_site(url) as opened:
        yield opened


def at_once(*acts: Callable[[], object]) -> list[str]:
    ready, outcomes = threading.Barrier(len(acts)), []

    def run(act: Callable[[], object]) -> None:
        ready.wait()
        try:
            act()
            outcomes.append("done")
        except Refused as refused:
            outcomes.append(refused.refusals[0].code)
        except QTCoreError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


def production(site: Site, *lines: Line) -> Callable[[], object]:
    event = EventInput("production", lines, site.sources.now())
    context = a_context(site, ["operator"])
    return lambda: record_event(site, context, event)


def test_no_more_is_used_than_there_is(site: Site) -> None:
    milk = a_received_lot(site, quantity="100")
    release(site, milk)
    an_item(site, "CHEESE", kind="finished")
    a_party(site, PLANT, "site")
    used = line(milk, "input", "60")
    makers = [production(site, used, an_output("CHEESE", f"C-{n}", "5")) for n in range(4)]
    assert at_once(*makers) == ["QT447"] * 3 + ["done"]


def test_two_lots_do_not_become_each_others_source(site: Site) -> None:
    one, other = a_received_lot(site, lot_no="M-1"), a_received_lot(site, lot_no="M-2")
    for lot in (one, other):
        release(site, lot)
    outcomes = at_once(
        production(site, line(one, "input", "5"), line(other, "output", "5")),
        production(site, line(other, "input", "5"), line(one, "output", "5")),
    )
    assert outcomes == ["QT448", "done"]
    with site.store.read() as session:
        tenant = site.store.tenant_id
        back, forth = (
            reached_nodes(session, tenant, [one.node], way) for way in ("backward", "forward")
        )
    assert back & forth == {one.node}
