"""Scanned codes and written lot numbers in the API.

It must not know how a code is read.
"""

from qtcore.http.api.inputs import LotTextBody, ScanBody
from qtcore.http.api.operations import Sent, operation
from qtcore.http.call import Call
from qtcore.http.idempotency import Answer
from qtcore.services.lot_text import find_lots_in_text
from qtcore.services.scanning import scan


@operation(
    "POST",
    "/scan",
    summary="Read a scanned code and find what it means",
    answer="Scan",
    body=ScanBody,
)
def scan_code(call: Call, sent: Sent) -> Answer:
    """Give the verdict, the elements and the candidates; a bad code is an answer, not an error."""
    return Answer(scan(call.site, call.act(), sent.body.text).as_json())


@operation(
    "POST",
    "/lot-text",
    summary="Read free text of lot numbers and find the lots it names",
    answer="LotText",
    body=LotTextBody,
)
def read_lot_text(call: Call, sent: Sent) -> Answer:
    """Give lots, ranges and what stays open; an undecidable text is an answer, not an error."""
    body = sent.body
    found = find_lots_in_text(call.site, call.act(), body.text, item=body.item)
    return Answer(found.as_json())


ROUTES = (scan_code, read_lot_text)
