"""What a signature asks of its signer now: how many components, which policies, which training.

It must not know how a component is checked. Every refusal names the next step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Final

from sqlmodel import Session, col, select

from qtcore.context import Context
from qtcore.definitions.policies import PolicyDefinition
from qtcore.definitions.workflows import SignatureDemand
from qtcore.errors import Refusal, Refused
from qtcore.services.let_in import unsettled
from qtcore.services.sign_tries import find_standing, locked_refusal
from qtcore.services.site import Site
from qtcore.services.training_tasks import overdue_tasks
from qtcore.store.tables import PolicyAcceptance, Signature, SignerStanding, Training, UserAccount

DEFAULT_MINUTES: Final = 15


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be proven for one signature.

    `components`: 1, or 2 for all of them; `second_factor`: a passkey, or a code beside the
    password. `begins`: the signature begins a continuous period of signing.
    """

    components: int
    second_factor: bool = False
    begins: bool = False


def needs_of(site: Site, context: Context, demands: Sequence[SignatureDemand]) -> Needs:
    """Say what must be proven for signatures given with one gesture: the strictest counts."""
    profiles = {demand.profile for demand in demands}
    policies = [policy for profile in profiles for policy in policies_of(site, context, profile)]
    if profiles <= {"simple"}:
        return Needs(1, any(policy.second_factor for policy in policies))
    minutes = min([policy.session_minutes for policy in policies], default=DEFAULT_MINUTES)
    goes_on = "strict" not in profiles and _goes_on(site, context, timedelta(minutes=minutes))
    second = any(policy.second_factor for policy in policies) and not goes_on
    return Needs(1 if goes_on else 2, second, begins=not goes_on)


def policies_of(site: Site, context: Context, profile: str) -> list[PolicyDefinition]:
    """List the policies that are valid today and apply to a profile."""
    day = context.at.date()
    found: list[PolicyDefinition] = list(site.registry.list("policies"))
    return [policy for policy in found if profile in policy.profiles and _is_valid(policy, day)]


def _is_valid(policy: PolicyDefinition, day: date) -> bool:
    begun = policy.valid_from is None or policy.valid_from <= day
    return begun and (policy.valid_to is None or day <= policy.valid_to)


def policy_text(site: Site, policy: PolicyDefinition, language: str) -> str:
    """Give the text of a policy that is accepted."""
    return site.registry.text(f"policies.{policy.id}.text", language)


def text_sha256(text: str) -> str:
    """Give the digest of a policy's text."""
    return sha256(text.encode()).hexdigest()


def standing_refusals(
    site: Site, session: Session, context: Context, demand: SignatureDemand
) -> list[Refusal]:
    """Say why a signature would not count yet: role, lock, policy, identity, training."""
    actor = context.actor
    roles = [site.registry.find("roles", role) for role in sorted(actor.roles)]
    if not any(role is not None and role.may_sign for role in roles):
        text = f"{actor.name or actor.login} may not sign: none of their roles carries signatures"
        return [Refusal("QT470", text, fix="somebody with a quality or production role signs")]
    return person_refusals(site, session, context, demand)


def person_refusals(
    site: Site, session: Session, context: Context, demand: SignatureDemand
) -> list[Refusal]:
    """Say why a person's signature would not count yet, whichever roles they hold.

    For what concerns the person and no record, such as a delegation.
    """
    actor = context.actor
    name = actor.name or actor.login
    standing = find_standing(session, site.store.tenant_id, actor.user_id or 0)
    found = [locked_refusal()] if standing is not None and standing.locked_at is not None else []
    policies = policies_of(site, context, demand.profile)
    is_known = standing is not None and standing.identity_verified_at is not None
    if any(policy.identified for policy in policies) and not is_known:
        found.append(
            Refusal(
                "QT477",
                f"the identity of {name} has not been verified",
                fix="an administrator who has seen a document of identity records it: "
                f"`qtcore signer identify {actor.login}`",
                source="21 CFR 11.100(b)",
            )
        )
    accepted = accepted_policies(session, site.store.tenant_id, actor.person_id or 0)
    for policy in policies:
        if policy.accept and (policy.id, policy.version) not in accepted:
            found.append(_not_accepted(site, context, policy))
    found += _unsure(site, session, context, (standing, policies))
    if any(policy.assigned_training for policy in policies):
        found += overdue_tasks(site, session, context)
    return [*found, *_untrained(site, session, context, demand)]


