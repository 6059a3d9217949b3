"""Stock, balances and shipments of random yards equal a count act by act, in any order of telling.

Lots travel loose, in cases, and in cases on a pallet that comes in, leaves and is sent back.
"""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from qtcore.services.balances import balance_lots
from qtcore.services.events import Origin, write_all
from qtcore.services.master import MasterInput, save_master
from qtcore.services.nodes import NodeBook
from qtcore.services.recall import recall_scope
from qtcore.services.site import Site
from qtcore.testing import a_context, a_party, a_site, an_item
from qtcore.testing.builders import EVERYTHING
from qtcore.testing.sites import sqlite_url
from tests.naive_stock import CUSTOMERS, PLACES, Yard, a_yard

COUNTED = ("received", "produced", "returned", "consumed", "shipped", "scrapped", "sampled")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    is_sqlite = request.param == "sqlite"
    url = sqlite_url(tmp_path) if is_sqlite else request.getfixturevalue("postgres_url")
    with a_site(url) as opened:
        yield opened


def tell(site: Site, yard: Yard, order: Random) -> None:
    """Import the events of a yard in some order, a few at a time."""
    an_item(site, "ITEM")
    a_party(site, "MAKER")
    for code in CUSTOMERS:
        a_party(site, code, "customer")
    for code in PLACES:
        save_master(site, site.system_context(), MasterInput("location", code, code))
    events = list(yard.events)
    order.shuffle(events)
    for start in range(0, len(events), 7):
        with site.store.write(site.system_context()) as work:
            some = events[start : start + 7]
            write_all(site, NodeBook(site, work), some, origin=Origin("import"))


@pytest.mark.parametrize("seed", range(4))
def test_what_lies_where_is_what_the_acts_left_there(site: Site, seed: int) -> None:
    yard = a_yard(seed, acts=40)
    tell(site, yard, Random(seed))  # not for secrets

    scope = recall_scope(site, a_context(site, EVERYTHING), yard.lots, with_shares=False).as_json()
    names = {lot["lot_id"]: lot["lot_no"] for lot in scope["lots"] if lot["kind"] == "lot"}
    there: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for row in scope["on_hand"]:
        there[names[row["lot_id"]]][row["place"]] = Decimal(row["quantity"])
    assert there == {
        lot: left
        for lot, places in yard.there.items()
        if (left := {place: amount for place, amount in places.items() if amount})
    }
    counted = {lot: {name: yard.moved[lot][name] for name in COUNTED} for lot in yard.lots}
    told = balance_lots(site, a_context(site, EVERYTHING), list(names)).as_json()["lots"]
    for lots in (scope["balance"]["lots"], told):
        found = {names[b["lot_id"]]: {n: Decimal(b[n]) for n in COUNTED} for b in lots}
        assert found == counted
    sold: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for ship in scope["shipments"]:
        if ship["lot_no"] in yard.lots:
            sold[ship["customer"]][ship["lot_no"]] += Decimal(ship["quantity"])
    assert sold == yard.sold
