"""Commands that take something out of the history: erase, archive, legal holds.

They must not know how proofs stay intact.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from qtcore.cli.ledger import Why
from qtcore.cli.options import (
    Console,
    console,
    context_of,
    read_password,
)

hold = typer.Typer(no_args_is_help=True)


@console(acts=False)
def erase(
    here: Console,
    *,
    ground: Annotated[str, typer.Option("--ground", help="Legal ground, such as GDPR Art. 17.")],
    reason: Why,
    second: Annotated[str, typer.Option("--second", help="Login of the person who approves.")],
    as_user: Annotated[str, typer.Option("--as", help="Login of the person who erases.")],
    person: Annotated[str, typer.Option("--person", help="Login whose values go.")] = "",
    event: Annotated[str, typer.Option("--event", help="Public id of one entry.")] = "",
    field: Annotated[
        list[str] | None, typer.Option("--field", help="A field of that entry; repeatable.")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the second's password from stdin.")
    ] = False,
) -> None:
    """Erase personal values; two persons, a legal ground, and an event that tells of it."""
    from qtcore.services.erasing import Erasure, SecondPerson, erase_personal

    if bool(person) == bool(event):
        raise typer.BadParameter("give either --person or --event with --field")
    with here.site(create=True) as site:
        password = read_password(from_stdin=password_stdin, prompt=f"Password of {second}")
        fields = tuple((event, name) for name in field or ())
        asked = Erasure(ground, reason, fields, person)
        context = context_of(site, as_user)
        count = erase_personal(site, context, asked, SecondPerson(second, password))
        here.answer({"erased": count}, text=lambda a: f"{a['erased']} values are erased")


@console()
def archive(
    here: Console,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The proof file to write.")],
    before: Annotated[datetime, typer.Option(help="Events recorded before this time (UTC) go.")],
) -> None:
    """Move the beginning of the history into a proof file; what follows still verifies."""
    from qtcore.services.retention import archive_history

    with here.site(create=True) as site:
        context = here.context(site)
        made = archive_history(site, context, before.replace(tzinfo=UTC), file)
        here.answer(
            made.as_json(),
            text=lambda a: f"events {a['from']} to {a['to']} are in {a['file']} now",
        )


@hold.command("place")
@console()
def place(
    here: Console,
    subject: Annotated[str, typer.Argument(help="Public id of a thing, or * for everything.")],
    *,
    reason: Why,
) -> None:
    """Place a legal hold."""
    from qtcore.services.legal_holds import place_legal_hold

    with here.site(create=True) as site:
        uid = place_legal_hold(site, here.context(site), subject, reason=reason)
        here.answer({"hold_id": uid}, text=lambda a: str(a["hold_id"]))


@hold.command("lift")
@console()
def lift(
    here: Console,
    uid: Annotated[str, typer.Argument(metavar="HOLD", help="Public id of the hold.")],
    *,
    reason: Why,
) -> None:
    """Lift a legal hold."""
    from qtcore.services.legal_holds import lift_legal_hold

    with here.site(create=True) as site:
        lift_legal_hold(site, here.context(site), uid, reason=reason)
        here.answer({"lifted": uid}, text=lambda a: f"{a['lifted']} is lifted")


@hold.command("list")
@console()
def list_all(here: Console) -> None:
    """List the legal holds in force."""
    from qtcore.services.legal_holds import list_legal_holds

    with here.site() as site:
        holds = list_legal_holds(site, here.context(site))
        here.answer_list(
            holds,
            name="holds",
            line=lambda each: f"{each['hold_id']} on {each['subject']}: {each['reason']}",
            none="no legal hold is in force",
        )
