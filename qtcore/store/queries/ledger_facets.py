"""What a search of the ledger is narrowed by, and how often each value occurs.

It must not read heads.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Subquery, func, select
from sqlmodel import Session

from qtcore.store.columns import table_of
from qtcore.store.tables import LedgerAbout, LedgerEvent, LedgerPrivate

# Counting stops here, so that a long history is searched as fast as a short one.
MOST_COUNTED: Final = 20_000
MOST_SHOWN: Final = 12
# Whoever reads the history reads these beside each entry until they are erased.
_PERSONAL: Final = ("actor_login", "device", "ip")
_EVENT: Final = table_of(LedgerEvent)
_ABOUT: Final = table_of(LedgerAbout)
_PRIVATE: Final = table_of(LedgerPrivate)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Conditions on entries; empty ones do not narrow."""

    about: str = ""
    who: str = ""
    action: str = ""
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None
    device: str = ""
    ip: str = ""

    def conditions(self, tenant_id: int) -> list[ColumnElement[bool]]:
        """Give the conditions as SQL."""
        found: list[ColumnElement[bool]] = [_EVENT.c.tenant_id == tenant_id]
        if self.about:
            told = select(_ABOUT.c.event_id)
            told = told.where(_ABOUT.c.tenant_id == tenant_id, _ABOUT.c.uid == self.about)
            found.append(_EVENT.c.id.in_(told))
        personal = (
            (("actor_login", "actor_name"), self.who),
            (("device",), self.device),
            (("ip",), self.ip),
        )
        for fields, value in personal:
            if value:
                by = select(_PRIVATE.c.event_id).where(
                    _PRIVATE.c.tenant_id == tenant_id,
                    _PRIVATE.c.field.in_(fields),
                    _PRIVATE.c.value == value,
                )
                found.append(_EVENT.c.id.in_(by))
        if self.action:
            found.append(_EVENT.c.action.startswith(self.action, autoescape=True))
        if self.kind:
            found.append(_EVENT.c.object_kind == self.kind)
        if self.since:
            found.append(_EVENT.c.recorded_at >= self.since)
        if self.until:
            found.append(_EVENT.c.recorded_at <= self.until)
        return found


@dataclass(frozen=True, slots=True)
class Facets:
    """Values and counts among the newest entries that fit; `counted` says how many were counted."""

    counted: int
    action: list[tuple[str, int]] = field(default_factory=list)
    kind: list[tuple[str, int]] = field(default_factory=list)
    who: list[tuple[str, int]] = field(default_factory=list)
    device: list[tuple[str, int]] = field(default_factory=list)
    ip: list[tuple[str, int]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        shown = {
            name: [{"value": value, "count": count} for value, count in values]
            for name, values in (
                ("action", self.action),
                ("kind", self.kind),
                ("who", self.who),
                ("device", self.device),
                ("ip", self.ip),
            )
        }
        return {"counted": self.counted, **shown}


def count_facets(session: Session, tenant_id: int, wanted: Wanted) -> Facets:
    """Count actions, kinds, persons, devices and addresses among the newest entries that fit."""
    newest = (
        select(_EVENT.c.id, _EVENT.c.action, _EVENT.c.object_kind)
        .where(*wanted.conditions(tenant_id))
        .order_by(_EVENT.c.id.desc())
        .limit(MOST_COUNTED)
        .subquery()
    )

    def group(column: Any, source: Any) -> list[tuple[str, int]]:
        rows = session.execute(
            select(column, func.count())
            .select_from(source)
            .group_by(column)
            .order_by(func.count().desc(), column)
            .limit(MOST_SHOWN)
        )
        return [(str(value), int(count)) for value, count in rows if value]

    counted = session.execute(select(func.count()).select_from(newest)).scalar_one()
    personal = _count_personal(session, tenant_id, newest)
    return Facets(
        int(counted),
        group(newest.c.action, newest),
        group(newest.c.object_kind, newest),
        personal["actor_login"],
        personal["device"],
        personal["ip"],
    )


def _count_personal(
    session: Session, tenant_id: int, newest: Subquery
) -> dict[str, list[tuple[str, int]]]:
    """Count the values of personal fields that were not erased, all fields in one statement."""
    found: dict[str, list[tuple[str, int]]] = {name: [] for name in _PERSONAL}
    kept, often = _PRIVATE.c, func.count()
    place = func.row_number().over(partition_by=kept.field, order_by=(often.desc(), kept.value))
    by = newest.join(
        _PRIVATE,
        (kept.event_id == newest.c.id)
        & (kept.tenant_id == tenant_id)
        & kept.field.in_(_PERSONAL)
        & (kept.value > ""),
    )
    counted = (
        select(kept.field, kept.value, often.label("often"), place.label("place"))
        .select_from(by)
        .group_by(kept.field, kept.value)
        .subquery()
    )
    rows = session.execute(
        select(counted.c.field, counted.c.value, counted.c.often)
        .where(counted.c.place <= MOST_SHOWN)
        .order_by(counted.c.field, counted.c.place)
    )
    for name, value, count in rows:
        found[name].append((str(value), int(count)))
    return found
