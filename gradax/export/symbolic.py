"""Shapes with names in place of sizes: `symbolic_shape`, for functions exported for any size.

Names are open axes (`gradax.sizes`). A comparison that depends on them is decided as it is for most
sizes, and becomes a condition that a call's sizes must keep.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from typing import Any

from gradax import tree
from gradax.api.shapes import ShapeDtypeStruct
from gradax.core.value import aval_of, is_value
from gradax.errors import ArgumentError, at_user_line
from gradax.sizes import Guard, OpenAxes, Size, has_open, is_open

# Sizes that nobody has a reason to compare with, then smaller ones, for constraints.
CANDIDATES = (1187, 1188, 1200, 210, 96, 97, 24, 12, 11, 8, 7, 6, 5, 4, 3, 2)
OPERATORS: dict[type[Any], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "max": max,
    "min": min,
}


class SymbolicScope(OpenAxes):
    """The names of sizes that may be used together, and constraints on them.

    A constraint is text that compares two expressions by ==, >= or <=: `"a >= 8"`, `"mod(a, 2) ==
    0"`. Errors: ValueError for another text.
    """

    def __init__(self, constraints_str: Sequence[str] = ()) -> None:
        super().__init__()
        self.names: dict[str, Size] = {}
        self.constraints: list[str] = []
        for text in constraints_str:
            self.constrain(text)

    def named(self, name: str) -> Size:
        """Return the size of a name, a new one where it is used for the first time."""
        if name not in self.names:
            k = len(self.axes)
            self.names[name] = self.open(name, CANDIDATES[0] + 12 * k, f"the name {name}")
        return self.names[name]

    def constrain(self, text: str) -> None:
        """Add a constraint."""
        node = parsed(text).body
        if not isinstance(node, ast.Compare) or len(node.ops) != 1:
            raise malformed(text, "expected two expressions with ==, >= or <= between them")
        left, right = (self.evaluate(x, text) for x in (node.left, node.comparators[0]))
        sides = {ast.GtE: left - right, ast.LtE: right - left, ast.Eq: left - right}
        apart = sides.get(type(node.ops[0]))
        if apart is None:
            raise malformed(text, "expected ==, >= or <=")
        self.constraints.append(text)
        if type(apart) is not Size:
            if not (apart == 0 if isinstance(node.ops[0], ast.Eq) else apart >= 0):
                raise malformed(text, "it never holds")
            return
        relation = "==" if isinstance(node.ops[0], ast.Eq) else ">="
        guard = Guard(apart.reduced(relation), relation, True, "")
        self.guards[guard.size, relation] = guard
        self.learn(guard)
        for axis in guard.axes:
            self.choose(axis.position)

    def choose(self, position: int) -> None:
        """Choose a size for an axis that keeps all constraints, if one of the candidates does."""
        axis, values = self.axes[position], [a.value for a in self.axes]
        for n in (axis.value, *(c + 12 * position for c in CANDIDATES), *CANDIDATES):
            values[position] = n
            if self.broken(values) is None:
                axis.value = n
                return

    def evaluate(self, node: ast.expr, text: str) -> Any:
        """Return the size, or the number, that an expression is."""
        if isinstance(node, ast.Name):
            return self.named(node.id)
        if isinstance(node, ast.Constant) and type(node.value) is int:
            return node.value
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            left, right = self.evaluate(node.left, text), self.evaluate(node.right, text)
            return OPERATORS[type(node.op)](left, right)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -self.evaluate(node.operand, text)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            function = FUNCTIONS.get(node.func.id)
            if function is not None and len(node.args) == 2:
                return function(*(self.evaluate(x, text) for x in node.args))
        raise malformed(text, f"{ast.unparse(node)!r} is no size")

    def __str__(self) -> str:
        return f"SymbolicScope({', '.join(map(repr, self.constraints))})"

    __repr__ = __str__


def parsed(text: str) -> ast.Expression:
    """Return the expression that a text is."""
    try:
        return ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        raise malformed(text, error.msg) from None


def malformed(text: str, why: str) -> ArgumentError:
    """Make the error for a text that is no shape."""
    return ArgumentError(
        f"export: {text!r} is not understood: {why}.{at_user_line()}\n"
        'Write a shape as "batch, 2*n, 3", with _ for a size and ... for axes of `like`.'
    )


def symbolic_shape(
    shape_spec: str | None,
    *,
    constraints: Sequence[str] = (),
    scope: SymbolicScope | None = None,
    like: Sequence[Any] | None = None,
) -> tuple[Any, ...]:
    """Return the shape that a text names: `"batch, 2*n, 3"`.

    `_` is the size of `like` at its place, a last `...` all that follow there; None is `like`
    itself. Names mean the same in all shapes of one `scope`. Sizes are 1 or more.
    Errors: ValueError for a text that is no shape.
    """
    scope = SymbolicScope() if scope is None else scope
    for text in constraints:
        scope.constrain(text)
    text = "..." if shape_spec is None else str(shape_spec)
    parts = elements_of(text)
    like = None if like is None else tuple(like)
    if parts and is_dots(parts[-1]):
        parts = [*parts[:-1], *[ast.Name("_")] * (len(given(text, like)) - len(parts) + 1)]
    if like is not None and len(like) != len(parts):
        raise malformed(text, f"it has {len(parts)} axes, and `like` has {len(like)}")
    out: list[Any] = []
    for k, node in enumerate(parts):
        if isinstance(node, ast.Name) and node.id == "_":
            out.append(given(text, like)[k])
        else:
            out.append(scope.evaluate(node, text))
    return tuple(out)


def elements_of(text: str) -> list[ast.expr]:
    """Return the expressions of a shape's text, with parentheses around it or without."""
    if not text.strip():
        return []
    body = parsed(text).body
    return list(body.elts) if isinstance(body, ast.Tuple) else [body]


def is_dots(node: ast.expr) -> bool:
    """Tell the expression `...`."""
    return isinstance(node, ast.Constant) and node.value is ...


def given(text: str, like: tuple[Any, ...] | None) -> tuple[Any, ...]:
    """Return the shape that a text refers to."""
    if like is None:
        raise malformed(text, "_ and ... need `like`, the shape that they stand for")
    return like


def symbolic_args_specs(
    args: Any,
    shapes_specs: Any,
    constraints: Sequence[str] = (),
    scope: SymbolicScope | None = None,
) -> Any:
    """Return ShapeDtypeStructs like the tree `args`, with the shapes that `shapes_specs` names.

    `shapes_specs` is a tree prefix of texts (see `symbolic_shape`), None for the shape that is
    there.
    """
    scope = SymbolicScope() if scope is None else scope
    for text in constraints:
        scope.constrain(text)
    leaves, treedef = tree.flatten(args)
    if shapes_specs is None or isinstance(shapes_specs, str):
        texts = [shapes_specs] * len(leaves)
    else:
        texts = tree.broadcast_prefix(
            shapes_specs, args, lambda x: x is None, "symbolic_args_specs"
        )
    out: list[ShapeDtypeStruct] = []
    for x, text in zip(leaves, texts, strict=True):
        kind = aval_of(x) if is_value(x) else x
        shape = symbolic_shape(text, scope=scope, like=kind.shape)
        out.append(ShapeDtypeStruct(shape, kind.dtype))
    return treedef.unflatten(out)


def is_symbolic_dim(p: Any) -> bool:
    """Tell whether a size of a shape is symbolic."""
    return is_open(p)


def is_symbolic(shapes: Sequence[Sequence[Any]]) -> bool:
    """Tell whether a shape has a size that is not a number."""
    return any(map(has_open, shapes))
