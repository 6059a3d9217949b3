"""Commands about life cycles: prove what they claim, draw them.

It must not prove or draw anything itself.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from qtcore.cli.options import AsJson, SiteDir, answering, print_answer

workflow = typer.Typer(no_args_is_help=True)

Packs = Annotated[
    list[Path] | None,
    typer.Option("--pack", help="Folders of packs to read instead of the installed ones."),
]


@workflow.command("verify")
def verify(
    name: Annotated[str, typer.Argument(help="A workflow; without it all of them.")] = "",
    *,
    packs: Packs = None,
    site_dir: SiteDir = None,
    as_json: AsJson = False,
) -> None:
    """Prove what the workflows claim; exit code 1 when something fails."""
    from qtcore.registry.verification import verify_workflows

    with answering(as_json=as_json):
        compiled = _compiled(packs, site_dir)
        answer = verify_workflows(compiled, name).as_json()
        print_answer(answer, as_json=as_json, text=_verify_text)
        if not answer["ok"]:
            raise typer.Exit(1)


@workflow.command("diagram")
def diagram(
    name: Annotated[str, typer.Argument(help="A workflow.")],
    *,
    form: Annotated[
        Literal["mermaid", "svg"], typer.Option("--format", help="mermaid or svg")
    ] = "mermaid",
    language: Annotated[str, typer.Option("--lang", help="Language of the labels.")] = "en",
    packs: Packs = None,
    site_dir: SiteDir = None,
) -> None:
    """Draw a workflow: Mermaid text for documents, or an SVG for screen and print."""
    from qtcore.engines.diagrams import draw_mermaid, draw_svg
    from qtcore.registry.pictures import describe_workflow

    with answering(as_json=False):
        registry = _compiled(packs, site_dir).get_registry()
        flow, labels = describe_workflow(registry, name, language)
        draw = draw_svg if form == "svg" else draw_mermaid
        typer.echo(draw(flow, labels).rstrip("\n"))


def _compiled(packs: list[Path] | None, site_dir: Path | None) -> Any:
    from qtcore.registry.load import check_packs, load_registry

    return check_packs(packs) if packs else load_registry(site_dir=site_dir)


def _verify_text(answer: Mapping[str, Any]) -> str:
    lines: list[str] = []
    for row in answer["workflows"]:
        lines.append(f"{row['workflow']}:")
        for proof in row["proofs"]:
            lines.append(f"  {proof['verdict']:>9}  {proof['property']}: {proof['claim']}")
            lines += [f"             {proof['path']}"] if proof["path"] else []
            lines += [f"             {proof['reason']}"] if proof["reason"] else []
        for found in row["findings"]:
            lines.append(f"  {found['severity']:>9}  {found['code']} {found['message']}")
    lines += [
        f"{p['file']}:{p['line']}:{p['column']}: {p['code']} {p['message']}"
        for p in answer["problems"]
    ]
    counts = answer["counts"]
    lines.append(
        f"{counts['proved']} proved, {counts['fails']} fail, {counts['undecided']} undecided, "
        f"{counts['accepted']} accepted with a reason"
    )
    return "\n".join(lines)
