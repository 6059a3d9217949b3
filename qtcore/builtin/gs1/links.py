"""GS1 Digital Link URIs: read and written, on any domain, uncompressed.

It must not know redirects or what a resolver answers.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final
from urllib.parse import quote

from qtcore.builtin.faults import shown
from qtcore.builtin.gs1.elements import BadCode, Element, Elements, check_element
from qtcore.builtin.gs1.table import IDENTIFIERS, KEY_QUALIFIERS, NEVER_IN_QUERY

CANONICAL_STEM: Final = "https://id.gs1.org"

_LINK = re.compile(r"https?://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?", re.ASCII | re.IGNORECASE)
_HOST = re.compile(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)
_SIGNS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*", re.ASCII)
_COMPRESSED = re.compile(r"(?=.*[A-Z])(?=.*[a-z])[A-Za-z0-9_-]{8,}", re.ASCII)
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})|%", re.ASCII)


def is_link(text: str) -> bool:
    """Say whether a text is a web address."""
    return text[:8].lower().startswith(("http://", "https://"))


def read_link(uri: str) -> Elements:
    """Read a Digital Link URI: its key, qualifiers and attributes, in the order of the URI."""
    listed: list[Element] = []
    try:
        listed.extend(_read(uri))
    except BadCode as bad:
        return Elements(tuple(listed), (bad.problem,))
    return Elements(tuple(listed))


def make_link(elements: Sequence[Element], stem: str = CANONICAL_STEM) -> str:
    """Write elements as a URI; raises BadCode when they hold no key, or what no URI may hold."""
    values: dict[str, str] = {}
    for element in elements:
        values.setdefault(element.ai, element.value)
    key = next((ai for ai in values if ai in KEY_QUALIFIERS), None)
    if key is None:
        raise BadCode("QT737", f"no key to begin a URI with; accepted: {_keys()}")
    chosen = max(
        (tuple(ai for ai in order if ai in values) for order in KEY_QUALIFIERS[key] or ((),)),
        key=len,
    )
    path = (key, *chosen)
    rest = [ai for ai in values if ai not in path]
    for ai in rest:
        if ai in NEVER_IN_QUERY:
            raise BadCode("QT737", f"({ai}) cannot stand in a URI beside ({key})", ai)
    uri = stem.rstrip("/") + "".join(f"/{ai}/{_escaped(values[ai])}" for ai in path)
    query = "&".join(f"{ai}={_escaped(values[ai])}" for ai in rest)
    return f"{uri}?{query}" if query else uri


def _escaped(value: str) -> str:
    return quote(value, safe="-._~")


def _keys() -> str:
    return ", ".join(f"({ai})" for ai in KEY_QUALIFIERS)


def _read(uri: str) -> Iterator[Element]:
    match = _LINK.fullmatch(uri)
    if match is None or not _SIGNS.fullmatch(uri):
        raise BadCode("QT737", f"{shown(uri)} is no web address (http or https)", found=uri)
    host, path, query = match.groups()
    if not _HOST.fullmatch(host):
        raise BadCode("QT737", f"{shown(host)} is no host name", found=host)
    pairs = _path_pairs(path)
    for ai, text in pairs:
        yield check_element(ai, _plain(text, ai, is_query=False))
    yield from _attributes(query or "", tuple(ai for ai, _ in pairs))


def _path_pairs(path: str) -> list[tuple[str, str]]:
    """Find the last key in the path; what stands before it belongs to the domain's owner."""
    segments = path.split("/")[1:]
    for start in range(len(segments) - 2, -1, -2):
        if segments[start] in KEY_QUALIFIERS:
            pairs = list(zip(segments[start::2], segments[start + 1 :: 2], strict=True))
            _check_order([ai for ai, _ in pairs])
            return pairs
    if segments and _COMPRESSED.fullmatch(segments[-1]):
        message = (
            f"{shown(path)} may be a compressed Digital Link, which is not read; accepted: the "
            f"uncompressed one, with a key in its path: {_keys()}"
        )
        raise BadCode("QT737", message, found=path)
    message = f"no key of GS1 in the path {shown(path)}; accepted: {_keys()}"
    raise BadCode("QT737", message, found=path)


def _check_order(path: Sequence[str]) -> None:
    if _is_path(path):
        return
    key, *found = path
    orders = " or ".join(", ".join(order) for order in KEY_QUALIFIERS[key]) or "none"
    message = f"{', '.join(found)} may not follow /{key}/; accepted, in this order: {orders}"
    raise BadCode("QT737", message, key, found="/".join(found))


def _is_path(path: Sequence[str]) -> bool:
    key, *found = path
    return any(
        tuple(found) in combinations(order, len(found)) for order in (*KEY_QUALIFIERS[key], ())
    )


def _attributes(query: str, path: tuple[str, ...]) -> Iterator[Element]:
    seen: set[str] = set(path)
    for pair in re.split("[&;]", query):
        ai, equals, text = pair.partition("=")
        if not equals or not (ai.isascii() and ai.isdigit()):
            continue  # other parameters belong to the domain's owner
        _check_attribute(ai, path, seen)
        seen.add(ai)
        yield check_element(ai, _plain(text, ai, is_query=True))


def _check_attribute(ai: str, path: tuple[str, ...], seen: set[str]) -> None:
    if ai not in IDENTIFIERS:
        raise BadCode("QT731", f"({ai}) is no application identifier of GS1", ai, found=ai)
    if ai in seen:
        raise BadCode("QT735", f"({ai}) stands twice in the URI; accepted: once", ai)
    if ai in NEVER_IN_QUERY:
        raise BadCode("QT737", f"({ai}) may not stand after the ?", ai)
    if any(_is_path((*path[:at], ai, *path[at:])) for at in range(1, len(path) + 1)):
        raise BadCode("QT737", f"({ai}) belongs into the path, as /{ai}/...", ai)


def _plain(text: str, ai: str, *, is_query: bool) -> str:
    """Undo the escapes; a byte beyond ASCII stays a sign that no element accepts."""
    if any(match[1] is None for match in _ESCAPE.finditer(text)):
        message = f"({ai}): % in {shown(text)} is not followed by two hexadecimal digits"
        raise BadCode("QT737", message, ai, found=text)
    spaced = text.replace("+", " ") if is_query else text
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), spaced)
