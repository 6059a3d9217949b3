"""What a signature is over: the canonical text, the record's part of it, and how it is read again.

It must not know who signs or how they prove it. The same text is frozen in an intent, shown to the
signer, hashed, and kept beside the signature: what was seen is what was signed (21 CFR 11.70).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from sqlmodel import Session, col, select

from qtcore.definitions.forms import FormDefinition
from qtcore.engines.forms import display_value, from_json_values, plain_schema, read_properties
from qtcore.engines.ledger import canonical_bytes, read_canonical
from qtcore.services.definitions import get_version
from qtcore.services.record_lots import lots_of_record
from qtcore.services.site import Site
from qtcore.store.queries.nodes import NodeInfo, describe_nodes
from qtcore.store.tables import (
    Attachment,
    Delegation,
    InspectionResult,
    Node,
    Person,
    Record,
    RecordLink,
)

FORMAT: Final = "qtcore-signature/1"
Attached = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class SignedContent:
    """What is signed: its kind, public id, revision and content.

    `part` is what of the content tells how the record is: when that differs later, the signature
    is superseded.
    """

    kind: str
    uid: str
    revision: int
    content: Mapping[str, Any]
    part: Mapping[str, Any] = field(default_factory=dict)

    @property
    def part_sha256(self) -> str:
        """The digest of the record's part."""
        return digest_of(self.part)


def digest_of(value: Mapping[str, Any]) -> str:
    """Give the SHA-256 of the canonical bytes of a value, in hexadecimal digits."""
    return sha256(canonical_bytes(dict(value))).hexdigest()


def text_digest(text: str) -> str:
    """Give the SHA-256 of a canonical text, in hexadecimal digits."""
    return sha256(text.encode()).hexdigest()


def read_content(text: str) -> dict[str, Any]:
    """Read a signed text back; raises CanonicalError for one that nobody can have signed."""
    value = read_canonical(text.encode())
    return value if isinstance(value, dict) else {}


def record_part(site: Site, session: Session, record: Record) -> dict[str, Any]:
    """Say how a record is: every field, the forms it is pinned to, its lots, its attachments."""
    tenant = site.store.tenant_id
    lots = lots_of_record(session, tenant, record)
    return _record_part(session, record, lots, _attachments(session, tenant, [record.uid]))


def _record_part(
    session: Session, record: Record, lots: Sequence[NodeInfo], attached: Attached
) -> dict[str, Any]:
    form = get_version(session, record.tenant_id, record.form_version_id)
    flow = get_version(session, record.tenant_id, record.workflow_version_id)
    return {
        "kind": record.kind,
        "number": record.number,
        "title": record.title,
        "data": record.data,
        "form": {"id": form.name, "version": form.number, "sha256": form.fingerprint},
        "workflow": {"id": flow.name, "version": flow.number, "sha256": flow.fingerprint},
        "lots": [_identity(info) for info in lots],
        "attachments": attached.get(record.uid, []),
    }


def lot_part(site: Site, session: Session, info: NodeInfo) -> dict[str, Any]:
    """Say how a lot is: identity, fields of packs, valid results, attachments; not its state."""
    tenant = site.store.tenant_id
    results = _results(session, tenant, [info.node])
    return _lot_part(info, results, _attachments(session, tenant, [info.uid]))


def _lot_part(
    info: NodeInfo, results: Mapping[int, list[InspectionResult]], attached: Attached
) -> dict[str, Any]:
    return {
        "kind": info.kind,
        **_identity(info),
        "industry": info.industry,
        "extra": info.extra,
        "identifiers": [list(pair) for pair in info.identifiers],
        "results": [
            {
                "characteristic": row.characteristic,
                "value": row.value,
                "unit": row.unit,
                "limits": {name: _plain(value) for name, value in row.limits.items()},
                "verdict": row.verdict,
            }
            for row in results.get(info.node, ())
        ],
        "attachments": attached.get(info.uid, []),
    }


def delegation_part(
    persons: tuple[str, str],
    period: tuple[datetime | None, datetime],
    scope: tuple[Sequence[str], Sequence[str]],
) -> dict[str, Any]:
    """Say what a delegation lends: the persons, the period, the roles and actions.

    `persons` are the public ids of who is represented and of who acts; one that begins with its
    signature has no first moment of its own.
    """
    starts, ends = period
    return {
        "kind": "delegation",
        "principal": persons[0],
        "delegate": persons[1],
        "from": starts.astimezone(UTC).isoformat() if starts else None,
        "to": ends.astimezone(UTC).isoformat(),
        "roles": list(scope[0]),
        "actions": list(scope[1]),
    }


