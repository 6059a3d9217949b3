"""Doors to other systems: EPCIS documents come in and go out.

It must not know the shape of a file; readers and writers do, and the writers of each format.
"""

from collections.abc import Sequence
from typing import Any

from qtcore.builtin.epcis.strict_json import write_json
from qtcore.builtin.epcis.writing import write_epcis
from qtcore.context import Context
from qtcore.services.epcis_capture import store_document
from qtcore.services.epcis_export import events_of, read_events_out
from qtcore.services.imports import ImportReport
from qtcore.services.nodes import resolve
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.services.veils import hidden_anywhere
from qtcore.store.queries.trace import reached_nodes

NamedFile = tuple[str, bytes]


def import_epcis(site: Site, context: Context, files: Sequence[NamedFile]) -> ImportReport:
    """Load EPCIS documents, also in gzip: each is stored whole, or refused with every fault.

    Loading a document again changes nothing. What is refused is in the report, never raised.
    """
    require(site, context, "import.run")
    report = ImportReport()
    for file in files:
        report += store_document(site, context, file).report
    return report


def export_epcis(site: Site, context: Context, *, lot: str = "") -> dict[str, Any]:
    """Write the events of a lot's whole chain (or all events) as an EPCIS 2.0 document.

    Numbers are Decimal, as they were typed: `export_text` writes them so. Raises NotFound.
    """
    require(site, context, "export.run", about=lot)
    tenant = site.store.tenant_id
    with site.store.read() as session:
        nodes: list[int] | None = None
        if lot:
            focus = [resolve(session, tenant, lot).node]
            chain = {
                node
                for direction in ("backward", "forward")
                for node in reached_nodes(session, tenant, focus, direction)
            }
            nodes = sorted(chain)
        rows = events_of(session, tenant, nodes)
        hidden = hidden_anywhere(site, context)
        return write_epcis(read_events_out(site, session, rows, hidden), context.at)


def export_text(document: dict[str, Any]) -> str:
    """Write an exported document as JSON text, every number with its digits."""
    return write_json(document)
