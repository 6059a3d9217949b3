"""Commands that load and write files."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from qtcore.cli.options import (
    Console,
    console,
    read_files,
    shown_progress,
    steady_content,
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
    if answer.get("dry_run"):
        lines.append("a trial: nothing was kept")
    return "\n".join(lines)


MappingFile = Annotated[Path, typer.Option("--mapping", help="Mapping file (YAML).")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Do everything, keep nothing.")]
Quarantine = Annotated[
    Path | None,
    typer.Option(help="Write refused rows with their reasons here, to be mended and loaded."),
]


@imports.command("csv")
@imports.command("xlsx")
@console()
def import_table(
    here: Console,
    files: Files,
    *,
    mapping: MappingFile,
    dry_run: DryRun = False,
    quarantine: Quarantine = None,
) -> None:
    """Load tables by a mapping; rows with a problem are quarantined and listed (exit code 1).

    CSV files and Excel sheets are told apart by their content. A load that was cut off is gone on
    with when the same command is given again.
    """
    from qtcore.services.table_loads import import_table as run_import
    from qtcore.services.table_loads import refused_rows

    with TemporaryDirectory() as folder:
        data = [(path.name, steady_content(path, Path(folder))) for path in files]
        rules = read_files([mapping])[0]
        with here.site(create=True) as site, shown_progress() as progress:
            report = run_import(
                site, here.context(site), data, rules, dry_run=dry_run, progress=progress
            )
            if quarantine is not None:
                quarantine.write_bytes(refused_rows(site, data, rules, report))
        answer = {**report.as_json(), "dry_run": dry_run}
        here.answer(answer, text=_report_text)
        if report.refused:
            raise typer.Exit(1)


@imports.command("list")
@console()
def list_imports(here: Console) -> None:
    """List the latest loads, newest first."""
    from qtcore.services.import_runs import list_imports as run_list

    with here.site() as site:
        runs = [run.as_json() for run in run_list(site, here.context(site))]
        here.answer({"items": runs}, text=_runs_text)


def _runs_text(answer: Mapping[str, Any]) -> str:
    lines = [
        f"{run['import_id']}  {run['state']:8} {run['format']:6} {run['started_at'][:19]}  "
        f"read {run['read']}, stored {run['stored']}, refused {run['refused']}  {run['file']}"
        for run in answer["items"]
    ]
    return "\n".join(lines) or "nothing was loaded yet"


ImportArgument = Annotated[str, typer.Argument(help="The import_id of a load.")]


@imports.command("show")
@console()
def show_import(
    here: Console,
    import_id: ImportArgument,
) -> None:
    """Show the report kept of a load: counts, sums, checksums, problems."""
    from qtcore.services.import_runs import read_import

    with here.site() as site:
        run = read_import(site, here.context(site), import_id)
        here.answer(run.as_json(), text=_run_text)


def _run_text(run: Mapping[str, Any]) -> str:
    lines = [f"{name}: {run[name]}" for name in ("state", "file", "sha256", "mapping_sha256")]
    lines += [f"{name}: {total}" for name, total in run["sums"].items()]
    return "\n".join([*lines, _report_text(run)])


@imports.command("undo")
@console()
def undo_import(
    here: Console,
    import_id: ImportArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why the load is taken back.")],
) -> None:
    """Take a load back as a whole, while nothing depends on it (else exit code 1)."""
    from qtcore.services.import_runs import undo_import as run_undo

    with here.site(create=True) as site:
        run = run_undo(site, here.context(site), import_id, reason=reason)
        here.answer(run.as_json(), text=lambda r: f"{r['import_id']} is {r['state']}")


@imports.command("epcis")
@console()
def import_epcis(
    here: Console,
    files: Files,
) -> None:
    """Load EPCIS documents, JSON or XML; each is stored whole, or refused with its faults."""
    from qtcore.services.interchange import import_epcis as run_import

    data = read_files(files)
    with here.site(create=True) as site:
        report = run_import(site, here.context(site), data)
    here.answer(report.as_json(), text=_report_text)
    if report.refused:
        raise typer.Exit(1)


@exports.command("epcis")
@console()
def export_epcis(
    here: Console,
    *,
    lot: Annotated[str, typer.Option(help="Only the chain of this lot.")] = "",
    notation: Annotated[str, typer.Option("--format", help="json or xml.")] = "json",
    schema_version: Annotated[str, typer.Option(help="2.0, or of XML also 1.2.")] = "2.0",
    keys: Annotated[str, typer.Option(help="GS1 keys: as_sent, digital_link or urn.")] = "as_sent",
    out: Annotated[
        Path | None, typer.Option(help="File to write; default: standard output.")
    ] = None,
) -> None:
    """Write events, and what is known of their things and places, as an EPCIS document.

    An event that the version asked for cannot tell is named, and nothing is written.
    """
    from qtcore.services.interchange import ExportForm, export_text
    from qtcore.services.interchange import export_epcis as run_export

    with here.site() as site:
        form = ExportForm(notation, schema_version, keys)
        document = run_export(site, here.context(site), lot=lot, keys=keys)
        text = export_text(document, form)
        if out is None:
            typer.echo(text)
        else:
            out.write_text(text, encoding="utf-8")
            answer = {"file": str(out), "events": len(document["epcisBody"]["eventList"])}
            here.answer(answer, text=lambda a: f"{a['events']} events written")
