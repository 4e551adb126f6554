"""Rewrite conditional expressions, `and`, `or`, `not` and chained comparisons as calls.

Operands that may not be evaluated become functions without arguments, so that Python's order of
evaluation is kept. Expressions that assign (`:=`) stay as they are.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from gradax.autographing.scopes import names_of
from gradax.autographing.syntax import at, constant, no_arguments, read

COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge",
    ast.Is: "is_", ast.IsNot: "is_not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip


def is_static(test: ast.expr) -> bool:
    """Tell whether a test never depends on the value of an array."""
    match test:
        case ast.Constant():
            return True
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return is_static(operand)
        case ast.BoolOp(values=values):
            return all(map(is_static, values))
        case ast.Compare(ops=ops):
            return all(isinstance(op, ast.Is | ast.IsNot) for op in ops)
        case ast.Call(func=ast.Name(id="isinstance" | "hasattr" | "callable" | "issubclass")):
            return True
    return False


def assigns_later(node: ast.BoolOp) -> bool:
    """Tell whether an operand assigns that may not be evaluated."""
    return names_of(*node.values[1:]).has_walrus


class Expressions(ast.NodeTransformer):
    """Rewrites the expressions of one function."""

    def __init__(self, unit: Any, first_parameter: str) -> None:
        self.unit = unit
        self.first_parameter = first_parameter

    def thunk(self, node: ast.expr) -> ast.Lambda:
        """Return a function that evaluates an expression."""
        return at(node, ast.Lambda(no_arguments(f"{self.unit.prefix}part"), node))

    def call(self, place: ast.AST, method: str, *args: ast.expr) -> ast.Call:
        """Return a call of the runtime."""
        runtime = ast.Attribute(read(self.unit.prefix), method, ast.Load())
        return at(place, ast.Call(runtime, list(args), []))

    def site(self, node: ast.AST) -> ast.expr:
        """Return the number under which the runtime finds the place of an expression."""
        return constant(self.unit.new_value_site(node))

    def test(self, node: ast.expr) -> ast.expr:
        """Return an expression of which only the truth counts."""
        if isinstance(node, ast.BoolOp) and not assigns_later(node) and not is_static(node):
            values = [self.test(v) for v in node.values]
            return self.joined(node, values, is_test=True)
        return self.visit(node)

    def joined(self, node: ast.BoolOp, values: Sequence[ast.expr], is_test: bool) -> ast.expr:
        """Return `and` or `or` as a call."""
        method = "and_" if isinstance(node.op, ast.And) else "or_"
        thunks = [self.thunk(v) for v in values[1:]]
        return self.call(node, method, self.site(node), constant(is_test), values[0], *thunks)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        if assigns_later(node) or is_static(node):
            self.generic_visit(node)
            return node
        return self.joined(node, [self.visit(v) for v in node.values], is_test=False)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        if not isinstance(node.op, ast.Not) or is_static(node):
            self.generic_visit(node)
            return node
        return self.call(node, "not_", self.site(node), self.test(node.operand))

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        if names_of(node.body, node.orelse).has_walrus or is_static(node.test):
            self.generic_visit(node)
            return node
        test = self.test(node.test)
        branches = self.thunk(self.visit(node.body)), self.thunk(self.visit(node.orelse))
        return self.call(node, "choose", self.site(node), test, *branches)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        has_walrus = names_of(*node.comparators).has_walrus
        self.generic_visit(node)
        if len(node.ops) == 1 or has_walrus or is_static(node):
            return node
        parts: list[ast.expr] = []
        for op, operand in zip(node.ops, node.comparators, strict=True):
            parts += [constant(COMPARISONS[type(op)]), self.thunk(operand)]
        return self.call(node, "compare", self.site(node), node.left, *parts)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "range" and not node.keywords:
            return self.call(node, "range_", self.site(node), node.func, *node.args)
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args:
            node.args = [at(node, read("__class__")), at(node, read(self.first_parameter))]
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        self.visit(node.args)
        node.body = self.visit(node.body)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        return node
