"""The attack table of those who write definitions: each row beside what happens without us.

Every case shows the attack refused, and its control shows the same payload at work with the bare
library or with the defence off. Rows of the table that are shown elsewhere, with their controls:

- dotted callables, methods of the record and auto transitions of the workflow engine:
  tests/unit/test_workflow.py; here they are shown through a whole pack;
- schema ReDoS, uniqueItems, remote references, decimals: tests/unit/test_forms_defences.py and
  tests/unit/test_schema_subset.py; here they are shown where a pack is checked;
- whole packs with their expected report: tests/broken/ (alias_bomb, merge_bomb, nested_5000_deep,
  dotted_callable_*, pattern_*, ref_*, expression_that_*, duplicate_key).
"""

import copy
import os
import re
import time
import urllib.request
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from referencing.exceptions import Unresolvable
from transitions import Machine

from qtcore.definitions.schema_subset import check_schema
from qtcore.definitions.source import read_yaml
from qtcore.engines.expressions import DECIMAL, TEXT, FactType, check, evaluate
from qtcore.engines.forms import read_values
from qtcore.registry.load import check_packs

MOMENT = 1.0
NAMES = {"ok": FactType("boolean"), "name": TEXT, "a": DECIMAL, "b": DECIMAL}
HEAD = 'pack: attack\nversion: "1"\nrequires_qtcore: ">=0.1,<1"\nlayer: industry\n'
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + below] * 9)}]\n"
    for below, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {k: v}\n" + "".join(
    f"{name}: &{name}\n  <<: [{', '.join(['*' + below] * 9)}]\n"
    for below, name in zip("abcde", "bcdef", strict=True)
)


def errors(text: str) -> set[str]:
    started = time.process_time()
    found = {p.code for p in read_yaml(text, "x.yaml").problems if p.severity == "error"}
    assert time.process_time() - started < MOMENT
    return found


# ------------------------------------------------------------------ YAML


def leaves(value: Any, seen: dict[int, int]) -> int:
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in seen:
        parts = value.values() if isinstance(value, dict) else value
        seen[id(value)] = sum(leaves(part, seen) for part in parts)
    return seen[id(value)]


def control_alias() -> bool:
    return leaves(yaml.safe_load(BOMB)["i"], {}) == 9**9


def control_merge() -> bool:
    """Each level of nine merges costs the stock reader several times the one below."""

    def pairs(levels: int) -> int:
        root: Any = yaml.compose("\n".join(MERGES.split("\n")[: 1 + 2 * levels]))
        loader = yaml.SafeLoader("")
        node = root.value[-1][1]
        loader.flatten_mapping(node)
        return len(node.value)

    return pairs(4) == 9 * pairs(3) == 81 * pairs(2)


def control_duplicate() -> bool:
    text = "guard: must_have_coa\nguard: always_true\n"
    return bool(yaml.safe_load(text) == {"guard": "always_true"})


def control_deep() -> bool:
    with pytest.raises(RecursionError):
        yaml.safe_load("[" * 5000 + "]" * 5000)
    return True


def control_tag() -> bool:
    made = yaml.unsafe_load("!!python/object/apply:os.getpid []")
    return bool(made == os.getpid())


@pytest.mark.parametrize(
    ("text", "codes", "works_without"),
    [
        pytest.param(BOMB, {"QT103"}, control_alias, id="alias bomb"),
        pytest.param(MERGES, {"QT103", "QT104"}, control_merge, id="merge bomb"),
        pytest.param("guard: a\nguard: b\n", {"QT102"}, control_duplicate, id="duplicate key"),
        pytest.param("[" * 5000, {"QT106"}, control_deep, id="deep nesting"),
        pytest.param("a: !!python/object/apply:os.getpid []", {"QT105"}, control_tag, id="tag"),
    ],
)
def test_a_file_that_attacks_its_reader_is_refused(
    text: str, codes: set[str], works_without: Callable[[], bool]
):
    found = errors(text)
    assert found
    assert found & codes or found == codes, found
    assert works_without()


@pytest.mark.parametrize(
    ("written", "corrupted"),
    [("NO", False), ("00123", 83), ("12:30:00", 45000), ("1_000", 1000), ("on", True)],
)
def test_a_plain_text_keeps_its_signs(written: str, corrupted: object):
    assert read_yaml(f"v: {written}", "").value == {"v": written}
    assert yaml.safe_load(f"v: {written}") == {"v": corrupted}