def parts_now(
    site: Site, session: Session, subjects: Iterable[tuple[str, str]]
) -> dict[str, dict[str, Any]]:
    """Say how signed things are now, by public id, in a fixed number of statements.

    `subjects` are kind and public id; what has no such part, or is not there, is left out.
    """
    tenant, asked = site.store.tenant_id, set(subjects)
    records = _records(session, tenant, [uid for kind, uid in asked if kind == "record"])
    links = _links(session, tenant, [row.id for row in records])
    lots = {uid for kind, uid in asked if kind == "lot"}
    infos = _infos(session, tenant, {*lots, *(each.uid for each in links if each.uid)})
    attached = _attachments(session, tenant, [uid for _, uid in asked])
    results = _results(session, tenant, [infos[uid].node for uid in lots if uid in infos])
    parts = {uid: _lot_part(infos[uid], results, attached) for uid in lots if uid in infos}
    for row in records:
        own = [infos[e.uid] for e in links if e.record_id == row.id and e.uid in infos]
        parts[row.uid] = _record_part(session, row, own, attached)
    lent = [uid for kind, uid in asked if kind == "delegation"]
    return parts | _delegations(session, tenant, lent)


def _delegations(
    session: Session, tenant_id: int, uids: Sequence[str]
) -> dict[str, dict[str, Any]]:
    if not uids:
        return {}
    rows = session.exec(
        select(Delegation).where(Delegation.tenant_id == tenant_id, col(Delegation.uid).in_(uids))
    ).all()
    keys = {key for row in rows for key in (row.principal_id, row.delegate_id)}
    known = session.exec(
        select(Person.id, Person.uid).where(Person.tenant_id == tenant_id, col(Person.id).in_(keys))
    ).all()
    persons = dict(known)
    return {
        row.uid: delegation_part(
            (persons[row.principal_id], persons[row.delegate_id]),
            (None if row.valid_from == row.made_at else row.valid_from, row.valid_to),
            (row.roles, row.actions),
        )
        for row in rows
    }


def _records(session: Session, tenant_id: int, uids: Sequence[str]) -> Sequence[Record]:
    query = select(Record).where(Record.tenant_id == tenant_id, col(Record.uid).in_(uids))
    return session.exec(query).all() if uids else ()


def _links(session: Session, tenant_id: int, records: Sequence[int]) -> Sequence[RecordLink]:
    query = select(RecordLink).where(
        RecordLink.tenant_id == tenant_id,
        col(RecordLink.record_id).in_(records),
        RecordLink.about == "lot",
    )
    return session.exec(query.order_by(col(RecordLink.id))).all() if records else ()


def _infos(session: Session, tenant_id: int, uids: Collection[str]) -> dict[str, NodeInfo]:
    if not uids:
        return {}
    nodes = session.exec(
        select(Node.node).where(Node.tenant_id == tenant_id, col(Node.uid).in_(sorted(uids)))
    ).all()
    return {info.uid: info for info in describe_nodes(session, tenant_id, nodes).values()}


def _results(
    session: Session, tenant_id: int, nodes: Sequence[int]
) -> dict[int, list[InspectionResult]]:
    query = (
        select(InspectionResult)
        .where(
            InspectionResult.tenant_id == tenant_id,
            col(InspectionResult.node).in_(nodes),
            col(InspectionResult.superseded_by).is_(None),
        )
        .order_by(col(InspectionResult.characteristic), col(InspectionResult.id))
    )
    rows = session.exec(query).all() if nodes else ()
    found: dict[int, list[InspectionResult]] = defaultdict(list)
    for row in rows:
        found[row.node].append(row)
    return found


def field_words(
    site: Site, session: Session, record: Record, language: str
) -> dict[str, dict[str, str]]:
    """Give the labels of a record's fields, and its values as people read them, for a language."""
    version = get_version(session, site.store.tenant_id, record.form_version_id)
    form = FormDefinition.model_validate(version.body)

    def texts(key: str) -> str:
        return site.registry.text(f"forms.{form.id}.{key}", language)

    values = from_json_values(form.schema_, record.data)
    properties = [p for p in read_properties(plain_schema(form.schema_)) if p.name in values]
    return {
        "labels": {each.name: texts(f"fields.{each.name}") for each in properties},
        "shown": {
            each.name: display_value(values[each.name], each, language=language, texts=texts)
            for each in properties
        },
    }


def list_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Say in words what differs between two contents, the place first, at most twenty."""
    old, new = dict(_flat(before, "")), dict(_flat(after, ""))
    found = []
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) != new.get(path):
            found.append(f"{path}: {_word(old.get(path))} → {_word(new.get(path))}")
    return found[:20]


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{path}[{number}]")
    else:
        yield path, value


def _word(value: Any) -> str:
    return "–" if value is None else str(value)[:80]


def _identity(info: NodeInfo) -> dict[str, Any]:
    return {
        "id": info.uid,
        "lot_no": info.lot_no,
        "item": info.item_code,
        "item_name": info.item_name,
        "unit": info.unit,
        "source": info.source_code,
        "made_at": info.made_at.isoformat() if info.made_at else None,
        "expiry_on": info.expiry_on.isoformat() if info.expiry_on else None,
    }


def _attachments(session: Session, tenant_id: int, uids: Sequence[str]) -> Attached:
    query = (
        select(Attachment)
        .where(Attachment.tenant_id == tenant_id, col(Attachment.owner_uid).in_(uids))
        .order_by(col(Attachment.id))
    )
    rows = session.exec(query).all() if uids else ()
    found: Attached = defaultdict(list)
    for row in rows:
        found[row.owner_uid].append({"name": row.name, "size": row.size, "sha256": row.sha256})
    return found


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)
