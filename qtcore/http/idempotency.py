"""The Idempotency-Key header: a request sent again gets the same answer, not a second effect.

It must not know what a request does. A refused request had no effect and frees its key.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from qtcore.errors import Conflict, Fault, InputRejected, QTCoreError
from qtcore.http.call import Call
from qtcore.http.json_body import read_json
from qtcore.services.idempotency import MAX_KEY, claim_key, free_key, keep_answer

SECRETS = frozenset({"password"})
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


def request_hash(call: Call) -> str:
    """Hash what a request asks for, without its password.

    A plain hash of a body with a password would let whoever reads the database guess it quickly.
    """
    body = read_json(call.body) if call.body else None
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name not in SECRETS}
    told = [call.method, call.path, call.query_string, body]
    return sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a route answers: plain data, a status, and where the made thing is.

    One that `is_secret` is shown once and never kept, not even for a request sent again.
    """

    content: dict[str, Any]
    status: int = 200
    location: str = ""
    is_secret: bool = False


def answer_once(call: Call, run: Callable[[], Answer]) -> Answer:
    """Run a write once per key; without a key it simply runs."""
    key = call.idempotency_key
    if not key:
        return run()
    if not _KEY.fullmatch(key):
        text = (
            f"the Idempotency-Key must be 1 to {MAX_KEY} visible ASCII characters, such as a UUID"
        )
        raise InputRejected(text, [Fault("QT411", text, "Idempotency-Key")])
    site, context = call.site, call.act()
    kept = claim_key(site, context, key, request_hash(call))
    if kept is not None and not kept.answer:
        raise Conflict(
            f"the request with Idempotency-Key {key!r} took effect; its answer was a secret, which "
            "is shown once: ask for a new one with a new key"
        )
    if kept is not None:
        return Answer(kept.answer["content"], kept.status, kept.answer["location"])
    try:
        answer = run()
    except QTCoreError:
        free_key(site, context, key)
        raise
    told = {"content": answer.content, "location": answer.location}
    kept_as = {} if answer.is_secret else told
    keep_answer(site, context, key, status=answer.status, answer=kept_as)
    return answer
