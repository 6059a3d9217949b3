"""The command that edits single values in a file of a draft.

It must not edit or check anything itself.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from qtcore.cli.options import (
    Console,
    console,
)

Assignments = list[str] | None


@console()
def edit(
    here: Console,
    draft_id: Annotated[str, typer.Argument(help="A draft: its id or the beginning of it.")],
    file: Annotated[str, typer.Argument(help="PACK/FILE, such as base/rules/release.yaml.")],
    *,
    sets: Annotated[
        Assignments, typer.Option("--set", help="PATH=VALUE, as in rules[R-1].severity=warn.")
    ] = None,
    adds: Annotated[
        Assignments, typer.Option("--add", help="PATH=VALUE, an entry for the list at PATH.")
    ] = None,
    removes: Annotated[Assignments, typer.Option("--remove", help="PATH to take out.")] = None,
) -> None:
    """Set, then add, then remove values in a file of a draft; 1: the draft has problems now."""
    from qtcore.definitions.edit import Edit
    from qtcore.services.drafts import read_draft
    from qtcore.services.editing import edit_file, find_place, read_assignment

    with here.site(create=True) as site:
        context = here.context(site)
        edits = []
        for text in sets or ():
            path, value = read_assignment(text)
            edits.append(Edit(path, "set", value))
        for text in adds or ():
            path, value = read_assignment(text)
            edits.append(Edit(path, "add", value))
        edits += [Edit(path, "remove") for path in removes or ()]
        draft = read_draft(site, context, draft_id)
        place = find_place(draft.configuration, file)
        found = edit_file(site, context, draft_id, place, edits=edits).as_json()
        here.answer(found, text=_edit_text)
        if not found["ok"]:
            raise typer.Exit(1)


def _edit_text(answer: Mapping[str, Any]) -> str:
    lines = []
    for hunk in answer["changes"]:
        lines.append(f"{answer['pack']}/{answer['file']}:{hunk['line']}")
        lines += [f"- {line.rstrip(chr(13))}" for line in hunk["removed"]]
        lines += [f"+ {line.rstrip(chr(13))}" for line in hunk["added"]]
    lines += [
        f"{p['file']}:{p['line']}:{p['column']}: {p['code']} {p['message']}"
        for p in answer["problems"]
    ]
    return "\n".join(lines) or "nothing changed"
