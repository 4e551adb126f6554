"""Distributions that are made of uniform numbers directly, and categories."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from gradax import dtypes, lax
from gradax.api.jit import jit
from gradax.core.value import as_value
from gradax.errors import ArgumentError, DtypeError, ShapeError, at_user_line
from gradax.random.bits import (
    float_dtype,
    float_value,
    result_shape,
    rounded,
    two_parts,
    uniform_of,
    unit_interval,
    wide_dtype,
)
from gradax.random.keys import Shape, as_shape, broadcast, checked, split_into, typed
from gradax.random.stream import erf, erf_inv, log, log1p


def constant(x: Any, dtype: Any) -> Any:
    """Return a number as a rank-0 NumPy constant."""
    return np.asarray(x).astype(dtype)


def normal_of(key: Any, shape: Any, dtype: Any) -> Any:
    """Return normal numbers by the inverse of their distribution function."""
    if dtypes.issubdtype(dtype, np.complexfloating):
        part = np.zeros((), dtype).real.dtype
        real, imag = (normal_of(k, shape, part) for k in split_into(key, 2))
        return lax.div(lax.complex(real, imag), constant(np.sqrt(2), dtype))
    low = np.nextafter(constant(-1, dtype), constant(0, dtype), dtype=dtype)
    drawn = uniform_of(key, shape, dtype, low, np.ones((), dtype))
    root = constant(constant(np.sqrt(2), dtype), drawn.dtype)
    out = lax.mul(root, rounded(erf_inv(drawn), dtype))
    return lax.convert_element_type(out, dtype)


@jit(static_argnums=(1, 2))
def _normal(key: Any, shape: Any, dtype: Any) -> Any:
    return normal_of(typed(key), shape, dtype)


def normal(key: Any, shape: Shape = (), dtype: Any = None, *, out_sharding: Any = None) -> Any:
    """Return standard normal random numbers.

    Errors: TypeError for a dtype that is not inexact.
    Accuracy: the inverse error function's, of uniform numbers of 23 (52) bits.
    """
    value = checked(key, "normal")
    found = dtypes.check_user_dtype(float if dtype is None else dtype, "random.normal")
    if not dtypes.issubdtype(found, np.inexact):
        raise DtypeError(f"random.normal: a float or complex dtype; got {found}.{at_user_line()}")
    return _normal(value, as_shape(shape, "normal"), found)


@jit(static_argnums=(3, 4))
def _truncated_normal(key: Any, low: Any, high: Any, shape: Any, dtype: Any) -> Any:
    low, high = (lax.convert_element_type(v, dtype) for v in (low, high))
    wide = wide_dtype(dtype)
    root = constant(constant(np.sqrt(2), dtype), wide)
    scale = np.ones((), wide) / root
    parts = [rounded(lax.mul(lax.convert_element_type(v, wide), scale), dtype) for v in (low, high)]
    a, b = (rounded(erf(v), dtype) for v in parts)
    drawn = rounded(erf_inv(uniform_of(typed(key), shape, dtype, a, b)), dtype)
    out = lax.convert_element_type(lax.mul(root, drawn), dtype)
    inf = constant(np.inf, dtype)
    least = lax.nextafter(lax.stop_gradient(low), broadcast(inf, np.shape(low)))
    most = lax.nextafter(lax.stop_gradient(high), broadcast(lax.neg(inf), np.shape(high)))
    return lax.clamp(broadcast(least, shape), out, broadcast(most, shape))


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
    value = checked(key, "truncated_normal")
    found = float_dtype(dtype, "truncated_normal")
    size = result_shape(shape, "truncated_normal", lower, upper)
    return _truncated_normal(value, as_value(lower), as_value(upper), size, found)


def exponential_of(key: Any, shape: Any, dtype: Any) -> Any:
    """Return exponential numbers, in the wide dtype of `dtype`."""
    return lax.neg(rounded(log1p(lax.neg(unit_interval(key, shape, dtype))), dtype))


@jit(static_argnums=(1, 2))
def _exponential(key: Any, shape: Any, dtype: Any) -> Any:
    return lax.convert_element_type(exponential_of(typed(key), shape, dtype), dtype)


def exponential(key: Any, shape: Shape = (), dtype: Any = None, *, out_sharding: Any = None) -> Any:
    """Return exponential random numbers of rate 1."""
    value, found = checked(key, "exponential"), float_dtype(dtype, "exponential")
    return _exponential(value, as_shape(shape, "exponential"), found)


def gumbel_of(key: Any, shape: Any, dtype: Any, mode: str = "low") -> Any:
    """Return Gumbel numbers, in the wide dtype; the mode "high" has more bits in the upper tail."""
    tiny, one = constant(dtypes.finfo(dtype).tiny, dtype), np.ones((), dtype)
    if mode == "low":
        inner = rounded(log(uniform_of(key, shape, dtype, tiny, one)), dtype)
        return lax.neg(rounded(log(lax.neg(inner)), dtype))
    high, low = two_parts(uniform_of(key, (2, *shape), dtype, tiny, one), dtype)
    # Above a half the sum could round up to 1.
    is_small = lax.lt(high, constant(0.5, high.dtype))
    rest = lax.select(is_small, rounded(lax.add(high, low), dtype), high)
    inner = rounded(log1p(lax.neg(rest)), dtype)
    return lax.neg(rounded(log(lax.neg(inner)), dtype))


@jit(static_argnums=(1, 2, 3))
def _gumbel(key: Any, shape: Any, dtype: Any, mode: str) -> Any:
    return lax.convert_element_type(gumbel_of(typed(key), shape, dtype, mode), dtype)


def gumbel_mode(mode: str | None, name: str) -> str:
    """Return the mode asked for, "low" by default.

    Errors: ValueError for any other name.
    """
    if mode not in (None, "low", "high"):
        raise ArgumentError(
            f"random.{name}: the mode is 'low' or 'high'; got {mode!r}.{at_user_line()}"
        )
    return mode or "low"


def gumbel(
    key: Any,
    shape: Shape = (),
    dtype: Any = None,
    mode: str | None = None,
    *,
    out_sharding: Any = None,
) -> Any:
    """Return random numbers of the standard Gumbel distribution."""
    value, found = checked(key, "gumbel"), float_dtype(dtype, "gumbel")
    return _gumbel(value, as_shape(shape, "gumbel"), found, gumbel_mode(mode, "gumbel"))


@jit(static_argnums=(1, 2))
def _laplace(key: Any, shape: Any, dtype: Any) -> Any:
    low = constant(-1 + dtypes.finfo(dtype).epsneg, dtype)
    drawn = uniform_of(typed(key), shape, dtype, low, np.ones((), dtype))
    out = lax.mul(lax.sign(drawn), rounded(log1p(lax.neg(lax.abs(drawn))), dtype))
    return lax.convert_element_type(out, dtype)


def laplace(key: Any, shape: Shape = (), dtype: Any = None, *, out_sharding: Any = None) -> Any:
    """Return random numbers of the standard Laplace distribution."""
    value, found = checked(key, "laplace"), float_dtype(dtype, "laplace")
    return _laplace(value, as_shape(shape, "laplace"), found)


@jit(static_argnums=(2, 3, 4))
def _categorical(key: Any, logits: Any, axis: int, extra: Any, mode: str) -> Any:
    shape = (*extra, *logits.shape)
    noise = gumbel_of(typed(key), shape, np.dtype(logits.dtype), mode)
    wide = lax.convert_element_type(broadcast(logits, shape), noise.dtype)
    perturbed = rounded(lax.add(noise, wide), logits.dtype)
    return lax.argmax(perturbed, axis + len(extra), dtypes.canonicalize_dtype(np.int64))


@jit(static_argnums=(2, 3, 4))
def _distinct_categories(key: Any, logits: Any, axis: int, extra: Any, mode: str) -> Any:
    noise = gumbel_of(typed(key), logits.shape, np.dtype(logits.dtype), mode)
    order = [i for i in range(logits.ndim) if i != axis] + [axis]
    wide = lax.convert_element_type(logits, noise.dtype)
    perturbed = lax.transpose(rounded(lax.add(noise, wide), logits.dtype), order)
    _, places = lax.top_k(perturbed, prod(extra))
    front = [places.ndim - 1, *range(places.ndim - 1)]
    return lax.reshape(lax.transpose(places, front), (*extra, *places.shape[:-1]))


def categorical(
    key: Any,
    logits: Any,
    axis: int = -1,
    shape: Shape | None = None,
    replace: bool = True,
    mode: str | None = None,
    *,
    out_sharding: Any = None,
) -> Any:
    """Return random indices along `axis` with log-probabilities `logits` (up to a constant).

    Without replacement the indices along the leading axes of `shape` are distinct.
    Shapes: logits without axis are the last axes of shape, and all of it by default.
    Errors: ValueError when shape does not end in the batch shape.
    """
    value = checked(key, "categorical")
    logits = float_value(logits, "categorical", "logits")
    if not -logits.ndim <= axis < logits.ndim:
        raise ShapeError(
            f"random.categorical: axis {axis} is outside logits of {logits.ndim} axes."
            f"{at_user_line()}"
        )
    axis = axis % logits.ndim
    batch = tuple(n for i, n in enumerate(logits.shape) if i != axis)
    wanted = batch if shape is None else as_shape(shape, "categorical")
    if len(wanted) < len(batch) or wanted[len(wanted) - len(batch) :] != batch:
        raise ShapeError(
            f"random.categorical: the shape {wanted} must end in the batch shape {batch}."
            f"{at_user_line()}"
        )
    extra = wanted[: len(wanted) - len(batch)]
    draw = _categorical if replace else _distinct_categories
    if not replace and prod(extra) > logits.shape[axis]:
        raise ArgumentError(
            f"random.categorical: {prod(extra)} draws without replacement of {logits.shape[axis]}"
            f" categories.{at_user_line()}"
        )
    return draw(value, logits, axis, extra, gumbel_mode(mode, "categorical"))
