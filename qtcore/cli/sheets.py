"""The command that answers an authority: records as a sortable workbook, gaps named.

It must not know what the sheets hold; packs declare them.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from qtcore.cli.options import (
    Console,
    console,
)
from qtcore.errors import InputRejected

_ENDINGS = (".xlsx", ".csv", ".zip")
_SHOWN = 20


@console()
def export_fsma204(
    here: Console,
    *,
    lot: Annotated[str, typer.Option(help="Only the chain of this lot.")] = "",
    from_: Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD.")] = "",
    to: Annotated[str, typer.Option("--to", help="Last day, YYYY-MM-DD.")] = "",
    out: Annotated[
        Path | None,
        typer.Option(help="File to write: .xlsx, .csv or .zip; default: CSV to standard output."),
    ] = None,
) -> None:
    """Write the FSMA 204 sortable spreadsheet (21 CFR 1.1455): every key data element on record.

    Missing elements stay empty, are named in the column KDE_MISSING and listed; the exit code is
    then 1, and the file is written all the same.
    """
    from qtcore.builtin.tabular.writing import write_csv, write_csv_zip, write_workbook
    from qtcore.services.sheet_export import Asked, export_workbook

    with here.site() as site:
        ending = out.suffix.lower() if out else ""
        if out and ending not in _ENDINGS:
            text = f"{out.name} ends in {ending or 'nothing'}; accepted: {', '.join(_ENDINGS)}"
            raise InputRejected(text, code="QT480")
        asked = Asked(lot, _day(from_, "--from"), _day(to, "--to"))
        book = export_workbook(site, here.context(site), "fsma204", asked)
        if out is None and not here.as_json:
            typer.echo(write_csv(book.one_table()), nl=False)
            typer.echo(_gaps_text(book.as_json()), err=True)
        elif out is not None:
            if ending == ".xlsx":
                out.write_bytes(write_workbook(book.all_tables()))
            elif ending == ".zip":
                out.write_bytes(write_csv_zip(book.all_tables()))
            else:
                out.write_text("\ufeff" + write_csv(book.one_table()), encoding="utf-8", newline="")
        if out is not None or here.as_json:
            answer = {**book.as_json(), "file": str(out) if out else None}
            here.answer(answer, text=_gaps_text)
        if book.gaps:
            raise typer.Exit(1)


def _day(text: str, option: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"{option} is {text!r}; a day is written YYYY-MM-DD, such as 2026-03-31"
        raise InputRejected(message, code="QT461") from None


def _gaps_text(answer: Mapping[str, Any]) -> str:
    gaps = answer["gaps"]
    lines = [
        f"{g['sheet']}: event {g['event_id']}, lot {g['lot']}: missing {g['missing']}"
        for g in gaps[:_SHOWN]
    ]
    if len(gaps) > _SHOWN:
        lines.append(f"... and {len(gaps) - _SHOWN} more; the sheet Gaps lists all of them")
    count = sum(answer["rows"].values())
    state = "complete" if answer["complete"] else f"{len(gaps)} elements missing"
    return "\n".join((*lines, f"{count} rows; {state}"))
