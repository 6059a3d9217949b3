"""Records in the API: submit, read, correct, and move along their workflow.

It must not know any kind of record by name.
"""

from typing import Any

from qtcore.errors import NotFound
from qtcore.http.api.inputs import CorrectionBody, RecordBody, RecordQuery, StepBody
from qtcore.http.api.operations import PREFIX, Sent, operation, plain_json
from qtcore.http.call import Call
from qtcore.http.idempotency import Answer
from qtcore.services.record_views import RecordView, list_records, read_record
from qtcore.services.records import RecordInput, correct_record, submit_record
from qtcore.services.transitions import Step, fire_transition


@operation(
    "GET",
    "/records/{kind:str}",
    summary="List records of a kind, newest first",
    answer="RecordList",
    query=RecordQuery,
)
def list_all(call: Call, sent: Sent) -> Answer:
    """List records of a kind."""
    asked: RecordQuery = sent.query
    kind = call.site.registry.get("records", call.params["kind"]).id
    rows = list_records(call.site, call.act(), kind=kind, state=asked.state, limit=asked.limit)
    return Answer({"items": [_row(row) for row in rows]})


@operation(
    "POST",
    "/records/{kind:str}",
    summary="Submit a record, such as a deviation",
    answer="Record",
    status=201,
    body=RecordBody,
)
def submit(call: Call, sent: Sent) -> Answer:
    """Open a record in the first state of its workflow."""
    kind, body = call.params["kind"], sent.body
    view = submit_record(call.site, call.act(), kind, RecordInput(body.data, body.lots, body.title))
    where = f"{PREFIX}/records/{kind}/{view.record.uid}"
    return Answer(plain_json(view.as_json()), 201, where)


@operation(
    "GET",
    "/records/{kind:str}/{record_id:str}",
    summary="Show a record, by id or number",
    answer="Record",
)
def show(call: Call, _: Sent) -> Answer:
    """Show a record with its history."""
    return Answer(plain_json(_read(call).as_json()))


@operation(
    "POST",
    "/records/{kind:str}/{record_id:str}/corrections",
    summary="Change the values of a record, with the reason",
    answer="Record",
    body=CorrectionBody,
)
def correct(call: Call, sent: Sent) -> Answer:
    """Correct a record; the old values stay readable."""
    uid = _read(call).record.uid
    view = correct_record(call.site, call.act(), uid, sent.body.data, reason=sent.body.reason)
    return Answer(plain_json(view.as_json()))


@operation(
    "POST",
    "/records/{kind:str}/{record_id:str}/transitions/{transition:str}",
    summary="Make a step of a record's life cycle",
    answer="Step",
    body=StepBody,
)
def step(call: Call, sent: Sent) -> Answer:
    """Fire a transition of a record."""
    uid = _read(call).record.uid
    asked = Step(call.params["transition"], **sent.body.model_dump())
    made = fire_transition(call.site, call.act(), ("record", uid), asked)
    return Answer(dict(made.as_json()))


def _read(call: Call) -> RecordView:
    view = read_record(call.site, call.act(), call.params["record_id"])
    if view.record.kind != call.params["kind"]:
        raise NotFound(
            f"{view.record.number} is a {view.record.kind}, not a {call.params['kind']!r}"
        )
    return view


def _row(row: Any) -> dict[str, Any]:
    return {
        "record_id": row.uid,
        "kind": row.kind,
        "number": row.number,
        "title": row.title,
        "state": row.state,
        "priority": row.priority,
        "opened_at": row.opened_at.isoformat(),
        "opened_by": row.opened_by,
    }


ROUTES = (list_all, submit, show, correct, step)
