"""Delegations in the API: make one, list them, end one.

It must not know what a delegate does with it.
"""

from qtcore.http.api.inputs import DelegationBody, DelegationQuery, ReasonBody
from qtcore.http.api.operations import PREFIX, Sent, operation, plain_json
from qtcore.http.call import Call
from qtcore.http.idempotency import Answer
from qtcore.services.delegations import (
    DelegationInput,
    list_delegations,
    make_delegation,
    revoke_delegation,
)


@operation(
    "GET",
    "/delegations",
    summary="List who lets whom act for them, newest first",
    answer="DelegationList",
    query=DelegationQuery,
)
def list_all(call: Call, sent: Sent) -> Answer:
    """List delegations: your own, or all for who manages users."""
    found = list_delegations(call.site, call.act(), login=sent.query.login)
    return Answer(plain_json({"items": found}))


@operation(
    "POST",
    "/delegations",
    summary="Let one person act for another, for a time",
    answer="Delegation",
    status=201,
    body=DelegationBody,
)
def make(call: Call, sent: Sent) -> Answer:
    """Make a delegation."""
    body: DelegationBody = sent.body
    made = make_delegation(call.site, call.act(), DelegationInput(**body.model_dump()))
    return Answer(plain_json(made), 201, f"{PREFIX}/delegations")


@operation(
    "POST",
    "/delegations/{delegation_id:str}/revoke",
    summary="End a delegation now, with the reason",
    answer="Delegation",
    body=ReasonBody,
)
def revoke(call: Call, sent: Sent) -> Answer:
    """End a delegation."""
    uid = call.params["delegation_id"]
    return Answer(plain_json(revoke_delegation(call.site, call.act(), uid, sent.body.reason)))


ROUTES = (list_all, make, revoke)
