"""Writes the keys of a document as Digital Links at id.gs1.org, for clients that ask for them.

It must not know what else an event says.
"""

from typing import Any, Final

from qtcore.builtin.gs1.keys import canonical_uri

_KEYS: Final = frozenset(
    """epcList childEPCs inputEPCList outputEPCList parentID epcClass id source destination
    bizTransaction transformationID""".split()
)


def as_digital_links(value: Any, name: str = "") -> Any:
    """Give a copy in which every GS1 key is a Digital Link; other names stay as they are."""
    if isinstance(value, dict):
        return {key: as_digital_links(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [as_digital_links(each, name) for each in value]
    return canonical_uri(value) if name in _KEYS and isinstance(value, str) else value
