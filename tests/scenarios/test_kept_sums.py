"""Sums of a lot with very many uses are kept, and always say what adding all of it says."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from sqlmodel import col, select

from qtcore.services import corrections
from qtcore.services.corrections import supersede_event
from qtcore.services.discrepancies import review_nodes
from qtcore.services.events import EventInput, Origin, write_all
from qtcore.services.integrity.fsck import check_database
from qtcore.services.master import ensure_unknowns
from qtcore.services.nodes import NodeBook
from qtcore.services.recording import record_event
from qtcore.services.site import Site
from qtcore.store import kept_sums
from qtcore.store.columns import table_of
from qtcore.store.kept_sums import settled_sums
from qtcore.store.queries.sums import Sum, sums_from_scratch, sums_of
from qtcore.store.tables import Discrepancy, Event, MovementSum
from qtcore.testing import (
    a_context,
    a_party,
    a_received_lot,
    a_site,
    an_item,
    line,
)
from qtcore.testing.builders import EVERYTHING
from tests.scenarios.test_hub_lots import ACTS, NUMBERS, Act, told

EVERYTHING_AT_ONCE = 10**9
few = settings(
    max_examples=settings().max_examples // 10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], scope="module"
)
def plant(request: pytest.FixtureRequest) -> Iterator[Site]:
    url = "sqlite://"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_server").new_database()
    with a_site(url) as site:
        an_item(site, "ITEM")
        a_party(site, "MAKER")
        with site.store.write(site.system_context()) as work:
            ensure_unknowns(work)
        yield site


def load(site: Site, events: Sequence[EventInput], wrong: Sequence[int] = ()) -> list[int]:
    """Write events in one unit, take those at some places back, and review; gives the nodes."""
    with site.store.write(site.system_context()) as work:
        written = write_all(site, NodeBook(site, work), events, origin=Origin("import"))
        nodes = {node for each in written for node in each.nodes}
        review_nodes(site, work, nodes)  # as another load before would have done
        rows = {
            row.uid: row
            for row in work.session.exec(
                select(Event).where(col(Event.uid).in_([each.event_id for each in written]))
            )
        }
        by = rows[written[-1].event_id]
        for place in wrong:
            supersede_event(work, rows[written[place].event_id], by)
        work.flush()
        review_nodes(site, work, nodes)
        work.log("test.load", "site", "x")
        return sorted(nodes)


def unkept(rows: Sequence[Sum]) -> list[Sum]:
    """Leave out how much of a sum was kept."""
    return [row._replace(fresh=row.acts, last_id=0) for row in rows]


def forget(site: Site, nodes: Sequence[int]) -> None:
    with site.store.write(site.system_context()) as work:
        kept_sums.forget_sums(work, nodes)
        work.log("test.forget", "site", "x")


def check_sums(site: Site, nodes: Sequence[int]) -> None:
    with site.store.read() as session:
        found = sums_of(session, site.store.tenant_id, nodes)
        whole = sums_from_scratch(session, site.store.tenant_id, nodes)
    assert unkept(found) == unkept(whole)


def found_about(site: Site, nodes: Sequence[int], prefix: str) -> set[tuple[str, str]]:
    with site.store.read() as session:
        rows = session.exec(
            select(Discrepancy).where(
                col(Discrepancy.node).in_(nodes), col(Discrepancy.resolved_at).is_(None)
            )
        )
        return {(row.kind, row.detail.replace(prefix, "")) for row in rows}


@given(st.lists(ACTS, min_size=2, max_size=10), st.data())
@few
def test_what_is_kept_says_what_a_review_from_scratch_says(
    plant: Site, acts: list[Act], data: st.DataObject
) -> None:
    """In any order, in any number of loads, with events taken back."""
    wrong = data.draw(st.sets(st.integers(0, len(acts) - 2)))
    answers = []
    for most_fresh, is_shuffled in ((0, True), (1, True), (EVERYTHING_AT_ONCE, False)):
        prefix = f"k{next(NUMBERS)}-"
        order = list(range(len(acts)))
        if is_shuffled:
            data.draw(st.randoms(use_true_random=False)).shuffle(order)
        cut = data.draw(st.integers(0, len(acts))) if is_shuffled else 0
        nodes: set[int] = set()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kept_sums, "MOST_FRESH", most_fresh)
            for places in (order[:cut], order[cut:]):
                if places:
                    events = [told(acts[place], prefix) for place in places]
                    bad = [at for at, place in enumerate(places) if place in wrong]
                    nodes |= set(load(plant, events, bad))
                    check_sums(plant, sorted(nodes))
        found = found_about(plant, sorted(nodes), prefix)
        answers.append({(kind, _without_new(detail)) for kind, detail in found})
    assert answers[0] == answers[1] == answers[2]


def _without_new(detail: str) -> str:
    """Leave out the running number of a lot that an event made."""
    return " ".join(word for word in detail.split() if not word.startswith("new"))


def a_hub(site: Site, uses: int) -> list[int]:
    prefix = f"hub{next(NUMBERS)}-"
    acts = [Act("receiving", 0, 1, "9", "kg"), *[Act("sampling", 0, 2, "0.01", "kg")] * uses]
    return load(site, [told(act, prefix) for act in acts])


def test_of_many_uses_only_the_last_are_added_again(plant: Site) -> None:
    nodes = a_hub(plant, 2 * kept_sums.MOST_FRESH)
    with plant.store.read() as session:
        found = sums_of(session, plant.store.tenant_id, nodes)
    assert sum(row.acts for row in found) == 2 * kept_sums.MOST_FRESH + 1
    assert sum(row.fresh for row in found) == 0
    check_sums(plant, nodes)


def test_sums_that_outlived_a_correction_would_be_wrong(
    plant: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_sums, "MOST_FRESH", 1)
    prefix = f"w{next(NUMBERS)}-"
    acts = [Act("receiving", 0, 1, "9", "kg"), *[Act("sampling", 0, 2, "1", "kg")] * 3]
    check_sums(plant, load(plant, [told(act, prefix) for act in acts], [1]))
    monkeypatch.setattr(corrections, "forget_sums", lambda *told: None)
    prefix = f"w{next(NUMBERS)}-"
    nodes = load(plant, [told(act, prefix) for act in acts], [1])
    with pytest.raises(AssertionError):
        check_sums(plant, nodes)
    forget(plant, nodes)
    check_sums(plant, nodes)


def test_a_check_of_the_database_compares_what_is_kept(plant: Site) -> None:
    nodes = a_hub(plant, kept_sums.MOST_FRESH + 1)
    context = a_context(plant, EVERYTHING)

    def violations() -> list[str]:
        found = check_database(plant, context).violations
        return [each.message for each in found if "kept" in each.message]

    assert violations() == []
    table = table_of(MovementSum)
    with plant.store.write(plant.system_context()) as work:
        sampled = update(table).where(table.c.node.in_(nodes), table.c.effect == "sampled")
        work.session.execute(sampled.values(acts=7))
        work.log("test.break", "site", "x")
    (said,) = violations()
    assert "sampled" in said
    forget(plant, nodes)
    assert violations() == []


@pytest.mark.postgres
def test_whoever_has_no_turn_keeps_nothing(postgres_url: str) -> None:
    with a_site(postgres_url) as site:
        an_item(site, "ITEM")
        a_party(site, "MAKER")
        with site.store.write(site.system_context()) as work:
            ensure_unknowns(work)
        nodes = a_hub(site, kept_sums.MOST_FRESH + 1)
        for is_first in (True, False):
            forget(site, nodes)
            with site.store.write(site.system_context()) as work:
                if not is_first:
                    work.take_turn()
                settled_sums(work, nodes)
                work.log("test.read", "site", "x")
            with site.store.read() as session:
                kept = session.exec(select(MovementSum.node)).all()
            assert (set(kept) == set(nodes)) is not is_first


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_many_writers_of_one_lot_lose_nothing(
    kind: str, request: pytest.FixtureRequest, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_sums, "MOST_FRESH", 3)
    url = (
        f"sqlite:///{tmp_path}/q.db"
        if kind == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    with a_site(url) as site:
        hub = a_received_lot(site, "ITEM", "HUB-1", "1000")
        context = a_context(site, EVERYTHING)

        def use(_number: int) -> None:
            take = (line(hub, "subject", "1"),)
            record_event(site, context, EventInput("sampling", take, site.sources.now()))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(use, range(24)))
        check_sums(site, [hub.node])
        with site.store.read() as session:
            assert set(session.exec(select(MovementSum.node)).all()) == {hub.node}
            rows = sums_of(session, site.store.tenant_id, [hub.node])
        assert sum(row.acts for row in rows) == 25
        assert sum(row.fresh for row in rows) <= 4
