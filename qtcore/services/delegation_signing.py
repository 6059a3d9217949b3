"""Making a delegation: an act that is signed, at once or from a sheet that was shown before.

It must not know intents, nor what a delegate does with it. Who makes it gives their signature over
the text of it: who, for whom, from when to when, which roles and steps, and why (21 CFR 11.10(g)).
"""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session

from qtcore.context import Context
from qtcore.definitions.workflows import SignatureDemand
from qtcore.errors import Denied, Refusal, Refused
from qtcore.services.delegation_checks import Parties, check_delegation
from qtcore.services.delegations import (
    MANAGE,
    DelegationInput,
    delegations_as_json,
)
from qtcore.services.rights import require_own
from qtcore.services.sign_content import SignedContent, delegation_part
from qtcore.services.sign_demands import person_refusals, require_sure
from qtcore.services.sign_proofs import Proof, Proven
from qtcore.services.signables import Frozen, UseUp, item_of
from qtcore.services.signing import prove_signer, signed_text, write_signature
from qtcore.services.site import Site
from qtcore.store.tables import Delegation, SignIntent, UserAccount
from qtcore.store.unit import UnitOfWork

DELEGATES: Final = SignatureDemand(meaning="delegated", profile="strict")
MADE: Final = "delegate"


def make_delegation(
    site: Site, context: Context, wanted: DelegationInput, proof: Proof
) -> dict[str, Any]:
    """Let one person act for another, signed; gives it in the shape of the API.

    The person represented may do it, or somebody who manages users; nobody gives himself the place
    of another. Raises InputRejected with every fault, Denied, or Refused when the signature cannot
    be taken; CannotVerify.
    """
    asked = _checked(site, context, wanted)
    proven, refusals = prove_signer(site, context, [DELEGATES], proof, asks=person_refusals)
    if proven is None:
        raise Refused(f"nothing is delegated: {refusals[0].message}", refusals)
    with site.store.write(context) as work:
        return _write(site, work, (asked, work.new_uid()), proven)


def freeze_delegation(site: Site, context: Context, wanted: DelegationInput) -> Frozen:
    """Freeze what making one would sign; raises as `make_delegation`, but for the proof."""
    asked, uid = _checked(site, context, wanted), site.sources.new_id()
    with site.store.read() as session:
        signed = _content(
            site, context, (asked, uid), check_delegation(site, session, context, asked)
        )
    text = signed_text(site, context, DELEGATES, signed, reason=asked.reason)
    name = f"{asked.delegate} → {asked.principal}"
    act = {"kind": "delegation", "uid": uid, "name": name, "wanted": _stored(asked)}
    return Frozen(context.actor.roles, [act], [item_of(name, DELEGATES, text)])


class SignedDelegation:
    """How a delegation is signed: by who may make it then, over what still may be delegated."""

    def act_as(self, site: Site, context: Context, row: SignIntent) -> Context:
        """Ask again whether this person may make it; Denied, Refused."""
        _require_maker(site, context, _wanted(row.acts[0]["wanted"]))
        return context

    def objections(
        self, site: Site, session: Session, context: Context, demand: SignatureDemand
    ) -> list[Refusal]:
        """Say why a signature would not count yet; whoever holds roles may lend them."""
        return person_refusals(site, session, context, demand)

    def make(
        self, site: Site, context: Context, row: SignIntent, signed: tuple[Proven, UseUp]
    ) -> list[dict[str, Any]]:
        """Make the delegation with its signature; InputRejected when it may be no more."""
        proven, use_up = signed
        act = row.acts[0]
        with site.store.write(context) as work:
            made = _write(site, work, (_wanted(act["wanted"]), act["uid"]), proven)
            outcome = [{**made, "transition": MADE}]
            use_up(work, outcome)
        return outcome


