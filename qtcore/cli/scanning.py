"""The commands that read a scanned code, and a written list of lots.

It must not change anything.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from qtcore.cli.options import (
    Console,
    console,
)

CodeArgument = Annotated[
    str,
    typer.Argument(help="GS1 element string (^ is FNC1), Digital Link, URN, tag or own code."),
]


@console()
def scan(
    here: Console,
    text: CodeArgument,
) -> None:
    """Read a code: its elements, what is wrong (exit code 1), which lots and units it means.

    Without a database the code is read and nothing matches.
    """
    answer = _read_alone(text) if _is_missing(here.db) else _read_here(here, text)
    here.answer(answer, text=_scan_text)
    if not answer["accepted"]:
        raise typer.Exit(1)


def _read_alone(text: str) -> dict[str, Any]:
    """Read without what opens databases: loading it takes several times as long as reading."""
    from qtcore.builtin.gs1.reading import read_code

    return {**read_code(text).as_json(), "matches": []}


def _read_here(here: Console, text: str) -> dict[str, Any]:
    from qtcore.services.scanning import scan as run_scan

    with here.site() as site:
        return run_scan(site, here.context(site), text).as_json()


@console()
def lots(
    here: Console,
    text: Annotated[str, typer.Argument(help="Text as notices write it: lots 0112 through 0120.")],
    *,
    item: Annotated[str, typer.Option(help="Only lots of this item.")] = "",
) -> None:
    """Read free text of lot numbers: lots, ranges, what is open (exit code 1), which lots it means.

    Without a database the text is read and nothing matches.
    """
    from qtcore.builtin.lot_text import read_lot_text
    from qtcore.services.lot_text import NamedLots, find_lots_in_text

    if _is_missing(here.db):
        found = NamedLots(read_lot_text(text))
    else:
        with here.site() as site:
            found = find_lots_in_text(site, here.context(site), text, item=item)
    here.answer(found.as_json(), text=_lots_text)
    if not found.is_decided:
        raise typer.Exit(1)


def _lots_text(answer: Mapping[str, Any]) -> str:
    lines = [f"lot {each}" for each in answer["lots"]]
    lines += [f"lots {r['first']} to {r['last']} ({r['count']})" for r in answer["ranges"]]
    lines += [f"lots that begin with {each}" for each in answer["prefixes"]]
    lines += ["all lots"] if answer["all_lots"] else []
    lines += [f"  but not {each}" for each in answer["excluded"]]
    for doubt in answer["doubts"]:
        readings = f" (either {' or '.join(doubt['readings'])})" if doubt["readings"] else ""
        lines.append(f"? {doubt['text']!r}: {doubt['reason']}{readings}")
    lines += [f"? no lot here is called {each}" for each in answer["unknown"]]
    lines += [f"? several lots are called {each}" for each in answer["ambiguous"]]
    lines += [
        f"  -> {m['lot_no']} {m['item']} [{m['state']}] {m['lot_id']}" for m in answer["matches"]
    ]
    return "\n".join(lines) or "the text names no lots"


def _is_missing(url: str) -> bool:
    path = url.removeprefix("sqlite:///")
    return path != url and path not in ("", ":memory:") and not Path(path).exists()


def _scan_text(answer: Mapping[str, Any]) -> str:
    verdict = "accepted" if answer["accepted"] else "NOT accepted"
    lines = [f"{verdict}: {answer['element_string'] or answer['notation'] or 'no code of GS1'}"]
    lines += [f"  ({ai}) {value}" for ai, value in answer["elements"].items()]
    lines += [
        f"  {'!' if p['fatal'] else '?'} {p['code']} {p['message']}" for p in answer["problems"]
    ]
    lines += [
        f"  -> {m['kind']} {m['lot_no']} {m['item']} [{m['state']}] {m['lot_id']}"
        for m in answer["matches"]
    ]
    return "\n".join(lines)
