"""The names of EPCIS XML: which child is read or written in which way.

It must not read or write anything.
"""

import re
from collections.abc import Mapping
from typing import Final

EVENT: Final[Mapping[str, str]] = {
    **dict.fromkeys(("epcList", "childEPCs", "inputEPCList", "outputEPCList"), "texts"),
    **dict.fromkeys(
        ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"),
        "quantities",
    ),
    **dict.fromkeys(("bizTransactionList", "sourceList", "destinationList"), "typed"),
    **dict.fromkeys(("readPoint", "bizLocation", "persistentDisposition", "ilmd"), "object"),
    "sensorElementList": "sensors",
    "errorDeclaration": "error",
    "quantity": "number",  # of a QuantityEvent
}
QUANTITY: Final[Mapping[str, str]] = {"quantity": "number"}
ERROR: Final[Mapping[str, str]] = {"correctiveEventIDs": "texts"}
REPEATED: Final = frozenset(("set", "unset", "certificationInfo"))
"""Elements that may occur several times; in JSON they are one array."""

WRAPPERS: Final = frozenset(("extension", "baseExtension"))
"""What EPCIS 1.2 puts around elements of later versions."""
BY_ATTRIBUTES: Final = frozenset(("sensorElement", "sensorMetadata", "sensorReport"))
"""Elements that say what they say in attributes, whichever these are."""
OPEN: Final = frozenset(
    """ObjectEvent AggregationEvent TransactionEvent TransformationEvent AssociationEvent
    QuantityEvent ilmd errorDeclaration""".split()
)
"""Elements that may have attributes of other namespaces."""

ENTRIES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("epcList", "childEPCs", "inputEPCList", "outputEPCList"), "epc"),
    **dict.fromkeys(
        ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"),
        "quantityElement",
    ),
    "bizTransactionList": "bizTransaction",
    "sourceList": "source",
    "destinationList": "destination",
    "sensorElementList": "sensorElement",
    "correctiveEventIDs": "correctiveEventID",
}
"""What an entry of a list is called."""

NUMBERS: Final = frozenset(
    ("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue")
)
DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
"""How XML Schema writes xsd:decimal: without an exponent."""
NUMBER_TYPES: Final = frozenset(
    "integer int long short byte decimal double float nonNegativeInteger positiveInteger".split()
)
GS1_VOCABULARY: Final = (
    "https://gs1.org/voc/",
    "http://gs1.org/voc/",
    "https://www.gs1.org/voc/",
    "http://www.gs1.org/voc/",
)
