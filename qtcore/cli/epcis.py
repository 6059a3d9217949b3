"""Commands about EPCIS documents that need no database."""

from pathlib import Path
from typing import Annotated

import typer

from qtcore.cli.options import Console, console, read_files

epcis = typer.Typer(no_args_is_help=True)


@epcis.callback()
def about() -> None:
    """EPCIS documents."""


@epcis.command("hash")
@console(db=False, site=False, acts=False)
def hash_file(
    here: Console,
    file: Annotated[Path, typer.Argument(help="An EPCIS document, JSON or XML.")],
) -> None:
    """Print the standard's event hash of each event, one a line; nothing is stored."""
    from qtcore.services.epcis_hashes import hash_events

    ((name, data),) = read_files([file])
    found = hash_events(data, name)
    answer = {"events": [each.as_json() for each in found]}
    here.answer(answer, text=lambda a: "\n".join(e["hash"] for e in a["events"]))
