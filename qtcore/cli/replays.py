"""Commands that run recorded histories again: of a workflow, of the release gate.

They must not write; the database is opened for reading.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from qtcore.cli.options import (
    DEFAULT_DB,
    AsJson,
    AsUser,
    Db,
    SiteDir,
    answering,
    context_of,
    opened,
    print_answer,
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


def replay_workflow(
    name: Annotated[str, typer.Argument(help="A workflow.")],
    *,
    draft: DraftPath = None,
    limit: Limit = 0,
    db: Db = DEFAULT_DB,
    site_dir: SiteDir = None,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """Run the recorded histories of a workflow again; exit code 1 when one comes out otherwise."""
    with answering(as_json=as_json), opened(db, site_dir) as site:
        site.registry.get("workflows", name)
        _replay(site, as_user, {"workflow": name, "limit": limit}, draft, as_json=as_json)


def replay_release(
    *,
    draft: DraftPath = None,
    limit: Limit = 0,
    db: Db = DEFAULT_DB,
    site_dir: SiteDir = None,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """Judge the recorded releases again; with a draft also the lots that wait, on today's facts."""
    from qtcore.services.release import GATE

    with answering(as_json=as_json), opened(db, site_dir) as site:
        scope = {"gate": GATE, "limit": limit, "open_lots": draft is not None}
        _replay(site, as_user, scope, draft, as_json=as_json)


def _replay(
    site: Any, as_user: str, scope: Mapping[str, Any], draft: Path | None, *, as_json: bool
) -> None:
    from qtcore.services.drafting import draft_registry
    from qtcore.services.replay import Scope, replay
    from qtcore.services.rights import require

    require(site, context_of(site, as_user), "definition.read")
    registry = draft_registry(site, draft) if draft is not None else None
    with shown_progress("lots and records") as told:
        found = replay(site, Scope(**scope), registry, told)
    answer = found.as_json()
    print_answer(answer, as_json=as_json, text=_replay_text)
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
