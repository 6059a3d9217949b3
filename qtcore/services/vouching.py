"""An identity provider vouches for a signer: they proved anew who they are, for this very act.

It must not know what is signed, nor count tries; see `qtcore.services.sign_proofs`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from qtcore.context import Context
from qtcore.services.id_tokens import Claims, TokenRefused, Wanted
from qtcore.services.identities import find_link
from qtcore.services.site import Site
from qtcore.services.visits import Arrived
from qtcore.store.providers import Provider

# Both times in a token are whole seconds.
_ROUNDING: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Visit:
    """What somebody brought from a provider, and the nonce and texts its token must repeat."""

    arrived: Arrived
    nonce: str = ""
    texts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Brought:
    """An ID token that a program brought from a provider, for what was frozen at a moment."""

    provider: str
    id_token: str
    frozen_at: datetime
    nonce: str = ""
    texts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Vouched:
    """The link it was found by, whether a second factor was told of, and what proves it."""

    link_id: str
    is_strong: bool
    evidence: Mapping[str, Any]


def vouch(site: Site, context: Context, arrived: Arrived) -> Vouched | None:
    """Say what the provider vouches for; None when it is another person, or not proven anew.

    Raises CannotVerify when the provider cannot be asked: that was neither right nor wrong.
    """
    provider = site.providers.get(arrived.provider)
    now = site.sources.now()
    try:
        token, claims = site.providers.redeem(provider, arrived.code, arrived.asked, now)
    except TokenRefused:
        return None
    return _of_signer(site, context, (provider, token, claims), now - arrived.started_at)


def vouch_token(site: Site, context: Context, brought: Brought, nonce: str) -> Vouched | None:
    """Say what a token vouches for that a program fetched itself; None as for `vouch`.

    Only for a program that the provider's entry lists: any other application of the company could
    pass on a token that was made for it.
    """
    provider = site.providers.get(brought.provider)
    now = site.sources.now()
    if not provider.programs:
        return None
    try:
        wanted = Wanted(nonce, now, provider.programs)
        claims = site.providers.verify(provider, brought.id_token, wanted)
    except TokenRefused:
        return None
    found = (provider, brought.id_token, claims)
    return _of_signer(site, context, found, now - brought.frozen_at)


def _of_signer(
    site: Site, context: Context, found: tuple[Provider, str, Claims], took: timedelta
) -> Vouched | None:
    provider, token, claims = found
    with site.store.read() as session:
        link = find_link(session, site.store.tenant_id, provider.issuer, claims.subject)
    if link is None or link.user_id != context.actor.user_id:
        return None
    if not is_fresh(claims, took):
        return None
    evidence = {
        "issuer": provider.issuer,
        "id_token": token,
        "key": dict(claims.key),
        "auth_time": claims.auth_time,
    }
    return Vouched(link.uid, claims.is_strong, evidence)


def is_fresh(claims: Claims, took: timedelta) -> bool:
    """Say whether the person proved who they are within the visit, by the provider's own clock.

    A provider that ignores `prompt=login` tells an older `auth_time`, or none. Comparing its two
    times with how long the visit took needs no agreement of clocks.
    """
    if claims.auth_time is None:
        return False
    before = timedelta(seconds=claims.issued_at - claims.auth_time)
    return timedelta(0) <= before <= took + _ROUNDING
