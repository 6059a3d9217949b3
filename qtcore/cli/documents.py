"""Commands for printed documents.

They must not know templates.
"""

from pathlib import Path
from typing import Annotated

import typer

from qtcore.cli.options import (
    Console,
    console,
)

document = typer.Typer(no_args_is_help=True)


@document.command("list")
@console()
def list_all(here: Console) -> None:
    """List the documents that can be printed, with what each is about."""
    from qtcore.services.printing import list_documents

    with here.site() as site:
        found = list_documents(site, here.context(site))
        here.answer_list(
            found,
            line=lambda each: f"{each['document']} ({each['subject']}): {each['title']}",
            none="no pack here brings a document",
        )


@document.command("print")
@console()
def print_one(
    here: Console,
    name: Annotated[str, typer.Argument(metavar="DOCUMENT", help="Id of the document.")],
    subject: Annotated[str, typer.Argument(help="A lot, record, recall or shipment.")],
    *,
    out: Annotated[Path | None, typer.Option(help="Write the page here.")] = None,
    language: Annotated[str, typer.Option("--lang", help="en or zh-CN")] = "en",
) -> None:
    """Fill a document and print it as one HTML page, ready for the printer."""
    from dataclasses import replace

    from qtcore.services.printing import print_document

    with here.site() as site:
        context = replace(here.context(site), language=language)
        made = print_document(site, context, name, subject)
        if out is not None:
            out.write_text(made.page(), encoding="utf-8")
        here.answer(
            made.as_json(),
            text=lambda a: f"{a['title']}: {out}" if out is not None else str(a["html"]),
        )


@document.command("check")
@console()
def check_one(
    here: Console,
    file: Annotated[Path, typer.Argument(help="A page written by `qtcore document print`.")],
) -> None:
    """Say whether a printed page is what the product has printed, word for word."""
    from qtcore.errors import InputRejected
    from qtcore.services.print_seals import check_page

    try:
        page = file.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as exc:
        raise InputRejected(f"{file} cannot be read as a page: {exc}") from exc
    with here.site() as site:
        found = check_page(site, here.context(site), page)
        here.answer(
            found.as_json(),
            text=lambda a: (
                f"{a['verdict']}: {a['message']}; {a['later']} later entries about its subject"
            ),
        )
    if found.verdict != "HOLDS":
        raise typer.Exit(1)
