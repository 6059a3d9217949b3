"""Commands about mappings of tables.

It must not load anything.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from qtcore.cli.options import Console, console, read_files

mappings = typer.Typer(no_args_is_help=True)


@mappings.callback()
def _group() -> None:
    """Keep the name of the only command."""


@mappings.command("infer")
@console(db=False, site=False, acts=False)
def infer(
    here: Console,
    files: Annotated[list[Path], typer.Argument(help="The files; the first gives the rows.")],
    *,
    out: Annotated[
        Path | None, typer.Option(help="File to write; default: standard output.")
    ] = None,
) -> None:
    """Propose a mapping for tables nobody described, with every doubt (exit code 1: no table)."""
    from qtcore.builtin.tabular.guess_mapping import guess_mapping
    from qtcore.builtin.tabular.guess_text import write_guess

    guess = guess_mapping(read_files(files))
    text = write_guess(guess) if guess.mapping else ""
    if out is not None and text:
        out.write_text(text, encoding="utf-8")
    answer = {**guess.as_json(), "yaml": text, "out": str(out) if out and text else ""}
    here.answer(answer, text=_text)
    if not guess.mapping:
        raise typer.Exit(1)


def _text(answer: Mapping[str, Any]) -> str:
    if answer["yaml"] and not answer["out"]:
        return str(answer["yaml"]).rstrip("\n")
    lines = [f"{d['where']}: {d['code']} {d['message']}" for d in answer["doubts"]]
    written = f"{answer['out']} written; {len(lines)} doubts" if answer["out"] else "no mapping"
    return "\n".join([*lines, written])
