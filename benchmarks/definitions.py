"""The definition language: compile and check times, rules judged, expressions against their peers.

It must not gate anything by absolute times: on shared machines only ratios of one run count.
Times are of the processor. Peers that are not installed are left out and named.

    python -m benchmarks.definitions [--rounds 2000] [--repeats 7]
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import workflow
from qtcore.definitions.definition_file import read_definitions
from qtcore.definitions.text_file import read_text_file
from qtcore.engines.expressions import DECIMAL, TEXT, FactType, check, evaluate
from qtcore.engines.rules import judge
from qtcore.registry import formulas, proofs
from qtcore.registry.load import check_packs, list_installed, load_registry
from qtcore.registry.memo import Memo
from qtcore.registry.packs import installed_folders
from qtcore.registry.registry import Registry

LINES = 1_500
FACTS: dict[str, object] = {
    "ph": Decimal("4.3"),
    "limit": Decimal("4.6"),
    "gross": Decimal("1020.5"),
    "tare": Decimal("20.25"),
    "status": "open",
    "market": "EU",
    "count": Decimal(3),
}
# The same claim in ours, in simpleeval's Python and in CEL.
EXPRESSIONS: Mapping[str, tuple[str, str, str]] = {
    "limit": ("ph <= 4.6", "ph <= 4.6", "ph <= 4.6"),
    "joined": (
        "ph <= limit and (status == 'open' or count > 5) and count >= 1",
        "ph <= limit and (status == 'open' or count > 5) and count >= 1",
        "ph <= limit && (status == 'open' || count > 5.0) && count >= 1.0",
    ),
    "arithmetic": (
        "(gross - tare) * 1.02 - count / 4 <= 1100",
        "(gross - tare) * 1.02 - count / 4 <= 1100",
        "(gross - tare) * 1.02 - count / 4.0 <= 1100.0",
    ),
    "members": (
        "market in ['EU', 'CN', 'US'] and not (status in ['closed', 'void'])",
        "market in ['EU', 'CN', 'US'] and not (status in ['closed', 'void'])",
        "market in ['EU', 'CN', 'US'] && !(status in ['closed', 'void'])",
    ),
}


def seconds(act: Callable[[], object], repeats: int) -> float:
    """Give the median time of an act."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        act()
        times.append(time.process_time() - start)
    return statistics.median(times)


def forget() -> None:
    """Throw away what is kept of earlier compiles."""
    read_definitions.cache_clear()
    read_text_file.cache_clear()
    proofs._PROVED = Memo(256)
    formulas._CHECKED = Memo(2_048)


def compiles(repeats: int) -> dict[str, object]:
    """Time the compile of all shipped packs: the first, after an edit of a file, and unchanged."""

    def first() -> None:
        forget()
        load_registry()

    with tempfile.TemporaryDirectory() as folder:
        site = write_site(Path(folder), 40)
        named = site / "pack.yaml"
        text = named.read_text("utf-8").replace(
            "packs: []", f"packs: [{', '.join(list_installed())}]"
        )
        named.write_text(text, "utf-8")
        load_registry(site_dir=site)

        def edited() -> None:
            file = site / "rules.yaml"
            file.write_text(file.read_text("utf-8") + "# edited\n", "utf-8")
            load_registry(site_dir=site)

        after = seconds(edited, repeats)
    cold = seconds(first, repeats)
    again = seconds(load_registry, repeats)
    return {
        "packs": list(list_installed()),
        "first_ms": millis(cold),
        "after_an_edit_ms": millis(after),
        "unchanged_ms": millis(again),
        "edit_to_first": round(after / cold, 2),
    }