def _checked(site: Site, context: Context, wanted: DelegationInput) -> DelegationInput:
    """Check the whole of it before a proof is asked for; one that begins now begins when signed."""
    _require_maker(site, context, wanted)
    at_once = wanted.valid_from == context.at
    asked = replace(
        wanted,
        valid_from=None if at_once else wanted.valid_from,
        reason=wanted.reason.strip(),
        roles=tuple(sorted(set(wanted.roles))),
        actions=tuple(sorted(set(wanted.actions))),
    )
    with site.store.read() as session:
        check_delegation(site, session, context, asked)
    return asked


def _require_maker(site: Site, context: Context, wanted: DelegationInput) -> None:
    own = context.actor.login == wanted.principal and context.actor.person_id is not None
    require_own(site, context, MANAGE, is_own=own, about=wanted.principal)
    if context.actor.person_id is None:
        text = "a delegation is signed, and only a person with an account signs"
        fix = "sign in as a person; on the command line name yourself with --as"
        raise Denied(text, [Refusal("QT470", text, fix=fix, source="21 CFR 11.10(g)")])
    require_sure(site, context)


def _write(
    site: Site, work: UnitOfWork, asked: tuple[DelegationInput, str], proven: Proven
) -> dict[str, Any]:
    wanted, uid = asked
    # Two delegations that overlap must not pass each other.
    work.take_turn()
    parties = check_delegation(site, work.session, work.context, wanted)
    row = Delegation(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=uid,
        principal_id=parties.principal.person.id,
        delegate_id=parties.delegate.person.id,
        valid_from=wanted.valid_from or work.context.at,
        valid_to=wanted.valid_to,
        roles=list(wanted.roles),
        actions=list(wanted.actions),
        reason=wanted.reason,
        made_at=work.context.at,
        made_by=work.context.actor.login,
    )
    work.add(row)
    signed = _content(site, work.context, asked, parties)
    signature = write_signature(site, work, DELEGATES, signed, proven=proven, reason=row.reason)
    work.log(
        "delegation.make",
        "delegation",
        row.uid,
        reason=row.reason,
        about=[parties.principal.account.uid, parties.delegate.account.uid],
        details={
            "from": row.valid_from.isoformat(),
            "to": row.valid_to.isoformat(),
            "roles": row.roles,
            "actions": row.actions,
            "signature": signature.uid,
        },
        private={"principal": wanted.principal, "delegate": wanted.delegate},
    )
    work.flush()
    return delegations_as_json(site, work.session, [row])[0]


def _content(
    site: Site, context: Context, asked: tuple[DelegationInput, str], parties: Parties
) -> SignedContent:
    wanted, uid = asked

    def named(account: UserAccount, name: str) -> str:
        return f"{name} ({account.login})"

    principal, delegate = parties.principal, parties.delegate
    part = delegation_part(
        (principal.person.uid, delegate.person.uid),
        (wanted.valid_from, wanted.valid_to),
        (wanted.roles, wanted.actions),
    )
    content = {
        "words": {
            "principal": named(principal.account, principal.person.name),
            "delegate": named(delegate.account, delegate.person.name),
            "roles": [site.registry.text(f"roles.{r}", context.language) for r in wanted.roles],
        }
    }
    return SignedContent("delegation", uid, 1, content, part)


def _stored(wanted: DelegationInput) -> dict[str, Any]:
    return {
        "principal": wanted.principal,
        "delegate": wanted.delegate,
        "valid_to": wanted.valid_to.isoformat(),
        "reason": wanted.reason,
        "valid_from": wanted.valid_from.isoformat() if wanted.valid_from else None,
        "roles": list(wanted.roles),
        "actions": list(wanted.actions),
    }


def _wanted(stored: dict[str, Any]) -> DelegationInput:
    begins = stored["valid_from"]
    return DelegationInput(
        stored["principal"],
        stored["delegate"],
        datetime.fromisoformat(stored["valid_to"]),
        stored["reason"],
        datetime.fromisoformat(begins) if begins else None,
        tuple(stored["roles"]),
        tuple(stored["actions"]),
    )
