"""Continuous and discrete distributions."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import dtypes, lax
from gradax.api.jit import jit
from gradax.core.value import as_value
from gradax.errors import DtypeError, ShapeError, at_user_line
from gradax.random.bits import float_dtype, result_shape, uniform_of, unit_interval
from gradax.random.keys import Shape, as_shape, broadcast, partitionable, raw, split_words


def normal_of(words: Any, shape: Any, dtype: Any, newer: bool) -> Any:
    """Return normal numbers by the inverse of their distribution function."""
    if dtypes.issubdtype(dtype, np.complexfloating):
        return complex_normal(words, shape, dtype, newer)
    low = np.nextafter(np.asarray(-1, dtype), np.asarray(0, dtype), dtype=dtype)
    drawn = uniform_of(words, as_value(low), as_value(np.ones((), dtype)), shape, dtype, newer)
    return lax.mul(np.asarray(np.sqrt(2), dtype), lax.erf_inv(drawn))


def complex_normal(words: Any, shape: Any, dtype: Any, newer: bool) -> Any:
    """Return complex normal numbers of variance 1."""
    part = np.zeros((), dtype).real.dtype
    keys = split_words(words, (2,), newer)
    real, imag = (
        normal_of(lax.reshape(lax.slice(keys, (k, 0), (k + 1, 2)), (2,)), shape, part, newer)
        for k in (0, 1)
    )
    return lax.div(lax.complex(real, imag), np.asarray(np.sqrt(2), dtype))


_normal = jit(normal_of, static_argnums=(1, 2, 3))


def normal(key: Any, shape: Shape = (), dtype: Any = None, *, out_sharding: Any = None) -> Any:
    """Return standard normal random numbers.

    Errors: TypeError for a dtype that is not inexact.
    Accuracy: the inverse error function's, of uniform numbers of 23 (52) bits.
    """
    words, _ = raw(key, "normal")
    found = dtypes.check_user_dtype(float if dtype is None else dtype, "random.normal")
    if not dtypes.issubdtype(found, np.inexact):
        raise DtypeError(f"random.normal: a float or complex dtype; got {found}.{at_user_line()}")
    return _normal(words, as_shape(shape, "normal"), found, partitionable())


def truncated_of(words: Any, low: Any, high: Any, shape: Any, dtype: Any, newer: bool) -> Any:
    """Return normal numbers between bounds."""
    low, high = (lax.convert_element_type(v, dtype) for v in (low, high))
    root = np.asarray(np.sqrt(2), dtype)
    a, b = lax.erf(lax.div(low, root)), lax.erf(lax.div(high, root))
    drawn = uniform_of(words, a, b, shape, dtype, newer)
    out = lax.mul(root, lax.erf_inv(drawn))
    inf = np.asarray(np.inf, dtype)
    least = lax.nextafter(lax.stop_gradient(low), inf)
    most = lax.nextafter(lax.stop_gradient(high), lax.neg(inf))
    return lax.clamp(broadcast(least, shape), out, broadcast(most, shape))


_truncated = jit(truncated_of, static_argnums=(3, 4, 5))


def truncated_normal(
    key: Any,
    lower: Any,
    upper: Any,
    shape: Shape | None = None,
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Any:
    """Return standard normal random numbers conditioned on lying in (lower, upper).

    Shapes: lower, upper broadcast to shape.
    """
    words, _ = raw(key, "truncated_normal")
    found = float_dtype(dtype, "truncated_normal")
    size = result_shape(shape, "truncated_normal", lower, upper)
    return _truncated(words, as_value(lower), as_value(upper), size, found, partitionable())


def exponential_of(words: Any, shape: Any, dtype: Any, newer: bool) -> Any:
    """Return exponential numbers."""
    return lax.neg(lax.log1p(lax.neg(unit_interval(words, shape, dtype, newer))))


_exponential = jit(exponential_of, static_argnums=(1, 2, 3))


def exponential(key: Any, shape: Shape = (), dtype: Any = None, *, out_sharding: Any = None) -> Any:
    """Return exponential random numbers of rate 1."""
    words, _ = raw(key, "exponential")
    found = float_dtype(dtype, "exponential")
    return _exponential(words, as_shape(shape, "exponential"), found, partitionable())


def gumbel_of(words: Any, shape: Any, dtype: Any, newer: bool, mode: str = "low") -> Any:
    """Return Gumbel numbers."""
    tiny = np.asarray(dtypes.finfo(dtype).tiny, dtype)
    drawn = uniform_of(words, as_value(tiny), as_value(np.ones((), dtype)), shape, dtype, newer)
    return lax.neg(lax.log(lax.neg(lax.log(drawn))))


_gumbel = jit(gumbel_of, static_argnums=(1, 2, 3, 4))


def gumbel(
    key: Any, shape: Shape = (), dtype: Any = None, mode: Any = None, *, out_sharding: Any = None
) -> Any:
    """Return random numbers of the standard Gumbel distribution."""
    words, _ = raw(key, "gumbel")
    found = float_dtype(dtype, "gumbel")
    return _gumbel(words, as_shape(shape, "gumbel"), found, partitionable(), "low")


def laplace_of(words: Any, shape: Any, dtype: Any, newer: bool) -> Any:
    """Return Laplace numbers."""
    eps = np.asarray(-1 + dtypes.finfo(dtype).epsneg, dtype)
    u = uniform_of(words, as_value(eps), as_value(np.ones((), dtype)), shape, dtype, newer)
    return lax.mul(lax.sign(u), lax.neg(lax.log1p(lax.neg(lax.abs(u)))))


_laplace = jit(laplace_of, static_argnums=(1, 2, 3))


def laplace(key: Any, shape: Shape = (), dtype: Any = None, *, out_sharding: Any = None) -> Any:
    """Return random numbers of the standard Laplace distribution."""
    words, _ = raw(key, "laplace")
    found = float_dtype(dtype, "laplace")
    return _laplace(words, as_shape(shape, "laplace"), found, partitionable())


def categorical_of(words: Any, logits: Any, axis: int, shape: Any, draws: Any, newer: bool) -> Any:
    """Return the places of the largest of logits with Gumbel noise."""
    noise = gumbel_of(words, shape, np.dtype(logits.dtype), newer)
    places = tuple(range(len(shape) - logits.ndim, len(shape)))
    wide = lax.broadcast_in_dim(logits, shape, places)
    return lax.argmax(lax.add(noise, wide), axis, dtypes.canonicalize_dtype(np.int64))


_categorical = jit(categorical_of, static_argnums=(2, 3, 4, 5))


def categorical(
    key: Any,
    logits: Any,
    axis: int = -1,
    shape: Shape | None = None,
    replace: bool = True,
    mode: Any = None,
    *,
    out_sharding: Any = None,
) -> Any:
    """Return random indices along `axis` with log-probabilities `logits` (up to a constant).

    Shapes: logits without axis broadcasts to shape, which is that by default.
    Errors: ValueError when shape does not end in the batch shape.
    """
    words, _ = raw(key, "categorical")
    values = as_value(logits)
    if not dtypes.issubdtype(values.dtype, np.floating):
        values = lax.convert_element_type(values, dtypes.canonicalize_dtype(np.float64))
    if not -values.ndim <= axis < values.ndim:
        raise ShapeError(
            f"random.categorical: axis {axis} is outside logits of {values.ndim} axes."
            f"{at_user_line()}"
        )
    axis = axis % values.ndim
    batch = tuple(n for i, n in enumerate(values.shape) if i != axis)
    wanted = batch if shape is None else as_shape(shape, "categorical")
    if len(wanted) < len(batch) or wanted[len(wanted) - len(batch) :] != batch:
        raise ShapeError(
            f"random.categorical: the shape {wanted} must end in the batch shape {batch}."
            f"{at_user_line()}"
        )
    extra = wanted[: len(wanted) - len(batch)]
    if not replace:
        return without_replacement(words, values, axis, extra)
    full = (*extra, *values.shape)
    return _categorical(words, values, axis + len(extra), full, extra, partitionable())


def without_replacement(words: Any, logits: Any, axis: int, extra: tuple[int, ...]) -> Any:
    """Return distinct indices: the places of the largest perturbed logits."""
    count = int(np.prod(extra, dtype=np.int64))
    if count > logits.shape[axis]:
        raise ValueError(
            f"random.categorical: {count} draws without replacement of {logits.shape[axis]}"
            f" categories.{at_user_line()}"
        )
    noise = gumbel_of(words, logits.shape, np.dtype(logits.dtype), partitionable())
    order = [i for i in range(logits.ndim) if i != axis] + [axis]
    perturbed = lax.transpose(lax.add(noise, logits), order)
    _, places = lax.top_k(perturbed, count)
    front = [places.ndim - 1, *range(places.ndim - 1)]
    return lax.reshape(lax.transpose(places, front), (*extra, *places.shape[:-1]))
