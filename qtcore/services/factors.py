"""Second factors of an account: listed, read, taken away; who passkeys are made for.

It must not know what is signed with them, nor how one is enrolled; see `qtcore.services.enrolment`.
"""

from base64 import b32encode
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import pyotp
from sqlmodel import Session, col, select

from qtcore.context import Context
from qtcore.errors import InputRejected, NotFound
from qtcore.services.accounts import find_account
from qtcore.services.rights import require_own
from qtcore.services.site import Site
from qtcore.store.secret_box import open_secret
from qtcore.store.tables import SigningFactor

STEP_SECONDS: Final = 30
# A clock that is half a minute off is common; each step more doubles what a guesser may hit.
DRIFT_STEPS: Final = 1


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The site as browsers know it: passkeys are bound to `name`, answers come from `origin`."""

    name: str
    origin: str


def relying_party(site: Site, host: str = "") -> RelyingParty:
    """Say who passkeys are for: the public address of the site, or localhost while developing.

    What a request names as its host is never believed: a phishing proxy would name its own. Raises
    InputRejected when the site has no public address.
    """
    if site.public_url:
        parts = urlsplit(site.public_url)
        return RelyingParty(parts.hostname or "", f"{parts.scheme}://{parts.netloc}")
    name, _, port = host.partition(":")
    if name == "localhost" and (not port or port.isdecimal()):
        return RelyingParty("localhost", f"http://{host}")
    raise InputRejected(
        "passkeys and identity providers need the public address of the site; set "
        "QTCORE_PUBLIC_URL, such as https://qt.example.com"
    )


def list_factors(session: Session, tenant_id: int, user_id: int) -> list[SigningFactor]:
    """List the factors of an account that count: confirmed and not revoked."""
    return list(
        session.exec(
            select(SigningFactor)
            .where(
                SigningFactor.tenant_id == tenant_id,
                SigningFactor.user_id == user_id,
                col(SigningFactor.confirmed_at).is_not(None),
                col(SigningFactor.revoked_at).is_(None),
            )
            .order_by(col(SigningFactor.id))
        ).all()
    )


def find_step(site: Site, row: SigningFactor, code: str) -> int | None:
    """Find the time step whose code this is; None for a wrong code, or one that was used before."""
    secret = b32encode(open_secret(site.signer, row.material, owner=row.uid)).decode()
    totp = pyotp.TOTP(secret, interval=STEP_SECONDS)
    now = int(site.sources.now().timestamp()) // STEP_SECONDS
    digits = code.replace(" ", "")
    if not (digits.isascii() and digits.isdecimal()):
        return None
    for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1):
        if step > row.counter and pyotp.utils.strings_equal(totp.generate_otp(step), digits):
            return step
    return None


def revoke_factor(
    site: Site, context: Context, factor_id: str, *, reason: str, login: str = ""
) -> None:
    """Take a factor away, one's own or with `user.manage` that of somebody else.

    Raises NotFound or Denied.
    """
    whose = login or context.actor.login
    is_own = whose == context.actor.login
    require_own(site, context, "user.manage", is_own=is_own, about=whose)
    with site.store.write(context) as work:
        account = find_account(work.session, work.tenant_id, whose)
        known = list_factors(work.session, work.tenant_id, account.id) if account else []
        row = next((each for each in known if each.uid == factor_id), None)
        if row is None or account is None:
            raise NotFound(f"there is no factor {factor_id!r} of {whose!r}")
        work.change(row, revoked_at=context.at)
        work.log("factor.revoke", "factor", row.uid, reason=reason, about=[account.uid])
