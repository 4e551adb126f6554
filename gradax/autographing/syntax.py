"""Making pieces of syntax tree, at the user's positions."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=ast.AST)


class Namer:
    """Names that no name of the user's function begins with."""

    def __init__(self, tree: ast.AST) -> None:
        used = {
            value
            for node in ast.walk(tree)
            for field in ("id", "attr", "arg", "name")
            if isinstance(value := getattr(node, field, None), str)
        }
        self.prefix = "_ag"
        while any(name.startswith(self.prefix) for name in used):
            self.prefix += "_"
        self.count = 0

    def new(self, word: str) -> str:
        """Return a new name."""
        self.count += 1
        return f"{self.prefix}{word}{self.count}"

    def is_ours(self, name: str) -> bool:
        """Tell a name made here from the user's."""
        return name.startswith(self.prefix)


def at(place: ast.AST, node: Node) -> Node:
    """Give what is new in a tree the position of a piece of the user's program."""
    if not hasattr(place, "lineno"):  # new as well: gets its position with what it stands in
        return node
    header = getattr(place, "test", None) or getattr(place, "iter", None) or place
    for inner in ast.walk(node):
        if "lineno" in inner._attributes and not hasattr(inner, "lineno"):
            inner.lineno = place.lineno  # type: ignore[attr-defined]
            inner.col_offset = place.col_offset  # type: ignore[attr-defined]
            inner.end_lineno = header.end_lineno  # type: ignore[attr-defined]
            inner.end_col_offset = header.end_col_offset  # type: ignore[attr-defined]
    return node


def read(name: str) -> ast.Name:
    """Return the reading of a name."""
    return ast.Name(name, ast.Load())


def assign(name: str, value: ast.expr) -> ast.Assign:
    """Return an assignment."""
    return ast.Assign([ast.Name(name, ast.Store())], value)


def constant(value: object) -> ast.Constant:
    """Return a constant."""
    return ast.Constant(value)  # type: ignore[arg-type]


def no_arguments(marker: str | None = None) -> ast.arguments:
    """Return an empty list of parameters; the marker tells our lambdas from the user's."""
    vararg = ast.arg(marker) if marker else None
    return ast.arguments([], [], vararg, [], [], None, [])


def not_any(flags: Sequence[str]) -> ast.expr:
    """Return the condition that no flag is set."""
    tests: list[ast.expr] = [read(flag) for flag in flags]
    either = tests[0] if len(tests) == 1 else ast.BoolOp(ast.Or(), tests)
    return ast.UnaryOp(ast.Not(), either)
