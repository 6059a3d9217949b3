"""What can be wrong inside one profile of events.

It must not know items, parties or other profiles.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from qtcore.definitions.mistakes import Mistake
from qtcore.definitions.problems import suggest
from qtcore.definitions.profiles import ProfileDefinition
from qtcore.definitions.source import Path

_EVENT_TYPES = (
    "ObjectEvent",
    "AggregationEvent",
    "TransactionEvent",
    "TransformationEvent",
    "AssociationEvent",
)
_ACTIONS = ("ADD", "OBSERVE", "DELETE")


def check_profile(profile: ProfileDefinition) -> Iterator[Mistake]:
    """Find what is wrong in the demands and the schema of a profile."""
    seen: set[str] = set()
    for at, demand in enumerate(profile.demands):
        if demand.id in seen:
            yield Mistake("QT114", f"demand {demand.id!r} occurs twice", ("demands", at, "id"))
        seen.add(demand.id)
    for at, demand in enumerate(profile.demands):
        path: Path = ("demands", at)
        if not (demand.needs or demand.any_of):
            yield Mistake("QT111", f"demand {demand.id!r} asks for nothing; list 'needs'", path)
        for key, known in (("event_types", _EVENT_TYPES), ("actions", _ACTIONS)):
            for number, word in enumerate(getattr(demand.when, key)):
                if word not in known and ":" not in word:
                    text = f"{word!r} is none of {', '.join(known)}"
                    where: Path = (*path, "when", key, number)
                    yield Mistake("QT113", text, where, suggest(word, known))
    if not (profile.demands or profile.schema_ or profile.uses):
        yield Mistake("QT111", "the profile asks for nothing; list 'demands' or a 'schema'", ())
    if profile.schema_ is not None:
        yield from _check_profile_schema(profile.schema_)


def _check_profile_schema(schema: Mapping[str, Any]) -> Iterator[Mistake]:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        yield Mistake("QT112", f"no JSON Schema: {error.message}", ("schema", *error.absolute_path))
    waiting: list[tuple[Any, Path]] = [(schema, ("schema",))]
    while waiting:
        value, path = waiting.pop()
        if isinstance(value, Mapping):
            link = value.get("$ref")
            if isinstance(link, str) and not link.startswith("#"):
                text = f"{link!r} leads out of the schema; nothing is fetched"
                yield Mistake("QT112", text, (*path, "$ref"))
            waiting += [(each, (*path, key)) for key, each in value.items()]
        elif isinstance(value, list | tuple):
            waiting += [(each, (*path, number)) for number, each in enumerate(value)]
