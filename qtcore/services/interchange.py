"""Doors to other systems: EPCIS documents come in and go out.

It must not know the shape of a file; readers and writers do, and the writers of each format.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from qtcore.builtin.epcis.links import names_in
from qtcore.builtin.epcis.strict_json import write_json
from qtcore.builtin.epcis.writing import entry_of, write_epcis
from qtcore.builtin.epcis.xml_layouts import VERSIONS, untold
from qtcore.builtin.epcis.xml_writing import write_xml
from qtcore.context import Context
from qtcore.errors import Fault, InputRejected
from qtcore.services.epcis_capture import store_document
from qtcore.services.epcis_export import events_of, read_events_out
from qtcore.services.epcis_masters import read_vocabularies
from qtcore.services.epcis_notation import AS_SENT, KEY_NOTATIONS, unknown_companies, write_keys
from qtcore.services.imports import ImportReport
from qtcore.services.nodes import resolve
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.services.veils import hidden_anywhere
from qtcore.store.queries.trace import reached_nodes

NamedFile = tuple[str, bytes]
NOTATIONS: Final = ("json", "xml")


def import_epcis(site: Site, context: Context, files: Sequence[NamedFile]) -> ImportReport:
    """Load EPCIS documents, also in gzip: each is stored whole, or refused with every fault.

    Loading a document again changes nothing. What is refused is in the report, never raised.
    """
    require(site, context, "import.run")
    report = ImportReport()
    for file in files:
        report += store_document(site, context, file).report
    return report


@dataclass(frozen=True, slots=True)
class ExportForm:
    """How events are written: `notation` is json or xml, `version` 2.0 or, of XML, 1.2.

    `keys` is as_sent, digital_link or urn. What the standard does not have raises InputRejected.
    """

    notation: str = "json"
    version: str = "2.0"
    keys: str = AS_SENT

    def __post_init__(self) -> None:
        for name, found, accepted in (
            ("format", self.notation, NOTATIONS),
            ("schema version", self.version, VERSIONS),
            ("notation of keys", self.keys, KEY_NOTATIONS),
        ):
            if found not in accepted:
                text = f"the {name} {found[:20]!r} is not offered; accepted: {', '.join(accepted)}"
                raise InputRejected(text, code="QT715")
        if self.notation == "json" and self.version != "2.0":
            text = f"EPCIS {self.version} has no JSON; ask for XML, or for version 2.0"
            raise InputRejected(text, code="QT715")


def export_epcis(
    site: Site, context: Context, *, lot: str = "", keys: str = AS_SENT
) -> dict[str, Any]:
    """Write the events of a lot's whole chain (or all events) as an EPCIS 2.0 document.

    What partners told of its things, places and parties goes along. Numbers are Decimal, as they
    were typed: `export_text` writes them so. Raises NotFound, and InputRejected when keys cannot
    be written in the notation asked for.
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
        hidden = hidden_anywhere(site, context)
        events = read_events_out(site, session, events_of(session, tenant, nodes), hidden)
        names = names_in([entry_of(event) for event in events]) if lot else None
        document = write_epcis(events, context.at, read_vocabularies(session, tenant, names))
    translated, unknown = write_keys(site, document, keys)
    if unknown:
        raise InputRejected(unknown_companies(unknown), code="QT715")
    return translated


def export_text(document: dict[str, Any], form: ExportForm = ExportForm()) -> str:
    """Write an exported document as text, every number with its digits.

    Raises InputRejected with every event that the version asked for has no place for.
    """
    if form.notation == "json":
        return write_json(document)
    faults = [Fault(f.code, f.message, f.where) for f in untold(document, form.version)]
    if faults:
        text = f"{len(faults)} events cannot be told in EPCIS {form.version}; nothing is written"
        raise InputRejected(text, faults, code="QT715")
    return write_xml(document, version=form.version)
