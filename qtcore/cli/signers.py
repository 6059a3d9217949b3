"""Commands for signers and signatures: who may sign, and what was signed.

They must not know how a proof is checked.
"""

from datetime import date
from typing import Annotated, Literal

import typer

from qtcore.cli.options import (
    Console,
    console,
)

signer = typer.Typer(no_args_is_help=True)
signature = typer.Typer(no_args_is_help=True)

Evidence = Annotated[str, typer.Option(help="What was seen: a document, a certificate.")]


@signer.command("show")
@console()
def show(
    here: Console,
    login: str,
) -> None:
    """Show what is known of a signer: lock, identity, factors, policies, trainings."""
    from qtcore.services.signers import read_signer

    with here.site() as site:
        found = read_signer(site, here.context(site), login)
        here.answer(found, text=_lines)


@signer.command("identify")
@console()
def identify(
    here: Console,
    login: str,
    *,
    method: Annotated[str, typer.Option(help="How: in person, by video, by the HR file.")],
    evidence: Evidence,
) -> None:
    """Record that the person behind a login was identified (21 CFR 11.100(b))."""
    from qtcore.services.signers import verify_identity

    with here.site(create=True) as site:
        context = here.context(site)
        verify_identity(site, context, login, method=method, evidence=evidence)
        here.answer({"login": login}, text=lambda a: f"identified {a['login']}")


@signer.command("train")
@console()
def train(
    here: Console,
    login: str,
    topic: str,
    *,
    evidence: Evidence,
    since: Annotated[str, typer.Option("--from", help="First day; today when left out.")] = "",
    until: Annotated[str, typer.Option(help="Last day; open when left out.")] = "",
) -> None:
    """Record that a person is trained for a topic (21 CFR 11.10(i))."""
    from qtcore.services.signers import TrainingInput, record_training

    with here.site(create=True) as site:
        entry = TrainingInput(topic, evidence, _day("--from", since), _day("--until", until))
        uid = record_training(site, here.context(site), login, entry)
        answer = {"training_id": uid, "login": login, "topic": topic}
        here.answer(answer, text=lambda a: f"{a['login']}: {a['topic']}")


@signer.command("assign")
@console()
def assign(
    here: Console,
    login: str,
    topic: str,
    *,
    by: Annotated[str, typer.Option(help="The day by which it is due.")],
    reason: Annotated[str, typer.Option(help="Why: a revised procedure, another post.")] = "",
) -> None:
    """Assign a training to a person; what is overdue signs nothing where the policy says so."""
    from qtcore.services.training_tasks import Assignment, assign_training

    due_on = _day("--by", by)
    if due_on is None:
        raise typer.BadParameter("write YYYY-MM-DD", param_hint="--by")
    with here.site(create=True) as site:
        uid = assign_training(site, here.context(site), login, Assignment(topic, due_on, reason))
        answer = {"task_id": uid, "login": login, "topic": topic, "due_on": due_on.isoformat()}
        here.answer(answer, text=lambda a: f"{a['login']}: {a['topic']} by {a['due_on']}")


@signer.command("unlock")
@console()
def unlock(
    here: Console,
    login: str,
    *,
    reason: Annotated[str, typer.Option(help="Who tried, and why signing is opened again.")],
) -> None:
    """Let somebody sign again after five wrong proofs."""
    from qtcore.services.sign_tries import unlock_signer

    with here.site(create=True) as site:
        unlock_signer(site, here.context(site), login, reason=reason)
        here.answer({"login": login}, text=lambda a: f"unlocked {a['login']}")


@signature.command("list")
@console()
def list_all(
    here: Console,
    about: Annotated[str, typer.Argument(help="Public id of a record or lot.")] = "",
    *,
    form: Annotated[
        Literal["text", "csv"], typer.Option("--format", help="How they are written.")
    ] = "text",
) -> None:
    """List signatures: printed name, time with zone, meaning, role, and whether they hold."""
    from qtcore.services.manifestations import as_csv, list_signatures

    with here.site() as site:
        found = list_signatures(site, here.context(site), about)
        if form == "csv":
            typer.echo(as_csv(found), nl=False)
            return
        lines = [
            f"{each.row.meaning_text}: {each.row.signer_name} "
            f"({', '.join(each.row.signer_roles)}), {each.local} {each.row.zone}: {each.status}"
            for each in found
        ]
        answer = {"items": [each.with_proof() for each in found]}
        here.answer(answer, text=lambda _: "\n".join(lines))


def _day(option: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no day; write YYYY-MM-DD", param_hint=option) from (
            error
        )


def _lines(found: object) -> str:
    items = found.items() if isinstance(found, dict) else []
    return "\n".join(f"{name}: {value}" for name, value in items)
