"""What an entry of the history holds, as people read it: names of fields, values in values.

It must not know any kind of thing by name.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from qtcore.http.texts import Texts
from qtcore.registry.registry import Registry

# What is nested deeper is shown as it stands: a list in a list in a list is not read by anybody.
_DEEPEST: Final = 6


@dataclass(frozen=True, slots=True)
class FieldWords:
    """Names the fields of things in one language."""

    registry: Registry
    texts: Texts
    language: str

    def name(self, kind: str, field: str) -> str:
        """Name a field of a thing or kind of record; nothing where it has no words."""
        record = self.registry.find("records", kind)
        place = f"forms.{record.form}.fields" if record else f"fields.{kind}"
        told = self.registry.find_text(f"{place}.{field}", self.language)
        return told or self.texts.find(f"ledger_fields.{field}", self.language) or ""


def unfold(value: Any) -> Any:
    """Give the lists and mappings that an entry keeps as JSON text; all else as it is."""
    if isinstance(value, str):
        if value[:1] not in ("{", "["):
            return value
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return found if _is_shallow(found, _DEEPEST) else value
    return value if _is_shallow(value, _DEEPEST) else json.dumps(value, ensure_ascii=False)


def _is_shallow(value: Any, left: int) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return left > 0 and all(_is_shallow(part, left - 1) for part in parts)
