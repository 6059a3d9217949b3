"""A company of two sites, each with a hall: the ground of tests about one site beside another.

It must not open databases or make people.
"""

from qtcore.services.master import MasterInput, get_master, save_master
from qtcore.services.site import Site
from qtcore.testing.builders import a_party, an_item


def furnish(site: Site) -> None:
    """Make the sites EAST and WEST with a hall each, a supplier and what it delivers."""
    for code in ("EAST", "WEST"):
        a_party(site, code, "site")
        with site.store.read() as session:
            party = get_master(session, site.store.tenant_id, "party", code)
        values = {"kind": "plant", "party_id": party.id}
        entry = MasterInput("location", f"{code}-HALL", code, values=values)
        save_master(site, site.system_context(), entry)
    an_item(site, "MILK")
    a_party(site, "FARM")