def write_site(folder: Path, lines: int) -> Path:
    """Write a site pack with a file of rules and their texts, of about so many lines together."""
    head = 'pack: plant\nversion: "1"\nrequires_qtcore: ">=0.1,<1"\nlayer: site\n'
    more = "packs: []\nlanguages: [en]\ntitle: {en: Plant}\n"
    (folder / "pack.yaml").write_text(head + more, "utf-8")
    rules, texts = ["rules:"], ["language: en", "texts:", "  rules:"]
    for number in range(lines // 6):
        rules += [
            f"  - id: PLANT-{number}",
            f"    check: open_deviations <= {number % 9} and item_kind != 'packaging'",
            "    gate: release",
            "    severity: warn",
            "    source: {law: Plant rule book, status: verified}",
        ]
        texts.append(f"    PLANT-{number}: {{title: Rule {number}, fix: See book {number}.}}")
    (folder / "rules.yaml").write_text("\n".join(rules) + "\n", "utf-8")
    (folder / "i18n").mkdir()
    (folder / "i18n/en.yaml").write_text("\n".join(texts) + "\n", "utf-8")
    return folder


def checks(repeats: int) -> dict[str, object]:
    """Count checks of each shipped pack with the base, and time one of many lines."""
    found: dict[str, object] = {}
    folders = [folder.parent for folder in installed_folders()]
    for folder in folders:

        def first(folder: Path = folder) -> None:
            forget()
            check_packs([folder])

        def again(folder: Path = folder) -> None:
            check_packs([folder])

        once, more = seconds(first, repeats), seconds(again, repeats)
        found[folder.name] = {"per_second": round(1 / once, 1), "repeated": round(1 / more, 1)}
    with tempfile.TemporaryDirectory() as name:
        base = write_site(Path(name), LINES)
        text = "".join(file.read_text("utf-8") for file in base.rglob("*.yaml"))

        if problems := check_packs([base]).problems:
            raise SystemExit(
                f"the long site has problems, which take time of their own: {problems[0]}"
            )

        def long() -> None:
            forget()
            check_packs([base])

        found["lines"] = text.count("\n")
        found["lines_ms"] = millis(seconds(long, repeats))
    return found


def rules(registry: Registry, rounds: int) -> dict[str, object]:
    """Judge every rule of the shipped packs, with nothing known and with numbers for everything."""
    every = registry.list("rules")

    def decide(text: str, facts: Mapping[str, object], others: Mapping[str, Any]) -> bool | None:
        value = evaluate(registry.expression(text), facts, others).value
        return value if isinstance(value, bool) else None

    known: dict[str, object] = {
        fact.id: {"boolean": True, "text": (fact.values or ("x",))[0]}.get(fact.type, Decimal(1))
        for fact in registry.list("facts")
    }
    turns = max(1, rounds // 200)

    def run(facts: Mapping[str, object]) -> float:
        def act() -> None:
            for _ in range(turns):
                judge(every, facts, decide, on=date(2026, 9, 1))

        return len(every) * turns / seconds(act, 3)

    return {
        "rules": len(every),
        "judged_per_second": round(run(known)),
        "judged_per_second_nothing_known": round(run({})),
    }


def expressions(rounds: int, repeats: int) -> dict[str, object]:
    """Evaluate the same expressions, compiled beforehand, in ours and in each peer."""
    peers = {"simpleeval": simpleeval_of, "cel": cel_of}
    found: dict[str, object] = {"left_out": [name for name in peers if find_spec(name) is None]}
    ours: dict[str, float] = {}
    ratios: dict[str, dict[str, float]] = {name: {} for name in peers if find_spec(name)}
    for name, texts in EXPRESSIONS.items():
        runs = {"ours": our_own(texts[0])}
        runs |= {peer: peers[peer](texts[1 + (peer == "cel")]) for peer in ratios}
        times: dict[str, list[float]] = {each: [] for each in runs}
        for _ in range(repeats):  # side by side, so that a busy moment hits all alike
            for each, run in runs.items():
                start = time.process_time()
                for _ in range(rounds):
                    run()
                times[each].append(time.process_time() - start)
        medians = {each: statistics.median(took) / rounds * 1e6 for each, took in times.items()}
        ours[name] = round(medians["ours"], 1)
        for peer, shown in ratios.items():
            shown[name] = round(medians["ours"] / medians[peer], 2)
    return found | {"ours_us": ours} | {f"ours_to_{peer}": r for peer, r in ratios.items()}


def our_own(text: str) -> Callable[[], object]:
    """Compile for our evaluator: exact decimals, three values."""
    kinds: dict[str, FactType] = {
        name: TEXT if isinstance(value, str) else DECIMAL for name, value in FACTS.items()
    }
    compiled, problems = check(text, kinds)
    if compiled is None or evaluate(compiled, FACTS).value is not True:
        raise SystemExit(f"{text}: {problems}")
    return lambda: evaluate(compiled, FACTS)


def simpleeval_of(text: str) -> Callable[[], object]:
    """Parse for simpleeval, which calculates in binary fractions."""
    made: Any = import_module("simpleeval").EvalWithCompoundTypes(names=_floats())
    tree = made.parse(text)
    if made.eval(text, tree) is not True:
        raise SystemExit(f"simpleeval: {text}")
    return lambda: made.eval(text, tree)


def cel_of(text: str) -> Callable[[], object]:
    """Compile for the CEL library, which calculates in binary fractions."""
    program: Any = import_module("cel").compile(text)
    facts = _floats()
    if program.execute(facts) is not True:
        raise SystemExit(f"cel: {text}")
    return lambda: program.execute(facts)


def _floats() -> dict[str, object]:
    return {name: float(v) if isinstance(v, Decimal) else v for name, v in FACTS.items()}


def firing(rounds: int) -> dict[str, object]:
    """Compare firing with the bare package, as `benchmarks/workflow.py` does."""
    flat, nested = len(workflow.STEPS), len(workflow.NESTED_STEPS)
    ours = workflow.microseconds(workflow.ours(workflow.FLAT, workflow.STEPS), flat, rounds)
    bare = workflow.microseconds(workflow.bare(), flat, rounds)
    walk = workflow.ours(workflow.NESTED, workflow.NESTED_STEPS)
    regions = workflow.microseconds(walk, nested, rounds)
    theirs = workflow.microseconds(workflow.bare_nested(), nested, rounds)
    return {
        "ours_us": round(ours, 1),
        "ours_to_transitions": round(ours / bare, 2),
        "regions_to_hierarchical": round(regions / theirs, 2),
    }


def millis(took: float) -> float:
    """Give milliseconds as they are shown."""
    return round(took * 1e3, 1)


def main() -> None:
    """Measure and print one JSON result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2_000)
    parser.add_argument("--repeats", type=int, default=7)
    asked = parser.parse_args()
    registry = load_registry().get_registry()
    result = {
        "benchmark": "definitions",
        "compile": compiles(asked.repeats),
        "check": checks(asked.repeats),
        "rules": rules(registry, asked.rounds),
        "expressions": expressions(asked.rounds, asked.repeats),
        "firing": firing(max(1, asked.rounds // 4)),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
