"""Templates of printed documents: what one may say, checked before it serves, filled in a sandbox.

It must not know lots or records. A template sees plain data by the names its subject has, escapes
everything, and can neither call, import, nor switch the escaping off.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from qtcore.definitions.mistakes import Mistake, unknown
from qtcore.errors import InputRejected

COMMON: Final = ("language", "document", "ledger", "printed")
SUBJECTS: Final[Mapping[str, tuple[str, ...]]] = {
    "lot": ("lot", "release"),
    "record": ("record",),
    "recall": ("record", "scope"),
    "shipment": ("shipment",),
    "delegation": ("delegation",),
}
MOST_SIGNS: Final = 2_000_000
MOST_STEPS: Final = 200_000
MOST_LOOPS: Final = 4
_STEP: Final = "\x00"
"""What each turn of a loop writes first: a loop that shows nothing is counted as well."""
_FILTERS: Final = (
    *("capitalize", "d", "default", "e", "escape", "first", "join", "last", "length", "lower"),
    *("round", "sort", "title", "trim", "upper"),
)
_FORBIDDEN: Final = (
    *(nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Call, nodes.CallBlock),
    *(nodes.ScopedEvalContextModifier, nodes.EvalContextModifier, nodes.Macro),
    # What keeps a value can double it in each line: forty lines would fill any memory.
    *(nodes.Assign, nodes.AssignBlock, nodes.With, nodes.FilterBlock),
)


_WORDS: Final[Mapping[type[nodes.Node], str]] = {
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "import",
    nodes.Extends: "extends",
    nodes.Macro: "macro",
    nodes.ScopedEvalContextModifier: "autoescape",
    nodes.EvalContextModifier: "autoescape",
    nodes.Getattr: "a name that begins with an underscore",
    nodes.Assign: "set",
    nodes.AssignBlock: "set",
    nodes.With: "with",
    nodes.FilterBlock: "filter as a block",
}


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox with nothing to call, and without operators that make much of little."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Give the value of that name; a field called ``items`` is a field, not a method."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            loop.body.insert(0, nodes.Output([nodes.TemplateData(_STEP)], lineno=loop.lineno))
        return tree

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Refuse what could fill the memory: a text times a number."""
        raise SecurityError(f"the operator {operator!r} is not for documents")


def _environment() -> _Sandbox:
    made = _Sandbox(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.globals.clear()
    made.filters = {name: made.filters[name] for name in _FILTERS} | {"join": _join}
    return made


def _join(values: Any, between: str = "") -> Markup:
    """Join texts as Jinja does, escaped, as long as the whole is no longer than a document."""
    found = [escape(each) for each in values]
    if sum(map(len, found)) + len(str(between)) * len(found) > MOST_SIGNS:
        raise SecurityError(f"join would make more than {MOST_SIGNS} signs")
    return escape(between).join(found)


_ENVIRONMENT: Final = _environment()


@lru_cache(maxsize=256)
def template_mistakes(text: str, subject: str) -> tuple[tuple[int, Mistake], ...]:
    """Find what a template may not do, each with its line.

    A draft is checked again and again, and its templates seldom change: reading them took a sixth
    of the whole check.
    """
    return tuple(_mistakes(text, subject))


def _mistakes(text: str, subject: str) -> Iterator[tuple[int, Mistake]]:
    try:
        tree = _ENVIRONMENT.parse(text)
        _ENVIRONMENT.compile(tree)
    except TemplateError as error:
        line = error.lineno if isinstance(error, TemplateSyntaxError) else 1
        yield line, Mistake("QT131", f"the template cannot be read: {error.message}")
        return
    for node in tree.find_all((*_FORBIDDEN, nodes.Getattr)):
        if isinstance(node, nodes.Getattr) and not node.attr.startswith("_"):
            continue
        what = _WORDS.get(type(node), "a call")
        message = f"a document template may not use {what}: it only shows values"
        yield node.lineno, Mistake("QT131", message)
    yield from _greedy(tree)
    known = (*COMMON, *SUBJECTS[subject])
    for name in sorted(meta.find_undeclared_variables(tree)):
        if name not in known:
            yield _line_of(tree, name), unknown(name, known, f"value of a {subject}", ())


def _greedy(tree: nodes.Template) -> Iterator[tuple[int, Mistake]]:
    """Find what makes much of little: lists written in the template, loops in loops in loops."""
    for node in tree.find_all((nodes.List, nodes.Tuple, nodes.Dict)):
        is_target = isinstance(node, nodes.Tuple) and node.ctx == "store"
        if not is_target and not all(_is_fixed(part) for part in node.iter_child_nodes()):
            text = "a list in a document template holds fixed values only, such as ['a', 'b']"
            yield node.lineno, Mistake("QT131", text)
    for loop in tree.find_all(nodes.For):
        if _depth(loop) > MOST_LOOPS:
            text = f"a document template has at most {MOST_LOOPS} loops inside each other"
            yield loop.lineno, Mistake("QT131", text)


def _is_fixed(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Pair):
        return _is_fixed(node.key) and _is_fixed(node.value)
    return isinstance(node, nodes.Const)


def _depth(loop: nodes.For) -> int:
    return 1 + max((_depth(each) for each in loop.find_all(nodes.For)), default=0)


def fill_template(text: str, values: Mapping[str, Any]) -> str:
    """Fill a template with plain data; raises InputRejected when it asks for what is not there."""
    pieces: list[str] = []
    size = steps = 0
    try:
        for piece in _ENVIRONMENT.from_string(text).generate(**values):
            if piece == _STEP:
                steps += 1
                if steps > MOST_STEPS:
                    text = f"the loops of the document turn more than {MOST_STEPS} times"
                    raise InputRejected(text, code="QT438")
                continue
            size += len(piece)
            if size > MOST_SIGNS:
                raise InputRejected(f"the document has more than {MOST_SIGNS} signs", code="QT438")
            pieces.append(piece)
    except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
        text = f"the template cannot be filled: {error}; correct it, or record what it asks for"
        raise InputRejected(text, code="QT438") from error
    return "".join(pieces)


def _line_of(tree: nodes.Template, name: str) -> int:
    return next((node.lineno for node in tree.find_all(nodes.Name) if node.name == name), 1)
