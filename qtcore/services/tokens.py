"""API tokens: for rights and a site, until a day; shown once, stored hashed, ended at any time.

It must not know web sessions.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from sqlmodel import col, select

from qtcore.context import Actor, Context
from qtcore.definitions.access import GROUPS, RIGHTS
from qtcore.definitions.problems import suggest
from qtcore.errors import Conflict, Fault, InputRejected, NotFound, NotSignedIn
from qtcore.services.accounts import (
    NewUser,
    actor_of,
    find_account,
    has_users,
    new_secret,
    own_sites,
    token_hash,
    write_user,
)
from qtcore.services.rights import refuse_narrowed, require, require_own
from qtcore.services.site import Site
from qtcore.store.tables import ApiToken, TokenUse, UserAccount

MAKE: Final = "token.make"
MANAGE: Final = "user.manage"
MOST_DAYS: Final = 730
# One row a minute tells that a token is used; one a request would double every read.
_NOTE_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token for a login. `scope`: the rights it is good for, all of its person's when empty; of
    records and events perhaps over one kind of them (``record.read:deviation``).

    `site`: the one site it sees; `days`: how long it lives, for ever when None.
    """

    login: str
    name: str = ""
    scope: tuple[str, ...] = ()
    site: str = ""
    days: int | None = None


def add_token(site: Site, context: Context, login: str, *, name: str = "") -> str:
    """Make a token without narrower scope and return its secret; see `make_token`.

    On a database without users the first one is made as administrator (role ``admin``).
    """
    if not has_users(site):
        system = site.system_context()
        with site.store.write(system) as work:
            write_user(site, work, NewUser(login, login.capitalize(), ("admin",)))
        context = system
    return str(make_token(site, context, NewToken(login, name))["token"])


def make_token(site: Site, context: Context, new: NewToken) -> dict[str, Any]:
    """Make a token; its secret is in the answer, shown once and stored only as a hash.

    For another person it needs ``user.manage``, for oneself ``token.make``. Raises Denied when
    asked with a token that is narrowed itself, InputRejected, NotFound.
    """
    own = context.actor.login == new.login and not context.actor.may(MANAGE)
    require(site, context, MAKE if own else MANAGE, about=new.login)
    # One that is good for some rights must not make one that is good for more.
    refuse_narrowed(context, "make tokens")
    secret = new_secret(site)
    with site.store.write(context) as work:
        faults = _faults(site, new, own_sites(work.session, work.tenant_id))
        if faults:
            raise InputRejected("the token cannot be made", faults)
        account = find_account(work.session, work.tenant_id, new.login)
        if account is None:
            raise NotFound(
                f"there is no user {new.login!r}; make one with `qtcore user add {new.login}`"
            )
        row = ApiToken(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            user_id=account.id,
            name=new.name,
            token_hash=token_hash(secret),
            scope=sorted(set(new.scope)) or None,
            site=new.site,
            created_at=context.at,
            expires_at=context.at + timedelta(days=new.days) if new.days is not None else None,
        )
        work.add(row)
        details = {"scope": row.scope or [], "site": row.site, "days": new.days or 0}
        work.log("token.create", "token", row.uid, about=[account.uid], details=details)
        return {**_shown(row, account.login, None), "token": secret}


def list_tokens(site: Site, context: Context, *, login: str = "") -> list[dict[str, Any]]:
    """List tokens, the newest first: one's own, or with ``user.manage`` those of anybody."""
    require_own(site, context, MANAGE, is_own=login == context.actor.login, about=login)
    query = (
        select(ApiToken, UserAccount.login)
        .join(
            UserAccount,
            (col(UserAccount.tenant_id) == ApiToken.tenant_id)
            & (col(UserAccount.id) == ApiToken.user_id),
        )
        .where(ApiToken.tenant_id == site.store.tenant_id)
        .order_by(col(ApiToken.id).desc())
    )
    if login:
        query = query.where(UserAccount.login == login)
    with site.store.read() as session:
        uses = {
            use.token_id: use
            for use in session.exec(
                select(TokenUse).where(TokenUse.tenant_id == site.store.tenant_id)
            )
        }
        return [_shown(row, who, uses.get(row.id)) for row, who in session.exec(query.limit(500))]


