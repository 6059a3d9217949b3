"""The history in the API: read it, and have it verified.

It must not know hashes.
"""

from qtcore.errors import Fault, InputRejected
from qtcore.http.api.inputs import LedgerQuery, VerifyBody
from qtcore.http.api.operations import Sent, operation, plain_json
from qtcore.http.call import Call
from qtcore.http.idempotency import Answer
from qtcore.services.audit import verify_history
from qtcore.services.ledger_search import LedgerSearch, search_ledger


@operation(
    "GET", "/ledger", summary="List ledger events, newest first", answer="Ledger", query=LedgerQuery
)
def list_all(call: Call, sent: Sent) -> Answer:
    """List what was done, by whom, when and why."""
    asked = LedgerSearch(**sent.query.model_dump())
    return Answer(plain_json(search_ledger(call.site, call.act(), asked).as_json()))


@operation(
    "POST",
    "/ledger/verify",
    summary="Re-hash the whole history and compare it with its seals",
    answer="Verified",
    body=VerifyBody,
)
def verify(call: Call, sent: Sent) -> Answer:
    """Verify the history; a broken one is an answer, not an error."""
    body: VerifyBody = sent.body
    if (body.size is None) != (body.root is None):
        text = "a witness is a size and a root; give both or neither"
        raise InputRejected(text, [Fault("QT411", text, "/size")])
    witness = (body.size, body.root) if body.size is not None and body.root is not None else None
    return Answer(plain_json(verify_history(call.site, call.act(), witness=witness).as_json()))


ROUTES = (list_all, verify)
