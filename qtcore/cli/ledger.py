"""Commands around the ledger's proof: witness, keys, restores, stamps, state.

They must not know how any of it is done.
"""

from collections.abc import Mapping
from pathlib import Path
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
        except NoteError as error:
            raise typer.BadParameter(str(error)) from error
        if not keys:
            raise typer.BadParameter("no log to watch; give --log with the log's vkey")
        running = Witness(folder, keys)
        typer.echo(f"witness key: {running.vkey}")
        for each in keys:
            typer.echo(f"watches: {each.name}")
        typer.echo(f"QTCore witness at http://{host}:{port}; stop it with Ctrl+C")
        serve_witness(running, host, port)


@ledger.command("state")
def state(*, db: Db = DEFAULT_DB, site_dir: SiteDir = None, as_json: AsJson = False) -> None:
    """Show how far the history is sealed; exit code 1 when an entry waits longer than a minute."""
    from qtcore.services.sealing import read_sealing

    with answering(as_json=as_json), opened(db, site_dir) as site:
        found = read_sealing(site)
        answer = {**found.as_json(), "vkey": site.signer.key.vkey}
        print_answer(answer, as_json=as_json, text=_state_text)
        if found.is_late:
            raise typer.Exit(1)


def _state_text(answer: Mapping[str, Any]) -> str:
    return (
        f"{answer['sealed']} events sealed, {answer['pending']} wait, the oldest for "
        f"{answer['lag_seconds']} s; last signed {answer['signed_at']}\nkey: {answer['vkey']}"
    )


@key.command("show")
def show_key(*, db: Db = DEFAULT_DB, site_dir: SiteDir = None, as_json: AsJson = False) -> None:
    """Show the public keys: the one in use, and those that signed before it."""
    with answering(as_json=as_json), opened(db, site_dir) as site:
        signer = site.signer
        answer = {
            "vkey": signer.key.vkey,
            "retired": [{"vkey": r.key.vkey, "last_size": r.last_size} for r in signer.retired],
        }
        print_answer(answer, as_json=as_json, text=_key_text)


def _key_text(answer: Mapping[str, Any]) -> str:
    lines = [answer["vkey"]]
    lines += [f"until {each['last_size']} events: {each['vkey']}" for each in answer["retired"]]
    return "\n".join(lines)


@key.command("rotate")
def rotate(
    *,
    reason: Why,
    db: Db = DEFAULT_DB,
    site_dir: SiteDir = None,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """Put a new signing key in place; the old one signs over to it and is destroyed."""
    from qtcore.services.keys import rotate_key

    with answering(as_json=as_json), opened(db, site_dir, create=True) as site:
        made = rotate_key(site, context_of(site, as_user), reason=reason)
        print_answer(made.as_json(), as_json=as_json, text=_rotated_text)


def _rotated_text(answer: Mapping[str, Any]) -> str:
    return (
        f"new key: {answer['new_vkey']}\nthe old key signed {answer['size']} events and is gone\n"
        "give the new key to your witnesses and inspectors, and back up the key folder"
    )


@ledger.command("witnesses")
def witnesses(*, db: Db = DEFAULT_DB, site_dir: SiteDir = None, as_json: AsJson = False) -> None:
    """Tell every witness of the newest state; exit code 1 when one does not agree."""
    from qtcore.services.witnessing import tell_witnesses

    with answering(as_json=as_json), opened(db, site_dir, create=True) as site:
        found = [seen.as_json() for seen in tell_witnesses(site)]
        print_answer({"witnesses": found}, as_json=as_json, text=_witnesses_text)
        if any(seen["standing"] != "agrees" for seen in found):
            raise typer.Exit(1)


def _witnesses_text(answer: Mapping[str, Any]) -> str:
    lines = [
        f"{each['witness']}: {each['standing']} {each['size'] or ''} {each['message']}".rstrip()
        for each in answer["witnesses"]
    ]
    return "\n".join(lines) or "no witness is configured; see docs/operating-the-ledger.md"


@ledger.command("accept-restore")
def accept_restore(
    *,
    reason: Why,
    as_user: Annotated[str, typer.Option("--as", help="Login of the person of QA who signs.")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    db: Db = DEFAULT_DB,
    site_dir: SiteDir = None,
    as_json: AsJson = False,
) -> None:
    """Sign what a restored backup has lost, so that writing is allowed again."""
    from qtcore.services.restoring import accept_restore as accept

    with answering(as_json=as_json), opened(db, site_dir, create=True) as site:
        password = read_password(from_stdin=password_stdin)
        lost = accept(site, context_of(site, as_user), password=password, reason=reason)
        print_answer(lost.as_json(), as_json=as_json, text=_lost_text)


def _lost_text(answer: Mapping[str, Any]) -> str:
    return (
        f"events {answer['from']} to {answer['to']}, seen by {answer['witness']}, are told as "
        f"lost; the log goes on as incarnation {answer['incarnation']}"
    )


@ledger.command("stamp")
def stamp(*, db: Db = DEFAULT_DB, site_dir: SiteDir = None, as_json: AsJson = False) -> None:
    """Have the newest checkpoint time-stamped (RFC 3161) by every configured authority."""
    from qtcore.services.stamping import stamp_newest

    with answering(as_json=as_json), opened(db, site_dir, create=True) as site:
        made = {each.name: stamp_newest(site, each) for each in site.outposts.authorities}
        answer = {"stamps": {name: at.isoformat() if at else None for name, at in made.items()}}
        print_answer(answer, as_json=as_json, text=_stamps_text)


def _stamps_text(answer: Mapping[str, Any]) -> str:
    lines = [f"{name}: {at or 'has stamped it already'}" for name, at in answer["stamps"].items()]
    return "\n".join(lines) or "no authority is configured; see docs/operating-the-ledger.md"
