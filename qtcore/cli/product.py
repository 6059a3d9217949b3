"""What is asked of the product itself, before any command: which version this is.

It must not read definitions or data.
"""

import importlib.metadata
from typing import Annotated

import typer

from qtcore.cli.options import AsJson, print_answer

_NAME = "qtcore"


def ask_product(
    called: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print name and version.")] = False,
    as_json: AsJson = False,
) -> None:
    """Trace lots and serials, decide releases, run recalls, prove the history."""
    if version:
        answer = {"name": _NAME, "version": importlib.metadata.version(_NAME)}
        print_answer(answer, as_json=as_json, text=lambda a: f"{a['name']} {a['version']}")
        raise typer.Exit
    if as_json:
        raise typer.BadParameter(
            "'--json' before a command goes with '--version' only; write it after the command"
        )
    if called.invoked_subcommand is None:
        typer.echo(called.get_help())
        raise typer.Exit(2)
