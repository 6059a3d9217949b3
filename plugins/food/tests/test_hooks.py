from datetime import UTC, date, datetime

import pytest

from qt_food import judge_shipment
from qtcore.pack import LotFacts, ShipmentFacts

SHIP_AT = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def a_shipment(
    *,
    industry: str = "food",
    market: str = "US",
    ftl_status: str = "listed",
    date_mark: str = "best_before",
    expiry_on: date | None = None,
    **fields: object,
) -> ShipmentFacts:
    lot = LotFacts(
        "1",
        "S-204",
        "RTE-SALAD",
        industry=industry,
        expiry_on=expiry_on,
        fields={"market": market, **fields},
        item_fields={"ftl_status": ftl_status, "date_mark": date_mark},
    )
    return ShipmentFacts("S1", "Green Shops", SHIP_AT, lots=(lot,))


def test_listed_food_does_not_leave_without_its_lot_code() -> None:
    refusals = judge_shipment(a_shipment())
    assert [refusal.code for refusal in refusals] == ["FD-31"]
    assert refusals[0].message == (
        "lot S-204 of RTE-SALAD is on the food traceability list and has no traceability lot code "
        "and no lot code source"
    )


def test_the_source_of_the_lot_code_is_missed_by_its_name() -> None:
    refusals = judge_shipment(a_shipment(tlc="TLC-1"))
    assert refusals[0].message.endswith("has no lot code source")


def test_food_past_its_use_by_date_does_not_leave() -> None:
    shipment = a_shipment(market="EU", date_mark="use_by", expiry_on=date(2026, 1, 4))
    assert [refusal.code for refusal in judge_shipment(shipment)] == ["FD-32"]


@pytest.mark.parametrize(
    "shipment",
    [
        pytest.param(a_shipment(tlc="T", tlc_source_location="PLANT"), id="code and location"),
        pytest.param(a_shipment(tlc="T", tlc_source_reference="0614141"), id="code and reference"),
        pytest.param(a_shipment(market="CN"), id="not for the US"),
        pytest.param(a_shipment(ftl_status="exempt"), id="exempt"),
        pytest.param(a_shipment(industry="pharma"), id="no food"),
        pytest.param(
            a_shipment(market="EU", date_mark="use_by", expiry_on=date(2026, 1, 5)),
            id="last day of use",
        ),
        pytest.param(
            a_shipment(market="EU", date_mark="best_before", expiry_on=date(2026, 1, 4)),
            id="best before is no ban",
        ),
    ],
)
def test_a_shipment_in_order_leaves(shipment: ShipmentFacts) -> None:
    assert judge_shipment(shipment) == []
