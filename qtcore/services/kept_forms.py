"""Half-filled forms, kept when a terminal is locked: for the person who filled them, nobody else.

It must not know forms. What proves who somebody is is never kept, nor anything for more than a day.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import delete
from sqlmodel import select

from qtcore.context import Context
from qtcore.errors import InputRejected
from qtcore.services.site import Site
from qtcore.store.columns import table_of
from qtcore.store.tables import KeptForm

KEPT_FOR: Final = timedelta(hours=24)
MOST_FIELDS: Final = 1000
MOST_SIGNS: Final = 200_000
SECRETS: Final = frozenset({"password", "current", "new", "code", "login", "csrf_token", "passkey"})
_TABLE: Final = table_of(KeptForm)
Fields = list[list[Any]]


def keep_form(site: Site, context: Context, path: str, text: str) -> None:
    """Keep what was filled in on a page of this person, in place of what was kept before.

    `text` is JSON: a list of [number of the form, name, value]. Raises InputRejected for any other.
    """
    fields = _read(text)
    mine = _of(site, context, path)
    with site.store.plumbing() as session:
        late = _TABLE.c.kept_at < context.at - KEPT_FOR
        session.execute(delete(_TABLE).where(_TABLE.c.tenant_id == mine[0], late))
        session.execute(delete(_TABLE).where(*_is(mine)))
        if fields:
            tenant, user, path = mine
            row = KeptForm(
                tenant_id=tenant, user_id=user, path=path, fields=fields, kept_at=context.at
            )
            session.add(row)


def find_kept(site: Site, context: Context, path: str) -> Fields:
    """Find what this person had filled in on a page within the last day; empty without any."""
    mine = _of(site, context, path)
    with site.store.read() as session:
        row = session.exec(
            select(KeptForm).where(
                KeptForm.tenant_id == mine[0], KeptForm.user_id == mine[1], KeptForm.path == mine[2]
            )
        ).first()
    return row.fields if row is not None and row.kept_at > context.at - KEPT_FOR else []


def drop_kept(site: Site, context: Context, path: str) -> None:
    """Forget what was kept of a page: it was sent, or is not wanted."""
    with site.store.plumbing() as session:
        session.execute(delete(_TABLE).where(*_is(_of(site, context, path))))


def _of(site: Site, context: Context, path: str) -> tuple[int, int, str]:
    return site.store.tenant_id, context.actor.user_id or 0, path[:400]


def _is(mine: tuple[int, int, str]) -> Sequence[Any]:
    values = zip(("tenant_id", "user_id", "path"), mine, strict=True)
    return [_TABLE.c[name] == value for name, value in values]


def _read(text: str) -> Fields:
    try:
        told = json.loads(text or "[]") if len(text) <= MOST_SIGNS else None
    except ValueError:
        told = None
    is_list = isinstance(told, list) and len(told) <= MOST_FIELDS
    if not is_list or not all(_is_field(each) for each in told or ()):
        raise InputRejected(
            "what was filled in cannot be kept: a JSON list of [form, name, value] is expected, "
            f"at most {MOST_FIELDS} fields and {MOST_SIGNS} signs"
        )
    return [each for each in told or () if each[1] not in SECRETS]


def _is_field(each: object) -> bool:
    return (
        isinstance(each, list)
        and [type(part) for part in each] == [int, str, str]
        and 0 <= each[0] < MOST_FIELDS
    )
