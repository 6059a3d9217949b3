"""Commands for users and tokens."""

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
    language: Annotated[str, typer.Option(help="en or zh-CN")] = "en",
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
