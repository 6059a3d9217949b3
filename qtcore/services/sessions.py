"""Web sessions: our own table, hashed secrets, rotated at login, idle and absolute limits.

It must not know cookies or pages.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlmodel import Session, col, func, select

from qtcore.context import Actor, Context
from qtcore.errors import NotFound, NotSignedIn
from qtcore.services.accounts import actor_of, check_password, new_secret, token_hash
from qtcore.services.rights import require_own
from qtcore.services.site import Site
from qtcore.services.throttles import check_throttle, count_failed, forget_failures
from qtcore.store.tables import UserAccount, WebSession
from qtcore.store.unit import UnitOfWork

MANAGE: Final = "user.manage"
# A page view writes at most one row a minute for the idle clock, not one each.
TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session as the http layer needs it; `provider` is who said whose it is, if not we."""

    actor: Actor
    session_id: str
    csrf_token: str
    language: str
    provider: str = ""


def sign_in(site: Site, context: Context, login: str, password: str, *, agent: str = "") -> str:
    """Check the password and start a new session; returns its secret for the cookie.

    A secret that came with the request is never taken over (session fixation). Raises NotSignedIn
    in the same words and after the same work whether the login is unknown, the account locked or
    the password wrong; TooManyTries while the login or the address rests.
    """
    check_throttle(site, login, context.ip)
    try:
        account = check_password(site, context, login, password)
    except NotSignedIn:
        count_failed(site, login, context.ip)
        raise
    forget_failures(site, login)
    return start_session(site, context, account, agent=agent)


def start_session(
    site: Site,
    context: Context,
    account: UserAccount,
    *,
    agent: str = "",
    way: str = "password",
    provider: tuple[str, str] = ("", ""),
) -> str:
    """Start a new session of somebody who proved who they are; returns its secret.

    `provider` said who they are: its id, and what it calls its own session, if it told.
    """
    secret = new_secret(site)
    with site.store.write(context) as work:
        is_new = _is_new_address(work.session, account, context.ip)
        row = WebSession(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            user_id=account.id,
            token_hash=token_hash(secret),
            csrf_token=new_secret(site),
            created_at=context.at,
            seen_at=context.at,
            expires_at=context.at + site.sessions.absolute,
            ip=context.ip,
            agent=agent[:300],
            provider=provider[0],
            provider_sid=provider[1],
        )
        work.add(row)
        details = {"session": row.uid, "way": way}
        work.log("sign_in", "user", account.uid, details=details)
        if is_new:
            work.log("sign_in.new_address", "user", account.uid, details=details)
    return secret


def _is_new_address(session: Session, account: UserAccount, ip: str) -> bool:
    """Say whether somebody who signed in before comes from where they never came from."""
    own = (WebSession.tenant_id == account.tenant_id, WebSession.user_id == account.id)
    seen = session.exec(select(func.count(col(WebSession.id))).where(*own)).one()
    here = session.exec(
        select(func.count(col(WebSession.id))).where(*own, WebSession.ip == ip)
    ).one()
    return seen > 0 and here == 0


def list_sessions(site: Site, context: Context, *, login: str = "") -> list[dict[str, Any]]:
    """List the sessions in force, the newest first: one's own, or those of another person.

    For another person it needs ``user.manage``; without a login those of everybody.
    """
    require_own(site, context, MANAGE, is_own=login == context.actor.login, about=login)
    now = site.sources.now()
    query = (
        select(WebSession, UserAccount.login)
        .join(
            UserAccount,
            (col(UserAccount.tenant_id) == WebSession.tenant_id)
            & (col(UserAccount.id) == WebSession.user_id),
        )
        .where(
            WebSession.tenant_id == site.store.tenant_id,
            col(WebSession.revoked_at).is_(None),
            WebSession.expires_at > now,
            WebSession.seen_at > now - site.sessions.idle,
        )
        .order_by(col(WebSession.id).desc())
        .limit(500)
    )
    if login:
        query = query.where(UserAccount.login == login)
    with site.store.read() as session:
        return [_shown(context, row, who) for row, who in session.exec(query)]


