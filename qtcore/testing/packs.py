"""The conformance suite of packs: what every pack must fulfil, asked in three lines of a test.

It must not know any one pack.

    from pathlib import Path
    from qtcore.testing import check_pack

    def test_the_pack_conforms():
        assert check_pack(Path(__file__).parents[1] / "qt_mine").problems == ()
"""

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from qtcore.context import LANGUAGES
from qtcore.definitions.folders import base_folders
from qtcore.definitions.forms import FormDefinition
from qtcore.definitions.problems import render_problems
from qtcore.definitions.recalls import RecallDefinition
from qtcore.engines.forms import build_form
from qtcore.pack import FolderPack
from qtcore.registry.fence import Failure
from qtcore.registry.load import load_packs
from qtcore.registry.packs import load_pack
from qtcore.registry.registry import Registry
from qtcore.services.evaluation import evaluator


@dataclass(frozen=True, slots=True)
class PackFindings:
    """What a pack does not fulfil, as sentences; `registry` is what it compiled to."""

    name: str
    problems: tuple[str, ...]
    registry: Registry | None = None

    def __str__(self) -> str:
        return "\n".join(self.problems) or f"pack {self.name!r} conforms"


def check_pack(folder: Path | str) -> PackFindings:
    """Check a pack folder together with the base pack, with its Python part when it has one."""
    path = Path(folder)
    content = FolderPack(path).content
    plugin: object = FolderPack(path)
    if (path / "__init__.py").is_file():
        plugin = load_pack(content.name, partial(importlib.import_module, path.name))
    if isinstance(plugin, Failure):
        return PackFindings(content.name, (str(plugin.as_problem()),))
    compiled = load_packs({"base": FolderPack(*base_folders()), content.name: plugin})
    found: list[str] = []
    if compiled.problems:
        found.append(render_problems(compiled.problems, compiled.sources))
    if content.pack is not None:
        missing = sorted(set(LANGUAGES) - set(content.pack.languages))
        found += [f"pack.yaml does not list the language {each}" for each in missing]
    if compiled.registry is not None:
        found += _check_definitions(compiled.registry, content.name)
    found += _check_hooks(path)
    return PackFindings(content.name, tuple(found), compiled.registry)


def _check_definitions(registry: Registry, pack: str) -> Iterator[str]:
    for rule in _own(registry, pack, "rules"):
        if rule.source is None:
            yield f"rule {rule.id} has no source; say which law or whose decision it is"
    for plan in _own(registry, pack, "recalls"):
        yield from _check_plan(plan)
    for form in _own(registry, pack, "forms"):
        for language in LANGUAGES:
            yield from _check_form(registry, form, language)


def _own(registry: Registry, pack: str, kind: str) -> Iterator[Any]:
    return (d for d in registry.list(kind) if registry.owner_of(kind, d.id) == pack)


def _check_plan(plan: RecallDefinition) -> Iterator[str]:
    classes = [each.id for each in plan.classes]
    for node in plan.nodes:
        if not node.due:
            yield f"recall {plan.id}: node {node.id} has no deadline for any of {classes}"
    for name in classes:
        if not any(name in node.due for node in plan.nodes):
            yield f"recall {plan.id}: class {name} has no node with a deadline"


def _check_form(registry: Registry, form: FormDefinition, language: str) -> Iterator[str]:
    def text(key: str) -> str:
        return registry.text(f"forms.{form.id}.{key}", language)

    scope = f"forms:{form.id}"
    view = build_form(
        form.schema_,
        form.layout,
        texts=text,
        language=language,
        evaluate=evaluator(registry, scope),
    )
    drawn = {field.name for section in view.sections for field in section.fields}
    for name in sorted(set(form.schema_["properties"]) - drawn):
        yield f"form {form.id}: field {name} is not drawn in {language}"


def _check_hooks(folder: Path) -> Iterator[str]:
    if not (folder / "hooks.py").is_file():
        return
    if f"{folder.name}.hooks" not in sys.modules:
        yield f"{folder.name}/hooks.py is not loaded; add an __init__.py to the folder"
