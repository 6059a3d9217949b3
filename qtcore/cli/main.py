"""The tree of commands.

It must not do anything itself.
"""

import sys

import typer

from qtcore.cli import (
    config,
    database,
    delegations,
    devices,
    documents,
    edits,
    epcis,
    exchange,
    files,
    ledger,
    mappings,
    pack_tests,
    packs,
    product,
    proofs,
    questions,
    recalls,
    replays,
    retention,
    scanning,
    sheets,
    signers,
    site,
    tokens,
    users,
    workflows,
)

app = typer.Typer(
    name="qtcore",
    callback=product.ask_product,
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("demo")(site.demo)
app.command("init")(site.init)
app.command("serve")(site.serve)
app.command("check")(packs.check)
app.command("schema")(packs.schema)
app.command("scan")(scanning.scan)
app.command("lots")(scanning.lots)
app.command("trace")(questions.trace)
app.add_typer(exchange.imports, name="import", help="Load files.")
app.add_typer(mappings.mappings, name="mapping", help="Mappings of tables.")
exchange.exports.command("fsma204")(sheets.export_fsma204)
app.add_typer(exchange.exports, name="export", help="Write files.")
questions.release.command("replay")(replays.replay_release)
workflows.workflow.command("replay")(replays.replay_workflow)
config.config.command("edit")(edits.edit)
app.add_typer(config.config, name="config", help="Configurations: publish, compare, roll back.")
app.add_typer(epcis.epcis, name="epcis", help="EPCIS documents.")
app.add_typer(recalls.recall, name="recall", help="Recalls: scope, exercise, progress.")
app.add_typer(questions.release, name="release", help="Release decisions.")
app.add_typer(questions.audit, name="audit", help="The history and its proof.")
questions.audit.command("prove")(proofs.prove)
questions.audit.command("export")(proofs.export)
questions.audit.command("verifier")(proofs.verifier)
app.add_typer(ledger.ledger, name="ledger", help="Keys, witnesses, stamps, restores.")
app.command("witness")(ledger.witness)
packs.pack.command("test")(pack_tests.run_tests)
packs.pack.command("new")(pack_tests.new)
ledger.ledger.command("erase")(retention.erase)
ledger.ledger.command("archive")(retention.archive)
ledger.ledger.add_typer(retention.hold, name="hold", help="Legal holds.")
app.add_typer(packs.pack, name="pack", help="Installed packs.")
app.add_typer(workflows.workflow, name="workflow", help="Life cycles: proofs and diagrams.")
app.add_typer(database.db, name="db", help="The database.")
app.add_typer(signers.signer, name="signer", help="Who may sign: identity, training, locks.")
app.add_typer(signers.signature, name="signature", help="What was signed, by whom.")
users.user.add_typer(delegations.delegation, name="delegation", help="Who acts for whom.")
users.user.command("tokens")(tokens.tokens)
users.user.command("revoke")(tokens.revoke)
users.user.command("set")(tokens.change)
users.user.command("end-sessions")(tokens.end_sessions)
app.add_typer(devices.device, name="device", help="Devices and their calibrations.")
app.add_typer(documents.document, name="document", help="Printed documents.")
app.add_typer(users.user, name="user", help="Users and tokens.")
app.add_typer(files.file, name="file", help="Files of records and events.")


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")
    app()
