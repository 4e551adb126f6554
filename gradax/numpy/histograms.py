"""Counts in bins, and covariances."""

from __future__ import annotations

from builtins import range as builtin_range
from typing import Any

import numpy as np

from gradax import dtypes
from gradax.errors import ArgumentError, at_user_line
from gradax.lax.shapes import BroadcastInDim
from gradax.numpy.arithmetic import conjugate, real
from gradax.numpy.at import at
from gradax.numpy.axes import known_array, static_count, static_int
from gradax.numpy.creation import asarray
from gradax.numpy.cumulative import diff
from gradax.numpy.indexing import index
from gradax.numpy.joining import concatenate
from gradax.numpy.logic import clip, where_select
from gradax.numpy.products import dot
from gradax.numpy.promotion import (
    BOOL,
    INEXACT,
    INTEGERS,
    convert,
    operand,
    promote_dtypes,
    to_inexact,
)
from gradax.numpy.ranges import diagonal, linspace
from gradax.numpy.reductions import average, max, min, sum
from gradax.numpy.shaping import expand_dims, reshaped, transposed
from gradax.numpy.sorting import places_in


def bincount(x: Any, weights: Any = None, minlength: int = 0, *, length: int | None = None) -> Any:
    """Count each number from 0 on, or add up its weights; negative numbers count as 0.

    `length` is the result's length, for traced arrays; larger numbers are left out then.
    """
    values = operand("bincount", x)
    if values.dtype not in INTEGERS and values.dtype != BOOL:
        raise TypeError(f"bincount accepts integers; got {values.dtype.name}{at_user_line()}")
    if values.ndim != 1:
        raise ArgumentError(f"bincount: expected a vector, got {values.shape}{at_user_line()}")
    if values.dtype == BOOL:
        values = convert(values, dtypes.default_dtype("i"))
    if length is None:
        known = known_array("bincount", values, "the numbers (or length=)")
        least = static_int("bincount", minlength, "minlength")
        length = builtin_max(int(known.max()) + 1 if known.size else 0, least)
    n = static_count("bincount", length, "length")
    int_dtype = dtypes.default_dtype("i")
    w = convert(1, int_dtype) if weights is None else operand("bincount", weights, 1)
    zero = convert(0, w.dtype)
    zeros = BroadcastInDim((n,), ())(zero)
    return at(zeros)[clip(values, 0, None)].add(w, mode="drop")


def builtin_max(a: int, b: int) -> int:
    """Return the larger of two integers."""
    return a if a > b else b


def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    """Return the bounds of bins: those given, or equally wide ones between the extremes."""
    if isinstance(bins, str):
        raise NotImplementedError("histogram_bin_edges: the number of bins must be given")
    x = operand("histogram", a)
    x = x if x.dtype in INEXACT else to_inexact("histogram", x)
    if np.ndim(bins) == 1:
        return convert(asarray(bins), x.dtype)
    n = static_count("histogram", bins, "bins", 1)
    if range is not None:
        low, high = (operand("histogram", v) for v in range)
    elif x.size == 0:
        low, high = operand("histogram", 0.0), operand("histogram", 1.0)
    else:
        low, high = min(x), max(x)
    low, high = convert(low, x.dtype), convert(high, x.dtype)
    is_point = low == high
    low, high = where_select(is_point, low - 0.5, low), where_select(is_point, high + 0.5, high)
    return linspace(low, high, n + 1, dtype=x.dtype)


def histogram(
    a: Any,
    bins: Any = 10,
    range: Any = None,
    weights: Any = None,
    density: bool | None = None,
) -> tuple[Any, Any]:
    """Count the elements in each bin, or add up their weights; also the bins' bounds.

    density: as a probability density, whose integral is 1.
    """
    x = operand("histogram", a)
    w = None if weights is None else operand("histogram", weights, 1)
    if w is not None and w.shape != x.shape:
        raise ArgumentError(
            f"histogram: weights of shape {w.shape} for values of {x.shape}{at_user_line()}"
        )
    edges = histogram_bin_edges(x, bins, range)
    x = convert(reshaped(x, (x.size,)), edges.dtype)
    n = edges.shape[0] - 1
    # NumPy counts in floats here, since a weight may be one.
    w = asarray(1.0, dtype=edges.dtype) if w is None else reshaped(w, (-1,))
    w = w if w.dtype in INEXACT else to_inexact("histogram", w)
    counts = count_in(bin_of(x, edges), w, n)
    if density:
        widths = convert(diff(edges), counts.dtype)
        counts = counts / widths / sum(counts)
    return counts, edges


def bin_of(x: Any, edges: Any) -> Any:
    """Return the number of each element's bin; n for those outside. The last bin is closed."""
    n = edges.shape[0] - 1
    table, x = promote_dtypes(edges, x)
    place = places_in(table, x, "right") - 1
    last = index(table, -1)
    place = where_select(x == last, n - 1, place)
    return where_select((place < 0) | (place >= n), n, place)


def count_in(places: Any, weights: Any, n: int) -> Any:
    """Add up weights by place; places from n on are left out."""
    zeros = convert(operand("histogram", np.zeros(n)), weights.dtype)
    return at(zeros)[places].add(weights, mode="drop")


