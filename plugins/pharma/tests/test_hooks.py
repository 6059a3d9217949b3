from datetime import UTC, datetime
from decimal import Decimal

import pytest

from qt_pharma import judge_recall_closure, judge_shipment
from qtcore.pack import LotFacts, RecallFacts, ShipmentFacts

SHIP_AT = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def a_shipment(
    *, industry: str = "pharma", cold_chain: bool = False, **fields: object
) -> ShipmentFacts:
    lot = LotFacts("1", "A1", "INS", industry=industry, item_fields={"cold_chain": cold_chain})
    return ShipmentFacts("S1", "City Hospital", SHIP_AT, lots=(lot,), fields=fields)


def a_recall(
    *,
    plan: str = "cn_drug_2022",
    unaccounted: Decimal | None = Decimal(3),
    is_mock: bool = False,
    conclusion: str = "",
) -> RecallFacts:
    return RecallFacts(
        "R1",
        plan,
        "I",
        "reconciling",
        is_mock=is_mock,
        unaccounted=unaccounted,
        unit="kg",
        values={"conclusion": conclusion},
    )


def test_a_cold_chain_product_does_not_leave_without_a_logger() -> None:
    refusals = judge_shipment(a_shipment(cold_chain=True))
    assert [refusal.code for refusal in refusals] == ["PH-32"]
    assert "lot A1 of INS" in refusals[0].message


@pytest.mark.parametrize(
    "shipment",
    [
        pytest.param(a_shipment(cold_chain=True, logger_id="L7"), id="with a logger"),
        pytest.param(a_shipment(cold_chain=False), id="no cold chain"),
        pytest.param(a_shipment(industry="food", cold_chain=True), id="no medicine"),
        pytest.param(a_shipment(consignee_licence_valid_to="2026-01-05"), id="last day of licence"),
    ],
)
def test_a_shipment_in_order_leaves(shipment: ShipmentFacts) -> None:
    assert judge_shipment(shipment) == []


def test_no_medicine_goes_to_a_consignee_whose_licence_expired() -> None:
    refusals = judge_shipment(a_shipment(consignee_licence_valid_to="2026-01-04"))
    assert [refusal.code for refusal in refusals] == ["PH-31"]
    assert "2026-01-04" in refusals[0].message


def test_a_drug_recall_is_not_closed_over_missing_goods() -> None:
    refusals = judge_recall_closure(a_recall())
    assert [refusal.code for refusal in refusals] == ["PH-41"]
    assert "3 kg" in refusals[0].message


@pytest.mark.parametrize(
    "recall",
    [
        pytest.param(a_recall(unaccounted=Decimal(0)), id="all accounted for"),
        pytest.param(a_recall(conclusion="used up by patients"), id="explained"),
        pytest.param(a_recall(is_mock=True), id="mock"),
        pytest.param(a_recall(plan="cn_food"), id="no drug recall"),
    ],
)
def test_other_recalls_are_closed(recall: RecallFacts) -> None:
    assert judge_recall_closure(recall) == []
