"""Commands around the ledger's proof: witness, keys, restores, stamps, state.

They must not know how any of it is done.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from qtcore.cli.options import (
    Console,
    answering,
    console,
    context_of,
    read_password,
)

ledger = typer.Typer(no_args_is_help=True)
key = typer.Typer(no_args_is_help=True)
ledger.add_typer(key, name="key", help="The key that signs the log.")
Why = Annotated[str, typer.Option("--reason", help="Why; it stands in the history.")]


def witness(
    folder: Annotated[Path, typer.Option("--folder", help="Folder of its key and its book.")],
    logs: Annotated[
        list[str] | None,
        typer.Option("--log", help="Public key (vkey) of a log to watch; repeatable, remembered."),
    ] = None,
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8001,
    db: Annotated[str, typer.Option("--db", hidden=True)] = "",
) -> None:
    """Run a witness (C2SP tlog-witness) on another department's machine; it needs no database."""
    from qtcore.engines.ledger import NoteError
    from qtcore.http.witness import Witness, read_logs, serve_witness

    with answering(as_json=False):
        try:
            keys = read_logs(folder, logs or [])
        except (NoteError, OSError, UnicodeDecodeError) as error:
            raise typer.BadParameter(f"{folder}: {error}") from error
        if not keys:
            raise typer.BadParameter("no log to watch; give --log with the log's vkey")
        running = Witness(folder, keys)
        typer.echo(f"witness key: {running.vkey}")
        for each in keys:
            typer.echo(f"watches: {each.name}")
        typer.echo(f"QTCore witness at http://{host}:{port}; stop it with Ctrl+C")
        serve_witness(running, host, port)


@ledger.command("state")
@console(acts=False)
def state(here: Console) -> None:
    """Show how far the history is sealed; exit code 1 when an entry waits longer than a minute."""
    from qtcore.services.sealing import read_sealing

    with here.site() as site:
        found = read_sealing(site)
        answer = {**found.as_json(), "vkey": site.signer.key.vkey}
        here.answer(answer, text=_state_text)
        if found.is_late:
            raise typer.Exit(1)


def _state_text(answer: Mapping[str, Any]) -> str:
    return (
        f"{answer['sealed']} events sealed, {answer['pending']} wait, the oldest for "
        f"{answer['lag_seconds']} s; last signed {answer['signed_at']}\nkey: {answer['vkey']}"
    )


@key.command("show")
@console(acts=False)
def show_key(here: Console) -> None:
    """Show the public keys: the one in use, and those that signed before it."""
    with here.site() as site:
        signer = site.signer
        answer = {
            "vkey": signer.key.vkey,
            "retired": [{"vkey": r.key.vkey, "last_size": r.last_size} for r in signer.retired],
        }
        here.answer(answer, text=_key_text)


def _key_text(answer: Mapping[str, Any]) -> str:
    lines = [answer["vkey"]]
    lines += [f"until {each['last_size']} events: {each['vkey']}" for each in answer["retired"]]
    return "\n".join(lines)


@key.command("rotate")
@console()
def rotate(
    here: Console,
    *,
    reason: Why,
) -> None:
    """Put a new signing key in place; the old one signs over to it and is destroyed."""
    from qtcore.services.keys import rotate_key

    with here.site(create=True) as site:
        made = rotate_key(site, here.context(site), reason=reason)
        here.answer(made.as_json(), text=_rotated_text)


def _rotated_text(answer: Mapping[str, Any]) -> str:
    return (
        f"new key: {answer['new_vkey']}\nthe old key signed {answer['size']} events and is gone\n"
        "give the new key to your witnesses and inspectors, and back up the key folder"
    )


@ledger.command("witnesses")
@console(acts=False)
def witnesses(here: Console) -> None:
    """Tell every witness of the newest state; exit code 1 when one does not agree."""
    from qtcore.services.witnessing import tell_witnesses

    with here.site(create=True) as site:
        found = [seen.as_json() for seen in tell_witnesses(site)]
        here.answer({"witnesses": found}, text=_witnesses_text)
        if any(seen["standing"] != "agrees" for seen in found):
            raise typer.Exit(1)


def _witnesses_text(answer: Mapping[str, Any]) -> str:
    lines = [
        f"{each['witness']}: {each['standing']} {each['size'] or ''} {each['message']}".rstrip()
        for each in answer["witnesses"]
    ]
    return "\n".join(lines) or "no witness is configured; see docs/operating-the-ledger.md"


@ledger.command("accept-restore")
@console(acts=False)
def accept_restore(
    here: Console,
    *,
    reason: Why,
    as_user: Annotated[str, typer.Option("--as", help="Login of the person of QA who signs.")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Sign what a restored backup has lost, so that writing is allowed again."""
    from qtcore.services.restoring import accept_restore as accept

    with here.site(create=True) as site:
        password = read_password(from_stdin=password_stdin)
        lost = accept(site, context_of(site, as_user), password=password, reason=reason)
        here.answer(lost.as_json(), text=_lost_text)


def _lost_text(answer: Mapping[str, Any]) -> str:
    return (
        f"events {answer['from']} to {answer['to']}, seen by {answer['witness']}, are told as "
        f"lost; the log goes on as incarnation {answer['incarnation']}"
    )


@ledger.command("stamp")
@console(acts=False)
def stamp(here: Console) -> None:
    """Have the newest checkpoint time-stamped (RFC 3161) by every configured authority."""
    from qtcore.services.stamping import stamp_newest

    with here.site(create=True) as site:
        made = {each.name: stamp_newest(site, each) for each in site.outposts.authorities}
        answer = {"stamps": {name: at.isoformat() if at else None for name, at in made.items()}}
        here.answer(answer, text=_stamps_text)


def _stamps_text(answer: Mapping[str, Any]) -> str:
    lines = [f"{name}: {at or 'has stamped it already'}" for name, at in answer["stamps"].items()]
    return "\n".join(lines) or "no authority is configured; see docs/operating-the-ledger.md"
