"""EPCIS capture: events a second, validation included, against bare JSON parsing and schema check.

    python benchmarks/epcis.py [--events 2000] [--db URL] [--schema EPCIS-JSON-Schema.json]

`--db` takes an empty PostgreSQL database; without it SQLite in a temporary file. The schema is
GS1's, found beside the shared data unless it is named; without it only parsing is compared.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs

from qtcore.builtin.epcis.reading import read_epcis
from qtcore.services.interchange import import_epcis
from qtcore.services.site import Site, open_site

SHARED = Path(os.environ.get("QTCORE_SHARED_DATA", "../shared/data"))
SCHEMA = SHARED / "epcis/gs1/EPCIS-JSON-Schema.json"
CHAIN = 4
"""Events of one lot: commissioned, transformed, packed, shipped."""


def a_lot(number: int) -> list[dict[str, Any]]:
    """Tell the life of one lot in four events."""
    lot = f"urn:epc:class:lgtin:4012345.012345.L{number}"
    made = f"urn:epc:class:lgtin:4012345.054321.P{number}"
    pallet = f"urn:epc:id:sscc:4012345.{number:010d}"
    place = {"id": "urn:epc:id:sgln:4012345.00001.0"}

    def event(step: int, **parts: Any) -> dict[str, Any]:
        return {
            "eventID": f"urn:uuid:{number:08x}-0000-7000-8000-{step:012x}",
            "eventTime": f"2026-03-01T{step:02d}:{number % 60:02d}:00.000+01:00",
            "eventTimeZoneOffset": "+01:00",
            "bizLocation": place,
            "readPoint": place,
            **parts,
        }

    return [
        event(
            1, type="ObjectEvent", action="ADD", bizStep="commissioning", disposition="active",
            quantityList=[{"epcClass": lot, "quantity": 100, "uom": "KGM"}],
            ilmd={"cbvmda:lotNumber": f"L{number}", "cbvmda:itemExpirationDate": "2027-03-01"},
        ),
        event(
            2, type="TransformationEvent", bizStep="creating_class_instance",
            inputQuantityList=[{"epcClass": lot, "quantity": 100, "uom": "KGM"}],
            outputQuantityList=[{"epcClass": made, "quantity": 95.5, "uom": "KGM"}],
        ),
        event(
            3, type="AggregationEvent", action="ADD", bizStep="packing", parentID=pallet,
            childQuantityList=[{"epcClass": made, "quantity": 95.5, "uom": "KGM"}],
        ),
        event(
            4, type="ObjectEvent", action="OBSERVE", bizStep="shipping", disposition="in_transit",
            epcList=[pallet],
            bizTransactionList=[{"type": "po", "bizTransaction": f"urn:example:po:{number}"}],
            destinationList=[
                {"type": "owning_party", "destination": "urn:epc:id:pgln:0614141.00777"}
            ],
        ),
    ]  # fmt: skip


def a_document(events: int) -> bytes:
    """Make a document of whole lots."""
    told = [event for number in range(events // CHAIN) for event in a_lot(number)]
    document = {
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-01T10:00:00Z",
        "epcisBody": {"eventList": told},
    }
    return json.dumps(document).encode()


def seconds(run: Callable[[], object]) -> float:
    """Time one run."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def bare(data: bytes, schema: Path) -> float:
    """Parse and, where the schema is there, validate: what any receiver has to do at least."""
    if not schema.is_file():
        return seconds(lambda: json.loads(data))
    check = jsonschema_rs.validator_for(json.loads(schema.read_bytes()))

    def run() -> None:
        if not check.is_valid(json.loads(data)):
            sys.exit("the benchmark's own document breaks the schema")

    return seconds(run)


def capture(url: str, data: bytes) -> float:
    """Capture into an empty database."""
    site: Site = open_site(url, create=True)
    try:
        context = site.system_context()

        def run() -> None:
            report = import_epcis(site, context, [("bench", data)])
            if report.refused or not report.stored:
                sys.exit(f"nothing was measured: {report.as_json()}")

        return seconds(run)
    finally:
        site.close()


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--db", default="")
    parser.add_argument("--schema", type=Path, default=SCHEMA)
    asked = parser.parse_args()
    data = a_document(asked.events)
    count = asked.events // CHAIN * CHAIN
    parse = min(bare(data, asked.schema) for _ in range(3))
    read = min(seconds(lambda: read_epcis(data, "bench")) for _ in range(2))
    with tempfile.TemporaryDirectory() as folder:
        url = asked.db or f"sqlite:///{folder}/bench.db"
        stored = capture(url, data)
    rates = {name: round(count / took) for name, took in
             (("bare", parse), ("read_and_checked", read), ("captured", stored))}  # fmt: skip
    result = {
        "benchmark": "epcis",
        "database": url.partition(":")[0].partition("+")[0],
        "events": count,
        "bytes": len(data),
        "schema_checked": asked.schema.is_file(),
        "events_per_second": rates,
        "captured_to_bare": round(stored / parse, 1),
        "captured_to_read": round(stored / read, 1),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
