"""Commands for the database."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from qtcore.cli.options import (
    Console,
    console,
)

db = typer.Typer(no_args_is_help=True)


@db.command("upgrade")
@console()
def upgrade(here: Console) -> None:
    """Bring the database to this release and publish changed definitions; make it when missing."""
    from qtcore.services.definitions import publish_registry
    from qtcore.services.jobs import settle
    from qtcore.services.site import open_site, require_own_pack
    from qtcore.store.store import upgrade as run_upgrade

    before, after = run_upgrade(here.db)
    site = open_site(here.db, site_dir=here.site_dir)
    try:
        require_own_pack(site, here.site_dir)
        published = publish_registry(site, here.context(site))
        settle(site)
    finally:
        site.close()
    answer = {"from": before, "to": after, "definitions_published": published}
    here.answer(answer, text=lambda a: f"{a['from'] or 'new'} -> {a['to']}")


@db.command("fsck")
@console()
def fsck(
    here: Console,
    *,
    journal: Annotated[
        Path | None,
        typer.Option("--journal", help="File with one public id a line that clients were told of."),
    ] = None,
) -> None:
    """Check the invariants I1 to I13; each violation is named with its place, exit code 1 then."""
    from qtcore.services.integrity.fsck import check_database

    with here.site() as site:
        lines = journal.read_text(encoding="utf-8").splitlines() if journal else []
        checked = check_database(site, here.context(site), journal=lines)
        here.answer(checked.as_json(), text=_fsck_text)
        if not checked.is_sound:
            raise typer.Exit(1)


def _fsck_text(answer: Mapping[str, Any]) -> str:
    lines = [f"{v['invariant']} {v['place']}: {v['message']}" for v in answer["violations"]]
    counts = " ".join(f"{name}:{count}" for name, count in answer["checked"].items())
    verdict = "every promise holds" if answer["ok"] else "PROMISES ARE BROKEN"
    return "\n".join([*lines, f"{verdict}; violations {counts}; {answer['seconds']} s"])


BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help="The file of the backup.")]


@db.command("backup")
@console(site=False, acts=False)
def backup(here: Console, file: BackupFile) -> None:
    """Copy the database in use into a new FILE and check it; exit code 1 when it is broken."""
    from qtcore.services.backup import back_up

    made = back_up(here.db, file)
    here.answer(made.as_json(), text=_backup_text)
    if not made.checked.is_sound:
        raise typer.Exit(1)


@db.command("restore")
@console(site=False, acts=False)
def restore(here: Console, file: BackupFile) -> None:
    """Fill a new or empty database from FILE, after the backup was checked elsewhere."""
    from qtcore.services.backup import restore as put_back

    made = put_back(file, here.db)
    here.answer(made.as_json(), text=_restored_text)


def _backup_text(answer: Mapping[str, Any]) -> str:
    lines = [f"{v['invariant']} {v['place']}: {v['message']}" for v in answer["violations"]]
    verdict = "verified" if answer["verified"] else "THE DATABASE BREAKS PROMISES"
    lines.append(f"{answer['file']}: {answer['sealed']} events sealed, {verdict}")
    return "\n".join([*lines, f"sha256 {answer['sha256']}", f"keys: {answer['keys']}"])


def _restored_text(answer: Mapping[str, Any]) -> str:
    return (
        f"restored from {answer['file']}: {answer['sealed']} events sealed, verified\n"
        "run `qtcore db upgrade` next when the backup is of an older release; when witnesses have "
        "seen more than it holds, the site is read-only until QA signs for the loss"
    )
