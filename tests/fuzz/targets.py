"""What is fed with arbitrary bytes: each target reads them and asserts what must always hold.

It must not know who makes the bytes: Hypothesis in the everyday suite, atheris in the long runs.
"""

import base64
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any, Final

from qtcore.builtin.epcis.reading import read_epcis
from qtcore.builtin.gs1.elements import read_raw, write_raw
from qtcore.builtin.gs1.reading import read_code
from qtcore.builtin.tabular.mapping import Mapping as TableMapping
from qtcore.builtin.tabular.reading import read_table
from qtcore.engines.expressions import BOOLEAN, DATE, DECIMAL, TEXT, check, evaluate
from qtcore.engines.ledger import CanonicalError, NoteError, canonical_bytes, key_of, read_canonical
from qtcore.engines.ledger.note import open_note
from qtcore.offline.qtcore_verify import FileError, Trust, judge, read_file, read_key
from qtcore.services.audit import seal
from qtcore.services.proving import Asked, prove_lot
from qtcore.testing import a_context, a_received_lot, a_site
from tests.unit.test_tabular_reading import a_mapping

NAMES: Final = {"ok": BOOLEAN, "n": DECIMAL, "m": DECIMAL, "name": TEXT, "day": DATE}


def read_gs1(data: bytes) -> None:
    """A code in any notation is read or refused; what is accepted is written and read alike."""
    found = read_code(data.decode("utf-8", "replace"))
    assert found.is_accepted or found.problems
    if found.is_accepted and found.elements:
        again = read_raw(write_raw(found.elements))
        assert (again.listed, again.problems) == (found.elements, ())


@cache
def _mapping() -> TableMapping:
    return a_mapping()


def read_csv(data: bytes) -> None:
    """A table is read or refused; every refusal says something."""
    found = read_table([("batches.csv", data)], _mapping())
    assert all(each.message for each in (*found.faults, *found.notes))


def read_epcis_xml(data: bytes) -> None:
    """An EPCIS document, whatever its notation, is read or refused with a place."""
    found = read_epcis(data, "document.xml")
    assert not (found.events and found.faults)
    assert all(each.message for each in found.faults)


def read_expression(data: bytes) -> None:
    """An expression compiles or has a problem; one that compiles decides true, false or unknown."""
    compiled, problems = check(data.decode("utf-8", "replace"), NAMES)
    assert (compiled is None) == any(each for each in problems)
    if compiled is not None:
        assert evaluate(compiled, {}).value in (True, False, None)


def read_canonical_bytes(data: bytes) -> None:
    """What is read as canonical is written with the same bytes; any JSON settles at once."""
    with suppress(CanonicalError):
        assert canonical_bytes(read_canonical(data)) == data
    try:
        value = json.loads(data, parse_float=lambda _: None)
        once = canonical_bytes(value)
    except (ValueError, RecursionError):  # CanonicalError is a ValueError
        return
    assert canonical_bytes(read_canonical(once)) == once


@cache
def _proof() -> tuple[bytes, str, frozenset[bytes]]:
    """A proof file, the key it is checked with, and the events that it proves."""
    with a_site(packs=["food"]) as site:
        lot = a_received_lot(site)
        seal(site)
        told = prove_lot(site, a_context(site, ("auditor",)), lot.uid, Asked()).as_json()
        vkey = key_of(site.signer.name, site.signer.private_key).vkey
    heads = frozenset(base64.b64decode(each["head"]) for each in told["events"])
    return json.dumps(told).encode(), vkey, heads


def bend(data: bytes, original: bytes) -> bytes:
    """Change an original at the places the data says: three bytes choose one, a fourth is put."""
    bent = bytearray(original)
    for at in range(0, min(len(data), 40) - 3, 4):
        bent[int.from_bytes(data[at : at + 3]) % len(bent)] = data[at + 3]
    return bytes(bent)


def read_proof(data: bytes) -> None:
    """A proof that was tampered with proves nothing that was not in the log."""
    original, vkey, heads = _proof()
    _judge(data, vkey, heads)
    _judge(bend(data, original), vkey, heads)
    with suppress(NoteError):
        open_note(data.decode("utf-8", "replace"), ())


def _judge(content: bytes, vkey: str, heads: frozenset[bytes]) -> None:
    try:
        file = read_file(content)
        verdict = judge(file, Trust([read_key(vkey)]))
    except FileError:  # also of a note inside: "cannot be judged" is an answer, and no proof
        return
    assert all(file.events[at].head in heads for at in verdict.proven)


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "gs1": read_gs1,
    "csv": read_csv,
    "epcis": read_epcis_xml,
    "expression": read_expression,
    "canonical": read_canonical_bytes,
    "proof": read_proof,
}


@cache
def seeds() -> dict[str, list[bytes]]:
    """Give a few inputs of each kind to begin with."""
    xml = (
        b'<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:2" schemaVersion="2.0" '
        b'creationDate="2026-01-01T00:00:00Z"><EPCISBody><EventList><ObjectEvent><eventTime>'
        b"2026-01-01T00:00:00Z</eventTime><eventTimeZoneOffset>+00:00</eventTimeZoneOffset>"
        b"<epcList><epc>urn:epc:id:sgtin:0614141.107346.2017</epc></epcList><action>OBSERVE"
        b"</action></ObjectEvent></EventList></EPCISBody></epcis:EPCISDocument>"
    )
    found: dict[str, Any] = {
        "gs1": ["(01)09501101530003(10)A1", "]d20109501101530003\x1d10A1", "^0109501101530003",
                "https://id.gs1.org/01/09501101530003/10/A1", "urn:epc:id:sscc:0614141.1234567890",
                "3074257BF7194E4000001A85"],
        "csv": ["batch;made;farm;lot;kg;water;grade\n1;maj.19;north;007;12.50;1.50;1\n"],
        "epcis": [xml, '{"type": "EPCISDocument", "schemaVersion": "2.0", "epcisBody": {}}'],
        "expression": ["ok and n + m > 0.3", "name in ['a', 'b'] or day > date('2026-01-01')",
                       "round_half_up(n, 2) == m"],
        "canonical": ['{"a":1,"b":["x",null,true]}', '"\\u00e9"', "[[[]]]", "9007199254740991"],
        "proof": [b"", bytes(range(40)), _proof()[0][:400]],
    }  # fmt: skip
    return {
        name: [each.encode() if isinstance(each, str) else each for each in listed]
        for name, listed in found.items()
    }
