"""Scanning: what a code says, and which lots, units and logistic units it means.

It must not know pages or devices.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlmodel import Session

from qtcore.builtin.gs1.reading import Reading, read_code
from qtcore.context import Context
from qtcore.services.codes import find_read_nodes
from qtcore.services.nodes import candidate
from qtcore.services.rights import require
from qtcore.services.sight import keep_seen
from qtcore.services.site import Site
from qtcore.store.queries.nodes import NodeInfo, describe_nodes, find_nodes

OWN_CODE = "own"
"""The notation of a text that is no code of GS1 and names something here."""


@dataclass(frozen=True, slots=True)
class Scan:
    """The verdict on a code and what it means here; several matches are candidates."""

    reading: Reading
    matches: tuple[NodeInfo, ...] = ()

    @property
    def is_accepted(self) -> bool:
        """Say whether the code is sound."""
        return self.reading.is_accepted

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        matches = [{"kind": m.kind, **candidate(m)} for m in self.matches]
        return {**self.reading.as_json(), "matches": matches}


def scan(site: Site, context: Context, text: str) -> Scan:
    """Read a code and find what it means; an own code of a lot or unit is accepted as it stands."""
    require(site, context, "lot.read")
    reading = read_code(text)
    tenant = site.store.tenant_id
    with site.store.read() as session:
        # What is not seen here is no own code here either.
        found = _seen(site, context, session, find_nodes(session, tenant, text.strip()))
        if found and not reading.is_accepted:
            reading = replace(reading, notation=OWN_CODE, problems=())
        elif not found and reading.is_accepted:
            read = find_read_nodes(session, tenant, reading)
            found = _seen(site, context, session, read)
        return Scan(reading, found)


def _seen(
    site: Site, context: Context, session: Session, nodes: Sequence[int]
) -> tuple[NodeInfo, ...]:
    described = describe_nodes(session, site.store.tenant_id, nodes)
    found = [described[node] for node in nodes if node in described]
    return tuple(keep_seen(site, context, session, found))
