"""Machines with nested and parallel states, in the shape of the published vectors."""

from typing import Any


def state(name: str, *inner: Any, on: Any = (), **more: Any) -> dict[str, Any]:
    """Write a state: its transitions as (event, target, ...), what lies inside after its name."""
    kind = more.pop("kind", "state")
    steps = [transition(*step) if isinstance(step, tuple) else step for step in on]
    return {"id": name, "kind": kind, "states": list(inner), "transitions": steps, **more}


def transition(event: str, target: str = "", **more: Any) -> dict[str, Any]:
    return {"event": event, "target": target.split(), **more}


def parallel(name: str, *inner: Any, **more: Any) -> dict[str, Any]:
    return state(name, *inner, kind="parallel", **more)


def final(name: str) -> dict[str, Any]:
    return state(name, kind="final")


def history(name: str, default: str, kind: str = "shallow") -> dict[str, Any]:
    return {"id": name, "kind": "history", "type": kind, "transitions": [transition("", default)]}


def vector(name: str, states: Any, start: str, *steps: tuple[str, str], initial: str = "") -> Any:
    """Write a vector: the states, the configuration at the start, then (event, configuration)."""
    machine = {"kind": "scxml", "states": list(states), "initial": initial.split()}
    return {
        "name": name,
        "machine": machine,
        "initial_configuration": start.split(),
        "steps": [{"event": event, "next": after.split()} for event, after in steps],
    }


TWO = parallel(
    "p",
    state("r1", state("a1", on=[("t", "a2")]), state("a2", on=[("u", "a1")])),
    state("r2", state("b1", on=[("t", "b2")]), state("b2")),
    on=[("out", "z")],
)

