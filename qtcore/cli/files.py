"""Commands for files of records and events: attach, list, save.

They must not know what a file may hold.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

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
)

file = typer.Typer(no_args_is_help=True)

Kind = Annotated[Literal["record", "event"], typer.Argument(help="What the file belongs to.")]
Which = Annotated[str, typer.Argument(metavar="ID", help="Number or id of the record or event.")]


@file.command("attach")
def attach(
    kind: Kind,
    owner: Which,
    path: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The file.")],
    *,
    db: Db = DEFAULT_DB,
    site_dir: SiteDir = None,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """Attach a file to a record or event; pictures are drawn anew, what could act is refused."""
    from qtcore.services.attachments import Owner, attach_file, attachment_json
    from qtcore.services.uploads import Upload

    with answering(as_json=as_json), opened(db, site_dir, create=True) as site:
        upload = Upload(path.name, path.read_bytes())
        row = attach_file(site, context_of(site, as_user), Owner(kind, owner), upload)
        print_answer(attachment_json(row), as_json=as_json, text=_line)


@file.command("list")
def list_all(
    kind: Kind,
    owner: Which,
    *,
    db: Db = DEFAULT_DB,
    site_dir: SiteDir = None,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """List the files of a record or event."""
    from qtcore.services.attachments import Owner, attachment_json, list_attachments

    with answering(as_json=as_json), opened(db, site_dir) as site:
        rows = list_attachments(site, context_of(site, as_user), Owner(kind, owner))
        print_answer(
            {"items": [attachment_json(row) for row in rows]},
            as_json=as_json,
            text=lambda a: "\n".join(map(_line, a["items"])) or "no file is attached",
        )


@file.command("save")
def save(
    attachment: Annotated[str, typer.Argument(metavar="FILE_ID", help="Public id of the file.")],
    *,
    to: Annotated[Path, typer.Option(help="Folder the file is written to, under its own name.")],
    db: Db = DEFAULT_DB,
    site_dir: SiteDir = None,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """Write a file to a folder after its bytes were checked; an existing one is not overwritten."""
    from qtcore.errors import InputRejected
    from qtcore.services.attachments import attachment_json, read_file

    with answering(as_json=as_json), opened(db, site_dir) as site:
        found = read_file(site, context_of(site, as_user), attachment)
        place = to / found.row.name
        try:
            with place.open("xb") as out:
                out.write(found.content)
        except OSError as error:
            raise InputRejected(f"{place} cannot be written: {error.strerror}") from error
        told = {**attachment_json(found.row), "path": str(place)}
        print_answer(told, as_json=as_json, text=lambda a: f"{a['path']}  {a['sha256']}")


def _line(row: Mapping[str, Any]) -> str:
    size = f"{row['size']} bytes"
    return f"{row['attachment_id']}  {row['name']}  {size}  {row['sha256']}  {row['recorded_by']}"