def require_sure(site: Site, context: Context) -> None:
    """Let nobody bind anything to a person who may be somebody else; raises Refused.

    For what is no signature of a step and reaches as far: a policy, a factor, a link, a delegation.
    """
    day, user_id = context.at.date(), context.actor.user_id or 0
    with site.store.read() as session:
        standing = find_standing(session, site.store.tenant_id, user_id)
        policies = [each for each in site.registry.list("policies") if _is_valid(each, day)]
        refusals = _unsure(site, session, context, (standing, policies))
    if refusals:
        raise Refused(refusals[0].message, refusals)


def who_let_in(site: Site, context: Context, standing: SignerStanding) -> int | None:
    """Name who handed out the account, where the policy asks that another one identifies."""
    day = context.at.date()
    policies = [each for each in site.registry.list("policies") if _is_valid(each, day)]
    return standing.let_in_by if any(each.two_administrators for each in policies) else None


def _unsure(
    site: Site,
    session: Session,
    context: Context,
    known: tuple[SignerStanding | None, Sequence[PolicyDefinition]],
) -> list[Refusal]:
    """Say why who acts may not be the person of the account: one administrator, an old password."""
    standing, policies = known
    found = []
    if any(policy.two_administrators for policy in policies):
        refusal = unsettled(standing, context.actor.login)
        found += [refusal] if refusal is not None else []
    days = min((each.password_days for each in policies if each.password_days), default=None)
    if days is not None and context.actor.user_id is not None:
        key = (site.store.tenant_id, context.actor.user_id)
        account = session.get_one(UserAccount, key)
        set_at = account.password_set_at or account.created_at
        if account.password_hash and set_at + timedelta(days=days) <= context.at:
            found.append(
                Refusal(
                    "QT477",
                    f"the password of {account.login} was set on {set_at:%Y-%m-%d}; after {days} "
                    "days it signs nothing",
                    fix="set a new one under your name, Sessions and devices",
                    source="21 CFR 11.300(b)",
                )
            )
    return found


def _not_accepted(site: Site, context: Context, policy: PolicyDefinition) -> Refusal:
    title = site.registry.text(f"policies.{policy.id}.title", context.language)
    return Refusal(
        "QT477",
        f"version {policy.version} of the policy {title!r} is not accepted by you",
        asked_by=site.registry.owner_of("policies", policy.id),
        fix="read and sign it under your name, Signing",
        source="21 CFR 11.10(j)",
    )


def _untrained(
    site: Site, session: Session, context: Context, demand: SignatureDemand
) -> list[Refusal]:
    day = context.at.date()
    rows = session.exec(
        select(Training).where(
            Training.tenant_id == site.store.tenant_id,
            Training.person_id == (context.actor.person_id or 0),
        )
    ).all()
    refusals = []
    for topic in demand.training:
        spans = [row for row in rows if row.topic == topic]
        if any(_covers(row, day) for row in spans):
            continue
        ended = [str(row.valid_until) for row in spans if row.valid_until and row.valid_until < day]
        found = f"the training ended on {max(ended)}" if ended else "no training is recorded"
        refusals.append(
            Refusal(
                "QT477",
                f"signing this needs a valid training {topic!r}; found: {found}",
                fix=f"record it: `qtcore signer train {context.actor.login} {topic}`",
                source="21 CFR 11.10(i)",
            )
        )
    return refusals


def _covers(row: Training, day: object) -> bool:
    return str(row.valid_from) <= str(day) <= str(row.valid_until or "9999-12-31")


def accepted_policies(session: Session, tenant_id: int, person_id: int) -> set[tuple[str, str]]:
    """List the policies that a person accepted, each with its version."""
    rows = session.exec(
        select(PolicyAcceptance.policy, PolicyAcceptance.policy_version).where(
            PolicyAcceptance.tenant_id == tenant_id, PolicyAcceptance.person_id == person_id
        )
    ).all()
    return {(policy, version) for policy, version in rows}


def _goes_on(site: Site, context: Context, gap: timedelta) -> bool:
    """Say whether this session signed with all components, and has not paused for long since."""
    if not context.session_id:
        return False
    with site.store.read() as session:
        rows = session.exec(
            select(Signature.signed_at, Signature.components)
            .where(
                Signature.tenant_id == site.store.tenant_id,
                Signature.session_uid == context.session_id,
            )
            .order_by(col(Signature.id).desc())
            .limit(500)
        ).all()
    later = context.at
    for at, components in rows:
        if later - at > gap:
            return False
        if components >= 2:
            return True
        later = at
    return False
