"""The check of an expression: known names, fitting kinds, closed values; all mistakes at once.

It must not know facts' values or how the tree is evaluated.
"""

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from qtcore.engines.expressions.calls import NO_UNITS, CallChecks, in_unit
from qtcore.engines.expressions.compiled import Compiled, ExpressionProblem
from qtcore.engines.expressions.cost import MOST_STEPS, estimate_cost
from qtcore.engines.expressions.kinds import BOOLEAN, DECIMAL, NUMBERS, FactType, Kind, Unit
from qtcore.engines.expressions.literals import (
    FALSE,
    TRUE,
    Typed,
    find_list_type,
    read_constant,
)
from qtcore.engines.expressions.measures import align, find_product_unit, find_units
from qtcore.engines.expressions.node import Node
from qtcore.engines.expressions.operators import (
    EQUALITY,
    find_arithmetic_type,
    find_member_type,
    is_same_kind,
    may_compare,
)
from qtcore.engines.expressions.source import Source, read_source

_COMPARISONS: Final[Mapping[type[ast.cmpop], str]] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
}
_ARITHMETIC: Final[Mapping[type[ast.operator], str]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
}


def check(
    text: str,
    names: Mapping[str, FactType],
    *,
    result: Kind | FactType = "boolean",
    rules: Collection[str] | None = None,
    units: Mapping[str, Unit] = NO_UNITS,
) -> tuple[Compiled | None, tuple[ExpressionProblem, ...]]:
    """Compile `text` over the facts in `names`, or give every problem with its column.

    `result` is the kind the whole must have, or with FactType also its unit; an integer also
    serves where a decimal is asked for. `rules` are the rule ids that `rule('...')` may name;
    None leaves them unchecked. `units` are all units by every spelling, for `quantity(...)`.
    """
    source, problems = read_source(text)
    if source is None:
        return None, problems
    checker = _Checker(source, names, rules, units)
    typed = checker.find_typed(source.tree)
    if typed is not None:
        wanted = result if isinstance(result, FactType) else FactType(result)
        typed = checker.find_result(source.tree, typed, wanted)
    if typed is not None:
        checker.check_cost(source.tree, typed.node)
    if typed is None or checker.problems:
        return None, tuple(sorted(checker.problems, key=lambda problem: problem.column))
    used = sorted({node.value for node in typed.node.walk() if node.op == "fact"})
    types = tuple((name, names[name]) for name in used)
    clauses = tuple(_split(source, source.tree, typed.node))
    return Compiled(text, typed.node, typed.type, types, clauses), ()


def _split(source: Source, expr: ast.expr, node: Node) -> list[tuple[str, Node]]:
    if not isinstance(expr, ast.BoolOp):
        return [(source.segment(expr), node)]
    pairs = zip(expr.values, node.args, strict=True)
    return [clause for value, arg in pairs for clause in _split(source, value, arg)]


