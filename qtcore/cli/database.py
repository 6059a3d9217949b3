"""Commands for the database."""

import typer

from qtcore.cli.options import (
    DEFAULT_DB,
    AsJson,
    AsUser,
    Db,
    SiteDir,
    answering,
    context_of,
    print_answer,
)

db = typer.Typer(no_args_is_help=True)


@db.command("upgrade")
def upgrade(
    db: Db = DEFAULT_DB,
    *,
    site_dir: SiteDir = None,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """Bring the database to this release and publish changed definitions; make it when missing."""
    from qtcore.services.definitions import publish_registry
    from qtcore.services.jobs import settle
    from qtcore.services.site import open_site
    from qtcore.store.store import upgrade as run_upgrade

    with answering(as_json=as_json):
        before, after = run_upgrade(db)
        site = open_site(db, site_dir=site_dir)
        try:
            published = publish_registry(site, context_of(site, as_user))
            settle(site)
        finally:
            site.close()
        answer = {"from": before, "to": after, "definitions_published": published}
        print_answer(answer, as_json=as_json, text=lambda a: f"{a['from'] or 'new'} -> {a['to']}")
