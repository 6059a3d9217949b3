"""A dairy with a recall to come: milk became yoghurt, some of it is in shops, an order is open.

It must not assert anything.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from shutil import copytree

import pytest

from qtcore.context import Sources
from qtcore.services.events import EventInput
from qtcore.services.master import MasterInput, save_master
from qtcore.services.orders import OrderInput, reserve
from qtcore.services.recall import RecallStart, start_recall
from qtcore.services.recording import record_event
from qtcore.services.site import Site
from qtcore.services.transitions import Step, fire_transition
from qtcore.store.store import open_store
from qtcore.testing import a_context, a_made_lot, a_received_lot, a_site, an_output, line, release
from qtcore.testing.builders import EVERYTHING, PASSWORD, a_user, an_item
from qtcore.testing.sites import FrozenClock, seeded_bytes, sqlite_url

PLAN = {"plan": "food_cn", "recall_class": "I"}


class Dairy:
    """Milk M-1 became yoghurt Y-1 and Y-2; Y-1 went to two shops, an order for more is open."""

    def __init__(self, site: Site, clock: FrozenClock) -> None:
        self.site, self.clock = site, clock
        for shop in ("SHOP-A", "SHOP-B"):
            contacts = {"email": f"{shop.lower()}@example.org", "phone": "123", "ship_to": "Road 1"}
            values = {"roles": ["customer"], "contacts": contacts}
            save_master(
                site, site.system_context(), MasterInput("party", shop, shop, values=values)
            )
        machine = MasterInput("equipment", "VAT-1", "Vat 1")
        save_master(site, site.system_context(), machine)
        self.milk = a_received_lot(site, "MILK", "M-1", "100")
        release(site, self.milk)
        an_item(site, "YOGHURT", kind="finished")
        self.first = a_made_lot(site, "YOGHURT", "Y-1", [(self.milk, "40")], quantity="40")
        self.second = a_made_lot(site, "YOGHURT", "Y-2", [(self.milk, "20")], quantity="20")
        for lot in (self.first, self.second):
            release(site, lot)
        self.ship("SHOP-A", "10")
        self.ship("SHOP-B", "6")
        self.order = reserve(
            site, a_context(site, ["warehouse"]),
            OrderInput("SO-7", 1, "SHOP-A", self.first.uid, Decimal(5), "kg"),
        )  # fmt: skip

    def everyone(self):
        return a_context(self.site, EVERYTHING)

    def ship(self, customer: str, amount: str, lot=None) -> None:
        subject = line(lot or self.first, "subject", amount)
        now, papers = self.site.sources.now(), {"order_no": f"SO-{customer}"}
        event = EventInput("shipping", (subject,), now, to_party=customer, values=papers)
        record_event(self.site, self.everyone(), event)

    def give_back(self, customer: str, amount: str) -> None:
        subject = line(self.first, "subject", amount)
        event = EventInput("return", (subject,), self.site.sources.now(), from_party=customer)
        record_event(self.site, self.everyone(), replace(event, event_type=self.returning()))

    def returning(self) -> str:
        return str(next(e.id for e in self.site.registry.list("events") if e.verb == "return"))

    def start(self, **more):
        data = {**PLAN, **more.pop("data", {})}
        start = RecallStart(["M-1"], "Metal in milk", "metal found", data=data, **more)
        return start_recall(self.site, self.everyone(), start)

    def step(self, recall, name: str, role: str, **more):
        actor = a_user(self.site, [role], login=f"{role}-{name}")
        step = Step(name, reason="as agreed", password=PASSWORD, **more)
        return fire_transition(self.site, actor, ("record", recall.record_id), step)

    def up_to(self, recall, last: str) -> None:
        for name, role in (
            ("assess", "recall_coord"),
            ("classify", "recall_coord"),
            ("decide", "recall_head"),
            ("notify", "recall_coord"),
            ("execute", "recall_coord"),
            ("reconcile", "qa"),
        ):
            self.step(recall, name, role)
            if name == last:
                return


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Dairy]:
    """Build the dairy once; every test works on a copy of its database."""
    folder = tmp_path_factory.mktemp("dairy")
    clock = FrozenClock()
    with a_site(sqlite_url(folder), clock=clock) as site:
        return folder, Dairy(site, clock)


@pytest.fixture
def dairy(built: tuple[Path, Dairy], tmp_path: Path) -> Iterator[Dairy]:
    folder, first = built
    copytree(folder, tmp_path, dirs_exist_ok=True)
    mine = copy(first)
    mine.clock = FrozenClock(first.clock.at)
    sources = Sources(now=mine.clock.now, random_bytes=seeded_bytes(2))
    mine.site = replace(
        first.site, store=open_store(sqlite_url(tmp_path), sources=sources), sources=sources
    )
    yield mine
    mine.site.close()


def made(lot_no: str):
    return an_output("YOGHURT", lot_no, "5")
