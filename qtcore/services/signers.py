"""What makes a person a signer: identity verified, training recorded, policies accepted.

It must not know what is signed afterwards; see `qtcore.services.sign_demands` for what is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session, col, select

from qtcore.context import Context
from qtcore.definitions.policies import PolicyDefinition
from qtcore.definitions.workflows import SignatureDemand
from qtcore.errors import Fault, InputRejected, NotFound, Refusal, Refused
from qtcore.services.accounts import find_account
from qtcore.services.factors import list_factors
from qtcore.services.lengths import MOST_EVIDENCE, MOST_METHOD, MOST_TOPIC, refuse_long
from qtcore.services.let_in import identified_by
from qtcore.services.rights import require, require_own
from qtcore.services.sign_content import SignedContent
from qtcore.services.sign_demands import (
    Needs,
    accepted_policies,
    policy_text,
    require_sure,
    text_sha256,
    who_let_in,
)
from qtcore.services.sign_proofs import Proof, check_proof
from qtcore.services.sign_tries import find_standing, standing_of
from qtcore.services.signing import write_signature
from qtcore.services.site import Site
from qtcore.services.training_tasks import list_tasks
from qtcore.store.tables import PolicyAcceptance, Training, UserAccount

ENDS_SOON = timedelta(days=30)
ACCEPTS = SignatureDemand(meaning="acknowledged", profile="strict")


@dataclass(frozen=True, slots=True)
class TrainingInput:
    """A training of a person: its topic, from which day to which, and on which evidence."""

    topic: str
    evidence: str
    valid_from: date | None = None
    valid_until: date | None = None


def verify_identity(
    site: Site, context: Context, login: str, *, method: str, evidence: str
) -> None:
    """Record that the person behind an account was identified, how and by which document.

    Another person than the one identified does it (21 CFR 11.100(b)). Raises Denied, NotFound,
    Refused for oneself, InputRejected without method or evidence.
    """
    require(site, context, "user.manage", about=login)
    what = f"the identity of {login} is not recorded"
    _require_texts(what, method=method, evidence=evidence)
    refuse_long(what, MOST_METHOD, method=method)
    refuse_long(what, MOST_EVIDENCE, evidence=evidence)
    with site.store.write(context) as work:
        account = _account(work.session, work.tenant_id, login)
        if account.person_id == context.actor.person_id:
            text = "nobody verifies his own identity"
            raise Refused(text, [Refusal("QT423", text, fix="ask another administrator")])
        row = standing_of(work, account.id)
        if who_let_in(site, context, row) == identified_by(work):
            text = f"you handed out the password or the link of {login}; another one identifies"
            fix = "ask another administrator, who meets them"
            raise Refused(text, [Refusal("QT423", text, fix=fix, source="21 CFR 11.200(a)(3)")])
        work.change(
            row,
            identity_method=method,
            identity_evidence=evidence,
            identity_verified_at=context.at,
            identity_verified_by=context.actor.login,
            identity_by_person=identified_by(work),
        )
        work.log(
            "signer.identify",
            "user",
            account.uid,
            details={"method": method},
            private={"evidence": evidence},
        )


def record_training(site: Site, context: Context, login: str, entry: TrainingInput) -> str:
    """Record a training of a person; returns its public id. Nobody records his own.

    Raises Denied, NotFound, Refused for oneself, InputRejected for a period that ends before it
    begins or without topic and evidence.
    """
    require(site, context, "user.manage", about=login)
    what = f"the training of {login} is not recorded"
    _require_texts(what, topic=entry.topic, evidence=entry.evidence)
    refuse_long(what, MOST_TOPIC, topic=entry.topic)
    refuse_long(what, MOST_EVIDENCE, evidence=entry.evidence)
    begins = entry.valid_from or context.at.date()
    if entry.valid_until is not None and entry.valid_until < begins:
        text = f"it ends on {entry.valid_until}, before it begins on {begins}"
        raise InputRejected(what, [Fault("QT477", text, "valid_until")])
    with site.store.write(context) as work:
        account = _account(work.session, work.tenant_id, login)
        if account.person_id == context.actor.person_id:
            text = "nobody records his own training"
            raise Refused(text, [Refusal("QT423", text, fix="ask another person")])
        row = Training(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            person_id=account.person_id,
            topic=entry.topic,
            valid_from=begins,
            valid_until=entry.valid_until,
            evidence=entry.evidence,
            recorded_at=context.at,
            recorded_by=context.actor.login,
        )
        work.add(row)
        until = entry.valid_until.isoformat() if entry.valid_until else ""
        details = {"topic": row.topic, "from": begins.isoformat(), "until": until}
        work.log("signer.train", "training", row.uid, about=[account.uid], details=details)
    return row.uid


def accept_policy(site: Site, context: Context, policy_id: str, proof: Proof) -> str:
    """Sign a policy as it stands; returns the public id of the signature (21 CFR 11.10(j)).

    Raises NotFound for an unknown policy, Refused when the proof is wrong or missing, or when it is
    not sure who the person is.
    """
    found: PolicyDefinition | None = site.registry.find("policies", policy_id)
    if found is None or context.actor.person_id is None:
        known = ", ".join(each.id for each in site.registry.list("policies")) or "none"
        raise NotFound(f"there is no policy {policy_id!r} to accept; there are: {known}")
    require_sure(site, context)
    proven, refusals = check_proof(site, context, Needs(2), proof)
    if proven is None:
        raise Refused(f"the policy is not accepted: {refusals[0].message}", refusals)
    text = policy_text(site, found, context.language)
    content = {"policy": found.id, "version": found.version, "text": text}
    with site.store.write(context) as work:
        signed = SignedContent("policy", f"policy:{found.id}", 1, content)
        signature = write_signature(site, work, ACCEPTS, signed, proven=proven)
        row = PolicyAcceptance(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            person_id=context.actor.person_id,
            policy=found.id,
            policy_version=found.version,
            text_sha256=text_sha256(text),
            accepted_at=context.at,
            signature_uid=signature.uid,
        )
        work.add(row)
        details = {"policy": found.id, "version": found.version}
        work.log("policy.accept", "policy", row.uid, about=[context.actor.uid], details=details)
    return signature.uid


def read_signer(site: Site, context: Context, login: str = "") -> dict[str, Any]:
    """Tell what is known of a signer: oneself, or with `user.manage` somebody else."""
    whose = login or context.actor.login
    is_own = whose == context.actor.login
    require_own(site, context, "user.manage", is_own=is_own, about=whose)
    with site.store.read() as session:
        tenant = site.store.tenant_id
        account = _account(session, tenant, whose)
        standing = find_standing(session, tenant, account.id)
        verified_at = standing.identity_verified_at if standing else None
        accepted = accepted_policies(session, tenant, account.person_id)
        trainings = session.exec(
            select(Training)
            .where(Training.tenant_id == tenant, Training.person_id == account.person_id)
            .order_by(col(Training.id))
        ).all()
        return {
            "login": account.login,
            "locked": bool(standing and standing.locked_at),
            "failed": standing.failed if standing else 0,
            "identity": {
                "verified_at": verified_at.isoformat() if verified_at else None,
                "verified_by": standing.identity_verified_by if standing else "",
                "method": standing.identity_method if standing else "",
            },
            "factors": [
                {"factor_id": each.uid, "kind": each.kind, "name": each.name}
                for each in list_factors(session, tenant, account.id)
            ],
            "policies": [
                {
                    "policy": each.id,
                    "version": each.version,
                    "asked": each.accept,
                    "accepted": (each.id, each.version) in accepted,
                }
                for each in site.registry.list("policies")
            ],
            "trainings": [
                {
                    "topic": each.topic,
                    "from": each.valid_from.isoformat(),
                    "until": each.valid_until.isoformat() if each.valid_until else None,
                    "evidence": each.evidence,
                    "by": each.recorded_by,
                }
                for each in trainings
            ],
            "tasks": list_tasks(session, account, context.at.date()),
        }


def list_training_demands(site: Site, context: Context, login: str) -> list[dict[str, Any]]:
    """Tell which trainings the steps ask for that an account's roles may sign, and how they stand.

    `status`: ``current``, ``ends_soon`` (within 30 days), ``later``, ``expired`` or ``missing``.
    Raises Denied, NotFound.
    """
    require(site, context, "user.manage", about=login)
    day = context.at.date()
    with site.store.read() as session:
        tenant = site.store.tenant_id
        account = _account(session, tenant, login)
        roles = {*account.roles, *(role for _, role in account.site_roles)}
        spans = session.exec(
            select(Training).where(
                Training.tenant_id == tenant, Training.person_id == account.person_id
            )
        ).all()
    asked: dict[str, list[str]] = {}
    for flow in site.registry.list("workflows"):
        for step in flow.transitions:
            if step.signature is not None and not roles.isdisjoint(
                step.signature.roles or step.roles
            ):
                for topic in step.signature.training:
                    asked.setdefault(topic, []).append(f"{flow.id}.{step.id}")
    return [
        {
            "topic": topic,
            "steps": steps,
            **_standing_of([s for s in spans if s.topic == topic], day),
        }
        for topic, steps in sorted(asked.items())
    ]


def _standing_of(spans: Sequence[Training], day: date) -> dict[str, Any]:
    """Say how a training stands on a day, by the span of it that reaches furthest."""
    last = max(spans, key=lambda each: each.valid_until or date.max, default=None)
    if last is None:
        return {"status": "missing", "until": None}
    until = last.valid_until
    status = "current"
    if until is not None and until < day:
        status = "expired"
    elif not any(s.valid_from <= day <= (s.valid_until or date.max) for s in spans):
        status = "later"
    elif until is not None and until - day <= ENDS_SOON:
        status = "ends_soon"
    return {"status": status, "until": until.isoformat() if until else None}


def _account(session: Session, tenant_id: int, login: str) -> UserAccount:
    account = find_account(session, tenant_id, login)
    if account is None:
        raise NotFound(f"there is no user {login!r}; `qtcore user add {login}` makes one")
    return account


def _require_texts(what: str, **texts: str) -> None:
    faults = [
        Fault("QT477", f"{name} is missing", name) for name, t in texts.items() if not t.strip()
    ]
    if faults:
        raise InputRejected(what, faults)
