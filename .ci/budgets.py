"""The size and naming budgets of the house style, enforced over the source trees.

It knows Python's syntax tree and nothing of what the code does. `python .ci/budgets.py` prints
each violation as path:line, what, limit and what to do, and exits 1 when there is one.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 60
SHORT_FUNCTION_LINES = 40
SHORT_SHARE = 0.95
PARAMETERS = 4

TREES = ("qtcore", "plugins", "benchmarks", "tests")
# Bad packs and recorded outputs are fixtures, not code.
SKIPPED = ("tests/broken/", "tests/golden/", "node_modules/", "__pycache__/")

BAD_MODULE = re.compile(r"^(util.*|help.*|common|misc|base)$")
BAD_CLASS = re.compile(r"(Manager|Helper|Util|Handler)s?$")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")

# Where catching everything is the job. A new line here needs a decision record.
CATCH_ALL = {
    "qtcore/registry/fence.py": "the fence: a pack's crash becomes a refusal that names the pack",
    "qtcore/registry/packs.py": "loading a pack runs its code; its crash becomes a problem",
    "qtcore/http/app.py": "the edge: a bug becomes one problem document with a request id",
    "qtcore/http/problems.py": "the edge, as above",
    "qtcore/services/channels.py": "a channel is foreign code; its failure is stored",
    "qtcore/services/jobs.py": "the job runner: one failing job must not stop the others",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, order=True, slots=True)
class Violation:
    """One place that breaks one budget, and the way out."""

    path: str
    line: int
    rule: str
    what: str
    limit: str
    advice: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}"
        return f"{place}: {self.rule}: {self.what} (limit: {self.limit}); {self.advice}"


@lru_cache(maxsize=1)
def _nodes(tree: ast.Module) -> tuple[ast.AST, ...]:
    """Walk a file once: every rule asks for its nodes, and walking took most of the time."""
    return tuple(ast.walk(tree))


def check_source(path: str, source: str) -> list[Violation]:
    """All violations of one file; `path` is relative to the project root, with slashes."""
    tree = ast.parse(source, filename=path)
    found = [*_file_length(path, source), *_function_lengths(path, tree)]
    if "tests" not in path.split("/"):  # of tests only the sizes count
        found += [
            *_names(path, tree),
            *_parameters(path, tree),
            *_imports_in_functions(path, tree),
            *_catching(path, tree),
            *_unfinished(path, source),
        ]
    return sorted(set(found))


def check_shares(sources: dict[str, str]) -> list[Violation]:
    """The trees in which more than 5 % of the functions (and more than one) are long."""
    lengths: dict[str, list[int]] = {}
    for path, source in sources.items():
        functions = _functions(ast.parse(source, filename=path))
        lengths.setdefault(path.split("/")[0], []).extend(_length(each) for each in functions)
    return [found for tree, of_tree in lengths.items() for found in _share(tree, of_tree)]


def check_tree(root: Path) -> list[Violation]:
    """All violations under `root` that its list of debts does not name, and the debts' own."""
    sources = {path: (root / path).read_text(encoding="utf-8") for path in _paths(root)}
    found = [each for path, source in sources.items() for each in check_source(path, source)]
    return _settle(root, [*found, *check_shares(sources)])


def _paths(root: Path) -> Iterator[str]:
    for tree in TREES:
        for file in sorted((root / tree).rglob("*.py")):
            path = file.relative_to(root).as_posix()
            if not any(part in path for part in SKIPPED):
                yield path


def _settle(root: Path, found: list[Violation]) -> list[Violation]:
    """Take off what `.ci/debts.txt` names; a paid or undecided debt is a violation itself."""
    file = root / ".ci" / "debts.txt"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    owed: set[tuple[str, str]] = set()
    wrong: list[Violation] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        rule, path, decision = [*line.split(), "", ""][:3]
        advice = ""
        if not any((each.rule, each.path) == (rule, path) for each in found):
            advice = "the debt is paid: remove the line"
        elif not list((root / "docs" / "decisions").glob(f"{decision or '?'}-*.md")):
            advice = "end the line with the number of the decision record that allows it"
        if advice:
            wrong.append(Violation(".ci/debts.txt", number, "debt", repr(line), "shrinks", advice))
        owed.add((rule, path))
    return sorted([*wrong, *(each for each in found if (each.rule, each.path) not in owed)])


def _file_length(path: str, source: str) -> Iterator[Violation]:
    lines = len(source.splitlines())
    if lines > FILE_LINES:
        yield Violation(
            path,
            FILE_LINES + 1,
            "file-length",
            f"{lines} lines",
            f"{FILE_LINES}",
            "cut it by what it knows, one noun per file",
        )


