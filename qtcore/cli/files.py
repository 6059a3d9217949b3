"""Commands for files of records and events: attach, list, save.

They must not know what a file may hold.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from qtcore.cli.options import (
    Console,
    console,
)

file = typer.Typer(no_args_is_help=True)

Kind = Annotated[Literal["record", "event"], typer.Argument(help="What the file belongs to.")]
Which = Annotated[str, typer.Argument(metavar="ID", help="Number or id of the record or event.")]


@file.command("attach")
@console()
def attach(
    here: Console,
    kind: Kind,
    owner: Which,
    path: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The file.")],
) -> None:
    """Attach a file to a record or event; pictures are drawn anew, what could act is refused."""
    from qtcore.services.attachments import Owner, attach_file, attachment_json
    from qtcore.services.uploads import Upload

    with here.site(create=True) as site:
        upload = Upload(path.name, path.read_bytes())
        row = attach_file(site, here.context(site), Owner(kind, owner), upload)
        here.answer(attachment_json(row), text=_line)


@file.command("list")
@console()
def list_all(
    here: Console,
    kind: Kind,
    owner: Which,
) -> None:
    """List the files of a record or event."""
    from qtcore.services.attachments import Owner, attachment_json, list_attachments

    with here.site() as site:
        rows = list_attachments(site, here.context(site), Owner(kind, owner))
        here.answer(
            {"items": [attachment_json(row) for row in rows]},
            text=lambda a: "\n".join(map(_line, a["items"])) or "no file is attached",
        )


@file.command("save")
@console()
def save(
    here: Console,
    attachment: Annotated[str, typer.Argument(metavar="FILE_ID", help="Public id of the file.")],
    *,
    to: Annotated[Path, typer.Option(help="Folder the file is written to, under its own name.")],
) -> None:
    """Write a file to a folder after its bytes were checked; an existing one is not overwritten."""
    from qtcore.errors import InputRejected
    from qtcore.services.attachments import attachment_json, read_file

    with here.site() as site:
        found = read_file(site, here.context(site), attachment)
        place = to / found.row.name
        try:
            with place.open("xb") as out:
                out.write(found.content)
        except OSError as error:
            raise InputRejected(f"{place} cannot be written: {error.strerror}") from error
        told = {**attachment_json(found.row), "path": str(place)}
        here.answer(told, text=lambda a: f"{a['path']}  {a['sha256']}")


def _line(row: Mapping[str, Any]) -> str:
    size = f"{row['size']} bytes"
    return f"{row['attachment_id']}  {row['name']}  {size}  {row['sha256']}  {row['recorded_by']}"
