"""What printed documents see: lots, releases, records, recalls and others as plain data.

It must not know templates. Every declared field is there, without a value when nobody entered one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session, col, select

from qtcore.context import Context
from qtcore.engines.balance import balance
from qtcore.engines.forms import display_value, from_json_values, plain_schema, read_properties
from qtcore.errors import InputRejected
from qtcore.services.delegations import read_delegation
from qtcore.services.event_views import read_event
from qtcore.services.lots import get_lot
from qtcore.services.manifestations import manifest
from qtcore.services.recall import read_snapshot
from qtcore.services.record_views import RecordView, read_record
from qtcore.services.release import explain_release
from qtcore.services.rights import COMPANY, Thing
from qtcore.services.sight import thing_of_lot
from qtcore.services.site import Site
from qtcore.services.stock import movements_for_balance
from qtcore.services.veils import hidden_of, unveiled
from qtcore.services.wire import decimal_text
from qtcore.store.queries.lots import item_extra
from qtcore.store.tables import Signature

Seen = tuple[str, dict[str, Any]]
"""The public id of what is printed, and the values its template sees."""


def lot_values(site: Site, context: Context, name: str) -> Seen:
    """Give a lot with all its fields, and its release: verdicts as decided, else as of now."""
    view = get_lot(site, context, name)
    info = view.info
    release = explain_release(site, context, info.uid)
    sums = balance(movements_for_balance(view.movements), site.registry.convert)
    with site.store.read() as session:
        extra = item_extra(session, site.store.tenant_id, info.item_code)
        signatures = _signatures(site, session, info.uid)
        thing = thing_of_lot(site, session, info)
    rules: Sequence[Mapping[str, Any]] = (
        release.decided.verdicts
        if release.decided is not None and release.decided.verdicts
        else [rule.verdict_json() for rule in release.rules]
    )
    lot = {
        "lot_id": info.uid,
        "item": info.item_code,
        "item_name": info.names.get(context.language) or info.item_name,
        "lot_no": info.lot_no,
        "source": info.source_name or info.source_code,
        "state": site.registry.text(f"workflows.lot.states.{info.state}", context.language),
        "quantity": decimal_text(sums.of("received") + sums.of("produced")),
        "unit": sums.unit or info.unit,
        "expiry_on": info.expiry_on.isoformat() if info.expiry_on else None,
        "identifiers": [value for _, value in info.identifiers],
        "fields": _declared(site, context, ("lot", thing), info.extra),
        "item_fields": _declared(site, context, ("item", COMPANY), extra),
        "results": [row.as_json() for row in view.results if row.superseded_by is None],
    }
    decided = release.decided
    told = {
        "verdict": release.verdict,
        "decided_at": decided.at.isoformat() if decided else None,
        "decided_by": decided.actor if decided else None,
        "decided_for": decided.acting_for if decided else "",
        "reason": decided.reason if decided else "",
        "rules": [
            {"id": r["rule"], "title": r.get("title") or r["rule"], "outcome": r["outcome"]}
            for r in rules
        ],
        "signatures": signatures,
    }
    return info.uid, {"lot": lot, "release": told}


def record_values(site: Site, context: Context, name: str) -> Seen:
    """Give a record as the form it was entered with shows it, with its steps and signatures."""
    view = read_record(site, context, name)
    return view.record.uid, {"record": _record(site, context, view)}


def recall_values(site: Site, context: Context, name: str) -> Seen:
    """Give a recall: its record, and the frozen scope; InputRejected while none is frozen."""
    uid, values = record_values(site, context, name)
    snapshot = read_snapshot(site, context, uid)
    if snapshot is None:
        raise InputRejected(f"{name} has no frozen scope yet; start the recall from its lots")
    scope = {
        **snapshot.scope,
        "taken_at": snapshot.taken_at.isoformat(),
        "taken_by": snapshot.taken_by,
        "content_sha256": snapshot.content_sha256,
    }
    return uid, {**values, "scope": scope}


def shipment_values(site: Site, context: Context, name: str) -> Seen:
    """Give a shipment: the event with its lines; InputRejected for an event of another verb."""
    view = read_event(site, context, name)
    told = view.as_json()
    if told["verb"] != "ship":
        raise InputRejected(f"{name} is a {told['verb']}, not a shipment")
    kind = site.registry.text(f"events.{told['event_type']}", context.language)
    return view.event.uid, {"shipment": {**told, "kind": kind}}


def delegation_values(site: Site, context: Context, name: str) -> Seen:
    """Give a delegation with its signatures."""
    told = read_delegation(site, context, name)
    with site.store.read() as session:
        signatures = _signatures(site, session, name)
    roles = [site.registry.text(f"roles.{role}", context.language) for role in told["roles"]]
    return name, {"delegation": {**told, "role_names": roles, "signatures": signatures}}


def _record(site: Site, context: Context, view: RecordView) -> dict[str, Any]:
    record, flow = view.record, view.workflow.id
    language = context.language

    def texts(key: str) -> str:
        return site.registry.text(f"forms.{view.form.id}.{key}", language)

    def state(name: str) -> str:
        return site.registry.text(f"workflows.{flow}.states.{name}", language)

    values = from_json_values(view.form.schema_, view.data)
    declared = unveiled(view.form.schema_.get("properties") or {}, view.hidden)
    fields = [
        {
            "name": each.name,
            "label": texts(f"fields.{each.name}"),
            "value": display_value(values.get(each.name), each, language=language, texts=texts),
        }
        for each in read_properties(plain_schema(view.form.schema_))
        if values.get(each.name) is not None
    ]
    with site.store.read() as session:
        signatures = _signatures(site, session, record.uid)
    return {
        "record_id": record.uid,
        "kind": site.registry.text(f"records.{record.kind}", language),
        "number": record.number,
        "title": view.title,
        "state": state(record.state),
        "revision": record.revision,
        "opened_at": record.opened_at.isoformat(),
        "opened_by": record.opened_by,
        "data": {name: view.data.get(name) for name in declared},
        "fields": fields,
        "lots": list(view.lots),
        "steps": [
            {
                "transition": site.registry.text(
                    f"workflows.{flow}.transitions.{change.transition}", language
                ),
                "to": state(change.to_state),
                "by": change.actor,
                "for": change.acting_for,
                "at": change.at.isoformat(),
                "reason": change.reason,
            }
            for change in view.changes
        ],
        "signatures": signatures,
    }


def _signatures(site: Site, session: Session, uid: str) -> list[dict[str, Any]]:
    rows = session.exec(
        select(Signature)
        .where(Signature.tenant_id == site.store.tenant_id, Signature.subject_uid == uid)
        .order_by(col(Signature.id))
    ).all()
    shown = [each.as_json() for each in manifest(site, session, rows)]
    return [
        {
            "name": each["signer"],
            "meaning": each["meaning_text"],
            "signed_at": each["signed_at"],
            "signed_at_local": each["signed_at_local"],
            "zone": each["zone"],
            "for": each["on_behalf_of"],
            "delegations": each["delegations"],
            "revision": each["revision"],
            "status": each["status"],
            "content_sha256": each["content_sha256"],
        }
        for each in shown
    ]


def _declared(
    site: Site, context: Context, of: tuple[str, Thing], held: Mapping[str, Any]
) -> dict[str, Any]:
    """Give every declared field but those hidden from this person: asking for one is a mistake."""
    hidden = hidden_of(site, context, *of)
    known = unveiled({**site.registry.fields_of(of[0]), **held}, hidden)
    return {name: held.get(name) for name in known}
