"""Visits to an identity provider: the browser is sent there with a question, and comes back once.

It must not know what the answer is for. State, nonce and PKCE verifier are bound to the browser by
a secret in its cookie; the database keeps hashes, and takes the visit away when it is finished.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, Literal, cast

from sqlalchemy import delete
from sqlmodel import select
from sqlmodel.sql.expression import SelectOfScalar

from qtcore.context import Context
from qtcore.errors import CannotVerify, NotSignedIn
from qtcore.services.accounts import new_secret, token_hash
from qtcore.services.providers import Asked
from qtcore.services.site import Site
from qtcore.store.columns import table_of
from qtcore.store.tables import ProviderVisit

LASTS: Final = timedelta(minutes=10)
Purpose = Literal["sign_in", "link", "sign", "accept", "totp", "passkey"]
# What a provider may say instead of a code (RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.6); any
# other word comes from whoever made the address, and is not repeated.
_DECLINED: Final = ("access_denied", "login_required", "interaction_required", "consent_required")
_DOWN: Final = ("server_error", "temporarily_unavailable")
_VISIT: Final = table_of(ProviderVisit)


class VisitRefused(NotSignedIn):
    """Raised when what came back from a provider is not an answer to what was asked."""

    code = "QT550"


@dataclass(frozen=True, slots=True)
class Errand:
    """What a visit is for, about what, and where it goes on afterwards.

    `nonce`: what the token must repeat; without one it is derived from the browser's secret.
    `again`: the person proves who they are anew.
    """

    purpose: Purpose
    goal: str = "/"
    about: str = ""
    nonce: str = ""
    again: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser is sent, and the secret it keeps meanwhile."""

    address: str
    secret: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a browser came back with: from which provider, its parameters, and its secret."""

    provider: str
    words: Mapping[str, str]
    secret: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """A visit that was finished: what it was for, and the code that is still to be redeemed."""

    provider: str
    purpose: str
    about: str
    goal: str
    code: str
    asked: Asked
    started_at: datetime

    def with_nonce(self, nonce: str) -> "Arrived":
        """Give it with the nonce that was asked for, where that was no derived one."""
        asked = Asked(self.asked.back, self.asked.state, nonce, self.asked.verifier)
        return Arrived(
            self.provider, self.purpose, self.about, self.goal, self.code, asked, self.started_at
        )


def begin_visit(
    site: Site, context: Context, provider_id: str, errand: Errand, *, back: str
) -> Begun:
    """Remember a visit and give the address to go to; `back` is where the provider sends to.

    Raises NotFound for no such provider, CannotVerify when it cannot be asked where to go.
    """
    provider = site.providers.get(provider_id)
    secret, state = new_secret(site), new_secret(site)
    now = site.sources.now()
    asked = Asked(
        back,
        state,
        errand.nonce or _derive("nonce", secret, state),
        _derive("verifier", secret, state),
        again=errand.again,
    )
    address = site.providers.address(provider, asked, now)
    with site.store.plumbing() as session:
        session.execute(
            delete(_VISIT).where(
                _VISIT.c.tenant_id == site.store.tenant_id, _VISIT.c.expires_at <= now
            )
        )
        session.add(
            ProviderVisit(
                tenant_id=site.store.tenant_id,
                state_hash=token_hash(state),
                browser_hash=token_hash(secret),
                provider=provider.id,
                purpose=errand.purpose,
                about=errand.about,
                goal=errand.goal,
                user_id=context.actor.user_id,
                session_uid=context.session_id,
                started_at=now,
                expires_at=now + LASTS,
            )
        )
    return Begun(address, secret)


def finish_visit(site: Site, context: Context, answer: Answer, back: str) -> Arrived:
    """Take a visit away and give it; nobody finishes it a second time.

    Raises VisitRefused for a state that was used, is too old, belongs to another browser, session
    or provider, or when the provider names another issuer; CannotVerify when it says it is down.
    """
    state = answer.words.get("state", "")
    row = _take(site, state)
    now = site.sources.now()
    if row is None or row.expires_at <= now:
        raise VisitRefused("this sign-in was finished before, or is older than ten minutes")
    if not hmac.compare_digest(row.browser_hash, token_hash(answer.secret)):
        raise VisitRefused("this sign-in was begun in another browser, or another tab since")
    same = (row.user_id, row.session_uid) == (context.actor.user_id, context.session_id)
    if row.purpose != "sign_in" and not same:
        raise VisitRefused("this was begun in another session; begin it again")
    provider = site.providers.get(answer.provider)
    issuer = answer.words.get("iss", "")
    if row.provider != provider.id or (issuer and issuer != provider.issuer):
        raise VisitRefused("the answer comes from another provider than the one that was asked")
    if not issuer and site.providers.published(provider, now).names_itself:
        raise VisitRefused("the answer does not say which provider it comes from")
    _check_error(provider.title, answer.words)
    asked = Asked(
        back,
        state,
        _derive("nonce", answer.secret, state),
        _derive("verifier", answer.secret, state),
    )
    code = answer.words["code"]
    return Arrived(provider.id, row.purpose, row.about, row.goal, code, asked, row.started_at)


def read_errand(site: Site, state: str) -> Errand:
    """Say what a visit is for, before it is finished; a sign-in when nobody knows it."""
    with site.store.read() as session:
        row = session.exec(_of(site, state)).first()
    return (
        Errand("sign_in")
        if row is None
        else Errand(cast("Purpose", row.purpose), row.goal, row.about)
    )


def _check_error(title: str, words: Mapping[str, str]) -> None:
    error = words.get("error", "")
    if error in _DOWN:
        raise CannotVerify(f"{title} cannot sign anybody in now; try again", code="QT551")
    if error or not words.get("code"):
        said = f": {error}" if error in _DECLINED else ""
        raise VisitRefused(f"{title} did not sign you in{said}")


def _of(site: Site, state: str) -> SelectOfScalar[ProviderVisit]:
    return select(ProviderVisit).where(
        ProviderVisit.tenant_id == site.store.tenant_id,
        ProviderVisit.state_hash == token_hash(state),
    )


def _take(site: Site, state: str) -> ProviderVisit | None:
    """Take the row away; of two that come at once one gets it."""
    with site.store.read() as session:
        row = session.exec(_of(site, state)).first()
    if row is None:
        return None
    with site.store.plumbing() as session:
        gone = session.execute(
            delete(_VISIT).where(
                _VISIT.c.tenant_id == site.store.tenant_id, _VISIT.c.state_hash == row.state_hash
            )
        )
    return row if gone.rowcount == 1 else None  # type: ignore[attr-defined]


def _derive(what: str, secret: str, state: str) -> str:
    """Make a value that only the browser with this secret leads to, for this very visit."""
    told = sha256(f"qtcore-visit/1\n{what}\n{secret}\n{state}".encode()).digest()
    return urlsafe_b64encode(told).decode().rstrip("=")
