"""Names and calls of an expression: facts, functions, rules, and near misses of each.

It must not know operators; `check` builds on it and supplies `find_typed`.
"""

import ast
import difflib
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from qtcore.engines.expressions.compiled import ExpressionProblem
from qtcore.engines.expressions.functions import FORMS, FUNCTIONS
from qtcore.engines.expressions.kinds import BOOLEAN, NUMBERS, FactType, Unit
from qtcore.engines.expressions.literals import Typed, is_calendar_date, read_constant, read_date
from qtcore.engines.expressions.measures import align, divide, scale
from qtcore.engines.expressions.node import Node
from qtcore.engines.expressions.operators import find_member_type, is_same_kind
from qtcore.engines.expressions.source import Source

_CONSTRUCTS: Final[Mapping[type[ast.AST], str]] = {
    ast.Attribute: "a dot behind a name",
    ast.Subscript: "a subscript [...]",
    ast.Lambda: "lambda",
    ast.IfExp: "if ... else",
    ast.NamedExpr: "':='",
    ast.JoinedStr: "an f-text",
    ast.Starred: "'*'",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.Dict: "{key: value}",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
}
NO_UNITS: Final[Mapping[str, Unit]] = MappingProxyType({})
_SHOWN: Final = 30
_LISTED: Final = 8