def histogramdd(
    sample: Any,
    bins: Any = 10,
    range: Any = None,
    weights: Any = None,
    density: bool | None = None,
) -> tuple[Any, list[Any]]:
    """Count points of several coordinates in the cells of a grid; also the bounds on each axis.

    Counts are integers, unless there are weights or a density is asked for.
    """
    if isinstance(sample, (tuple, list)):
        columns = [operand("histogramdd", c) for c in sample]
    else:
        table = operand("histogramdd", sample)
        table = expand_dims(table, 1) if table.ndim == 1 else table
        columns = [index(table, (slice(None), i)) for i in builtin_range(table.shape[1])]
    several = isinstance(bins, (tuple, list)) or np.ndim(bins) > 0
    by_axis = list(bins) if several else [bins] * len(columns)
    if len(by_axis) != len(columns):
        raise ArgumentError(f"histogramdd: {len(by_axis)} bins for {len(columns)} coordinates")
    ranges = range if range is not None else [None] * len(columns)
    edges = [histogram_bin_edges(c, b, r) for c, b, r in zip(columns, by_axis, ranges, strict=True)]
    shape = tuple(e.shape[0] - 1 for e in edges)
    place: Any = 0
    outside: Any = False
    for c, e, n in zip(columns, edges, shape, strict=True):
        own = bin_of(convert(c, e.dtype), e)
        outside = outside | (own >= n)
        place = place * n + clip(own, 0, n - 1)
    total = int(np.prod(shape))
    w = asarray(1) if weights is None else operand("histogramdd", weights)
    counts = reshaped(count_in(where_select(outside, total, place), w, total), shape)
    if density:
        counts = convert(counts, dtypes.promote_types(counts.dtype, edges[0].dtype))
        counts = counts / sum(counts)
        for i, e in enumerate(edges):
            widths = reshaped(
                diff(e), tuple(-1 if j == i else 1 for j in builtin_range(len(shape)))
            )
            counts = counts / convert(widths, counts.dtype)
    return counts, edges


def histogram2d(
    x: Any,
    y: Any,
    bins: Any = 10,
    range: Any = None,
    weights: Any = None,
    density: bool | None = None,
) -> tuple[Any, Any, Any]:
    """Count points of two coordinates in the cells of a grid; also the bounds on both axes."""
    if np.ndim(bins) == 1 and len(bins) not in (1, 2):
        bins = [bins, bins]
    counts, (x_edges, y_edges) = histogramdd([x, y], bins, range, weights, density)
    return counts, x_edges, y_edges


def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    """Return the covariance matrix of variables, rows unless rowvar is off, over observations.

    Errors: ValueError for more than 2 axes or weights that do not fit.
    """
    x = variables("cov", m, rowvar)
    if y is not None:
        x = concatenate([x, variables("cov", y, rowvar)], 0)
    ddof = (0 if bias else 1) if ddof is None else ddof
    w = observation_weights(x, fweights, aweights)
    mean, total = average(x, 1, w, returned=True, keepdims=True)
    x = x - mean
    total = index(total, (0, 0)) if total.ndim == 2 else total
    if w is None:
        scale: Any = x.shape[1] - ddof
    elif ddof == 0:
        scale = total
    elif aweights is None:
        scale = total - ddof
    else:
        scale = total - ddof * sum(w * convert(operand("cov", aweights), w.dtype)) / total
    weighted = x if w is None else x * w
    out = dot(weighted, conjugate(transposed(x))) / scale
    out = out if dtype is None else out.astype(dtype)
    return reshaped(out, ()) if out.shape == (1, 1) else out


def variables(name: str, m: Any, rowvar: bool) -> Any:
    """Return observations as rows of floats, one a variable."""
    x = operand(name, m)
    x = x if x.dtype in INEXACT else to_inexact(name, x)
    if x.ndim > 2:
        raise ArgumentError(f"{name}: expected 2 axes at most, got {x.shape}{at_user_line()}")
    if x.ndim < 2:
        return reshaped(x, (1, x.size))
    return x if rowvar or x.shape[0] == 1 else transposed(x)


def observation_weights(x: Any, fweights: Any, aweights: Any) -> Any:
    """Return the product of both kinds of weights, or None."""
    out = None
    for name, w in (("fweights", fweights), ("aweights", aweights)):
        if w is None:
            continue
        v = convert(operand("cov", w), x.dtype)
        if v.shape != (x.shape[1],):
            raise ArgumentError(f"cov: {name} of shape {v.shape} for {x.shape[1]} observations")
        out = v if out is None else out * v
    return out


def corrcoef(x: Any, y: Any = None, rowvar: bool = True, dtype: Any = None) -> Any:
    """Return the correlation matrix of variables, of elements between -1 and 1."""
    c = cov(x, y, rowvar)
    if c.ndim == 0:
        return c / c
    d = real(diagonal(c)) ** 0.5
    out = c / expand_dims(d, 1) / expand_dims(d, 0)
    if out.dtype.kind == "c":
        return out / clip(abs(out), 1.0, None)
    out = clip(out, -1.0, 1.0)
    return out if dtype is None else out.astype(dtype)