VECTORS = [
    vector(
        "the first state inside is entered",
        [state("a", state("b", on=[("t", "c")]), state("c"), initial=["b"])],
        "b",
        ("t", "c"),
    ),
    vector(
        "the inner transition wins over the outer one",
        [
            state("a", state("b", on=[("t", "c")]), state("c"), on=[("t", "d")]),
            state("d"),
        ],
        "b",
        ("t", "c"),
        ("t", "d"),
    ),
    vector(
        "a transition of the state around is inherited",
        [state("a", state("b", state("c")), on=[("t", "d")]), state("d")],
        "c",
        ("t", "d"),
    ),
    vector(
        "what is written first is made",
        [state("a", on=[("t", "b"), ("t", "c")]), state("b"), state("c")],
        "a",
        ("t", "b"),
    ),
    vector(
        "an event without a transition changes nothing",
        [state("a", on=[("t", "b")]), state("b")],
        "a",
        ("u", "a"),
        ("t", "b"),
    ),
    vector("every region reacts to one event", [TWO, state("z")], "a1 b1", ("t", "a2 b2")),
    vector(
        "one region reacts while the other rests",
        [TWO, state("z")],
        "a1 b1",
        ("t", "a2 b2"),
        ("u", "a1 b2"),
    ),
    vector("leaving a parallel state leaves all of it", [TWO, state("z")], "a1 b1", ("out", "z")),
    vector(
        "a target inside one region starts the other at its beginning",
        [state("s", on=[("go", "b2")]), TWO, state("z")],
        "s",
        ("go", "a1 b2"),
        initial="s",
    ),
    vector(
        "one transition may name a state in each region",
        [state("s", on=[("go", "a2 b2")]), TWO, state("z")],
        "s",
        ("go", "a2 b2"),
        initial="s",
    ),
    vector(
        "the inner region's exit is preempted by what is written first",
        [
            parallel(
                "p",
                state("r1", state("a1", on=[("t", "a2")]), state("a2")),
                state("r2", state("b1", on=[("t", "z")])),
            ),
            state("z"),
        ],
        "a1 b1",
        ("t", "a2 b1"),
        ("t", "z"),
    ),
    vector(
        "leaving wins when it is written first",
        [
            parallel(
                "p",
                state("r1", state("a1", on=[("t", "z")])),
                state("r2", state("b1", on=[("t", "b2")]), state("b2")),
            ),
            state("z"),
        ],
        "a1 b1",
        ("t", "z"),
    ),
    vector(
        "a region inside a region",
        [
            parallel(
                "p",
                parallel("q", state("x", on=[("t", "y")]), state("w", state("w1"))),
                state("r", state("r1", on=[("t", "r2")]), state("r2")),
            ),
            state("y"),
        ],
        "r1 w1 x",
        ("t", "y"),
    ),
    vector(
        "a shallow bookmark restores the child only",
        [
            state("s", on=[("go", "h")]),
            state(
                "b",
                history("h", "b2"),
                state("b1", state("c1", on=[("t", "c2")]), state("c2")),
                state("b2"),
                on=[("out", "s"), ("first", "b1")],
            ),
        ],
        "s",
        ("go", "b2"),
        ("first", "c1"),
        ("t", "c2"),
        ("out", "s"),
        ("go", "c1"),
    ),
    vector(
        "a deep bookmark restores all inside",
        [
            state("s", on=[("go", "h")]),
            state(
                "b",
                history("h", "b2", "deep"),
                state("b1", state("c1", on=[("t", "c2")]), state("c2")),
                state("b2"),
                on=[("out", "s"), ("first", "b1")],
            ),
        ],
        "s",
        ("go", "b2"),
        ("first", "c1"),
        ("t", "c2"),
        ("out", "s"),
        ("go", "c2"),
    ),
    vector(
        "a deep bookmark of a parallel state",
        [
            state("s", on=[("go", "h")]),
            parallel(
                "p",
                history("h", "r1", "deep"),
                state("r1", state("a1", on=[("t", "a2")]), state("a2")),
                state("r2", state("b1", on=[("u", "b2")]), state("b2")),
                on=[("out", "s")],
            ),
        ],
        "s",
        ("go", "a1 b1"),
        ("t", "a2 b1"),
        ("u", "a2 b2"),
        ("out", "s"),
        ("go", "a2 b2"),
    ),
    vector(
        "what needs no event follows at once",
        [
            state("a", on=[("t", "b")]),
            state("b", on=[transition("", "c")]),
            state("c", on=[transition("", "d", cond="false"), transition("", "e")]),
            state("d"),
            state("e"),
        ],
        "a",
        ("t", "e"),
    ),
    vector(
        "it may follow at the very beginning",
        [state("a", on=[transition("", "b")]), state("b")],
        "b",
    ),
    vector(
        "all regions at their end lead on",
        [
            parallel(
                "p",
                state("r1", state("a1", on=[("t", "a2")]), final("a2")),
                state("r2", state("b1", on=[("u", "b2")]), final("b2")),
                on=[transition("done.state.p", "z")],
            ),
            state("z"),
        ],
        "a1 b1",
        ("t", "a2 b1"),
        ("u", "z"),
    ),
    vector(
        "a guard asks for another region",
        [
            parallel(
                "p",
                state(
                    "r1",
                    state("a1", on=[transition("t", "a2", cond="In('b2')")]),
                    state("a2"),
                ),
                state("r2", state("b1", on=[("u", "b2")]), state("b2")),
            )
        ],
        "a1 b1",
        ("t", "a1 b1"),
        ("u", "a1 b2"),
        ("t", "a2 b2"),
    ),
    vector(
        "an internal transition does not leave the state around",
        [
            parallel(
                "p",
                state(
                    "r1",
                    state("a1"),
                    state("a2"),
                    on=[transition("t", "a2", type="internal")],
                ),
                state("r2", state("b1", on=[("t", "b2")]), state("b2")),
            )
        ],
        "a1 b1",
        ("t", "a2 b2"),
    ),
    vector(
        "a transition without a target stays",
        [state("a", state("b"), state("c"), on=[("t", ""), ("u", "c")])],
        "b",
        ("u", "c"),
        ("t", "c"),
    ),
    vector(
        "one transition answers several events, by whole parts of their names",
        [state("a", on=[("x y.*", "b")]), state("b", on=[("*", "a")])],
        "a",
        ("x", "b"),
        ("q", "a"),
        ("y.z", "b"),
        ("yy", "a"),
        ("yy", "a"),
    ),
    vector(
        "the beginning may lie deep",
        [state("a", state("b"), state("c", state("d"), state("e"), on=[("t", "b")]))],
        "e",
        ("t", "b"),
        initial="e",
    ),
]
_INSIDE = state(
    "p",
    state("a", on=[("t", "b"), ("h", "past")]),
    state("b", on=[("h", "past"), ("out", "z")]),
    state("c", on=[("h", "past"), ("t", "b")]),
    history("past", "c"),
)
VECTORS += [
    vector(
        "a bookmark is empty while the state around it was never left",
        [_INSIDE, state("z", on=[("in", "p")])],
        "a",
        ("t", "b"),
        ("h", "c"),
    ),
    vector(
        "a bookmark holds where the state around it was left, not where it went since",
        [_INSIDE, state("z", on=[("in", "p")])],
        "a",
        ("t", "b"),
        ("out", "z"),
        ("in", "a"),
        ("h", "b"),
    ),
]
