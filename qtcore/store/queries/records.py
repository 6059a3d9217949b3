"""What is said about a lot: records, results and state changes.

It must not know what a kind of record means.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, Select, String, bindparam, select
from sqlmodel import Session

from qtcore.store.columns import table_of
from qtcore.store.queries.events import of_tenant
from qtcore.store.queries.keyset import TENANT, among, reader, rows_for
from qtcore.store.tables import InspectionResult, Record, RecordLink, StateChange

_RECORD: Final = table_of(Record)
_LINK: Final = table_of(RecordLink)
_RESULT: Final = table_of(InspectionResult)
_CHANGE: Final = table_of(StateChange)


class RecordRow(NamedTuple):
    """A record about a lot, as it is now."""

    id: int
    uid: str
    kind: str
    number: str
    title: str
    state: str
    data: dict[str, Any]
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "record_id": self.uid,
            "kind": self.kind,
            "number": self.number,
            "title": self.title,
            "state": self.state,
            "data": self.data,
            "opened_at": self.opened_at.isoformat(),
            "opened_by": self.opened_by,
            "closed_at": self.closed_at and self.closed_at.isoformat(),
        }


class ResultRow(NamedTuple):
    """A measured value, with the limits that applied; a superseded one is kept and shown."""

    uid: str
    spec: str
    characteristic: str
    value: str
    unit: str
    limits: dict[str, Any]
    verdict: str
    origin: str
    measured_at: datetime | None
    recorded_at: datetime
    recorded_by: str
    superseded_by: str | None
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "result_id": self.uid,
            "spec": self.spec,
            "characteristic": self.characteristic,
            "value": self.value,
            "unit": self.unit,
            "limits": self.limits,
            "verdict": self.verdict,
            "origin": self.origin,
            "measured_at": self.measured_at and self.measured_at.isoformat(),
            "recorded_at": self.recorded_at.isoformat(),
            "recorded_by": self.recorded_by,
            "superseded_by": self.superseded_by,
            "reason": self.reason,
        }


class StateChangeRow(NamedTuple):
    """One transition that was fired, with what each rule of its gate said."""

    uid: str
    number: int
    transition: str
    from_state: str
    to_state: str
    person_id: int | None
    actor: str
    reason: str
    verdicts: list[dict[str, Any]]
    stands_for: list[str]
    acting_for: str
    at: datetime

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "transition_id": self.uid,
            "number": self.number,
            "transition": self.transition,
            "from": self.from_state,
            "to": self.to_state,
            "by": self.actor,
            "for": self.acting_for,
            "reason": self.reason,
            "verdicts": self.verdicts,
            "at": self.at.isoformat(),
        }


def records_about(session: Session, tenant_id: int, nodes: Iterable[int]) -> list[RecordRow]:
    """List the records linked to any of the nodes, each once, oldest first."""
    found = records_by_node(session, tenant_id, nodes)
    return each_once(row for rows in found.values() for row in rows)


def records_by_node(
    session: Session, tenant_id: int, nodes: Iterable[int]
) -> dict[int, list[RecordRow]]:
    """List the records linked to each of the nodes; a node without any is left out."""
    found: dict[int, list[RecordRow]] = defaultdict(list)
    for node, *row in rows_for(session, _records, tenant_id, nodes):
        found[node].append(RecordRow(*row))
    return found


def each_once(rows: Iterable[RecordRow]) -> list[RecordRow]:
    """List records each once, oldest first."""
    return sorted({row.id: row for row in rows}.values(), key=lambda row: row.id)


def results_of(session: Session, tenant_id: int, node: int) -> list[ResultRow]:
    """List the results of a lot as they were recorded, superseded ones too."""
    rows = reader(session).execute(_RESULTS, {"tenant": tenant_id, "node": node})
    return [ResultRow(*row) for row in rows]


def results_by_node(
    session: Session, tenant_id: int, nodes: Iterable[int]
) -> dict[int, list[ResultRow]]:
    """List the results of lots by node, each in the order they were recorded."""
    found: dict[int, list[ResultRow]] = defaultdict(list)
    rows = rows_for(session, _results, tenant_id, nodes)
    for node, _, *row in sorted(rows, key=lambda each: each[1]):
        found[node].append(ResultRow(*row))
    return found


@cache
def _results(dialect: str) -> Select[Any]:
    named = [_RESULT.c[name] for name in ResultRow._fields]
    found = select(_RESULT.c.node, _RESULT.c.id, *named)
    return found.where(_RESULT.c.tenant_id == TENANT, among(dialect, _RESULT.c.node))


def state_changes_of(session: Session, tenant_id: int, subject_uid: str) -> list[StateChangeRow]:
    """List the transitions of a lot or record in order."""
    rows = reader(session).execute(_CHANGES, {"tenant": tenant_id, "subject": subject_uid})
    return [StateChangeRow(*row) for row in rows]


_RESULTS: Final = (
    select(*(_RESULT.c[name] for name in ResultRow._fields))
    .where(_RESULT.c.tenant_id == TENANT, _RESULT.c.node == bindparam("node", type_=BigInteger))
    .order_by(_RESULT.c.id)
)
_CHANGES: Final = (
    select(*(_CHANGE.c[name] for name in StateChangeRow._fields))
    .where(
        _CHANGE.c.tenant_id == TENANT, _CHANGE.c.subject_uid == bindparam("subject", type_=String)
    )
    .order_by(_CHANGE.c.number)
)


@cache
def _records(dialect: str) -> Select[Any]:
    named = [_RECORD.c[name] for name in RecordRow._fields]
    linked = of_tenant(_RECORD, _RECORD.c.id, _LINK.c.record_id)
    found = select(_LINK.c.node, *named).select_from(_LINK.outerjoin(_RECORD, linked))
    return found.where(_LINK.c.tenant_id == TENANT, among(dialect, _LINK.c.node))
