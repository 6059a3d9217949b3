"""People who sign in at a site, for tests: asked as a request would ask."""

from qtcore.context import Actor, Context
from qtcore.errors import NotSignedIn, TooManyTries
from qtcore.services.sessions import find_session, sign_in
from qtcore.services.site import Site
from qtcore.testing.builders import PASSWORD


def asking(site: Site, login: str, ip: str = "192.0.2.1") -> Context:
    return Context(Actor(login), site.sources.now(), site.sources.new_id(), ip=ip)


def enter(site: Site, login: str, password: str = PASSWORD, ip: str = "192.0.2.1") -> str:
    return sign_in(site, asking(site, login, ip), login, password, agent="Firefox/1 (Windows)")


def inside(site: Site, secret: str) -> Context:
    found = find_session(site, secret)
    at = site.sources.now()
    return Context(found.actor, at, site.sources.new_id(), session_id=found.session_id)


def told(site: Site, login: str, password: str, ip: str = "192.0.2.1") -> tuple[str, str]:
    try:
        enter(site, login, password, ip)
    except (NotSignedIn, TooManyTries) as error:
        return type(error).__name__, error.message
    return "in", ""
