"""Commands for printed documents.

They must not know templates.
"""

from pathlib import Path
from typing import Annotated

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

document = typer.Typer(no_args_is_help=True)


@document.command("list")
def list_all(
    *, db: Db = DEFAULT_DB, site_dir: SiteDir = None, as_user: AsUser = "", as_json: AsJson = False
) -> None:
    """List the documents that can be printed, with what each is about."""
    from qtcore.services.printing import list_documents

    with answering(as_json=as_json), opened(db, site_dir) as site:
        found = list_documents(site, context_of(site, as_user))
        print_answer(
            {"items": found},
            as_json=as_json,
            text=lambda a: (
                "\n".join(f"{d['document']} ({d['subject']}): {d['title']}" for d in a["items"])
                or "no pack here brings a document"
            ),
        )


@document.command("print")
def print_one(
    name: Annotated[str, typer.Argument(metavar="DOCUMENT", help="Id of the document.")],
    subject: Annotated[str, typer.Argument(help="A lot, record, recall or shipment.")],
    *,
    out: Annotated[Path | None, typer.Option(help="Write the page here.")] = None,
    language: Annotated[str, typer.Option("--lang", help="en or zh-CN")] = "en",
    db: Db = DEFAULT_DB,
    site_dir: SiteDir = None,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """Fill a document and print it as one HTML page, ready for the printer."""
    from dataclasses import replace

    from qtcore.services.printing import print_document

    with answering(as_json=as_json), opened(db, site_dir) as site:
        context = replace(context_of(site, as_user), language=language)
        made = print_document(site, context, name, subject)
        if out is not None:
            out.write_text(made.page(), encoding="utf-8")
        print_answer(
            made.as_json(),
            as_json=as_json,
            text=lambda a: f"{a['title']}: {out}" if out is not None else str(a["html"]),
        )
