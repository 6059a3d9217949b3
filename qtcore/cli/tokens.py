"""Commands for tokens, sessions and what users may do."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from qtcore.cli.options import (
    Console,
    console,
)


@console()
def tokens(
    here: Console,
    login: Annotated[str, typer.Argument(help="Whose; everybody's when left out.")] = "",
) -> None:
    """List API tokens with scope, site, end and last use."""
    from qtcore.services.tokens import list_tokens

    with here.site() as site:
        found = list_tokens(site, here.context(site), login=login)
        here.answer(
            {"items": found},
            text=_lines,
        )


@console()
def revoke(
    here: Console,
    token_id: str,
) -> None:
    """End an API token now."""
    from qtcore.services.tokens import revoke_token

    with here.site(create=True) as site:
        revoke_token(site, here.context(site), token_id)
        answer = {"ended": token_id}
        here.answer(answer, text=lambda a: f"ended {a['ended']}")


@console()
def change(
    here: Console,
    login: str,
    *,
    role: Annotated[list[str] | None, typer.Option(help="The roles; repeat for several.")] = None,
    at: Annotated[
        list[str] | None, typer.Option(help="A role at one site, as SITE:ROLE; repeat.")
    ] = None,
    state: Annotated[str | None, typer.Option(help="active or disabled")] = None,
    reason: Annotated[str, typer.Option(help="Why, for the history.")] = "",
) -> None:
    """Change roles or state of a user; their sessions end."""
    from qtcore.services.users import UserChange, change_user

    pairs = [tuple(each.split(":", 1)) for each in at] if at is not None else None
    with here.site(create=True) as site:
        wanted = UserChange(role, [(p[0], p[-1]) for p in pairs] if pairs else None, state, reason)
        answer = change_user(site, here.context(site), login, wanted)
        here.answer(answer, text=lambda a: f"{a['login']} is {a['state']}")


@console()
def end_sessions(
    here: Console,
    login: str,
) -> None:
    """End all sessions of a user."""
    from qtcore.services import users

    with here.site(create=True) as site:
        ended = users.end_sessions(site, here.context(site), login)
        answer = {"login": login, "ended": ended}
        here.answer(answer, text=lambda a: f"ended {a['ended']} session(s)")


def _lines(answer: Mapping[str, Any]) -> str:
    return "\n".join(
        f"{t['token_id']}  {t['login']}  {t['name']}  {' '.join(t['scope']) or 'all rights'}  "
        f"{t['site'] or 'all sites'}  {t['revoked_at'] or t['expires_at'] or 'for ever'}"
        for t in answer["items"]
    )
