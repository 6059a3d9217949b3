"""The signing sheet: what is signed, with which meaning, and the proof of who signs.

It must not know what any step means; what it shows is read from the very bytes that are signed.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from qtcore.errors import CannotVerify, Conflict, InputRejected, QTCoreError, Refused
from qtcore.http.call import Call
from qtcore.http.pages.leaving import send_away
from qtcore.http.pages.mistakes import word_code, word_error
from qtcore.http.pages.sessions import own_path
from qtcore.http.pages.visits import Page, Redirect, Seen, page
from qtcore.http.passkeys import party_of, read_passkey
from qtcore.http.rendering import show_time
from qtcore.services.sign_intents import (
    Act,
    NothingToSign,
    make_intent,
    nonce_of_intent,
    sign_intent,
    view_intent,
)
from qtcore.services.transitions import fire_transition
from qtcore.services.visits import Errand


def make_or_sign(call: Call, act: Act, back: str) -> Redirect:
    """Make a step that needs no signature; for one that does freeze it and go to its sheet.

    Raises as `make_intent` and `fire_transition` do.
    """
    try:
        return begin_signing(call, [act], back)
    except NothingToSign:
        made = fire_transition(call.site, call.act(), (act.kind, act.name), act.step)
    return Redirect(f"{back}?done={quote(made.transition)}")


def begin_signing(call: Call, acts: Sequence[Act], back: str) -> Redirect:
    """Freeze what is to be signed and go to its sheet; raises as `make_intent` does."""
    return sheet_of(make_intent(call.site, call.act(), acts), back)


def sheet_of(intent: str, back: str) -> Redirect:
    """Go to the sheet of an intent, and from there back."""
    return Redirect(f"/sign/{intent}?next={quote(back, safe='')}")


@page("GET", "/sign/{intent:str}")
def show(call: Call) -> Seen:
    """Show what is signed; an intent that was signed leads on to what was made."""
    return sheet(call, call.params["intent"], own_path(call.word("next") or "/"))


@page("POST", "/sign/{intent:str}/with/{provider:str}")
def go(call: Call) -> Seen:
    """Send the signer to the provider, to prove anew who they are, for what the sheet shows."""
    intent, provider = call.params["intent"], call.params["provider"]
    back = own_path(call.field("next") or "/")
    try:
        nonce = nonce_of_intent(call.site, call.act(), intent)
        errand = Errand("sign", back, intent, nonce, again=True)
        return send_away(call, call.act(), provider, errand)
    except (CannotVerify, InputRejected) as error:
        return sheet(call, intent, back, error)


@page("POST", "/sign/{intent:str}")
def sign(call: Call) -> Seen:
    """Check the proof, sign everything that is shown, and go back to where it began."""
    back = own_path(call.field("next") or "/")
    try:
        passkey = read_passkey(call)
        made = sign_intent(
            call.site, call.act(), call.params["intent"], call.proof, passkey=passkey
        )
    except (Refused, InputRejected, Conflict, CannotVerify) as error:
        return sheet(call, call.params["intent"], back, error)
    return signed(back, made)


def signed(back: str, made: Sequence[Mapping[str, Any]]) -> Redirect:
    """Go back to where the signing began, which tells what was done."""
    mark = "&" if "?" in back else "?"
    return Redirect(f"{back}{mark}done={quote(made[0]['transition'])}")


def sheet(call: Call, intent: str, back: str, error: QTCoreError | None = None) -> Seen:
    """Make the sheet of an intent, again with what went wrong; NotFound for that of another."""
    view = view_intent(call.site, call.act(), intent, party_of(call))
    if view.is_used and error is None:
        return Redirect(back)
    status = 200
    if error is not None:
        status = {CannotVerify: 503, Conflict: 409}.get(type(error), 400)
    return Page(
        "sign.html",
        {
            "view": view,
            "back": back,
            "shown": [_shown(call, each.content) for each in view.items],
            "refusals": [
                {"message": word_code(call, r.code, f"{r.message} ({r.fix})"), "href": ""}
                for r in view.refusals
            ],
            "mistakes": [{"message": m, "href": ""} for m in word_error(call, error)]
            if error
            else [],
            "asks_code": view.asks_code,
            "is_strict": any(each.content["profile"] == "strict" for each in view.items),
            "is_changed": isinstance(error, Conflict),
            "expires": show_time(view.expires_at)[-5:],
            "passkey": json.dumps(view.passkey) if view.passkey else "",
        },
        status,
    )


def _shown(call: Call, content: Mapping[str, Any]) -> dict[str, Any]:
    """Take what a signed text says apart for the template; nothing of it is left out."""
    told = content["content"]
    record = content.get("record", {})
    words = told.get("words", {})
    labels, readable = words.get("labels", {}), words.get("shown", {})
    values = {**record.get("data", {}), **record.get("extra", {}), **told.get("values", {})}
    return {
        "fields": [
            {"label": labels.get(name, name), "shown": readable.get(name), "value": _text(value)}
            for name, value in values.items()
        ],
        "record": record,
        "words": words,
        "rules": told.get("rules", []),
        "since": told.get("since", []),
        "title": call.site.registry.text(f"records.{record.get('kind', '')}", call.language)
        if content["subject"]["kind"] == "record"
        else "",
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


ROUTES = (show, go, sign)
