"""The company before the first day: people with accounts, partners, places, machines, items.

It must not know lots or events.
"""

from typing import Any

from qtcore.context import Context
from qtcore.demo.data import as_stored, read_data
from qtcore.services.accounts import NewUser, write_user
from qtcore.services.master import MasterInput, get_master, save_master
from qtcore.services.site import Site

_SECTIONS = (("parties", "party"), ("locations", "location"), ("equipment", "equipment"))
_OWN = ("code", "name", "zh", "extra", "party", "place")
_LINKS = (("party", "party", "party_id"), ("place", "location", "location_id"))


def found_company(site: Site, context: Context, password: str) -> None:
    """Make everybody and everything the story needs; all accounts share the password."""
    company = read_data("company")
    with site.store.write(context) as work:
        for person in company["people"]:
            user = NewUser(person["login"], person["name"], tuple(person["roles"]), password)
            write_user(site, work, user)
    for section, entity in _SECTIONS:
        for entry in company[section]:
            save_master(site, context, _master(entity, _linked(site, entry)))
    for entry in read_data("items")["items"]:
        save_master(site, context, _master("item", entry))


def _master(entity: str, entry: dict[str, Any]) -> MasterInput:
    return MasterInput(
        entity=entity,
        code=entry["code"],
        name=entry["name"],
        names={"en": entry["name"], "zh-CN": entry.get("zh", entry["name"])},
        values={key: value for key, value in entry.items() if key not in _OWN},
        extra=as_stored(entry.get("extra", {})),
    )


def _linked(site: Site, entry: dict[str, Any]) -> dict[str, Any]:
    """Put keys where the file names a party or a place by its code."""
    linked = dict(entry)
    with site.store.read() as session:
        for name, entity, column in _LINKS:
            if name in entry:
                linked[column] = get_master(session, site.store.tenant_id, entity, entry[name]).id
    return linked
