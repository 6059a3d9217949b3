"""I3 of master data, accounts and persons: every column is what the ledger told, or as it begins.

It must not know what a column means. A value whose copy in the history was erased is not compared.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from sqlmodel import SQLModel

from qtcore.services.accounts import roles_text
from qtcore.services.integrity.facts_of_lots import IN_OTHER_WORDS
from qtcore.services.integrity.ground import PERSONAL_COLUMNS, Ground, Told, Violation, unlike
from qtcore.store.columns import first_value
from qtcore.store.ledger_rows import LONGEST_PRIVATE, as_text, composed
from qtcore.store.tables import Equipment, Item, Location, Party, Person, UserAccount

_MASTERS: Final[tuple[type[SQLModel], ...]] = (Item, Party, Location, Equipment)
# What was told in plain words is compared by `check_told`; its keys say which thing it is.
_KEYS: Final = frozenset({"tenant_id", "id", "uid", "version"})
# What the history calls each column of a person; none is ever changed, an address is erased.
_OF_PERSON: Final = {"name": "name", "email": "email"}


def check_masters(ground: Ground) -> Iterator[Violation]:
    """I3: compare every column; one that was never told stands as it does in a new row."""
    for model in _MASTERS:
        begins = _begins(model)
        for row in ground.rows(model):
            told = ground.told.get(row.uid)
            if told is None or row.uid in ground.archived:
                continue  # `check_told` names a row without an entry
            columns = row._mapping  # the public way to a row's names
            expected = {
                name: told.values.get(name, first)
                for name, first in begins.items()
                if name not in told.values or name in IN_OTHER_WORDS
            }
            if told.is_of_earlier:
                expected = {
                    name: value
                    for name, value in expected.items()
                    if name in told.values or _text(columns[name])
                }
            place = f"{model.__tablename__} {row.code}"
            yield from _compare(place, row, expected, told)


def check_accounts(ground: Ground) -> Iterator[Violation]:
    """I3: an account has the login, roles and state that were told, its person the printed name."""
    persons = {row.id: row for row in ground.rows(Person)}
    for row in ground.rows(UserAccount):
        told = ground.told.get(row.uid)
        if told is None or row.uid in ground.archived:
            continue
        place = f"user {row.login}"
        held = _held(row)
        if "roles" in told.values and held != told.values["roles"]:
            said = f"its roles are {held!r}, the ledger told {told.values['roles']!r} last"
            yield Violation("I3", place, said)
        expected = {} if "state" in told.values else {"state": "active"}
        yield from _compare(place, row, expected, told)
        person = persons.get(row.person_id)
        if person is None:
            yield Violation("I3", place, "its person is not there")
            continue
        whose = {name: told.values.get(own) for name, own in _OF_PERSON.items()}
        yield from _compare(f"person of {place}", person, whose, told, hidden=_OF_PERSON)


def _held(row: Any) -> str:
    try:
        return roles_text(row.roles, row.site_roles)
    except (ValueError, TypeError):
        return f"{row.roles} {row.site_roles}"  # no release writes them so


def _begins(model: type[SQLModel]) -> dict[str, object]:
    """Give the columns of a table with what a new row has in each, where nothing is given."""
    return {name: first_value(model, name) for name in model.model_fields if name not in _KEYS}


def _compare(
    place: str,
    row: Any,
    expected: Mapping[str, object],
    told: Told,
    *,
    hidden: Collection[str] = PERSONAL_COLUMNS,
) -> Iterator[Violation]:
    columns = row._mapping  # the public way to a row's names
    for name, value in expected.items():
        if name in told.erased or (value is None and name in _OF_PERSON):
            continue
        stored, said = _text(columns[name]), _text(value)
        is_personal = name in hidden
        if is_personal and len(said) == LONGEST_PRIVATE:
            stored = stored[:LONGEST_PRIVATE]  # earlier releases cut what they told of it
        if composed(stored) != composed(said):
            what = unlike(name, stored, said, is_personal=is_personal)
            yield Violation("I3", place, what)


def _text(value: object) -> str:
    """Write a value as the ledger tells it; an empty list or object as nothing."""
    return "" if value in (None, "", [], {}) else as_text(value) or ""
