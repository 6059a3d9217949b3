"""Whose account a person of an identity provider is: linked by issuer and subject, by nothing else.

It must not know browsers. An e-mail address or a name links nobody: whoever may choose theirs at
the provider would choose somebody else's account here.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlmodel import Session, col, select

from qtcore.context import Context
from qtcore.errors import Fault, InputRejected, NotFound
from qtcore.services.accounts import NewUser, find_account, write_user
from qtcore.services.id_tokens import Claims
from qtcore.services.let_in import note_let_in
from qtcore.services.rights import require, require_own
from qtcore.services.sessions import MANAGE, end_sessions_of
from qtcore.services.site import Site
from qtcore.services.users import UserChange, change_user
from qtcore.services.visits import VisitRefused
from qtcore.store.providers import Provider
from qtcore.store.tables import IdentityLink, UserAccount
from qtcore.store.unit import UnitOfWork

_MOST: Final = 10


def find_link(session: Session, tenant_id: int, issuer: str, subject: str) -> IdentityLink | None:
    """Find whose account a subject of an issuer is."""
    return session.exec(
        select(IdentityLink).where(
            IdentityLink.tenant_id == tenant_id,
            IdentityLink.issuer == issuer,
            IdentityLink.subject == subject,
        )
    ).first()


def list_links(site: Site, context: Context, *, login: str) -> list[dict[str, Any]]:
    """List the links of an account: one's own, or with ``user.manage`` those of another person."""
    require_own(site, context, MANAGE, is_own=login == context.actor.login, about=login)
    with site.store.read() as session:
        return [_shown(row) for row in _links(session, site.store.tenant_id, login)]


def own_providers(site: Site, context: Context) -> list[Provider]:
    """List the configured providers that one's own account is linked to."""
    with site.store.read() as session:
        rows = _links(session, site.store.tenant_id, context.actor.login)
    issuers = {row.issuer for row in rows}
    return [each for each in site.providers.providers if each.issuer in issuers]


def link_identity(
    site: Site, context: Context, login: str, *, provider_id: str, subject: str
) -> dict[str, Any]:
    """Link an account to a subject of a provider, as an administrator; gives the link.

    Raises Denied, NotFound, InputRejected for a subject that is linked or is none.
    """
    require(site, context, MANAGE, about=login)
    return _write(site, context, site.providers.get(provider_id), (login, subject))


def link_own(site: Site, context: Context, provider: Provider, claims: Claims) -> dict[str, Any]:
    """Link one's own account to whom the provider's token names."""
    return _write(site, context, provider, (context.actor.login, claims.subject))


def unlink_identity(site: Site, context: Context, login: str, link_id: str) -> None:
    """Take a link away, one's own or with ``user.manage`` anybody's; the sessions end.

    Raises Denied, NotFound.
    """
    require_own(site, context, MANAGE, is_own=login == context.actor.login, about=login)
    with site.store.write(context) as work:
        rows = _links(work.session, work.tenant_id, login)
        row = next((each for each in rows if each.uid == link_id), None)
        if row is None:
            raise NotFound(f"{login!r} has no link {link_id!r} to a provider")
        account = work.session.get_one(UserAccount, (work.tenant_id, row.user_id))
        details = {"provider": row.provider, "issuer": row.issuer}
        work.session.delete(row)
        end_sessions_of(work, row.user_id, keep=context.session_id)
        work.log("identity.unlink", "user", account.uid, details=details)


def account_of(site: Site, context: Context, provider: Provider, claims: Claims) -> UserAccount:
    """Get the account of a person that a provider vouches for.

    Where the provider's claims give roles, an unknown person gets an account with them, and one
    that was made so follows them at each sign-in. Raises VisitRefused when there is none to use.
    """
    roles = _roles_of(provider, claims)
    with site.store.read() as session:
        link = find_link(session, site.store.tenant_id, provider.issuer, claims.subject)
    if link is None:
        return _make(site, context, provider, (claims, roles))
    if link.follows_roles:
        _follow(site, context, provider, (link, roles))
    with site.store.read() as session:
        account = session.get_one(UserAccount, (site.store.tenant_id, link.user_id))
    if account.state != "active":
        raise VisitRefused(f"the account {account.login} is switched off here")
    return account


def _follow(
    site: Site, context: Context, provider: Provider, found: tuple[IdentityLink, "_Roles"]
) -> None:
    link, (roles, pairs) = found
    with site.store.read() as session:
        account = session.get_one(UserAccount, (site.store.tenant_id, link.user_id))
    held = [(at, role) for at, role in account.site_roles]
    if account.state != "active" or (sorted(account.roles), sorted(held)) == (roles, pairs):
        if account.state == "active" and not (roles or pairs):
            raise _no_role(provider)
        return
    reason = f"{provider.roles_claim} of {provider.title}"
    try:
        change_user(
            site, _system(site, context), account.login, UserChange(roles, pairs, None, reason)
        )
    except InputRejected as error:
        raise _unfit(provider, error) from error
    if not (roles or pairs):
        raise _no_role(provider)


