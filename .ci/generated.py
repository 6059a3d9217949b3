"""Writes the reference pages from the code, or compares them with what is committed.

`python .ci/generated.py` writes docs/reference/; with `--check` it names every page that differs
and exits 1. Nothing here is written by hand, so no page can say what the code does not do.
"""

import ast
import inspect
import json
import re
import sys
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from typer.main import get_command

sys.path.insert(0, str(Path(__file__).resolve().parent))

import clauses

from qtcore import hookspecs
from qtcore.cli.main import app
from qtcore.definitions.packs import KINDS, PackDefinition
from qtcore.definitions.schema import FILE_KINDS, kind_schema
from qtcore.engines.expressions import list_functions
from qtcore.engines.proofs.phrases import PHRASES

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"
NOTE = "<!-- Written by .ci/generated.py; do not edit. -->\n"
CODE = re.compile(r"QT[0-9]{3}")
_PHRASES = "qtcore/engines/proofs/phrases.py"


@cache
def pages() -> Mapping[str, str]:
    """Every page by its name below docs/reference."""
    found = {
        "README.md": index_page(),
        "kinds.md": kinds_page(),
        "codes.md": codes_page(),
        "hooks.md": hooks_page(),
        "commands.md": commands_page(),
        "expression-functions.md": functions_page(),
        "clauses.md": clauses_page(),
    }
    for kind in FILE_KINDS:
        schema = json.dumps(kind_schema(kind), ensure_ascii=False, indent=1)
        found[f"schemas/{kind}.schema.json"] = schema + "\n"
    return found


def index_page() -> str:
    """The shelf's own page."""
    return (
        f"{NOTE}# Reference\n\n"
        "These pages are generated from the code and compared with it in CI.\n\n"
        "- [Kinds of definition](kinds.md): every key a file may hold\n"
        "- [Codes](codes.md): every QT code with its words and where it is raised\n"
        "- [Hooks](hooks.md): where the Python of a pack takes part\n"
        "- [Commands](commands.md): the command line\n"
        "- [Functions of expressions](expression-functions.md)\n"
        "- [Clauses](clauses.md): what laws ask, what is done, and the test that shows it\n"
        "- `schemas/`: JSON Schemas of every kind; `qtcore schema KIND` prints them together with\n"
        "  the names that the installed packs contribute\n"
    )


# ------------------------------------------------------------------ kinds


def kinds_page() -> str:
    """One heading for each kind, one for each part; a table of keys below each."""
    parts = [f"{NOTE}# Kinds of definition\n"]
    parts.append("A definition file is a mapping from kinds to lists of entries.\n")
    seen: set[type[BaseModel]] = set()
    kinds: Mapping[str, type[BaseModel]] = {"pack": PackDefinition, **KINDS}
    for name, model in kinds.items():
        parts.append(f"## {name}\n")
        for part in nested(model):
            if part is not model and part in seen:
                continue
            seen.add(part)
            if part is not model:
                parts.append(f"### {part.__name__}\n")
            parts += [f"{plain(inspect.getdoc(part))}\n", key_table(part)]
    return "\n".join(parts)


def nested(model: type[BaseModel]) -> list[type[BaseModel]]:
    """A model and all models of its keys, each once, in the order of the keys."""
    found: list[type[BaseModel]] = [model]
    for each in found:
        for field in each.model_fields.values():
            found += [m for m in models_in(field.annotation) if m not in found]
    return found


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models an annotation speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from models_in(inner)


def key_table(model: type[BaseModel]) -> str:
    """The keys of a model as a table."""
    schema = model.model_json_schema(ref_template="{model}")
    rows = ["| key | accepted | needed |", "|---|---|---|"]
    needed = set(schema.get("required", ()))
    for key, part in schema.get("properties", {}).items():
        default = "yes" if key in needed else default_words(part.get("default"))
        rows.append(f"| `{key}` | {accepted(part)} | {default} |")
    return "\n".join(rows) + "\n"


def default_words(value: Any) -> str:
    """What counts when the key is left out."""
    if value in (None, [], {}, ""):
        return ""
    return f"else `{json.dumps(value, ensure_ascii=False)}`"


def accepted(part: Mapping[str, Any]) -> str:
    """What a key accepts, in few words."""
    if "enum" in part:
        return ", ".join(f"`{value}`" for value in part["enum"])
    if "const" in part:
        return f"`{part['const']}`"
    if "$ref" in part:
        return str(part["$ref"])
    if "anyOf" in part:
        choices = [accepted(p) for p in part["anyOf"] if p.get("type") != "null"]
        return " or ".join(dict.fromkeys(choices))
    if part.get("type") == "array":
        return f"list of {accepted(part.get('items', {}))}"
    if part.get("type") == "object":
        inner = part.get("additionalProperties")
        return f"mapping to {accepted(inner)}" if isinstance(inner, dict) else "mapping"
    kind = part.get("type", "anything")
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    pattern = part.get("pattern")
    return f"{words} `{pattern}`".replace("|", "\\|") if pattern else words


def plain(text: str | None) -> str:
    """A docstring in Markdown: double back quotes become single ones."""
    return (text or "").replace("``", "`")


# ------------------------------------------------------------------ codes


