"""Expression text turned into a Python syntax tree with positions, within fixed limits.

It must not know names, kinds or operators: whether the tree makes sense is decided in `check`.
"""

import ast
import re
from dataclasses import dataclass
from typing import Final

from qtcore.engines.expressions.compiled import ExpressionProblem
from qtcore.engines.expressions.foreign import find_foreign

MOST_CHARACTERS: Final = 2000
MOST_NODES: Final = 500
MOST_DEPTH: Final = 40

_BLANKS: Final = str.maketrans("\t\r\n", "   ")
# NUL and other controls; the backslash, because every escape in a text literal is refused; lone
# surrogates, which cannot be encoded.
_REFUSED_CHARACTER: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\\\ud800-\udfff]")
_TEXT: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_GLUED: Final = re.compile(r"(?<![\w.])[0-9][0-9_.]*(?:and|or|if|else|for|in|is|not)\b")
_ALMOST: Final = (("!", "not"), ("=", "=="))


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed expression: `line` is the text as parsed, `indent` the blanks cut off before it."""

    text: str
    line: bytes
    indent: int
    tree: ast.expr

    def column(self, node: ast.expr) -> int:
        """Give the 1-based column in characters; Python itself counts UTF-8 bytes."""
        return self.indent + len(self.line[: node.col_offset].decode()) + 1

    def segment(self, node: ast.expr) -> str:
        """Give the text the node was parsed from."""
        return self.line[node.col_offset : node.end_col_offset].decode()

    def span(self, node: ast.expr) -> tuple[int, int]:
        """Give where the node stands in the text as it was given: first character and end."""
        first = self.column(node) - 1
        return first, first + len(self.segment(node))

    def follows(self, node: ast.expr) -> str:
        """Give the text behind the node."""
        return self.line[node.end_col_offset :].decode()


def read_source(text: str) -> tuple[Source | None, tuple[ExpressionProblem, ...]]:
    """Parse `text`, or say why it cannot be read; never raises for any text."""
    refused = _check_characters(text)
    if refused:
        return None, refused
    line = text.translate(_BLANKS).rstrip(" ")
    indent = len(line) - len(line.lstrip(" "))
    line = line[indent:]
    try:
        tree = ast.parse(line, mode="eval").body
    except SyntaxError as exc:
        return None, (_explain_syntax(line, indent, exc),)
    except (RecursionError, MemoryError):
        return None, (_too_deep(),)
    except ValueError as exc:
        return None, (ExpressionProblem("QT200", f"expression cannot be read: {exc}", 1),)
    source = Source(text, line.encode(), indent, tree)
    problems = _check_size(tree) or _check_comment(source)
    return (None, problems) if problems else (source, ())


def _check_characters(text: str) -> tuple[ExpressionProblem, ...]:
    if len(text) > MOST_CHARACTERS:
        said = f"expression has {len(text)} characters; at most {MOST_CHARACTERS} are accepted"
        return (ExpressionProblem("QT201", said, 1),)
    if not text.strip():
        said = "expression is empty; write a condition such as: assay <= 105.0"
        return (ExpressionProblem("QT200", said, 1),)
    glued = _GLUED.search(_TEXT.sub(lambda found: "_" * len(found.group()), text))
    if glued:
        # Python only warns of it, on the standard error of whoever serves.
        said = f"{glued.group()!r} runs a number and a word together; put a space between them"
        return (ExpressionProblem("QT200", said, glued.start() + 1),)
    refused = (
        ExpressionProblem(
            "QT200",
            f"character {match.group()!r} is not accepted in an expression; remove it",
            match.start() + 1,
        )
        for match in _REFUSED_CHARACTER.finditer(text)
    )
    return (*find_foreign(text), *refused)


def _explain_syntax(line: str, indent: int, exc: SyntaxError) -> ExpressionProblem:
    at = min(max((exc.offset or 1) - 1, 0), len(line))
    if "too many nested" in exc.msg:
        return _too_deep()
    for foreign, ours in _ALMOST:
        found = _find_foreign(line, foreign, near=at)
        if found is not None:
            said = f"{foreign!r} is not part of the language; write {ours!r} instead"
            return ExpressionProblem("QT200", said, indent + found + 1, ours)
    rest = line[at : at + 20]
    where = f"at {rest!r}" if rest else "at its end"
    said = f"expression cannot be read {where}; write a condition such as: assay <= 105.0"
    return ExpressionProblem("QT200", said, indent + at + 1)


def _find_foreign(line: str, foreign: str, *, near: int) -> int | None:
    """Find a sign of another language within three characters of where parsing stopped."""
    found = line.find(foreign, max(near - 3, 0), near + 3)
    if found < 0:
        return None
    around = line[max(found - 1, 0) : found + 2]
    own = foreign in ("=", "!") and around != foreign and re.search(r"[=<>!:]=", around)
    return None if own else found


def _too_deep() -> ExpressionProblem:
    said = f"expression is nested too deep; at most {MOST_DEPTH} levels are accepted"
    return ExpressionProblem("QT201", said, 1)


def _check_size(tree: ast.expr) -> tuple[ExpressionProblem, ...]:
    nodes, depth = 0, 0
    open_nodes: list[tuple[ast.AST, int]] = [(tree, 1)]
    while open_nodes:
        node, level = open_nodes.pop()
        nodes, depth = nodes + 1, max(depth, level)
        open_nodes.extend(
            (child, level + 1)
            for child in ast.iter_child_nodes(node)
            if not isinstance(child, ast.expr_context | ast.operator | ast.boolop | ast.cmpop)
        )
    if depth > MOST_DEPTH:
        return (_too_deep(),)
    if nodes > MOST_NODES:
        said = f"expression has {nodes} parts; at most {MOST_NODES} are accepted: split the rule"
        return (ExpressionProblem("QT201", said, 1),)
    return ()


def _check_comment(source: Source) -> tuple[ExpressionProblem, ...]:
    """Refuse `# ...`: lines are joined, so a comment would swallow the conditions after it."""
    rest = source.follows(source.tree)
    if "#" not in rest:
        return ()
    column = source.indent + len(source.line.decode()) - len(rest) + rest.index("#") + 1
    said = "'#' starts a comment, which is not accepted inside an expression; use a YAML comment"
    return (ExpressionProblem("QT202", said, column),)
