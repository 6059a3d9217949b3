"""Commands for users, their tokens, and who they are at an identity provider."""

from typing import Annotated

import typer

from qtcore.cli.options import (
    Console,
    console,
)

user = typer.Typer(no_args_is_help=True)


@user.command("add")
@console()
def add(
    here: Console,
    login: str,
    *,
    name: Annotated[str, typer.Option(help="Printed name, as on signatures.")] = "",
    role: Annotated[list[str] | None, typer.Option(help="A role; repeat for several.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    language: Annotated[
        str, typer.Option(help="en or zh-CN; as their browser asks without it.")
    ] = "",
    email: Annotated[str, typer.Option(help="Where messages to the roles are sent.")] = "",
) -> None:
    """Make a person with an account; without a password the account works by token only."""
    from qtcore.services.accounts import NewUser, add_user

    password = typer.get_text_stream("stdin").readline().rstrip("\n") if password_stdin else ""
    with here.site(create=True) as site:
        entry = NewUser(login, name or login, tuple(role or ()), password, email, language)
        uid = add_user(site, here.context(site), entry)
        answer = {"user_id": uid, "login": login, "roles": sorted(entry.roles)}
        here.answer(answer, text=lambda a: f"made user {a['login']}")


@user.command("link")
@console()
def link(
    here: Console,
    login: str,
    subject: Annotated[str, typer.Argument(help="What the provider calls them (sub).")],
    *,
    provider: Annotated[str, typer.Option(help="The provider's id in providers.toml.")],
) -> None:
    """Link a user to a person of an identity provider, so that they sign in there."""
    from qtcore.services.identities import link_identity

    with here.site(create=True) as site:
        answer = link_identity(
            site, here.context(site), login, provider_id=provider, subject=subject
        )
        here.answer(answer, text=lambda a: f"linked {login} to {a['subject']} of {a['issuer']}")


@user.command("unlink")
@console()
def unlink(here: Console, login: str, link_id: str) -> None:
    """End the link of a user to a provider; their sessions end."""
    from qtcore.services.identities import unlink_identity

    with here.site(create=True) as site:
        unlink_identity(site, here.context(site), login, link_id)
        here.answer({"ended": link_id}, text=lambda a: f"ended the link {a['ended']}")


@user.command("links")
@console()
def links(here: Console, login: str) -> None:
    """List whom of which provider a user is."""
    from qtcore.services.identities import list_links

    with here.site() as site:
        found = list_links(site, here.context(site), login=login)
        here.answer_list(
            found,
            line=lambda each: f"{each['link_id']}  {each['provider']}  {each['subject']}",
            none=f"{login} is linked to no provider",
        )


@user.command("token")
@console()
def token(
    here: Console,
    login: str,
    *,
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    scope: Annotated[
        list[str] | None, typer.Option(help="A right it is good for; repeat. All when left out.")
    ] = None,
    at: Annotated[str, typer.Option(help="The one site it sees.")] = "",
    days: Annotated[int | None, typer.Option(help="Days until it ends.")] = None,
) -> None:
    """Make an API token and print it alone on the last line; it is not shown again.

    On a database without users, `qtcore user token admin` makes the first administrator.
    """
    from qtcore.services.accounts import has_users
    from qtcore.services.tokens import NewToken, add_token, make_token

    with here.site(create=True) as site:
        context = here.context(site)
        if has_users(site):
            new = NewToken(login, name, tuple(scope or ()), at, days)
            secret = str(make_token(site, context, new)["token"])
        else:
            secret = add_token(site, context, login, name=name)
        if here.as_json:
            here.answer({"login": login, "token": secret}, text=str)
        else:
            typer.echo(f"token of {login}; keep it safe, it is not shown again:")
            typer.echo(secret)