# ------------------------------------------------------------------ workflows


class Batch:
    """A record as a naive product would hand it to the library."""

    state = "held"
    deleted = False

    def delete(self) -> bool:
        type(self).deleted = True
        return True


def bare_machine(**transition: Any) -> Batch:
    batch = Batch()
    machine = Machine(model=batch, states=["held", "released"], initial="held")
    machine.add_transition("release", "held", "released", **transition)
    return batch


def control_callable(tmp_path: Path) -> bool:
    target = tmp_path / "made"
    bare_machine(before="os.mkdir").release(str(target))  # type: ignore[attr-defined]
    return target.is_dir()


def control_condition(tmp_path: Path) -> bool:
    return bool(bare_machine(conditions="os.path.isabs").release("/an/argument"))  # type: ignore[attr-defined]


def control_method(tmp_path: Path) -> bool:
    bare_machine(conditions="delete").release()  # type: ignore[attr-defined]
    return Batch.deleted


def control_auto(tmp_path: Path) -> bool:
    batch = bare_machine(conditions=lambda: False)
    batch.to_released()  # type: ignore[attr-defined]
    return batch.state == "released"


FLOW = """\
workflows:
  - id: attack
    subject: record
    initial: held
    states:
      - {id: held, status: quarantine, may: [edit]}
      - {id: released, status: released, final: true}
    transitions:
      - {id: release, from: [held], to: released, roles: [qa]%s}
"""


@pytest.mark.parametrize(
    ("added", "works_without"),
    [
        pytest.param(", before: os.mkdir", control_callable, id="callable before"),
        pytest.param(", effects: [os.mkdir]", control_callable, id="callable effect"),
        pytest.param(", guard: os.getpid", control_condition, id="callable guard"),
        pytest.param(", guard: os.getpid()", control_condition, id="call as guard"),
        pytest.param(", guard: delete", control_method, id="method as guard"),
        pytest.param(", auto_transitions: true", control_auto, id="auto transitions"),
    ],
)
def test_a_workflow_file_runs_nothing(
    tmp_path: Path, added: str, works_without: Callable[[Path], bool]
):
    folder = tmp_path / "attack"
    folder.mkdir()
    (folder / "pack.yaml").write_text(HEAD + "title: {en: A}\nlanguages: [en]\n", "utf-8")
    (folder / "flow.yaml").write_text(FLOW % added, "utf-8")
    compiled = check_packs([folder])
    places = {p.line for p in compiled.problems if p.severity == "error" and "flow" in p.file}
    assert FLOW.count("\n") in places, compiled.problems
    assert compiled.registry is not None
    assert [pack.name for pack in compiled.registry.packs if pack.is_broken] == ["attack"]
    assert works_without(tmp_path)


# ------------------------------------------------------------------ schemas


def refused(part: dict[str, Any], value: object) -> bool:
    """Say whether the check of the pack or the reading of a value stops it, in a moment."""
    schema = {"type": "object", "properties": {"x": part}}
    started = time.process_time()
    stopped = any(check_schema(schema, ())) or bool(read_values(schema, {"x": value}).faults)
    assert time.process_time() - started < MOMENT
    return stopped


def bare(part: dict[str, Any], value: object) -> bool:
    return jsonschema.Draft202012Validator(part).is_valid(value)


def control_redos() -> bool:
    def seconds(length: int) -> float:
        started = time.process_time()
        re.search("^(a+)+$", "a" * length + "!")
        return time.process_time() - started

    return seconds(20) > 8 * seconds(14)


def control_unique() -> bool:
    def seconds(rows: int) -> float:
        started = time.process_time()
        bare({"uniqueItems": True}, [{"a": n} for n in range(rows)])
        return time.process_time() - started

    return seconds(320) > 3 * seconds(80)


def control_self() -> bool:
    with pytest.raises(RecursionError):
        bare({"$ref": "#"}, 1)
    return True


LOT = {"type": "string", "pattern": r"^LOT-\d+$"}


