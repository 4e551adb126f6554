"""`jet`: derivatives of any order along a curve, by truncated power series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import factorial
from typing import Any

import numpy as np

from gradax import tree
from gradax.api.arguments import check_callable, flat_result, leaf_names, name_of
from gradax.control.series import Series, as_typed, constant, is_differentiable, taylor
from gradax.core.staging import stage
from gradax.core.value import as_value, is_value
from gradax.errors import ArgumentError, ArgumentTypeError, ShapeError, at_user_line
from gradax.lax.arithmetic import Mul


def jet(
    fun: Callable[..., Any],
    primals: Sequence[Any],
    series: Sequence[Any],
    factorial_scaled: bool = True,
) -> tuple[Any, Any]:
    """Return `fun(*primals)` and the derivatives of `fun` along the curve that `series` gives.

    series: for each argument a sequence of the curve's derivatives, from the first (for a pytree a
    sequence of such trees, or a tree of sequences); the second result has, for each leaf of the
    first, a list of the derivatives. With `factorial_scaled=False` both are coefficients of powers
    instead, the k-th derivative divided by k!.
    Cost: about the square of the order times that of `fun`.
    Errors: ValueError for series of unequal lengths, TypeError for primals that are no arrays.
    """
    check_callable("jet", fun)
    leaves, in_tree = tree.flatten(tuple(primals))
    names = leaf_names(fun, tuple(primals))
    for name, x in zip(names, leaves, strict=True):
        if not is_value(x):
            raise ArgumentTypeError(
                f"jet: the primal {name} is no array: {repr(x)[:80]}.{at_user_line()}"
            )
    if len(series) != len(primals):
        raise ArgumentError(
            f"jet: expected a series for each of {len(primals)} primals; got {len(series)}."
            f"{at_user_line()}"
        )
    terms = [t for x, s in zip(primals, series, strict=True) for t in terms_of(x, s)]
    orders = {len(t) for t in terms}
    if len(orders) > 1:
        raise ArgumentError(
            f"jet: expected series of one length for all arguments; got {sorted(orders)}."
            f"{at_user_line()}"
        )
    order = orders.pop() if orders else 0
    values = list(map(as_value, leaves))
    args = [
        coefficients(name, x, t, factorial_scaled, order)
        for name, x, t in zip(names, values, terms, strict=True)
    ]
    found: list[Any] = []

    def flat(*xs: Any) -> list[Any]:
        outs, out_tree = flat_result("jet", fun, fun(*tree.unflatten(in_tree, xs)))
        found.append(out_tree)
        return outs

    closed = stage(flat, [x.aval for x in values], name_of(fun), names)
    outs = taylor(closed.jaxpr, closed.consts, args, order)
    derivatives = [
        [times(c, factorial(k)) if factorial_scaled else c for k, c in enumerate(x[1:], 1)]
        for x in outs
    ]
    return tree.unflatten(found[0], [x[0] for x in outs]), tree.unflatten(found[0], derivatives)


def terms_of(x: Any, series: Any) -> list[list[Any]]:
    """Return the terms of each leaf of an argument."""
    structure = tree.structure(x)
    if isinstance(series, (tuple, list)) and all(tree.structure(s) == structure for s in series):
        columns = [tree.leaves(s) for s in series]
        return [list(t) for t in zip(*columns, strict=True)] or [[] for _ in tree.leaves(x)]
    return [list(s) for s in structure.flatten_up_to(series)]


def coefficients(name: str, x: Any, terms: Sequence[Any], scaled: bool, order: int) -> Series:
    """Return an argument's coefficients of powers."""
    for k, term in enumerate(terms, 1):
        if np.shape(term) != x.shape:
            raise ShapeError(
                f"jet: the terms of {name} must have its shape {x.shape}; term {k} has"
                f" {np.shape(term)}.{at_user_line()}"
            )
    if not is_differentiable(x.aval):
        return constant(x, order)
    typed = [as_typed(t, x.aval) for t in terms]
    return [x, *(times(t, 1 / factorial(k)) if scaled else t for k, t in enumerate(typed, 1))]


def times(c: Any, factor: float) -> Any:
    """Return a coefficient times a number."""
    return c if factor == 1 else Mul()(c, np.asarray(factor).astype(c.dtype))
