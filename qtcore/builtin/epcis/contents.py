"""What an event says, apart from how it is written: by this a repetition is known.

It must not know what is stored.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from qtcore.builtin.epcis.strict_json import write_json


def content_hash(event: Mapping[str, Any], digest: str) -> str:
    """Give the event hash `digest` of an event; with an error declaration, a hash of both.

    The event hash leaves the declaration out, so that it stays the identity of its event.
    """
    declaration = event.get("errorDeclaration")
    if declaration is None:
        return digest
    text = f"{digest} {write_json(declaration, sort_keys=True)}"
    return hashlib.sha256(text.encode()).hexdigest()
