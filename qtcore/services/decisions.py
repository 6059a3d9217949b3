"""Decisions as they are kept: one attempt at a step with all that it was decided on.

It must not decide. A document holds facts with values and sources, verdicts, the versions of rules
and packs and the digests of their Python, so that the same can be decided again years later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any

from sqlmodel import Session, col, select

from qtcore.context import Context
from qtcore.definitions.versions import CORE_VERSION
from qtcore.engines.ledger import canonical_bytes, exact_text, join_members, text_bytes
from qtcore.engines.workflow import Attempt
from qtcore.errors import Refusal
from qtcore.hookspecs import LotFacts, TransitionFacts
from qtcore.services.configurations import newest_number
from qtcore.services.recorded_values import recorded_text, write_lot, write_recorded
from qtcore.services.site import Site
from qtcore.store.columns import JsonText
from qtcore.store.tables import Decision
from qtcore.store.unit import UnitOfWork

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one pack's Python said: in which hook, by which version and digest."""

    hook: str
    pack: str
    version: str
    digest: str
    refusals: tuple[Refusal, ...]

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the document."""
        return {
            "hook": self.hook,
            "pack": self.pack,
            "version": self.version,
            "digest": self.digest,
            "refusals": [refusal.as_json() for refusal in self.refusals],
        }


@dataclass(frozen=True, slots=True)
class Basis:
    """What a lot was judged on: the day, the facts and where they come from, rules, packs.

    `own` are the values of the record about it whose step this is; guards see them over the facts.
    `overridden` are the rules that somebody justified.
    """

    on: date
    industry: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    sources: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    lot: LotFacts | None = None
    rules: tuple[Mapping[str, Any], ...] = ()
    judgements: tuple[Judgement, ...] = ()
    own: Mapping[str, object] = field(default_factory=dict)
    overridden: tuple[str, ...] = ()


@dataclass(slots=True)
class Trail:
    """Collects what one attempt is decided on while it is decided."""

    subject_kind: str = ""
    subject_uid: str = ""
    workflow: str = ""
    workflow_version_id: int | None = None
    from_state: str = ""
    gate: str = ""
    attempt: Attempt | None = None
    basis: Basis | None = None
    seen: LotFacts | None = None
    told: TransitionFacts | None = None
    judgements: tuple[Judgement, ...] = ()
    to_state: str = ""
    is_decided: bool = False
    about: tuple[str, ...] = ()


def judgements_of(site: Site, hook: str, refusals: Sequence[Refusal]) -> tuple[Judgement, ...]:
    """Sort what the packs objected to by pack; a pack that said nothing is listed as well."""
    versions = {pack.name: pack.version for pack in site.registry.packs}
    names = dict.fromkeys((*site.hooks.judges_of(hook), *(r.asked_by for r in refusals)))
    return tuple(
        Judgement(
            hook,
            name,
            versions.get(name, ""),
            site.hooks.digests.get(name, ""),
            tuple(r for r in refusals if r.asked_by == name),
        )
        for name in names
    )


def write_decision(
    site: Site,
    work: UnitOfWork,
    trail: Trail,
    *,
    change_uid: str | None = None,
    refusals: Sequence[Refusal] = (),
) -> str:
    """Keep a decision inside the unit of work of its act; gives its digest, or nothing to keep."""
    if trail.attempt is None:
        return ""
    document = _document(site, trail, refusals, is_made=change_uid is not None)
    number = site.version or newest_number(work.session, work.tenant_id)
    digest = sha256(text_bytes(document)).hexdigest()
    row = {
        "id": work.key(),
        "uid": work.new_uid(),
        "subject_kind": trail.subject_kind,
        "subject_uid": trail.subject_uid,
        "change_uid": change_uid,
        "workflow": trail.workflow,
        "workflow_version_id": trail.workflow_version_id,
        "config_number": number,
        "transition": trail.attempt.transition,
        "from_state": trail.from_state,
        "to_state": trail.to_state if change_uid else "",
        "gate": trail.gate,
        "outcome": "made" if change_uid else "refused",
        "document": document,
        "content_sha256": digest,
        "at": work.context.at,
        "actor": work.context.actor.login,
    }
    work.add_plain(Decision, row)
    return digest


def note_refusal(
    site: Site, context: Context, trail: Trail, *, name: str, refusals: Sequence[Refusal]
) -> None:
    """Keep a refused attempt with its reasons, in a transaction after the one that failed."""
    kind = trail.subject_kind
    with site.store.write(context) as work:
        digest = write_decision(site, work, trail, refusals=refusals)
        work.log(
            f"{kind}.transition.refused",
            kind,
            name,
            reason="; ".join(r.message for r in refusals)[:2000],
            about=list(trail.about),
            details={
                "transition": trail.attempt.transition if trail.attempt else "",
                **({"decision": digest} if digest else {}),
            },
        )


def decisions_of(session: Session, tenant_id: int, subject_uid: str) -> Sequence[Decision]:
    """List the decisions about a lot or record, oldest first."""
    return session.exec(
        select(Decision)
        .where(Decision.tenant_id == tenant_id, Decision.subject_uid == subject_uid)
        .order_by(col(Decision.id))
    ).all()


def document_sha256(document: Mapping[str, Any]) -> str:
    """Hash a document as the ledger repeats it."""
    return sha256(canonical_bytes(document)).hexdigest()


def _document(site: Site, trail: Trail, refusals: Sequence[Refusal], *, is_made: bool) -> JsonText:
    """Write the document of a decision; what it was decided on is hashed apart, written once."""
    attempt, basis = trail.attempt, trail.basis
    facts = basis.facts if basis else attempt.facts if attempt else {}
    inputs: dict[str, object] = {
        "on": basis.on.isoformat() if basis else "",
        "industry": basis.industry if basis else "",
        "lot": write_lot(basis.lot if basis else None),
        "attempt": _attempt(attempt) if attempt else None,
        "values": write_recorded(dict(trail.told.values)) if trail.told else None,
    }
    if basis is not None and basis.overridden:
        inputs["overridden"] = list(basis.overridden)
    if basis is not None and basis.own:
        inputs["own"] = {name: write_recorded(value) for name, value in basis.own.items()}
    written = {name: exact_text(value) for name, value in inputs.items()}
    written["facts"] = join_members({name: recorded_text(value) for name, value in facts.items()})
    beside: dict[str, object] = {
        "schema": SCHEMA,
        "core": CORE_VERSION,
        "registry": site.registry.fingerprint,
        "inputs_sha256": sha256(text_bytes(join_members(written))).hexdigest(),
        "kind": trail.told.kind if trail.told else "",
        "sources": {k: [dict(s) for s in v] for k, v in (basis.sources if basis else {}).items()},
        "rules": [dict(rule) for rule in (basis.rules if basis else ())],
        "judgements": [
            j.as_json() for j in (*(basis.judgements if basis else ()), *trail.judgements)
        ],
        "refusals": [refusal.as_json() for refusal in refusals],
        "stage": "made" if is_made else ("written" if trail.is_decided else "decided"),
    }
    return JsonText(
        join_members({**written, **{name: exact_text(value) for name, value in beside.items()}})
    )


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "person": attempt.actor_person,
        "roles": sorted(attempt.roles),
        "reason": attempt.reason,
        "signed_meaning": attempt.signed_meaning,
        "history": [list(pair) for pair in attempt.history],
        "filled_forms": sorted(attempt.filled_forms),
        **({"visited": list(attempt.visited)} if attempt.visited else {}),
        **({"stands_for": sorted(attempt.stands_for)} if attempt.stands_for else {}),
    }
