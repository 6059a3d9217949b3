"""Literals of an expression: numbers from their own text, plain quoted texts, dates.

It must not know names, operators or functions.
"""

import ast
import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from qtcore.engines.expressions.compiled import ExpressionProblem
from qtcore.engines.expressions.kinds import (
    BOOLEAN,
    DATE,
    DECIMAL,
    DECIMAL_LIST,
    INTEGER,
    NUMBERS,
    TEXT,
    TEXT_LIST,
    FactType,
)
from qtcore.engines.expressions.node import Node
from qtcore.engines.expressions.source import Source

MOST_LITERAL_DIGITS: Final = 30
_NUMBER: Final = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)
_TEXT: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Typed:
    """A part of the tree together with the kind of its value."""

    node: Node
    type: FactType


TRUE: Final = Typed(Node("bool", value="true"), BOOLEAN)
FALSE: Final = Typed(Node("bool", value="false"), BOOLEAN)


def read_constant(source: Source, expr: ast.Constant) -> Typed | ExpressionProblem:
    """Read a literal from its source text; what Python made of it is never used."""
    if isinstance(expr.value, bool):
        return TRUE if expr.value else FALSE
    if expr.value is None:
        said = "none is no value; write missing(fact), or compare a fact: x == none"
        return ExpressionProblem("QT202", said, source.column(expr))
    if isinstance(expr.value, str):
        return _read_text(source, expr)
    if isinstance(expr.value, int | float):
        return _read_number(source, expr)
    said = f"{source.segment(expr)!r} is not part of the language; write a number or a 'text'"
    return ExpressionProblem("QT202", said, source.column(expr))


def _read_number(source: Source, expr: ast.Constant) -> Typed | ExpressionProblem:
    text = source.segment(expr)
    column = source.column(expr)
    glued = source.follows(expr)[:1]
    if not _NUMBER.fullmatch(text) or glued.isalnum() or glued in ("_", "."):
        found = text + glued.strip()
        said = f"number {found!r} is not accepted; write plain digits such as 1200 or 0.5"
        return ExpressionProblem("QT209", said, column)
    if len(text.replace(".", "")) > MOST_LITERAL_DIGITS:
        said = f"number {text[:12]}... has more than {MOST_LITERAL_DIGITS} digits; shorten it"
        return ExpressionProblem("QT209", said, column)
    return Typed(Node("dec", value=text), DECIMAL if "." in text else INTEGER)


def _read_text(source: Source, expr: ast.Constant) -> Typed | ExpressionProblem:
    text = source.segment(expr)
    if not _TEXT.fullmatch(text):
        said = (
            f"text {text[:30]!r} is not accepted; write one text in plain quotes, without prefix, "
            "and with a comma between two texts"
        )
        return ExpressionProblem("QT209", said, source.column(expr))
    return Typed(Node("text", value=text[1:-1]), TEXT)


def read_date(source: Source, expr: ast.expr) -> Typed | ExpressionProblem:
    """Read the argument of `date(...)`."""
    written = expr.value if isinstance(expr, ast.Constant) else None
    if isinstance(written, str) and is_calendar_date(written):
        return Typed(Node("date", value=written), DATE)
    said = (
        f"date {source.segment(expr)[:30]} is not a day of the calendar; "
        "write the day in quotes: date('2026-01-31')"
    )
    return ExpressionProblem("QT209", said, source.column(expr))


def is_calendar_date(text: str) -> bool:
    """Say whether `text` is a day written YYYY-MM-DD."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return _DATE.fullmatch(text) is not None


def find_list_type(members: list[Typed]) -> FactType | None:
    """Give the kind of a list of literals, or None when they are not all texts or all numbers."""
    kinds = {member.type.kind for member in members}
    if kinds == {"text"}:
        return TEXT_LIST
    return DECIMAL_LIST if kinds and kinds <= NUMBERS else None
