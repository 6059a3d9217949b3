"""Commands about life cycles: prove what they claim, draw them.

It must not prove or draw anything itself.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from qtcore.cli.options import Console, SiteDir, answering, console

workflow = typer.Typer(no_args_is_help=True)

Packs = Annotated[
    list[Path] | None,
    typer.Option("--pack", help="Folders of packs to read instead of the installed ones."),
]


@workflow.command("verify")
@console(db=False, acts=False)
def verify(
    here: Console,
    name: Annotated[
        str, typer.Argument(help="A workflow, a YAML file or a pack; without it all workflows.")
    ] = "",
    *,
    language: Annotated[str, typer.Option("--lang", help="Language of the sentences.")] = "en",
    packs: Packs = None,
) -> None:
    """Prove what the workflows claim; exit code 1 when something fails."""
    found = _verify(name, packs, here.site_dir)
    if language != "en":
        found = found.told_by(_compiled(packs, here.site_dir).get_registry(), language)
    answer = found.as_json()
    words = _VERIFY_WORDS.get(language, _VERIFY_WORDS["en"])
    here.answer(answer, text=lambda told: _verify_text(told, words))
    if not answer["ok"]:
        raise typer.Exit(1)


@workflow.command("simulate")
@console(db=False, acts=False)
def simulate(
    here: Console,
    file: Annotated[str, typer.Argument(help="A YAML file with a workflow, or a workflow's name.")],
    events: Annotated[list[str] | None, typer.Argument(help="Events in their order.")] = None,
    *,
    facts: Annotated[
        list[str] | None, typer.Option("--fact", help="NAME=VALUE that guards see; repeatable.")
    ] = None,
    flow: Annotated[str, typer.Option("--workflow", help="Which one, if the file has more.")] = "",
    packs: Packs = None,
) -> None:
    """Try a workflow out: print the innermost active states at the start and after each event.

    Nobody is missing and everything asked for is given; guards see the facts given. Nothing is
    written. Exit code 1 when an event changed nothing.
    """
    from qtcore.registry.drafts import simulate as run

    chosen, compile_guard = _chosen_flow(file, flow, packs, here.site_dir)
    tried = run(chosen, events or (), _facts(facts), compile_guard)
    steps = [step.as_json() for step in tried]
    answer = {"workflow": chosen.id, "steps": steps}
    here.answer(answer, text=_simulate_text)
    if any(step["refusals"] for step in steps):
        raise typer.Exit(1)


@workflow.command("diagram")
def diagram(
    name: Annotated[str, typer.Argument(help="A workflow.")],
    *,
    form: Annotated[
        Literal["mermaid", "svg"], typer.Option("--format", help="mermaid or svg")
    ] = "mermaid",
    language: Annotated[str, typer.Option("--lang", help="Language of the labels.")] = "en",
    old: Annotated[
        Path | None,
        typer.Option("--diff", help="A YAML file or pack with the older version: marks changes."),
    ] = None,
    packs: Packs = None,
    site_dir: SiteDir = None,
) -> None:
    """Draw a workflow: Mermaid text for documents, or an SVG for screen and print.

    With --diff what was added, removed or changed since the older version is marked.
    """
    from qtcore.engines.diagrams import Changes, compare_flows, draw_mermaid, draw_svg
    from qtcore.registry.drafts import find_flow
    from qtcore.registry.pictures import describe_workflow, label_flow

    with answering(as_json=False):
        registry = _compiled(packs, site_dir).get_registry()
        if _is_path(name):
            flow, labels = label_flow(registry, find_flow(Path(name)), language)
        else:
            flow, labels = describe_workflow(registry, name, language)
        changes = Changes()
        if old is not None:
            flow, changes = compare_flows(find_flow(old, flow.id), flow)
        draw = draw_svg if form == "svg" else draw_mermaid
        typer.echo(draw(flow, labels, changes).rstrip("\n"))


def _verify(name: str, packs: list[Path] | None, site_dir: Path | None) -> Any:
    from qtcore.registry.drafts import pack_of, read_flows
    from qtcore.registry.load import check_packs
    from qtcore.registry.verification import Verification, verify_path, verify_workflows

    path = Path(name)
    if not _is_path(name):
        return verify_workflows(_compiled(packs, site_dir), name)
    pack = pack_of(path)
    if pack is None:
        return verify_path(path, _compiled(packs, site_dir))
    # The pack's own spelling of its folder is what its problems show.
    shown = path if path.is_dir() and path.resolve() == pack else pack
    done = verify_workflows(check_packs([shown]))
    if path.is_dir():
        return done
    wanted = {located.definition.id for located in read_flows(path)}
    reports = tuple(report for report in done.reports if report.workflow in wanted)
    return Verification(reports, done.problems)


def _is_path(name: str) -> bool:
    return bool(name) and (name.endswith((".yaml", ".yml")) or "/" in name or Path(name).exists())


def _chosen_flow(
    file: str, name: str, packs: list[Path] | None, site_dir: Path | None
) -> tuple[Any, Any]:
    from qtcore.errors import NotFound
    from qtcore.registry.drafts import read_flows

    if not _is_path(file):
        registry = _compiled(packs, site_dir).get_registry()
        scope = f"workflows:{file}"
        return registry.get("workflows", file), lambda t: registry.check_expression(t, scope)[0]
    flows = {located.definition.id: located.definition for located in read_flows(Path(file))}
    if name and name not in flows:
        raise NotFound(f"{file} has no workflow {name!r}; it has: {', '.join(flows)}")
    if not name and len(flows) > 1:
        raise NotFound(
            f"{file} has several workflows; name one with --workflow: {', '.join(flows)}"
        )
    return flows[name or next(iter(flows))], None


def _facts(given: list[str] | None) -> dict[str, object]:
    """Read NAME=VALUE: true, false and digits are what they look like, all else is text."""
    from decimal import Decimal, InvalidOperation

    found: dict[str, object] = {}
    for text in given or ():
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise typer.BadParameter(f"{text!r} is not NAME=VALUE")
        try:
            found[name] = {"true": True, "false": False}.get(value)
            if found[name] is None:
                found[name] = Decimal(value)
        except InvalidOperation:
            found[name] = value
    return found


def _simulate_text(answer: Mapping[str, Any]) -> str:
    lines = []
    for step in answer["steps"]:
        made = f"  ({', '.join(step['transitions'])})" if step["transitions"] else ""
        lines.append(f"{step['event'] or '(start)'}: {' '.join(step['configuration'])}{made}")
        lines += [f"    {r['code']} {r['message']}. {r['fix']}" for r in step["refusals"]]
    return "\n".join(lines)


def _compiled(packs: list[Path] | None, site_dir: Path | None) -> Any:
    from qtcore.registry.load import check_packs, load_registry

    return check_packs(packs) if packs else load_registry(site_dir=site_dir)


_VERIFY_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "counts": "{proved} proved, {fails} fail, {undecided} undecided, "
        "{accepted} accepted with a reason",
    },
    "zh-CN": {
        "proved": "已证明",
        "fails": "不成立",
        "undecided": "无法判定",
        "accepted": "已接受",
        "counts": "已证明 {proved} 项，不成立 {fails} 项，无法判定 {undecided} 项，"
        "按理由接受 {accepted} 项",
    },
}


def _verify_text(answer: Mapping[str, Any], words: Mapping[str, str]) -> str:
    lines: list[str] = []
    for row in answer["workflows"]:
        lines.append(f"{row['workflow']}:")
        for proof in row["proofs"]:
            verdict = words.get(proof["verdict"], proof["verdict"])
            lines.append(f"  {verdict:>9}  {proof['property']}: {proof['claim']}")
            lines += [f"             {proof['path']}"] if proof["path"] else []
            lines += [f"             {proof['reason']}"] if proof["reason"] else []
        for found in row["findings"]:
            lines.append(f"  {found['severity']:>9}  {found['code']} {found['message']}")
    lines += [
        f"{p['file']}:{p['line']}:{p['column']}: {p['code']} {p['message']}"
        for p in answer["problems"]
    ]
    lines.append(words["counts"].format_map(answer["counts"]))
    return "\n".join(lines)
