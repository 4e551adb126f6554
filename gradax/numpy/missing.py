"""Reductions that skip NaN."""

from __future__ import annotations

import math
from typing import Any

from gradax import dtypes
from gradax.lax.arithmetic import Div
from gradax.lax.bits import Not
from gradax.lax.elementary import Sqrt
from gradax.numpy.arithmetic import constant, imag, real, refuse_out
from gradax.numpy.logic import isnan, where_select
from gradax.numpy.one_program import one_program
from gradax.numpy.promotion import COMPLEX, INEXACT, convert, operand
from gradax.numpy.reductions import all as reduce_all
from gradax.numpy.reductions import (
    argmax,
    argmin,
    divided,
    max,
    mean,
    min,
    prod,
    sorted_axes,
    sum,
    var,
)
from gradax.numpy.shaping import reshaped


def without_nan(x: Any, value: float) -> Any:
    """Return an array with NaN replaced."""
    return where_select(isnan(x), constant(value, x), x)


def nansum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    """Sum over axes, NaN counting as 0."""
    refuse_out("nansum", out)
    x = operand("nansum", a)
    x = without_nan(x, 0) if x.dtype in INEXACT else x
    return sum(x, axis, dtype, None, keepdims, initial, where)


def nanprod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    """Multiply over axes, NaN counting as 1."""
    refuse_out("nanprod", out)
    x = operand("nanprod", a)
    x = without_nan(x, 1) if x.dtype in INEXACT else x
    return prod(x, axis, dtype, None, keepdims, initial, where)


def nanmax(
    a: Any,
    axis: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    """Return the largest element over axes that is not NaN; NaN where all are."""
    refuse_out("nanmax", out)
    return extremum("nanmax", max, -math.inf, a, axis, keepdims, initial, where)


def nanmin(
    a: Any,
    axis: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    """Return the smallest element over axes that is not NaN; NaN where all are."""
    refuse_out("nanmin", out)
    return extremum("nanmin", min, math.inf, a, axis, keepdims, initial, where)


def extremum(
    name: str,
    reduce: Any,
    worst: float,
    a: Any,
    axis: Any,
    keepdims: bool,
    initial: Any,
    where: Any,
) -> Any:
    """Reduce with NaN replaced by what never wins."""
    x = operand(name, a)
    if x.dtype not in INEXACT:
        return reduce(x, axis, None, keepdims, initial, where)
    out = reduce(without_nan(x, worst), axis, None, keepdims, initial, where)
    if initial is not None:
        return out
    is_missing = reduce_all(isnan(x), axis, None, keepdims, where=where)
    return where_select(is_missing, constant(math.nan, out), out)


@one_program("axis", "dtype", "out", "keepdims")
def nanmean(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    where: Any = None,
) -> Any:
    """Return the average over axes of the elements that are not NaN."""
    refuse_out("nanmean", out)
    x = operand("nanmean", a)
    if x.dtype not in INEXACT:
        return mean(x, axis, dtype, None, keepdims, where=where)
    wanted = dtypes.check_user_dtype(dtype, "nanmean") or x.dtype
    n = count_of_numbers(x, axis, keepdims, where)
    total = nansum(x, axis, wanted, None, keepdims, None, where)
    return Div()(total, convert(n, total.dtype))


def count_of_numbers(x: Any, axis: Any, keepdims: bool, where: Any) -> Any:
    """Count the elements that are not NaN."""
    return sum(Not()(isnan(x)), axis, None, None, keepdims, None, where)


@one_program("axis", "dtype", "out", "ddof", "keepdims")
def nanvar(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    ddof: Any = 0,
    keepdims: bool = False,
    where: Any = None,
    *,
    mean: Any = None,
) -> Any:
    """Return the variance of the elements that are not NaN."""
    refuse_out("nanvar", out)
    x = operand("nanvar", a)
    if x.dtype not in INEXACT:
        return var(x, axis, dtype, None, ddof, keepdims, where=where, mean=mean)
    axes = sorted_axes("nanvar", axis, x.ndim)
    centre = nanmean(x, axes, None, None, True, where) if mean is None else mean
    centred = where_select(isnan(x), constant(0, x), x - centre)
    squares = real(centred) ** 2 + imag(centred) ** 2 if x.dtype in COMPLEX else centred**2
    total = sum(squares, axes, None, None, keepdims, None, where)
    n = convert(count_of_numbers(x, axes, keepdims, where), total.dtype)
    out_array = divided(total, n - ddof)
    return out_array if dtype is None else out_array.astype(dtype)


@one_program("axis", "dtype", "out", "ddof", "keepdims")
def nanstd(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    ddof: Any = 0,
    keepdims: bool = False,
    where: Any = None,
    *,
    mean: Any = None,
) -> Any:
    """Return the standard deviation of the elements that are not NaN."""
    refuse_out("nanstd", out)
    return Sqrt()(nanvar(a, axis, dtype, None, ddof, keepdims, where, mean=mean))


def nanargmax(
    a: Any, axis: int | None = None, out: None = None, keepdims: bool | None = None
) -> Any:
    """Return where the largest element that is not NaN is; -1 where all are NaN."""
    refuse_out("nanargmax", out)
    return place_of("nanargmax", argmax, -math.inf, a, axis, bool(keepdims))


def nanargmin(
    a: Any, axis: int | None = None, out: None = None, keepdims: bool | None = None
) -> Any:
    """Return where the smallest element that is not NaN is; -1 where all are NaN."""
    refuse_out("nanargmin", out)
    return place_of("nanargmin", argmin, math.inf, a, axis, bool(keepdims))


def place_of(name: str, find: Any, worst: float, a: Any, axis: Any, keepdims: bool) -> Any:
    """Find an extreme element with NaN replaced by what never wins."""
    x = operand(name, a)
    if x.dtype not in INEXACT:
        return find(x, axis, None, keepdims)
    out = find(without_nan(x, worst), axis, None, keepdims)
    is_missing = reduce_all(isnan(x), axis, None, keepdims)
    return where_select(reshaped(is_missing, out.shape), constant(-1, out), out)
