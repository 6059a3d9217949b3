"""The names of persons by the logins that were kept with what they did.

It must not know what they did, nor who reads it.
"""

from collections.abc import Iterable

from qtcore.services.site import Site
from qtcore.store.queries.logins import names_by_login


def name_people(site: Site, logins: Iterable[str]) -> dict[str, str]:
    """Name who stands behind logins; a login that is no account's, or without a name, is itself."""
    asked = {login for login in logins if login}
    with site.store.read() as session:
        found = names_by_login(session, site.store.tenant_id, asked)
    return {login: found.get(login) or login for login in asked}
