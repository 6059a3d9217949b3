"""Who last handed out a way to be somebody, and whether another person identified them since.

It must not know what a password or a link to a provider is. An administrator who resets a password
holds the link, and one who links an account names who signs in there: alone, either could sign as
somebody else. Where the policy says so, that takes two (21 CFR 11.200(a)(3)).
"""

from qtcore.errors import Refusal
from qtcore.services.sign_tries import standing_of
from qtcore.store.tables import SignerStanding
from qtcore.store.unit import UnitOfWork

# Acts of the command line without a person: whoever has the machine.
_MACHINE = 0


def note_let_in(work: UnitOfWork, user_id: int) -> None:
    """Note that who acts handed out a way to be the person of an account."""
    by = work.context.actor.person_id or _MACHINE
    work.change(standing_of(work, user_id), let_in_at=work.context.at, let_in_by=by)


def identified_by(work: UnitOfWork) -> int:
    """Name who identifies somebody: a person, or nobody."""
    return work.context.actor.person_id or _MACHINE


def unsettled(standing: SignerStanding | None, login: str) -> Refusal | None:
    """Say why nobody is yet sure to be the person of an account; None when two persons are."""
    at = standing.identity_verified_at if standing else None
    if standing is None or at is None or (standing.let_in_at and at <= standing.let_in_at):
        found = "nobody has identified them since their password or link was handed out"
    elif not standing.identity_by_person or standing.identity_by_person == standing.let_in_by:
        found = "who identified them also handed out their password or link"
    else:
        return None
    return Refusal(
        "QT477",
        f"{login} does not sign yet: {found}",
        fix="a second administrator, who meets them, records their identity: "
        f"`qtcore signer identify {login} --as ADMINISTRATOR`",
        source="21 CFR 11.200(a)(3)",
    )
