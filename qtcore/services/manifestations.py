"""Signatures as they are shown: name, time with zone, meaning, role, and whether they hold.

It must not write anything. The same rows are what screen, print, JSON and CSV show (21 CFR 11.50).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta, timezone
from typing import Any, Final, Literal

from sqlmodel import Session, col, select

from qtcore.builtin.tabular.spreadsheet import write_csv_rows
from qtcore.context import Context
from qtcore.engines.ledger import CanonicalError
from qtcore.services.nodes import missing_node
from qtcore.services.rights import COMPANY, require, require_own
from qtcore.services.sight import get_seen, thing_of_lot, thing_of_record
from qtcore.services.sign_content import digest_of, parts_now, read_content, text_digest
from qtcore.services.signing import local_time
from qtcore.services.site import Site
from qtcore.services.veils import hidden_anywhere
from qtcore.store.ledger_rows import composed
from qtcore.store.tables import Delegation, Record, Signature

Status = Literal["current", "superseded", "void"]
COLUMNS: Final = (
    "subject_kind",
    "subject_id",
    "revision",
    "signer",
    "login",
    "roles",
    "on_behalf_of",
    "delegations",
    "meaning",
    "meaning_text",
    "language",
    "signed_at",
    "signed_at_local",
    "zone",
    "method",
    "components",
    "profile",
    "status",
    "reason",
    "content_sha256",
    "signature_id",
)


@dataclass(frozen=True, slots=True)
class Manifestation:
    """One signature with what has become of it since: `status`.

    ``current``: it holds for what the record says now. ``superseded``: it holds for what was
    signed, and the record changed since. ``void``: the row is not what was signed.
    """

    row: Signature
    status: Status
    local: str
    is_veiled: bool = False

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API, and of the columns of the CSV file."""
        row = self.row
        return {
            "subject_kind": row.subject_kind,
            "subject_id": row.subject_uid,
            "revision": row.subject_revision,
            "signer": row.signer_name,
            "login": row.signer_login,
            "roles": list(row.signer_roles),
            "on_behalf_of": row.on_behalf_of,
            "delegations": [each for each in row.delegation_uid.split(",") if each],
            "meaning": row.meaning,
            "meaning_text": row.meaning_text,
            "language": row.language,
            "signed_at": row.signed_at.isoformat(),
            "signed_at_local": self.local,
            "zone": row.zone or "UTC",
            "method": row.method,
            "components": row.components,
            "profile": row.profile,
            "status": self.status,
            "is_current": self.status == "current",
            "reason": row.reason,
            "content_sha256": row.content_sha256,
            "signature_id": row.uid,
        }

    def with_proof(self) -> dict[str, Any]:
        """Give it with the text that was signed and what a passkey signed: to verify elsewhere."""
        content = "" if self.is_veiled else self.row.content
        return {**self.as_json(), "content": content, "assertion": self.row.assertion}


def list_signatures(
    site: Site, context: Context, subject: str = "", *, limit: int = 200
) -> tuple[Manifestation, ...]:
    """List the signatures under one thing by its public id, the oldest first; or the newest.

    A record, a lot, or a delegation.

    Raises NotFound for a subject this person does not see, Denied without the right.
    """
    query = select(Signature).where(Signature.tenant_id == site.store.tenant_id)
    with site.store.read() as session:
        if subject:
            require_subject(site, context, session, subject)
            query = query.where(Signature.subject_uid == subject)
        else:
            require(site, context, "record.read", thing=COMPANY)
        rows = session.exec(query.order_by(col(Signature.id).desc()).limit(limit)).all()
        found = manifest(site, session, tuple(reversed(rows)))
    # What is signed tells every field; whoever does not see all of them gets the signature alone.
    is_veiled = bool(hidden_anywhere(site, context))
    return tuple(replace(each, is_veiled=is_veiled) for each in found)


