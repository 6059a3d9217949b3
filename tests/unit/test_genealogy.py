"""Walks over edges: depths, certainties, cycles and stages, on chains of any length."""

from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qtcore.engines.genealogy import (
    Edge,
    find_certainties,
    find_loops,
    lay_out,
    longest_depth,
    order_by_depth,
)

nodes = st.integers(0, 12)
pairs = st.lists(st.tuples(nodes, nodes), max_size=30)
downhill = pairs.map(lambda listed: [(min(p), max(p)) for p in listed if p[0] != p[1]])
LONG = 5000


def links(*texts: str) -> list[Edge[str]]:
    return [Edge(*text.split(">")) for text in texts]


def edges_of(listed: list[tuple[int, int]]) -> list[Edge[int]]:
    return [Edge(source, target) for source, target in listed]


def chain(length: int) -> list[Edge[int]]:
    return edges_of(list(pairwise(range(length + 1))))


def stages_of(edges: list[Edge[str]], focus: str) -> dict[str, int]:
    drawing = lay_out(edges, focus, lane_length=99)
    return {node: column.stage for column in drawing.columns for node in column.nodes}


@given(pairs, nodes)
def test_depths_are_the_shortest_ways(listed, seed):
    graph = nx.DiGraph(listed)
    graph.add_node(seed)
    assert order_by_depth(edges_of(listed), [seed], "forward") == dict(
        nx.single_source_shortest_path_length(graph, seed)
    )


@given(pairs, nodes, nodes)
def test_forward_and_backward_are_mirror_images(listed, one, other):
    edges = edges_of(listed)
    reaches = other in order_by_depth(edges, [one], "forward")
    assert reaches == (one in order_by_depth(edges, [other], "backward"))


@given(pairs)
def test_exactly_the_nodes_that_come_from_themselves_have_a_loop(listed):
    graph = nx.DiGraph(listed)
    found = find_loops(listed)
    assert found.keys() == {
        node
        for group in nx.strongly_connected_components(graph)
        for node in group
        if len(group) > 1 or graph.has_edge(node, node)
    }
    for node, way in found.items():
        assert way[0] == way[-1] == node
        assert set(pairwise(way)) <= set(listed)
        back = dict(nx.single_target_shortest_path_length(graph, node))
        assert len(way) - 2 == min(back[far] for far in graph.successors(node) if far in back)


@given(downhill)
def test_the_longest_chain_is_as_long_as_an_independent_count_says(listed):
    expected = nx.dag_longest_path_length(nx.DiGraph(listed)) if listed else 0
    assert longest_depth(edges_of(listed)) == expected


@given(downhill, nodes)
def test_every_link_of_an_acyclic_drawing_runs_to_the_right(listed, focus):
    drawing = lay_out(edges_of(listed), focus)
    assert not any(lane.is_return for lane in drawing.lanes)


@given(pairs, nodes)
def test_a_drawing_loses_no_node(listed, focus):
    drawing = lay_out(edges_of(listed), focus, lane_length=2)
    placed = [n for column in drawing.columns for n in (*column.nodes, *column.more)]
    everything = {focus, *(node for pair in listed for node in pair)}
    assert sorted((*placed, *drawing.outside)) == sorted(everything)


@pytest.mark.parametrize(
    ("told", "loops"),
    [
        (["ab", "bc", "ca", "xa", "cy"], {"a": "abca", "b": "bcab", "c": "cabc"}),
        (["aa"], {"a": "aa"}),
        (["ab", "bm", "mc", "cd", "ba", "dc"], {"a": "aba", "b": "bab", "c": "cdc", "d": "dcd"}),
        (["ab", "bc", "ac"], {}),
    ],
    ids=["a ring with ends", "itself", "two and a lot between", "a shortcut"],
)
def test_a_lot_that_comes_from_itself_is_shown_with_its_way(told, loops):
    assert {node: "".join(way) for node, way in find_loops(told).items()} == loops


def test_a_chain_of_thousands_of_levels_is_walked():
    edges = chain(LONG)
    assert order_by_depth(edges, [0], "forward")[LONG] == LONG
    assert longest_depth(edges) == LONG
    ring = [(edge.source, edge.target) for edge in edges] + [(LONG, 0)]
    assert len(find_loops(ring)) == LONG + 1
    assert len(lay_out(edges, 0).columns) == LONG + 1


def test_a_recursive_walk_would_not_survive_that_chain():
    following = {edge.source: edge.target for edge in chain(LONG)}

    def depth(node: int) -> int:
        return 1 + depth(following[node]) if node in following else 0

    with pytest.raises(RecursionError, match="recursion"):
        depth(0)


def test_a_chain_is_as_sure_as_its_weakest_link_on_its_surest_way():
    edges = [
        Edge("a", "b", "recorded"),
        Edge("b", "c", "inferred"),
        Edge("a", "d", "derived"),
        Edge("d", "c", "recorded"),
        Edge("c", "e", "inferred"),
    ]
    assert find_certainties(edges, ["a"], "forward") == {
        "a": "recorded",
        "b": "recorded",
        "d": "derived",
        "c": "derived",
        "e": "inferred",
    }


def test_the_focus_stands_in_the_middle():
    edges = links("api>blend", "lactose>blend", "blend>tablets", "api>tablets", "tablets>box")
    assert stages_of(edges, "tablets") == {
        "api": -2,
        "lactose": -2,
        "blend": -1,
        "tablets": 0,
        "box": 1,
    }


def test_other_products_of_a_material_are_outside():
    assert lay_out(links("api>a", "api>b"), "a").outside == ("b",)


def test_a_full_column_lists_the_rest():
    drawing = lay_out([Edge(f"m{n}", "x") for n in range(9)], "x")
    assert [(c.stage, len(c.nodes), c.more) for c in drawing.columns] == [
        (-1, 7, ("m7", "m8")),
        (0, 1, ()),
    ]
    assert len(drawing.lanes) == 7


def test_a_loop_is_drawn_with_a_return():
    lanes = lay_out(links("a>b", "b>c", "c>a"), "a").lanes
    assert [lane.is_return for lane in lanes].count(True) >= 1


def test_a_column_is_sorted_as_asked():
    drawing = lay_out(links("b>x", "a>x"), "x", key=lambda node: {"a": "2", "b": "1"}.get(node, ""))
    assert drawing.columns[0].nodes == ("b", "a")