def revoke_token(site: Site, context: Context, token_id: str) -> None:
    """End a token now; one's own, or with ``user.manage`` anybody's. Raises NotFound."""
    with site.store.read() as session:
        found = session.exec(
            select(ApiToken).where(
                ApiToken.tenant_id == site.store.tenant_id, ApiToken.uid == token_id
            )
        ).first()
    is_own = found is not None and found.user_id == context.actor.user_id
    require_own(site, context, MANAGE, is_own=is_own, about=token_id)
    if found is None or found.revoked_at is not None:
        raise NotFound(f"there is no token {token_id!r} in force; it may be ended already")
    with site.store.write(context) as work:
        row = work.session.get_one(ApiToken, (work.tenant_id, found.id))
        changes = work.change(row, revoked_at=context.at)
        work.log("token.revoke", "token", row.uid, changes=changes)


def actor_by_token(site: Site, token: str, *, ip: str = "") -> Actor:
    """Get the actor of a token; raises NotSignedIn without saying what was wrong with it."""
    now = site.sources.now()
    with site.store.read() as session:
        found = session.exec(
            select(ApiToken, UserAccount)
            .join(
                UserAccount,
                (col(UserAccount.tenant_id) == ApiToken.tenant_id)
                & (col(UserAccount.id) == ApiToken.user_id),
            )
            .where(
                ApiToken.tenant_id == site.store.tenant_id,
                ApiToken.token_hash == token_hash(token),
            )
        ).first()
        if found is None or not _is_valid(*found, now):
            raise NotSignedIn("the token is not valid; make a new one with `qtcore user token`")
        row, account = found
        actor = actor_of(site, session, account)
        used = session.get(TokenUse, (row.tenant_id, row.id))
    _note_use(site, row, used, ip)
    scope = None if row.scope is None else frozenset(row.scope)
    return replace(actor, scope=scope, bound_site=row.site, token=row.uid, token_name=row.name)


def _note_use(site: Site, row: ApiToken, used: TokenUse | None, ip: str) -> None:
    now = site.sources.now()
    if used is not None and now - used.used_at < _NOTE_EVERY:
        return
    if site.store.fence or not site.store.is_writable:
        return
    use = TokenUse(tenant_id=row.tenant_id, token_id=row.id, used_at=now, ip=ip)
    # Of requests that use a token at once, one notes it.
    with suppress(Conflict), site.store.plumbing() as session:
        session.merge(use)


def _is_valid(token: ApiToken, account: UserAccount, now: Any) -> bool:
    expired = token.expires_at is not None and token.expires_at <= now
    return account.state == "active" and token.revoked_at is None and not expired


def _faults(site: Site, new: NewToken, sites: list[str]) -> list[Fault]:
    found = (_scope_fault(site, right) for right in new.scope)
    faults = [Fault("QT461", text, "scope") for text in found if text]
    if new.site and new.site not in sites:
        text = f"{new.site!r} is no site; sites are: {', '.join(sites) or 'none yet'}"
        faults.append(Fault("QT467", text, "site"))
    if new.days is not None and not 1 <= new.days <= MOST_DAYS:
        text = f"{new.days} days are not accepted; give 1 to {MOST_DAYS}"
        faults.append(Fault("QT411", text, "days"))
    return faults


def _scope_fault(site: Site, right: str) -> str:
    """Say why a right is none, or is over a kind that there is not; nothing when it is one."""
    base, colon, kind = right.partition(":")
    if base not in RIGHTS and base not in GROUPS:
        hint = suggest(base, RIGHTS)
        return f"there is no right {right!r}" + (f"; did you mean {hint!r}?" if hint else "")
    if not colon:
        return ""
    of = {"event": "events", "record": "records"}.get(base.partition(".")[0], "")
    if not of or base in GROUPS:
        return (
            f"{base!r} is not narrowed to a kind; found {right!r}. Accepted are a right "
            "(lot.read), a group (record.*), and of records and events a right over one kind "
            "(record.read:deviation, event.record:receiving)"
        )
    known = sorted(each.id for each in site.registry.list(of))
    if kind in known:
        return ""
    hint = suggest(kind, known)
    near = f"; did you mean {f'{base}:{hint}'!r}?" if hint else f"; there are: {', '.join(known)}"
    return f"there is no kind {kind!r} of {of} for {right!r}{near}"


def _shown(row: ApiToken, login: str, use: TokenUse | None) -> dict[str, Any]:
    def text(at: Any) -> str | None:
        return None if at is None else at.isoformat()

    told: Mapping[str, Any] = {
        "token_id": row.uid,
        "login": login,
        "name": row.name,
        "scope": list(row.scope or ()),
        "site": row.site,
        "created_at": text(row.created_at),
        "expires_at": text(row.expires_at),
        "revoked_at": text(row.revoked_at),
        "used_at": text(use.used_at) if use else None,
        "used_from": use.ip if use else "",
    }
    return dict(told)
