"""The table of clauses: what each asks, what the product does, and the tests that show it.

`docs/clauses.yaml` says the first two; the tests say the third by their markers. Nobody can claim a
clause that no test shows, nor show one that nobody claims.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
CLAIMS = ROOT / "docs" / "clauses.yaml"
TESTS = (ROOT / "tests", ROOT / "plugins")


def claims(part: str = "clauses") -> list[dict[str, str]]:
    """Every claimed clause in its order, or those of another part of the file."""
    return list(yaml.safe_load(CLAIMS.read_text("utf-8"))[part])


def shown(folders: tuple[Path, ...] = TESTS) -> dict[str, list[str]]:
    """The tests by the clause they are marked with."""
    found: dict[str, list[str]] = defaultdict(list)
    for folder in folders:
        for file in sorted(folder.rglob("test_*.py")):
            text = file.read_text("utf-8")
            for name, clause in marks(ast.parse(text)) if "mark.clause" in text else ():
                found[clause].append(f"{file.relative_to(ROOT).as_posix()}::{name}")
    return found


def marks(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each marked test of a file with each of its clauses."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.clause":
                yield node.name, str(ast.literal_eval(mark.args[0]))


def faults() -> list[str]:
    """Clauses that are claimed and not shown, or shown and not claimed."""
    claimed, found = [each["clause"] for each in claims()], shown()
    missing = [f"docs/clauses.yaml: no test shows {c}" for c in claimed if c not in found]
    extra = [f"{found[c][0]}: {c} is not in docs/clauses.yaml" for c in found if c not in claimed]
    return missing + extra


def page() -> str:
    """The table, a test in each line."""
    found = shown()
    rows = ["| clause | asks for | the product | shown by |", "|---|---|---|---|"]
    for each in claims():
        tests = "<br>".join(f"`{test}`" for test in found.get(each["clause"], ()))
        rows.append(f"| {each['clause']} | {each['asks']} | {each['does']} | {tests} |")
    rows += ["", "## Not claimed", "", "| clause | why |", "|---|---|"]
    rows += [f"| {each['clause']} | {each['why']} |" for each in claims("not_claimed")]
    return "\n".join(rows) + "\n"
