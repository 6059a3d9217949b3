"""Delegations in the API: make one with its signature, list them, end one.

It must not know what a delegate does with it.
"""

from qtcore.http.api.inputs import DelegationQuery, ReasonBody
from qtcore.http.api.operations import PREFIX, Sent, operation, plain_json
from qtcore.http.api.signing_inputs import DelegationBody, SignedDelegationBody
from qtcore.http.call import Call
from qtcore.http.idempotency import Answer
from qtcore.http.passkeys import party_of
from qtcore.services.delegation_signing import make_delegation
from qtcore.services.delegations import DelegationInput, list_delegations, revoke_delegation
from qtcore.services.sign_intents import intend_delegation, view_intent
from qtcore.services.sign_proofs import Proof


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
    summary="Let one person act for another, for a time; signed with the password",
    answer="Delegation",
    status=201,
    body=SignedDelegationBody,
)
def make(call: Call, sent: Sent) -> Answer:
    """Make a delegation, with the signature of who makes it."""
    body: SignedDelegationBody = sent.body
    proof = Proof(body.password, body.login, body.code)
    made = make_delegation(call.site, call.act(), _wanted(body), proof)
    return Answer(plain_json(made), 201, f"{PREFIX}/delegations")


@operation(
    "POST",
    "/delegations/sign-intents",
    summary="Freeze a delegation that is to be signed, for one use within five minutes",
    answer="SignIntent",
    status=201,
    body=DelegationBody,
)
def intend(call: Call, sent: Sent) -> Answer:
    """Freeze the bytes of a delegation; it is signed as any other intent."""
    intent_id = intend_delegation(call.site, call.act(), _wanted(sent.body))
    view = view_intent(call.site, call.act(), intent_id, party_of(call))
    return Answer(plain_json(view.as_json()), 201, f"{PREFIX}/sign-intents/{intent_id}")


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


def _wanted(body: DelegationBody) -> DelegationInput:
    told = {name: getattr(body, name) for name in DelegationBody.model_fields}
    return DelegationInput(**told)


ROUTES = (list_all, make, intend, revoke)
