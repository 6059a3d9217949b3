"""The page of what waits for one's signature: many records, one gesture, one signature for each.

It must not decide what can be signed.
"""

from collections.abc import Sequence
from urllib.parse import quote

from qtcore.errors import Conflict, InputRejected, Refused
from qtcore.http.call import Call
from qtcore.http.pages.mistakes import word_code, word_error
from qtcore.http.pages.signing import begin_signing
from qtcore.http.pages.visits import Page, Seen, page
from qtcore.services.sign_intents import Act
from qtcore.services.to_sign import list_signed_steps, read_to_sign

_ADDRESS = "/to-sign"


@page("GET", "/to-sign")
def show(call: Call) -> Seen:
    """List what waits for one step, what can be signed and why the rest cannot."""
    return _page(call, call.word("step"), ())


@page("POST", "/to-sign")
def choose(call: Call) -> Seen:
    """Freeze all that was chosen and go to its sheet; one that cannot be signed stops them all."""
    key, names = call.field("step"), call.form.get("thing", [])
    try:
        step = read_to_sign(call.site, call.act(), key).step
        acts = [Act(step.kind, name, step.transition.id, call.field("reason")) for name in names]
        return begin_signing(call, acts, f"{_ADDRESS}?step={quote(key)}")
    except (InputRejected, Refused, Conflict) as error:
        return _page(call, key, word_error(call, error))


def _page(call: Call, key: str, mistakes: Sequence[str]) -> Seen:
    steps = list_signed_steps(call.site, call.act())
    wanted = key or (steps[0].key if steps else "")
    found = read_to_sign(call.site, call.act(), wanted) if wanted else None
    reasons = {
        row.uid: [word_code(call, r.code, f"{r.message} ({r.fix})" if r.fix else r.message)
                  for r in row.refusals]
        for row in (found.rows if found else ())
    }  # fmt: skip
    data = {
        "steps": steps,
        "found": found,
        "reasons": reasons,
        "chosen": call.form.get("thing", []) if mistakes else [],
        "reason": call.field("reason") if mistakes else "",
        "mistakes": [{"message": text, "href": ""} for text in mistakes],
        "done": call.word("done"),
    }
    return Page("to_sign.html", data, 400 if mistakes else 200)


ROUTES = (show, choose)
