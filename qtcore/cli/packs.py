"""Commands about definitions: check them, publish their schemas, list what is installed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from qtcore.cli.options import Console, console
from qtcore.errors import InputRejected

pack = typer.Typer(no_args_is_help=True)


@console(db=False, acts=False)
def check(
    here: Console,
    paths: Annotated[list[Path] | None, typer.Argument(help="Pack or site folders.")] = None,
    *,
    show_merged: Annotated[
        bool, typer.Option("--show-merged", help="Show what is in force, each line's layer, place.")
    ] = False,
) -> None:
    """Check packs on the base, or a site with the packs it chooses: all problems at once."""
    from qtcore.definitions.problems import render_problems
    from qtcore.registry.load import check_packs
    from qtcore.registry.origins import list_merged, render_merged

    folders = [*(paths or []), *([here.site_dir] if here.site_dir else [])]
    if not folders:
        raise typer.BadParameter("name the folder of a pack or site to check")
    compiled = check_packs(folders)
    errors = [p for p in compiled.problems if p.severity == "error"]
    answer: dict[str, Any] = {
        "ok": not errors,
        "problems": [p.as_json() for p in compiled.problems],
    }
    report = render_problems(compiled.problems, compiled.sources)
    if show_merged and compiled.registry is not None:
        lines = list_merged(compiled.registry)
        answer["merged"] = [line.as_json() for line in lines]
        report += render_merged(lines)
    here.answer(answer, text=lambda a: report or "OK: no problems")
    if errors:
        raise typer.Exit(1)


@console(db=False, acts=False)
def schema(
    here: Console,
    kind: Annotated[str, typer.Argument(help="A kind of definition, pack or i18n.")],
    *,
    bare: Annotated[
        bool, typer.Option("--bare", help="Without the names that the packs contribute.")
    ] = False,
) -> None:
    """Print the JSON Schema of a definition kind, for editors; it is JSON in any case.

    It offers the facts, fields, roles, forms and other names of the installed packs and the site.
    """
    from qtcore.definitions.schema import FILE_KINDS, kind_schema
    from qtcore.registry.editor_schemas import editor_schema
    from qtcore.registry.load import load_registry

    wanted = f"{kind}s" if f"{kind}s" in FILE_KINDS else kind
    if wanted not in FILE_KINDS:
        raise typer.BadParameter(f"no kind {kind!r}; there are: {', '.join(FILE_KINDS)}")
    registry = None if bare else load_registry(site_dir=here.site_dir).registry
    found = editor_schema(wanted, registry) if registry else kind_schema(wanted)
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2))


@pack.command("list")
@console(db=False, acts=False)
def list_packs(here: Console) -> None:
    """List the packs with what they bring; exit code 1 when one is broken."""
    from qtcore.registry.load import load_registry

    compiled = load_registry(site_dir=here.site_dir)
    registry = compiled.registry
    found = registry.packs if registry else ()
    answer = {"packs": [_pack_json(registry, p) for p in found]}
    here.answer(answer, text=_packs_text)
    if registry is None or any(p.is_broken for p in found):
        raise typer.Exit(1)


@pack.command("texts")
@console(db=False, acts=False)
def missing_texts(
    here: Console,
    path: Annotated[Path, typer.Argument(help="The folder of a pack or site.")],
    *,
    write: Annotated[bool, typer.Option("--write", help="Write them to i18n/added/.")] = False,
) -> None:
    """Give the texts a pack still needs, as a file to translate: each is the last word of its key.

    Exit code 1 when the pack cannot be read far enough to say.
    """
    from qtcore.registry.load import check_packs

    compiled = check_packs([path])
    registry = compiled.get_registry()
    name = registry.packs[-1].name
    if registry.packs[-1].is_broken:
        message = f"pack {name!r} has other mistakes; mend what `qtcore check {path}` names first"
        raise InputRejected(message, code="QT480")
    files = {
        path / "i18n" / "added" / f"{language}.yaml": _skeleton(language, keys)
        for language, keys in compiled.missing_texts[name].items()
    }
    if write:
        _write_new(files)
    answer = {"pack": name, "files": {str(file): text for file, text in files.items()}}
    here.answer(answer, text=lambda a: _skeletons_text(a, is_written=write))


def _skeleton(language: str, keys: Sequence[str]) -> str:
    import yaml

    texts: dict[str, Any] = {}
    for key in keys:
        *heads, last = key.split(".")
        place = texts
        for head in heads:
            place = place.setdefault(head, {})
        word = heads[-1] if last == "title" else last
        place[last] = word.replace("_", " ").capitalize()
    document = {"language": language, "texts": texts}
    written: str = yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=100)
    return written


def _write_new(files: Mapping[Path, str]) -> None:
    for file in files:
        if file.exists():
            message = f"{file} exists; move its texts to the file of its language, then ask again"
            raise InputRejected(message, code="QT480")
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def _skeletons_text(answer: Mapping[str, Any], *, is_written: bool) -> str:
    files = answer["files"]
    if not files:
        return "OK: no text is missing"
    if is_written:
        return f"wrote {', '.join(files)}; next: translate them"
    return "\n".join(f"# {file}\n{text}" for file, text in files.items())


def _pack_json(registry: Any, pack: Any) -> dict[str, Any]:
    from qtcore.definitions.packs import KINDS

    counts = {
        kind: sum(1 for d in registry.list(kind) if registry.owner_of(kind, d.id) == pack.name)
        for kind in KINDS
    }
    return {
        "name": pack.name,
        "version": pack.version,
        "layer": pack.layer,
        "title": dict(pack.title),
        "is_broken": pack.is_broken,
        "counts": {kind: count for kind, count in counts.items() if count},
        "problems": [p.as_json() for p in pack.problems],
    }


def _packs_text(answer: Mapping[str, Any]) -> str:
    lines = []
    for row in answer["packs"]:
        brings = ", ".join(f"{count} {kind}" for kind, count in row["counts"].items())
        state = "BROKEN" if row["is_broken"] else "ok"
        lines.append(f"{row['name']} {row['version']} [{row['layer']}, {state}]: {brings}")
        lines += [f"  {p['code']} {p['message']}" for p in row["problems"]]
    return "\n".join(lines)
