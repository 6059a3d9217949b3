"""Web sessions: our own table, hashed secrets, rotated at login, idle and absolute limits.

It must not know cookies or pages.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import col, select

from qtcore.context import Actor, Context
from qtcore.errors import NotSignedIn
from qtcore.services.accounts import actor_of, check_password, new_secret, token_hash
from qtcore.services.site import Site
from qtcore.store.tables import UserAccount, WebSession

IDLE = timedelta(minutes=15)
ABSOLUTE = timedelta(hours=12)
# A page view writes at most one row a minute for the idle clock, not one each.
TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session as the http layer needs it."""

    actor: Actor
    session_id: str
    csrf_token: str
    language: str


def sign_in(site: Site, context: Context, login: str, password: str, *, agent: str = "") -> str:
    """Check the password and start a new session; returns its secret for the cookie.

    A secret that came with the request is never taken over (session fixation). Raises NotSignedIn.
    """
    account = check_password(site, context, login, password)
    secret = new_secret(site)
    with site.store.write(context) as work:
        row = WebSession(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            user_id=account.id,
            token_hash=token_hash(secret),
            csrf_token=new_secret(site),
            created_at=context.at,
            seen_at=context.at,
            expires_at=context.at + ABSOLUTE,
            ip=context.ip,
            agent=agent[:300],
        )
        work.add(row)
        work.log("sign_in", "user", account.uid, details={"session": row.uid})
    return secret


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
        ended = row.revoked_at is not None or row.expires_at <= now or row.seen_at + IDLE <= now
        if ended or account.state != "active":
            raise NotSignedIn("your session has ended; sign in again, drafts are kept")
        signed_in = SignedIn(
            actor_of(site, session, account), row.uid, row.csrf_token, account.language
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
