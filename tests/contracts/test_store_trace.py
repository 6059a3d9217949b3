"""The trace finds every reachable lot and no other, at its true distance, on every database."""

import random
from itertools import pairwise
from typing import Any, NoReturn

import networkx
import pytest
from sqlalchemy import event, text
from sqlmodel import Session

from qtcore.store.queries import trace
from qtcore.store.queries.discrepancies import open_discrepancies
from qtcore.store.queries.events import movements_of
from qtcore.store.queries.keyset import key_rows, rows_for
from qtcore.store.queries.nodes import active_holds, describe_nodes, find_nodes
from qtcore.store.queries.records import records_about
from qtcore.store.queries.shipments import contents_of, shipments_of
from qtcore.store.queries.sums import sums_of
from qtcore.store.queries.trace import (
    SAME_AS,
    reached_nodes,
    trace_each,
    trace_edges,
    trace_towards,
)
from qtcore.store.store import Store
from qtcore.store.tables import Edge
from tests.rows import NOON, a_context, a_plant, alias, an_event, link

DIRECTIONS = ["forward", "backward"]


@pytest.mark.parametrize("seed", range(4))
def test_a_trace_of_random_plants_equals_networkx(lasting_store: Store, seed: int):
    chance = random.Random(seed)
    nodes = a_plant(lasting_store, 60).nodes
    drawn = [sorted(chance.sample(nodes, 2)) for _ in range(90)]
    pairs = {(first, last) for first, last in drawn}
    if seed % 2:  # a plant whose records are wrong has cycles
        pairs |= {(b, a) for a, b in chance.sample(sorted(pairs), 8)}
    link(lasting_store, pairs)
    graph = networkx.DiGraph(pairs)
    graph.add_nodes_from(nodes)
    with lasting_store.read() as session:
        for start in chance.sample(nodes, 8):
            for direction in DIRECTIONS:
                _check_against(graph, session, start, direction)


def _check_against(graph, session: Session, start: int, direction: str) -> None:
    walked = graph if direction == "forward" else graph.reverse()
    true = networkx.single_source_shortest_path_length(walked, start)
    assert reached_nodes(session, 1, [start], direction) == set(true)
    edges = trace_edges(session, 1, [start], direction)
    found = {(e.src, e.dst): e.depth for e in edges}
    onward = {pair if direction == "forward" else pair[::-1] for pair in walked.out_edges(true)}
    assert found.keys() == onward
    near = 0 if direction == "forward" else 1
    assert all(depth == true[pair[near]] + 1 for pair, depth in found.items())
    for most in (0, 1, 2):
        shallow = trace_edges(session, 1, [start], direction, max_depth=most)
        assert shallow == [e for e in edges if e.depth <= most]


def test_several_starts_are_walked_at_once(store: Store):
    a, b, c, d = a_plant(store, 4).nodes
    link(store, [(a, c), (b, c), (c, d)])
    with store.read() as session:
        edges = trace_edges(session, 1, [a, b, a], "forward")
    assert [(e.src, e.dst, e.depth) for e in edges] == [(a, c, 1), (b, c, 1), (c, d, 2)]


