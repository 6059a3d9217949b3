"""Delegations: one person lets another act in their place, for a time, within a scope.

It must not know what a delegate does with it; see `qtcore.services.standing`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session, col, select

from qtcore.context import Context
from qtcore.definitions.problems import suggest
from qtcore.errors import Fault, InputRejected, NotFound, Refusal, Refused
from qtcore.services.accounts import find_account
from qtcore.services.rights import require_own
from qtcore.services.sign_demands import require_sure
from qtcore.services.site import Site
from qtcore.services.standing import CREATE, action_names, active_accounts, unlendable
from qtcore.store.tables import Delegation, UserAccount
from qtcore.store.unit import UnitOfWork

MANAGE: Final = "user.manage"


@dataclass(frozen=True, slots=True)
class DelegationInput:
    """Who lets whom act for them: logins, the period (aware times), scope and reason.

    Without `valid_from` it begins at once. `roles`: which of the principal's roles are lent, all
    when empty. `actions`: workflows (``deviation``) or steps of them (``deviation.approve``), all
    when empty.
    """

    principal: str
    delegate: str
    valid_to: datetime
    reason: str
    valid_from: datetime | None = None
    roles: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()


def make_delegation(site: Site, context: Context, wanted: DelegationInput) -> dict[str, Any]:
    """Let one person act for another; gives it in the shape of the API.

    The person represented may do it, or somebody who manages users; nobody gives himself the place
    of another. Raises InputRejected with every fault, Denied or Refused.
    """
    own = context.actor.login == wanted.principal and context.actor.person_id is not None
    require_own(site, context, MANAGE, is_own=own, about=wanted.principal)
    if own:
        require_sure(site, context)
    with site.store.write(context) as work:
        found = _accounts(site, work.session, wanted, context.at)
        _refuse_own_gain(context, own=own, delegate=found[1])
        row = _row(work, wanted, found)
        work.add(row)
        work.log(
            "delegation.make",
            "delegation",
            row.uid,
            reason=row.reason,
            about=[found[0].uid, found[1].uid],
            details={
                "from": row.valid_from.isoformat(),
                "to": row.valid_to.isoformat(),
                "roles": row.roles,
                "actions": row.actions,
            },
            private={"principal": wanted.principal, "delegate": wanted.delegate},
        )
        return _json(
            row, {found[0].person_id: wanted.principal, found[1].person_id: wanted.delegate}
        )


def revoke_delegation(site: Site, context: Context, uid: str, reason: str) -> dict[str, Any]:
    """End a delegation now, with the reason; the principal, the delegate or who manages users may.

    Raises NotFound when there is none in force or to come, InputRejected without a reason.
    """
    if not reason.strip():
        raise InputRejected("ending a delegation needs a reason", [_fault("no reason", "reason")])
    with site.store.read() as session:
        seen = _find(session, site.store.tenant_id, uid, context.at)
    is_own = context.actor.person_id in {seen.principal_id, seen.delegate_id}
    require_own(site, context, MANAGE, is_own=is_own, about=uid)
    with site.store.write(context) as work:
        row = _find(work.session, work.tenant_id, uid, context.at)
        changes = work.change(
            row,
            revoked_at=context.at,
            revoked_by=context.actor.login,
            revoke_reason=reason.strip()[:2000],
        )
        work.log("delegation.revoke", "delegation", uid, changes=changes, reason=reason.strip())
        return _json(row, _logins(work.session, work.tenant_id, [row]))


def list_delegations(site: Site, context: Context, *, login: str = "") -> list[dict[str, Any]]:
    """List delegations, the newest first: all for who manages users, else those of the person.

    `login`: only those by or to this person.
    """
    require_own(site, context, MANAGE, is_own=True)
    everybody = context.actor.may(MANAGE)
    with site.store.read() as session:
        tenant = site.store.tenant_id
        query = select(Delegation).where(Delegation.tenant_id == tenant)
        persons = [] if everybody else [context.actor.person_id or 0]
        if login:
            account = find_account(session, tenant, login)
            if account is None:
                raise NotFound(f"there is no user {login!r}")
            persons.append(account.person_id)
        for person in persons:
            concerns = (Delegation.principal_id == person) | (Delegation.delegate_id == person)
            query = query.where(concerns)
        rows = session.exec(query.order_by(col(Delegation.id).desc()).limit(200)).all()
        logins = _logins(session, tenant, rows)
        return [_json(row, logins) for row in rows]


def _fault(text: str, where: str) -> Fault:
    return Fault("QT464", text, where)


def _accounts(
    site: Site, session: Session, wanted: DelegationInput, now: datetime
) -> tuple[UserAccount, UserAccount]:
    """Find both accounts; InputRejected names every mistake of what was asked."""
    faults = [*_period_faults(wanted, now), *_action_faults(site, wanted.actions)]
    if not wanted.reason.strip() or len(wanted.reason) > 2000:
        faults.append(_fault("say why, in at most 2000 characters", "reason"))
    found = []
    for where, login in (("principal", wanted.principal), ("delegate", wanted.delegate)):
        account = find_account(session, site.store.tenant_id, login)
        if account is None or account.state != "active":
            text = f"there is no active user {login!r}; `qtcore user add {login}` makes one"
            faults.append(_fault(text, where))
        else:
            found.append(account)
    if len(found) == 2:
        if found[0].person_id == found[1].person_id:
            text = "both logins belong to one person; a delegate is another person"
            faults.append(_fault(text, "delegate"))
        accounts = active_accounts(session, site.store.tenant_id, found[0].person_id)
        held = {role for account in accounts for role in account.roles}
        for role in wanted.roles:
            if role not in held:
                text = (
                    f"{wanted.principal} does not hold the role {role!r}, so it cannot be lent; "
                    f"held: {', '.join(sorted(held)) or 'none'}"
                )
                faults.append(_fault(text, "roles"))
        lacking = unlendable(site, session, found[1].person_id)
        for role in sorted(lacking & (set(wanted.roles) or held)):
            if wanted.roles or held <= lacking:
                text = (
                    f"the role {role!r} rests on a qualification, and {wanted.delegate} does not "
                    "hold it; name a delegate who does"
                )
                faults.append(_fault(text, "roles"))
    if faults:
        text = f"{wanted.delegate!r} cannot act for {wanted.principal!r} as asked"
        raise InputRejected(text, faults)
    return found[0], found[1]


def _period_faults(wanted: DelegationInput, now: datetime) -> list[Fault]:
    starts = wanted.valid_from or now
    if any(each.tzinfo is None for each in (starts, wanted.valid_to)):
        text = "a time has no zone; write 2026-11-20T14:02:00+08:00 or end it with Z"
        return [_fault(text, "valid_to")]
    if starts < now:
        text = (
            f"it cannot begin before now ({now:%Y-%m-%d %H:%M} UTC): what was done stays as it is"
        )
        return [_fault(text, "valid_from")]
    if wanted.valid_to <= starts:
        return [_fault("it ends before it begins; give a later end", "valid_to")]
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
            faults.append(_fault(text, "actions"))
    return faults


def _refuse_own_gain(context: Context, *, own: bool, delegate: UserAccount) -> None:
    if own or context.actor.person_id != delegate.person_id:
        return
    text = f"{context.actor.login} cannot give himself the place of another person"
    fix = "the person represented makes the delegation, or a third person who manages users"
    raise Refused(text, [Refusal("QT465", text, fix=fix)])


def _row(
    work: UnitOfWork, wanted: DelegationInput, found: tuple[UserAccount, UserAccount]
) -> Delegation:
    return Delegation(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        principal_id=found[0].person_id,
        delegate_id=found[1].person_id,
        valid_from=wanted.valid_from or work.context.at,
        valid_to=wanted.valid_to,
        roles=sorted(set(wanted.roles)),
        actions=sorted(set(wanted.actions)),
        reason=wanted.reason.strip(),
        made_at=work.context.at,
        made_by=work.context.actor.login,
    )


def _find(session: Session, tenant_id: int, uid: str, now: datetime) -> Delegation:
    row = session.exec(
        select(Delegation).where(Delegation.tenant_id == tenant_id, Delegation.uid == uid)
    ).first()
    if row is None or row.revoked_at is not None or row.valid_to <= now:
        raise NotFound(
            f"there is no delegation {uid!r} in force or to come; it may be over already"
        )
    return row


def _logins(session: Session, tenant_id: int, rows: Sequence[Delegation]) -> dict[int, str]:
    """Name the persons of delegations by the first login each of them has."""
    persons = {person for row in rows for person in (row.principal_id, row.delegate_id)}
    found = session.exec(
        select(UserAccount)
        .where(UserAccount.tenant_id == tenant_id, col(UserAccount.person_id).in_(persons))
        .order_by(col(UserAccount.id).desc())
    )
    return {account.person_id: account.login for account in found}


def _json(row: Delegation, logins: dict[int, str]) -> dict[str, Any]:
    return {
        "delegation_id": row.uid,
        "principal": logins.get(row.principal_id, ""),
        "delegate": logins.get(row.delegate_id, ""),
        "from": row.valid_from.isoformat(),
        "to": row.valid_to.isoformat(),
        "roles": list(row.roles),
        "actions": list(row.actions),
        "reason": row.reason,
        "made_by": row.made_by,
        "revoked_at": row.revoked_at and row.revoked_at.isoformat(),
        "revoked_by": row.revoked_by,
        "revoke_reason": row.revoke_reason,
    }
