"""The page that corrects a record: the same form with its values, and the reason for the change.

It must not know what is stored beside the new values; nothing old is lost.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC
from functools import partial
from typing import Any
from urllib.parse import quote

from qtcore.engines.forms import build_form
from qtcore.errors import Conflict, Fault, InputRejected, Refused
from qtcore.http.call import Call
from qtcore.http.pages.fill import read_nested, summarise
from qtcore.http.pages.local_times import in_utc
from qtcore.http.pages.mistakes import word_error
from qtcore.http.pages.visits import Page, Redirect, Seen, page
from qtcore.services.evaluation import condition_json, evaluator
from qtcore.services.record_views import RecordView, read_record
from qtcore.services.records import correct_record
from qtcore.services.rights import require
from qtcore.services.veils import seen_form


@page("GET", "/r/{record:str}/edit")
def show(call: Call) -> Seen:
    """Show the values of a record for correction."""
    view = read_record(call.site, call.act(), call.params["record"])
    right = f"record.submit:{view.record.kind}"
    require(call.site, call.act(), right, about=view.record.uid, thing=view.thing)
    return _page(call, view, view.data, ())


@page("POST", "/r/{record:str}/edit")
def correct(call: Call) -> Seen:
    """Store the corrected values; mistakes come back with every value kept."""
    view = read_record(call.site, call.act(), call.params["record"])
    sent = read_nested(call)
    values = sent.get("values") or {}
    filled = {name: value for name, value in values.items() if value not in ("", [], None)}
    data = in_utc(view.form.schema_, filled)
    try:
        correct_record(call.site, call.act(), view.record.uid, data, reason=call.field("reason"))
    except InputRejected as error:
        return _page(call, view, values, error.faults or [Fault(error.code, error.message)])
    except (Refused, Conflict) as error:
        told = [Fault(error.code, text) for text in word_error(call, error)]
        return _page(call, view, values, told)
    return Redirect(f"/r/{quote(view.record.number)}?done=corrected")


def _page(call: Call, view: RecordView, values: Mapping[str, Any], faults: Sequence[Fault]) -> Page:
    registry, actor = call.site.registry, call.act().actor
    of = f"record:{view.record.kind}"
    locked = registry.policy.locked_fields(actor, of, view.thing)
    form = seen_form(view.form, view.hidden, locked - view.hidden)
    drawn = build_form(
        form.schema_,
        form.layout,
        texts=lambda key: registry.text(f"forms.{form.id}.{key}", call.language),
        values=values,
        errors=[fault for fault in faults if fault.where],
        language=call.language,
        evaluate=evaluator(registry, f"forms:{form.id}"),
        zone=UTC,
    )
    data = {
        "record": view.record,
        "form": drawn,
        "when": partial(condition_json, registry, f"forms:{form.id}"),
        "mistakes": [
            {"message": f.message, "href": "reason"}
            if f.where == "reason"
            else summarise(f, None, drawn)
            for f in faults
        ],
        "reason": call.field("reason") if faults else "",
    }
    return Page("correct.html", data, 400 if faults else 200)


ROUTES = (show, correct)
