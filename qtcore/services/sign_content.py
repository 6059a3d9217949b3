"""What a signature is over: the canonical text, the record's part of it, and how it is read again.

It must not know who signs or how they prove it. The same text is frozen in an intent, shown to the
signer, hashed, and kept beside the signature: what was seen is what was signed (21 CFR 11.70).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from sqlmodel import Session, col, select

from qtcore.definitions.forms import FormDefinition
from qtcore.engines.forms import display_value, from_json_values, plain_schema, read_properties
from qtcore.engines.ledger import canonical_bytes, read_canonical
from qtcore.services.definitions import get_version
from qtcore.services.nodes import resolve
from qtcore.services.record_lots import lots_of_record
from qtcore.services.site import Site
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.tables import Attachment, InspectionResult, Record

FORMAT: Final = "qtcore-signature/1"


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
    form = get_version(session, tenant, record.form_version_id)
    flow = get_version(session, tenant, record.workflow_version_id)
    return {
        "kind": record.kind,
        "number": record.number,
        "title": record.title,
        "data": record.data,
        "form": {"id": form.name, "version": form.number, "sha256": form.fingerprint},
        "workflow": {"id": flow.name, "version": flow.number, "sha256": flow.fingerprint},
        "lots": [_identity(info) for info in lots_of_record(session, tenant, record)],
        "attachments": list(_attachments(session, tenant, record.uid)),
    }


def lot_part(site: Site, session: Session, info: NodeInfo) -> dict[str, Any]:
    """Say how a lot is: identity, fields of packs, valid results, attachments; not its state."""
    tenant = site.store.tenant_id
    results = session.exec(
        select(InspectionResult)
        .where(
            InspectionResult.tenant_id == tenant,
            InspectionResult.node == info.node,
            col(InspectionResult.superseded_by).is_(None),
        )
        .order_by(col(InspectionResult.characteristic), col(InspectionResult.id))
    ).all()
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
            for row in results
        ],
        "attachments": list(_attachments(session, tenant, info.uid)),
    }


def part_now(site: Site, session: Session, kind: str, uid: str) -> dict[str, Any] | None:
    """Say how a signed record or lot is now; None for what has no such part."""
    if kind == "record":
        row = session.exec(
            select(Record).where(Record.tenant_id == site.store.tenant_id, Record.uid == uid)
        ).first()
        return record_part(site, session, row) if row is not None else None
    if kind == "lot":
        return lot_part(site, session, resolve(session, site.store.tenant_id, uid))
    return None


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


def _attachments(session: Session, tenant_id: int, uid: str) -> Iterator[dict[str, Any]]:
    rows = session.exec(
        select(Attachment)
        .where(Attachment.tenant_id == tenant_id, Attachment.owner_uid == uid)
        .order_by(col(Attachment.id))
    ).all()
    for row in rows:
        yield {"name": row.name, "size": row.size, "sha256": row.sha256}


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)
