"""The declared units as the expression engine uses them, by every spelling.

It must not know expressions in definitions.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType

from qtcore.definitions.access import UnitDefinition
from qtcore.engines.expressions import Unit


def unit_table(units: Iterable[UnitDefinition]) -> Mapping[str, Unit]:
    """Make the table; a code wins over another unit's alias, an alias over an id."""
    listed = list(units)
    spelled: dict[str, UnitDefinition] = {}
    for words in ((lambda u: (u.code,)), (lambda u: u.aliases), (lambda u: (u.id,))):
        for unit in listed:
            for word in words(unit):
                spelled.setdefault(word, unit)
    by_dimension: dict[str, list[tuple[str, Decimal]]] = {}
    for word, unit in spelled.items():
        by_dimension.setdefault(unit.dimension, []).append((word, unit.factor))
    made = {
        unit.id: Unit(unit.code, unit.dimension, unit.factor, tuple(by_dimension[unit.dimension]))
        for unit in listed
        if unit.dimension in by_dimension
    }
    return MappingProxyType({word: made[unit.id] for word, unit in spelled.items()})
