"""What the pharma pack checks in Python because no rule of a single lot can say it.

It must not know the store or any service; it sees frozen facts and answers with refusals.
"""

from collections.abc import Iterator
from datetime import date

from qtcore.pack import RecallFacts, Refusal, ShipmentFacts, hookimpl

INDUSTRY = "pharma"
RECALL_PLANS = ("cn_drug_", "us_drug")
_GDP = "EU GDP 2013/C 343/01 (unverified)"
_RECALL = "21 CFR 7.55 and 药品召回管理办法 (unverified)"


@hookimpl
def judge_shipment(shipment: ShipmentFacts) -> list[Refusal]:
    """Refuse medicines for a consignee without valid licence, and cold ones without a logger."""
    if not any(lot.industry == INDUSTRY for lot in shipment.lots):
        return []
    return [*_judge_licence(shipment), *_judge_cold_chain(shipment)]


@hookimpl
def judge_recall_closure(recall: RecallFacts) -> list[Refusal]:
    """Refuse to close a drug recall while goods are unaccounted for without an explanation."""
    if not recall.plan.startswith(RECALL_PLANS) or recall.is_mock:
        return []
    if not recall.unaccounted or recall.values.get("conclusion"):
        return []
    amount = f"{recall.unaccounted} {recall.unit}".rstrip()
    message = f"{amount} of what is recalled are neither returned, destroyed nor on hand"
    fix = (
        "Find the rest, or correct the record of the recall: its field 'Conclusion' explains why "
        "it cannot be recovered."
    )
    return [Refusal("PH-41", message, asked_by=INDUSTRY, fix=fix, source=_RECALL)]


def _judge_licence(shipment: ShipmentFacts) -> Iterator[Refusal]:
    valid_to = _read_date(shipment.fields.get("consignee_licence_valid_to"))
    if valid_to is None or valid_to >= shipment.ship_at.date():
        return
    message = (
        f"the licence of {shipment.customer} expired on {valid_to}, "
        f"before the shipment of {shipment.ship_at.date()}"
    )
    fix = "Obtain the renewed licence and enter its validity, or do not ship."
    yield Refusal("PH-31", message, asked_by=INDUSTRY, fix=fix, source=_GDP)


def _judge_cold_chain(shipment: ShipmentFacts) -> Iterator[Refusal]:
    if shipment.fields.get("logger_id") or shipment.fields.get("temperature_log"):
        return
    for lot in shipment.lots:
        if lot.industry == INDUSTRY and lot.item_fields.get("cold_chain") is True:
            message = f"lot {lot.lot_no} of {lot.item} is a cold-chain product without a logger"
            fix = "Put a temperature logger into the shipment and enter its number."
            yield Refusal("PH-32", message, asked_by=INDUSTRY, fix=fix, source=_GDP)


def _read_date(value: object) -> date | None:
    """Read a date as a form stores it; what is no date says nothing about the licence."""
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value)) if value else None
    except ValueError:
        return None
