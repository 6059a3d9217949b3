"""From the finished goods store to the customer: cases, pallets with their SSCC, shipments.

It must not know how a lot was made or why it was released.
"""

from decimal import Decimal
from typing import Any

from qtcore.demo.data import as_decimal, filled
from qtcore.demo.story import Act, Held, Story
from qtcore.services.events import Line
from qtcore.services.nodes import LotRef

COMPANY_PREFIX = "6990000"
CASES_PER_PALLET = 2


def sscc(number: int) -> str:
    """Make the serial shipping container code of a number, with its GS1 check digit."""
    body = f"0{COMPANY_PREFIX}{number:09d}"
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(body))
    return f"{body}{-total % 10}"


def ship_lot(story: Story, plant: dict[str, Any], lot: Held, number: int) -> None:
    """Ship one pallet to each of two customers; what does not fit stays in stock."""
    customers = plant["customers"]
    for turn in range(2):
        amount = min(lot.left, as_decimal(plant["packs_per_pallet"]))
        # The first lot of a product travels in cases on the pallet, so that both ways are shown.
        pallet = _pack(story, plant, lot, amount, in_cases=number == 1)
        lot.left -= amount
        _ship(story, plant, pallet, customers[(number + turn) % len(customers)])


def _pack(
    story: Story, plant: dict[str, Any], lot: Held, amount: Decimal, *, in_cases: bool
) -> LotRef:
    pallet = _new_unit(story)
    if not in_cases:
        _fill(story, plant, pallet, [Line(lot.ref(), "child", amount, lot.unit)])
        return pallet
    share = amount / CASES_PER_PALLET
    cases = []
    for _ in range(CASES_PER_PALLET):
        case = _new_unit(story)
        _fill(story, plant, case, [Line(lot.ref(), "child", share, lot.unit)])
        cases.append(case)
    _fill(story, plant, pallet, [Line(case, "child") for case in cases])
    return pallet


def _new_unit(story: Story) -> LotRef:
    story.units += 1
    code = sscc(story.units)
    return LotRef(kind="logistic_unit", lot_no=code, others=(("sscc", code),))


def _fill(story: Story, plant: dict[str, Any], unit: LotRef, children: list[Line]) -> None:
    values = {"line": "Pack out", "print_checked": True, "checked_by": "刘洋"}
    act = Act("operator", "packing", plant["goods"], values=values)
    story.record(act, [*children, Line(unit, "parent")])


def _ship(story: Story, plant: dict[str, Any], pallet: LotRef, customer: str) -> None:
    blanks = {"note": story.note_no(), "lot": pallet.lot_no}
    values = filled(plant["ship_values"], blanks)
    if customer == "CUS-PACIFIC":
        values["recipient_location"] = "DC-PACIFIC"
    act = Act("warehouse", plant["ship"], plant["goods"], party=customer, values=values)
    story.record(act, [Line(pallet, "subject")])
