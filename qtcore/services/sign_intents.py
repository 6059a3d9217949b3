"""Intents to sign: what is signed is frozen first, shown, proven, and only then signed, once.

It must not know pages, nor how a proof is checked. One intent may hold several records: one gesture
signs them all, each with its own signature over its own bytes, or none of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete
from sqlmodel import Session, select

from qtcore.context import Context
from qtcore.definitions.workflows import SignatureDemand
from qtcore.errors import Conflict, Denied, InputRejected, NotFound, Refusal, Refused
from qtcore.services.delegation_signing import SignedDelegation, freeze_delegation
from qtcore.services.delegations import DelegationInput
from qtcore.services.factors import RelyingParty
from qtcore.services.identities import own_providers
from qtcore.services.manifestations import require_subject
from qtcore.services.sign_content import read_content, text_digest
from qtcore.services.sign_demands import Needs, needs_of
from qtcore.services.sign_proofs import (
    Passkey,
    Proof,
    Proven,
    asks_code,
    passkey_options,
    signing_nonce,
)
from qtcore.services.signables import Frozen, Signable
from qtcore.services.signed_steps import Act, NothingToSign, SignedSteps, freeze_steps
from qtcore.services.signing import prove_signer, role_change
from qtcore.services.site import Site
from qtcore.services.standing import act_reading
from qtcore.services.users import has_password
from qtcore.services.vouching import Visit
from qtcore.store.columns import table_of
from qtcore.store.providers import Provider
from qtcore.store.tables import SignIntent, UserAccount
from qtcore.store.unit import UnitOfWork

__all__ = (
    "Act",
    "IntentView",
    "NothingToSign",
    "Shown",
    "drop_unused",
    "drop_unused_where",
    "intend_delegation",
    "make_intent",
    "nonce_of_intent",
    "sign_intent",
    "view_intent",
)

_TABLE: Final = table_of(SignIntent)
VALID_FOR: Final = timedelta(minutes=5)
_STEPS: Final = SignedSteps()
_KINDS: Final[Mapping[str, Signable]] = {
    "lot": _STEPS,
    "record": _STEPS,
    "delegation": SignedDelegation(),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One thing that is signed: its name, the digest of its text, and what the text says."""

    name: str
    sha256: str
    text: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class IntentView:
    """What a signer sees before the signature, read from the very bytes that will be signed."""

    intent_id: str
    created_at: datetime
    expires_at: datetime
    acts: Sequence[Mapping[str, Any]]
    items: Sequence[Shown]
    needs: Needs
    refusals: Sequence[Refusal]
    asks_code: bool
    passkey: Mapping[str, Any] | None
    outcome: Sequence[Mapping[str, Any]]
    has_password: bool = True
    providers: Sequence[Provider] = ()
    nonce: str = ""

    @property
    def is_used(self) -> bool:
        """Say whether it was signed."""
        return bool(self.outcome)

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "intent_id": self.intent_id,
            "expires_at": self.expires_at.isoformat(),
            "items": [
                {
                    "name": each.name,
                    "sha256": each.sha256,
                    "meaning": each.content["meaning"],
                    "content": each.content,
                    "text": each.text,
                }
                for each in self.items
            ],
            "components": self.needs.components,
            "code": self.asks_code,
            "refusals": [each.as_json() for each in self.refusals],
            "passkey": self.passkey,
            "providers": [
                {
                    "provider": each.id,
                    "issuer": each.issuer,
                    "programs": list(each.programs),
                    "nonce": self.nonce,
                }
                for each in self.providers
                if each.programs
            ],
            "signed": list(self.outcome),
        }


def make_intent(site: Site, context: Context, acts: Sequence[Act]) -> str:
    """Freeze what is to be signed, for this person and session, for five minutes and one use.

    Raises Refused with every reason when a step could not be made even if it were signed, NotFound,
    InputRejected for a step that needs no signature, or for too many at once.
    """
    return _keep(site, context, freeze_steps(site, context, acts))


def intend_delegation(site: Site, context: Context, wanted: DelegationInput) -> str:
    """Freeze a delegation that is to be signed, as `make_intent` does a step.

    Raises as `qtcore.services.delegation_signing.make_delegation` does, but for the proof.
    """
    return _keep(site, context, freeze_delegation(site, context, wanted))


