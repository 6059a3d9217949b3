"""Publication: a draft checked, compared, replayed, and signed by a second person.

It must not edit drafts. What is published is stored whole with its report and the signature, in one
transaction; of two that follow the same version, one is stored (21 CFR 11.10(k), Annex 11 10).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlmodel import Session, col, select

from qtcore.context import Context
from qtcore.definitions.workflows import SignatureDemand
from qtcore.errors import Conflict, InputRejected, Refusal, Refused
from qtcore.registry.differences import Difference, find_differences
from qtcore.registry.registry import Registry
from qtcore.services.configurations import (
    VersionHead,
    get_version_row,
    list_versions,
    newest_number,
    read_texts_of,
    store_version,
)
from qtcore.services.draft_reports import AT_ONCE, DraftReport, Replays, check_draft
from qtcore.services.drafts import (
    EDIT,
    READ,
    DraftInput,
    DraftView,
    get_draft,
    open_draft,
)
from qtcore.services.rights import require
from qtcore.services.sign_content import SignedContent
from qtcore.services.sign_proofs import Proof, Proven
from qtcore.services.signing import prove_signer, write_signature
from qtcore.services.site import Site, registry_at
from qtcore.services.standing import lent_to
from qtcore.store.company import company_of
from qtcore.store.tables import ConfigDraft, ConfigVersion, UserAccount

PUBLISH: Final = "definition.publish"
MEANING: Final = SignatureDemand(meaning="approved")
_MOST_STORED: Final = 200


@dataclass(frozen=True, slots=True)
class VersionView:
    """A published version."""

    row: ConfigVersion

    def as_json(self, *, full: bool = False) -> dict[str, Any]:
        """Give the shape of the API; `full` adds what the signer was shown."""
        row = self.row
        answer = {
            "number": row.number,
            "version_id": row.uid,
            "base": row.base,
            "origin": row.origin,
            "title": row.title,
            "reason": row.reason,
            "authors": list(row.authors),
            "published_by": row.published_by,
            "published_at": row.published_at.isoformat(),
            "content_sha256": row.content_sha256,
            "fingerprint": row.fingerprint,
            "signature_id": row.signature_uid,
            "packs": [
                {k: pack[k] for k in ("name", "version", "layer", "code", "failed")}
                for pack in row.packs
            ],
        }
        return {**answer, "report": row.report} if full else answer


@dataclass(frozen=True, slots=True)
class Signing:
    """The second person's act: the proof of who signs, and why."""

    proof: Proof
    reason: str = ""
    expected_version: int | None = None


def publish_draft(
    site: Site,
    context: Context,
    draft_id: str,
    signing: Signing,
    *,
    replays: Replays = AT_ONCE,
) -> VersionView:
    """Publish a draft as the next version; running records stay pinned to theirs.

    Raises Refused with every reason (problems, failed proofs, states with running records, the
    author's own signature), Conflict when another version was published first. An attempt that is
    refused is noted in the ledger.
    """
    require(site, context, PUBLISH, about=draft_id)
    report = check_draft(site, context, draft_id, replays=replays)
    proven, refusals = None, [*_refusals(site, context, report)]
    if not refusals:
        proven, refusals = prove_signer(site, context, [MEANING], signing.proof)
    if refusals or report.registry is None or proven is None:
        site.store.note(
            context,
            "config.publish.refused",
            "config",
            report.draft.row.uid,
            reason="; ".join(r.message for r in refusals)[:2000],
        )
        raise Refused(f"the draft cannot be published: {refusals[0].message}", refusals)
    return _store(site, context, (report, report.registry, proven), signing)


def roll_back(site: Site, context: Context, number: int, *, reason: str) -> DraftView:
    """Open a draft with the texts of an older version; it passes the same gate as any other.

    History is never rewritten: the older text becomes a new version when a second person signs.
    """
    require(site, context, EDIT, about=str(number))
    if not reason.strip():
        raise InputRejected("a roll back needs a reason")
    with site.store.read() as session:
        tenant = site.store.tenant_id
        row = get_version_row(session, tenant, number)
        if number == newest_number(session, tenant):
            raise Conflict(f"version {number} serves already")
        configuration = read_texts_of(session, tenant, row.packs)
    title = f"Back to version {number}"
    return open_draft(site, context, DraftInput(title, reason, configuration, "rollback"))


def list_history(site: Site, context: Context) -> tuple[VersionView, ...]:
    """List the published versions, newest first."""
    require(site, context, READ)
    with site.store.read() as session:
        return tuple(VersionView(row) for row in list_versions(session, site.store.tenant_id))


def read_version(site: Site, context: Context, number: int) -> VersionView:
    """Read one published version; raises NotFound."""
    require(site, context, READ)
    with site.store.read() as session:
        return VersionView(get_version_row(session, site.store.tenant_id, number))


def compare_versions(
    site: Site, context: Context, before: int, after: int
) -> tuple[Difference, ...]:
    """List what differs between two published versions."""
    require(site, context, READ)
    with site.store.read() as session:
        for number in (before, after):
            get_version_row(session, site.store.tenant_id, number)
        old, new = (registry_at(site, session, number) for number in (before, after))
    return find_differences(old, new)


