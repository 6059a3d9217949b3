"""What an entry of the history holds, as people read it: names of fields, values in values.

It must not know any kind of thing by name.
"""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import JSON

from qtcore.http.texts import Texts
from qtcore.registry.registry import Registry
from qtcore.store.columns import Row

# What is nested deeper is shown as it stands: a list in a list in a list is not read by anybody.
_DEEPEST: Final = 6
_NESTED: Final = frozenset({"array", "object"})


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

    def unfold(self, kind: str, field: str, value: Any) -> Any:
        """Give the lists and mappings that a field keeps as JSON; what was typed as it is."""
        if not isinstance(value, str) or value[:1] not in ("{", "["):
            return value
        if not self._is_nested(kind, field):
            return value
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return found if _is_shallow(found, _DEEPEST) else value

    def _is_nested(self, kind: str, field: str) -> bool:
        """Say whether a field holds lists or mappings: by its schema, else by its column."""
        record = self.registry.find("records", kind)
        form = self.registry.find("forms", record.form) if record else None
        fields = form.schema_.get("properties", {}) if form else self.registry.fields_of(kind)
        if field not in fields:
            return field in _json_columns()
        declared = fields[field].get("type", ())
        return not _NESTED.isdisjoint([declared] if isinstance(declared, str) else declared)


def shallow(value: Any) -> Any:
    """Give a nested value that can be read as it is; what is nested deeper as JSON."""
    return value if _is_shallow(value, _DEEPEST) else json.dumps(value, ensure_ascii=False)


@cache
def _json_columns() -> frozenset[str]:
    """Name the columns that hold JSON in every table that has them."""
    columns = [column for table in Row.metadata.sorted_tables for column in table.columns]
    typed = {each.name for each in columns if not isinstance(each.type, JSON)}
    return frozenset(each.name for each in columns) - typed


def _is_shallow(value: Any, left: int) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return left > 0 and all(_is_shallow(part, left - 1) for part in parts)
