"""Signs and words of other languages and keyboards in an expression, each with what is meant.

It must not know names or kinds. What stands inside a quoted text is the author's own and is left
alone; a text in typographic quotes is one mistake, not two.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final

from qtcore.engines.expressions.compiled import ExpressionProblem

_CLOSING: Final[Mapping[str, str]] = dict(zip("“”„‘’「『«＂＇", "””“’’」』»＂＇", strict=True))
_ALONE: Final = frozenset("」』»")
_OURS: Final[Mapping[str, str]] = {
    "&&": "and", "||": "or", "<>": "!=", "=<": "<=", "=>": ">=", "===": "==", "!==": "!=",
    "！=": "!=", "！＝": "!=", "＝": "==", "＝＝": "==", "＜＝": "<=", "＞＝": ">=",
    "≤": "<=", "≥": ">=", "≦": "<=", "≧": ">=", "≠": "!=", "！": "not",
    "×": "*", "÷": "/", "−": "-", "–": "-", "—": "-", "∧": "and", "∨": "or",
    "¬": "not", "∈": "in", "∉": "not in", "、": ",", "【": "[", "】": "]",
    "且": "and", "并且": "and", "或": "or", "或者": "or", "非": "not",
    "。": "", "；": "", "…": "",
}  # fmt: skip
_TOKEN: Final = re.compile(
    r"(?P<text>'[^']*'|\"[^\"]*\")"
    r"|&&|\|\||<>|=<|=>|[!=]==|！[=＝]|[＜＞]＝|＝＝|[０-９]+"
    r"|(?<![\u4e00-\u9fff])(?:并且|或者|[且或非])(?![\u4e00-\u9fff])"
    r"|(?<![\w.])(?:AND|OR|NOT|IN|And|Or|Not|In)(?![\w.(])"
    r"|[^\x00-\x7f\w]"
)


def find_foreign(text: str) -> tuple[ExpressionProblem, ...]:
    """Name every such sign at its column, all at once, with what to write instead."""
    return tuple(_problems(text))


def _problems(text: str) -> Iterator[ExpressionProblem]:
    at = 0
    while found := _TOKEN.search(text, at):
        sign, column, at = found.group(), found.start() + 1, found.end()
        if found.lastgroup == "text":
            continue
        if sign in _CLOSING or sign in _ALONE:
            end = text.find(_CLOSING.get(sign, sign), at)
            at = end + 1 if end >= 0 else at
            yield _quoted(text[column - 1 : at], column, '"' if '"' in text else "'")
            continue
        ours = _meant(sign)
        if ours is not None:
            yield _foreign(sign, ours, column)


def _quoted(found: str, column: int, mark: str) -> ExpressionProblem:
    """Say how a text in typographic quotes is written; alone, such a quote is one sign."""
    inner = found[1:-1]
    if len(found) < 2 or "\\" in inner or {"'", '"'} <= set(inner):
        return _foreign(found[0], mark, column)
    plain = f'"{inner}"' if "'" in inner else f"'{inner}'"
    said = f"{found} stands in typographic quotes; write plain ones: {plain}"
    return ExpressionProblem("QT200", said, column, plain)


def _meant(sign: str) -> str | None:
    """Give what a sign stands for, an empty text for nothing; None when it is not known."""
    if sign in _OURS:
        return _OURS[sign]
    if sign.isalpha():
        return sign.lower()
    if unicodedata.category(sign[0]) in ("Zs", "Cf"):
        return " " if unicodedata.category(sign[0]) == "Zs" else ""
    folded = unicodedata.normalize("NFKC", sign)
    is_ours = folded.isascii() and (len(folded) == 1 or folded.isdecimal())
    return folded if is_ours and folded != sign else None


def _foreign(sign: str, ours: str, column: int) -> ExpressionProblem:
    shown = repr(sign)
    if ours == " " or (not ours and not sign.isprintable()):
        shown = f"the sign U+{ord(sign[0]):04X}"
        means = "type a plain blank" if ours else "remove it, it cannot be seen"
    else:
        means = f"write {ours!r} instead" if ours else "leave it out"
    is_wide = unicodedata.normalize("NFKC", sign) != sign and ours != " "
    said = f"{shown} is {'full width, ' if is_wide else ''}not part of the language; {means}"
    return ExpressionProblem("QT200", said, column, ours.strip() or None)
