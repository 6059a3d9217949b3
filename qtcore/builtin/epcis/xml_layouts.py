"""Where each property of an event stands in EPCIS XML, 2.0 and 1.2.

It must not write anything. EPCIS 1.2 puts what came after 1.0 into elements named extension, in a
fixed order (EPCIS 1.2, 9.5); some of 2.0 has no place there at all.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from qtcore.builtin.epcis.strict_json import pointer
from qtcore.builtin.faults import ReadFault, listing

VERSIONS: Final = ("2.0", "1.2")
Parts = tuple[tuple[str, tuple[str, ...]], ...]
"""Wrapping element, empty for none, and the properties that stand in it in this order."""

_COMMON: Final = ("bizStep", "disposition", "readPoint", "bizLocation")
_END: Final = (
    "sourceList",
    "destinationList",
    "sensorElementList",
    "persistentDisposition",
    "ilmd",
)
_WHEN: Final = (
    *("eventTime", "recordTime", "eventTimeZoneOffset", "eventID"),
    *("errorDeclaration", "certificationInfo"),
)
_BOTH: Final = ("sourceList", "destinationList")
_OLD_WHEN: Final[Parts] = (
    ("", ("eventTime", "recordTime", "eventTimeZoneOffset")),
    ("baseExtension", ("eventID", "errorDeclaration")),
)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a version lays out its documents; `needed` are lists it wants even when empty."""

    version: str
    spaces: Mapping[str, str]
    events: Mapping[str, Parts]
    other: Parts
    needed: Mapping[str, str]
    header: tuple[str, ...] = ()
    wrapped: frozenset[str] = frozenset()

    def parts(self, kind: str) -> Parts:
        """Give the parts of an event; a type of another namespace has those of an aggregation."""
        return self.events.get(kind, self.other)


_HOLDING: Final = (
    ("", (*_WHEN, "parentID", "childEPCs", "action", *_COMMON, "bizTransactionList",
          "childQuantityList", *_END)),
)  # fmt: skip
NEW: Final = Layout(
    "2.0",
    {
        "EPCISDocument": "urn:epcglobal:epcis:xsd:2",
        "EPCISQueryDocument": "urn:epcglobal:epcis-query:xsd:2",
    },
    {
        "ObjectEvent": (("", (*_WHEN, "epcList", "action", *_COMMON, "bizTransactionList",
                              "quantityList", *_END)),),
        "TransactionEvent": (("", (*_WHEN, "bizTransactionList", "parentID", "epcList", "action",
                                   *_COMMON, "quantityList", *_END)),),
        "TransformationEvent": (("", (*_WHEN, "inputEPCList", "inputQuantityList", "outputEPCList",
                                      "outputQuantityList", "transformationID", *_COMMON,
                                      "bizTransactionList", *_END)),),
    },
    _HOLDING,
    {},
)  # fmt: skip
_OLD_HOLDING: Final[Parts] = (
    *_OLD_WHEN,
    ("", ("parentID", "childEPCs", "action", *_COMMON, "bizTransactionList")),
    ("extension", ("childQuantityList", *_BOTH)),
)
OLD: Final = Layout(
    "1.2",
    {
        "EPCISDocument": "urn:epcglobal:epcis:xsd:1",
        "EPCISQueryDocument": "urn:epcglobal:epcis-query:xsd:1",
    },
    {
        "ObjectEvent": (
            *_OLD_WHEN,
            ("", ("epcList", "action", *_COMMON, "bizTransactionList")),
            ("extension", ("quantityList", *_BOTH, "ilmd")),
        ),
        "AggregationEvent": _OLD_HOLDING,
        "TransactionEvent": (
            *_OLD_WHEN,
            ("", ("bizTransactionList", "parentID", "epcList", "action", *_COMMON)),
            ("extension", ("quantityList", *_BOTH)),
        ),
        "QuantityEvent": (
            *_OLD_WHEN,
            ("", ("epcClass", "quantity", *_COMMON, "bizTransactionList")),
        ),
        "TransformationEvent": (
            *_OLD_WHEN,
            ("", ("inputEPCList", "inputQuantityList", "outputEPCList", "outputQuantityList",
                  "transformationID", *_COMMON, "bizTransactionList", *_BOTH, "ilmd")),
        ),
    },
    _OLD_HOLDING,
    {"ObjectEvent": "epcList", "TransactionEvent": "epcList", "AggregationEvent": "childEPCs"},
    ("extension",),
    frozenset(("TransformationEvent",)),
)  # fmt: skip
LAYOUTS: Final[Mapping[str, Layout]] = {each.version: each for each in (NEW, OLD)}
KNOWN: Final = frozenset(
    name for _, names in (*_HOLDING, *(p for each in NEW.events.values() for p in each))
    for name in names
)  # fmt: skip
"""Every property that an event of EPCIS 2.0 may have."""


def untold(document: Mapping[str, Any], version: str) -> Iterator[ReadFault]:
    """Say what of a document has no place in a version: its events and their properties."""
    layout = LAYOUTS[version]
    if layout is NEW:
        return
    body = document["epcisBody"]
    at = "/epcisBody/eventList"
    for number, event in enumerate(body["eventList"]):
        kind, place = str(event.get("type", "")), pointer(at, number)
        if kind == "AssociationEvent":
            text = "an AssociationEvent has no place in EPCIS 1.2; export it as 2.0"
            yield ReadFault("QT715", text, place)
            continue
        told = {name for _, names in layout.parts(kind) for name in names}
        missing = sorted((event.keys() & KNOWN) - told)
        if missing:
            text = f"{listing(missing)} of an {kind} has no place in EPCIS 1.2; export it as 2.0"
            yield ReadFault("QT715", text, place)
