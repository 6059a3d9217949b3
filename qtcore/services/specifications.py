"""Which specification applies to a lot, and what it says of a value.

It must not know where results come from.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

from qtcore.definitions.specs import Characteristic, SpecDefinition
from qtcore.registry.registry import Registry
from qtcore.services.site import Site
from qtcore.store.queries.nodes import NodeInfo


def spec_of(site: Site, info: NodeInfo) -> SpecDefinition | None:
    """Find the most specific specification: by item code, else by industry and item kind."""
    return find_spec(site.registry, info)


def find_spec(registry: Registry, info: NodeInfo) -> SpecDefinition | None:
    """Find the specification of a registry that applies to a lot; see `spec_of`."""
    specs = [s for s in registry.list("specs") if isinstance(s, SpecDefinition)]
    named = [s for s in specs if info.item_code in s.items]
    if named:
        return named[0]
    fitting = [
        s
        for s in specs
        if not s.items
        and (not s.industry or s.industry == info.industry)
        and (not s.kinds or info.item_kind in s.kinds)
        and (s.industry or s.kinds)
    ]
    return min(fitting, key=lambda s: (not s.industry, not s.kinds, s.id), default=None)


def find_characteristic(spec: SpecDefinition | None, name: str) -> Characteristic | None:
    """Find a characteristic of a specification by its id."""
    return next((c for c in (spec.characteristics if spec else ()) if c.id == name), None)


def verdict_of(characteristic: Characteristic | None, value: str) -> str:
    """Say pass, fail, or none when nothing limits the value. Limits are inclusive."""
    if characteristic is None:
        return "none"
    if characteristic.type == "choice":
        return "pass" if value in characteristic.accept else "fail"
    if characteristic.type == "boolean":
        return "pass" if value == "true" else "fail"
    try:
        number = Decimal(value)
    except InvalidOperation:
        return "fail"
    below = characteristic.lower is not None and number < characteristic.lower
    above = characteristic.upper is not None and number > characteristic.upper
    return "fail" if below or above else "pass"


def limits_json(characteristic: Characteristic | None) -> dict[str, Any]:
    """Freeze the limits that applied, to store with the result."""
    if characteristic is None:
        return {}
    return {
        "type": characteristic.type,
        "unit": characteristic.unit or "",
        "lower": None if characteristic.lower is None else str(characteristic.lower),
        "upper": None if characteristic.upper is None else str(characteristic.upper),
        "accept": list(characteristic.accept),
    }
