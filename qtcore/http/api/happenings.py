"""Events in the API: what happened.

It must not know genealogy.
"""

from qtcore.http.api.inputs import EventBody
from qtcore.http.api.operations import PREFIX, Sent, operation, plain_json
from qtcore.http.call import Call
from qtcore.http.idempotency import Answer
from qtcore.services.event_views import read_event
from qtcore.services.recording import record_event


@operation(
    "POST",
    "/events",
    summary="Record what happened",
    answer="Event",
    status=201,
    body=EventBody,
    also=200,
)
def add_event(call: Call, sent: Sent) -> Answer:
    """Record an event; 200 when the sender's id was stored before with equal content."""
    body: EventBody = sent.body
    stored = record_event(call.site, call.act(), body.as_event())
    content = read_event(call.site, call.act(), stored.event_id).as_json()
    status = 201 if stored.is_new else 200
    return Answer(
        plain_json({**content, "is_new": stored.is_new}),
        status,
        f"{PREFIX}/events/{stored.event_id}",
    )


@operation("GET", "/events/{event_id:str}", summary="Show one event", answer="Event")
def show_event(call: Call, _: Sent) -> Answer:
    """Show an event with its lines."""
    found = read_event(call.site, call.act(), call.params["event_id"])
    return Answer(plain_json(found.as_json()))


ROUTES = (add_event, show_event)