class CallChecks:
    """Collects problems, and checks names and calls."""

    def __init__(
        self,
        source: Source,
        names: Mapping[str, FactType],
        rules: Collection[str] | None,
        units: Mapping[str, Unit],
    ) -> None:
        self.source = source
        self.problems: list[ExpressionProblem] = []
        self._names = names
        self._rules = rules
        self._units = units

    def find_typed(self, expr: ast.expr) -> Typed | None:
        """Give the checked form of a part, or None after reporting why there is none."""
        raise NotImplementedError

    def report(
        self, code: str, message: str, expr: ast.expr, suggestion: str | None = None
    ) -> Typed | None:
        """Note a problem at a part of the text; gives None, which the caller passes on."""
        return self.accept(ExpressionProblem(code, message, self.source.column(expr), suggestion))

    def accept(self, read: Typed | ExpressionProblem) -> Typed | None:
        """Pass on what was read, or note its problem."""
        if isinstance(read, Typed):
            return read
        self.problems.append(read)
        return None

    def shown(self, expr: ast.expr) -> str:
        """Quote a part of the text, shortened."""
        text = self.source.segment(expr)
        return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")

    def refuse_construct(self, expr: ast.expr) -> Typed | None:
        what = _CONSTRUCTS.get(type(expr), "this operator")
        said = (
            f"{what} is not part of the language (in {self.shown(expr)}); use facts, comparisons, "
            "and, or, not, + - * / and the listed functions"
        )
        return self.report("QT202", said, expr)

    def find_fact(self, expr: ast.Name) -> Typed | None:
        # Python folds look-alike letters into one name; only what is written counts.
        written = self.source.segment(expr)
        if written in self._names:
            return Typed(Node("fact", value=written), self._names[written])
        close = _find_close(written, self._names)
        if written in FUNCTIONS or written in FORMS:
            usage = FORMS[written] if written in FORMS else FUNCTIONS[written].usage
            said = f"{written!r} is a function, not a fact; write {usage}"
        else:
            said = f"{written!r} is not a fact known here; known: {_list_some(self._names)}"
        return self.report("QT203", said, expr, close)

    def find_call(self, expr: ast.Call) -> Typed | None:
        if not isinstance(expr.func, ast.Name):
            said = f"only a function's name can be called, found {self.shown(expr.func)}"
            return self.report("QT202", said, expr)
        name = self.source.segment(expr.func)
        for keyword in expr.keywords:
            said = f"{name}(...) takes its values by position; leave out the name before '='"
            self.report("QT202", said, keyword.value)
        if expr.keywords:
            return None
        special = {
            "present": self._presence,
            "missing": self._presence,
            "contains": self._contains,
            "rule": self._rule,
            "date": self._date,
            "quantity": self._quantity,
            "in_unit": self._in_unit,
        }.get(name)
        if special is None:
            return self._function(name, expr)
        wanted = 2 if name in ("contains", "quantity", "in_unit") else 1
        if len(expr.args) != wanted:
            said = f"{name} is written {FORMS[name]}, found {len(expr.args)} values"
            return self.report("QT205", said, expr)
        return special(name, expr.args)

    def check_values(self, closed: FactType, expr: ast.expr, typed: Typed) -> None:
        """Report texts written in `expr` that a closed set of values does not have."""
        if not closed.values or typed.node.op not in ("text", "list"):
            return
        members = expr.elts if isinstance(expr, ast.List | ast.Tuple | ast.Set) else [expr]
        nodes = typed.node.args if typed.node.op == "list" else (typed.node,)
        for member, node in zip(members, nodes, strict=True):
            if node.value not in closed.values:
                close = _find_close(node.value, closed.values)
                said = f"{node.value!r} is not one of {_list_some(closed.values)}"
                self.report("QT208", said, member, close)

    def find_date_hint(self, written: tuple[ast.expr, Typed], other: Typed) -> str | None:
        """Suggest date('...') where a text that is a day meets a date."""
        is_day = written[1].node.op == "text" and is_calendar_date(written[1].node.value)
        return f"date('{written[1].node.value}')" if is_day and other.type.kind == "date" else None

    def _function(self, name: str, expr: ast.Call) -> Typed | None:
        args = [self.find_typed(arg) for arg in expr.args]
        if name not in FUNCTIONS:
            known = (*FUNCTIONS, *FORMS)
            said = f"function {name!r} does not exist; known: {', '.join(sorted(known))}"
            return self.report("QT204", said, expr, _find_close(name, known))
        known_args = [arg for arg in args if arg is not None]
        if len(known_args) < len(args):
            return None
        function = FUNCTIONS[name]
        if name in ("min", "max"):
            aligned, said = align(known_args)
            if said:
                return self.report("QT211", f"{said} (in {self.shown(expr)})", expr)
            known_args = list(aligned)
        found = function.find_type([arg.type for arg in known_args])
        if found is None:
            kinds = ", ".join(arg.type.label for arg in known_args) or "nothing"
            code = "QT206" if known_args else "QT205"
            return self.report(code, f"{name} is written {function.usage}, found {kinds}", expr)
        return Typed(Node(name, tuple(arg.node for arg in known_args)), found)

    def _presence(self, name: str, args: list[ast.expr]) -> Typed | None:
        if not isinstance(args[0], ast.Name):
            said = f"{name} asks about one fact, found {self.shown(args[0])}"
            return self.report("QT206", said, args[0])
        fact = self.find_fact(args[0])
        return Typed(Node(name, (fact.node,)), BOOLEAN) if fact else None

    def _contains(self, _: str, args: list[ast.expr]) -> Typed | None:
        listed, item = self.find_typed(args[0]), self.find_typed(args[1])
        if listed is None or item is None:
            return None
        member = find_member_type(listed.type)
        if member is None or not is_same_kind(member, item.type):
            said = (
                f"contains is written {FORMS['contains']}, found {listed.type.label} "
                f"and {item.type.label}"
            )
            return self.report("QT206", said, args[0])
        self.check_values(member, args[1], item)
        self.check_values(item.type, args[0], listed)
        return Typed(Node("in", (item.node, listed.node)), BOOLEAN)

    def _rule(self, _: str, args: list[ast.expr]) -> Typed | None:
        named = read_constant(self.source, args[0]) if isinstance(args[0], ast.Constant) else None
        if not isinstance(named, Typed) or named.node.op != "text" or not named.node.value:
            said = f"rule needs the id of a rule in quotes: {FORMS['rule']}"
            return self.report("QT206", said, args[0])
        rule = named.node.value
        if self._rules is not None and rule not in self._rules:
            said = f"rule {rule!r} does not exist; known: {_list_some(self._rules)}"
            return self.report("QT210", said, args[0], _find_close(rule, self._rules))
        return Typed(Node("rule", value=rule), BOOLEAN)

    def _quantity(self, name: str, args: list[ast.expr]) -> Typed | None:
        number, unit = self.find_typed(args[0]), self._find_unit(name, args[1])
        if number is None or unit is None:
            return None
        if number.type.kind not in NUMBERS:
            said = f"quantity is written {FORMS[name]}, {self.shown(args[0])} is "
            return self.report("QT206", said + number.type.label, args[0])
        if number.type.unit is not None and number.type.unit != unit:
            said = (
                f"{self.shown(args[0])} counts in {number.type.unit.code} already; "
                "quantity(...) gives a unit to a plain number, in_unit(...) converts"
            )
            return self.report("QT211", said, args[0], "in_unit")
        return Typed(number.node, number.type.counted_in(unit))

    def _in_unit(self, name: str, args: list[ast.expr]) -> Typed | None:
        number, unit = self.find_typed(args[0]), self._find_unit(name, args[1])
        if number is None or unit is None:
            return None
        if number.type.unit is None:
            said = f"{self.shown(args[0])} is {number.type.label} without a unit; "
            said += "in_unit(...) asks how much of a unit a quantity is"
            return self.report("QT211", said, args[0], "quantity")
        if number.type.unit.dimension != unit.dimension:
            said = f"no declared factor leads from {number.type.unit.code} to {unit.code}"
            return self.report("QT211", said, args[0])
        converted = in_unit(number, unit)
        return Typed(converted.node, converted.type.counted_in(None))

    def _find_unit(self, name: str, expr: ast.expr) -> Unit | None:
        written = expr.value if isinstance(expr, ast.Constant) else None
        if not isinstance(written, str):
            said = f"{name} needs the code of a unit in quotes: {FORMS[name]}"
            self.report("QT206", said, expr)
            return None
        if written not in self._units:
            said = f"there is no unit {written!r}; known: {_list_some(self._units)}"
            self.report("QT211", said, expr, _find_close(written, self._units))
            return None
        return self._units[written]

    def _date(self, _: str, args: list[ast.expr]) -> Typed | None:
        return self.accept(read_date(self.source, args[0]))


def in_unit(typed: Typed, unit: Unit) -> Typed:
    """Convert between units of one dimension: times one factor, divided by the other."""
    held = typed.type.unit
    if held is None or held.factor == unit.factor:
        return Typed(typed.node, typed.type.counted_in(unit))
    kind = FactType("decimal", unit=unit)
    return divide(scale(typed, held.factor, kind), unit.factor, kind)


def _find_close(word: str, known: Iterable[str]) -> str | None:
    close = difflib.get_close_matches(word[:100], list(known), n=1, cutoff=0.6)
    return close[0] if close else None


def _list_some(known: Iterable[str]) -> str:
    names = sorted(known)
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more if names else "none"
