"""Commands that make and serve a site: init, serve, demo."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from qtcore.cli.options import (
    Console,
    console,
    opened,
)
from qtcore.errors import InputRejected

SITE_PACK = """\
pack: {name}
version: 0.1.0
requires_qtcore: ">=0.1,<1"
layer: site
packs: [{packs}]
languages: [en, zh-CN]
title:
  en: {name}
  zh-CN: {name}
"""
SITE_TEXTS = """\
language: {language}
texts: {{}}
"""
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]


@console(db=False, site=False, acts=False)
def init(
    here: Console,
    folder: Annotated[Path, typer.Argument(help="The new site folder.")],
    packs: Annotated[str, typer.Option(help="Industry packs, with commas between.")] = "",
) -> None:
    """Make a new site folder with a pack.yaml that chooses industry packs."""
    from qtcore.registry.load import load_registry

    if folder.exists() and any(folder.iterdir()):
        raise InputRejected(f"{folder} exists and is not empty; give a new folder", code="QT480")
    compiled = load_registry()
    known = (
        [p.name for p in compiled.registry.packs if p.layer == "industry"]
        if compiled.registry
        else []
    )
    chosen = [p.strip() for p in packs.split(",") if p.strip()] or known
    unknown = sorted(set(chosen) - set(known))
    if unknown:
        raise InputRejected(
            f"no pack {', '.join(unknown)}; installed: {', '.join(known)}", code="QT481"
        )
    name = re.sub(r"[^a-z0-9_]", "_", folder.name.lower()).strip("_") or "site"
    name = name if name[0].isalpha() else f"site_{name}"
    (folder / "i18n").mkdir(parents=True)
    head = SITE_PACK.format(name=name, packs=", ".join(chosen))
    (folder / "pack.yaml").write_text(head, encoding="utf-8")
    for language in ("en", "zh-CN"):
        text = SITE_TEXTS.format(language=language)
        (folder / "i18n" / f"{language}.yaml").write_text(text, encoding="utf-8")
    answer = {"site": str(folder), "packs": chosen}
    here.answer(
        answer,
        text=lambda a: f"made {a['site']}; next: qtcore check {a['site']}",
    )


@console(acts=False)
def serve(
    here: Console,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    *,
    https: Annotated[
        bool, typer.Option("--https", help="Behind a TLS proxy: cookies are sent over HTTPS only.")
    ] = False,
    dev: Annotated[
        bool, typer.Option("--dev", help="Serve the definitions on disk as they are saved.")
    ] = False,
    proxies: Annotated[
        int,
        typer.Option(
            "--trusted-proxies",
            envvar="QTCORE_TRUSTED_PROXIES",
            min=0,
            max=9,
            help="How many proxies stand before it; the address before them is the client's.",
        ),
    ] = 0,
) -> None:
    """Serve a site over HTTP; the log is JSON lines in any case.

    What was published serves. With --dev it is what lies on disk, read again at every change; a
    broken edit is shown here and on the pages, and the definitions before it go on serving.
    """
    from qtcore.http.serve import serve as run_server
    from qtcore.services.disk_watch import DiskReport, DiskWatch
    from qtcore.services.serving import Serving

    def tell(report: DiskReport) -> None:
        state = "serve" if report.is_serving else "are broken; the ones before go on serving"
        typer.echo(f"{report.text}definitions on disk {state}", err=True)

    with here.site(create=True) as site:
        watch = DiskWatch(Serving(site, follows=False), here.site_dir, tell=tell) if dev else None
        typer.echo(f"QTCore serves at http://{host}:{port}; stop it with Ctrl+C")
        run_server(
            site, host=host, port=port, secure_cookies=https or None, dev=watch, proxies=proxies
        )


@console(db=False, acts=False)
def demo(
    here: Console,
    *,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve it afterwards.")] = True,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    db: Annotated[str, typer.Option("--db", help="Database URL; default: a new file.")] = "",
) -> None:
    """Build the demo site (pharma, food and cosmetics plants), print a summary and serve it."""
    from qtcore.demo.build import build_demo, demo_url
    from qtcore.http.serve import serve as run_server

    url = db or demo_url()
    typer.echo("Building the demo site; this takes some 20 seconds ...", err=True)
    with opened(url, here.site_dir, create=True) as site:
        summary = build_demo(site, address=f"http://{host}:{port}")
        here.answer(summary, text=_demo_text)
        if serve:
            run_server(site, host=host, port=port)


def _demo_text(answer: Mapping[str, Any]) -> str:
    counts, ledger, mock = answer["counts"], answer["ledger"], answer["mock_recall"]
    blocked, sign_in = answer["blocked_lot"], answer["sign_in"]
    deviations = f"{counts['deviations_open']} open, {counts['deviations_closed']} closed"
    verified = "verified" if ledger["verified"] else "NOT VERIFIED"
    built = {
        "lots": f"{counts['lots']}, up to {counts['depth']} steps deep",
        "events": f"{counts['events']} with {counts['edges']} links",
        "deviations": deviations,
        "released": f"{counts['released']} lots; {counts['rejected']} rejected",
        "mock recall": f"{mock['number']}: {mock['lots']} lots and {mock['customers']} customers "
        f"found in {mock['seconds']} s",
        "ledger": f"{ledger['events']} events, {ledger['sealed']} sealed, {verified}",
    }
    lines = ["The demo site is built: a pharma, a food and a cosmetics plant, ten weeks.", ""]
    lines += [f"  {name:<12} {text}" for name, text in built.items()]
    lines += ["", f"Lot {blocked['lot_no']} cannot be released:"]
    lines += [f"  {reason.split(': needed', 1)[0]}" for reason in blocked["reasons"]]
    lines += ["", f"Sign in at {answer['address']}", f"  password     {sign_in['password']}"]
    lines += [f"  {login:<12} {name}" for login, name in sign_in["logins"].items()]
    lines += ["", "Try:"]
    lines += [f"  {n}. {text}" for n, text in enumerate(answer["try"], start=1)]
    return "\n".join(lines)
