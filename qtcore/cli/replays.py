"""Commands that run recorded histories again: of a workflow, of the release gate.

They must not write; the database is opened for reading.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from qtcore.cli.options import (
    Console,
    console,
    shown_progress,
)

DraftPath = Annotated[
    Path | None,
    typer.Option(
        "--draft",
        help="A pack or site folder, or one YAML file; default: each by its own version.",
    ),
]
Limit = Annotated[int, typer.Option(min=0, help="Only the lots decided last; 0: all.")]


@console()
def replay_workflow(
    here: Console,
    name: Annotated[str, typer.Argument(help="A workflow.")],
    *,
    draft: DraftPath = None,
    limit: Limit = 0,
) -> None:
    """Run the recorded histories of a workflow again; exit code 1 when one comes out otherwise."""
    with here.site() as site:
        site.registry.get("workflows", name)
        _replay(here, site, {"workflow": name, "limit": limit}, draft)


@console()
def replay_release(
    here: Console,
    *,
    draft: DraftPath = None,
    limit: Limit = 0,
) -> None:
    """Judge the recorded releases again; with a draft also the lots that wait, on today's facts."""
    from qtcore.services.release import GATE

    with here.site() as site:
        scope = {"gate": GATE, "limit": limit, "open_lots": draft is not None}
        _replay(here, site, scope, draft)


def _replay(here: Console, site: Any, scope: Mapping[str, Any], draft: Path | None) -> None:
    from qtcore.services.drafting import draft_registry
    from qtcore.services.replay import Scope, replay
    from qtcore.services.rights import require

    require(site, here.context(site), "definition.read")
    registry = draft_registry(site, draft) if draft is not None else None
    with shown_progress("lots and records") as told:
        found = replay(site, Scope(**scope), registry, told)
    answer = found.as_json()
    here.answer(answer, text=_replay_text)
    if len(found.lines) != answer["counts"]["same"] or found.stranded:
        raise typer.Exit(1)


def _replay_text(answer: Mapping[str, Any]) -> str:
    lines = [
        f"{line['result'].replace('_', ' '):>17}  {line['label']}"
        f"{' (waits)' if line['open'] else ''}  {line['transition']}  {line['reason']}".rstrip()
        for line in answer["lines"]
        if line["result"] != "same"
    ]
    lines += [
        f"{s['count']} running in state {s['state']} of {s['workflow']}, which the draft removes"
        for s in answer["stranded"]
    ]
    lines += [f"note: {note}" for note in answer["notes"]]
    counts = ", ".join(
        f"{count} {name.replace('_', ' ')}" for name, count in answer["counts"].items()
    )
    lines.append(
        f"{answer['reproduced']} of {answer['decisions']} decisions came out the same; "
        f"lots and records: {counts}"
    )
    return "\n".join(lines)