def _keep(site: Site, context: Context, frozen: Frozen) -> str:
    with site.store.write(context) as work:
        row = SignIntent(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            user_id=_user(context),
            session_uid=context.session_id,
            roles=sorted(frozen.roles),
            language=context.language,
            acts=[dict(each) for each in frozen.acts],
            items=[dict(each) for each in frozen.items],
            nonce=site.sources.random_bytes(32).hex(),
            created_at=site.sources.now(),
            expires_at=site.sources.now() + VALID_FOR,
        )
        work.add(row)
    return row.uid


def drop_unused(
    session: Session,
    tenant_id: int,
    *,
    before: datetime | None = None,
    user_id: int | None = None,
) -> int:
    """Forget what could be signed until then, or by that person, and was not; says how many."""
    which = [_TABLE.c.tenant_id == tenant_id, _TABLE.c.used_at.is_(None)]
    if before is not None:
        which.append(_TABLE.c.expires_at < before)
    if user_id is not None:
        which.append(_TABLE.c.user_id == user_id)
    found = session.execute(delete(_TABLE).where(*which))
    return int(found.rowcount)  # type: ignore[attr-defined]


def drop_unused_where(session: Session, tenant_id: int, holds: Callable[[object], bool]) -> int:
    """Forget what was not signed and whose acts or texts hold something; says how many."""
    unused = (_TABLE.c.tenant_id == tenant_id, _TABLE.c.used_at.is_(None))
    rows = session.execute(
        select(_TABLE.c.id, _TABLE.c.acts, _TABLE.c["items"]).where(*unused)
    ).all()
    count = 0
    for row in rows:
        if holds([row.acts, row.items, [read_content(item["text"]) for item in row.items]]):
            done = session.execute(delete(_TABLE).where(*unused, _TABLE.c.id == row.id))
            count += done.rowcount  # type: ignore[attr-defined]
    return count


def view_intent(
    site: Site, context: Context, intent_id: str, party: RelyingParty | None
) -> IntentView:
    """Show an intent of one's own; raises NotFound for that of anybody else."""
    row = _get(site, context, intent_id)
    context = _acting(site, context, row)
    demands = _demands(row)
    with site.store.read() as session:
        refusals = [
            refusal
            for demand in demands
            for refusal in _kind(row).objections(site, session, context, demand)
        ]
    needs = needs_of(site, context, demands)
    texts = [item["text"] for item in row.items]
    options = passkey_options(site, context, party, (row.nonce, texts)) if party else None
    return IntentView(
        row.uid,
        row.created_at,
        row.expires_at,
        row.acts,
        tuple(
            Shown(item["name"], text_digest(item["text"]), item["text"], read_content(item["text"]))
            for item in row.items
        ),
        needs,
        tuple(dict.fromkeys(refusals)),
        asks_code(site, context, needs),
        options,
        row.outcome,
        has_password(site, context.actor.login),
        own_providers(site, context),
        signing_nonce(row.nonce, texts),
    )


def nonce_of_intent(site: Site, context: Context, intent_id: str) -> str:
    """Give what an identity provider must repeat to vouch for an intent of one's own; NotFound."""
    row = _get(site, context, intent_id)
    return signing_nonce(row.nonce, [str(item["text"]) for item in row.items])


