"""The one question of access: may this actor do that?

It must not know sessions or passwords.
"""

from qtcore.context import Context
from qtcore.errors import Denied, Refusal
from qtcore.services.site import Site


def require(site: Site, context: Context, permission: str, *, about: str = "") -> None:
    """Let pass who holds the right; else record the attempt and raise Denied with who may.

    A right may be narrowed: ``record.submit:deviation`` is held by ``record.submit`` as well.
    """
    if context.actor.may(permission):
        return
    holders = roles_with(site, permission)
    # A question on the command line opens the database for reading only: nothing can be noted.
    if site.store.is_writable:
        site.store.note(
            context,
            "denied",
            "permission",
            permission,
            reason=f"needs {permission}",
            details={"about": about},
        )
    raise Denied(
        f"{context.actor.login or 'this user'} may not do this: it needs the right {permission!r}",
        [
            Refusal(
                "QT403",
                f"the right {permission!r} is missing",
                fix=f"ask somebody with one of these roles: {', '.join(holders) or 'none has it'}",
            )
        ],
    )


def roles_with(site: Site, permission: str) -> list[str]:
    """List the roles that carry a right."""
    base, group = permission.split(":", 1)[0], permission.split(".", 1)[0]
    wanted = {permission, base, f"{group}.*", "*"}
    return [r.id for r in site.registry.list("roles") if wanted & set(r.permissions)]


def permissions_of(site: Site, roles: list[str]) -> frozenset[str]:
    """Join the rights of roles; a role that no pack defines any more carries none."""
    found = (site.registry.find("roles", role) for role in roles)
    return frozenset(p for role in found if role is not None for p in role.permissions)
