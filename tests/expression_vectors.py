"""The shared vectors of the expression language, and the way to the evaluator in JavaScript.

`python -m tests.expression_vectors` writes the compiled tree of every case into the file. What is
expected is written by hand: it is what both evaluators must say.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qtcore.engines.expressions import Compiled, FactType, Unit, check, evaluate
from qtcore.engines.expressions.wire import read_value, write_value

TESTS = Path(__file__).resolve().parent
VECTORS = TESTS / "golden" / "expression_vectors.json"
RUNNER = TESTS / "expressions_runner.mjs"
SCRIPTS = TESTS.parent / "qtcore" / "http" / "static"
_UNITS = {
    "mass": {"kg": "1", "g": "0.001", "mg": "0.000001", "lb": "0.45359237", "KGM": "1"},
    "volume": {"L": "1", "mL": "0.001"},
    "temperature_celsius": {"Cel": "1"},
    "ratio": {"%": "0.01", "1": "1"},
}


def units() -> Mapping[str, Unit]:
    """Give the units that the vectors speak of, by every spelling."""
    made: dict[str, Unit] = {}
    for dimension, factors in _UNITS.items():
        spelled = tuple((name, Decimal(factor)) for name, factor in factors.items())
        for name, factor in spelled:
            made[name] = Unit("kg" if name == "KGM" else name, dimension, factor, spelled)
    return made


def declared(file: Mapping[str, Any]) -> Mapping[str, FactType]:
    """Give the facts that the vectors declare."""
    known = units()
    return {
        name: FactType(fact["kind"], tuple(fact.get("values", ())), known.get(fact.get("unit")))
        for name, fact in file["facts"].items()
    }


def read_vectors() -> dict[str, Any]:
    """Read the file of vectors."""
    found: dict[str, Any] = json.loads(VECTORS.read_text("utf-8"))
    return found


def compiled_case(file: Mapping[str, Any], case: Mapping[str, Any]) -> Compiled:
    """Compile the text of a case."""
    found, problems = check(
        case["text"], declared(file), result=case.get("result", "boolean"), units=units()
    )
    assert found is not None, [str(problem) for problem in problems]
    return found


def answer_in_python(
    compiled: Compiled, facts: Mapping[str, Any], rules: Mapping[str, Any]
) -> dict[str, Any]:
    """Evaluate facts as JSON holds them; the shape is that of the evaluator in JavaScript."""
    types = dict(compiled.fact_types)
    read = {n: read_value(raw, types[n]) if n in types else raw for n, raw in facts.items()}
    found = evaluate(compiled, read, rules)
    value = None if found.value is None else write_value(found.value)
    return {"value": value, "unknown": [*found.unknown], "reasons": [*found.reasons]}


def unfolded(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Write out the lists that the file holds as `{repeat: [value, times]}`."""
    return {
        name: [raw["repeat"][0]] * raw["repeat"][1]
        if isinstance(raw, Mapping) and "repeat" in raw
        else raw
        for name, raw in facts.items()
    }


class JavaScript:
    """One Node process that answers line by line."""

    def __init__(self, node: str) -> None:
        command = [node, str(RUNNER), str(SCRIPTS / "expressions.js")]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def ask(self, compiled: Any, facts: Any, rules: Any) -> Any:
        """Evaluate a compiled form on facts, both as JSON."""
        assert self._process.stdin is not None and self._process.stdout is not None
        line = json.dumps({"compiled": compiled, "facts": facts, "rules": rules})
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.communicate()
        self._process.wait(10)


@pytest.fixture(scope="session")
def javascript() -> Iterator[JavaScript]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node.js found; the browser tests run the same vectors")
    running = JavaScript(node)
    yield running
    running.close()


def write_trees() -> None:
    """Write the compiled form of every case into the file."""
    file = read_vectors()
    for case in file["cases"]:
        case["compiled"] = compiled_case(file, case).as_json()
    lines = ",\n".join("    " + json.dumps(case, ensure_ascii=False) for case in file["cases"])
    facts = json.dumps(file["facts"], ensure_ascii=False, indent=2).replace("\n", "\n  ")
    text = f'{{\n  "about": {json.dumps(file["about"])},\n  "facts": {facts},\n'
    VECTORS.write_text(text + f'  "cases": [\n{lines}\n  ]\n}}\n', encoding="utf-8")


if __name__ == "__main__":
    write_trees()