def require_subject(site: Site, context: Context, session: Session, subject: str) -> None:
    """Raise NotFound for what is not there, or stands where this person is not.

    A delegation is seen by the two persons it is about, and by who manages users.
    """
    lent = session.exec(
        select(Delegation).where(
            Delegation.tenant_id == site.store.tenant_id, Delegation.uid == subject
        )
    ).first()
    if lent is not None:
        is_own = context.actor.person_id in {lent.principal_id, lent.delegate_id}
        require_own(site, context, "user.manage", is_own=is_own, about=subject)
        return
    row = session.exec(
        select(Record).where(Record.tenant_id == site.store.tenant_id, Record.uid == subject)
    ).first()
    if row is None:
        info = get_seen(site, context, session, subject)
        require(site, context, "lot.read", about=subject, thing=thing_of_lot(site, session, info))
        return
    thing = thing_of_record(site, session, row)
    if not site.registry.policy.decide(context.actor, f"record.read:{row.kind}", thing).is_allowed:
        raise missing_node(subject)


def manifest(site: Site, session: Session, rows: Sequence[Signature]) -> tuple[Manifestation, ...]:
    """Say what has become of signatures: each subject is looked at once."""
    asked = [(row.subject_kind, row.subject_uid) for row in rows if row.subject_sha256]
    found = parts_now(site, session, asked)
    parts = {uid: digest_of(part) for uid, part in found.items()}
    return tuple(Manifestation(row, _status(row, parts), _local(site, row)) for row in rows)


def find_fault(row: Signature) -> str:
    """Say why a row is not what was signed; nothing when it is, or when only a digest was kept."""
    if not row.content:
        return ""
    if text_digest(row.content) != row.content_sha256:
        return "its content does not fit its digest"
    try:
        told = read_content(row.content)
    except CanonicalError as error:
        return f"its content cannot have been signed: {error}"
    subject, meaning, signer = (_part(told, name) for name in ("subject", "meaning", "signer"))
    if (subject.get("kind"), subject.get("id")) != (row.subject_kind, row.subject_uid):
        return f"it was given under {subject.get('kind')} {subject.get('id')}, not under this one"
    if subject.get("revision") != row.subject_revision:
        return f"it was given for revision {subject.get('revision')}"
    if (meaning.get("code"), meaning.get("text")) != (row.meaning, composed(row.meaning_text)):
        return f"it was given with the meaning {meaning.get('text')!r}"
    if signer.get("name") != composed(row.signer_name):
        return f"it was given by {signer.get('name')!r}"
    return _find_fault_of_place(told, signer, row)


def _find_fault_of_place(told: Mapping[str, Any], signer: Mapping[str, Any], row: Signature) -> str:
    """Say whether the row tells of other roles, principals, languages or reasons than the text."""
    signed = (
        list(signer.get("roles", ())),
        ", ".join(signer.get("for", ()))[:400],
        ",".join(signer.get("delegations", ()))[:400],
    )
    if signed != (list(row.signer_roles), composed(row.on_behalf_of), row.delegation_uid):
        return f"it was given with the roles {', '.join(signed[0])} for {signed[1] or 'nobody'}"
    how = tuple(told.get(name) for name in ("language", "profile", "reason"))
    if how != (row.language, row.profile, composed(row.reason)):
        return f"it was given in {how[0]!r} by the profile {how[1]!r} for the reason {how[2]!r}"
    return ""


def as_csv(shown: Sequence[Manifestation]) -> str:
    """Write signatures as CSV; a value that a spreadsheet would calculate begins with a quote."""
    told = [each.as_json() for each in shown]
    return write_csv_rows(COLUMNS, ([_cell(row[name]) for name in COLUMNS] for row in told))


def _status(row: Signature, parts: Mapping[str, str]) -> Status:
    if find_fault(row):
        return "void"
    if row.subject_sha256 and parts.get(row.subject_uid) != row.subject_sha256:
        return "superseded"
    return "current"


def _local(site: Site, row: Signature) -> str:
    """Give the local time as it was then, not as the zone's rules would have it today."""
    hours, minutes = int(row.utc_offset[:3]), int(row.utc_offset[0] + row.utc_offset[4:6])
    if row.zone:
        moment = row.signed_at.astimezone(timezone(timedelta(hours=hours, minutes=minutes)))
    else:
        moment = local_time(site, row.signed_at)
    return moment.strftime("%Y-%m-%d %H:%M:%S %z")


def _part(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = told.get(name)
    return value if isinstance(value, Mapping) else {}


def _cell(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
