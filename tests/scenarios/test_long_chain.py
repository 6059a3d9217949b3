"""A chain of a thousand levels: traced, recalled, explained, drawn, and no lot its own source."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest

from qtcore.errors import Refused
from qtcore.services.discrepancies import review_nodes
from qtcore.services.events import EventInput, Line, Origin, write_all
from qtcore.services.lot_ref import LotRef
from qtcore.services.nodes import NodeBook
from qtcore.services.paths import find_paths
from qtcore.services.recall import recall_scope
from qtcore.services.recording import record_event
from qtcore.services.site import Site
from qtcore.services.trace import trace
from qtcore.testing import a_context, a_party, a_received_lot, a_site, line
from qtcore.testing.builders import EVERYTHING
from tests.web import Web, make_web

pytestmark = pytest.mark.heavy
LEVELS = 1000


@dataclass(frozen=True)
class Chain:
    site: Site
    web: Web

    def load(self, *told: EventInput) -> None:
        with self.site.store.write(self.site.system_context()) as work:
            written = write_all(self.site, NodeBook(self.site, work), told, origin=Origin("import"))
            review_nodes(self.site, work, {node for each in written for node in each.nodes})


def ref(number: int) -> LotRef:
    return LotRef(item="MILK", lot_no=f"L{number}", source="SUPPLIER-A")


def made(site: Site, source: int, product: int) -> EventInput:
    used = Line(ref(source), "input", Decimal(1), "kg")
    out = Line(ref(product), "output", Decimal(1), "kg")
    at = site.sources.now() + timedelta(minutes=product - 2 * LEVELS)
    return EventInput("production", (used, out), at)


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], scope="module"
)
def chain(request: pytest.FixtureRequest) -> Iterator[Chain]:
    url = "sqlite://"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_server").new_database()
    with a_site(url) as site:
        a_received_lot(site, "MILK", "OTHER", "5")
        a_party(site, "SHOP", "customer")
        found = Chain(site, make_web(site))
        begun = Line(ref(0), "output", Decimal(1), "kg")
        gone = Line(ref(LEVELS), "subject", Decimal(1), "kg")
        found.load(
            EventInput("receiving", (begun,), site.sources.now() - timedelta(days=9)),
            *(made(site, n, n + 1) for n in range(LEVELS)),
            EventInput("shipping", (gone,), site.sources.now(), to_party="SHOP"),
        )
        yield found


def test_it_is_traced_to_its_ends_both_ways(chain: Chain) -> None:
    ways = (("L0", "forward", LEVELS), (f"L{LEVELS}", "backward", LEVELS), ("L500", "both", 500))
    for lot, way, depth in ways:
        found = trace(chain.site, a_context(chain.site, EVERYTHING), lot, way)
        assert (len(found.nodes), len(found.edges)) == (LEVELS + 1, LEVELS)
        assert found.nodes[-1].depth == depth
        assert found.gaps == ()


def test_a_recall_of_its_beginning_reaches_the_customer_of_its_end(chain: Chain) -> None:
    scope = recall_scope(chain.site, a_context(chain.site, EVERYTHING), ["L0"]).as_json()
    assert len(scope["lots"]) == LEVELS + 1
    assert [ship["customer"] for ship in scope["shipments"]] == ["SHOP"]


def test_how_its_beginning_got_into_its_end_is_explained_link_by_link(chain: Chain) -> None:
    found = find_paths(chain.site, a_context(chain.site, EVERYTHING), "L0", f"L{LEVELS}")
    assert len(found.edges) == LEVELS
    assert found.share.lower == 1


def test_its_pages_draw_what_is_near_and_say_how_much_is_not(chain: Chain) -> None:
    with chain.web.person() as client:
        drawn = client.get("/trace?lot=L500")
        assert "940 lots further away are not drawn." in drawn.text
        assert "1 to 200 of 1001 are shown." in drawn.text
        assert len(drawn.content) < 400_000
        shown = client.get("/l/L500")
        assert "500 lots upstream, 500 downstream" in shown.text
        assert len(shown.content) < 60_000
        for lot in ("L0", f"L{LEVELS}"):
            assert "970 lots further away are not drawn." in client.get(f"/trace?lot={lot}").text


def test_a_command_that_would_close_it_is_refused_and_an_import_is_named(chain: Chain) -> None:
    context = a_context(chain.site, EVERYTHING)
    end = trace(chain.site, context, f"L{LEVELS}", "forward").focus
    lines = (line(end, "input", "1"), line("L0", "output", "1"))
    with pytest.raises(Refused) as refused:
        record_event(chain.site, context, EventInput("production", lines, chain.site.sources.now()))
    assert "QT448" in [each.code for each in refused.value.refusals]
    chain.load(made(chain.site, LEVELS, 0))
    found = trace(chain.site, context, "L0", "both")
    assert len(found.nodes) == LEVELS + 1
    cycles = {gap["lot_no"]: gap["detail"] for gap in found.gaps if gap["kind"] == "cycle"}
    assert len(cycles) == LEVELS + 1
    assert all("… 982 …" in said for said in cycles.values())
    assert max(map(len, cycles.values())) < 300
    assert {said.rsplit(" ", 1)[-1] for said in cycles.values()} <= cycles.keys()
