"""Scanned codes in the API.

It must not know how a code is read.
"""

from qtcore.http.api.inputs import ScanBody
from qtcore.http.api.operations import Sent, operation
from qtcore.http.call import Call
from qtcore.http.idempotency import Answer
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


ROUTES = (scan_code,)
