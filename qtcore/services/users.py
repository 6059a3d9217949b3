"""Users as administrators keep them: listed, given roles at sites, switched off, let in again.

It must not know how a person signs in; every change of what somebody may do ends their sessions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlmodel import Session, col, func, select

from qtcore.context import Context
from qtcore.errors import Fault, InputRejected, NotFound, NotSignedIn, Refusal, Refused
from qtcore.services.accounts import (
    check_password,
    find_account,
    new_secret,
    role_faults,
    roles_text,
    token_hash,
)
from qtcore.services.let_in import note_let_in
from qtcore.services.password_choice import password_faults
from qtcore.services.rights import require
from qtcore.services.sessions import MANAGE, end_sessions_of, rotate_session
from qtcore.services.site import Site
from qtcore.services.throttles import forget_failures
from qtcore.store.tables import CredentialTicket, Person, UserAccount, WebSession
from qtcore.store.unit import UnitOfWork

STATES: Final = ("active", "disabled")
TICKET_LIVES: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class UserChange:
    """What is changed of an account; None leaves it as it is."""

    roles: Sequence[str] | None = None
    site_roles: Sequence[tuple[str, str]] | None = None
    state: str | None = None
    reason: str = ""


def list_users(site: Site, context: Context) -> list[dict[str, Any]]:
    """List all accounts with their people, by login."""
    require(site, context, MANAGE)
    tenant = site.store.tenant_id
    query = (
        select(UserAccount, Person)
        .join(
            Person,
            (col(Person.tenant_id) == UserAccount.tenant_id)
            & (col(Person.id) == UserAccount.person_id),
        )
        .where(UserAccount.tenant_id == tenant)
        .order_by(UserAccount.login)
    )
    with site.store.read() as session:
        seen = _last_seen(session, tenant)
        return [
            _shown(site, account, person, seen.get(account.id))
            for account, person in session.exec(query)
        ]


def get_user(site: Site, context: Context, login: str) -> dict[str, Any]:
    """Show one account; raises NotFound."""
    found = next((each for each in list_users(site, context) if each["login"] == login), None)
    if found is None:
        raise _missing(login)
    return found


def unlock_sign_in(site: Site, context: Context, login: str, *, reason: str) -> None:
    """Let an account sign in again before its lock ends; another person says why.

    Raises Denied, NotFound, Refused for oneself, InputRejected without a reason.
    """
    require(site, context, MANAGE, about=login)
    if not reason.strip():
        fault = Fault("QT451", "ending a lock needs the reason", "reason")
        raise InputRejected(f"{login} is not unlocked", [fault])
    with site.store.write(context) as work:
        account = find_account(work.session, work.tenant_id, login)
        if account is None:
            raise _missing(login)
        if account.person_id == context.actor.person_id:
            text = "nobody ends the lock of his own account"
            raise Refused(text, [Refusal("QT476", text, fix="ask another administrator")])
        work.change(account, failed_sign_ins=0, locked_until=None)
        work.log("sign_in.cleared", "user", account.uid, reason=reason.strip())
    forget_failures(site, login)


def change_user(site: Site, context: Context, login: str, change: UserChange) -> dict[str, Any]:
    """Change roles or state of an account and end its sessions; returns it as it is then.

    Raises InputRejected for unknown roles or sites, for another state without the reason, or when
    nobody could manage users any more.
    """
    require(site, context, MANAGE, about=login)
    with site.store.write(context) as work:
        account = find_account(work.session, work.tenant_id, login)
        if account is None:
            raise _missing(login)
        roles = account.roles if change.roles is None else sorted(set(change.roles))
        pairs = _pairs(account) if change.site_roles is None else sorted(set(change.site_roles))
        state = account.state if change.state is None else change.state
        faults = role_faults(site, work.session, roles, pairs)
        if state not in STATES:
            faults.append(Fault("QT411", f"state {state!r} is none of {STATES}", "state"))
        if state != account.state and not change.reason.strip():
            text = "switching an account off or on needs the reason"
            faults.append(Fault("QT451", text, "reason"))
        faults += _last_manager_faults(site, work, account, (roles, state))
        if faults:
            raise InputRejected(f"user {login!r} cannot be changed so", faults)
        before = roles_text(account.roles, account.site_roles), account.state
        values: Mapping[str, Any] = {
            "roles": roles, "site_roles": [list(pair) for pair in pairs], "state": state,
        }  # fmt: skip
        if work.change(account, **values):
            ended = end_sessions_of(work, account.id)
            changes = {
                "roles": (before[0], roles_text(roles, pairs)),
                "state": (before[1], state),
            }
            work.log(
                "user.change",
                "user",
                account.uid,
                changes={name: pair for name, pair in changes.items() if pair[0] != pair[1]},
                reason=change.reason,
                details={"sessions_ended": ended},
            )
    return get_user(site, context, login)


def has_password(site: Site, login: str) -> bool:
    """Say whether an account has a password here; else its person signs in at a provider."""
    with site.store.read() as session:
        account = find_account(session, site.store.tenant_id, login)
    return account is not None and bool(account.password_hash)


def end_sessions(site: Site, context: Context, login: str) -> int:
    """End all sessions of a person; returns how many there were."""
    require(site, context, MANAGE, about=login)
    with site.store.write(context) as work:
        account = find_account(work.session, work.tenant_id, login)
        if account is None:
            raise _missing(login)
        ended = end_sessions_of(work, account.id)
        work.log("session.end_all", "user", account.uid, details={"sessions_ended": ended})
        return ended


def reset_credential(site: Site, context: Context, login: str) -> str:
    """Take the password away and give the secret of a link with which the person sets a new one.

    The link is good once and for a day; nobody but its person ever knows the password (21 CFR
    11.300). The sessions end, a lock is lifted.
    """
    require(site, context, MANAGE, about=login)
    secret = new_secret(site)
    with site.store.write(context) as work:
        account = find_account(work.session, work.tenant_id, login)
        if account is None or account.state != "active":
            raise _missing(login)
        work.change(account, password_hash="", failed_sign_ins=0, locked_until=None)
        end_sessions_of(work, account.id)
        row = CredentialTicket(
            tenant_id=work.tenant_id,
            token_hash=token_hash(secret),
            user_id=account.id,
            expires_at=context.at + TICKET_LIVES,
        )
        work.add(row)
        note_let_in(work, account.id)
        work.log("credential.reset", "user", account.uid)
    return secret


def check_ticket(site: Site, secret: str) -> str:
    """Give the login a link belongs to; raises NotFound when it was used, or is too old."""
    with site.store.read() as session:
        return _ticket(site, session, secret)[1].login


def use_ticket(site: Site, context: Context, secret: str, password: str) -> None:
    """Set the password by a link; raises NotFound, InputRejected for one that is not taken."""
    with site.store.read() as session:
        _check_choice(site, session, _ticket(site, session, secret)[1], password)
    hashed = site.desk.hash(password)
    with site.store.write(context) as work:
        ticket, account = _ticket(site, work.session, secret)
        work.change(account, password_hash=hashed, password_set_at=work.context.at)
        work.session.delete(ticket)
        work.log("credential.set", "user", account.uid)


def change_own_password(site: Site, context: Context, current: str, new: str) -> str:
    """Change one's own password; the other sessions end, this one gets the new secret returned.

    Raises NotSignedIn for a wrong current password, InputRejected for a new one that is not taken.
    """
    if new == current:
        text = "the new password is the old one; choose another"
        raise InputRejected(text, [Fault("QT462", text, "new")])
    account = check_password(site, context, context.actor.login, current)
    if account.id != context.actor.user_id:
        raise NotSignedIn("you are not signed in with a password")
    with site.store.read() as session:
        _check_choice(site, session, account, new)
    hashed = site.desk.hash(new)
    with site.store.write(context) as work:
        row = work.session.get_one(UserAccount, (work.tenant_id, account.id))
        work.change(row, password_hash=hashed, password_set_at=work.context.at)
        work.log("credential.change", "user", row.uid)
        end_sessions_of(work, row.id, keep=context.session_id)
        return rotate_session(site, work, context.session_id)


def _check_choice(site: Site, session: Session, account: UserAccount, password: str) -> None:
    person = session.get_one(Person, (account.tenant_id, account.person_id))
    about = (account.login, person.name, person.email)
    faults = password_faults(site.breached, password, about)
    if faults:
        raise InputRejected(faults[0].message, faults)


def _ticket(site: Site, session: Session, secret: str) -> tuple[CredentialTicket, UserAccount]:
    found = session.exec(
        select(CredentialTicket, UserAccount)
        .join(
            UserAccount,
            (col(UserAccount.tenant_id) == CredentialTicket.tenant_id)
            & (col(UserAccount.id) == CredentialTicket.user_id),
        )
        .where(
            CredentialTicket.tenant_id == site.store.tenant_id,
            CredentialTicket.token_hash == token_hash(secret),
            UserAccount.state == "active",
        )
    ).first()
    if found is None or found[0].expires_at <= site.sources.now():
        raise NotFound("this link was used, or is too old; ask your administrator for a new one")
    return found[0], found[1]


def _last_manager_faults(
    site: Site, work: UnitOfWork, account: UserAccount, wanted: tuple[Sequence[str], str]
) -> list[Fault]:
    """Refuse to take user management from the last person who has it."""
    roles, state = wanted
    holders = set(site.registry.policy.holders(MANAGE))
    if state == "active" and holders & set(roles):
        return []
    others = work.session.exec(
        select(UserAccount.roles).where(
            UserAccount.tenant_id == work.tenant_id,
            UserAccount.state == "active",
            UserAccount.id != account.id,
        )
    )
    if not holders & set(account.roles) or any(holders & set(held) for held in others):
        return []
    text = f"{account.login} is the last one who manages users; give the role to somebody first"
    return [Fault("QT469", text, "roles")]


def _pairs(account: UserAccount) -> list[tuple[str, str]]:
    return [(at, role) for at, role in account.site_roles]


def _last_seen(session: Session, tenant: int) -> dict[int, Any]:
    rows = session.exec(
        select(WebSession.user_id, func.max(WebSession.seen_at))
        .where(WebSession.tenant_id == tenant)
        .group_by(col(WebSession.user_id))
    )
    return dict(rows.all())


def _shown(site: Site, account: UserAccount, person: Person, seen: Any) -> dict[str, Any]:
    now = site.sources.now()
    return {
        "user_id": account.uid,
        "login": account.login,
        "name": person.name,
        "email": person.email,
        "state": account.state,
        "roles": list(account.roles),
        "site_roles": [{"site": at, "role": role} for at, role in account.site_roles],
        "language": account.language,
        "is_locked": account.locked_until is not None and account.locked_until > now,
        "has_password": bool(account.password_hash),
        "seen_at": seen.isoformat() if seen else None,
    }


def _missing(login: str) -> NotFound:
    return NotFound(f"there is no user {login!r}; the list of users has their logins")
