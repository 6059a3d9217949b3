"""Commands about configurations: what serves, what waits, compare, publish, roll back, migrate.

They must not check, compare or publish themselves.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from qtcore.cli.options import (
    Console,
    console,
    shown_progress,
)
from qtcore.errors import InputRejected

config = typer.Typer(no_args_is_help=True)

Draft = Annotated[
    str, typer.Argument(help="A draft (its id or the beginning of it); default: the only open one.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with the act.")]


@config.command("status")
@console()
def status(here: Console) -> None:
    """Say which version serves, what differs on disk, and which drafts are open."""
    from qtcore.services.status import read_status

    with here.site() as site:
        found = read_status(site, here.context(site))
        here.answer(found.as_json(), text=_status_text)


@config.command("draft")
@console()
def draft(
    here: Console,
    path: Annotated[
        Path | None, typer.Argument(help="A pack or site folder; default: what differs on disk.")
    ] = None,
    *,
    title: Annotated[str, typer.Option(help="What it is called.")] = "",
    reason: Reason = "",
    mappings: Annotated[
        list[str] | None,
        typer.Option("--map", help="WORKFLOW:OLD=NEW, where running records of a state go."),
    ] = None,
) -> None:
    """Open a draft of a folder, or stand for what differs on disk; who does is its author."""
    from qtcore.services.drafting import draft_folder

    with here.site(create=True) as site:
        found = draft_folder(
            site,
            here.context(site),
            path,
            title=title,
            reason=reason,
            mappings=read_mappings(mappings or []),
        )
        here.answer(found.as_json(), text=_draft_text)


@config.command("propose")
@console()
def propose(
    here: Console,
    draft_id: Draft = "",
    *,
    reason: Reason = "",
) -> None:
    """Stand for a draft with your name, such as a pending upgrade; another person then signs."""
    from qtcore.services.drafting import choose_draft
    from qtcore.services.drafts import propose_draft

    with here.site(create=True) as site:
        context = here.context(site)
        chosen = choose_draft(site, context, draft_id)
        found = propose_draft(site, context, chosen, reason=reason)
        here.answer(found.as_json(), text=_draft_text)


@config.command("discard")
@console()
def discard(
    here: Console,
    draft_id: Draft = "",
    *,
    reason: Reason = "",
) -> None:
    """Give a draft up; it stays readable."""
    from qtcore.services.drafting import choose_draft
    from qtcore.services.drafts import discard_draft

    with here.site(create=True) as site:
        context = here.context(site)
        chosen = choose_draft(site, context, draft_id)
        found = discard_draft(site, context, chosen, reason=reason)
        here.answer(found.as_json(), text=_draft_text)


@config.command("check")
@console()
def check(
    here: Console,
    draft_id: Draft = "",
) -> None:
    """Check, prove, compare and replay a draft; exit code 1 when it cannot be published."""
    from qtcore.services.draft_reports import Replays, check_draft
    from qtcore.services.drafting import choose_draft

    with here.site() as site:
        context = here.context(site)
        chosen = choose_draft(site, context, draft_id)
        with shown_progress("lots and records") as told:
            found = check_draft(site, context, chosen, replays=Replays(progress=told)).as_json()
        here.answer(found, text=_check_text)
        if not found["ok"]:
            raise typer.Exit(1)


@config.command("diff")
@console()
def diff(
    here: Console,
    versions: Annotated[
        list[str] | None,
        typer.Argument(
            help="A draft, a folder, or one or two version numbers; default: the draft."
        ),
    ] = None,
) -> None:
    """List what differs, in words: states, transitions, fields, rules, texts."""
    from qtcore.services.drafting import compare

    with here.site() as site:
        found = compare(site, here.context(site), tuple(versions or ()))
        answer = {"differences": [d.as_json() for d in found], "count": len(found)}
        here.answer(answer, text=_diff_text)


@config.command("publish")
@console()
def publish(
    here: Console,
    draft_id: Draft = "",
    *,
    reason: Reason = "",
    password_file: Annotated[
        Path | None, typer.Option(help="A file with the signer's password; - reads standard input.")
    ] = None,
) -> None:
    """Sign a draft as its second person (--as) and publish it; the password is asked for."""
    from qtcore.services.draft_reports import Replays
    from qtcore.services.drafting import choose_draft
    from qtcore.services.publication import Signing, publish_draft
    from qtcore.services.sign_proofs import Proof

    with here.site(create=True) as site:
        context = here.context(site)
        chosen = choose_draft(site, context, draft_id)
        signing = Signing(Proof(read_password(password_file)), reason)
        with shown_progress("lots and records") as told:
            replays = Replays(progress=told)
            found = publish_draft(site, context, chosen, signing, replays=replays).as_json()
        here.answer(found, text=lambda a: f"version {a['number']} is published")


@config.command("history")
@console()
def history(
    here: Console,
    number: Annotated[int, typer.Argument(help="One version with its report.")] = 0,
) -> None:
    """List the published versions, or show one with what its signer was shown."""
    from qtcore.services.publication import list_history, read_version

    with here.site() as site:
        context = here.context(site)
        if number:
            one = read_version(site, context, number).as_json(full=True)
            here.answer(one, text=_version_text)
        else:
            rows = [view.as_json() for view in list_history(site, context)]
            here.answer({"versions": rows}, text=_history_text)


@config.command("export")
@console()
def export(
    here: Console,
    number: Annotated[int, typer.Argument(help="The version.")],
    folder: Annotated[Path, typer.Argument(help="A new folder, one sub-folder for each pack.")],
) -> None:
    """Write the texts of a published version into a folder, word for word."""
    from qtcore.services.drafting import export_version

    with here.site() as site:
        files = export_version(site, here.context(site), number, folder)
        answer = {"number": number, "folder": str(folder), "files": files}
        here.answer(answer, text=lambda a: f"wrote {a['files']} files")


@config.command("rollback")
@console()
def rollback(
    here: Console,
    number: Annotated[int, typer.Argument(help="The older version.")],
    *,
    reason: Reason = "",
) -> None:
    """Open a draft with the texts of an older version; `publish` it as a new version."""
    from qtcore.services.publication import roll_back

    with here.site(create=True) as site:
        found = roll_back(site, here.context(site), number, reason=reason)
        here.answer(found.as_json(), text=_draft_text)


@config.command("migrate")
@console()
def migrate(
    here: Console,
    workflow: Annotated[str, typer.Argument(help="The workflow whose running records move.")],
    *,
    mappings: Annotated[list[str] | None, typer.Option("--map", help="OLD=NEW state.")] = None,
    fields: Annotated[list[str] | None, typer.Option("--field", help="OLD=NEW field.")] = None,
    run: Annotated[bool, typer.Option("--run", help="Do it; without it only shown.")] = False,
    reason: Reason = "",
) -> None:
    """Show what becomes of running records of older versions, or move them; 1: some cannot."""
    from qtcore.services.migration import StateMapping, preview_migration, run_migration

    with here.site(create=run) as site:
        context = here.context(site)
        states = dict(_pair(each) for each in mappings or ())
        renamed = dict(_pair(each) for each in fields or ())
        asked = StateMapping(workflow, states, renamed, reason)
        if run:
            with shown_progress("moved") as told:
                plan = run_migration(site, context, asked, told).as_json()
        else:
            plan = preview_migration(site, context, asked).as_json()
        here.answer(plan, text=_plan_text)
        if plan["counts"]["refused"]:
            raise typer.Exit(1)


def read_password(file: Path | None) -> str:
    """Read a password from a file, standard input, or a prompt that does not show it."""
    if file is None:
        if not sys.stdin.isatty():
            raise InputRejected("the password is asked for on a terminal; or give --password-file")
        return str(typer.prompt("Password", hide_input=True, err=True))
    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    return text.rstrip("\r\n")


def read_mappings(given: list[str]) -> dict[str, dict[str, str]]:
    """Read WORKFLOW:OLD=NEW texts."""
    found: dict[str, dict[str, str]] = {}
    for text in given:
        workflow, _, pair = text.partition(":")
        if not pair:
            raise InputRejected(f"{text!r} is no mapping; write WORKFLOW:OLD=NEW")
        old, new = _pair(pair)
        found.setdefault(workflow, {})[old] = new
    return found


def _pair(text: str) -> tuple[str, str]:
    old, sign, new = text.partition("=")
    if not old or not sign:
        raise InputRejected(f"{text!r} is no mapping; write OLD=NEW")
    return old, new


def _status_text(answer: Mapping[str, Any]) -> str:
    serving = answer["serving"]
    lines = [f"version {serving['number']} serves ({serving['origin']}, {serving['published_at']})"]
    pending = answer["pending"]
    if pending["files"]:
        lines.append(f"pending upgrade: {len(pending['files'])} files on disk differ")
        lines += [f"  {f['change']:>8}  {f['pack']}/{f['file']}" for f in pending["files"]]
        lines += [
            f"  {p['file']}:{p['line']}: {p['code']} {p['message']}" for p in pending["problems"]
        ]
    lines += [
        f"draft {d['draft_id']} ({d['origin']}) of {', '.join(d['authors']) or 'nobody yet'}: "
        f"{d['title']}, {len(d['files'])} files differ from version {d['base']}"
        for d in answer["drafts"]
    ]
    return "\n".join(lines)


def _draft_text(answer: Mapping[str, Any]) -> str:
    return (
        f"draft {answer['draft_id']} is {answer['state']}: {len(answer['files'])} files differ "
        f"from version {answer['base']}; authors: {', '.join(answer['authors']) or 'nobody yet'}"
    )


def _check_text(answer: Mapping[str, Any]) -> str:
    lines = [
        f"{p['file']}:{p['line']}:{p['column']}: {p['code']} {p['message']}"
        for p in answer["problems"]
    ]
    lines += [_diff_text(answer)]
    lines += [
        f"{s['count']} running in state {s['state']} of {s['workflow']}, which is removed: map it"
        for s in answer["stranded"]
    ]
    replay = answer["replay"]
    if replay:
        counts = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in replay["counts"].items())
        lines.append(f"replay of {replay['decisions']} decisions: {counts}")
    lines.append("it can be signed" if answer["ok"] else "IT CANNOT BE PUBLISHED")
    return "\n".join(line for line in lines if line)


def _diff_text(answer: Mapping[str, Any]) -> str:
    return "\n".join(d["words"]["en"] for d in answer["differences"]) or "no difference"


def _history_text(answer: Mapping[str, Any]) -> str:
    return "\n".join(
        f"{v['number']:>4}  {v['published_at'][:16]}  {v['published_by']:<16} {v['origin']:<12} "
        f"{v['title']} {v['reason']}".rstrip()
        for v in answer["versions"]
    )


def _version_text(answer: Mapping[str, Any]) -> str:
    told = _diff_text({"differences": answer["report"].get("differences", [])})
    return _history_text({"versions": [answer]}) + "\n" + told


def _plan_text(answer: Mapping[str, Any]) -> str:
    lines = [
        f"{m['outcome']:>8}  {m['label']}: {m['state']} -> {m['to_state'] or '?'} {m['reason']}"
        for m in answer["moves"]
    ]
    counts = ", ".join(f"{n} {name}" for name, n in answer["counts"].items())
    return "\n".join(
        [*lines, f"workflow {answer['workflow']} version {answer['to_version']}: {counts}"]
    )
