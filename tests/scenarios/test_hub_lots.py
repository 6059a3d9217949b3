"""A lot with thousands of uses is judged from sums, and they say what reading all of them says."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.dialects import sqlite
from sqlmodel import col, select

from qtcore.services import discrepancies
from qtcore.services.discrepancies import review_nodes
from qtcore.services.events import EventInput, Line, Origin, write_all
from qtcore.services.lot_ref import LotRef
from qtcore.services.master import ensure_unknowns
from qtcore.services.nodes import NodeBook
from qtcore.services.site import Site
from qtcore.services.stock import fold_stock, stock_of_nodes
from qtcore.store.queries.events import acts_on, movements_of
from qtcore.store.queries.links import _between
from qtcore.store.tables import Discrepancy
from qtcore.testing import a_party, a_site, an_item
from tests.hubs import a_hub

START = datetime(2026, 5, 1, tzinfo=UTC)
NUMBERS = count()


@dataclass(frozen=True)
class Act:
    kind: str
    lot: int
    hour: int
    quantity: str | None
    unit: str


ACTS = st.builds(
    Act,
    st.sampled_from(["receiving", "production", "shipping", "sampling", "itself"]),
    st.integers(0, 2),
    st.sampled_from([1, 2, 3, 5, 24 * 365]),
    st.sampled_from([None, "1", "2.5", "9"]),
    st.sampled_from(["kg", "kg", "kg", "g", "sacks"]),
)


def told(act: Act, prefix: str) -> EventInput:
    amount = None if act.quantity is None else Decimal(act.quantity)
    lot = LotRef(item="ITEM", lot_no=f"{prefix}{act.lot}", source="MAKER")
    new = LotRef(item="ITEM", lot_no=f"{prefix}new{next(NUMBERS)}", source="MAKER")

    def line(ref: LotRef, part: str) -> Line:
        return Line(ref, part, amount, act.unit if amount is not None else "")

    lines = {
        "receiving": (line(lot, "output"),),
        "production": (line(lot, "input"), line(new, "output")),
        "itself": (line(lot, "input"), line(lot, "output")),
    }.get(act.kind, (line(lot, "subject"),))
    kind = "production" if act.kind == "itself" else act.kind
    return EventInput(kind, lines, START + timedelta(hours=act.hour))


@pytest.fixture(scope="module")
def plant() -> Iterator[Site]:
    with a_site() as site:
        an_item(site, "ITEM")
        a_party(site, "MAKER")
        with site.store.write(site.system_context()) as work:
            ensure_unknowns(work)
        yield site


def found_in(site: Site, acts: list[Act], suspects: object) -> tuple[set[tuple[str, str]], bool]:
    """Say what is found of acts, without their names, and whether the sums equal the fold."""
    prefix = f"h{next(NUMBERS)}-"
    with pytest.MonkeyPatch.context() as patch, site.store.write(site.system_context()) as work:
        if suspects is not None:
            patch.setattr(discrepancies, "_suspects", suspects)
        book = NodeBook(site, work)
        events = [told(act, prefix) for act in acts]
        written = write_all(site, book, events, origin=Origin("import"))
        nodes = sorted({node for each in written for node in each.nodes})
        review_nodes(site, work, nodes)
        folded = fold_stock(site, nodes, movements_of(work.session, work.tenant_id, nodes))
        same = stock_of_nodes(site, work.session, nodes) == folded
        rows = work.session.exec(select(Discrepancy).where(col(Discrepancy.node).in_(nodes)))
        return {(row.kind, row.detail.replace(prefix, "")) for row in rows}, same


@given(st.lists(ACTS, min_size=1, max_size=8))
@settings(max_examples=settings().max_examples // 5, suppress_health_check=list(HealthCheck))
def test_sums_find_what_reading_every_act_finds(plant: Site, acts: list[Act]) -> None:
    quick, same = found_in(plant, acts, None)
    whole, _ = found_in(plant, acts, lambda site, work, sums: set(sums))
    assert quick == whole
    assert same


def test_with_no_act_read_what_does_not_fit_would_be_missed(plant: Site) -> None:
    early = [Act("receiving", 0, 5, "1", "kg"), Act("production", 0, 1, "1", "kg")]
    assert {kind for kind, _ in found_in(plant, early, None)[0]} == {"used_before_made"}
    assert found_in(plant, early, lambda site, work, sums: set())[0] == set()


def test_of_a_lot_with_many_uses_no_act_is_read_one_by_one(plant: Site) -> None:
    read: list[int] = []

    def noted(session, tenant_id, nodes):
        rows = acts_on(session, tenant_id, nodes)
        read.append(len(rows))
        return rows

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discrepancies, "acts_on", noted)
        uses = [Act("receiving", 0, 1, "9", "kg"), *[Act("production", 0, 2, None, "")] * 50]
        assert found_in(plant, uses, None) == (set(), True)
        assert found_in(plant, [*uses, Act("sampling", 0, 2, "1", "sacks")], None)[0]
    assert read == [0, 52]


def test_where_one_lot_is_the_source_of_all_no_lot_without_links_reads_them() -> None:
    """Statistics that say so made SQLite read every link for each lot that is only made."""
    with a_site() as site:
        a_hub(site, 300)
        with site.store.write(site.system_context()) as work:
            work.session.execute(text("ANALYZE"))
            compiled = _between("sqlite").compile(dialect=sqlite.dialect(paramstyle="named"))
            plan = work.session.execute(
                text(f"EXPLAIN QUERY PLAN {compiled}"), {"tenant": 1, "keys": "[1, 2]"}
            )
            told = [row.detail for row in plan]
            work.log("test.explain", "site", "x")
    assert len([line for line in told if line.startswith("SEARCH edge")]) == 2
    assert not [line for line in told if line.startswith("SCAN edge")]
