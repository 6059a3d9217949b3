"""Commands that ask: trace, release explain, audit verify.

They must not change anything.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from qtcore.cli.options import (
    Console,
    console,
    shown_progress,
)

release = typer.Typer(no_args_is_help=True)
audit = typer.Typer(no_args_is_help=True)

LotArgument = Annotated[
    str, typer.Argument(help="Any identifier: id, lot number, supplier lot, EPC URI ...")
]


@console()
def trace(
    here: Console,
    lot: LotArgument,
    *,
    direction: Annotated[str, typer.Option(help="backward, forward or both")] = "both",
    depth: Annotated[int | None, typer.Option(min=1, help="How many steps; default: all")] = None,
    as_of: Annotated[str, typer.Option(help="What was true then: a day or a moment")] = "",
    known_at: Annotated[str, typer.Option(help="What was known then: a day or a moment")] = "",
    kinds: Annotated[
        list[str] | None, typer.Option(help="Only these links: transform, split, pack ...")
    ] = None,
    since: Annotated[str, typer.Option("--from", help="Only links from this time on")] = "",
    until: Annotated[str, typer.Option("--to", help="Only links up to this time")] = "",
    paths: Annotated[
        str, typer.Option(help="Another lot: why is it in the result, and how much?")
    ] = "",
) -> None:
    """Trace a lot, unit or pallet backward, forward or both."""
    from qtcore.services.moments import read_lens
    from qtcore.services.paths import find_paths
    from qtcore.services.trace import trace as run_trace

    with here.site() as site:
        context = here.context(site)
        lens = read_lens(
            as_of=as_of, known_at=known_at, since=since, until=until, kinds=kinds or ()
        )
        if paths:
            why = find_paths(site, context, lot, paths, lens=lens)
            here.answer(why.as_json(), text=_paths_text)
            return
        found = run_trace(site, context, lot, direction, max_depth=depth, lens=lens)
        here.answer(found.as_json(), text=_trace_text)


def _paths_text(answer: Mapping[str, Any]) -> str:
    start, end = named(answer["from"]), named(answer["to"])
    if not answer["edges"]:
        return f"nothing recorded leads from {start} to {end}"
    names = {node["lot_id"]: named(node) for node in answer["nodes"]}
    lines = [f"{start} -> {end}"]
    for edge in answer["edges"]:
        amount = f"{edge['quantity']} {edge['unit']}" if edge["quantity"] else "not recorded"
        lines.append(
            f"  {names[edge['from']]} -> {names[edge['to']]}: {amount} "
            f"[{edge['kind']}, {edge['certainty']}, {edge['event_at']}]"
        )
    share = answer["share"]
    if share["upper"] is None:
        lines.append(f"how much: not known, {share['unknown']}")
    elif share["is_exact"]:
        lines.append(f"how much: {share['lower']} {share['unit']}")
    else:
        lines.append(f"how much: {share['lower']} to {share['upper']} {share['unit']}")
    return "\n".join(lines)


def _trace_text(answer: Mapping[str, Any]) -> str:
    focus = answer["focus"]
    lines = [f"{named(focus)} ({focus['state']})"]
    for node in answer["nodes"]:
        if node["side"] == "focus":
            continue
        arrow = "<-" if node["side"] == "backward" else "->"
        lines.append(
            f"{'  ' * node['depth']}{arrow} {named(node)}  [{node['state']}, {node['certainty']}]"
        )
    for row in answer["customers"]:
        amount = f"{row['quantity'] or 'quantity not recorded'} {row['unit']}"
        lines.append(f"=> {row['customer']}: {row['lot_no']}, {amount}")
    lines += [f"?? {gap['detail']}" for gap in answer["gaps"]]
    lines.append(
        f"{len(answer['nodes']) - 1} reached, {len(answer['edges'])} links, "
        f"{len(answer['customers'])} shipment lines, {len(answer['gaps'])} gaps"
    )
    return "\n".join(lines)


def named(node: Mapping[str, Any]) -> str:
    if node["kind"] == "logistic_unit":
        return f"logistic unit {node['lot_no']}"
    source = f" of {node['source']}" if node["source"] else ""
    return f"{node['item']} {node['kind']} {node['lot_no']}{source}"


@release.command("explain")
@console()
def explain(
    here: Console,
    lot: LotArgument,
    *,
    as_decided: Annotated[
        bool, typer.Option("--as-decided", help="As it was decided, with the facts of then.")
    ] = False,
) -> None:
    """Say whether a lot may be released and why; exit code 1 when something stands in the way."""
    from qtcore.services.explaining import explain_lot

    with here.site() as site:
        found = explain_lot(site, here.context(site), lot, as_decided=as_decided)
        answer = found.as_json(as_decided=as_decided)
        here.answer(answer, text=_release_text)
        if answer["reasons"] and answer["verdict"] != "released":
            raise typer.Exit(1)


def _release_text(answer: Mapping[str, Any]) -> str:
    lines = [f"{answer['item']} lot {answer['lot_no']}: {answer['verdict']}"]
    decided = answer["decision"]
    if decided:
        reproduced = "" if decided["reproduced"] else "; NOT REPRODUCED"
        lines.append(
            f"  {decided['outcome']}: {decided['transition']} by {decided['by']} at "
            f"{decided['at'][:16]}, configuration version {decided['config_version']}{reproduced}"
        )
        lines += [f"  note: {note}" for note in decided["notes"]]
    lines += [
        f"  {r['code']} ({r['asked_by']}) {r['message']}. {r['fix']}" for r in answer["reasons"]
    ]
    for rule in answer["rules"]:
        lines.append(f"  {rule['outcome']:>14}  {rule['rule']}  {rule['title']}: {rule['limit']}")
        lines += [f"{'':>18}{_part_text(each)}" for each in _parts_of(rule)]
        lines += [f"{'':>18}{_evidence_text(each)}" for each in rule["evidence"]]
        source, version = rule["source"] or {}, rule["version"]
        law = " ".join(source[k] for k in ("law", "clause", "jurisdiction") if source.get(k))
        lines.append(
            f"{'':>18}{law or 'no legal source'}; {version['pack']} {version['pack_version']}, "
            f"{version['fingerprint'][:12]}"
        )
    lines += [
        f"  since then {d['rule']}: {d['then'] or '-'} -> {d['now'] or '-'}, "
        f"{d['facts_then']} -> {d['facts_now']}"
        for d in answer["differences"]
    ]
    return "\n".join(lines)


def _parts_of(rule: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give the parts of a rule that has several: one alone says what the verdict says."""
    parts = rule["clauses"] if rule["outcome"] != "not_applicable" else []
    return parts if len(parts) > 1 else []


