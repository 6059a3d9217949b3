"""YAML in which nothing is wrong, read without looking at places: the way of every start.

It must not report anything. At the first irregularity it gives up, and `source` reads the text
again with the care that a report needs. Both know the same dialect; a test holds them together.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import yaml
from yaml import events as ev

MAX_DEPTH = 32
MAX_NODES = 10_000
MAX_DIGITS = 40

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
_NUMBER_SIGNS = frozenset("-0123456789")
_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None, "": None}


class Irregular(Exception):
    """The text holds something that has to be reported; nothing was read."""


def read_plain(text: str) -> Any:
    """Give the value of a text, or raise Irregular."""
    loader = LOADER(text)
    try:
        return _build(loader.get_event)
    except (yaml.YAMLError, UnicodeError) as exc:
        raise Irregular from exc
    finally:
        loader.dispose()


def _build(next_event: Callable[[], Any]) -> Any:
    """Build the value from parser events; one flat loop, since it runs for every node there is."""
    root: Any = None
    here: Any = None
    key: str | None = None
    around: list[Any] = []
    nodes = documents = 0
    while (event := next_event()) is not None:
        kind = type(event)
        if kind is ev.ScalarEvent:
            nodes += 1
            value = event.value
            if type(here) is dict and key is None:
                if not value or value == "<<" or value in here or _is_marked(event):
                    raise Irregular
                key = value
                continue
            if event.implicit[0]:
                value = typed(value)
        elif kind is ev.MappingStartEvent or kind is ev.SequenceStartEvent:
            nodes += 1
            value = {} if kind is ev.MappingStartEvent else []
            if (type(here) is dict and key is None) or len(around) >= MAX_DEPTH:
                raise Irregular
        elif kind is ev.MappingEndEvent or kind is ev.SequenceEndEvent:
            here = around.pop()
            continue
        else:
            documents += kind is ev.DocumentStartEvent
            if kind is ev.AliasEvent or documents > 1:
                raise Irregular
            continue
        if nodes > MAX_NODES or _is_marked(event):
            raise Irregular
        if here is None:
            root = value
        elif key is None:
            here.append(value)
        else:
            here[key], key = value, None
        if kind is not ev.ScalarEvent:
            around.append(here)
            here = value
    return root


def _is_marked(event: Any) -> bool:
    return event.anchor is not None or event.tag is not None


def typed(text: str) -> object:
    """Type the few plain scalars the dialect types; everything else stays text."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_SIGNS:
        return text
    if len(text) <= MAX_DIGITS:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text):
            return Decimal(text)
    return text
