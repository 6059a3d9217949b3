"""The one question of access: may this actor do that, and to this thing?

It must not know sessions or passwords; the answer is `qtcore.engines.access`, here it is asked,
and a refusal is noted.
"""

from dataclasses import replace

from qtcore.context import Context
from qtcore.definitions.access import RIGHTS, SITED
from qtcore.engines.access import COMPANY, Decision, Thing
from qtcore.errors import Denied
from qtcore.services.site import Site

__all__ = ("COMPANY", "Thing", "acting_at", "permissions_of", "require", "sited_permissions_of")


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
        site.store.note(
            context,
            "denied",
            "permission",
            permission,
            reason=f"needs {permission}",
            details={"about": about},
        )
    first = decision.refusals[0]
    who = context.actor.login or "this user"
    said = f"it needs the right {permission!r}" if first.code == "QT403" else first.message
    raise Denied(f"{who} may not do this: {said}", decision.refusals)


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
