"""May this person be represented by that one, from when to when, with what: every mistake at once.

It must not write anything. It is asked when a delegation is shown to who makes it, and again when
it is signed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from qtcore.context import Context
from qtcore.definitions.problems import suggest
from qtcore.errors import Fault, InputRejected, Refusal, Refused
from qtcore.services.accounts import find_account
from qtcore.services.delegations import DelegationInput, delegation_fault
from qtcore.services.site import Site
from qtcore.services.standing import CREATE, action_names, active_accounts, lent_to, unlendable
from qtcore.store.tables import Delegation, Person, UserAccount

Step = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Party:
    """One of the two of a delegation: the account it was asked for, and its person."""

    account: UserAccount
    person: Person


@dataclass(frozen=True, slots=True)
class Parties:
    """Who is represented, and who acts for them."""

    principal: Party
    delegate: Party


def check_delegation(
    site: Site, session: Session, context: Context, wanted: DelegationInput
) -> Parties:
    """Find both persons; InputRejected names every mistake of what was asked.

    Raises Refused when who asks would give himself the place of another.
    """
    now = context.at
    faults = [*_period_faults(wanted, now), *_action_faults(site, wanted.actions)]
    if not wanted.reason.strip() or len(wanted.reason) > 2000:
        faults.append(delegation_fault("say why, in at most 2000 characters", "reason"))
    found = []
    for where, login in (("principal", wanted.principal), ("delegate", wanted.delegate)):
        account = find_account(session, site.store.tenant_id, login)
        if account is None or account.state != "active":
            text = f"there is no active user {login!r}; `qtcore user add {login}` makes one"
            faults.append(delegation_fault(text, where))
        else:
            person = session.get_one(Person, (account.tenant_id, account.person_id))
            found.append(Party(account, person))
    if len(found) == 2:
        parties = Parties(found[0], found[1])
        _refuse_own_gain(context, parties)
        faults += _person_faults(site, session, wanted, parties)
        if not _period_faults(wanted, now):
            faults += _overlap_faults(site, session, (wanted, now), parties)
    if faults:
        text = f"{wanted.delegate!r} cannot act for {wanted.principal!r} as asked"
        raise InputRejected(text, faults)
    return parties


def _refuse_own_gain(context: Context, parties: Parties) -> None:
    own = context.actor.login == parties.principal.account.login
    if own or context.actor.person_id != parties.delegate.person.id:
        return
    text = f"{context.actor.login} cannot give himself the place of another person"
    fix = "the person represented makes the delegation, or a third person who manages users"
    raise Refused(text, [Refusal("QT465", text, fix=fix)])


def _person_faults(
    site: Site, session: Session, wanted: DelegationInput, parties: Parties
) -> list[Fault]:
    """Say what of two persons forbids it: one person, roles not held, lent, or qualified."""
    principal, delegate = parties.principal.person.id, parties.delegate.person.id
    if principal == delegate:
        text = "both logins belong to one person; a delegate is another person"
        return [delegation_fault(text, "delegate")]
    accounts = active_accounts(session, site.store.tenant_id, principal)
    held = {role for account in accounts for role in account.roles}
    faults = _lending_faults(site, session, (wanted, held), principal)
    lacking = unlendable(site, session, delegate)
    for role in sorted(lacking & (set(wanted.roles) or held)):
        if wanted.roles or held <= lacking:
            text = (
                f"the role {role!r} rests on a qualification, and {wanted.delegate} does not "
                "hold it; name a delegate who does"
            )
            faults.append(delegation_fault(text, "roles"))
    return faults


def _lending_faults(
    site: Site, session: Session, asked: tuple[DelegationInput, set[str]], principal: int
) -> list[Fault]:
    """Say which roles are not there to be lent: not held, or only lent to who would lend them."""
    wanted, held = asked
    who, told = wanted.principal, ", ".join(sorted(held)) or "none"
    lent = {
        role
        for each in lent_to(site, session, principal, site.sources.now())
        for role in each.roles
    }
    faults = []
    for role in sorted(set(wanted.roles) - held):
        text = f"{who} does not hold the role {role!r}, so it cannot be lent; held: {told}"
        if role in lent:
            text = (
                f"the role {role!r} is lent to {who}, and what is lent is not lent on: who holds "
                f"it makes the delegation; {who} holds: {told}"
            )
        faults.append(delegation_fault(text, "roles"))
    if not held:
        text = f"{who} holds no role in the whole company, so there is nothing to lend"
        if lent:
            text += "; what is lent to them is not lent on"
        faults.append(delegation_fault(text, "principal"))
    return faults


def _overlap_faults(
    site: Site, session: Session, asked: tuple[DelegationInput, datetime], parties: Parties
) -> list[Fault]:
    """Say which delegation between the two already lets the same be done at the same time."""
    wanted, now = asked
    starts = wanted.valid_from or now
    rows = session.exec(
        select(Delegation)
        .where(
            Delegation.tenant_id == site.store.tenant_id,
            Delegation.principal_id == parties.principal.person.id,
            Delegation.delegate_id == parties.delegate.person.id,
            col(Delegation.revoked_at).is_(None),
            Delegation.valid_to > starts,
            Delegation.valid_from < wanted.valid_to,
        )
        .order_by(col(Delegation.id))
    ).all()
    faults = []
    for row in rows:
        if _meet(row.roles, wanted.roles) and _meet(
            _steps(site, row.actions), _steps(site, wanted.actions)
        ):
            text = (
                f"{wanted.delegate} acts for {wanted.principal} already from "
                f"{row.valid_from:%Y-%m-%d %H:%M} to {row.valid_to:%Y-%m-%d %H:%M} UTC (delegation "
                f"{row.uid}); end that one first, or begin this one when it is over"
            )
            faults.append(delegation_fault(text, "valid_from"))
    return faults


def _meet(one: Iterable[object], other: Iterable[object]) -> bool:
    """Say whether two scopes have something in common; an empty one is everything."""
    first, second = set(one), set(other)
    return not first or not second or not first.isdisjoint(second)


def _steps(site: Site, actions: Sequence[str]) -> set[Step]:
    """Name the steps that a scope covers."""
    wanted = set(actions)
    found: set[Step] = set()
    for flow in site.registry.list("workflows") if wanted else ():
        if not wanted.isdisjoint({flow.id, f"{flow.id}.{CREATE}"}):
            found.add((flow.id, CREATE))
        found |= {
            (flow.id, step.id)
            for step in flow.transitions
            if not wanted.isdisjoint(action_names(flow.id, step))
        }
    return found


def _period_faults(wanted: DelegationInput, now: datetime) -> list[Fault]:
    starts = wanted.valid_from or now
    if any(each.tzinfo is None for each in (starts, wanted.valid_to)):
        text = "a time has no zone; write 2026-11-20T14:02:00+08:00 or end it with Z"
        return [delegation_fault(text, "valid_to")]
    if starts < now:
        text = (
            f"it cannot begin before now ({now:%Y-%m-%d %H:%M} UTC): what was done stays as it is"
        )
        return [delegation_fault(text, "valid_from")]
    if wanted.valid_to <= now:
        text = f"it ends before now ({now:%Y-%m-%d %H:%M} UTC); give a later end"
        return [delegation_fault(text, "valid_to")]
    if wanted.valid_to <= starts:
        return [delegation_fault("it ends before it begins; give a later end", "valid_to")]
    return []


def _action_faults(site: Site, actions: Sequence[str]) -> list[Fault]:
    known = {
        name
        for flow in site.registry.list("workflows")
        for step in flow.transitions
        for name in (*action_names(flow.id, step), f"{flow.id}.{CREATE}")
    }
    faults = []
    for action in actions:
        if action not in known:
            near = suggest(action, sorted(known))
            hint = f" (did you mean {near!r}?)" if near else ""
            text = (
                f"there is no action {action!r}{hint}; give a workflow such as deviation, or a "
                "step of one such as deviation.approve"
            )
            faults.append(delegation_fault(text, "actions"))
    return faults
