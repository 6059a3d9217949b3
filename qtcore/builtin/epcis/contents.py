"""What an event says, apart from how it is written: the hash by which a repetition is known.

It must not know the standard's own event hash, which is the identity of events without an id.
"""

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from qtcore.builtin.epcis.checks import read_time
from qtcore.builtin.epcis.strict_json import write_json
from qtcore.builtin.gs1 import canonical_identifier

_UNORDERED = frozenset(
    """epcList quantityList childEPCs childQuantityList inputEPCList inputQuantityList outputEPCList
    outputQuantityList bizTransactionList sourceList destinationList correctiveEventIDs""".split()
)
_NAMES = frozenset(
    """epcList childEPCs inputEPCList outputEPCList parentID epcClass id source destination
    bizTransaction transformationID""".split()
)
_TIMES = frozenset(("eventTime", "declarationTime"))
_NOT_CONTENT = frozenset(("recordTime", "@context"))


def content_hash(event: Mapping[str, Any]) -> str:
    """Hash an event: order of sets, number and key notation and time zone do not matter."""
    content = {k: _plain(k, v) for k, v in event.items() if k not in _NOT_CONTENT}
    return hashlib.sha256(write_json(content, sort_keys=True).encode()).hexdigest()


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(key, entry) for key, entry in value.items()}
    if isinstance(value, list):
        entries = [_plain(name, entry) for entry in value]
        if name in _UNORDERED:
            return sorted(entries, key=lambda entry: write_json(entry, sort_keys=True))
        return entries
    if isinstance(value, str):
        return _plain_text(name, value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value).normalize()
    return value


def _plain_text(name: str, value: str) -> str:
    if name in _NAMES:
        return canonical_identifier(value)[1]
    if name in _TIMES:
        moment = read_time(value)
        return value if moment is None else str(moment.timestamp())
    return value
