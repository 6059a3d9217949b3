"""Commands for the database."""

import typer

from qtcore.cli.options import DEFAULT_DB, AsJson, Db, SiteDir, answering, opened, print_answer

db = typer.Typer(no_args_is_help=True)


@db.command("upgrade")
def upgrade(db: Db = DEFAULT_DB, site_dir: SiteDir = None, as_json: AsJson = False) -> None:
    """Bring the database to this release and publish changed definitions; make it when missing."""
    from qtcore.services.definitions import publish_registry
    from qtcore.store.store import upgrade as run_upgrade

    with answering(as_json=as_json):
        before, after = run_upgrade(db)
        with opened(db, site_dir, create=True) as site:
            published = publish_registry(site, site.system_context())
        answer = {"from": before, "to": after, "definitions_published": published}
        print_answer(answer, as_json=as_json, text=lambda a: f"{a['from'] or 'new'} -> {a['to']}")