class _Checker(CallChecks):
    """Walks the syntax tree once, building our tree and collecting problems.

    A part with a problem gives None; what stands around it then says nothing more about it.
    """

    def find_typed(self, expr: ast.expr) -> Typed | None:
        typed = self._typed(expr)
        if typed is None or typed.node.span != (0, 0):
            return typed
        return Typed(replace(typed.node, span=self.source.span(expr)), typed.type)

    def _typed(self, expr: ast.expr) -> Typed | None:
        match expr:
            case ast.BoolOp():
                return self._joined(expr)
            case ast.UnaryOp():
                return self._unary(expr)
            case ast.BinOp():
                return self._arithmetic(expr)
            case ast.Compare():
                return self._comparison(expr)
            case ast.Call():
                return self.find_call(expr)
            case ast.Name():
                return self._name(expr)
            case ast.Constant():
                return self.accept(read_constant(self.source, expr))
            case ast.List() | ast.Tuple() | ast.Set():
                return self._listed(expr)
        return self.refuse_construct(expr)

    def find_result(self, expr: ast.expr, typed: Typed, wanted: FactType) -> Typed | None:
        """Insist on the kind and the unit that the place of the expression asks for."""
        found = typed.type.kind
        if found != wanted.kind and not (found == "integer" and wanted.kind == "decimal"):
            hint = "; compare it with something" if wanted.kind == "boolean" else ""
            said = f"the expression gives {typed.type.label}, {wanted.label} is wanted{hint}"
            return self.report("QT207", said, expr)
        if typed.type.unit is None or wanted.unit is None or typed.type.unit == wanted.unit:
            return typed
        if typed.type.unit.dimension != wanted.unit.dimension:
            said = (
                f"the expression counts in {typed.type.unit.code}, {wanted.unit.code} is wanted; "
                "no declared factor leads there"
            )
            return self.report("QT211", said, expr)
        return in_unit(typed, wanted.unit)

    def check_cost(self, expr: ast.expr, node: Node) -> None:
        """Refuse what could take more steps than an evaluation may."""
        cost = estimate_cost(node, self._names)
        if cost > MOST_STEPS:
            said = (
                f"the expression may take {cost} steps; at most {MOST_STEPS} are accepted: "
                "use each list fewer times"
            )
            self.report("QT201", said, expr)

    def _name(self, expr: ast.Name) -> Typed | None:
        if expr.id in ("true", "false"):
            return TRUE if expr.id == "true" else FALSE
        if expr.id == "none":
            return self.accept(read_constant(self.source, _as_none(expr)))
        return self.find_fact(expr)

    def _joined(self, expr: ast.BoolOp) -> Typed | None:
        op = "and" if isinstance(expr.op, ast.And) else "or"
        parts = [self._condition(op, value) for value in expr.values]
        known = tuple(part.node for part in parts if part is not None)
        return Typed(Node(op, known), BOOLEAN) if len(known) == len(parts) else None

    def _condition(self, op: str, expr: ast.expr) -> Typed | None:
        typed = self.find_typed(expr)
        if typed is None or typed.type.kind == "boolean":
            return typed
        said = (
            f"'{op}' needs a condition, {self.shown(expr)} is {typed.type.label}; "
            "compare it with something"
        )
        return self.report("QT206", said, expr)

    def _unary(self, expr: ast.UnaryOp) -> Typed | None:
        if isinstance(expr.op, ast.Not):
            typed = self._condition("not", expr.operand)
            return Typed(Node("not", (typed.node,)), BOOLEAN) if typed else None
        if not isinstance(expr.op, ast.USub):
            return self.refuse_construct(expr)
        typed = self.find_typed(expr.operand)
        if typed is None:
            return None
        if typed.type.kind not in NUMBERS:
            said = f"'-' needs a number, {self.shown(expr.operand)} is {typed.type.label}"
            return self.report("QT206", said, expr)
        if isinstance(expr.operand, ast.Constant):
            return Typed(Node("dec", value=f"-{typed.node.value}"), typed.type)
        return Typed(Node("neg", (typed.node,)), typed.type)

    def _arithmetic(self, expr: ast.BinOp) -> Typed | None:
        op = _ARITHMETIC.get(type(expr.op))
        if op is None:
            return self.refuse_construct(expr)
        left, right = self.find_typed(expr.left), self.find_typed(expr.right)
        if left is None or right is None:
            return None
        found = find_arithmetic_type(op, left.type, right.type)
        if found is None:
            said = (
                f"'{op}' does not join {left.type.label} ({self.shown(expr.left)}) "
                f"and {right.type.label} ({self.shown(expr.right)})"
            )
            return self.report("QT206", said, expr)
        return self._measured(expr, op, (left, right), found)

    def _measured(
        self, expr: ast.BinOp, op: str, parts: tuple[Typed, Typed], found: FactType
    ) -> Typed | None:
        """Settle the unit of a sum, difference, product or quotient."""
        has_units = all(part.type.unit for part in parts)
        if op in "+-" or (op == "/" and has_units):
            aligned = self._aligned(expr, parts)
            if aligned is None:
                return None
            parts = (aligned[0], aligned[1])
        left, right = parts
        unit = left.type.unit
        if op in "*/":
            unit, said = find_product_unit(op, left.type, right.type)
            if said:
                return self.report("QT211", said, expr)
        whole = found.kind == "integer" and "decimal" in (left.type.kind, right.type.kind)
        kind = DECIMAL if whole else found
        return Typed(Node(op, (left.node, right.node)), kind.counted_in(unit))

    def _aligned(self, expr: ast.expr, parts: Sequence[Typed]) -> tuple[Typed, ...] | None:
        """Bring parts to one unit, or report why they do not go together."""
        if len(find_units(parts)) < 1:
            return tuple(parts)
        aligned, said = align(parts)
        if said:
            self.report("QT211", f"{said} (in {self.shown(expr)})", expr)
            return None
        return aligned

    def _listed(self, expr: ast.List | ast.Tuple | ast.Set) -> Typed | None:
        parts = [self.find_typed(member) for member in expr.elts]
        members = [part for part in parts if part is not None]
        if len(members) < len(parts):
            return None
        kind = find_list_type(members)
        if kind is None or any(member.node.op not in ("dec", "text") for member in members):
            said = (
                f"list {self.shown(expr)} is not accepted; "
                "write only texts or only numbers, at least one: ['a', 'b']"
            )
            return self.report("QT209", said, expr)
        return Typed(Node("list", tuple(member.node for member in members)), kind)

    def _comparison(self, expr: ast.Compare) -> Typed | None:
        operands = [expr.left, *expr.comparators]
        ops = [_COMPARISONS[type(op)] for op in expr.ops]
        if len(ops) == 1 and _is_none(operands[1]):
            return self._against_none(operands[0], ops[0])
        typed = [self.find_typed(operand) for operand in operands]
        parts = list(zip(operands, typed, strict=True))
        fits = [
            self._pair(op, left, right)
            for op, left, right in zip(ops, parts, parts[1:], strict=False)
        ]
        found = [part for part in typed if part is not None]
        if not all(fits):
            return None
        if any(op in {"in", "not in"} for op in ops):
            aligned = self._same_unit(expr, found)
        else:
            aligned = self._aligned(expr, found)
        if aligned is None:
            return None
        nodes = tuple(part.node for part in aligned)
        if len(ops) == 1:
            return Typed(Node(ops[0], nodes), BOOLEAN)
        return Typed(Node("chain", nodes, ",".join(ops)), BOOLEAN)

    def _same_unit(self, expr: ast.expr, parts: Sequence[Typed]) -> tuple[Typed, ...] | None:
        """Refuse members of another unit than the list's: lists are not converted."""
        units = find_units(parts)
        if len(units) < 2:
            return tuple(parts)
        said = f"a list in {units[1].code} cannot hold what counts in {units[0].code}"
        self.report("QT211", said, expr)
        return None

    def _against_none(self, expr: ast.expr, op: str) -> Typed | None:
        if not isinstance(expr, ast.Name) or op not in {"==", "!=", "is", "is not"}:
            said = "only a fact can be compared with none: x == none or x != none"
            return self.report("QT202", said, expr)
        fact = self.find_fact(expr)
        asked = "missing" if op in {"==", "is"} else "present"
        return Typed(Node(asked, (fact.node,)), BOOLEAN) if fact else None

    def _pair(
        self, op: str, left: tuple[ast.expr, Typed | None], right: tuple[ast.expr, Typed | None]
    ) -> bool:
        (left_expr, left_typed), (right_expr, right_typed) = left, right
        if op in {"is", "is not"}:
            self.report("QT202", "'is' is not part of the language; write ==", right_expr, "==")
            return False
        if left_typed is None or right_typed is None:
            return False
        if op in {"in", "not in"}:
            return self._membership((left_expr, left_typed), (right_expr, right_typed))
        if may_compare(op, left_typed.type, right_typed.type):
            self.check_values(left_typed.type, right_expr, right_typed)
            self.check_values(right_typed.type, left_expr, left_typed)
            return True
        self._refuse_pair(op, (left_expr, left_typed), (right_expr, right_typed))
        return False

    def _refuse_pair(
        self, op: str, left: tuple[ast.expr, Typed], right: tuple[ast.expr, Typed]
    ) -> None:
        if is_same_kind(left[1].type, right[1].type):
            accepted = " or ".join(sorted(EQUALITY))
            said = f"'{op}' has no order for {left[1].type.label}; write {accepted}"
            self.report("QT206", said, left[0])
            return
        said = (
            f"{self.shown(left[0])} is {left[1].type.label} and {self.shown(right[0])} is "
            f"{right[1].type.label}; '{op}' compares only the same kind"
        )
        hints = (self.find_date_hint(left, right[1]), self.find_date_hint(right, left[1]))
        self.report("QT206", said, left[0], next((hint for hint in hints if hint), None))

    def _membership(self, item: tuple[ast.expr, Typed], listed: tuple[ast.expr, Typed]) -> bool:
        (item_expr, item_typed), (list_expr, list_typed) = item, listed
        member = find_member_type(list_typed.type)
        if member is None:
            hint = f"[{self.source.segment(list_expr)}]" if list_typed.node.op == "text" else None
            said = f"'in' needs a list on its right, {self.shown(list_expr)} is "
            self.report("QT206", said + list_typed.type.label, list_expr, hint)
            return False
        if not is_same_kind(member, item_typed.type):
            said = (
                f"{self.shown(list_expr)} holds {member.label}s, "
                f"{self.shown(item_expr)} is {item_typed.type.label}"
            )
            self.report("QT206", said, item_expr)
            return False
        self.check_values(member, item_expr, item_typed)
        self.check_values(item_typed.type, list_expr, list_typed)
        return True


def _is_none(expr: ast.expr) -> bool:
    named = isinstance(expr, ast.Name) and expr.id == "none"
    return named or (isinstance(expr, ast.Constant) and expr.value is None)


def _as_none(expr: ast.Name) -> ast.Constant:
    return ast.copy_location(ast.Constant(None), expr)
