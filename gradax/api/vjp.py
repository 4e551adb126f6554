"""`vjp` and `linear_transpose`: reverse mode for functions of any results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradax import dtypes, tree
from gradax.api.accumulating import PulledBack
from gradax.api.arguments import (
    abstract,
    check_callable,
    check_leaf,
    flat_result,
    leaf_names,
    name_of,
)
from gradax.api.bound import BoundProgram
from gradax.api.jvp import linearized
from gradax.api.reverse import array_of, scalar_like, take_aux, typed
from gradax.control.pullback import pull_back_program
from gradax.core.aval import Aval, tangent_aval
from gradax.core.axes import sharded_axes
from gradax.core.jaxpr import inline_consts
from gradax.core.staging import stage
from gradax.core.tangent import Linear
from gradax.core.value import as_value, aval_of
from gradax.errors import DtypeError, ShapeError, TreeTypeError, at_user_line
from gradax.transforms.transpose import backward_pass


class TransposedFunction:
    """A linear program run backwards, with its trees."""

    def __init__(self, what: str, trees: tuple[Any, Any], jaxpr: Any, outs: Any) -> None:
        self.what = what
        self.in_tree, self.out_tree = trees
        self.jaxpr = jaxpr
        self.nonzero, self.out_avals = outs

    def __str__(self) -> str:
        return self.what

    def __call__(self, consts: Sequence[Any], *cts: Any) -> Any:
        """Return the cotangents of the arguments."""
        ct = cts[0] if len(cts) == 1 else cts
        leaves, got = tree.flatten(ct)
        if got != self.out_tree:
            raise TreeTypeError(
                f"{self.what}: the cotangent must have the tree {self.out_tree} of the result; got"
                f" {got}.{at_user_line()}"
            )
        leaves = [
            as_cotangent(self.what, x, a) for x, a in zip(leaves, self.out_avals, strict=True)
        ]
        alive = [x for x, n in zip(leaves, self.nonzero, strict=True) if n]
        args = [Linear(v.aval) for v in self.jaxpr.invars]
        found = backward_pass(self.jaxpr, consts, args, alive)
        arrays = map(array_of, found)
        return tree.unflatten(
            self.in_tree, [typed(x, v.aval) for x, v in zip(arrays, self.jaxpr.invars, strict=True)]
        )


def as_cotangent(what: str, ct: Any, out: Aval) -> Any:
    """Return a cotangent as an array of its result's tangent type."""
    wanted = tangent_aval(out)
    if wanted.dtype == dtypes.float0:
        return ct
    ct = scalar_like(ct, wanted)
    got = aval_of(ct)
    if (got.shape, got.dtype) != (wanted.shape, wanted.dtype):
        raise ShapeError(
            f"{what}: the cotangent of a result {out} must be {wanted}; got {got}."
            f"{at_user_line()}\nA cotangent has the shape and dtype of its result;"
            " jax.numpy.ones_like makes one."
        )
    return as_value(ct)


def vjp(
    fun: Callable[..., Any], *primals: Any, has_aux: bool = False, reduce_axes: Sequence[Any] = ()
) -> tuple[Any, ...]:
    """Return `fun(*primals)` and the function from its result's cotangent to those of the primals.

    That function returns a tuple with an entry for each primal. With `has_aux`, `fun` returns
    (result, aux) and this (result, function, aux).
    """
    check_callable("vjp", fun)
    leaves, in_tree = tree.flatten(primals)
    leaves = [float(x) if isinstance(x, int) else x for x in leaves]
    for name, x in zip(leaf_names(fun, primals), leaves, strict=True):
        check_leaf("vjp", name, x)
    aux: list[Any] = []
    if axes := sharded_axes():
        return vjp_sharded(fun, leaves, in_tree, has_aux, axes)
    out_tree, outs, program, nonzero = linearized("vjp", fun, leaves, in_tree, has_aux, aux)
    out_avals = tuple(x.aval for x in outs)
    what = f"vjp({name_of(fun)})"
    run = TransposedFunction(what, (in_tree, out_tree), program.jaxpr, (nonzero, out_avals))
    out, back = tree.unflatten(out_tree, outs), PulledBack(run, program.consts)
    return (out, back, aux[0]) if has_aux else (out, back)


def vjp_sharded(
    fun: Any, leaves: Sequence[Any], in_tree: Any, has_aux: bool, axes: Any
) -> tuple[Any, ...]:
    """Return what `vjp` does inside a shard_map: the cotangents are computed from the start."""
    aux: list[Any] = []
    out_trees: list[Any] = []

    def flat(*xs: Any) -> list[Any]:
        out = fun(*tree.unflatten(in_tree, xs))
        out = take_aux("vjp", fun, out, aux) if has_aux else out
        found, out_tree = flat_result("vjp", fun, out)
        out_trees.append(out_tree)
        return found

    primals = [as_value(x) for x in leaves]
    closed = stage(flat, [x.aval for x in primals], name_of(fun))
    outs = [as_value(x) for x in flat(*primals)]
    jaxpr, n = inline_consts(closed), len(closed.consts)

    def run(consts: Sequence[Any], ct: Any) -> Any:
        cts = [as_cotangent("vjp", x, a) for x, a in zip(tree.leaves(ct), avals, strict=True)]
        _, back = pull_back_program(jaxpr, consts[:n], consts[n:], cts, axes)
        pairs = zip(map(array_of, back), primals, strict=True)
        return tree.unflatten(in_tree, [typed(c, tangent_aval(x.aval)) for c, x in pairs])

    avals = tuple(x.aval for x in outs)
    out = tree.unflatten(out_trees[-1], outs)
    back = PulledBack(run, (*closed.consts, *primals))
    return (out, back, aux[-1]) if has_aux else (out, back)


def linear_transpose(
    fun: Callable[..., Any], *primals: Any, reduce_axes: Sequence[Any] = ()
) -> Callable[[Any], Any]:
    """Return the transpose of a function that is linear in all its arguments.

    `primals` say the types only: arrays or ShapeDtypeStructs. The transpose maps a cotangent of the
    result to a tuple of cotangents of the arguments.
    Errors: an error naming the operation where `fun` is not linear.
    """
    check_callable("linear_transpose", fun)
    leaves, in_tree = tree.flatten(primals)
    avals = list(map(abstract, leaves))
    for aval in avals:
        if not dtypes.issubdtype(aval.dtype, np.inexact):
            raise DtypeError(
                f"linear_transpose: arguments must be float or complex; got {aval}.{at_user_line()}"
            )
    found: list[Any] = []

    def flat(*xs: Any) -> list[Any]:
        outs, out_tree = flat_result("linear_transpose", fun, fun(*tree.unflatten(in_tree, xs)))
        found.append(out_tree)
        return outs

    closed = stage(flat, avals, name_of(fun), leaf_names(fun, primals))
    what = f"linear_transpose({name_of(fun)})"
    outs = ([True] * len(closed.out_avals), closed.out_avals)
    run = TransposedFunction(what, (in_tree, found[0]), closed.jaxpr, outs)
    return BoundProgram(run, closed.consts)
