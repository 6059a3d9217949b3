"""Accounts: people, their logins, passwords, roles and API tokens.

It must not know web sessions; passwords are argon2id hashes, tokens are stored as SHA-256.
"""

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlmodel import Session, col, func, select

from qtcore.context import Actor, Context
from qtcore.errors import Fault, InputRejected, NotFound, NotSignedIn
from qtcore.services.rights import permissions_of, require
from qtcore.services.site import Site
from qtcore.store.tables import ApiToken, Person, UserAccount
from qtcore.store.unit import UnitOfWork

MIN_PASSWORD = 12
MAX_FAILED = 5
LOCKED_FOR = timedelta(minutes=15)
# 19 MiB, t=2: about 27 ms a check on two cores, so that sign-ins cannot starve the server.
_HASHER = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19456, parallelism=1),))
# Checked for unknown logins too, so that the time does not tell which logins exist.
_DUMMY = _HASHER.hash("no such account")


@dataclass(frozen=True, slots=True)
class NewUser:
    """A person with an account; `password` may be empty for token-only accounts."""

    login: str
    name: str
    roles: tuple[str, ...]
    password: str = ""
    email: str = ""
    language: str = "en"


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
        password_hash=_HASHER.hash(user.password) if user.password else "",
        roles=sorted(user.roles),
        language=user.language,
        created_at=work.context.at,
    )
    work.add(account)
    work.log(
        "user.create",
        "user",
        account.uid,
        changes={"roles": (None, ", ".join(account.roles))},
        private={"new_login": user.login, "new_name": user.name},
    )
    return account


def _check(site: Site, session: Session, tenant_id: int, user: NewUser) -> None:
    faults = []
    if not user.login.strip() or len(user.login) > 120 or user.login != user.login.strip():
        faults.append(Fault("QT460", f"login {user.login!r} is not usable", "login"))
    if not user.name.strip():
        faults.append(Fault("QT460", "the printed name is missing", "name"))
    known = {role.id for role in site.registry.list("roles")}
    for role in sorted(set(user.roles) - known):
        text = f"role {role!r} is not defined; known roles: {', '.join(sorted(known))}"
        faults.append(Fault("QT461", text, "roles"))
    if user.password and len(user.password) < MIN_PASSWORD:
        text = (
            f"the password has {len(user.password)} characters; at least {MIN_PASSWORD} are needed"
        )
        faults.append(Fault("QT462", text, "password"))
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


def add_token(site: Site, context: Context, login: str, *, name: str = "") -> str:
    """Make an API token for a login and return it; it is shown once and stored only as a hash.

    On a database without users the first one is made as administrator (role ``admin``).
    """
    if not has_users(site):
        system = site.system_context()
        with site.store.write(system) as work:
            write_user(site, work, NewUser(login, login.capitalize(), ("admin",)))
        context = system
    require(site, context, "user.manage", about=login)
    token = new_secret(site)
    with site.store.write(context) as work:
        account = find_account(work.session, work.tenant_id, login)
        if account is None:
            raise NotFound(f"there is no user {login!r}; make one with `qtcore user add {login}`")
        row = ApiToken(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            user_id=account.id,
            name=name,
            token_hash=token_hash(token),
            created_at=context.at,
        )
        work.add(row)
        work.log("token.create", "token", row.uid, about=[account.uid])
    return token


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
    return Actor(
        login=account.login,
        name=person.name,
        uid=account.uid,
        user_id=account.id,
        person_id=person.id,
        roles=frozenset(account.roles),
        permissions=permissions_of(site, account.roles),
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


def actor_by_token(site: Site, token: str) -> Actor:
    """Get the actor of an API token; raises NotSignedIn without saying what was wrong with it."""
    with site.store.read() as session:
        row = session.exec(
            select(ApiToken, UserAccount)
            .join(
                UserAccount,
                (col(UserAccount.tenant_id) == ApiToken.tenant_id)
                & (col(UserAccount.id) == ApiToken.user_id),
            )
            .where(
                ApiToken.tenant_id == site.store.tenant_id,
                ApiToken.token_hash == token_hash(token),
            )
        ).first()
        if row is None or not _is_valid(site, *row):
            raise NotSignedIn("the token is not valid; make a new one with `qtcore user token`")
        return actor_of(site, session, row[1])


def _is_valid(site: Site, token: ApiToken, account: UserAccount) -> bool:
    now = site.sources.now()
    expired = token.expires_at is not None and token.expires_at <= now
    return account.state == "active" and token.revoked_at is None and not expired


def check_password(site: Site, context: Context, login: str, password: str) -> UserAccount:
    """Check a password for sign-in or signing; counts failures and locks after five.

    Raises NotSignedIn with one text for every cause, so that logins cannot be found out.
    """
    with site.store.read() as session:
        account = find_account(session, site.store.tenant_id, login)
    now = site.sources.now()
    stored = account.password_hash if account and account.password_hash else _DUMMY
    fits = _HASHER.verify(password, stored)
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
    stored = account.password_hash if account and account.password_hash else _DUMMY
    fits = _HASHER.verify(password, stored)
    return fits and account is not None and account.state == "active" and stored != _DUMMY


def _count_failure(
    site: Site, context: Context, account: UserAccount | None, *, locked: bool
) -> None:
    if account is None:
        # What was typed is personal, and may be a password in the wrong field: it can be erased.
        tried = {"tried_login": context.actor.login[:120]}
        site.store.note(
            context, "sign_in.failed", "user", "", reason="unknown login", private=tried
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
