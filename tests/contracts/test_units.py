from decimal import Decimal

import pytest

from qtcore.errors import InputRejected
from qtcore.registry.load import load_registry
from qtcore.registry.registry import Registry


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(packs=[]).get_registry()


@pytest.mark.parametrize(
    ("quantity", "source", "target", "expected"),
    [
        ("1.50", "kg", "g", "1500"),
        ("1", "g", "kg", "0.001"),
        ("2", "KGM", "千克", "2"),
        ("3", "[lb_av]", "mg", "1360777.11"),
        ("7.0", "{count}", "{count}", "7.0"),
        ("-0.5", "L", "mL", "-500"),
    ],
)
def test_units_convert_exactly(registry, quantity, source, target, expected):
    found = registry.convert(Decimal(quantity), source, target)
    assert found == Decimal(expected)
    assert registry.convert(found, target, source) == Decimal(quantity)


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("kg", "L", r"\(mass\) cannot be converted to 'L' \(volume\)"),
        ("kgg", "kg", "did you mean 'kg'"),
        ("g", "[lb_av]", "is no exact number"),
        ("{box}", "{count}", "cannot be converted"),
    ],
    ids=["other dimension", "unknown unit", "does not end", "no factor declared"],
)
def test_what_does_not_convert_exactly_is_refused(registry, source, target, said):
    with pytest.raises(InputRejected, match=said):
        registry.convert(Decimal(1), source, target)


def test_an_unknown_unit_is_not_found(registry):
    assert registry.unit("furlong") is None
    assert registry.unit("KGM").id == "kg"