def sign_intent(
    site: Site,
    context: Context,
    intent_id: str,
    proof: Proof,
    *,
    passkey: tuple[Mapping[str, Any], RelyingParty] | None = None,
) -> list[dict[str, Any]]:
    """Sign what an intent shows and make its steps, all in one transaction; gives what was made.

    An intent that was signed gives the same answer again. Raises NotFound, Denied when the roles
    changed, Conflict when it expired or a record changed since it was shown, Refused with every
    reason, CannotVerify.
    """
    row = _get(site, context, intent_id)
    if row.outcome:
        _require_seen(site, context, row)
        return list(row.outcome)
    if site.sources.now() >= row.expires_at:
        raise Conflict(
            "what you were shown is older than five minutes; open the record again, review it, "
            "and sign",
            code="QT475",
        )
    _require_active(site, context)
    own = replace(context, language=row.language, at=site.sources.now())
    context = _acting(site, own, row)
    role_change(context, row.roles)
    texts = [str(item["text"]) for item in row.items]
    if passkey is not None:
        proof = replace(proof, passkey=Passkey(*passkey, row.nonce, texts))
    if isinstance(proof.visit, Visit):
        arrived = proof.visit.arrived.with_nonce(signing_nonce(row.nonce, texts))
        proof = replace(proof, visit=Visit(arrived, row.nonce, texts))
    elif proof.visit is not None:
        brought = replace(proof.visit, frozen_at=row.created_at, nonce=row.nonce, texts=texts)
        proof = replace(proof, visit=brought)
    asks = _kind(row).objections
    proven, refusals = prove_signer(site, context, _demands(row), proof, asks=asks)
    if proven is None:
        raise Refused(f"nothing is signed: {refusals[0].message}", refusals)
    expects = {text_digest(text): text for text in texts}
    return _make(site, own, row, replace(proven, expects=expects, intent_id=row.uid))


def _make(site: Site, context: Context, row: SignIntent, proven: Proven) -> list[dict[str, Any]]:
    def use_up(work: UnitOfWork, made: Sequence[Mapping[str, Any]]) -> None:
        work.change(row, used_at=context.at, outcome=[dict(each) for each in made])

    try:
        return _kind(row).make(site, context, row, (proven, use_up))
    except (Conflict, Refused, InputRejected):
        # A second click was faster: then what it made is the answer to this one too.
        again = _get(site, context, row.uid)
        if again.outcome:
            return list(again.outcome)
        raise


def _kind(row: SignIntent) -> Signable:
    return _KINDS[row.acts[0]["kind"]]


def _get(site: Site, context: Context, intent_id: str) -> SignIntent:
    """Get an intent of this account and session; that of another one does not exist for them."""
    with site.store.read() as session:
        row = session.exec(
            select(SignIntent).where(
                SignIntent.tenant_id == site.store.tenant_id,
                SignIntent.uid == intent_id,
                SignIntent.user_id == _user(context),
                SignIntent.session_uid == context.session_id,
            )
        ).first()
    if row is None:
        raise _missing(intent_id)
    return row


def _missing(intent_id: str) -> NotFound:
    return NotFound(
        f"there is no such signature {intent_id!r} to give in this session; open the record and "
        "sign there"
    )


def _require_active(site: Site, context: Context) -> None:
    """Raise Denied when the account was switched off since the intent was made.

    A session ends at once; a request that is on its way already holds an actor of before.
    """
    with site.store.read() as session:
        state = session.exec(
            select(UserAccount.state).where(
                UserAccount.tenant_id == site.store.tenant_id, UserAccount.id == _user(context)
            )
        ).first()
    if state != "active":
        text = f"the account {context.actor.login} is switched off; nothing is signed"
        raise Denied(text, [Refusal("QT470", text, fix="ask an administrator")])


def _user(context: Context) -> int:
    if context.actor.user_id is None:
        name = context.actor.login
        text = f"{name} is no person with an account; only a person signs"
        raise Denied(text, [Refusal("QT470", text, fix="sign in as a person")])
    return context.actor.user_id


def _acting(site: Site, context: Context, row: SignIntent) -> Context:
    """Give the context of the signer: in the language of the intent, with what is lent to them."""
    context = replace(context, language=row.language)
    if not row.outcome:
        return _kind(row).act_as(site, context, row)
    _require_seen(site, context, row)
    return context


def _require_seen(site: Site, context: Context, row: SignIntent) -> None:
    """Ask again whether what was signed may be seen: another token of the person may do less."""
    with site.store.read() as session:
        reader = act_reading(site, session, context)
        try:
            for act in row.acts:
                require_subject(site, reader, session, act["uid"])
        except NotFound:
            raise _missing(row.uid) from None


def _demands(row: SignIntent) -> list[SignatureDemand]:
    return [SignatureDemand.model_validate(item["demand"]) for item in row.items]
