"""The demo's own data: read from YAML, with the blanks of a text filled in.

It must not know services.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from qtcore.definitions.source import read_yaml

_FOLDER = Path(__file__).resolve().parent / "data"


def read_data(name: str) -> Any:
    """Read one file of the demo; a mistake in it is ours and is raised."""
    file = _FOLDER / f"{name}.yaml"
    document = read_yaml(file.read_bytes(), file.name)
    if document.problems:
        raise ValueError(f"the demo's own data has a mistake: {document.problems[0]}")
    return document.value


def filled(values: Any, blanks: Mapping[str, str]) -> Any:
    """Fill ``{name}`` in every text of plain data."""
    if isinstance(values, Mapping):
        return {key: filled(value, blanks) for key, value in values.items()}
    if isinstance(values, list):
        return [filled(value, blanks) for value in values]
    if isinstance(values, str) and "{" in values:
        return values.format_map(blanks)
    return values


def as_stored(values: Any) -> Any:
    """Write decimals as text, as extra fields are stored."""
    if isinstance(values, Mapping):
        return {key: as_stored(value) for key, value in values.items()}
    if isinstance(values, list):
        return [as_stored(value) for value in values]
    return str(values) if isinstance(values, Decimal) else values


def as_decimal(value: object) -> Decimal:
    """Read a quantity of the demo's data."""
    return Decimal(str(value))
