"""Accounts: people, their logins, passwords and roles; who signs in as whom.

It must not know web sessions or tokens; how passwords are hashed is `qtcore.services.passwords`.
"""

import unicodedata
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from sqlmodel import Session, col, func, select

from qtcore.context import LANGUAGES, SYSTEM_LOGIN, Actor, Context
from qtcore.definitions.signs import find_unseen
from qtcore.errors import Fault, InputRejected, NotFound, NotSignedIn
from qtcore.services.password_choice import password_faults
from qtcore.services.rights import permissions_of, require, sited_permissions_of
from qtcore.services.site import Site
from qtcore.store.tables import Party, Person, UserAccount
from qtcore.store.unit import UnitOfWork

MAX_FAILED = 5
LOCKED_FOR = timedelta(minutes=15)
_ALIKE: Final = frozenset({"LATIN", "GREEK", "CYRILLIC"})


@dataclass(frozen=True, slots=True)
class NewUser:
    """A person with an account; `password` may be empty for token-only accounts.

    `roles` count in the whole company, `site_roles` are (site, role) pairs: a site is a party with
    the role ``site``. Without a `language` the pages speak that of the browser until one is chosen.
    """

    login: str
    name: str
    roles: tuple[str, ...]
    password: str = ""
    email: str = ""
    language: str = ""
    site_roles: tuple[tuple[str, str], ...] = ()


def token_hash(token: str) -> str:
    """Hash a token or session secret for storage; it has 256 random bits, so no salt is needed."""
    return sha256(token.encode()).hexdigest()


def new_secret(site: Site) -> str:
    """Make a random secret of 256 bits, safe in URLs and headers."""
    return urlsafe_b64encode(site.sources.random_bytes(32)).decode().rstrip("=")


def add_user(site: Site, context: Context, user: NewUser) -> str:
    """Make a person and an account; returns the account's public id.

    Raises InputRejected for a login that exists or existed, unknown roles or a short password.
    """
    require(site, context, "user.manage", about=user.login)
    with site.store.write(context) as work:
        return write_user(site, work, user).uid


def write_user(site: Site, work: UnitOfWork, user: NewUser) -> UserAccount:
    """Make a person and an account inside a running unit of work."""
    _check(site, work.session, work.tenant_id, user)
    person = Person(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        name=user.name,
        email=user.email,
    )
    work.add(person)
    work.flush()
    account = UserAccount(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        login=user.login,
        person_id=person.id,
        password_hash=site.desk.hash(user.password) if user.password else "",
        password_set_at=work.context.at if user.password else None,
        roles=sorted(user.roles),
        site_roles=[list(pair) for pair in sorted(set(user.site_roles))],
        language=user.language,
        created_at=work.context.at,
    )
    work.add(account)
    work.log(
        "user.create",
        "user",
        account.uid,
        changes={
            "roles": (None, roles_text(account.roles, account.site_roles)),
            **({"language": (None, user.language)} if user.language else {}),
        },
        details={"person": person.uid},
        private={"new_login": user.login, "new_name": user.name, "new_email": user.email},
    )
    return account


def roles_text(roles: Iterable[str], site_roles: Iterable[Sequence[str]]) -> str:
    """Write roles as the history keeps them: ``qa, operator@PLANT-A``."""
    return ", ".join(
        [*sorted(roles), *(f"{role}@{at}" for at, role in sorted(map(tuple, site_roles)))]
    )


def role_faults(
    site: Site, session: Session, roles: Iterable[str], site_roles: Iterable[tuple[str, str]]
) -> list[Fault]:
    """Say which roles are not defined and which sites are none of ours."""
    pairs = sorted(set(site_roles))
    known = {role.id for role in site.registry.list("roles")}
    faults = [
        Fault(
            "QT461",
            f"role {role!r} is not defined; known roles: {', '.join(sorted(known))}",
            "roles",
        )
        for role in sorted({*roles, *(role for _, role in pairs)} - known)
    ]
    ours = own_sites(session, site.store.tenant_id)
    return faults + [
        Fault(
            "QT467", f"{at!r} is no site; sites are: {', '.join(ours) or 'none yet'}", "site_roles"
        )
        for at in sorted({at for at, _ in pairs} - set(ours))
    ]


def list_own_sites(site: Site) -> list[str]:
    """List the codes of our own sites, at which roles can be held."""
    with site.store.read() as session:
        return own_sites(session, site.store.tenant_id)


def own_sites(session: Session, tenant_id: int) -> list[str]:
    """List the codes of our own sites: the parties with the role ``site``."""
    rows = session.exec(select(Party.code, Party.roles).where(Party.tenant_id == tenant_id))
    return sorted(code for code, roles in rows if "site" in (roles or ()))


def _unusable(login: str) -> str | None:
    """Say why nobody may be called so: it could be taken for another one (21 CFR 11.100(a))."""
    unseen = find_unseen(login)
    if unseen:
        return f"holds {unseen}"
    if len(login) > 120:
        return "is longer than 120 signs"
    plain = unicodedata.normalize("NFKC", login).casefold()
    if plain != login.casefold():
        return f"is another way to write {plain!r}; write it so"
    if plain == SYSTEM_LOGIN:
        return "is what the history calls the product itself"
    if not plain.strip("."):
        return "is no name in an address of a page"
    alphabets = {unicodedata.name(sign, "").split(" ")[0] for sign in login if sign.isalpha()}
    if len(alphabets & _ALIKE) > 1:
        return f"mixes letters that look alike: {', '.join(sorted(alphabets & _ALIKE))}"
    return None


