"""Delegations: one person lets another act in their place, for a time, within a scope.

It must not know how one is made (`qtcore.services.delegation_signing`), nor what a delegate does
with it (`qtcore.services.standing`).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session, col, select

from qtcore.context import Context
from qtcore.errors import Fault, InputRejected, NotFound
from qtcore.services.accounts import find_account
from qtcore.services.lengths import MOST_REASON, refuse_long
from qtcore.services.manifestations import Manifestation, manifest
from qtcore.services.rights import require_own
from qtcore.services.site import Site
from qtcore.store.tables import Delegation, Signature, UserAccount

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


def revoke_delegation(site: Site, context: Context, uid: str, reason: str) -> dict[str, Any]:
    """End a delegation now, with the reason; the principal, the delegate or who manages users may.

    Raises NotFound when there is none in force or to come, InputRejected without a reason.
    """
    if not reason.strip():
        fault = delegation_fault("say why it ends", "reason")
        raise InputRejected("ending a delegation needs a reason", [fault])
    refuse_long("the delegation goes on", MOST_REASON, reason=reason.strip())
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
            revoke_reason=reason.strip(),
        )
        work.log("delegation.revoke", "delegation", uid, changes=changes, reason=reason.strip())
        return delegations_as_json(site, work.session, [row])[0]


def read_delegation(site: Site, context: Context, uid: str) -> dict[str, Any]:
    """Give one delegation, over or not, to its two persons and to who manages users; NotFound."""
    with site.store.read() as session:
        row = _seek(session, site.store.tenant_id, uid)
        if row is None:
            raise NotFound(f"there is no delegation {uid!r}")
        is_own = context.actor.person_id in {row.principal_id, row.delegate_id}
        require_own(site, context, MANAGE, is_own=is_own, about=uid)
        return delegations_as_json(site, session, [row])[0]


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
        return delegations_as_json(site, session, rows)


def signatures_under(
    site: Site, session: Session, uids: Sequence[str]
) -> dict[str, list[Manifestation]]:
    """Give the signatures under delegations, by public id; one made before they were signed has
    none."""
    rows = session.exec(
        select(Signature)
        .where(
            Signature.tenant_id == site.store.tenant_id,
            Signature.subject_kind == "delegation",
            col(Signature.subject_uid).in_(uids),
        )
        .order_by(col(Signature.id))
    ).all()
    found: dict[str, list[Manifestation]] = defaultdict(list)
    for each in manifest(site, session, rows):
        found[each.row.subject_uid].append(each)
    return found


def delegations_as_json(
    site: Site, session: Session, rows: Sequence[Delegation]
) -> list[dict[str, Any]]:
    """Give delegations in the shape of the API, each with the signatures under it."""
    logins = _logins(session, site.store.tenant_id, rows)
    signed = signatures_under(site, session, [row.uid for row in rows])
    return [
        {**_json(row, logins), "signatures": [each.as_json() for each in signed.get(row.uid, ())]}
        for row in rows
    ]


def delegation_fault(text: str, where: str) -> Fault:
    """Say what of a delegation cannot be as it was asked for."""
    return Fault("QT464", text, where)


def _seek(session: Session, tenant_id: int, uid: str) -> Delegation | None:
    return session.exec(
        select(Delegation).where(Delegation.tenant_id == tenant_id, Delegation.uid == uid)
    ).first()


def _find(session: Session, tenant_id: int, uid: str, now: datetime) -> Delegation:
    row = _seek(session, tenant_id, uid)
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