def _part_text(part: Mapping[str, Any]) -> str:
    said = {True: "holds", False: "does not hold"}.get(part["value"], "cannot be judged")
    return f"{'-> ' if part['decides'] else '   '}{part['text']}: {said}"


def _evidence_text(evidence: Mapping[str, Any]) -> str:
    value = "not recorded" if evidence["value"] is None else evidence["value"]
    named = ", ".join(f"{s['kind']} {s['label']}" for s in evidence["sources"])
    return f"{evidence['fact']} = {value}" + (f"  ({named})" if named else "")


@audit.command("verify")
@console()
def verify(
    here: Console,
    *,
    size: Annotated[int | None, typer.Option(help="Size of a checkpoint kept outside.")] = None,
    root: Annotated[str, typer.Option(help="Root (hex) of that checkpoint.")] = "",
    first: Annotated[int, typer.Option("--from", min=0, help="Number of the first event.")] = 0,
    last: Annotated[
        int | None, typer.Option("--to", min=0, help="Number of the last event; default: newest.")
    ] = None,
) -> None:
    """Re-hash the history, or a range of it, and compare it with its signed checkpoints."""
    from qtcore.services.audit import read_span, verify_history
    from qtcore.services.serving import settle_memory

    if (size is None) != (not root):
        raise typer.BadParameter("--size and --root go together: both come from one checkpoint")
    if size is not None and (first or last is not None):
        raise typer.BadParameter("a checkpoint is compared with the whole history, not a range")
    with here.site() as site:
        witness = (size, root) if size is not None else None
        context, (span, _) = here.context(site), read_span(site, first, last)
        settle_memory()
        with shown_progress("events") as told:
            found = verify_history(site, context, witness=witness, span=span, progress=told)
        here.answer(found.as_json(), text=_verify_text)
        if not found.verdict.ok:
            raise typer.Exit(1)


def _verify_text(answer: Mapping[str, Any]) -> str:
    lines = [f"{p['kind']} at {p['seq']}: {p['message']}" for p in answer["problems"]]
    if lines:
        lines.insert(0, "the first bad place and the kind of damage come first:")
    lines += [f"notice {n['kind']} at {n['seq']}: {n['message']}" for n in answer["notices"]]
    verdict = "the history is intact" if answer["ok"] else "THE HISTORY IS NOT INTACT"
    lines.append(
        f"{verdict}: {answer['events']} sealed events, {answer['pending']} not sealed yet, "
        f"signed up to {answer['signed_size']}, {answer['seconds']} s"
    )
    return "\n".join(lines)
