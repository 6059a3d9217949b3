"""Commands of recalls: what one would reach, a mock recall, how one stands.

It must not change a lot: real recalls are opened by people who sign, on the page or by the API.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from qtcore.cli.options import (
    Console,
    console,
)
from qtcore.cli.questions import named

recall = typer.Typer(no_args_is_help=True)

Lots = Annotated[list[str] | None, typer.Argument(help="The lots to start from.")]
Machine = Annotated[str, typer.Option("--equipment", help="What ran on this machine in the window")]
Since = Annotated[str, typer.Option("--from", help="Start of the window: 2026-05-01T08:00Z")]
Until = Annotated[str, typer.Option("--to", help="End of the window; a day: its end")]
Supplier = Annotated[str, typer.Option("--supplier", help="What this party delivered")]
Unrecorded = Annotated[
    bool,
    typer.Option(
        "--include-unrecorded", help="Also what was made then at a machine that nobody recorded"
    ),
]
Where = Annotated[str, typer.Option("--where", help="A condition on the parameters of events")]


@recall.command("scope")
@console()
def scope(
    here: Console,
    lots: Lots = None,
    *,
    equipment: Machine = "",
    since: Since = "",
    until: Until = "",
    supplier: Supplier = "",
    where: Where = "",
    include_unrecorded: Unrecorded = False,
) -> None:
    """Show what a recall would reach: lots, customers, stock, orders, balance, gaps."""
    from qtcore.services.moments import read_moment
    from qtcore.services.recall import Question, recall_scope

    with here.site() as site:
        span = (read_moment("--from", since, is_end=False), read_moment("--to", until))
        asked = Question(tuple(lots or ()), equipment, supplier, where, *span, include_unrecorded)
        found = recall_scope(site, here.context(site), asked)
        here.answer(found.as_json(), text=_scope_text)


@recall.command("mock")
@console()
def mock(
    here: Console,
    lots: Annotated[list[str], typer.Argument(help="The lots to start from.")],
    *,
    plan: Annotated[str, typer.Option(help="The recall plan, such as food_cn")],
    title: Annotated[str, typer.Option(help="What the exercise is called")] = "Mock recall",
) -> None:
    """Practise a recall on live data: nothing is held or sent, the time is filed as evidence."""
    from qtcore.services.recall import RecallStart, start_recall

    with here.site(create=True) as site:
        start = RecallStart(lots, title, title, is_mock=True, data={"plan": plan})
        made = start_recall(site, here.context(site), start)
        here.answer(made.as_json(), text=_mock_text)


@recall.command("show")
@console()
def show(
    here: Console,
    recall_id: Annotated[str, typer.Argument(help="The number of the recall, or its id")],
) -> None:
    """Show how a recall stands: clock, notices, replies, balance, changes since the snapshot."""
    from qtcore.services.recall_cases import read_case

    with here.site() as site:
        view = read_case(site, here.context(site), recall_id)
        here.answer(view.as_json(), text=_case_text)


def _scope_text(answer: Mapping[str, Any]) -> str:
    lines = [
        f"{len(answer['lots'])} lots affected: {len(answer['proved'])} proved, "
        f"{len(answer['possible'])} possible"
    ]
    lines += [
        f"  {named(row)} [{row['state']}, {row['verdict']}]{_shares_text(row['contains'])}"
        for row in answer["lots"]
    ]
    lines += [
        f"  {row['item']}: {row['lower']} to {row['upper']} {row['unit']}"
        for row in answer["quantities"]
    ]
    lines.append(f"{len(answer['shipments'])} shipment lines")
    lines += [
        f"  {row['customer']}: {row['lot_no']} {row['quantity']} {row['unit']}"
        for row in answer["shipments"]
    ]
    lines.append(f"{len(answer['on_hand'])} places hold some of it")
    lines += [f"  {row['place']}: {row['quantity']} {row['unit']}" for row in answer["on_hand"]]
    lines += [
        f"order {row['order_no']}/{row['line_no']} for {row['customer']}: {row['quantity']} "
        f"{row['unit']} {'stopped' if row['is_stopped'] else 'can be stopped'}"
        for row in answer["open_orders"]
    ]
    lines += [
        f"sibling: {row['item']} {row['lot_no']} shares {row['shared']}"
        for row in answer["siblings"]
    ]
    lines += _balance_text(answer["balance"], {row["lot_id"]: named(row) for row in answer["lots"]})
    lines += [f"gap: {gap['detail']}" for gap in answer["gaps"]]
    rest = answer["not_recorded"]
    if rest["events"]:
        lines.append(
            f"{rest['events']} events made or packed {rest['lots']} lots in the window at a "
            "machine that nobody recorded; "
            + ("they are possible" if rest["included"] else "--include-unrecorded takes them in")
        )
    return "\n".join(lines)


def _balance_text(balance: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    """Say what nobody accounts for and what cannot be counted, lot by lot."""
    lines = []
    for lot in balance["lots"]:
        name = names[lot["lot_id"]]
        if lot["lot_id"] in balance["unaccounted"]:
            lines.append(f"unaccounted: {name}: {lot['unaccounted']} {lot['unit']}")
        lines += [f"not counted: {name}: {problem['message']}" for problem in lot["problems"]]
    return lines or ["the balance closes"]


def _shares_text(shares: Sequence[Mapping[str, Any]]) -> str:
    """Say how much of the seeds is in a lot."""
    told = [
        f"how much of it: {share['unknown']}"
        if share["unknown"]
        else f"{share['lower']} {share['unit']} of it"
        if share["is_exact"]
        else f"{share['lower']} to {share['upper']} {share['unit']} of it"
        for share in shares
    ]
    return f" contains {'; '.join(told)}" if told else ""


def _mock_text(answer: Mapping[str, Any]) -> str:
    timings = answer["timings"]
    return (
        f"{answer['number']}: scope after {timings['scope_seconds']} s, "
        f"{timings['located_percent']} % located after {timings['located_seconds']} s; "
        f"{len(answer['scope']['lots'])} lots, nothing was held or sent"
    )


def _case_text(answer: Mapping[str, Any]) -> str:
    drill = " (mock recall: nothing is held or sent)" if answer["is_mock"] else ""
    lines = [f"{answer['number']} {answer['title']}: {answer['state']}{drill}"]
    lines += [
        f"  {row['node']} {row['recipient']}: {row['state']}, due {row['due_at'] or 'not started'}"
        f"{' LATE' if row['is_late'] else ''}"
        for row in answer["notices"]
    ]
    lines += [
        f"  {row['customer']}: shipped {row['shipped']}, returned {row['returned']}, reported "
        f"{row['reported']}, unaccounted {row['unaccounted']} {row['unit']}"
        for row in answer["balance"]["customers"]
    ]
    lines += [f"  not counted: {problem}" for problem in answer["balance"]["problems"]]
    changes = {name: len(rows) for name, rows in answer["since_snapshot"].items() if rows}
    lines.append(f"since the snapshot: {changes or 'nothing changed'}")
    return "\n".join(lines)
