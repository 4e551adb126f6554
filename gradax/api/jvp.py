"""`jvp` and `linearize`: forward-mode derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradax import dtypes, tree
from gradax.api.arguments import check_callable, check_leaf, flat_result, leaf_names, name_of
from gradax.api.bound import BoundProgram
from gradax.api.reverse import array_of, scalar_like, take_aux
from gradax.core.aval import Aval, tangent_aval
from gradax.core.evaluate import eval_jaxpr
from gradax.core.jaxpr import ClosedJaxpr
from gradax.core.tangent import Zero
from gradax.core.value import as_value, aval_of
from gradax.errors import ArgumentTypeError, ShapeError, TreeTypeError, at_user_line
from gradax.transforms.jvp import jvp_flat
from gradax.transforms.linearize import linearize_flat


def jvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False
) -> tuple[Any, ...]:
    """Return `fun(*primals)` and its derivative along `tangents`.

    With `has_aux`, `fun` returns (result, aux) and this (result, tangent, aux).
    Errors: TypeError where primals and tangents differ in tree, shape or dtype.
    """
    check_callable("jvp", fun)
    check_sequences(primals, tangents)
    leaves, in_tree = tree.flatten(tuple(primals))
    dleaves, dtree = tree.flatten(tuple(tangents))
    if in_tree != dtree:
        raise TreeTypeError(
            f"jvp: primals and tangents must have the same tree; got {in_tree} and {dtree}."
            f"{at_user_line()}"
        )
    names = leaf_names(fun, tuple(primals))
    pairs = [tangent_pair(*item) for item in zip(names, leaves, dleaves, strict=True)]
    aux: list[Any] = []
    out_trees: list[Any] = []

    def flat(*xs: Any) -> list[Any]:
        out = fun(*tree.unflatten(in_tree, xs))
        found, out_tree = flat_result(
            "jvp", fun, take_aux("jvp", fun, out, aux) if has_aux else out
        )
        out_trees.append(out_tree)
        return found

    outs, douts = jvp_flat(flat, [x for x, _ in pairs], [dx for _, dx in pairs], name_of(fun))
    out = tree.unflatten(out_trees[0], outs)
    dout = tree.unflatten(out_trees[0], map(array_of, douts))
    return (out, dout, aux[0]) if has_aux else (out, dout)


def check_sequences(primals: Any, tangents: Any) -> None:
    """Raise unless both are tuples or lists of the same length."""
    for name, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, (tuple, list)):
            raise ArgumentTypeError(
                f"jvp: expected {name} as a tuple or list of arguments; got"
                f" {type(given).__name__}.{at_user_line()}\nFor one argument write"
                " jvp(f, (x,), (dx,))."
            )


def tangent_pair(name: str, x: Any, dx: Any) -> tuple[Any, Any]:
    """Return a primal and its tangent, checked; integers in Python become floats."""
    if isinstance(x, int) and isinstance(dx, (int, float)):
        x = float(x)
    check_leaf("jvp", name, x)
    aval = aval_of(x)
    wanted = tangent_aval(aval)
    dx = scalar_like(dx, wanted)
    got = aval_of(dx)
    if (got.shape, got.dtype) != (wanted.shape, wanted.dtype):
        hint = " (the tangent of an integer is of dtype float0)"
        raise ShapeError(
            f"jvp: the tangent of the argument {name}, {aval}, must be {wanted}; got {got}."
            f"{hint if wanted.dtype == dtypes.float0 else ''}{at_user_line()}\nA tangent has the"
            " shape"
            " and dtype of what it is the tangent of."
        )
    return as_value(x), Zero(wanted) if wanted.dtype == dtypes.float0 else as_value(dx)


class LinearFunction:
    """The linear program of a linearized function, with its trees."""

    def __init__(self, name: str, in_tree: Any, out_tree: Any, parts: tuple[Any, ...]) -> None:
        self.name = name
        self.in_tree = in_tree
        self.out_tree = out_tree
        self.jaxpr, self.nonzero, self.out_avals = parts

    def __str__(self) -> str:
        return f"linearized {self.name}"

    def __call__(self, consts: Sequence[Any], *tangents: Any) -> Any:
        """Return the tangents of the outputs."""
        leaves, got = tree.flatten(tangents)
        if got != self.in_tree:
            raise TreeTypeError(
                f"linearize({self.name}): tangents must have the tree {self.in_tree} of the"
                f" primals; got {got}.{at_user_line()}"
            )
        avals = self.jaxpr.in_avals
        leaves = [as_tangent(self.name, x, a) for x, a in zip(leaves, avals, strict=True)]
        outs = iter(eval_jaxpr(self.jaxpr, consts, *leaves))
        return tree.unflatten(
            self.out_tree,
            [
                next(outs) if n else array_of(Zero(tangent_aval(a)))
                for n, a in zip(self.nonzero, self.out_avals, strict=True)
            ],
        )


def as_tangent(name: str, dx: Any, wanted: Aval) -> Any:
    """Return a tangent as an array of the type that a linear program takes."""
    dx = scalar_like(dx, wanted)
    got = aval_of(dx)
    if (got.shape, got.dtype) != (wanted.shape, wanted.dtype):
        raise ShapeError(
            f"linearize({name}): expected a tangent {wanted}; got {got}.{at_user_line()}"
        )
    return dx if wanted.dtype == dtypes.float0 else as_value(dx)


def linearize(fun: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Return `fun(*primals)` and the linear function of tangents that is its derivative there.

    The function is evaluated once; the linear one can be called many times.
    """
    check_callable("linearize", fun)
    leaves, in_tree = tree.flatten(primals)
    names = leaf_names(fun, primals)
    leaves = [float(x) if isinstance(x, int) else x for x in leaves]
    for name, x in zip(names, leaves, strict=True):
        check_leaf("linearize", name, x)
    aux: list[Any] = []
    out_tree, outs, program, nonzero = linearized("linearize", fun, leaves, in_tree, has_aux, aux)
    parts = (program.jaxpr, nonzero, tuple(x.aval for x in outs))
    linear = BoundProgram(LinearFunction(name_of(fun), in_tree, out_tree, parts), program.consts)
    out = tree.unflatten(out_tree, outs)
    return (out, linear, aux[0]) if has_aux else (out, linear)


def linearized(
    what: str, fun: Any, leaves: Sequence[Any], in_tree: Any, has_aux: bool, aux: list[Any]
) -> tuple[Any, list[Any], ClosedJaxpr, list[bool]]:
    """Linearize a function of trees; return its result's tree, leaves, linear program and mask."""
    out_trees: list[Any] = []

    def flat(*xs: Any) -> list[Any]:
        out = fun(*tree.unflatten(in_tree, xs))
        found, out_tree = flat_result(what, fun, take_aux(what, fun, out, aux) if has_aux else out)
        out_trees.append(out_tree)
        return found

    outs, program, nonzero = linearize_flat(flat, leaves, name_of(fun))
    return out_trees[0], outs, program, nonzero
