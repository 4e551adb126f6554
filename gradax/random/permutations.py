"""Permutations and choices."""

from __future__ import annotations

from math import ceil, log, prod
from typing import Any

import numpy as np

from gradax import dtypes, lax
from gradax.api.jit import jit
from gradax.core.value import as_value, is_value
from gradax.errors import ArgumentError, DtypeError, ShapeError, at_user_line
from gradax.random.bits import randint, raw_bits, uniform
from gradax.random.distributions import gumbel
from gradax.random.keys import Shape, as_shape, checked, split_into, typed
from gradax.sizes import is_open


def shuffled(key: Any, x: Any, axis: int) -> Any:
    """Shuffle along an axis by sorting random numbers, so often that ties hardly ever matter."""
    for _ in range(rounds(x.size)):
        key, own = split_into(key, 2)
        _, x = lax.sort_key_val(raw_bits(own, 32, x.shape), x, axis)
    return x


def rounds(n: Any, exponent: int = 3) -> int:
    """Return in how many rounds `n` elements are shuffled."""
    if not is_open(n):
        return ceil(exponent * log(max(1, n)) / log(np.iinfo(np.uint32).max))
    return next(k for k in range(1, 8) if n <= int(np.iinfo(np.uint32).max ** (k / exponent)))


def take(x: Any, places: Any, axis: int) -> Any:
    """Return the elements of `x` at integer positions, in range, along an axis.

    Shapes: x: T[..., n, ...], places: int[s] -> T[..., s, ...].
    """
    flat = lax.reshape(places, (*places.shape, 1))
    start = range(x.ndim - 1 + places.ndim)
    numbers = lax.GatherDimensionNumbers(
        offset_dims=tuple(i for i in start if not axis <= i < axis + places.ndim),
        collapsed_slice_dims=(axis,),
        start_index_map=(axis,),
    )
    sizes = tuple(1 if i == axis else n for i, n in enumerate(x.shape))
    return lax.gather(x, flat, numbers, sizes, mode="clip")


@jit(static_argnums=2)
def _shuffle(key: Any, x: Any, axis: int) -> Any:
    return shuffled(typed(key), x, axis)


@jit(static_argnums=1)
def _permuted_range(key: Any, n: int) -> Any:
    return shuffled(typed(key), lax.iota(dtypes.canonicalize_dtype(np.int64), n), 0)


@jit(static_argnums=2)
def _permutation(key: Any, x: Any, axis: int) -> Any:
    order = shuffled(typed(key), lax.iota(np.dtype(np.int32), x.shape[axis]), 0)
    return take(x, order, axis)


def as_axis(axis: int, value: Any, name: str) -> int:
    """Return an axis counted from the front.

    Errors: ValueError for an axis that the array does not have.
    """
    if not -value.ndim <= axis < value.ndim:
        raise ShapeError(
            f"random.{name}: axis {axis} is outside {value.ndim} axes.{at_user_line()}"
        )
    return axis % value.ndim


def as_count(x: Any, name: str) -> int | None:
    """Return an integer scalar as a Python integer, None for an array.

    Errors: TypeError for another scalar.
    """
    if is_open(x):
        return x
    if isinstance(x, (int, np.integer)) and not isinstance(x, bool):
        return int(x)
    if np.ndim(x):
        return None
    value = as_value(x)
    if dtypes.is_extended(value.dtype) or not dtypes.issubdtype(value.dtype, np.integer):
        raise DtypeError(
            f"random.{name}: expected an integer or an array; got {value.aval}.{at_user_line()}"
        )
    return int(value)


def permutation(
    key: Any, x: Any, axis: int = 0, independent: bool = False, *, out_sharding: Any = None
) -> Any:
    """Return `x` permuted along `axis`, or the permuted integers below an integer `x`.

    With `independent` every one-dimensional slice is permuted on its own.
    """
    value = checked(key, "permutation")
    x = x if is_value(x) else np.asarray(x)
    count = as_count(x, "permutation")
    if count is not None:
        return _permuted_range(value, max(count, 0))
    x = as_value(x)
    axis = as_axis(axis, x, "permutation")
    if independent or x.ndim == 1:
        return _shuffle(value, x, axis)
    return _permutation(value, x, axis)


