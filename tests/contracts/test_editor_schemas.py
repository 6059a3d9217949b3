"""The published JSON Schemas accept every shipped file and refuse what the check refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.definitions.packs import KINDS
from qtcore.definitions.schema import FILE_KINDS, REFERENCES, kind_schema
from qtcore.definitions.source import read_yaml
from qtcore.registry.editor_schemas import editor_schema, find_offered_names
from qtcore.registry.load import load_registry
from qtcore.registry.registry import Registry

CHECKOUT = Path(__file__).resolve().parents[2]
SHIPPED = sorted(
    path
    for pattern in ("workflows/**/*.yaml", "forms/**/*.yaml", "plugins/*/qt_*/**/*.yaml")
    for path in CHECKOUT.glob(pattern)
    if "tests" not in path.parts
)
# The words of design.md, section 3.
WORDS = (
    "pack",
    "fields",
    "record",
    "form",
    "event",
    "workflow",
    "rule",
    "spec",
    "recall",
    "document",
    "i18n",
)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry().get_registry()


@pytest.fixture(scope="module")
def validators(registry: Registry) -> dict[str, Draft202012Validator]:
    return {kind: Draft202012Validator(editor_schema(kind, registry)) for kind in FILE_KINDS}


def kinds_of(path: Path, value: Any) -> list[str]:
    if path.name == "pack.yaml":
        return ["pack"]
    return ["i18n"] if path.parent.name == "i18n" else [*value, "file"]


@pytest.mark.heavy
def test_every_schema_is_a_schema(validators: dict[str, Draft202012Validator]) -> None:
    for validator in validators.values():
        Draft202012Validator.check_schema(validator.schema)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.relative_to(CHECKOUT).as_posix())
def test_a_shipped_file_fits_its_schemas(
    path: Path, validators: dict[str, Draft202012Validator]
) -> None:
    value = read_yaml(path.read_bytes(), path.name).value
    assert value
    said = [
        (kind, error.json_path, error.message)
        for kind in kinds_of(path, value)
        for error in validators[kind].iter_errors(value)
    ]
    assert said == []


@pytest.mark.parametrize(
    ("kind", "entry", "where"),
    [
        ("rules", {"id": "R-1", "chek": "ok"}, "$.rules[0]"),
        ("rules", {"id": "R-1", "check": "ok", "severity": "blok"}, "$.rules[0].severity"),
        ("rules", {"id": "1", "check": "ok"}, "$.rules[0].id"),
        ("rules", {"id": "R-1", "extends": True, "chek": "ok"}, "$.rules[0]"),
        ("rules", {"id": "R-1", "extends": "yes"}, "$.rules[0].extends"),
        ("workflows", {"id": "w", "extends": True, "states": [{"status": "x"}]}, "$.workflows[0]"),
        ("forms", {"id": "f", "schema": {"type": "object"}}, "$.forms[0].schema"),
        ("units", {"id": "u", "code": "u", "dimension": "d", "factor": 0}, "$.units[0].factor"),
    ],
)
def test_a_mistake_is_found_by_the_schema_too(
    validators: dict[str, Draft202012Validator], kind: str, entry: dict[str, Any], where: str
) -> None:
    for name in (kind, "file"):
        errors = list(validators[name].iter_errors({kind: [entry]}))
        assert errors
        assert all(error.json_path.startswith(where) for error in errors)


def test_an_extension_needs_its_id_only(validators: dict[str, Draft202012Validator]) -> None:
    change = {"id": "lot", "extends": True, "transitions": [{"id": "release", "roles": ["qp"]}]}
    assert list(validators["workflows"].iter_errors({"workflows": [change]})) == []


def test_names_of_the_packs_are_offered_and_new_ones_are_not_refused(
    registry: Registry, validators: dict[str, Draft202012Validator]
) -> None:
    flows, rules = (editor_schema(kind, registry) for kind in ("workflows", "rules"))
    roles = flows["$defs"]["Transition"]["properties"]["roles"]
    assert "qa" in roles["items"]["anyOf"][0]["enum"]
    facts = rules["$defs"]["RuleDefinition"]["properties"]["check"]
    assert "open_deviations" in facts["description"]
    entry = {"id": "r", "form": "a_new_form", "workflow": "lot", "number": "R"}
    assert list(validators["records"].iter_errors({"records": [entry]})) == []


def test_every_reference_of_the_table_exists_and_has_names(registry: Registry) -> None:
    schema, names = kind_schema("file"), find_offered_names(registry)
    for model, properties in REFERENCES.items():
        for key, kind in properties.items():
            assert key in schema["$defs"][model]["properties"], (model, key)
            assert names[kind] or kind == "documents", kind


@pytest.mark.parametrize("word", [*WORDS, *KINDS, "file"])
def test_the_command_prints_the_schema_of_every_word(word: str) -> None:
    done = CliRunner().invoke(app, ["schema", word, "--bare"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["$schema"].endswith("2020-12/schema")