@pytest.mark.parametrize(
    ("part", "value", "works_without"),
    [
        pytest.param(
            {"type": "string", "pattern": "^(a+)+$"}, "a" * 5000 + "!", control_redos, id="redos"
        ),
        pytest.param(LOT, "LOT-١٢", lambda: bare(LOT, "LOT-١٢"), id="arabic digits"),
        pytest.param({"$ref": "#"}, 1, control_self, id="self recursion"),
        pytest.param(
            {"type": "array", "uniqueItems": True, "items": {"type": "object"}},
            [{"a": n} for n in range(4000)],
            control_unique,
            id="uniqueItems without a limit",
        ),
        pytest.param(
            {"type": "string", "format": "date"},
            "not-a-date",
            lambda: bare({"format": "date"}, "not-a-date"),
            id="silent format",
        ),
        pytest.param(
            {"type": "integer"}, Decimal("1.0"), lambda: bare({"type": "integer"}, 1.0), id="1.0"
        ),
    ],
)
def test_a_schema_neither_hangs_nor_lets_through(
    part: dict[str, Any], value: object, works_without: Callable[[], bool]
):
    assert refused(copy.deepcopy(part), value)
    assert works_without()


def test_a_line_end_behind_a_lot_number_is_not_kept():
    read = read_values({"type": "object", "properties": {"x": LOT}}, {"x": "LOT-1\n"})
    assert dict(read.values) == {"x": "LOT-1"}
    assert bare(LOT, "LOT-1\n")
    assert refused(LOT, "LOT-1\n2")


def test_a_decimal_is_a_multiple_of_what_it_is_a_multiple_of():
    part = {"type": "number", "multipleOf": Decimal("0.01")}
    assert not refused(part, "4.35")
    assert not bare({"multipleOf": 0.01}, 4.35)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("address", ["http://169.254.169.254/latest", "file:///etc/hostname"])
def test_a_reference_is_never_followed(address: str, monkeypatch: pytest.MonkeyPatch):
    opened: list[str] = []

    def record(request: Any, *_: Any, **__: Any) -> None:
        opened.append(getattr(request, "full_url", request))
        raise OSError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", record)
    assert any(check_schema({"type": "object", "properties": {"x": {"$ref": address}}}, ()))
    assert opened == []
    with pytest.raises(Unresolvable):
        bare({"$ref": address}, "x")
    assert opened == [address]


# ------------------------------------------------------------------ expressions


class Record:
    """An object handed to an evaluator that allows attributes."""

    secret = "the key"

    def delete(self) -> str:
        return "deleted"


def peer(text: str) -> object:
    simpleeval = pytest.importorskip("simpleeval", reason="the peer of the bench extra is absent")
    names = {"batch": Record(), "a": 0.1, "b": 0.2}
    found: object = simpleeval.EvalWithCompoundTypes(names=names).eval(text)
    return found


@pytest.mark.parametrize(
    ("text", "works_without"),
    [
        ("().__class__.__mro__", lambda: eval("().__class__.__mro__") == (tuple, object)),
        ("batch.delete()", lambda: peer("batch.delete()") == "deleted"),
        ("batch.secret == 'x'", lambda: peer("batch.secret") == "the key"),
        ("__import__('os').getpid()", lambda: eval("__import__('os').getpid()") == os.getpid()),
        ("(lambda: ok)()", lambda: eval("(lambda: 7)()") == 7),
        ("[x for x in name] == name", lambda: peer("[x for x in [1, 2]]") == [1, 2]),
        ("9**9**9 > 1", lambda: eval("9**9**4").bit_length() > 20_000),
        ("'a'*10**9 == name", lambda: len(eval("'a'*10**7")) == 10**7),
    ],
)
def test_an_expression_reaches_and_explodes_nothing(text: str, works_without: Callable[[], bool]):
    started = time.process_time()
    compiled, problems = check(text, NAMES)
    assert time.process_time() - started < MOMENT
    assert compiled is None
    assert problems
    assert works_without()


def test_a_tenth_and_two_tenths_are_three_tenths():
    compiled, _ = check("a + b == 0.3", NAMES)
    assert compiled is not None
    assert evaluate(compiled, {"a": Decimal("0.1"), "b": Decimal("0.2")}).value is True
    assert peer("a + b == 0.3") is False
