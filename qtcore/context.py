"""Who acts, when, where and by which request: handed to every service and written to the ledger.

It must not know how people sign in, nor the database; clock, ids and random bytes are injected
here so that tests and replays are exact.
"""

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

SYSTEM_LOGIN = "system"
LANGUAGES = ("en", "zh-CN")
"""What pages, messages and packs speak; a person may choose one."""
# The two highest bits of this digit say that the id is one of RFC 9562.
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


@dataclass(frozen=True, slots=True)
class Actor:
    """A person as they act now: printed name and roles are a snapshot, not a link.

    `roles` are held in the whole company, `site_roles` are (site, role) pairs held at one site;
    `permissions` joins the rights of both, of the latter only rights over things at a site.
    `scope` and `bound_site` narrow what a token may do: to rights, and to one site; `token` is its
    public id, `token_name` what it is called. `stands_for`
    are the keys of the persons in whose place they act at this step, `acting_for` their logins,
    `delegations` the public ids of what allows it; see `qtcore.services.standing`.
    """

    login: str
    name: str = ""
    uid: str = ""
    user_id: int | None = None
    person_id: int | None = None
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    is_system: bool = False
    site_roles: frozenset[tuple[str, str]] = frozenset()
    scope: frozenset[str] | None = None
    bound_site: str = ""
    token: str = ""
    token_name: str = ""
    stands_for: frozenset[str] = frozenset()
    acting_for: tuple[str, ...] = ()
    delegations: tuple[str, ...] = ()

    @property
    def all_roles(self) -> frozenset[str]:
        """Every role, wherever it is held."""
        return self.roles | {role for _, role in self.site_roles}

    @property
    def own_sites(self) -> frozenset[str]:
        """The sites at which a role is held."""
        return frozenset(site for site, _ in self.site_roles)

    @property
    def is_bound(self) -> bool:
        """Say whether this person, or their token, sees some sites only."""
        return bool(self.bound_site or (self.site_roles and not self.roles))

    @property
    def is_narrowed(self) -> bool:
        """Say whether a token is used that is good for some rights or one site only."""
        return self.scope is not None or bool(self.bound_site)

    def may(self, permission: str) -> bool:
        """Say whether a right is held for anything at all; for what is shown.

        What is done is decided by `qtcore.engines.access`, about the thing it is done to.
        """
        if self.is_system:
            return True
        return covers_some(self.permissions, permission) and (
            self.scope is None or covers_some(self.scope, permission)
        )

    def reaches(self, permission: str) -> bool:
        """Say whether a right lies in the scope of the token that is used, if one is."""
        return self.scope is None or covers(self.scope, permission)


def covers(held: Collection[str], permission: str) -> bool:
    """Say whether rights hold one: exactly, without its kind, by ``group.*``, or by ``*``."""
    base = permission.partition(":")[0]
    return any(each in held for each in (permission, base, f"{base.rpartition('.')[0]}.*", "*"))


def covers_some(held: Collection[str], permission: str) -> bool:
    """Say whether rights hold one for something at least: ``record.read:deviation`` of its kind."""
    narrowed = f"{permission}:"
    return covers(held, permission) or any(each.startswith(narrowed) for each in held)


@dataclass(frozen=True, slots=True)
class Context:
    """One act: who, when (aware UTC), from where, and the request it belongs to.

    `ip` is the client's address as far as the configured proxies are believed, `peer_ip` the
    address that was really connected; they are equal without a proxy.
    """

    actor: Actor
    at: datetime
    request_id: str
    device: str = ""
    ip: str = ""
    peer_ip: str = ""
    session_id: str = ""
    os_user: str = ""
    language: str = "en"


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where time and randomness come from; tests hand in fixed ones.

    `now` returns aware UTC time; `random_bytes(n)` returns n bytes fit for secrets; `zone` is the
    zone of the site, whose offset the history tells beside UTC; None: that of the machine.
    """

    now: Callable[[], datetime] = _utc_now
    zone: tzinfo | None = UTC
    random_bytes: Callable[[int], bytes] = field(default=secrets.token_bytes)

    def new_id(self) -> str:
        """Make a UUIDv7 (RFC 9562 5.7): 48 bits of milliseconds, then random bits."""
        return self.new_ids(1)[0]

    def new_ids(self, count: int) -> list[str]:
        """Make several, in ascending order, so that an index takes them one beside the other."""
        millis = f"{int(self.now().timestamp() * 1000):012x}"
        front = f"{millis[:8]}-{millis[8:]}-7"
        chance = (self.random_bytes(10).hex() for _ in range(count))
        return sorted(f"{front}{h[1:4]}-{_VARIANT[h[4]]}{h[5:8]}-{h[8:]}" for h in chance)
