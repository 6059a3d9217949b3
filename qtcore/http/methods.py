"""Which methods an address takes, read from the routes themselves.

It must not know what a route does. The router answers one method only in Allow, and after the
gate has looked at the body; here the whole list is known before.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from litestar.routes import HTTPRoute

_PART: Final = re.compile(r"\{([a-z_]+)(?::([a-z]+))?\}")


@dataclass(frozen=True, slots=True)
class Methods:
    """The addresses with their methods, those with most literal signs first."""

    known: tuple[tuple[re.Pattern[str], frozenset[str]], ...]

    def of(self, path: str) -> frozenset[str] | None:
        """Give the methods that an address takes; None for an address that nobody serves."""
        return next((methods for shape, methods in self.known if shape.fullmatch(path)), None)


def read_methods(routes: Iterable[object]) -> Methods:
    """Read the methods of the routes of an application."""
    found: dict[str, frozenset[str]] = {}
    for each in routes:
        if isinstance(each, HTTPRoute):
            found[each.path] = found.get(each.path, frozenset()) | frozenset(each.methods)
    literal = sorted(found.items(), key=lambda each: -len(_PART.sub("", each[0])))
    return Methods(tuple((_shape(path), methods) for path, methods in literal))


def _shape(path: str) -> re.Pattern[str]:
    """Turn a path with parameters into a pattern; a parameter of kind path spans slashes."""
    parts, end = [], 0
    for found in _PART.finditer(path):
        parts += [re.escape(path[end : found.start()]), ".*" if found[2] == "path" else "[^/]+"]
        end = found.end()
    return re.compile("".join([*parts, re.escape(path[end:])]) + "/?", re.DOTALL)