def _functions(tree: ast.Module) -> Iterator[Function]:
    return (each for each in _nodes(tree) if isinstance(each, Function))


def _length(function: Function) -> int:
    """Lines from `def` to the end, without the docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def _function_lengths(path: str, tree: ast.Module) -> Iterator[Violation]:
    for function in _functions(tree):
        lines = _length(function)
        if lines > FUNCTION_LINES:
            yield Violation(
                path,
                function.lineno,
                "function-length",
                f"{function.name}() has {lines} lines without its docstring",
                f"{FUNCTION_LINES}",
                "name its steps and give each its own function",
            )


def _share(tree: str, lengths: list[int]) -> Iterator[Violation]:
    long = sum(1 for each in lengths if each > SHORT_FUNCTION_LINES)
    if long > 1 and long > len(lengths) * (1 - SHORT_SHARE):
        yield Violation(
            f"{tree}/",
            1,
            "function-share",
            f"{long} of {len(lengths)} functions have more than {SHORT_FUNCTION_LINES} lines",
            f"{1 - SHORT_SHARE:.0%}",
            "shorten the longest ones",
        )


def _parameters(path: str, tree: ast.Module) -> Iterator[Violation]:
    for function in _functions(tree):
        named = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
        if named[:1] in (["self"], ["cls"]):
            named = named[1:]
        if len(named) > PARAMETERS:
            yield Violation(
                path,
                function.lineno,
                "parameters",
                f"{function.name}() takes {len(named)} by position",
                f"{PARAMETERS}",
                "make the later ones keyword-only with *, or give their group a name",
            )


def _names(path: str, tree: ast.Module) -> Iterator[Violation]:
    for part in Path(path).with_suffix("").parts:
        if BAD_MODULE.match(part):
            yield Violation(
                path,
                1,
                "module-name",
                f"a module or folder named {part!r}",
                "not util*, help*, common, misc, base",
                "name it by the noun of the trade it knows",
            )
    for node in _nodes(tree):
        if isinstance(node, ast.ClassDef) and BAD_CLASS.search(node.name):
            yield Violation(
                path,
                node.lineno,
                "class-name",
                f"class {node.name}",
                "not *Manager, *Helper, *Util, *Handler",
                "name it by what it is, not that it does things",
            )


def _imports_in_functions(path: str, tree: ast.Module) -> Iterator[Violation]:
    if path == "qtcore/cli.py" or path.startswith("qtcore/cli/"):
        return
    for function in _functions(tree):
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield Violation(
                    path,
                    node.lineno,
                    "local-import",
                    f"{function.name}() imports when it is called",
                    "only in qtcore/cli",
                    "import at the top; if that makes a cycle, the layers are wrong",
                )


def _catching(path: str, tree: ast.Module) -> Iterator[Violation]:
    for node in _nodes(tree):
        if isinstance(node, ast.ExceptHandler):
            if _is_silent(node):
                yield Violation(
                    path,
                    node.lineno,
                    "silent-except",
                    "an exception is swallowed",
                    "never",
                    "return a value that says so, or let it rise",
                )
            if _is_broad(node.type) and path not in CATCH_ALL:
                yield _broad(path, node.lineno)
        if isinstance(node, ast.Call) and _is_broad_suppress(node):
            yield _broad(path, node.lineno)


def _is_silent(handler: ast.ExceptHandler) -> bool:
    """A body that does nothing; a narrow exception is passed over with contextlib.suppress."""
    return all(
        isinstance(each, ast.Pass)
        or (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
        for each in handler.body
    )


def _is_broad(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(isinstance(n, ast.Name) and n.id in ("Exception", "BaseException") for n in names)


def _is_broad_suppress(call: ast.Call) -> bool:
    return ast.unparse(call.func) in ("suppress", "contextlib.suppress") and any(
        _is_broad(each) for each in call.args
    )


def _broad(path: str, line: int) -> Violation:
    return Violation(
        path,
        line,
        "catch-all",
        "everything is caught, bugs included",
        "only in the places of CATCH_ALL in .ci/budgets.py",
        "catch the exceptions this call can raise",
    )


def _unfinished(path: str, source: str) -> Iterator[Violation]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and (word := UNFINISHED.search(token.string)):
            yield Violation(
                path,
                token.start[0],
                "unfinished",
                f"a comment says {word.group()}",
                "none",
                "do it now, or open an issue and say nothing here",
            )


def main(root: Path) -> int:
    """Print what breaks a budget under `root`; 1 when anything does."""
    found = check_tree(root)
    for each in found:
        print(each)
    print(f"budgets: {len(found)} violation(s)" if found else "budgets: kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
