"""Passkeys of a request: for whom they are here, and what a browser's one answered.

It must not know pages, nor what is signed.
"""

import json
from collections.abc import Mapping
from typing import Any

from qtcore.errors import CannotVerify, InputRejected
from qtcore.http.call import Call
from qtcore.services.factors import RelyingParty, relying_party


def party_of(call: Call) -> RelyingParty | None:
    """Say for whom passkeys are here; None where the site has no public address."""
    try:
        return relying_party(call.site, call.host)
    except InputRejected:
        return None


def require_party(call: Call) -> RelyingParty:
    """Say for whom a passkey's answer is; raises CannotVerify where that cannot be known.

    An answer that was given is judged or refused, never left aside for another proof beside it.
    """
    try:
        return relying_party(call.site, call.host)
    except InputRejected as error:
        said = f"the passkey's answer cannot be verified now: {error.message}"
        raise CannotVerify(said) from error


def read_passkey(call: Call) -> tuple[Mapping[str, Any], RelyingParty] | None:
    """Read what a browser's passkey answered, and for whom; None without an answer.

    Raises InputRejected for what is no answer, CannotVerify as `require_party` does.
    """
    text = call.field("passkey")
    if not text:
        return None
    party = require_party(call)
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputRejected("the passkey's answer is not JSON; try again") from error
    if not isinstance(answer, dict):
        raise InputRejected("the passkey's answer is not an object; try again")
    return answer, party
