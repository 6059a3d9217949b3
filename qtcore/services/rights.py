"""The one question of access: may this actor do that, and to this thing?

It must not know sessions or passwords; the answer is `qtcore.engines.access`, here it is asked,
and a refusal is noted.
"""

from dataclasses import replace
from typing import Final

from qtcore.context import Context
from qtcore.definitions.access import RIGHTS, SITED
from qtcore.engines.access import COMPANY, Decision, Thing
from qtcore.errors import Denied, Refusal
from qtcore.services.site import Site

__all__ = (
    "COMPANY",
    "Thing",
    "acting_at",
    "permissions_of",
    "refuse_narrowed",
    "require",
    "require_own",
    "sited_permissions_of",
)
# Asked about a login: whose it is can be erased.
_OVER_PERSONS: Final = ("user.manage", "token.make")


def require(
    site: Site, context: Context, permission: str, *, about: str = "", thing: Thing | None = None
) -> Decision:
    """Let pass who may do it to this thing; else record the attempt and raise Denied with who may.

    A right may be narrowed: ``record.submit:deviation`` is held by ``record.submit`` as well.
    Without a thing it is asked whether the right is held at all; where that would show or change
    more than one site, the thing is ``COMPANY``.
    """
    decision = site.registry.policy.decide(context.actor, permission, thing)
    if decision.is_allowed:
        return decision
    # A question on the command line opens the database for reading only: nothing can be noted.
    if site.store.is_writable and not site.store.fence:
        told = {"about": about}
        is_person = permission in _OVER_PERSONS
        site.store.note(
            context,
            "denied",
            "permission",
            permission,
            reason=f"needs {permission}",
            details={} if is_person else told,
            private=told if is_person else {},
        )
    first = decision.refusals[0]
    who = context.actor.login or "this user"
    said = f"it needs the right {permission!r}" if first.code == "QT403" else first.message
    raise Denied(f"{who} may not do this: {said}", decision.refusals)


def require_own(
    site: Site, context: Context, permission: str, *, is_own: bool, about: str = ""
) -> None:
    """Let pass whose own it is, else who holds the right over that of others.

    A token that is narrowed is good for its rights alone, not for what its person may do without
    any: with it one's own is as that of others.
    """
    if not is_own or context.actor.is_narrowed:
        require(site, context, permission, about=about)


def refuse_narrowed(context: Context, what: str) -> None:
    """Refuse to a token that is narrowed what no right of its scope could cover; raises Denied."""
    if context.actor.is_narrowed:
        said = f"a token that is narrowed cannot {what}"
        fix = "sign in, or use a token without scope and site"
        raise Denied(f"{context.actor.login}: {said}", [Refusal("QT407", said, fix=fix)])


def acting_at(site: Site, context: Context, thing: Thing) -> Context:
    """Give the same act by a person with those roles only that count for the thing."""
    actor = context.actor
    if actor.is_system or not actor.site_roles:
        return context
    roles = site.registry.policy.roles_at(actor, thing)
    return replace(context, actor=replace(actor, roles=roles))


def permissions_of(site: Site, roles: list[str]) -> frozenset[str]:
    """Join the rights of roles; a role that no pack defines any more carries none."""
    found = (site.registry.find("roles", role) for role in roles)
    return frozenset(p for role in found if role is not None for p in role.permissions)


def sited_permissions_of(site: Site, roles: list[str]) -> frozenset[str]:
    """Join the rights that roles carry when they are held at one site only."""
    policy = site.registry.policy
    named = {p for p in permissions_of(site, roles) if p.partition(":")[0] in SITED}
    whole = {r for r in RIGHTS if r in SITED and set(policy.holders(r)) & set(roles)}
    return frozenset(named | whole)
