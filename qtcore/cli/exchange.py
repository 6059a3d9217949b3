"""Commands that load and write files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

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
    read_files,
)

imports = typer.Typer(no_args_is_help=True)
exports = typer.Typer(no_args_is_help=True)

Files = Annotated[list[Path], typer.Argument(help="The files, in any order.")]


def _report_text(answer: Mapping[str, Any]) -> str:
    lines = [f"{p['where']}: {p['code']} {p['message']}" for p in answer["problems"]]
    lines.append(
        f"read {answer['read']}, stored {answer['stored']}, already there {answer['duplicates']}, "
        f"refused {answer['refused']}"
    )
    return "\n".join(lines)


@imports.command("csv")
def import_csv(
    files: Files,
    *,
    mapping: Annotated[Path, typer.Option("--mapping", help="Mapping file (YAML).")],
    db: Db = DEFAULT_DB,
    site_dir: SiteDir = None,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """Load tables by a mapping; rows with a problem are quarantined and listed (exit code 1)."""
    from qtcore.services.interchange import import_csv as run_import

    with answering(as_json=as_json):
        data, rules = read_files(files), read_files([mapping])[0]
        with opened(db, site_dir, create=True) as site:
            report = run_import(site, context_of(site, as_user), data, rules)
        print_answer(report.as_json(), as_json=as_json, text=_report_text)
        if report.refused:
            raise typer.Exit(1)


@imports.command("epcis")
def import_epcis(
    files: Files,
    *,
    db: Db = DEFAULT_DB,
    site_dir: SiteDir = None,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """Load EPCIS documents, JSON or XML; each is stored whole, or refused with its faults."""
    from qtcore.services.interchange import import_epcis as run_import

    with answering(as_json=as_json):
        data = read_files(files)
        with opened(db, site_dir, create=True) as site:
            report = run_import(site, context_of(site, as_user), data)
        print_answer(report.as_json(), as_json=as_json, text=_report_text)
        if report.refused:
            raise typer.Exit(1)


@exports.command("epcis")
def export_epcis(
    *,
    lot: Annotated[str, typer.Option(help="Only the chain of this lot.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="File to write; default: standard output.")
    ] = None,
    db: Db = DEFAULT_DB,
    site_dir: SiteDir = None,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """Write events as an EPCIS 2.0 document."""
    from qtcore.services.interchange import export_epcis as run_export
    from qtcore.services.interchange import export_text

    with answering(as_json=as_json), opened(db, site_dir) as site:
        document = run_export(site, context_of(site, as_user), lot=lot)
        text = export_text(document)
        if out is None:
            typer.echo(text)
        else:
            out.write_text(text, encoding="utf-8")
            answer = {"file": str(out), "events": len(document["epcisBody"]["eventList"])}
            print_answer(answer, as_json=as_json, text=lambda a: f"{a['events']} events written")
