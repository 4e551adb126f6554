"""Permutations and choices."""

from __future__ import annotations

from math import ceil, log, prod
from typing import Any

import numpy as np

from gradax import dtypes, lax
from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.core.value import as_value
from gradax.errors import DtypeError, ShapeError, at_user_line
from gradax.random.bits import randint, raw_bits, uniform
from gradax.random.distributions import gumbel
from gradax.random.keys import Shape, as_shape, partitionable, raw, split_words


def shuffle_of(words: Any, x: Any, axis: int, newer: bool) -> Any:
    """Shuffle along an axis by sorting random numbers, as often as makes ties unlikely to matter."""
    exponent = 3
    n = max(1, x.size)
    n_rounds = ceil(exponent * log(n) / log(np.iinfo(np.uint32).max))
    for _ in range(n_rounds):
        keys = split_words(words, (2,), newer)
        words, own = (lax.reshape(lax.slice(keys, (k, 0), (k + 1, 2)), (2,)) for k in (0, 1))
        order = raw_bits(own, 32, x.shape, newer)
        _, x = lax.sort_key_val(order, x, axis)
    return x


_shuffle = jit(shuffle_of, static_argnums=(2, 3))


def permutation_of(words: Any, x: Any, axis: int, newer: bool) -> Any:
    """Permute slices along an axis by a shuffled index."""
    order = shuffle_of(words, lax.iota(np.dtype(np.int32), x.shape[axis]), 0, newer)
    return gnp.take(x, order, axis)


_permutation = jit(permutation_of, static_argnums=(2, 3))


def permutation(
    key: Any, x: Any, axis: int = 0, independent: bool = False, *, out_sharding: Any = None
) -> Any:
    """Return `x` permuted along `axis`, or the permuted integers below an integer `x`.

    With `independent` every one-dimensional slice is permuted on its own.
    """
    words, _ = raw(key, "permutation")
    value = as_value(x)
    if value.ndim == 0:
        if not dtypes.issubdtype(value.dtype, np.integer):
            raise DtypeError(
                f"random.permutation: x is an integer or an array; got {value.aval}.{at_user_line()}"
            )
        value = lax.iota(dtypes.canonicalize_dtype(np.int64), int(value))
        return _shuffle(words, value, 0, partitionable())
    if not -value.ndim <= axis < value.ndim:
        raise ShapeError(
            f"random.permutation: axis {axis} is outside {value.ndim} axes.{at_user_line()}"
        )
    axis = axis % value.ndim
    if independent or value.ndim == 1:
        return _shuffle(words, value, axis, partitionable())
    return _permutation(words, value, axis, partitionable())


def choice(
    key: Any,
    a: Any,
    shape: Shape = (),
    replace: bool = True,
    p: Any = None,
    axis: int = 0,
    mode: Any = None,
) -> Any:
    """Return random elements of `a` (or integers below an integer `a`), with weights `p`.

    Shapes: a: T[…, n, …] -> T[shape + the other axes].
    Errors: ValueError for more draws than elements without replacement.
    """
    raw(key, "choice")
    wanted = as_shape(shape, "choice")
    values = as_value(a)
    count = int(values) if values.ndim == 0 else values.shape[axis]
    draws = prod(wanted)
    if count <= 0 and draws:
        raise ValueError(f"random.choice: nothing to choose from.{at_user_line()}")
    if not replace and draws > count:
        raise ValueError(
            f"random.choice: {draws} draws without replacement of {count} elements.{at_user_line()}"
        )
    if p is not None and np.shape(p) != (count,):
        raise ShapeError(
            f"random.choice: p has an entry for each of {count} elements; got shape {np.shape(p)}."
            f"{at_user_line()}"
        )
    places = chosen(key, count, wanted, draws, replace, p)
    if values.ndim == 0:
        return places
    return gnp.take(values, places, axis)


def chosen(key: Any, count: int, shape: tuple[int, ...], draws: int, replace: bool, p: Any) -> Any:
    """Return the indices of a choice."""
    if p is None:
        if replace:
            return randint(key, shape, 0, count)
        return lax.reshape(lax.slice(permutation(key, count), (0,), (draws,)), shape)
    weights = as_value(p)
    if not dtypes.issubdtype(weights.dtype, np.floating):
        weights = lax.convert_element_type(weights, dtypes.canonicalize_dtype(np.float64))
    if replace:
        total = lax.cumsum(weights)
        top = lax.slice(total, (count - 1,), (count,))
        drawn = lax.sub(np.ones((), weights.dtype), uniform(key, shape, weights.dtype))
        return gnp.searchsorted(total, lax.mul(lax.reshape(top, ()), drawn))
    noise = lax.add(gumbel(key, (count,), weights.dtype), lax.log(weights))
    return lax.reshape(lax.top_k(noise, draws)[1], shape)
