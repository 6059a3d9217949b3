"""Mistakes in definitions and inputs as values: collected, sorted, rendered with a caret.

It must not know what was read or checked, nor raise anything.
"""

import difflib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

PROBLEMS_PER_FILE = 100
_SHOWN_WIDTH = 120


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: a stable code, a sentence for a person, and the place (both counted from 1).

    `suggestion` is a word the author probably meant, without quotes. A `warning` does not stop
    anything; an `error` makes the check fail. `also` is the message in other languages.
    """

    code: str
    message: str
    file: str = ""
    line: int = 1
    column: int = 1
    suggestion: str = ""
    severity: Literal["error", "warning"] = "error"
    length: int = 1
    also: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    def message_in(self, language: str) -> tuple[str, str]:
        """Give the message in a language, or in English; and which of them it is."""
        found = dict(self.also).get(language)
        return (found, language) if found else (self.message, "en")

    def as_json(self) -> dict[str, object]:
        """Give the shape that `--json` and the API show."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "length": self.length,
            "suggestion": self.suggestion,
        }

    def __str__(self) -> str:
        """Give the one-line form: ``file:line:col: QTnnn text (did you mean 'x'?)``."""
        mark = "" if self.severity == "error" else "warning: "
        hint = f" (did you mean {self.suggestion!r}?)" if self.suggestion else ""
        return f"{self.file}:{self.line}:{self.column}: {self.code} {mark}{self.message}{hint}"


def sort_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Order by place, then code and words; the same mistake said twice is kept once."""
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda p: (p.file, p.line, p.column, p.code, p.message)))


def has_errors(problems: Iterable[Problem]) -> bool:
    """Say whether anything worse than a warning is among them."""
    return any(problem.severity == "error" for problem in problems)


def suggest(word: object, words: Iterable[str]) -> str:
    """Find the accepted word nearest to what was written, or an empty text."""
    known = [candidate for candidate in words if candidate]
    text = str(word)
    folded = {candidate.casefold(): candidate for candidate in known}
    if text.casefold() in folded:
        return folded[text.casefold()]
    near = difflib.get_close_matches(text[:80], known, n=1, cutoff=0.6)
    return near[0] if near else ""


def render_problems(problems: Iterable[Problem], sources: Mapping[str, str]) -> str:
    """Render all problems for a terminal: one line each, the source line, a caret below it.

    `sources` maps the file names of the problems to their texts; unknown files show no line.
    """
    lines: dict[str, list[str]] = {}
    parts: list[str] = []
    for problem in sort_problems(problems):
        if problem.file not in lines:
            lines[problem.file] = sources.get(problem.file, "").splitlines()
        parts.append(_printable(str(problem)))
        if 0 < problem.line <= len(lines[problem.file]):
            parts.extend(_excerpt(problem, lines[problem.file][problem.line - 1]))
    return "\n".join(parts) + ("\n" if parts else "")


@dataclass(frozen=True, slots=True)
class ShownProblem:
    """A problem with its source line cut in three: before, the marked part, after."""

    problem: Problem
    before: str = ""
    marked: str = ""
    after: str = ""


def show_problems(
    problems: Iterable[Problem], sources: Mapping[str, str]
) -> tuple[ShownProblem, ...]:
    """Give the report for a page: the same lines and marks as `render_problems` prints."""
    lines: dict[str, list[str]] = {}
    found: list[ShownProblem] = []
    for problem in sort_problems(problems):
        if problem.file not in lines:
            lines[problem.file] = sources.get(problem.file, "").splitlines()
        held = lines[problem.file]
        if not 0 < problem.line <= len(held):
            found.append(ShownProblem(problem))
            continue
        line = held[problem.line - 1]
        start = min(max(problem.column, 1), len(line) + 1) - 1
        end = start + max(1, problem.length)
        cut = max(0, start - _SHOWN_WIDTH // 2)
        parts = (line[cut:start], line[start:end], line[end : start + _SHOWN_WIDTH])
        found.append(ShownProblem(problem, *map(_printable, parts)))
    return tuple(found)


def _excerpt(problem: Problem, line: str) -> tuple[str, str]:
    column = min(max(problem.column, 1), len(line) + 1) - 1
    start = max(0, column - _SHOWN_WIDTH // 2) if len(line) > _SHOWN_WIDTH else 0
    shown = _printable(line[start : start + _SHOWN_WIDTH])
    before = _printable(line[start:column])
    marked = _printable(line[column : column + max(1, problem.length)])[: _SHOWN_WIDTH // 2]
    number = str(problem.line)
    caret = " " * _width(before) + "^" * max(1, _width(marked))
    return f"  {number} | {shown}", f"  {' ' * len(number)} | {caret}"


def _printable(text: str) -> str:
    """Neutralise terminal escapes and direction marks that a hostile file may carry."""
    return "".join(_safe_sign(sign) for sign in text)


def _safe_sign(sign: str) -> str:
    if sign == "\t":
        return " "
    return "\ufffd" if unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else sign


def _width(text: str) -> int:
    """Count terminal cells: Chinese and Japanese signs take two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
