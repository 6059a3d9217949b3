"""Commands that hand out proof: audit prove, audit export, audit verifier.

They must not change anything.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qtcore.cli.options import (
    Console,
    console,
)

if TYPE_CHECKING:
    from qtcore.services.proving import ProofFile

Out = Annotated[Path | None, typer.Option("--out", help="File to write; default: standard output.")]
Kept = Annotated[
    int | None,
    typer.Option("--checkpoint", help="Size of an older checkpoint that the reader has kept."),
]
Personal = Annotated[
    bool, typer.Option("--personal/--no-personal", help="Give names and addresses along.")
]


@console()
def prove(
    here: Console,
    lot: Annotated[str, typer.Argument(help="Any identifier of a lot, unit or pallet.")],
    *,
    out: Out = None,
    checkpoint: Kept = None,
    personal: Personal = True,
) -> None:
    """Write one lot's events with their proofs, and nothing of other lots' events."""
    from qtcore.services.proving import Asked, prove_lot

    with here.site() as site:
        asked = Asked(personal, checkpoint)
        made = prove_lot(site, here.context(site), lot, asked)
        _write(here, made, out)


@console()
def export(
    here: Console,
    file: Annotated[Path | None, typer.Argument(help="File to write, as --out.")] = None,
    *,
    out: Out = None,
    first: Annotated[
        int | None,
        typer.Option("--from", min=0, help="Number of the first event; default: what is here."),
    ] = None,
    last: Annotated[
        int | None, typer.Option("--to", min=0, help="Number of the last event; default: newest.")
    ] = None,
    checkpoint: Kept = None,
    personal: Personal = True,
) -> None:
    """Write a range of events with their proofs; a range without a gap proves to be complete."""
    from qtcore.services.proving import Asked, export_history

    if file is not None and out is not None:
        raise typer.BadParameter("give the file once: as FILE or with --out")
    with here.site() as site:
        asked = Asked(personal, checkpoint)
        context = here.context(site)
        made = export_history(site, context, first=first, last=last, asked=asked)
        _write(here, made, file or out)


def verifier(*, out: Out = None) -> None:
    """Write qtcore_verify.py, the single file that verifies a proof without QTCore."""
    from qtcore.services.proving import offline_verifier

    if out is None:
        typer.echo(offline_verifier(), nl=False)
    else:
        out.write_text(offline_verifier(), encoding="utf-8")
        typer.echo(f"{out} written; run it with: python3 {out} PROOF-FILE --key NAME+ID+KEY")


def _write(here: Console, file: "ProofFile", out: Path | None) -> None:
    made = file.as_json()
    content = json.dumps(made, ensure_ascii=False, indent=1)
    if out is None:
        typer.echo(content)
        for each in file.archives:
            typer.echo(f"archived, give it along: {each}", err=True)
        return
    out.write_text(f"{content}\n", encoding="utf-8")
    answer = {
        "file": str(out),
        "events": len(made["events"]),
        "not_sealed": made["not_sealed"],
        "vkeys": made["vkeys"],
        "archives": [str(each) for each in file.archives],
    }
    here.answer(answer, text=_written_text)


def _written_text(answer: Mapping[str, Any]) -> str:
    older = "".join(f"\narchived, give it along: {each}" for each in answer["archives"])
    return (
        f"{answer['events']} events written to {answer['file']}, {answer['not_sealed']} not sealed "
        f"yet{older}\ngive the reader this key another way than the file: {answer['vkeys'][0]}"
    )
