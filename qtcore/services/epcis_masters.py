"""Master data of partners' documents: items, places and parties with what is told of them.

It must not know events. What a person entered stays: names are only filled in, never overwritten.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from qtcore.builtin.facts import MasterFact
from qtcore.builtin.gs1 import party_code, read_key
from qtcore.services.imports import MAX_CODE
from qtcore.services.master import MasterInput
from qtcore.services.nodes import NodeBook

ATTRIBUTES: Final = "epcis"
"""The key of `extra` under which a partner's attributes are kept, by their full names."""

_ENTITIES: Final = {
    "epcclass": "item",
    "location": "location",
    "businesslocation": "location",
    "readpoint": "location",
    "party": "party",
    "sourcedest": "party",
}
_MAX_NAME: Final = 200


def known_masters(facts: Iterable[MasterFact]) -> Iterator[tuple[str, str, MasterFact]]:
    """Give entity and code of each entry that is a thing, place or party; others stay unread."""
    for fact in facts:
        entity = _ENTITIES.get(fact.vocabulary.rsplit(":", 1)[-1].lower())
        if entity == "item":
            yield entity, read_key(fact.uri, is_class=True).item, fact
        elif entity is not None:
            yield entity, party_code(fact.uri), fact


def too_long(facts: Iterable[MasterFact]) -> Iterator[str]:
    """Say which codes cannot be stored."""
    for entity, code, fact in known_masters(facts):
        if len(code) > MAX_CODE:
            yield f"{entity} {fact.uri[:60]!r} has {len(code)} signs; at most {MAX_CODE}"


def write_masters(book: NodeBook, facts: Iterable[MasterFact]) -> None:
    """Make what is not there and keep the attributes; what is equal writes nothing."""
    work = book.work
    for entity, code, fact in known_masters(facts):
        if not code:
            continue
        name = fact.name[:_MAX_NAME] or code
        values: dict[str, Any] = {"kind": "raw"} if entity == "item" else {}
        row = book.master(entity, code, MasterInput(entity, code, name, values=values))
        told = {key: str(value) for key, value in fact.attributes.items()}
        changed: dict[str, Any] = {}
        if row.name == row.code and name != code:
            changed["name"] = name
        known = row.extra.get(ATTRIBUTES, {})
        if told and {**known, **told} != known:
            changed["extra"] = {**row.extra, ATTRIBUTES: {**known, **told}}
        changes = work.change(row, **changed) if changed else {}
        if changes:
            work.log("master.change", entity, row.uid, changes=changes)
