"""Commands for delegations: who acts for whom, with whose signature.

They must not know what a delegate does with it.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from qtcore.cli.options import (
    Console,
    console,
    context_of,
    read_password,
)

delegation = typer.Typer(no_args_is_help=True)

Why = Annotated[str, typer.Option(help="Why; kept in the history.")]


@delegation.command("make")
@console(acts=False)
def make(
    here: Console,
    principal: Annotated[str, typer.Argument(help="Login of the person who is represented.")],
    delegate: Annotated[str, typer.Argument(help="Login of the person who acts for them.")],
    *,
    until: Annotated[str, typer.Option(help="When it ends: a day, or a time with a zone.")],
    reason: Why,
    as_user: Annotated[
        str,
        typer.Option("--as", help="Login of who signs it; the OS user is recorded beside it."),
    ],
    since: Annotated[str, typer.Option("--from", help="When it begins; now when left out.")] = "",
    role: Annotated[
        list[str] | None, typer.Option(help="Lend only this role; repeat for several.")
    ] = None,
    action: Annotated[
        list[str] | None,
        typer.Option(help="Only this workflow or step, as deviation.approve; repeat for several."),
    ] = None,
    code: Annotated[
        str, typer.Option(help="Code of the signer's authenticator app, where one is enrolled.")
    ] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Let one person act for another, for a time; signed with the password, which is asked for."""
    from qtcore.services.delegation_signing import make_delegation
    from qtcore.services.delegations import DelegationInput
    from qtcore.services.moments import read_moment
    from qtcore.services.sign_proofs import Proof

    with here.site(create=True) as site:
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
        proof = Proof(read_password(from_stdin=password_stdin), code=code)
        here.answer(make_delegation(site, context, wanted, proof), text=_line)


@delegation.command("list")
@console()
def list_all(
    here: Console,
    *,
    login: Annotated[str, typer.Option(help="Only those by or to this person.")] = "",
) -> None:
    """List who acts for whom, the newest first; ended ones too."""
    from qtcore.services.delegations import list_delegations

    with here.site() as site:
        found = list_delegations(site, here.context(site), login=login)
        here.answer(
            {"items": found},
            text=lambda a: "\n".join(map(_line, a["items"])) or "nobody acts for anybody",
        )


@delegation.command("revoke")
@console()
def revoke(
    here: Console,
    uid: Annotated[str, typer.Argument(metavar="DELEGATION", help="Public id of the delegation.")],
    *,
    reason: Why,
) -> None:
    """End a delegation now; what was done by it stays as it is."""
    from qtcore.services.delegations import revoke_delegation

    with here.site(create=True) as site:
        ended = revoke_delegation(site, here.context(site), uid, reason)
        here.answer(ended, text=_line)


def _line(row: Mapping[str, Any]) -> str:
    scope = ", ".join((*row["roles"], *row["actions"])) or "everything"
    ended = f"; ended {row['revoked_at']} by {row['revoked_by']}" if row["revoked_at"] else ""
    period = f"{row['from']} to {row['to']}"
    who = f"{row['delegate']} acts for {row['principal']}"
    signed = ", ".join(f"{each['meaning_text']} {each['signer']}" for each in row["signatures"])
    last = f"{row['reason']}; {signed or 'not signed'}{ended}"
    return f"{row['delegation_id']}  {who}, {period}: {scope}; {last}"
