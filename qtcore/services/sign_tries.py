"""Wrong tries to sign, counted in the database; the lock after five, its alarm, and the way out.

It must not know how a proof is checked. A try takes its place before it is checked, so that two
instances, or fifty requests at once, check no more than five wrong proofs in all. Signing in does
not reset the count (21 CFR 11.300(d)).
"""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import update
from sqlmodel import Session, select

from qtcore.context import Context
from qtcore.errors import CannotVerify, Fault, InputRejected, NotFound, Refusal, Refused
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.services.telling import About, tell
from qtcore.store.columns import table_of
from qtcore.store.tables import SignerStanding, UserAccount, WebSession
from qtcore.store.unit import UnitOfWork

MOST_WRONG: Final = 5
# A process that died while it checked leaves its place taken; after this it counts no more.
LEFT_BEHIND: Final = timedelta(minutes=1)
ALARM: Final = "signing_locked"
_STANDING: Final = table_of(SignerStanding)


def locked_refusal() -> Refusal:
    """Say that signing is locked, and who opens it again."""
    return Refusal(
        "QT476",
        f"signing is locked for this account after {MOST_WRONG} wrong proofs",
        fix="an administrator unlocks it after asking who tried; signing in does not help",
        source="21 CFR 11.300(d)",
    )


def take_try(site: Site, context: Context) -> Refusal | None:
    """Take a place for one try; a refusal when the signer is locked.

    Raises CannotVerify while as many tries as may fail are being checked.
    """
    now = site.sources.now()
    with site.store.write(context) as work:
        row = _standing(work, _user(context))
        if row.locked_at is not None:
            return locked_refusal()
        stale = row.tried_at is None or row.tried_at + LEFT_BEHIND <= now
        trying = 0 if stale else row.trying
        if row.failed + trying >= MOST_WRONG:
            raise CannotVerify(
                "several signatures of yours are being checked at this moment; try again in a "
                "moment. Nothing was counted"
            )
        work.change(row, trying=trying + 1, tried_at=now)
    return None


def give_back(site: Site, context: Context) -> None:
    """Leave a place without a verdict: nothing could be verified, so nothing is counted."""
    _settle(site, context, {"trying": _STANDING.c.trying - 1})


def clear_tries(site: Site, context: Context) -> None:
    """Begin to count anew: the proof was right."""
    _settle(site, context, {"trying": 0, "failed": 0})


def count_wrong(site: Site, context: Context, *, method: str) -> bool:
    """Count a wrong proof; at the fifth lock the signer, end the session and raise the alarm.

    Gives whether the signer is locked now.
    """
    with site.store.write(context) as work:
        row = _standing(work, _user(context))
        failed = row.failed + 1
        values: dict[str, Any] = {"failed": failed, "trying": max(row.trying - 1, 0)}
        is_last = failed >= MOST_WRONG
        if is_last:
            values["locked_at"] = site.sources.now()
        work.change(row, **values)
        details = {"method": method, "failed": failed}
        work.log("sign.failed", "user", context.actor.uid, details=details)
        if is_last:
            _lock(site, work)
    return is_last


def unlock_signer(site: Site, context: Context, login: str, *, reason: str) -> None:
    """Let somebody sign again; another person who manages users says why.

    Raises Denied without the right, NotFound, Refused for oneself, InputRejected without a reason.
    """
    require(site, context, "user.manage", about=login)
    with site.store.write(context) as work:
        account = work.session.exec(
            select(UserAccount).where(
                UserAccount.tenant_id == work.tenant_id, UserAccount.login == login
            )
        ).first()
        if account is None:
            raise NotFound(f"there is no user {login!r}")
        if account.person_id == context.actor.person_id:
            text = "nobody unlocks his own signing"
            raise Refused(text, [Refusal("QT476", text, fix="ask another administrator")])
        if not reason.strip():
            fault = Fault("QT451", "unlocking a signer needs the reason", "reason")
            raise InputRejected(f"{login} is not unlocked", [fault])
        row = _standing(work, account.id)
        work.change(row, failed=0, trying=0, locked_at=None)
        work.log("sign.unlocked", "user", account.uid, reason=reason)


def find_standing(session: Session, tenant_id: int, user_id: int) -> SignerStanding | None:
    """Find what is known of an account as a signer."""
    return session.exec(
        select(SignerStanding).where(
            SignerStanding.tenant_id == tenant_id, SignerStanding.user_id == user_id
        )
    ).first()


def standing_of(work: UnitOfWork, user_id: int) -> SignerStanding:
    """Get the standing of an account, made on its first use, locked until the commit."""
    return _standing(work, user_id)


def _standing(work: UnitOfWork, user_id: int) -> SignerStanding:
    # One turn at a time: the row that counts may not exist yet, so no row lock guards it.
    work.take_turn()
    row = find_standing(work.session, work.tenant_id, user_id)
    if row is None:
        row = SignerStanding(
            tenant_id=work.tenant_id, id=work.key(), uid=work.new_uid(), user_id=user_id
        )
        work.add(row)
        work.flush()
    return row


def _user(context: Context) -> int:
    return context.actor.user_id or 0


def _settle(site: Site, context: Context, values: dict[str, Any]) -> None:
    with site.store.write(context) as work:
        work.take_turn()
        work.session.execute(
            update(_STANDING)
            .where(
                _STANDING.c.tenant_id == work.tenant_id,
                _STANDING.c.user_id == _user(context),
                _STANDING.c.trying > 0,
            )
            .values(**values)
        )


def _lock(site: Site, work: UnitOfWork) -> None:
    """End the session in which it happened and tell whoever manages users, in this transaction."""
    context = work.context
    ended = work.session.exec(
        select(WebSession).where(
            WebSession.tenant_id == work.tenant_id, WebSession.uid == context.session_id
        )
    ).first()
    if ended is not None and ended.revoked_at is None:
        work.change(ended, revoked_at=context.at)
    about = About("user", context.actor.uid, context.actor.login)
    tell(work, site.registry.policy.holders("user.manage"), about, ALARM)
    work.log("sign.locked", "user", context.actor.uid, details={"ip": context.ip})
