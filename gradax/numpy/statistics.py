"""Quantiles, moments of several variables, histograms, and statistics that skip NaN."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradax.errors import ArgumentError, at_user_line
from gradax.lax.arithmetic import Add, Div, Mul, Sub
from gradax.lax.bits import Not
from gradax.lax.comparison import Clamp
from gradax.lax.creation import Iota
from gradax.lax.rounding import Ceil, Floor
from gradax.lax.sorting import Sort
from gradax.numpy.arithmetic import constant, pick, refuse_out
from gradax.numpy.axes import canonical_axes
from gradax.numpy.indexing import get
from gradax.numpy.logic import isnan, where_select
from gradax.numpy.one_program import one_program
from gradax.numpy.promotion import (
    COMPLEX,
    INEXACT,
    SCALARS,
    broadcast_op,
    convert,
    operand,
    to_inexact,
)
from gradax.numpy.reductions import any as reduce_any
from gradax.numpy.reductions import sum
from gradax.numpy.shaping import expand_dims, reshaped, transposed
from gradax.sizes import is_open

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


@one_program("axis", "out", "overwrite_input", "keepdims")
def median(
    a: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> Any:
    """Return the middle element, or the mean of the two middle ones; NaN if there is one."""
    refuse_out("median", out)
    return quantiles("median", a, 0.5, axis, keepdims, "midpoint", skip_nan=False)


@one_program("axis", "out", "overwrite_input", "keepdims")
def nanmedian(
    a: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> Any:
    """Return the median of the elements that are not NaN."""
    refuse_out("nanmedian", out)
    return quantiles("nanmedian", a, 0.5, axis, keepdims, "midpoint", skip_nan=True)


def quantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Any:
    """Return the q-th quantiles, 0 <= q <= 1; several q: along a new first axis.

    Errors: ValueError for an unknown method.
    """
    refuse_out("quantile", out)
    refuse_weights("quantile", weights)
    return quantiles("quantile", a, q, axis, keepdims, method, skip_nan=False)


def nanquantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Any:
    """Return the q-th quantiles of the elements that are not NaN."""
    refuse_out("nanquantile", out)
    refuse_weights("nanquantile", weights)
    return quantiles("nanquantile", a, q, axis, keepdims, method, skip_nan=True)


def percentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Any:
    """Return the q-th percentiles, 0 <= q <= 100."""
    refuse_out("percentile", out)
    refuse_weights("percentile", weights)
    return quantiles("percentile", a, hundredth(q), axis, keepdims, method, skip_nan=False)


def nanpercentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Any:
    """Return the q-th percentiles of the elements that are not NaN."""
    refuse_out("nanpercentile", out)
    refuse_weights("nanpercentile", weights)
    return quantiles("nanpercentile", a, hundredth(q), axis, keepdims, method, skip_nan=True)


def hundredth(q: Any) -> Any:
    """Return percentages as fractions."""
    if type(q) in SCALARS:
        return q / 100
    x = operand("percentile", q, 1)
    x = x if x.dtype in INEXACT else to_inexact("percentile", x)
    return Div()(x, constant(100, x))


def refuse_weights(name: str, weights: Any) -> None:
    """Raise for weights, which no method here has."""
    if weights is not None:
        raise NotImplementedError(f"{name}: weights are not supported{at_user_line()}")


def quantiles(
    name: str, a: Any, q: Any, axis: Any, keepdims: bool, method: str, skip_nan: bool
) -> Any:
    """Sort along the axes, and interpolate between the two elements around each place."""
    if method not in _METHODS:
        raise ArgumentError(
            f"{name}: method is one of {', '.join(_METHODS)}; got {method!r}{at_user_line()}"
        )
    x = operand(name, a)
    if x.dtype in COMPLEX:
        raise ArgumentError(f"{name}: complex numbers have no order{at_user_line()}")
    x = x if x.dtype in INEXACT else to_inexact(name, x)
    fractions = convert(q if type(q) in SCALARS else operand(name, q, 1), x.dtype)
    if fractions.ndim > 1:
        raise ArgumentError(f"{name}: q is a number or a vector, got shape {fractions.shape}")
    axes = canonical_axes(name, axis, x.ndim)
    rest = tuple(i for i in range(x.ndim) if i not in axes)
    kept_shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    rows = transposed(x, (*rest, *axes))
    n = math.prod(x.shape[i] for i in axes)
    if n == 0:
        raise ArgumentError(f"{name}: no elements along axes {axes} of shape {x.shape}")
    rows = reshaped(rows, (*(x.shape[i] for i in rest), n))
    out = interpolated(rows, fractions, method, skip_nan)
    return reshaped(out, (*fractions.shape, *kept_shape)) if keepdims else out


def interpolated(rows: Any, q: Any, method: str, skip_nan: bool) -> Any:
    """Return quantiles along the last axis; those of several q along a new first one."""
    axis, shape = rows.ndim - 1, rows.shape[:-1]
    has_nan = reduce_any(isnan(rows), axis, keepdims=True)
    (ordered,) = Sort(axis, True, 1)(rows)
    if skip_nan:
        numbers = Not()(isnan(rows))
        n = convert(sum(numbers, axis), rows.dtype)
    else:
        ordered = where_select(has_nan, constant(math.nan, rows), ordered)
        n = broadcast_to(constant(rows.shape[-1], rows), shape)
    wide = (*q.shape, *shape)
    last = broadcast_to(Sub()(n, constant(1, n)), wide)
    fraction = expand_dims(q, tuple(range(q.ndim, q.ndim + len(shape))))
    place = Mul()(broadcast_to(fraction, wide), last)
    low, high = (Clamp()(constant(0, n), f(place), last) for f in (Floor(), Ceil()))
    weight = Sub()(place, low)
    below, above = (element(ordered, p, q.ndim) for p in (low, high))
    return between(below, above, weight, method)


def broadcast_to(x: Any, shape: tuple[int, ...]) -> Any:
    """Broadcast by NumPy's rule."""
    return x if x.shape == shape else broadcast_op(x.shape, shape)(x)


def element(ordered: Any, place: Any, n_new: int) -> Any:
    """Return the elements of rows at places that are floats; NaN places give the last, a NaN."""
    int32 = np.dtype(np.int32)
    at = convert(pick(isnan(place), constant(ordered.shape[-1] - 1, place), place), int32)
    shape = ordered.shape[:-1]
    key: list[Any] = []
    for i, n in enumerate(shape):
        ones = (1,) * (len(shape) - 1 - i)
        if is_open(n):
            key.append(Iota(int32, (n, *ones), 0)())
            continue
        line = np.arange(n, dtype=np.int32).reshape((n, *ones))
        key.append(operand("quantile", line))
    return get(ordered, (*key, at), mode="clip")


def between(below: Any, above: Any, weight: Any, method: str) -> Any:
    """Combine the two neighbours of a place."""
    one = constant(1, weight)
    if method == "linear":
        first, second = Mul()(below, Sub()(one, weight)), Mul()(above, weight)
        # A neighbour of weight 0 may be infinite.
        exact = weight == 0
        return where_select(exact, below, Add()(first, second))
    if method == "lower":
        return below
    if method == "higher":
        return above
    if method == "nearest":
        return where_select(weight <= 0.5, below, above)
    return Mul()(Add()(below, above), constant(0.5, below))
