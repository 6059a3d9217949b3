"""Records as somebody sees them: those at their sites, without the fields hidden from them.

It must not know how a record is changed, nor what a kind of record means.
"""

from dataclasses import dataclass, replace
from typing import Any

from sqlmodel import Session, select

from qtcore.context import Context
from qtcore.definitions.forms import FormDefinition
from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.services.definitions import form_at, get_version, workflow_at
from qtcore.services.manifestations import Manifestation, manifest
from qtcore.services.rights import COMPANY, Thing, require
from qtcore.services.sight import missing_record, thing_of_record, things_of_records
from qtcore.services.site import Site
from qtcore.services.timers import Deadline, deadlines_of
from qtcore.services.veils import hidden_of, unveiled, veil_change
from qtcore.store.queries.records import StateChangeRow, state_changes_of
from qtcore.store.tables import Node, Record, RecordLink, RecordRevision, Signature


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record as it is, with the versions of form and workflow it was written under.

    `hidden` names the fields that the reader does not see; `thing` is what access was decided on.
    """

    record: Record
    form: FormDefinition
    form_version: int
    workflow: WorkflowDefinition
    lots: tuple[str, ...]
    revisions: tuple[RecordRevision, ...]
    changes: tuple[StateChangeRow, ...]
    signatures: tuple[Manifestation, ...]
    deadlines: tuple[Deadline, ...] = ()
    hidden: frozenset[str] = frozenset()
    thing: Thing = COMPANY

    @property
    def data(self) -> dict[str, Any]:
        """The values, without those that the reader does not see."""
        return unveiled(self.record.data, self.hidden)

    @property
    def title(self) -> str:
        """The title, unless the field it is taken from is hidden."""
        return "" if "title" in self.hidden else self.record.title

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        record = self.record
        return {
            "record_id": record.uid,
            "kind": record.kind,
            "number": record.number,
            "title": self.title,
            "state": record.state,
            "priority": record.priority,
            "deadlines": [each.as_json() for each in self.deadlines],
            "revision": record.revision,
            "form_version": self.form_version,
            "data": self.data,
            "hidden": sorted(self.hidden),
            "lots": list(self.lots),
            "opened_at": record.opened_at.isoformat(),
            "opened_by": record.opened_by,
            "transitions": [c.as_json() for c in self.changes],
            "signatures": [each.as_json() for each in self.signatures],
        }


def read_record(site: Site, context: Context, record_id: str) -> RecordView:
    """Read a record by its public id or number."""
    require(site, context, "record.read", about=record_id)
    with site.store.read() as session:
        row = get_record(site, session, record_id)
        return seen_record(site, context, session, row, asked=record_id)


def seen_record(
    site: Site, context: Context, session: Session, row: Record, *, asked: str
) -> RecordView:
    """Read a record as this person sees it.

    Raises NotFound when they may not, with nothing but the name they asked by: as if it were not
    there at all.
    """
    thing = thing_of_record(site, session, row)
    _require_seen(site, context, row, (thing, asked))
    return _view(site, context, session, (row, thing))


def seen_thing(site: Site, context: Context, session: Session, row: Record, *, asked: str) -> Thing:
    """Say what access to a record is decided on for this person, in nobody else's place.

    Raises NotFound, in the same words, when they may not read it.
    """
    thing = thing_of_record(site, session, row, actor=context.actor)
    _require_seen(site, context, row, (thing, asked))
    return thing


def _require_seen(site: Site, context: Context, row: Record, seen: tuple[Thing, str]) -> None:
    thing, asked = seen
    right = f"record.read:{row.kind}"
    if not site.registry.policy.decide(context.actor, right, thing).is_allowed:
        raise missing_record(asked)


def view_for(site: Site, context: Context, session: Session, row: Record) -> RecordView:
    """Give a record to somebody who may have it, without what is hidden from them."""
    return _view(site, context, session, (row, thing_of_record(site, session, row)))


def _view(
    site: Site, context: Context, session: Session, found: tuple[Record, Thing]
) -> RecordView:
    row, thing = found
    hidden = hidden_of(site, context, f"record:{row.kind}", thing)
    view = view_record(site, session, row)
    changes = tuple(veil_change(site, context, each) for each in view.changes)
    return replace(view, hidden=hidden, thing=thing, changes=changes)


def list_records(
    site: Site, context: Context, *, kind: str = "", state: str = "", limit: int = 50
) -> tuple[Record, ...]:
    """List records, newest first; Denied where the right is held over no such kind."""
    require(site, context, f"record.read:{kind}" if kind else "record.read")
    query = select(Record).where(Record.tenant_id == site.store.tenant_id)
    if kind:
        query = query.where(Record.kind == kind)
    if state:
        query = query.where(Record.state == state)
    query = query.order_by(Record.id.desc())  # type: ignore[attr-defined]
    policy, found, last = site.registry.policy, list[Record](), None
    is_open = policy.is_open(context.actor, "record.read")
    with site.store.read() as session:
        while len(found) < limit:
            piece = query if last is None else query.where(Record.id < last)
            rows = session.exec(piece.limit(limit)).all()
            things = {} if is_open else things_of_records(site, session, rows)
            found += [row for row in rows if is_open or _may_read(site, context, things[row.id])]
            if len(rows) < limit:
                break
            last = rows[-1].id
        _veil_titles(site, context, session, found)
    return tuple(found[:limit])


def _may_read(site: Site, context: Context, thing: Thing) -> bool:
    right = f"record.read:{thing.kind}"
    return site.registry.policy.decide(context.actor, right, thing).is_allowed


def _veil_titles(site: Site, context: Context, session: Session, rows: list[Record]) -> None:
    """Blank titles that are taken from a hidden field; the rows are ours, nothing is stored."""
    for row in rows:
        thing = Thing(row.number, row.kind, row.state, frozenset({row.site}), row.opened_by)
        if "title" in hidden_of(site, context, f"record:{row.kind}", thing):
            session.expunge(row)
            row.title = ""


def get_record(site: Site, session: Session, record_id: str) -> Record:
    """Get a record row by public id or number; raises NotFound."""
    found = session.exec(
        select(Record).where(
            Record.tenant_id == site.store.tenant_id,
            (Record.uid == record_id) | (Record.number == record_id),
        )
    ).first()
    if found is None:
        raise missing_record(record_id)
    return found


def view_record(site: Site, session: Session, record: Record) -> RecordView:
    """Read a record with the definitions it is pinned to, not the newest ones."""
    tenant = site.store.tenant_id
    form = get_version(session, tenant, record.form_version_id)
    lots = session.exec(
        select(Node.uid)
        .join(
            RecordLink,
            (RecordLink.tenant_id == Node.tenant_id) & (RecordLink.node == Node.node),  # type: ignore[arg-type]
        )
        .where(RecordLink.tenant_id == tenant, RecordLink.record_id == record.id)
    ).all()
    revisions = session.exec(
        select(RecordRevision)
        .where(RecordRevision.tenant_id == tenant, RecordRevision.record_id == record.id)
        .order_by(RecordRevision.revision)  # type: ignore[arg-type]
    ).all()
    signatures = session.exec(
        select(Signature)
        .where(Signature.tenant_id == tenant, Signature.subject_uid == record.uid)
        .order_by(Signature.id)  # type: ignore[arg-type]
    ).all()
    flow = workflow_at(session, tenant, record.workflow_version_id)
    return RecordView(
        record=record,
        form=form_at(session, tenant, record.form_version_id),
        form_version=form.number,
        workflow=flow,
        lots=tuple(lots),
        revisions=tuple(revisions),
        changes=tuple(state_changes_of(session, tenant, record.uid)),
        signatures=manifest(site, session, signatures),
        deadlines=deadlines_of(session, tenant, record.uid, flow),
    )
