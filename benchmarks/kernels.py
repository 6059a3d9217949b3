"""The same reach from memory: compiled arrays, igraph, networkx, a dict, and a table of bare pairs.

It must not know names, quantities or times: what a kernel answers are ids and nothing else.
"""

import itertools
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

_MOST_FOR_NETWORKX = 200_000
_MOST_FOR_PYTHON = 2_000_000


def kernels(database: sqlite3.Connection) -> dict[str, Callable[[int], Any]]:
    """Load the edges into memory for the limits, as far as they are installed and fit."""
    pairs = database.execute("SELECT src, dst FROM edge").fetchall()
    found: dict[str, Callable[[int], Any]] = {}
    if find_spec("numba"):
        found["numba"] = csr_kernel(pairs)
    if find_spec("igraph"):
        igraph = import_module("igraph")
        graph = igraph.Graph(n=max(max(p) for p in pairs) + 1, edges=pairs, directed=True)
        found["igraph"] = lambda start: graph.subcomponent(start, mode="out")
    else:
        print("igraph is not installed; install the bench extra")
    if len(pairs) <= _MOST_FOR_PYTHON:
        found["dict"] = dict_kernel(pairs)
        found["narrow_ids"] = narrow(pairs)
    if len(pairs) <= _MOST_FOR_NETWORKX:
        networkx = import_module("networkx")
        digraph = networkx.DiGraph(pairs)
        digraph.add_nodes_from(range(max(max(pair) for pair in pairs) + 1))
        found["networkx"] = lambda start: networkx.descendants(digraph, start)
    return found


def dict_kernel(pairs: Sequence[tuple[int, int]]) -> Callable[[int], Any]:
    """Walk a dict of lists: what plain Python allows."""
    onward: dict[int, list[int]] = {}
    for src, dst in pairs:
        onward.setdefault(src, []).append(dst)

    def plain(start: int) -> set[int]:
        reached, waiting = {start}, deque([start])
        while waiting:
            for far in onward.get(waiting.popleft(), ()):
                if far not in reached:
                    reached.add(far)
                    waiting.append(far)
        return reached

    return plain


def csr_kernel(pairs: Sequence[tuple[int, int]]) -> Callable[[int], Any]:
    """Walk arrays of neighbours by compiled code: what memory allows, with ids only."""
    numpy, numba = import_module("numpy"), import_module("numba")
    told = numpy.array(pairs, dtype=numpy.int64)
    told = told[numpy.lexsort((told[:, 1], told[:, 0]))]
    count = int(told.max()) + 2
    first = numpy.searchsorted(told[:, 0], numpy.arange(count + 1))
    ends = numpy.ascontiguousarray(told[:, 1])
    mark, found = numpy.zeros(count, dtype=numpy.int64), numpy.empty(count, dtype=numpy.int64)

    def walk(graph: Any, room: Any, start: int, turn: int) -> int:
        (first, ends), (mark, found) = graph, room
        found[0], mark[start], size, at = start, turn, 1, 0
        while at < size:
            node = found[at]
            at += 1
            for place in range(first[node], first[node + 1]):
                far = ends[place]
                if mark[far] != turn:
                    mark[far] = turn
                    found[size] = far
                    size += 1
        return size

    compiled = numba.njit(walk)
    turns = itertools.count(1)
    return lambda start: found[: compiled((first, ends), (mark, found), start, next(turns))].copy()


def narrow(told: Sequence[tuple[int, int]]) -> Callable[[int], Any]:
    """Walk pairs of integers in a table that has nothing else: as fast as SQL can be."""
    pairs = sqlite3.connect(":memory:")
    pairs.execute("CREATE TABLE pair (src, dst, PRIMARY KEY (src, dst)) WITHOUT ROWID")
    pairs.executemany("INSERT INTO pair VALUES (?, ?)", told)
    walk = (
        "WITH RECURSIVE r(n) AS (SELECT ? UNION SELECT dst FROM r JOIN pair ON src = n)"
        " SELECT n FROM r"
    )
    return lambda start: pairs.execute(walk, (start,)).fetchall()
