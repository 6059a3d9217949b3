"""ID tokens of OpenID Connect: their signature and every claim that this product relies on.

It must not call anybody, nor know accounts. Keys come from the provider's published set; a shared
secret is no key here, so a token cannot be signed with what everybody knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, import_key

from qtcore.errors import QTCoreError
from qtcore.store.providers import Provider

_KINDS: Final = frozenset({"RSA", "EC", "OKP"})
_LONGEST: Final = 16_384
# OpenID Connect Back-Channel Logout 1.0: the event that a logout token tells of.
_ENDED: Final = "http://schemas.openid.net/event/backchannel-logout"
# RFC 8176: how the provider says that more than a password was asked for.
_STRONG: Final = frozenset({"mfa", "otp", "hwk", "swk", "fpt", "face", "pin"})


class TokenRefused(QTCoreError):
    """Raised when a token is not what this sign-in asked for; says what was found."""

    code = "QT550"


class KeyUnknown(TokenRefused):
    """Raised when the token names a key that is not in the set: it may have been changed since."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a token must say: the nonce of this very sign-in, and the moment it is judged at.

    `made_for`: the client ids of which it names one; that of this site when empty.
    """

    nonce: str
    at: datetime
    made_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says, and the public key that verified it."""

    subject: str
    issued_at: int
    auth_time: int | None
    values: Mapping[str, Any]
    key: Mapping[str, Any]

    @property
    def is_strong(self) -> bool:
        """Say whether the provider told of a second factor."""
        methods = self.values.get("amr")
        return isinstance(methods, list) and any(each in _STRONG for each in methods)


@dataclass(frozen=True, slots=True)
class Ended:
    """What a verified logout token says: whose sessions ended there, or which one, and when."""

    subject: str
    session: str
    at: datetime


def read_keys(told: Any) -> tuple[Mapping[str, Any], ...]:
    """Read the key set of a provider: public keys that sign, and nothing else of it."""
    entries = told.get("keys") if isinstance(told, dict) else None
    if not isinstance(entries, list):
        raise TokenRefused("the provider's key set has no list of keys")
    return tuple(
        each
        for each in entries
        if isinstance(each, dict)
        and each.get("kty") in _KINDS
        and each.get("use", "sig") == "sig"
        and "d" not in each
    )


def check_id_token(
    provider: Provider, keys: Sequence[Mapping[str, Any]], text: str, wanted: Wanted
) -> Claims:
    """Verify a token; raises TokenRefused with the first thing that is wrong, or KeyUnknown."""
    asked = (wanted.at, ("sub", "nonce"), _readers(provider, wanted))
    claims, entry = _verified(provider, keys, text, asked)
    if claims["nonce"] != wanted.nonce:
        raise TokenRefused("the provider's token was made for another sign-in: wrong nonce")
    subject, issued_at = claims["sub"], _seconds(claims["iat"])
    if issued_at is None or _seconds(claims["exp"]) is None:
        raise TokenRefused("the provider's token has no proper times")
    if not subject or len(subject) > 255 or not subject.isprintable():
        raise TokenRefused("the provider's token names nobody: its sub is empty or too long")
    return Claims(subject, issued_at, _seconds(claims.get("auth_time")), claims, entry)


def check_logout_token(
    provider: Provider, keys: Sequence[Mapping[str, Any]], text: str, at: datetime
) -> Ended:
    """Verify a logout token; raises TokenRefused with what is wrong, or KeyUnknown.

    An ID token is none, whoever has it: it tells of no ended session, and carries a nonce.
    """
    asked = (at, ("jti", "events"), (provider.client_id,))
    claims, _ = _verified(provider, keys, text, asked)
    events = claims["events"]
    if not isinstance(events, dict) or not isinstance(events.get(_ENDED), dict):
        raise TokenRefused("the provider's token tells of no ended session")
    if "nonce" in claims:
        raise TokenRefused("the provider's token is one for signing in: it has a nonce")
    subject, session = claims.get("sub", ""), claims.get("sid", "")
    if not all(isinstance(each, str) and len(each) <= 255 for each in (subject, session)):
        raise TokenRefused("the provider's token names nobody: its sub or sid is no proper text")
    if not (subject or session):
        raise TokenRefused("the provider's token names neither a person nor a session")
    issued_at = _seconds(claims["iat"])
    if issued_at is None or _seconds(claims["exp"]) is None:
        raise TokenRefused("the provider's token has no proper times")
    return Ended(subject, session, datetime.fromtimestamp(issued_at, UTC))


def _verified(
    provider: Provider,
    keys: Sequence[Mapping[str, Any]],
    text: str,
    asked: tuple[datetime, Sequence[str], Sequence[str]],
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """Verify signature, issuer and times, that the claims asked for are there, and for whom.

    `asked` is the moment, the names of the claims, and the applications that may read it.
    """
    at, needed, readers = asked
    if len(text) > _LONGEST or text.count(".") != 2 or not text.isascii():
        raise TokenRefused("the provider's answer holds no signed token")
    try:
        entry = _choose(keys, jws.extract_compact(text.encode()).headers(), provider)
        key: Key = import_key(dict(entry))
        claims = jwt.decode(text, key, algorithms=list(provider.algorithms)).claims
        _registry(provider, at, (needed, readers)).validate(claims)
    except (JoseError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise TokenRefused(f"the provider's token is not accepted: {error}") from error
    _check_party(readers, claims)
    return claims, entry


def _choose(
    keys: Sequence[Mapping[str, Any]], head: Mapping[str, Any], provider: Provider
) -> Mapping[str, Any]:
    algorithm, name = head.get("alg"), head.get("kid")
    if algorithm not in provider.algorithms:
        accepted = ", ".join(provider.algorithms)
        raise TokenRefused(f"the token is signed with {algorithm!r}; accepted is {accepted}")
    fitting = [each for each in keys if name is None or each.get("kid") == name]
    if not fitting:
        raise KeyUnknown(f"the token is signed with a key the provider does not publish: {name!r}")
    if len(fitting) > 1:
        raise TokenRefused("the token does not say which of several keys signed it")
    return fitting[0]


def _registry(
    provider: Provider, at: datetime, asked: tuple[Sequence[str], Sequence[str]]
) -> jwt.JWTClaimsRegistry:
    needed, readers = asked
    essential: Any = {"essential": True}
    return jwt.JWTClaimsRegistry(
        now=int(at.timestamp()),
        leeway=provider.skew,
        iss={"essential": True, "value": provider.issuer},
        aud={"essential": True, "values": list(readers)},
        exp={"essential": True},
        iat={"essential": True},
        **dict.fromkeys(needed, essential),
    )


def _seconds(value: object) -> int | None:
    """Read a NumericDate; None for what is no number, or none that is finite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    return int(value)


def _readers(provider: Provider, wanted: Wanted) -> tuple[str, ...]:
    return wanted.made_for or (provider.client_id,)


def _check_party(readers: Sequence[str], claims: Mapping[str, Any]) -> None:
    """Refuse a token that was made for somebody else as well, and does not say it is for us."""
    audience, party = claims["aud"], claims.get("azp")
    is_shared = isinstance(audience, list) and len(audience) > 1
    if (party is not None or is_shared) and party not in readers:
        raise TokenRefused(f"the token was issued for another application: azp {party!r}")
