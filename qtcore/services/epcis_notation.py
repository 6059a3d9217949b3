"""Keys of documents that go out, in the notation asked for: as sent, Digital Links, EPC URNs.

It must not know files nor HTTP.
"""

from collections.abc import Iterable
from typing import Any, Final

from sqlmodel import Session

from qtcore.builtin.epcis.links import (
    Urns,
    as_digital_links,
    companies_in,
    links_in,
    starts_of,
)
from qtcore.services.site import Site
from qtcore.store.queries.epcis import is_begun

AS_SENT: Final = "as_sent"
DIGITAL_LINK: Final = "digital_link"
URN: Final = "urn"
KEY_NOTATIONS: Final = (AS_SENT, DIGITAL_LINK, URN)
_STARTS: Final = tuple(
    f"urn:epc:{each}:"
    for each in """id:sgtin idpat:sgtin class:lgtin id:sscc id:sgln id:pgln id:grai id:giai id:gsrn
    id:gdti id:cpi id:itip""".split()
)
_SHOWN: Final = 5


def write_keys(
    site: Site, document: dict[str, Any], notation: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Give a copy with its keys in a notation, and the keys that cannot be written so.

    How long the company prefix of a Digital Link is, the URNs of the document and of what is
    stored tell; nothing else does.
    """
    if notation == AS_SENT:
        return document, ()
    if notation == DIGITAL_LINK:
        return dict(as_digital_links(document)), ()
    companies = set(companies_in(document))
    with site.store.read() as session:
        for digits in sorted(set(links_in(document))):
            starts = starts_of(digits)
            if companies.isdisjoint(starts):
                companies.update(s for s in starts if _is_company(session, site.store.tenant_id, s))
    urns = Urns(frozenset(companies))
    return dict(urns.write(document)), tuple(sorted(urns.unknown))


def _is_company(session: Session, tenant_id: int, digits: str) -> bool:
    return is_begun(session, tenant_id, [f"{start}{digits}." for start in _STARTS])


def unknown_companies(keys: Iterable[str]) -> str:
    """Say which keys have no URN, and why."""
    listed = list(keys)
    some = ", ".join(listed[:_SHOWN])
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return (
        f"{some}{more}: no URN, because nothing stored tells how long the company prefix is; ask "
        "for Digital Links, or capture one event that names a key of this company as a URN"
    )
