"""Commands for delegations: who acts for whom.

They must not know what a delegate does with it.
"""

from collections.abc import Mapping
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
)

delegation = typer.Typer(no_args_is_help=True)

Why = Annotated[str, typer.Option(help="Why; kept in the history.")]


@delegation.command("make")
def make(
    principal: Annotated[str, typer.Argument(help="Login of the person who is represented.")],
    delegate: Annotated[str, typer.Argument(help="Login of the person who acts for them.")],
    *,
    until: Annotated[str, typer.Option(help="When it ends: a day, or a time with a zone.")],
    reason: Why,
    since: Annotated[str, typer.Option("--from", help="When it begins; now when left out.")] = "",
    role: Annotated[
        list[str] | None, typer.Option(help="Lend only this role; repeat for several.")
    ] = None,
    action: Annotated[
        list[str] | None,
        typer.Option(help="Only this workflow or step, as deviation.approve; repeat for several."),
    ] = None,
    db: Db = DEFAULT_DB,
    site_dir: SiteDir = None,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """Let one person act for another, for a time."""
    from qtcore.services.delegations import DelegationInput, make_delegation
    from qtcore.services.moments import read_moment

    with answering(as_json=as_json), opened(db, site_dir, create=True) as site:
        context = context_of(site, as_user)
        wanted = DelegationInput(
            principal,
            delegate,
            read_moment("--until", until) or context.at,
            reason,
            read_moment("--from", since, is_end=False),
            tuple(role or ()),
            tuple(action or ()),
        )
        print_answer(make_delegation(site, context, wanted), as_json=as_json, text=_line)


@delegation.command("list")
def list_all(
    *,
    login: Annotated[str, typer.Option(help="Only those by or to this person.")] = "",
    db: Db = DEFAULT_DB,
    site_dir: SiteDir = None,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """List who acts for whom, the newest first; ended ones too."""
    from qtcore.services.delegations import list_delegations

    with answering(as_json=as_json), opened(db, site_dir) as site:
        found = list_delegations(site, context_of(site, as_user), login=login)
        print_answer(
            {"items": found},
            as_json=as_json,
            text=lambda a: "\n".join(map(_line, a["items"])) or "nobody acts for anybody",
        )


@delegation.command("revoke")
def revoke(
    uid: Annotated[str, typer.Argument(metavar="DELEGATION", help="Public id of the delegation.")],
    *,
    reason: Why,
    db: Db = DEFAULT_DB,
    site_dir: SiteDir = None,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """End a delegation now; what was done by it stays as it is."""
    from qtcore.services.delegations import revoke_delegation

    with answering(as_json=as_json), opened(db, site_dir, create=True) as site:
        ended = revoke_delegation(site, context_of(site, as_user), uid, reason)
        print_answer(ended, as_json=as_json, text=_line)


def _line(row: Mapping[str, Any]) -> str:
    scope = ", ".join((*row["roles"], *row["actions"])) or "everything"
    ended = f"; ended {row['revoked_at']} by {row['revoked_by']}" if row["revoked_at"] else ""
    period = f"{row['from']} to {row['to']}"
    who = f"{row['delegate']} acts for {row['principal']}"
    return f"{row['delegation_id']}  {who}, {period}: {scope}; {row['reason']}{ended}"