def codes_page() -> str:
    """Every code with the words that carry it."""
    said: dict[str, set[tuple[str, str]]] = {}
    for path in sorted((ROOT / "qtcore").rglob("*.py")):
        module, text = path.relative_to(ROOT).as_posix(), path.read_text("utf-8")
        # Most files hold none, and walking all their trees took most of the time.
        for code, words in codes_in(ast.parse(text)) if CODE.search(text) else ():
            said.setdefault(code, set()).add((module, words))
    for key, words in PHRASES["en"].items():
        if is_code(key.partition("_")[0]):
            shown = re.sub(r"\{[0-9]\}", "{...}", words)
            said.setdefault(key.partition("_")[0], set()).add((_PHRASES, shown))
    rows = [
        f"{NOTE}# Codes\n",
        "A code never changes its meaning. `{...}` stands for what was found.\n",
    ]
    for code, found in sorted(said.items()):
        rows.append(f"## {code}\n")
        worded = sorted(pair for pair in found if pair[1])
        rows += [f"- {words} (`{module}`)" for module, words in worded or sorted(found)]
        rows.append("")
    return "\n".join(rows)


def codes_in(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The codes of a module, each with its message where one stands beside it or just above."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
            continue
        texts = {
            target.id: node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(function):
            if isinstance(node, ast.Call):
                yield from codes_of_call(node, texts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and is_code(node.value):
            yield str(node.value), ""


def codes_of_call(call: ast.Call, texts: Mapping[str, ast.expr]) -> Iterator[tuple[str, str]]:
    """The code among the arguments of a call, with the text that is another argument."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    codes = [a.value for a in given if isinstance(a, ast.Constant) and is_code(a.value)]
    if len(codes) != 1:
        return
    for argument in given:
        shown = texts.get(argument.id, argument) if isinstance(argument, ast.Name) else argument
        words = words_of(shown)
        if words and not is_code(words):
            yield str(codes[0]), words
            return


def is_code(value: object) -> bool:
    """Whether a value is a code."""
    return isinstance(value, str) and CODE.fullmatch(value) is not None


def words_of(node: ast.expr) -> str:
    """The words of a text in the code, with `{...}` for what is filled in; empty for others."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value if " " in node.value else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{...}" for part in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = words_of(node.left), words_of(node.right)
        return f"{left or '{...}'}{right or '{...}'}" if left or right else ""
    return ""


# ------------------------------------------------------------------ hooks, commands, functions


def hooks_page() -> str:
    """Every hook with its signature and docstring."""
    parts = [f"{NOTE}# Hooks\n"]
    for _, owner in inspect.getmembers(hookspecs, inspect.isclass):
        if owner.__module__ != hookspecs.__name__:
            continue
        for name, function in inspect.getmembers(owner, inspect.isfunction):
            if hasattr(function, f"{hookspecs.PROJECT}_spec"):
                parts += [hook_text(name, function)]
    for name, function in inspect.getmembers(hookspecs, inspect.isfunction):
        if hasattr(function, f"{hookspecs.PROJECT}_spec"):
            parts += [hook_text(name, function)]
    return "\n".join(parts)


def hook_text(name: str, function: Any) -> str:
    """One hook."""
    signature = re.sub(r"\(self, ?", "(", str(inspect.signature(function)))
    signature = re.sub(r"qtcore\.[a-z_.]+\.|collections\.abc\.|datetime\.", "", signature)
    doc = inspect.getdoc(function) or ""
    lines = "\n".join(f"    {line}".rstrip() for line in doc.splitlines())
    return f"## {name}\n\n`{name}{signature}`\n\n{lines}\n"


def commands_page() -> str:
    """The options before any command, then every command with its arguments and options."""
    tree = get_command(app)
    parts = [f"{NOTE}# Commands\n", "Exit code 0 = done, 1 = the answer is no, 2 = wrong usage.\n"]
    told = [("qtcore", tree), *commands(tree, "qtcore")]
    parts += [command_text(path, command) for path, command in told]
    return "\n".join(parts)


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every leaf of the tree of commands."""
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
        return
    for name in sorted(below):
        yield from commands(below[name], f"{path} {name}")


def command_text(path: str, command: Any) -> str:
    """One command."""
    rows = []
    for param in command.params:
        if param.name == "help":
            continue
        is_argument = param.param_type_name == "argument"
        names = [param.name.upper()] if is_argument else [*param.opts, *param.secondary_opts]
        shown = " / ".join(f"`{name}`" for name in names)
        rows.append(f"| {shown} | {param.help or ''} |")
    table = "\n".join(["| | |", "|---|---|", *rows]) + "\n" if rows else ""
    return f"## {path}\n\n{plain(inspect.cleandoc(command.help or ''))}\n\n{table}"


def functions_page() -> str:
    """The fixed table of functions."""
    rows = [f"| `{name}` | `{usage}` |" for name, usage in list_functions().items()]
    head = f"{NOTE}# Functions of expressions\n\n| name | written |\n|---|---|\n"
    return head + "\n".join(rows) + "\n"


def clauses_page() -> str:
    """Part 11, Annex 11 and the Chinese law on electronic signatures, clause by clause."""
    return f"{NOTE}# Clauses\n\n{clauses.page()}"


def main(arguments: list[str]) -> int:
    """Write the pages, or compare them; a clause without its test fails both."""
    made = pages()
    lacking = clauses.faults()
    if lacking:
        print("\n".join(lacking))
        return 1
    held = {p.relative_to(FOLDER).as_posix(): p for p in FOLDER.rglob("*") if p.is_file()}
    if "--check" not in arguments:
        for name in set(held) - set(made):
            held[name].unlink()
        for name, text in made.items():
            target = FOLDER / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        return 0
    wrong = [
        name
        for name, text in made.items()
        if name not in held or held[name].read_text("utf-8") != text
    ]
    wrong += sorted(set(held) - set(made))
    for name in wrong:
        print(f"docs/reference/{name}: differs from the code; run: python .ci/generated.py")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
