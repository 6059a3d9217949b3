"""Sessions that end because an identity provider says that they ended there.

It must not know pages, nor how a token is verified (OpenID Connect Back-Channel Logout 1.0).
"""

from datetime import timedelta

from sqlmodel import Session, col, select

from qtcore.context import Context
from qtcore.errors import InputRejected
from qtcore.services.id_tokens import Ended, TokenRefused
from qtcore.services.site import Site
from qtcore.services.throttles import check_throttle, count_failed
from qtcore.store.providers import Provider
from qtcore.store.tables import IdentityLink, UserAccount, WebSession


def end_by_provider(site: Site, context: Context, provider_id: str, token: str) -> int:
    """End the sessions that a logout token tells of; gives how many.

    Only those that began before the token was made: one that is sent again ends nothing new.
    Raises NotFound, InputRejected for a token that is none, CannotVerify, TooManyTries.
    """
    check_throttle(site, "", context.ip)
    provider = site.providers.get(provider_id)
    try:
        ended = site.providers.read_logout(provider, token, site.sources.now())
    except TokenRefused as error:
        count_failed(site, "", context.ip)
        raise InputRejected(error.message, code=error.code) from error
    with site.store.read() as session:
        uids = [row.uid for row, _ in _told_of(session, site.store.tenant_id, provider, ended)]
    if not uids:
        return 0
    with site.store.write(context) as work:
        rows = _told_of(work.session, work.tenant_id, provider, ended)
        for row, account in rows:
            work.change(row, revoked_at=context.at)
            details = {"way": f"provider:{provider.id}", "session": row.uid}
            work.log("session.end", "user", account.uid, details=details)
    return len(rows)


def _told_of(
    session: Session, tenant_id: int, provider: Provider, ended: Ended
) -> list[tuple[WebSession, UserAccount]]:
    query = (
        select(WebSession, UserAccount)
        .join(
            UserAccount,
            (col(UserAccount.tenant_id) == WebSession.tenant_id)
            & (col(UserAccount.id) == WebSession.user_id),
        )
        .where(
            WebSession.tenant_id == tenant_id,
            WebSession.provider == provider.id,
            col(WebSession.revoked_at).is_(None),
            WebSession.created_at <= ended.at + timedelta(seconds=provider.skew),
        )
    )
    if ended.subject:
        linked = select(IdentityLink.user_id).where(
            IdentityLink.tenant_id == tenant_id,
            IdentityLink.issuer == provider.issuer,
            IdentityLink.subject == ended.subject,
        )
        query = query.where(col(WebSession.user_id).in_(linked))
    if ended.session:
        query = query.where(WebSession.provider_sid == ended.session)
    return list(session.exec(query))
