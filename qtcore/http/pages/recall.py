"""The recall pages: choose lots, see what they went into and where it is, freeze it, follow it.

It must not know deadlines' arithmetic; figures come from the recall service.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from qtcore.builtin.tabular.spreadsheet import write_csv_rows
from qtcore.errors import Ambiguous, Conflict, InputRejected, NotFound, Refused
from qtcore.http.call import Call
from qtcore.http.downloads import Download
from qtcore.http.pages.lot_words import read_lot_words
from qtcore.http.pages.mistakes import word_error
from qtcore.http.pages.recall_question import (
    as_address,
    is_asked,
    read_question,
    split_seeds,
    typed_question,
)
from qtcore.http.pages.recall_words import clock_words, scope_words
from qtcore.http.pages.records import offered_steps
from qtcore.http.pages.signing import make_or_sign
from qtcore.http.pages.visits import Page, Redirect, Seen, page
from qtcore.services.order_numbers import orders_in
from qtcore.services.people import name_people
from qtcore.services.recall import RecallStart, read_snapshot, recall_scope, start_recall
from qtcore.services.recall_cases import read_case, report_rows
from qtcore.services.recall_notices import send_notices
from qtcore.services.recall_planning import plans_in_force
from qtcore.services.record_views import RecordView, list_records, read_record
from qtcore.services.rights import require
from qtcore.services.sign_intents import Act

# Made, used, shipped, returned, sampled and destroyed, on hand.
_COLUMNS = (
    ("received", "produced"),
    ("consumed",),
    ("shipped",),
    ("returned",),
    ("sampled", "scrapped"),
    ("on_hand",),
)
_TYPED = ("notice", "shown", "customer", "impact", "quantity", "unit", "acknowledged", "completed",
          "contact", "note", "method", "notice_received", "understood", "acted", "event", "at",
          "reason")  # fmt: skip


@page("GET", "/recall")
def show(call: Call) -> Seen:
    """Choose what to start from; then show the scope as it is now. Nothing is changed."""
    require(call.site, call.act(), "recall.scope")
    question = typed_question(call)
    shown = _page(call, (), {}, question)
    if shown.status != HTTPStatus.BAD_REQUEST:
        return shown
    # What names nothing as it stands may be a sentence of a notice.
    words = read_lot_words(call, question["seeds"], call.word("item"))
    if words is None:
        return shown
    certain = " ".join(info.uid for info in words["lots"])
    return _page(call, (), {}, {**question, "seeds": certain}, words=words)


@page("POST", "/recall")
def start(call: Call) -> Seen:
    """Start a recall or a mock recall."""
    typed = {name: call.field(name) for name in ("title", "reason", "plan")}
    is_mock = call.field("how") != "real"
    # One choice names both: a class means nothing without its plan.
    data = dict(zip(("plan", "recall_class"), typed["plan"].split(), strict=False))
    try:
        asked = read_question(typed_question(call))
        head = RecallStart((), typed["title"], typed["reason"], is_mock, data, asked)
        made = start_recall(call.site, call.act(), head)
    except (InputRejected, Refused, NotFound, Ambiguous) as error:
        return _page(call, word_error(call, error), typed, typed_question(call))
    return Redirect(f"/recall/{quote(made.number)}?done=started")


@page("GET", "/recall/{record:str}")
def follow(call: Call) -> Seen:
    """Show a recall as it was frozen."""
    return case_page(call, read_record(call.site, call.act(), call.params["record"]), ())


@page("POST", "/recall/{record:str}/close")
def close(call: Call) -> Seen:
    """Close a recall, signed; what stays open needs a justification."""
    view = read_record(call.site, call.act(), call.params["record"])
    values = {"justification": call.field("justification")}
    act = Act("record", view.record.uid, "close", call.field("reason"), values)
    try:
        return make_or_sign(call, act, f"/recall/{quote(view.record.number)}")
    except (Refused, InputRejected, Conflict) as error:
        return case_page(call, view, word_error(call, error))


def typed_work(call: Call, form: str) -> dict[str, Any]:
    """Give what was typed in one of the forms for what happened, so that nothing is typed twice."""
    names = _TYPED if form else ()
    return {"form": form, "typed": {name: call.field(name) for name in names}, "link": None}


def case_page(
    call: Call,
    view: RecordView,
    mistakes: Sequence[str],
    *,
    work: Mapping[str, Any] | None = None,
) -> Seen:
    """Show a recall with what was wrong with the last act."""
    snapshot = read_snapshot(call.site, call.act(), view.record.uid)
    if snapshot is None:
        return Redirect(f"/r/{quote(view.record.number)}")
    scope = snapshot.scope
    case = _case_of(call, view.record.uid)
    return Page(
        "recall_case.html",
        {
            "record": view.record,
            "workflow": view.workflow.id,
            "snapshot": snapshot,
            "scope": scope,
            "balance": sum_balance(scope),
            "frozen_by": name_people(call.site, [snapshot.taken_by]).get(snapshot.taken_by, ""),
            **scope_words(call, scope, case["party_names"] if case else {}),
            "done": call.word("done"),
            "case": case,
            "may_close": any(step.id == "close" for step in offered_steps(call, view)),
            "closers": [r for t in view.workflow.transitions if t.id == "close" for r in t.roles],
            "clock": clock_words(call, case) if case else None,
            "has_links": bool(call.site.public_url),
            "work": work or typed_work(call, ""),
            "mistakes": [{"message": text, "href": ""} for text in mistakes],
            "typed": {n: call.field(n) if mistakes else "" for n in ("reason", "justification")},
        },
        400 if mistakes else 200,
    )


def _case_of(call: Call, record_id: str) -> dict[str, Any] | None:
    """Read how a recall stands; one that older releases opened has a frozen scope only."""
    try:
        view = read_case(call.site, call.act(), record_id)
    except NotFound:
        return None
    names = {ship.customer: ship.customer_name for ship in view.scope.shipments}
    return {**view.as_json(), "party_names": names}


@page("POST", "/recall/{record:str}/send")
def send(call: Call) -> Seen:
    """Hand the waiting notices to their channels, each with the link for its answer."""
    view = read_record(call.site, call.act(), call.params["record"])
    send_notices(call.site, call.act(), view.record.uid)
    return Redirect(f"/recall/{quote(view.record.number)}?done=sent")


@page("GET", "/recall/{record:str}/report.csv")
def report(call: Call) -> Seen:
    """Give the progress report, a line per consignee."""
    view = read_case(call.site, call.act(), call.params["record"])
    rows = report_rows(view)
    head = tuple(rows[0]) if rows else ("recall", "customer")
    text = write_csv_rows(head, ([row[name] for name in head] for row in rows))
    content = b"\xef\xbb\xbf" + text.encode()
    return Download(f"{view.record.number}.csv", content, "text/csv; charset=utf-8")


@page("GET", "/recall.csv")
def save(call: Call) -> Seen:
    """Give the list of who received what, for notices."""
    scope = recall_scope(call.site, call.act(), read_question(typed_question(call)))
    head = ("customer", "customer_name", "lot_no", "item", "quantity", "unit", "shipped_at", "via")
    answer = scope.as_json()
    orders = orders_in(answer)
    rows = (
        [*(str(ship[name] or "") for name in head), ", ".join(orders.get(ship["event_id"], ()))]
        for ship in answer["shipments"]
    )
    text = write_csv_rows((*head, "order_nos"), rows)
    content = b"\xef\xbb\xbf" + text.encode()
    return Download("recall-list.csv", content, "text/csv; charset=utf-8")


def _page(
    call: Call,
    mistakes: Sequence[str],
    typed: Mapping[str, str],
    question: dict[str, str],
    *,
    words: Mapping[str, Any] | None = None,
) -> Page:
    scope: dict[str, Any] | None = None
    told = list(mistakes)
    fits: tuple[Mapping[str, object], ...] = ()
    asked = ""
    if is_asked(question):
        try:
            scope = recall_scope(call.site, call.act(), read_question(question)).as_json()
        except Ambiguous as error:
            fits, asked = error.candidates, error.asked
        except (InputRejected, NotFound) as error:
            told += [text for text in word_error(call, error) if text not in told]
    may_list = call.act().actor.may("record.read")
    cases = list_records(call.site, call.act(), kind="recall") if may_list else ()
    data = {
        **scope_words(call, scope or {}, {}),
        "question": question,
        **_named_seeds(question["seeds"], scope, asked),
        "fits": fits,
        "asked": asked,
        "words": words,
        "address": as_address(question),
        "scope": scope,
        "balance": sum_balance(scope) if scope else [],
        "cases": cases,
        "plans": plans_in_force(call.site, call.act().at.date()),
        "mistakes": [{"message": text, "href": ""} for text in told],
        "typed": {**dict.fromkeys(("title", "reason", "plan"), ""), **typed},
        "may_start": call.act().actor.may("recall.start"),
    }
    return Page("recall.html", data, 400 if told or fits else 200)


def _named_seeds(text: str, scope: Mapping[str, Any] | None, asked: str) -> dict[str, Any]:
    """Part what was named by a lot's id, as a link does, from what a person typed.

    `asked` fits several lots, which are shown to choose from.
    """
    named = split_seeds(text)
    chosen = [one for one in (scope or {}).get("starts", ()) if one["lot_id"] in named]
    ids = {one["lot_id"] for one in chosen}
    gone = ids | {asked}
    further = text if not gone & set(named) else "\n".join(n for n in named if n not in gone)
    return {"chosen": chosen, "further": further}


def sum_balance(scope: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Join the balance of each lot with its number, those that do not close first."""
    names = {lot["lot_id"]: lot for lot in scope["lots"]}
    open_lots = scope["balance"].get("unaccounted", {})
    rows = [
        {
            "lot_id": row["lot_id"],
            "lot_no": names.get(row["lot_id"], {}).get("lot_no", row["lot_id"]),
            "unit": row.get("unit", ""),
            "cells": [_sum(row, kinds) for kinds in _COLUMNS],
            "unaccounted": open_lots.get(row["lot_id"], ""),
        }
        for row in scope["balance"]["lots"]
    ]
    return sorted(rows, key=lambda row: not row["unaccounted"])


def _sum(row: Mapping[str, Any], kinds: Sequence[str]) -> str:
    return format(sum((Decimal(str(row.get(kind) or 0)) for kind in kinds), Decimal(0)), "f")


ROUTES = (show, start, follow, close, save, send, report)
