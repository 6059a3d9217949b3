"""What the food pack checks in Python because it concerns a shipment, not the release of one lot.

It must not know the store or any service; it sees frozen facts and answers with refusals.
"""

from collections.abc import Iterator
from datetime import date

from qtcore.pack import LotFacts, Refusal, ShipmentFacts, hookimpl

INDUSTRY = "food"
LISTED = ("listed", "contains_listed")
_SHIPPING = "21 CFR 1.1340(a)(1) and (7)"
_USE_BY = "Regulation (EU) No 1169/2011 Art. 24 (unverified)"


@hookimpl
def judge_shipment(shipment: ShipmentFacts) -> list[Refusal]:
    """Refuse listed food without a traceability lot code, and food past its use-by date."""
    food = [lot for lot in shipment.lots if lot.industry == INDUSTRY]
    on = shipment.ship_at.date()
    return [refusal for lot in food for refusal in (*_judge_code(lot), *_judge_date(lot, on))]


def _judge_code(lot: LotFacts) -> Iterator[Refusal]:
    if lot.fields.get("market") != "US" or lot.item_fields.get("ftl_status") not in LISTED:
        return
    missing = []
    if not lot.fields.get("tlc"):
        missing.append("traceability lot code")
    if not (lot.fields.get("tlc_source_location") or lot.fields.get("tlc_source_reference")):
        missing.append("lot code source")
    if missing:
        message = (
            f"lot {lot.lot_no} of {lot.item} is on the food traceability list and has no "
            + " and no ".join(missing)
        )
        fix = "Enter what is missing on the lot; the recipient must be given it."
        yield Refusal("FD-31", message, asked_by=INDUSTRY, fix=fix, source=_SHIPPING)


def _judge_date(lot: LotFacts, on: date) -> Iterator[Refusal]:
    if lot.item_fields.get("date_mark") != "use_by" or lot.expiry_on is None:
        return
    if lot.expiry_on < on:
        message = f"lot {lot.lot_no} of {lot.item} was to be used by {lot.expiry_on}, before {on}"
        fix = "Take the lot out of the shipment; food past its use-by date is not sold."
        yield Refusal("FD-32", message, asked_by=INDUSTRY, fix=fix, source=_USE_BY)
