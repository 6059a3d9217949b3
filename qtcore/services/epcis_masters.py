"""Master data of partners' documents: items, places and parties with what is told of them.

It must not know events. What a person entered stays: names are only filled in, never overwritten.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from sqlmodel import Session, select

from qtcore.builtin.facts import MasterFact
from qtcore.builtin.gs1 import party_code, read_key
from qtcore.builtin.gs1.links import CANONICAL_STEM
from qtcore.services.imports import MAX_CODE
from qtcore.services.master import MasterInput
from qtcore.services.nodes import NodeBook
from qtcore.store.tables import Item, Location, Party

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
_BATCH: Final = 500
_WRITTEN: Final[Mapping[str, tuple[type[Item | Party | Location], str, str]]] = {
    # entity -> its table, the vocabulary it is written in, the key of a code that is no URI
    "item": (Item, "EPCClass", "01"),
    "location": (Location, "Location", "414"),
    "party": (Party, "Party", "417"),
}


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
        if changed:
            changes = work.change(book.master_to_change(entity, code), **changed)
            work.log("master.change", entity, row.uid, changes=changes)


def read_vocabularies(
    session: Session, tenant_id: int, names: Iterable[str] | None
) -> list[dict[str, Any]]:
    """Give what partners told of things, places and parties, as the vocabularies of a document.

    With `names`, of those with these names and whatever their attributes name in turn; without, of
    all. A name is written as the canonical one: which notation told of it is not kept.
    """
    told: dict[str, dict[str, Any]] = {entity: {} for entity in _WRITTEN}
    asked, seen = (None if names is None else set(names)), set[str]()
    while asked is None or asked:
        more: set[str] = set()
        for entity, (table, _, ai) in _WRITTEN.items():
            for row in _rows(session, tenant_id, table, _codes(entity, asked)):
                told[entity][row.code] = _entry(row, ai)
                more.update(str(value) for value in row.extra[ATTRIBUTES].values())
        if asked is None:
            break
        seen |= asked
        asked = {value for value in more if ":" in value} - seen
    return [
        {
            "type": f"urn:epcglobal:epcis:vtype:{vocabulary}",
            "vocabularyElementList": [told[entity][code] for code in sorted(told[entity])],
        }
        for entity, (_, vocabulary, _) in _WRITTEN.items()
        if told[entity]
    ]


def _codes(entity: str, names: Iterable[str] | None) -> set[str] | None:
    if names is None:
        return None
    if entity == "item":
        return {read_key(name, is_class=True).item for name in names} - {""}
    return {party_code(name) for name in names} - {""}


def _rows(
    session: Session, tenant_id: int, table: Any, codes: set[str] | None
) -> Iterator[Item | Location | Party]:
    """List the entries of which a partner told something, of these codes or of all."""
    every = select(table).where(table.tenant_id == tenant_id).order_by(table.id)
    ordered = sorted(codes or ())
    statements = [
        every.where(table.code.in_(ordered[start : start + _BATCH]))
        for start in range(0, len(ordered), _BATCH)
    ]
    for statement in [every] if codes is None else statements:
        yield from (row for row in session.exec(statement) if row.extra.get(ATTRIBUTES))


def _entry(row: Item | Location | Party, ai: str) -> dict[str, Any]:
    number, _, extension = row.code.partition(".")
    uri = row.code
    if number.isdigit() and ":" not in row.code:
        uri = f"{CANONICAL_STEM}/{ai}/{number}" + (f"/254/{extension}" if extension else "")
    told = row.extra[ATTRIBUTES]
    attributes = [{"id": key, "attribute": value} for key, value in told.items()]
    return {"id": uri, "attributes": attributes}