def _check(site: Site, session: Session, tenant_id: int, user: NewUser) -> None:
    faults = []
    unusable = _unusable(user.login)
    if unusable:
        text = f"login {user.login!r} is not usable: it {unusable}"
        faults.append(Fault("QT460", text, "login"))
    if not user.name.strip():
        faults.append(Fault("QT460", "the printed name is missing", "name"))
    if user.language and user.language not in LANGUAGES:
        text = f"language {user.language!r} is none of {', '.join(LANGUAGES)}"
        faults.append(Fault("QT460", text, "language"))
    faults += role_faults(site, session, user.roles, user.site_roles)
    if user.password:
        about = (user.login, user.name, user.email)
        faults += password_faults(site.breached, user.password, about, where="password")
    taken = session.exec(
        select(UserAccount.id).where(
            UserAccount.tenant_id == tenant_id,
            func.lower(UserAccount.login) == user.login.lower(),
        )
    ).first()
    if taken is not None:
        text = f"login {user.login!r} exists or existed; logins are never reused (21 CFR 11.100(a))"
        faults.append(Fault("QT463", text, "login"))
    if faults:
        raise InputRejected(f"user {user.login!r} cannot be made", faults)


def has_users(site: Site) -> bool:
    """Say whether anybody has an account yet."""
    with site.store.read() as session:
        count = session.exec(
            select(func.count(col(UserAccount.id))).where(
                UserAccount.tenant_id == site.store.tenant_id
            )
        ).one()
    return count > 0


def find_account(session: Session, tenant_id: int, login: str) -> UserAccount | None:
    """Find an account by its login."""
    return session.exec(
        select(UserAccount).where(UserAccount.tenant_id == tenant_id, UserAccount.login == login)
    ).first()


def actor_of(site: Site, session: Session, account: UserAccount) -> Actor:
    """Make the actor of an account: name, roles and rights as they are now."""
    person = session.exec(
        select(Person).where(Person.tenant_id == account.tenant_id, Person.id == account.person_id)
    ).one()
    sited = sited_permissions_of(site, [role for _, role in account.site_roles])
    return Actor(
        login=account.login,
        name=person.name,
        uid=account.uid,
        user_id=account.id,
        person_id=person.id,
        roles=frozenset(account.roles),
        permissions=permissions_of(site, account.roles) | sited,
        site_roles=frozenset((at, role) for at, role in account.site_roles),
    )


def actor_by_login(site: Site, login: str) -> Actor:
    """Get the actor of a login, for the command line; raises NotFound."""
    with site.store.read() as session:
        account = find_account(session, site.store.tenant_id, login)
        if account is None or account.state != "active":
            raise NotFound(
                f"there is no active user {login!r}; `qtcore user add {login}` makes one"
            )
        return actor_of(site, session, account)


def check_password(site: Site, context: Context, login: str, password: str) -> UserAccount:
    """Check a password for sign-in or signing; counts failures and locks after five.

    Raises NotSignedIn with one text for every cause, so that logins cannot be found out.
    """
    with site.store.read() as session:
        account = find_account(session, site.store.tenant_id, login)
    now = site.sources.now()
    fits = site.desk.fits(password, account.password_hash if account else "")
    locked = account is not None and account.locked_until is not None and account.locked_until > now
    usable = account is not None and account.state == "active" and bool(account.password_hash)
    if account is None or not fits or locked or not usable:
        _count_failure(site, context, account, locked=locked)
        raise NotSignedIn(
            "this login and password do not fit, or the account is locked for a while; "
            f"after {MAX_FAILED} wrong passwords it is locked for 15 minutes"
        )
    if account.failed_sign_ins:
        _set(site, context, account, failed_sign_ins=0, locked_until=None)
    return account


def password_fits(site: Site, login: str, password: str) -> bool:
    """Say whether a password is that of an active account; nothing is counted or noted here.

    For signing, which counts its own tries: see `qtcore.services.sign_tries`.
    """
    with site.store.read() as session:
        account = find_account(session, site.store.tenant_id, login)
    fits = site.desk.fits(password, account.password_hash if account else "")
    return fits and account is not None and account.state == "active"


def _count_failure(
    site: Site, context: Context, account: UserAccount | None, *, locked: bool
) -> None:
    if account is None:
        # What was typed is personal, and may be a password in the wrong field: it can be erased.
        tried = {"tried_login": context.actor.login[:120]}
        told, why = site.tally.count("unknown login", context.at), "unknown login"
        if told is not None:
            site.store.note(
                context, "sign_in.failed", "user", "", reason=why, details=told, private=tried
            )
        return
    failed = account.failed_sign_ins + (0 if locked else 1)
    until = site.sources.now() + LOCKED_FOR if failed >= MAX_FAILED and not locked else None
    values: dict[str, Any] = {"failed_sign_ins": 0 if until else failed}
    if until:
        values["locked_until"] = until
    _set(site, context, account, **values)


def _set(site: Site, context: Context, account: UserAccount, **values: Any) -> None:
    action = "sign_in.locked" if values.get("locked_until") else "sign_in.failed"
    if values == {"failed_sign_ins": 0, "locked_until": None}:
        action = "sign_in.cleared"
    with site.store.write(context) as work:
        row = find_account(work.session, work.tenant_id, account.login)
        if row is not None:
            work.change(row, **values)
            work.log(action, "user", row.uid)
