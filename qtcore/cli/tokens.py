"""Commands for tokens, sessions and what users may do."""

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


def tokens(
    login: Annotated[str, typer.Argument(help="Whose; everybody's when left out.")] = "",
    *,
    db: Db = DEFAULT_DB,
    site_dir: SiteDir = None,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """List API tokens with scope, site, end and last use."""
    from qtcore.services.tokens import list_tokens

    with answering(as_json=as_json), opened(db, site_dir) as site:
        found = list_tokens(site, context_of(site, as_user), login=login)
        print_answer(
            {"items": found},
            as_json=as_json,
            text=_lines,
        )


def revoke(
    token_id: str,
    *,
    db: Db = DEFAULT_DB,
    site_dir: SiteDir = None,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """End an API token now."""
    from qtcore.services.tokens import revoke_token

    with answering(as_json=as_json), opened(db, site_dir, create=True) as site:
        revoke_token(site, context_of(site, as_user), token_id)
        answer = {"ended": token_id}
        print_answer(answer, as_json=as_json, text=lambda a: f"ended {a['ended']}")


def change(
    login: str,
    *,
    role: Annotated[list[str] | None, typer.Option(help="The roles; repeat for several.")] = None,
    at: Annotated[
        list[str] | None, typer.Option(help="A role at one site, as SITE:ROLE; repeat.")
    ] = None,
    state: Annotated[str | None, typer.Option(help="active or disabled")] = None,
    reason: Annotated[str, typer.Option(help="Why, for the history.")] = "",
    db: Db = DEFAULT_DB,
    site_dir: SiteDir = None,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """Change roles or state of a user; their sessions end."""
    from qtcore.services.users import UserChange, change_user

    pairs = [tuple(each.split(":", 1)) for each in at] if at is not None else None
    with answering(as_json=as_json), opened(db, site_dir, create=True) as site:
        wanted = UserChange(role, [(p[0], p[-1]) for p in pairs] if pairs else None, state, reason)
        answer = change_user(site, context_of(site, as_user), login, wanted)
        print_answer(answer, as_json=as_json, text=lambda a: f"{a['login']} is {a['state']}")


def end_sessions(
    login: str,
    *,
    db: Db = DEFAULT_DB,
    site_dir: SiteDir = None,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """End all sessions of a user."""
    from qtcore.services import users

    with answering(as_json=as_json), opened(db, site_dir, create=True) as site:
        ended = users.end_sessions(site, context_of(site, as_user), login)
        answer = {"login": login, "ended": ended}
        print_answer(answer, as_json=as_json, text=lambda a: f"ended {a['ended']} session(s)")


def _lines(answer: Mapping[str, Any]) -> str:
    return "\n".join(
        f"{t['token_id']}  {t['login']}  {t['name']}  {' '.join(t['scope']) or 'all rights'}  "
        f"{t['site'] or 'all sites'}  {t['revoked_at'] or t['expires_at'] or 'for ever'}"
        for t in answer["items"]
    )
