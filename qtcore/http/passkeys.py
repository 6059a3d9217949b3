"""Passkeys of a request: for whom they are here, and what a browser's one answered.

It must not know pages, nor what is signed.
"""

import json
from collections.abc import Mapping
from typing import Any

from qtcore.errors import InputRejected
from qtcore.http.call import Call
from qtcore.services.factors import RelyingParty, relying_party


def party_of(call: Call) -> RelyingParty | None:
    """Say for whom passkeys are here; None where the site has no public address."""
    try:
        return relying_party(call.site, call.host)
    except InputRejected:
        return None


def read_passkey(call: Call) -> tuple[Mapping[str, Any], RelyingParty] | None:
    """Read what a browser's passkey answered, and for whom; None without an answer."""
    text = call.field("passkey")
    if not text:
        return None
    party = relying_party(call.site, call.host)
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputRejected("the passkey's answer is not JSON; try again") from error
    if not isinstance(answer, dict):
        raise InputRejected("the passkey's answer is not an object; try again")
    return answer, party