def choice(
    key: Any,
    a: Any,
    shape: Shape = (),
    replace: bool = True,
    p: Any = None,
    axis: int = 0,
    mode: str | None = None,
    *,
    out_sharding: Any = None,
) -> Any:
    """Return random elements of `a` (or integers below an integer `a`), with weights `p`.

    Shapes: a: T[..., n, ...] -> T[..., shape, ...], the axis replaced by shape.
    Errors: ValueError for more draws than elements without replacement.
    """
    value = checked(key, "choice")
    wanted = as_shape(shape, "choice")
    a = a if is_value(a) else np.asarray(a)
    size = as_count(a, "choice")
    values: Any = None
    count = size
    if count is None:
        values = as_value(a)
        axis = as_axis(axis, values, "choice")
        count = values.shape[axis]
    draws = prod(wanted)
    if draws == 0:
        return empty_choice(values, wanted, axis)
    if count <= 0:
        raise ArgumentError(f"random.choice: nothing to choose from.{at_user_line()}")
    if not replace and draws > count:
        raise ArgumentError(
            f"random.choice: {draws} draws without replacement of {count} elements.{at_user_line()}"
        )
    if p is not None and np.shape(p) != (count,):
        raise ShapeError(
            f"random.choice: p has an entry for each of {count} elements; got shape {np.shape(p)}."
            f"{at_user_line()}"
        )
    places = chosen(value, count, wanted, draws, replace, p, mode)
    return places if values is None else take(values, places, axis)


def empty_choice(values: Any, shape: tuple[int, ...], axis: int) -> Any:
    """Return a choice of no elements."""
    if values is None:
        return lax.full(shape, 0, dtypes.canonicalize_dtype(np.int64))
    return lax.full((*values.shape[:axis], *shape, *values.shape[axis + 1 :]), 0, values.dtype)


def chosen(
    key: Any,
    count: int,
    shape: tuple[int, ...],
    draws: int,
    replace: bool,
    p: Any,
    mode: str | None,
) -> Any:
    """Return the indices of a choice."""
    if p is None:
        if replace:
            return randint(key, shape, 0, count)
        return lax.reshape(lax.slice(permutation(key, count), (0,), (draws,)), shape)
    weights = as_value(p)
    if not dtypes.issubdtype(weights.dtype, np.floating):
        weights = lax.convert_element_type(weights, dtypes.canonicalize_dtype(np.float64))
    index = dtypes.canonicalize_dtype(np.int64)
    if not replace:
        noise = lax.add(gumbel(key, (count,), weights.dtype, mode), lax.log(weights))
        return lax.convert_element_type(lax.reshape(lax.top_k(noise, draws)[1], shape), index)
    total = lax.cumsum(weights)
    top = lax.reshape(lax.slice(total, (count - 1,), (count,)), ())
    drawn = lax.sub(np.ones((), weights.dtype), uniform(key, shape, weights.dtype))
    return first_at_least(total, lax.mul(top, drawn))


def n_halvings(n: Any) -> int:
    """Return how often an interval of n places is halved until none is left, or more often."""
    return next(k for k in (16, 31, 63) if n < 1 << k) if is_open(n) else n.bit_length()


def first_at_least(ascending: Any, x: Any) -> Any:
    """Return how many of the ascending numbers are below each `x`: by halving an interval.

    Shapes: T[n], T[s] -> int[s].
    """
    (n,) = ascending.shape
    index = dtypes.canonicalize_dtype(np.int64)
    low, high = lax.full(x.shape, 0, index), lax.full(x.shape, n, index)
    for _ in range(n_halvings(n)):
        middle = lax.div(lax.add(low, high), lax.full_like(low, 2))
        is_below = lax.lt(take(ascending, middle, 0), x)
        is_left = lax.lt(low, high)
        low, high = (
            lax.select(
                lax.bitwise_and(is_left, is_below), lax.add(middle, lax.full_like(low, 1)), low
            ),
            lax.select(lax.bitwise_and(is_left, lax.bitwise_not(is_below)), middle, high),
        )
    return low