def end_session(site: Site, context: Context, session_id: str) -> None:
    """End a session now: one's own, or with ``user.manage`` anybody's. Raises NotFound."""
    with site.store.read() as session:
        found = session.exec(
            select(WebSession).where(
                WebSession.tenant_id == site.store.tenant_id, WebSession.uid == session_id
            )
        ).first()
    is_own = found is not None and found.user_id == context.actor.user_id
    require_own(site, context, MANAGE, is_own=is_own, about=session_id)
    if found is None or found.revoked_at is not None:
        raise NotFound(f"there is no session {session_id!r} in force; it may have ended")
    with site.store.write(context) as work:
        row = work.session.get_one(WebSession, (work.tenant_id, found.id))
        work.change(row, revoked_at=context.at)
        work.log("session.end", "session", row.uid)


def end_sessions_of(work: UnitOfWork, user_id: int, *, keep: str = "") -> int:
    """End every session of an account inside a unit of work; `keep` is the id of one that stays."""
    rows = work.session.exec(
        select(WebSession).where(
            WebSession.tenant_id == work.tenant_id,
            WebSession.user_id == user_id,
            col(WebSession.revoked_at).is_(None),
        )
    ).all()
    ended = [row for row in rows if row.uid != keep]
    for row in ended:
        work.change(row, revoked_at=work.context.at)
    return len(ended)


def rotate_session(site: Site, work: UnitOfWork, session_id: str) -> str:
    """Give a session a new secret and form token; what was known of the old one opens nothing."""
    row = work.session.exec(
        select(WebSession).where(
            WebSession.tenant_id == work.tenant_id, WebSession.uid == session_id
        )
    ).first()
    if row is None:
        raise NotSignedIn("your session has ended; sign in again")
    secret = new_secret(site)
    work.change(row, token_hash=token_hash(secret), csrf_token=new_secret(site))
    work.log("session.rotate", "session", row.uid)
    return secret


def device_of(agent: str) -> str:
    """Name a browser and its system from the header it sends; else give the header's beginning."""
    systems = {"Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Windows": "Windows",
               "Macintosh": "Mac", "Linux": "Linux"}  # fmt: skip
    browsers = {"Edg/": "Edge", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
    system = next((name for sign, name in systems.items() if sign in agent), "")
    browser = next((name for sign, name in browsers.items() if sign in agent), "")
    return ", ".join(part for part in (browser, system) if part) or agent[:60]


def _shown(context: Context, row: WebSession, login: str) -> dict[str, Any]:
    return {
        "session_id": row.uid,
        "login": login,
        "device": device_of(row.agent),
        "ip": row.ip,
        "created_at": row.created_at.isoformat(),
        "seen_at": row.seen_at.isoformat(),
        "expires_at": row.expires_at.isoformat(),
        "is_this": row.uid == context.session_id,
    }


def find_session(site: Site, secret: str) -> SignedIn:
    """Find the session of a secret; raises NotSignedIn when it ended, idled out or never was."""
    now = site.sources.now()
    with site.store.read() as session:
        found = session.exec(
            select(WebSession, UserAccount)
            .join(
                UserAccount,
                (col(UserAccount.tenant_id) == WebSession.tenant_id)
                & (col(UserAccount.id) == WebSession.user_id),
            )
            .where(
                WebSession.tenant_id == site.store.tenant_id,
                WebSession.token_hash == token_hash(secret),
            )
        ).first()
        if found is None:
            raise NotSignedIn("you are not signed in")
        row, account = found
        ended = (
            row.revoked_at is not None
            or row.expires_at <= now
            or row.seen_at + site.sessions.idle <= now
        )
        if ended or account.state != "active":
            raise NotSignedIn("your session has ended; sign in again, drafts are kept")
        signed_in = SignedIn(
            actor_of(site, session, account),
            row.uid,
            row.csrf_token,
            account.language,
            row.provider,
        )
        idle = now - row.seen_at
    if idle >= TOUCH_EVERY and not site.store.fence:
        _change(site, secret, seen_at=now)
    return signed_in


def sign_out(site: Site, context: Context, secret: str) -> None:
    """End a session."""
    _change(site, secret, revoked_at=site.sources.now(), context=context)


def _change(site: Site, secret: str, *, context: Context | None = None, **values: Any) -> None:
    with site.store.write(context or site.system_context()) as work:
        row = work.session.exec(
            select(WebSession).where(
                WebSession.tenant_id == work.tenant_id,
                WebSession.token_hash == token_hash(secret),
            )
        ).first()
        if row is not None:
            work.change(row, **values)
            if context is not None:
                work.log("sign_out", "session", row.uid)
