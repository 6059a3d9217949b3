"""Asks on the command line for a size and a folder, runs a benchmark and keeps its result.

It must not know what is measured.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple


class Kept(NamedTuple):
    """A result, and where it was kept: a path without its ending, None when it was only printed."""

    result: dict[str, Any]
    place: Path | None


def run_and_keep(
    name: str, about: str | None, run: Callable[[int, Path | None], dict[str, Any]]
) -> Kept:
    """Print one JSON result of `run`, and with ``--out`` keep it as ``NAME-EDGES.json``.

    With ``--plants`` plants are kept in a folder and used again: a large one takes long to build.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--edges", type=int, default=100_000)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--plants", type=Path)
    asked = parser.parse_args()
    result = run(asked.edges, asked.plants)
    text = json.dumps(result, indent=2)
    print(text)
    if asked.out is None:
        return Kept(result, None)
    asked.out.mkdir(parents=True, exist_ok=True)
    place = asked.out / f"{name}-{asked.edges}"
    place.with_suffix(".json").write_text(text + "\n")
    return Kept(result, place)
