"""The row of the company: told by each publication, so that a changed one is named.

It must not judge publications.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import Session

from qtcore.engines.ledger import HistoryProblem
from qtcore.store.columns import as_bytes, table_of
from qtcore.store.tables import LedgerEvent, Tenant
from qtcore.store.unit import UnitOfWork

_PUBLISHED: Final = "config.publish"
_TENANT: Final = table_of(Tenant)
_EVENT: Final = table_of(LedgerEvent)


def company_of(work: UnitOfWork) -> dict[str, str]:
    """Give what a publication tells of the company it is for."""
    return _read(work.session, work.tenant_id)


def check_company(session: Session, tenant_id: int) -> Iterator[HistoryProblem]:
    """Compare the row with what every publication told of it; the first releases told nothing."""
    there = _read(session, tenant_id)
    rows = session.execute(
        select(_EVENT.c.uid, _EVENT.c.head)
        .where(_EVENT.c.tenant_id == tenant_id, _EVENT.c.action == _PUBLISHED)
        .order_by(_EVENT.c.id.desc())
    )
    for uid, head in rows:
        told = _told(head)
        if told is not None and told != there:
            said = f"the company is {there}, entry {uid} tells {told}"
            yield HistoryProblem("NOT_AS_TOLD", None, said)
            return


def _told(head: Any) -> Any:
    try:
        return json.loads(as_bytes(head))["details"].get("company")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # the check of the contents names it


def _read(session: Session, tenant_id: int) -> dict[str, str]:
    row = session.execute(
        select(_TENANT.c.uid, _TENANT.c.slug, _TENANT.c.name).where(_TENANT.c.id == tenant_id)
    ).first()
    return {} if row is None else {"id": row.uid, "slug": row.slug, "name": row.name}
