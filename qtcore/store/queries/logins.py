"""The names of the persons behind logins, in one statement.

It must not know what accounts may do.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from sqlalchemy import Select, and_, select
from sqlmodel import Session

from qtcore.store.columns import table_of
from qtcore.store.queries.keyset import TENANT, among_texts, rows_for
from qtcore.store.tables import Person, UserAccount

_ACCOUNT: Final = table_of(UserAccount)
_PERSON: Final = table_of(Person)


def names_by_login(session: Session, tenant_id: int, logins: Iterable[str]) -> dict[str, str]:
    """Give the name of the person of each account; a login without an account is left out."""
    return {row[0]: row[1] for row in rows_for(session, _names, tenant_id, logins)}


@cache
def _names(dialect: str) -> Select[Any]:
    theirs = and_(_PERSON.c.tenant_id == _ACCOUNT.c.tenant_id, _PERSON.c.id == _ACCOUNT.c.person_id)
    return (
        select(_ACCOUNT.c.login, _PERSON.c.name)
        .select_from(_ACCOUNT.join(_PERSON, theirs))
        .where(_ACCOUNT.c.tenant_id == TENANT, among_texts(dialect, _ACCOUNT.c.login))
    )