_Roles = tuple[list[str], list[tuple[str, str]]]


def _roles_of(provider: Provider, claims: Claims) -> _Roles:
    told = claims.values.get(provider.roles_claim)
    values = told if isinstance(told, list) else [told]
    given = {r for v in values if isinstance(v, str) for r in provider.roles.get(v, ())}
    pairs = [(at, role) for role, mark, at in (each.partition("@") for each in given) if mark]
    return sorted(each for each in given if "@" not in each), sorted(pairs)


def _make(
    site: Site, context: Context, provider: Provider, told: tuple[Claims, _Roles]
) -> UserAccount:
    """Make an account for somebody whose claims give roles; else say who links them."""
    claims, (roles, pairs) = told
    if not provider.roles:
        raise VisitRefused(
            f"{provider.title} knows you, and no account here is linked to you; ask an "
            f"administrator to link the subject {claims.subject!r}"
        )
    if not roles and not pairs:
        raise _no_role(provider)
    login = claims.values.get(provider.login_claim)
    if not isinstance(login, str) or not login.isprintable():
        raise VisitRefused(f"{provider.title} gives no login: {provider.login_claim} is missing")
    name = claims.values.get("name")
    new = NewUser(
        login,
        name if isinstance(name, str) and name.isprintable() and len(name) <= 120 else login,
        tuple(roles),
        site_roles=tuple(pairs),
    )
    try:
        with site.store.write(_system(site, context)) as work:
            account = write_user(site, work, new)
            work.flush()
            _add(work, provider, (account, claims.subject), follows=True)
    except InputRejected as error:
        raise _unfit(provider, error) from error
    return account


def _write(
    site: Site, context: Context, provider: Provider, who: tuple[str, str]
) -> dict[str, Any]:
    login, subject = who
    if not subject or len(subject) > 255 or not subject.isprintable():
        text = f"the subject {subject[:80]!r} is none; the provider calls it sub"
        raise InputRejected(f"{login} is not linked", [Fault("QT552", text, "subject")])
    with site.store.write(context) as work:
        work.take_turn()
        account = find_account(work.session, work.tenant_id, login)
        if account is None:
            raise NotFound(f"there is no user {login!r}; the list of users has their logins")
        if find_link(work.session, work.tenant_id, provider.issuer, subject) is not None:
            text = f"this person of {provider.title} is linked to an account already"
            raise InputRejected(f"{login} is not linked", [Fault("QT552", text, "subject")])
        if len(_links(work.session, work.tenant_id, login)) >= _MOST:
            text = f"{login} has {_MOST} links; take one away first"
            raise InputRejected(f"{login} is not linked", [Fault("QT552", text, "subject")])
        row = _add(work, provider, (account, subject))
        if account.id != context.actor.user_id:
            note_let_in(work, account.id)
        return _shown(row)


def _add(
    work: UnitOfWork, provider: Provider, who: tuple[UserAccount, str], *, follows: bool = False
) -> IdentityLink:
    account, subject = who
    row = IdentityLink(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        issuer=provider.issuer,
        subject=subject,
        provider=provider.id,
        user_id=account.id,
        follows_roles=follows,
        linked_at=work.context.at,
        linked_by=work.context.actor.login,
    )
    work.add(row)
    details = {"provider": provider.id, "issuer": provider.issuer}
    work.log("identity.link", "user", account.uid, details=details, private={"subject": subject})
    return row


def _links(session: Session, tenant_id: int, login: str) -> Sequence[IdentityLink]:
    return session.exec(
        select(IdentityLink)
        .join(
            UserAccount,
            (col(UserAccount.tenant_id) == IdentityLink.tenant_id)
            & (col(UserAccount.id) == IdentityLink.user_id),
        )
        .where(IdentityLink.tenant_id == tenant_id, UserAccount.login == login)
        .order_by(col(IdentityLink.id))
    ).all()


def _shown(row: IdentityLink) -> dict[str, Any]:
    return {
        "link_id": row.uid,
        "provider": row.provider,
        "issuer": row.issuer,
        "subject": row.subject,
        "follows_roles": row.follows_roles,
        "linked_at": row.linked_at.isoformat(),
        "linked_by": row.linked_by,
    }


def _system(site: Site, context: Context) -> Context:
    """Act as the product itself, from where the person sits."""
    return replace(context, actor=site.system_context().actor)


def _no_role(provider: Provider) -> VisitRefused:
    return VisitRefused(
        f"{provider.title} knows you, and {provider.roles_claim} gives you no role here; ask "
        "whoever keeps your groups there"
    )


def _unfit(provider: Provider, error: InputRejected) -> VisitRefused:
    said = "; ".join(fault.message for fault in error.faults) or error.message
    return VisitRefused(f"your account cannot be as {provider.title} says: {said}")