def _refusals(site: Site, context: Context, report: DraftReport) -> list[Refusal]:
    row, found = report.draft.row, []
    if row.state != "open":
        found.append(Refusal("QT532", f"the draft is {row.state}", fix="open a new draft"))
    errors = [p for p in report.problems if p.severity == "error"]
    found += [
        Refusal(
            "QT533", f"{p.file}:{p.line}:{p.column}: {p.code} {p.message}", fix="mend the draft"
        )
        for p in errors[:50]
    ]
    if not errors and not report.draft.files:
        text = f"the draft equals version {row.base}; there is nothing to publish"
        found.append(Refusal("QT534", text, fix="edit the draft, or discard it"))
    found += [
        Refusal(
            "QT535",
            f"{each.count} running in state {each.state} of workflow {each.workflow}, which the "
            "draft removes",
            fix=f"say where they go: {each.workflow}: {each.state} -> another state",
        )
        for each in report.stranded
    ]
    told = report.replaying
    if told is not None and told.report is None:
        how = told.message or f"{told.done} of {told.total} are done"
        found.append(
            Refusal("QT538", f"there is no replay yet: {how}", fix="sign when its report is there")
        )
    with site.store.read() as session:
        tenant = site.store.tenant_id
        newest = newest_number(session, tenant)
        if row.base != newest:
            text = f"the draft is based on version {row.base}, and version {newest} serves"
            found.append(Refusal("QT531", text, fix="carry it over to the newest version (rebase)"))
        found += _person_refusals(site, session, row.authors, context)
    return found


def _person_refusals(
    site: Site, session: Session, authors: Sequence[str], context: Context
) -> list[Refusal]:
    """Insist on two people: one who stands for the draft, another one who signs it."""
    actor = context.actor
    if actor.person_id is None:
        text = f"{actor.login} is no person with an account; a publication is signed by one"
        return [Refusal("QT536", text, fix="sign as a person: --as LOGIN")]
    people = session.exec(
        select(UserAccount.person_id).where(
            UserAccount.tenant_id == site.store.tenant_id, col(UserAccount.login).in_(authors)
        )
    ).all()
    if not people:
        text = "no person stands for this draft yet"
        fix = "a first person proposes it (`qtcore config propose`), a second one signs"
        return [Refusal("QT537", text, fix=fix)]
    if actor.person_id in people:
        text = f"{actor.name or actor.login} wrote or proposed this draft and cannot sign it"
        return [Refusal("QT423", text, fix="ask a second person to sign")]
    for lent in lent_to(site, session, actor.person_id, context.at):
        if lent.principal_id in people:
            text = f"{actor.name or actor.login} acts for {lent.login}, who stands for this draft"
            return [Refusal("QT423", text, fix="ask a person to sign who acts for no author")]
    return []


def _store(
    site: Site, context: Context, checked: tuple[DraftReport, Registry, Proven], signing: Signing
) -> VersionView:
    report, registry, proven = checked
    seen = report.draft.row
    told = _told(report)
    with site.store.write(context) as work:
        work.take_turn()
        draft: ConfigDraft = get_draft(work.session, work.tenant_id, seen.uid)
        expected = seen.version if signing.expected_version is None else signing.expected_version
        if draft.version != seen.version:
            raise Conflict("the draft was changed while it was checked; check and sign it again")
        content = {
            "draft": draft.uid,
            "base": draft.base,
            "content": draft.content_sha256,
            "fingerprint": registry.fingerprint,
            "mappings": draft.mappings,
            "report": told,
        }
        signed = SignedContent("config", draft.uid, draft.version, content)
        signature = write_signature(
            site, work, MEANING, signed, proven=proven, reason=signing.reason
        )
        origin = "rollback" if draft.origin == "rollback" else "publication"
        head = VersionHead(
            draft.base,
            origin,
            draft.title,
            signing.reason or draft.reason,
            draft.authors,
            draft.uid,
            signature.uid,
            told,
        )
        row, new = store_version(work, registry, head)
        work.change(draft, expected=expected, state="published", updated_at=context.at)
        work.log(
            "config.publish",
            "config",
            row.uid,
            reason=head.reason,
            details={
                "number": row.number,
                "base": row.base,
                "origin": origin,
                "content": row.content_sha256,
                "fingerprint": row.fingerprint,
                "draft": draft.uid,
                "signature": signature.uid,
                "definitions": new,
                "company": company_of(work),
            },
        )
        work.flush()
        return VersionView(row)


def _told(report: DraftReport) -> dict[str, Any]:
    """Give what is kept of the report: what the signer was shown, lists cut at a length."""
    answer = report.as_json()
    differences = answer["differences"]
    return {
        "proofs": answer["proofs"],
        "problems": answer["problems"],
        "differences": differences[:_MOST_STORED],
        "differences_in_all": len(differences),
        "mappings": report.draft.row.mappings,
        "replay": report.replay.summary() if report.replay else None,
    }
