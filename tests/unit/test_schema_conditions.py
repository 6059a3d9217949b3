"""Conditions written as JSON Schema writes them decide as JSON Schema decides."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from qtcore.definitions.folders import base_folders
from qtcore.definitions.forms import FormDefinition
from qtcore.definitions.read import read_pack_texts
from qtcore.definitions.schema_conditions import fold_conditions
from qtcore.engines.forms import read_values
from qtcore.pack import FolderPack
from qtcore.registry.load import load_packs
from qtcore.registry.registry import Registry
from qtcore.services.evaluation import evaluator

FORM = """
forms:
  - id: crop
    schema:
      type: object
      properties:
        kind: {type: string, enum: [produce, pond, other]}
        cooled: {type: boolean}
        field: {type: string}
        pool: {type: string}
        cooler: {type: string}
      if: {properties: {kind: {const: produce}}, required: [kind]}
      then: {required: [field]}
      allOf:
        - if: {properties: {kind: {enum: [pond]}, cooled: {const: true}}, required: [kind]}
          then: {required: [pool]}
          else: {required: [cooler]}
"""
HEAD = 'pack: crops\nversion: "1"\nrequires_qtcore: ">=0.1,<1"\ntitle: {en: C, zh-CN: C}\n'
WORDS = "\n".join(
    f"        {name}: {name}" for name in ("kind", "cooled", "field", "pool", "cooler")
)
TEXTS = (
    "language: {}\ntexts:\n  forms:\n    crop:\n      title: Crop\n      fields:\n"
    + WORDS.replace("{", "{{").replace("}", "}}")
    + "\n      choices:\n        kind: {{produce: a, pond: b, other: c}}\n"
)
PLAIN: Mapping[str, Any] = {
    "if": {"properties": {"kind": {"const": "produce"}}, "required": ["kind"]},
    "then": {"required": ["field"]},
    "allOf": [
        {
            "if": {
                "properties": {"kind": {"enum": ["pond"]}, "cooled": {"const": True}},
                "required": ["kind"],
            },
            "then": {"required": ["pool"]},
            "else": {"required": ["cooler"]},
        }
    ],
}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    folder = tmp_path_factory.mktemp("crops")
    (folder / "i18n").mkdir()
    (folder / "pack.yaml").write_text(HEAD, "utf-8")
    (folder / "forms.yaml").write_text(FORM, "utf-8")
    for language in ("en", "zh-CN"):
        (folder / f"i18n/{language}.yaml").write_text(TEXTS.format(language), "utf-8")
    compiled = load_packs({"base": FolderPack(*base_folders()), "crops": FolderPack(folder)})
    assert [str(problem) for problem in compiled.problems] == []
    return compiled.get_registry()


def test_every_entry_is_judged_as_json_schema_judges_it(registry: Registry) -> None:
    form: FormDefinition = registry.get("forms", "crop")
    plain = Draft202012Validator(dict(PLAIN))
    options = [
        (None, "produce", "pond", "other"),
        (None, True, False),
        *[(None, "x")] * 3,
    ]
    for values in product(*options):
        names = ("kind", "cooled", "field", "pool", "cooler")
        entry = {n: v for n, v in zip(names, values, strict=True) if v is not None}
        read = read_values(form.schema_, entry, evaluate=evaluator(registry, "forms:crop"))
        assert {fault.code for fault in read.faults} <= {"QT481"}
        assert bool(read.faults) != plain.is_valid(entry), entry


@pytest.mark.parametrize(
    "condition",
    [
        "if: {properties: {kind: {pattern: ^p$}}}\n      then: {required: [field]}",
        "if: {properties: {kind: {const: produce}}}\n      then: {properties: {field: {const: x}}}",
        "if: {properties: {knd: {const: produce}}}\n      then: {required: [field]}",
        "if: {properties: {kind: {const: produce}}}\n      then: {required: [feild]}",
        "if: {not: {required: [kind]}}\n      then: {required: [field]}",
        "if: {properties: {kind: {const: produce}}}",
        "then: {required: [field]}",
        "allOf: [{required: [field]}]",
        "allOf: {if: {required: [kind]}, then: {required: [field]}}",
    ],
)
def test_what_goes_beyond_is_refused_at_its_place(condition: str) -> None:
    text = FORM[: FORM.index("      if:")] + f"      {condition}\n"
    pack = read_pack_texts({"pack.yaml": HEAD, "forms.yaml": text}, name="crops")
    found = [problem for problem in pack.problems if problem.file.endswith("forms.yaml")]
    assert found, "nothing was refused"
    assert {problem.code for problem in found} == {"QT110"}
    assert min(problem.line for problem in found) == 12


def test_a_condition_joins_the_one_a_field_has() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"x-qt": {"required_when": "a == 'x'"}}},
        "if": {"required": ["a"]},
        "then": {"required": ["b"]},
    }
    found = fold_conditions(schema)
    assert found["properties"]["b"]["x-qt"] == {"required_when": "(a == 'x') or (present(a))"}
    assert set(found) == {"type", "properties"}
