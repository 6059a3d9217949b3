"""The flat names and texts a page sends, nested into groups, tables and lists.

It must not know schemas: a name says its place (``inputs/0/lot``), nothing else does.
"""

from collections.abc import Iterable
from typing import Any, Final

from qtcore.engines.forms.typed import is_empty

MOST_ROWS: Final = 1000
MOST_DEPTH: Final = 8


def nest_submitted(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Nest the fields of a page; a name that comes again becomes a list.

    Rows that hold nothing are dropped, so that a page may offer spare ones; the places in faults
    count the rows that remain. ValueError when a name is deeper or a row further than any form.
    """
    tree: dict[str, Any] = {}
    for name, text in pairs:
        parts = name.split("/")
        if len(parts) > MOST_DEPTH:
            raise ValueError(f"field {name[:80]!r} lies deeper than {MOST_DEPTH} levels")
        here = tree
        for part in parts[:-1]:
            inner = here.setdefault(part, {})
            if not isinstance(inner, dict):
                raise ValueError(f"field {name[:80]!r} is both a value and a group")
            here = inner
        _put(here, parts[-1], text, name)
    return {name: _listed(part) for name, part in tree.items()}


def _put(here: dict[str, Any], part: str, text: str, name: str) -> None:
    held = here.get(part)
    if isinstance(held, dict):
        raise ValueError(f"field {name[:80]!r} is both a value and a group")
    if part not in here:
        here[part] = text
    elif isinstance(held, list):
        held.append(text)
    else:
        here[part] = [held, text]


def _listed(node: Any) -> Any:
    """Turn groups whose names are all row numbers into lists, in the order of the numbers."""
    if not isinstance(node, dict):
        return node
    inner = {name: _listed(part) for name, part in node.items()}
    if not inner or not all(name.isascii() and name.isdigit() for name in inner):
        return inner
    if max(len(name) for name in inner) > len(str(MOST_ROWS)) or len(inner) > MOST_ROWS:
        raise ValueError(f"a table has more than {MOST_ROWS} rows")
    rows = [inner[name] for name in sorted(inner, key=int)]
    return [row for row in rows if not is_empty(row)]
