"""Signing in the API: freeze what is signed, look at it, prove who signs; read signatures.

It must not know what any step means.
"""

from qtcore.http.api.operations import PREFIX, Sent, operation, plain_json
from qtcore.http.api.signing_inputs import ActsBody, JustifyBody, ProofBody, SignatureQuery
from qtcore.http.call import Call
from qtcore.http.idempotency import Answer
from qtcore.http.passkeys import party_of, require_party
from qtcore.services.manifestations import list_signatures
from qtcore.services.overrides import justify_rules
from qtcore.services.sign_intents import Act, make_intent, sign_intent, view_intent
from qtcore.services.sign_proofs import Proof
from qtcore.services.vouching import Brought


@operation(
    "POST",
    "/sign-intents",
    summary="Freeze what is to be signed, for one use within five minutes",
    answer="SignIntent",
    status=201,
    body=ActsBody,
)
def make(call: Call, sent: Sent) -> Answer:
    """Freeze the bytes of each record that is to be signed."""
    body: ActsBody = sent.body
    acts = [
        Act(a.kind, a.id, a.transition, a.reason, a.values, a.expected_version) for a in body.acts
    ]
    intent_id = make_intent(call.site, call.act(), acts)
    view = view_intent(call.site, call.act(), intent_id, party_of(call))
    return Answer(plain_json(view.as_json()), 201, f"{PREFIX}/sign-intents/{intent_id}")


@operation(
    "GET", "/sign-intents/{intent_id:str}", summary="Show what would be signed", answer="SignIntent"
)
def show(call: Call, _: Sent) -> Answer:
    """Show an intent of one's own."""
    view = view_intent(call.site, call.act(), call.params["intent_id"], party_of(call))
    return Answer(plain_json(view.as_json()))


@operation(
    "POST",
    "/sign-intents/{intent_id:str}/sign",
    summary="Sign what an intent shows, all of it or nothing",
    answer="Signed",
    body=ProofBody,
)
def sign(call: Call, sent: Sent) -> Answer:
    """Check the proof and make the signed steps; the same intent gives the same answer again."""
    body: ProofBody = sent.body
    passkey = (body.passkey, require_party(call)) if body.passkey is not None else None
    brought = None
    if body.provider is not None:
        provider = call.site.providers.get(body.provider.provider)
        brought = Brought(provider.id, body.provider.id_token, call.act().at)
    proof = Proof(body.password, body.login, body.code, visit=brought)
    made = sign_intent(call.site, call.act(), call.params["intent_id"], proof, passkey=passkey)
    return Answer({"signed": plain_json(made)})


@operation(
    "GET",
    "/signatures",
    summary="List signatures, of one record or lot, with what they were given over",
    answer="SignatureList",
    query=SignatureQuery,
)
def list_all(call: Call, sent: Sent) -> Answer:
    """List signatures with whether they hold, and all that is needed to verify them elsewhere."""
    asked: SignatureQuery = sent.query
    found = list_signatures(call.site, call.act(), asked.about, limit=asked.limit)
    return Answer({"items": plain_json([each.with_proof() for each in found])})


@operation(
    "POST",
    "/lots/{lot_id:str}/justifications",
    summary="Sign why a lot may be released although rules object that may be justified",
    answer="Justified",
    status=201,
    body=JustifyBody,
)
def justify(call: Call, sent: Sent) -> Answer:
    """Justify an exception; another person releases the lot."""
    body: JustifyBody = sent.body
    asked = (body.rules, body.justification, Proof(body.password, body.login, body.code))
    made = justify_rules(call.site, call.act(), call.params["lot_id"], asked)
    return Answer({"signature_id": made}, 201)


ROUTES = (make, show, sign, list_all, justify)