def test_many_starts_are_traced_each_as_alone_over_one_map(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    """However many lots lie on a pallet: the edges they share are sorted by their ends once."""
    nodes = a_plant(store, 6).nodes
    a, b, c, d, e, f = nodes
    link(store, [(a, b), (b, c), (b, d), (e, f)])
    built: list[str] = []
    ways_of = trace._ways_of

    def counted(edges: Any, direction: str) -> Any:
        built.append(direction)
        return ways_of(edges, direction)

    with store.read() as session:
        alone = {node: trace_edges(session, 1, [node], "backward") for node in nodes}
        monkeypatch.setattr(trace, "_ways_of", counted)
        assert trace_each(session, 1, nodes, "backward") == alone
        assert built == ["backward"]


def test_only_ways_to_the_ends_are_followed(store: Store):
    """A lot that does not lead to a held one costs nothing, nor does what else went into one."""
    a, b, c, d, e, f = a_plant(store, 6).nodes
    link(store, [(a, b), (a, c), (d, c), (e, f)])
    alias(store, e, d)
    with store.read() as session:
        found = trace_towards(session, 1, [b, c, f], "backward", ends=[d])
    ways = {node: [(edge.src, edge.dst, edge.kind) for edge in found[node]] for node in found}
    assert {kind for _, _, kind in ways[f]} > {SAME_AS} and (e, f) in {way[:2] for way in ways[f]}
    assert [way[:2] for way in ways[c] if way[2] != SAME_AS] == [(d, c)]
    assert ways[b] == []


def test_an_edge_carries_its_event_and_exact_quantity(store: Store):
    a, b = a_plant(store, 2).nodes
    uid = link(store, [(a, b)], "12.50")
    with store.read() as session:
        (edge,) = trace_edges(session, 1, [b], "backward")
    assert (edge.event_uid, str(edge.quantity), edge.unit) == (uid, "12.50", "kg")
    assert (edge.kind, edge.certainty, edge.event_at) == ("transform", "recorded", NOON)


def test_a_cycle_ends(store: Store):
    a, b, c = a_plant(store, 3).nodes
    link(store, [(a, b), (b, c), (c, a)])
    with store.read() as session:
        edges = trace_edges(session, 1, [a], "forward")
        assert reached_nodes(session, 1, [b], "backward") == {a, b, c}
    assert [(e.src, e.dst, e.depth) for e in edges] == [(a, b, 1), (b, c, 2), (c, a, 3)]


def test_a_superseded_edge_is_not_walked(store: Store):
    a, b, c = a_plant(store, 3).nodes
    link(store, [(a, b), (b, c)])
    with store.write(a_context()) as work:
        work.session.connection().execute(
            text("UPDATE edge SET superseded_by = 1 WHERE dst = :dst"), {"dst": c}
        )
        work.log("event.correct", "event", "e-1")
    with store.read() as session:
        assert reached_nodes(session, 1, [a], "forward") == {a, b}


def test_edges_of_another_company_are_never_reached(store: Store):
    a, b = a_plant(store, 2).nodes
    link(store, [(a, b)])
    with store.read() as session:
        assert reached_nodes(session, 2, [a], "forward") == {a}
        assert trace_edges(session, 2, [a], "forward") == []


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_an_alias_costs_no_step_and_is_walked_both_ways(store: Store, direction: str):
    a, b, other_b, c, another_b = a_plant(store, 5).nodes
    link(store, [(a, b), (other_b, c)])
    alias(store, other_b, b)
    alias(store, another_b, other_b)
    start, end = (a, c) if direction == "forward" else (c, a)
    with store.read() as session:
        assert reached_nodes(session, 1, [start], direction) == {a, b, other_b, another_b, c}
        whole = trace_edges(session, 1, [start], direction)
        for edges in (whole, trace_edges(session, 1, [start], direction, max_depth=2)):
            steps = {(e.src, e.dst): e.depth for e in edges if e.kind != SAME_AS}
            assert steps == {
                (a, b): 1 if direction == "forward" else 2,
                (other_b, c): 2 if direction == "forward" else 1,
            }
            assert sum(e.kind == SAME_AS for e in edges) == 2
        near = trace_edges(session, 1, [start], direction, max_depth=1)
    assert end not in {e.src for e in near} | {e.dst for e in near}


def test_a_walk_over_the_edges_reaches_what_the_trace_reached(store: Store):
    a, b, other_b, c = a_plant(store, 4).nodes
    link(store, [(a, b), (other_b, c)])
    alias(store, b, other_b)
    with store.read() as session:
        for start, direction in ((a, "forward"), (c, "backward")):
            edges = trace_edges(session, 1, [start], direction)
            graph = networkx.DiGraph([(e.src, e.dst) for e in edges])
            walked = graph if direction == "forward" else graph.reverse()
            assert networkx.descendants(walked, start) | {start} == {a, b, other_b, c}


def test_an_alias_that_was_undone_is_not_walked(store: Store):
    a, b, other_b, c = a_plant(store, 4).nodes
    link(store, [(a, b), (other_b, c)])
    alias(store, other_b, b)
    with store.write(a_context()) as work:
        work.session.connection().execute(text("UPDATE node_alias SET undone_at = recorded_at"))
        work.log("node.unmerge", "node", str(b))
    with store.read() as session:
        assert reached_nodes(session, 1, [a], "forward") == {a, b}


def test_a_hundred_thousand_keys_go_through_one_statement(store: Store):
    nodes = a_plant(store, 50).nodes
    link(store, pairwise(nodes))
    keys = [*range(max(nodes) + 1, max(nodes) + 100_000), *nodes]
    with store.read() as session:
        assert describe_nodes(session, 1, keys).keys() == set(nodes)
        assert len(trace_edges(session, 1, keys, "backward")) == 49


def test_no_keys_ask_nothing(store: Store):
    with store.read() as session:
        assert trace_edges(session, 1, [], "forward") == []
        assert describe_nodes(session, 1, []) == {}
        assert rows_for(session, _must_not_ask, 1, []) == ()


def _must_not_ask(_dialect: str) -> NoReturn:
    raise AssertionError("a statement was built for no keys")


@pytest.mark.parametrize("has_statistics", [False, True], ids=["fresh", "analyzed"])
def test_no_statement_of_a_trace_scans_a_table(store: Store, has_statistics: bool):
    nodes = a_plant(store, 600).nodes
    for at in range(0, 600, 20):
        link(store, [(nodes[a], nodes[b]) for a in range(at, at + 20) for b in (a - 1, a - 7)])
    alias(store, nodes[0], nodes[1])
    if has_statistics:
        with store.write(a_context()) as work:
            work.session.connection().execute(text("ANALYZE"))
    with store.read() as session:
        plans = _plans(session, lambda: _ask_everything(session, nodes))
    assert "ix_edge_out" in plans
    assert "ix_edge_in" in plans
    assert "bloom" not in plans.lower()
    if store.dialect == "sqlite":
        assert "COVERING INDEX ix_edge_out" in plans
        assert [line for line in plans.splitlines() if _reads_too_much(line)] == []


def _ask_everything(session: Session, nodes: list[int]) -> None:
    few = nodes[-5:-1]
    for direction, start in (("forward", few[0]), ("backward", nodes[3])):
        trace_edges(session, 1, [start], direction)
        trace_edges(session, 1, [start], direction, max_depth=2)
    describe_nodes(session, 1, few)
    active_holds(session, 1, few)
    movements_of(session, 1, few)
    sums_of(session, 1, few)
    open_discrepancies(session, 1, few)
    shipments_of(session, 1, few)
    contents_of(session, 1, few)
    records_about(session, 1, few)
    find_nodes(session, 1, "l7")


def _reads_too_much(line: str) -> bool:
    """Say whether a line of a plan reads a table, or all rows of the company in it.

    Of what the test made few of, a table is rightly read whole once there are statistics.
    """
    few = (
        "listed",
        "reached",
        "alike",
        "anon_1",
        "node_alias",
        "item",
        "party",
        "from_party",
        "to_party",
    )
    act, _, rest = line.partition(" ")
    is_whole = act == "SCAN" or rest.endswith(("(tenant_id=?)", "(tenant_id=?) LEFT-JOIN"))
    return is_whole and rest.split()[0] not in few


def _plans(session: Session, ask) -> str:
    """Explain each statement that `ask` runs, with the very parameters it ran with."""
    connection = session.connection()
    asked: list[tuple[str, Any]] = []

    def note(_connection, _cursor, statement, parameters, *_rest) -> None:
        asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    ask()
    event.remove(connection, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    lines = []
    if connection.dialect.name == "postgresql":  # a few thousand rows are rightly read whole
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    for statement, parameters in asked:
        rows = connection.exec_driver_sql(f"{explain} {statement}", parameters)
        lines += [str(row[-1]) for row in rows]
    return "\n".join(lines)


def test_a_key_that_is_given_twice_counts_once(store: Store):
    with store.read() as session:
        rows = rows_for(session, key_rows, 1, [3, 1, 3])
    assert sorted(row[0] for row in rows) == [1, 3]


def test_bulk_edges_are_written_in_one_statement(store: Store):
    nodes = a_plant(store, 200).nodes
    with store.write(a_context()) as work:
        made = an_event(work)
        rows = [
            {
                "id": key,
                "src": src,
                "dst": dst,
                "kind": "split",
                "certainty": "derived",
                "event_id": made.id,
                "event_at": NOON,
                "recorded_at": NOON,
            }
            for key, src, dst in zip(work.keys(199), nodes, nodes[1:], strict=False)
        ]
        work.insert(Edge, rows)
        work.log("event.split", "event", made.uid)
    with store.read() as session:
        edges = trace_edges(session, 1, [nodes[0]], "forward")
    assert [e.depth for e in edges] == list(range(1, 200))
