"""Which recalls are running, and what they hold or held.

It must not know edges, nor what follows for a lot that is not held itself.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, and_, select
from sqlmodel import Session

from qtcore.store.columns import table_of
from qtcore.store.queries.keyset import TENANT, among, read_rows, rows_for
from qtcore.store.tables import Hold, RecallCase, Record

_CASE: Final = table_of(RecallCase)
_HOLD: Final = table_of(Hold)
_RECORD: Final = table_of(Record)
_RECALL: Final = "recall"

_RUNNING: Final = (
    select(_RECORD.c.uid)
    .select_from(
        _RECORD.outerjoin(
            _CASE, and_(_CASE.c.tenant_id == TENANT, _CASE.c.record_id == _RECORD.c.id)
        )
    )
    .where(
        _RECORD.c.tenant_id == TENANT,
        _RECORD.c.kind == _RECALL,
        _RECORD.c.closed_at.is_(None),
        _CASE.c.is_mock.is_not(True),
    )
)
"""A recall of a release that kept no case beside it counts as well; an exercise held nothing."""


class RecallHold(NamedTuple):
    """A hold that a running recall placed, in force or lifted since."""

    node: int
    uid: str
    reason: str
    placed_at: datetime
    is_lifted: bool
    recall: str
    number: str


def any_recall_runs(session: Session, tenant_id: int) -> bool:
    """Say whether a recall that is no exercise was opened and not closed yet."""
    return bool(read_rows(session, _RUNNING.limit(1), {"tenant": tenant_id}))


def recall_holds(session: Session, tenant_id: int, nodes: Iterable[int]) -> list[RecallHold]:
    """List what running recalls hold, or held, of nodes; names of the same thing not included."""
    found = [RecallHold(*row) for row in rows_for(session, _of_recalls, tenant_id, nodes)]
    return sorted(found, key=lambda hold: (hold.placed_at, hold.uid))


@cache
def _of_recalls(dialect: str) -> Select[Any]:
    by = and_(_RECORD.c.tenant_id == TENANT, _RECORD.c.uid == _HOLD.c.record_uid)
    return (
        select(
            _HOLD.c.node,
            _HOLD.c.uid,
            _HOLD.c.reason,
            _HOLD.c.placed_at,
            _HOLD.c.lifted_at.is_not(None),
            _RECORD.c.uid,
            _RECORD.c.number,
        )
        .select_from(_HOLD.join(_RECORD, by))
        .where(
            _HOLD.c.tenant_id == TENANT,
            among(dialect, _HOLD.c.node),
            _RECORD.c.uid.in_(_RUNNING),
        )
    )
