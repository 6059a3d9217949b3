"""Printed documents in the API: which there are, and one filled in.

It must not know templates.
"""

from qtcore.http.api.inputs import DocumentQuery
from qtcore.http.api.operations import Sent, operation, plain_json
from qtcore.http.call import Call
from qtcore.http.idempotency import Answer
from qtcore.services.printing import list_documents, print_document


@operation(
    "GET",
    "/documents",
    summary="List the documents that can be printed",
    answer="DocumentList",
    query=DocumentQuery,
)
def list_all(call: Call, sent: Sent) -> Answer:
    """List the documents of the packs."""
    return Answer({"items": list_documents(call.site, call.act(), sent.query.subject)})


@operation(
    "GET",
    "/documents/{document_id:str}/{subject_id:str}",
    summary="Fill a document with a lot, record, recall or shipment",
    answer="Document",
)
def show(call: Call, _: Sent) -> Answer:
    """Give the page with the fingerprint of its definition and the place in the ledger."""
    made = print_document(
        call.site, call.act(), call.params["document_id"], call.params["subject_id"]
    )
    return Answer(plain_json(made.as_json()))


ROUTES = (list_all, show)
