"""Which texts each definition needs, as keys of the i18n files.

It must not know languages or where texts lie.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from qtcore.definitions.source import Path

Needed = tuple[str, Path]
FREE_TEXTS = ("ui.", "terms.", "units.", "signatures.", "entities.")
"""Texts that screens use by their own names; nobody is warned that no definition needs them."""


def find_text_keys(kind: str, definition: Any) -> Iterator[Needed]:
    """Give each text a definition needs, with the path of the part that needs it."""
    return _KEYS[kind](definition)


def find_optional_keys(kind: str, definition: Any) -> Iterator[Needed]:
    """Give texts that are shown when they exist."""
    if kind == "fields":
        for name, schema in definition.properties.items():
            for value in _choices(schema):
                yield f"fields.{definition.entity}.choices.{name}.{value}", ("properties", name)
    for name, schema in _properties(kind, definition):
        prefix = (
            f"fields.{definition.entity}" if kind == "fields" else f"forms.{definition.id}.fields"
        )
        for inner in _inner(schema):
            yield f"{prefix}.{name}.{inner}", ()


def _fields(definition: Any) -> Iterator[Needed]:
    for name in definition.properties:
        yield f"fields.{definition.entity}.{name}", ("properties", name)


def _forms(definition: Any) -> Iterator[Needed]:
    yield f"forms.{definition.id}.title", ()
    for name, schema in _properties("forms", definition):
        path: Path = ("schema", "properties", name)
        yield f"forms.{definition.id}.fields.{name}", path
        for value in _choices(schema):
            yield f"forms.{definition.id}.choices.{name}.{value}", (*path, "enum")
    for number, section in enumerate(definition.layout):
        yield f"forms.{definition.id}.sections.{section.id}", ("layout", number)


def _workflows(definition: Any) -> Iterator[Needed]:
    yield f"workflows.{definition.id}.title", ()
    yield from _states(definition, definition.states, ("states",))
    for number, step in enumerate(definition.transitions):
        path: Path = ("transitions", number)
        yield f"workflows.{definition.id}.transitions.{step.id}", path
        if step.signature is not None:
            yield f"signatures.{step.signature.meaning}", ("transitions", number, "signature")


def _states(definition: Any, states: Any, path: Path) -> Iterator[Needed]:
    """Bookmarks are never active, so nothing shows them."""
    for number, state in enumerate(states):
        if not state.history:
            yield f"workflows.{definition.id}.states.{state.id}", (*path, number)
        yield from _states(definition, state.states, (*path, number, "states"))


def _rules(definition: Any) -> Iterator[Needed]:
    yield f"rules.{definition.id}.title", ()
    yield f"rules.{definition.id}.fix", ()


def _specs(definition: Any) -> Iterator[Needed]:
    yield f"specs.{definition.id}.title", ()
    for number, part in enumerate(definition.characteristics):
        yield f"specs.{definition.id}.{part.id}", ("characteristics", number)


def _recalls(definition: Any) -> Iterator[Needed]:
    yield f"recalls.{definition.id}.title", ()
    for number, entry in enumerate(definition.classes):
        yield f"recalls.{definition.id}.classes.{entry.id}", ("classes", number)
    for number, node in enumerate(definition.nodes):
        yield f"recalls.{definition.id}.nodes.{node.id}", ("nodes", number)


def _profiles(definition: Any) -> Iterator[Needed]:
    yield f"profiles.{definition.id}.title", ()
    for number, demand in enumerate(definition.demands):
        yield f"profiles.{definition.id}.{demand.id}", ("demands", number)


def _policies(definition: Any) -> Iterator[Needed]:
    yield f"policies.{definition.id}.title", ()
    yield f"policies.{definition.id}.text", ()


def _plain(kind: str) -> Callable[[Any], Iterator[Needed]]:
    def keys(definition: Any) -> Iterator[Needed]:
        yield f"{kind}.{definition.id}", ()

    return keys


def _none(_: Any) -> Iterator[Needed]:
    return iter(())


def _properties(kind: str, definition: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if kind == "fields":
        yield from definition.properties.items()
    elif kind == "forms":
        yield from (definition.schema_.get("properties") or {}).items()


def _choices(schema: Mapping[str, Any]) -> Iterator[str]:
    """Give the choices of a field, also those of the entries of a list."""
    items = schema.get("items")
    source = items if isinstance(items, Mapping) else schema
    for value in source.get("enum") or ():
        if value is not None:
            yield str(value)


def _inner(schema: Mapping[str, Any]) -> Iterator[str]:
    items = schema.get("items")
    inner = items if isinstance(items, Mapping) else schema
    yield from inner.get("properties") or {}


_KEYS: Mapping[str, Callable[[Any], Iterator[Needed]]] = {
    "fields": _fields,
    "forms": _forms,
    "records": _plain("records"),
    "events": _plain("events"),
    "workflows": _workflows,
    "facts": _plain("facts"),
    "rules": _rules,
    "specs": _specs,
    "recalls": _recalls,
    "profiles": _profiles,
    "documents": _plain("documents"),
    "exports": _plain("exports"),
    "roles": _plain("roles"),
    "limits": _none,
    "veils": _none,
    "units": _none,
    "calendars": _none,
    "policies": _policies,
}
