"""Convolution and correlation of vectors, interpolation, and unwrapping of angles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradax.errors import ArgumentError, at_user_line
from gradax.lax.convolution import conv_general_dilated
from gradax.lax.precision import PrecisionLike
from gradax.lax.slicing import Rev
from gradax.numpy.arithmetic import absolute, conjugate, remainder
from gradax.numpy.cumulative import cumsum, diff
from gradax.numpy.indexing import get, index
from gradax.numpy.joining import concatenate
from gradax.numpy.logic import clip, where_select
from gradax.numpy.promotion import (
    COMPLEX,
    INEXACT,
    SCALARS,
    convert,
    operand,
    operands,
    promote_dtypes,
    to_inexact,
)
from gradax.numpy.shaping import moveaxis, reshaped
from gradax.numpy.sorting import argsort, places_in


def convolve(
    a: Any,
    v: Any,
    mode: str = "full",
    *,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
) -> Any:
    """Return the convolution of two vectors. mode: 'full', 'same' or 'valid'.

    Errors: ValueError for other ranks, empty vectors or another mode.
    """
    x, y = vectors("convolve", a, v, mode)
    if x.shape[0] < y.shape[0]:
        x, y = y, x
    return slid(x, Rev((0,))(y), mode, precision, preferred_element_type)


def correlate(
    a: Any,
    v: Any,
    mode: str = "valid",
    *,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
) -> Any:
    """Return the correlation of two vectors, the second conjugated. mode as `convolve`'s."""
    x, y = vectors("correlate", a, v, mode)
    y = conjugate(y)
    if x.shape[0] >= y.shape[0]:
        return slid(x, y, mode, precision, preferred_element_type)
    # The longer one stays put; the result then runs backwards.
    out = slid(y, x, mode, precision, preferred_element_type)
    return Rev((0,))(out)


def vectors(name: str, a: Any, v: Any, mode: str) -> list[Any]:
    """Return two arguments as vectors of one dtype, at least float32 for convolutions."""
    x, y = promote_dtypes(*operands(name, a, v))
    if x.ndim != 1 or y.ndim != 1 or 0 in (x.size, y.size):
        raise ArgumentError(
            f"{name}: expected two vectors with elements, got shapes {x.shape} and {y.shape}"
            f"{at_user_line()}"
        )
    if mode not in ("full", "same", "valid"):
        raise ArgumentError(f"{name}: mode is 'full', 'same' or 'valid', got {mode!r}")
    return [x, y]


def slid(x: Any, y: Any, mode: str, precision: PrecisionLike, preferred: Any) -> Any:
    """Return the products of `y` with the windows of a vector that is at least as long."""
    n = y.shape[0]
    padding = {"full": (n - 1, n - 1), "same": (n // 2, n - n // 2 - 1), "valid": (0, 0)}[mode]
    if x.dtype == np.bool_:
        x, y = (convert(v, np.dtype(np.int32)) for v in (x, y))
    out = conv_general_dilated(
        reshaped(x, (1, 1, x.shape[0])),
        reshaped(y, (1, 1, n)),
        (1,),
        [padding],
        precision=precision,
        preferred_element_type=preferred,
    )
    return reshaped(out, (out.shape[-1],))


def interp(
    x: Any,
    xp: Any,
    fp: Any,
    left: Any = None,
    right: Any = None,
    period: Any = None,
) -> Any:
    """Interpolate linearly between the points (xp, fp), xp increasing.

    Outside: `left` and `right`, by default the first and the last of `fp` ('extrapolate': the line
    goes on); with a period, xp and x are taken modulo it.
    """
    points, values = operands("interp", xp, fp)
    if points.shape != values.shape or points.ndim != 1:
        raise ArgumentError(
            f"interp: expected vectors of one length, got {points.shape} and {values.shape}"
            f"{at_user_line()}"
        )
    x = x if type(x) in SCALARS else operand("interp", x)
    x, points = promote_dtypes(x, points, inexact=True)
    values = values if values.dtype in INEXACT else to_inexact("interp", values)
    if period is not None:
        x, points, values = periodic(x, points, values, period)
        left = right = None
    n = points.shape[0]
    i = clip(places_in(points, x, "right"), 1, max(n - 1, 1))
    low, high = get(values, i - 1, mode="clip"), get(values, i, mode="clip")
    start, stop = get(points, i - 1, mode="clip"), get(points, i, mode="clip")
    width = stop - start
    # Points that coincide make a step.
    is_step = absolute(width) <= float(np.finfo(np.float32).tiny)
    slope = convert((x - start) / where_select(is_step, convert(1, width.dtype), width), low.dtype)
    out = where_select(is_step, low, low + slope * (high - low))
    for side, is_outside, place in (
        (left, x < index(points, 0), 0),
        (right, x > index(points, -1), n - 1),
    ):
        if isinstance(side, str) and side == "extrapolate":
            continue
        edge = index(values, place) if side is None else side
        out = where_select(is_outside, edge, out)
    return out


def periodic(x: Any, points: Any, values: Any, period: Any) -> tuple[Any, Any, Any]:
    """Return points sorted within one period, with a neighbour from the next on each side."""
    if np.ndim(period) != 0:
        raise ArgumentError(f"interp: the period is a number, got shape {np.shape(period)}")
    period = absolute(operand("interp", period))
    x, points = remainder(x, period), remainder(points, period)
    order = argsort(points)
    points, values = get(points, order, mode="clip"), get(values, order, mode="clip")
    ends = index(points, slice(-1, None)) - period, index(points, slice(0, 1)) + period
    points = concatenate([ends[0], points, ends[1]])
    values = concatenate([index(values, slice(-1, None)), values, index(values, slice(0, 1))])
    return x, points, values


def unwrap(p: Any, discont: Any = None, axis: int = -1, period: Any = 2 * math.pi) -> Any:
    """Add multiples of the period so that neighbours along an axis differ by at most half of it."""
    x = operand("unwrap", p)
    if x.dtype in COMPLEX:
        raise ArgumentError(f"unwrap: expected real numbers, got {x.dtype.name}{at_user_line()}")
    x = x if x.dtype in INEXACT or isinstance(period, int) else to_inexact("unwrap", x)
    x = moveaxis(x, axis, -1)
    if x.shape[-1] == 0:
        return moveaxis(x, -1, axis)
    d = diff(x)
    half = period // 2 if x.dtype not in INEXACT else period / 2
    wrapped = remainder(d + half, period) - half
    if x.dtype in INEXACT or period % 2 == 0:
        wrapped = where_select((wrapped == -half) & (d > 0), half, wrapped)
    correction = wrapped - d
    limit = half if discont is None else discont
    correction = where_select(absolute(d) < limit, convert(0, correction.dtype), correction)
    first = index(x, (..., slice(0, 1)))
    rest = index(x, (..., slice(1, None))) + cumsum(correction, -1)
    return moveaxis(concatenate([first, convert(rest, x.dtype)], -1), -1, axis)
