"""What the models refuse, in the product's own words: which key, what was found, what is accepted.

It must not know files or positions; a mistake carries the path inside the value it was found in.
"""

import re
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import SequenceMatcher
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from qtcore.definitions.definition import DURATION, PATTERN_WORDS
from qtcore.definitions.problems import suggest
from qtcore.definitions.source import Path

_SHOWN = 60
_ACCEPTED: Mapping[str, str] = {
    "string_type": "a text",
    "string_too_short": "a text that is not empty",
    "string_too_long": "a text of at most {max_length} signs",
    "bool_type": "true or false",
    "int_type": "a whole number without quotes",
    "int_parsing": "a whole number",
    "greater_than": "a number greater than {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number less than {lt}",
    "less_than_equal": "a number of at most {le}",
    "tuple_type": "a list",
    "list_type": "a list",
    "too_short": "a list of at least {min_length}; write the entries below it",
    "too_long": "a list of at most {max_length}",
    "dict_type": "a mapping of keys to values",
    "mapping_type": "a mapping of keys to values",
    "date_from_datetime_parsing": "a date written YYYY-MM-DD",
    "date_parsing": "a date written YYYY-MM-DD",
    "date_type": "a date written YYYY-MM-DD",
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake inside one value; `on_key` says that the key, not its value, is to be shown.

    `also` is the message in other languages than English.
    """

    code: str
    message: str
    path: Path = ()
    suggestion: str = ""
    on_key: bool = False
    severity: Literal["error", "warning"] = "error"
    also: tuple[tuple[str, str], ...] = ()


def find_mistakes(model: type[BaseModel], value: object, error: ValidationError) -> list[Mistake]:
    """Turn what pydantic says about `value` into mistakes with our codes and words."""
    found = error.errors(include_url=False, include_input=False)
    return [_mistake(model, value, each) for each in found if not _follows(value, each)]


def _follows(value: object, details: Any) -> bool:
    """Say whether a list is called too short only because its entries have mistakes."""
    if details["type"] != "too_short":
        return False
    held = _at(value, details["loc"])
    return isinstance(held, list) and len(held) >= details["ctx"]["min_length"]


def unknown(word: str, known: Iterable[str], what: str, path: Path) -> Mistake:
    """Say that a name is not defined, which are, and which was probably meant."""
    names = list(known)
    listed = ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
    message = f"there is no {what} {word!r}; defined are: {listed or 'none'}"
    return Mistake("QT130", message, path, suggest(word, names))


def shown(value: object) -> str:
    """Show a found value as its author wrote it, shortened."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "...'"


def _mistake(model: type[BaseModel], value: object, details: Any) -> Mistake:
    path = tuple(step for step in details["loc"] if step != "[key]")
    is_key = "[key]" in details["loc"]
    owner, parent = _owner(model, value, path[:-1])
    key = path[-1] if path else ""
    if details["type"] == "extra_forbidden":
        return _unknown_key(owner, parent, path)
    if details["type"] == "missing":
        named = _bare(dict(_fields(owner)).get(str(key)) if owner else None)
        choices = [str(each) for each in get_args(named)] if get_origin(named) is Literal else []
        one_of = f" as one of {', '.join(choices)}" if choices else ""
        message = f"{_thing(owner, parent)} needs the key {key!r}; add it{one_of}"
        return Mistake("QT111", message, path[:-1])
    accepted = _accepted(details) or str(details["msg"])
    if details["type"] in {"model_type", "model_attributes_type"}:
        accepted = _mapping_words(_model_at(model, path))
    if is_key:
        return Mistake("QT112", f"the key {key!r} must be {accepted}", path, on_key=True)
    found = _at(value, path)
    if isinstance(found, str):
        accepted += _as_written(details["type"], found)
    place = _place_words(owner, parent, path)
    return Mistake(
        "QT112",
        f"{place} is {shown(found)}; accepted is {accepted}",
        path,
        suggest(found, _choices(details)) if isinstance(found, str) else "",
    )


def _as_written(kind: str, found: str) -> str:
    """Say how the same thing is written, where a text stands for something else."""
    if kind in {"tuple_type", "list_type"} and re.fullmatch(r"[\w.-]{1,40}", found):
        return f": write [{found}]"
    if kind == "bool_type" and found in {"true", "false"}:
        return ", without quotes"
    if kind in {"model_type", "model_attributes_type"} and "：" in found:
        return "; the sign '：' is full-width, write ':' and a space behind each key"
    if kind == "string_pattern_mismatch" and found[0] in "“”‘’「＂":
        return "; typographic quotes are part of the text, leave them out"
    return ""


def _unknown_key(owner: type[BaseModel] | None, parent: object, path: Path) -> Mistake:
    known = [name for name, _ in _fields(owner)] if owner else []
    free = [name for name in known if not (isinstance(parent, Mapping) and name in parent)]
    message = f"key {path[-1]!r} is not part of {_thing(owner, parent)}; accepted are "
    word = str(path[-1])
    # A key that is there already is meant only when no free one is as near.
    hints = [near for near in (suggest(word, free), suggest(word, known)) if near]
    hint = max(hints, key=lambda near: _likeness(word, near), default="")
    return Mistake("QT110", message + ", ".join(known), path, hint, on_key=True)


def _likeness(word: str, other: str) -> float:
    return SequenceMatcher(None, word, other).ratio()


def _place_words(owner: type[BaseModel] | None, parent: object, path: Path) -> str:
    if not path:
        return "this entry"
    last = path[-1]
    if isinstance(last, int):
        named = [step for step in path if isinstance(step, str)]
        return f"entry {last + 1} of {named[-1]!r}" if named else f"entry {last + 1}"
    return f"{last!r} of {_thing(owner, parent)}" if owner else repr(last)


def _thing(owner: type[BaseModel] | None, value: object) -> str:
    """Name a part with its id where it has one: ``state 'open'``."""
    noun = thing_word(owner) if owner else "mapping"
    if isinstance(value, Mapping) and isinstance(value.get("id"), str):
        return f"{noun} {value['id']!r}"
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def thing_word(model: type[BaseModel]) -> str:
    """Give the trade's word for a model: ``RecallNode`` is a recall node."""
    name = model.__name__.removesuffix("Definition") or model.__name__
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _accepted(details: Any) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "literal_error":
        return "one of " + ", ".join(_choices(details))
    if kind == "string_pattern_mismatch":
        return PATTERN_WORDS.get(context["pattern"], f"a text that fits {context['pattern']}")
    if kind == "string_too_short" and context["min_length"] > 1:
        return PATTERN_WORDS[DURATION]
    if kind == "value_error":
        return str(context["error"])
    return _ACCEPTED.get(kind, "").format(**context)


def _choices(details: Any) -> list[str]:
    if details["type"] != "literal_error":
        return []
    return re.findall(r"'([^']*)'", details["ctx"]["expected"])


def _mapping_words(model: type[BaseModel] | None) -> str:
    return f"a mapping with the keys {', '.join(n for n, _ in _fields(model))}" if model else ""


def _fields(model: type[BaseModel] | None) -> Iterator[tuple[str, Any]]:
    for name, field in (model.model_fields if model else {}).items():
        yield field.alias or name, field.annotation


def _at(value: object, path: Path) -> object:
    for step in path:
        try:
            value = value[step]  # type: ignore[index]  # any JSON shape; a wrong one ends the walk
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _owner(
    model: type[BaseModel], value: object, path: Path
) -> tuple[type[BaseModel] | None, object]:
    """Find the nearest model that encloses `path`, and its raw value."""
    for end in range(len(path), -1, -1):
        found = _model_at(model, path[:end])
        if found is not None:
            return found, _at(value, path[:end])
    return None, value


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    here: Any = model
    for step in path:
        here = _step_into(_bare(here), step)
    here = _bare(here)
    return here if isinstance(here, type) and issubclass(here, BaseModel) else None


def _step_into(annotation: Any, step: str | int) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return dict(_fields(annotation)).get(str(step))
    inner = get_args(annotation)
    if get_origin(annotation) is tuple and inner:
        return inner[0]
    return inner[1] if len(inner) == 2 else None


def _bare(annotation: Any) -> Any:
    """Take off Annotated and Optional."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        rest = [arg for arg in get_args(annotation) if arg is not type(None)]
        return _bare(rest[0]) if len(rest) == 1 else None
    return annotation
