"""References inside one schema: local, to something that exists, never back to themselves.

It must not know what the keywords of a schema mean.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from qtcore.definitions.mistakes import Mistake, shown
from qtcore.definitions.problems import suggest
from qtcore.definitions.source import Path

MAX_EXPANDED = 2_000


def inline_references(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Replace every local ``$ref`` by what it names; the schema must have passed the check."""
    definitions = schema.get("$defs") or {}

    def expand(node: Any) -> Any:
        if isinstance(node, list):
            return [expand(part) for part in node]
        if not isinstance(node, Mapping):
            return node
        named = _referred(node.get("$ref"))
        rest = {key: expand(value) for key, value in node.items() if key != "$ref"}
        return {**expand(definitions[named]), **rest} if named in definitions else rest

    return {key: expand(value) for key, value in schema.items() if key != "$defs"}


def check_references(schema: Mapping[str, Any], definitions: Any, path: Path) -> Iterator[Mistake]:
    if not isinstance(definitions, Mapping):
        yield Mistake("QT112", "'$defs' is a mapping of names to schemas", (*path, "$defs"))
        return
    uses: dict[str, list[str]] = {}
    found = list(_references(schema, path))
    for at, target in found:
        named = _referred(target)
        if named is None:
            message = (
                f"'$ref' is {shown(target)}; only '#/$defs/NAME' of the same schema is accepted"
            )
            yield Mistake("QT112", message, at)
        elif named not in definitions:
            message = f"there is no '$defs' entry {named!r}"
            yield Mistake("QT130", message, at, suggest(named, definitions))
        elif len(at) > len(path) + 1 and at[len(path)] == "$defs":
            uses.setdefault(str(at[len(path) + 1]), []).append(named)
    for name in definitions:
        if _uses_itself(name, uses):
            message = f"the '$defs' entry {name!r} refers back to itself; unroll it"
            yield Mistake("QT112", message, (*path, "$defs", name), on_key=True)
            return
    if _expanded(schema, definitions, uses) > MAX_EXPANDED:
        yield Mistake(
            "QT106",
            f"the '$ref' of the schema unfold to more than {MAX_EXPANDED} fields",
            (*path, "$defs"),
        )


def _references(node: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key == "$ref":
                yield (*path, key), value
            else:
                yield from _references(value, (*path, key))
    elif isinstance(node, list):
        for number, part in enumerate(node):
            yield from _references(part, (*path, number))


def _referred(target: Any) -> str | None:
    if isinstance(target, str) and target.startswith("#/$defs/") and target.count("/") == 2:
        return target.removeprefix("#/$defs/")
    return None


def _uses_itself(name: str, uses: Mapping[str, list[str]]) -> bool:
    seen: set[str] = set()
    waiting = list(uses.get(name, ()))
    while waiting:
        here = waiting.pop()
        if here == name:
            return True
        if here not in seen:
            seen.add(here)
            waiting.extend(uses.get(here, ()))
    return False


def _expanded(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], uses: Mapping[str, list[str]]
) -> int:
    """Count the nodes after inlining, each definition once, so that doubling chains stay cheap."""
    known: dict[str, int] = {}

    def size(name: str) -> int:
        if name not in known:
            known[name] = 1 + sum(size(part) for part in uses.get(name, ()) if part in definitions)
        return known[name]

    body = {key: value for key, value in schema.items() if key != "$defs"}
    named = [_referred(target) for _, target in _references(body, ())]
    return sum(size(name) for name in named if name is not None and name in definitions)
