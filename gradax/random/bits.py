"""Random bits and what is made of them directly: uniform numbers, integers, coin throws."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import dtypes, lax
from gradax.api.jit import jit
from gradax.core.value import as_value
from gradax.errors import ArgumentError, DtypeError, ShapeError, at_user_line
from gradax.random.keys import (
    Shape,
    as_shape,
    broadcast,
    checked,
    partitionable,
    split_into,
    typed,
)
from gradax.random.operations import UNSIGNED, RandomBits
from gradax.random.stream import fma


def raw_bits(key: Any, width: int, shape: tuple[int, ...]) -> Any:
    """Return unsigned integers of `width` random bits of a typed key."""
    return RandomBits(width, shape, partitionable())(key)


@jit(static_argnums=(1, 2))
def _bits(key: Any, shape: Any, width: Any) -> Any:
    return raw_bits(typed(key), width, shape)


def bits(key: Any, shape: Shape = (), dtype: Any = None, *, out_sharding: Any = None) -> Any:
    """Return uniform random unsigned integers.

    Errors: TypeError for a dtype that is no unsigned integer.
    """
    value = checked(key, "bits")
    if dtype is None:
        found = dtypes.canonicalize_dtype(np.uint64)
    else:
        found = dtypes.check_user_dtype(dtype, "random.bits")
    if not dtypes.issubdtype(found, np.unsignedinteger) or found.itemsize * 8 not in UNSIGNED:
        raise DtypeError(f"random.bits: an unsigned integer dtype; got {found}.{at_user_line()}")
    return _bits(value, as_shape(shape, "bits"), found.itemsize * 8)


def float_dtype(dtype: Any, name: str) -> Any:
    """Return the floating dtype asked for, float32 (float64 under enable_x64) by default.

    Errors: TypeError for another dtype.
    """
    found = dtypes.check_user_dtype(float if dtype is None else dtype, f"random.{name}")
    if not dtypes.issubdtype(found, np.floating):
        raise DtypeError(f"random.{name}: a floating dtype; got {found}.{at_user_line()}")
    return found


def result_shape(shape: Any, name: str, *params: Any) -> tuple[int, ...]:
    """Return the shape asked for, that of the parameters together when None.

    Errors: ValueError when the parameters do not broadcast to it.
    """
    shapes = [np.shape(p) for p in params]
    if shape is not None and not any(shapes):
        return as_shape(shape, name)
    try:
        common = lax.broadcast_shapes(*shapes)
    except (ValueError, TypeError):
        got = " and ".join(map(str, shapes))
        raise ShapeError(
            f"Incompatible shapes for random.{name}: got {got}.{at_user_line()}"
        ) from None
    if shape is None:
        return common
    wanted = as_shape(shape, name)
    fits = len(common) <= len(wanted) and all(
        a in (1, b) for a, b in zip(common[::-1], wanted[::-1], strict=False)
    )
    if not fits:
        raise ShapeError(
            f"random.{name}: parameters of shape {common} do not broadcast to the shape {wanted}."
            f"{at_user_line()}"
        )
    return wanted


def wide_dtype(dtype: Any) -> Any:
    """Return the dtype in which samples of `dtype` are computed: float32 for shorter ones."""
    return np.dtype(np.float32) if dtypes.finfo(dtype).bits < 32 else np.dtype(dtype)


def rounded(x: Any, dtype: Any) -> Any:
    """Return a number of a wide dtype rounded to what `dtype` holds.

    Compiled code rounds short floats only where they are stored; samples depend on every rounding.
    """
    if x.dtype == dtype:
        return x
    return lax.convert_element_type(lax.convert_element_type(x, dtype), x.dtype)


def unit_interval(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return uniform numbers in [0, 1), random mantissas of `dtype`, in its wide dtype."""
    info = dtypes.finfo(dtype)
    n_bits, mantissa = info.bits, info.nmant
    width = 8 if mantissa < 8 else n_bits
    unsigned = UNSIGNED[n_bits]
    random = raw_bits(key, width, shape)
    random = lax.convert_element_type(random, unsigned) if width != n_bits else random
    one = np.ones((), dtype).view(unsigned)
    shift = np.asarray(width - mantissa, unsigned)
    pattern = lax.bitwise_or(lax.shift_right_logical(random, shift), np.asarray(one, unsigned))
    floats = lax.convert_element_type(lax.bitcast_convert_type(pattern, dtype), wide_dtype(dtype))
    return lax.sub(floats, np.ones((), wide_dtype(dtype)))


def uniform_of(key: Any, shape: Any, dtype: Any, low: Any, high: Any) -> Any:
    """Return uniform numbers in [low, high), in the wide dtype of `dtype`.

    The bounds are numbers of `dtype`, or wide ones that it holds.
    """
    wide = wide_dtype(dtype)
    floats = unit_interval(key, shape, dtype)
    low, high = (lax.convert_element_type(v, wide) for v in (low, high))
    low, high = (broadcast(v, shape) if v.ndim else v for v in (low, high))
    span = rounded(lax.sub(high, low), dtype)
    if wide == dtype:
        return lax.max(low, fma(floats, span, low))
    return lax.max(low, rounded(lax.add(rounded(lax.mul(floats, span), dtype), low), dtype))


@jit(static_argnums=(3, 4))
def _uniform(key: Any, low: Any, high: Any, shape: Any, dtype: Any) -> Any:
    low, high = (lax.convert_element_type(v, dtype) for v in (low, high))
    return lax.convert_element_type(uniform_of(typed(key), shape, dtype, low, high), dtype)


def uniform(
    key: Any,
    shape: Shape | None = (),
    dtype: Any = None,
    minval: Any = 0.0,
    maxval: Any = 1.0,
    *,
    out_sharding: Any = None,
) -> Any:
    """Return uniform random numbers in [minval, maxval).

    Shapes: minval, maxval broadcast to shape.
    Errors: TypeError for a dtype that is not floating.
    """
    value = checked(key, "uniform")
    found = float_dtype(dtype, "uniform")
    size = result_shape(shape, "uniform", minval, maxval)
    return _uniform(value, as_value(minval), as_value(maxval), size, found)


def randint_of(key: Any, shape: Any, dtype: Any, low: Any, high: Any, past_end: Any) -> Any:
    """Return uniform integers in [low, high), of twice the bits modulo the span.

    Where `past_end` holds, the dtype's largest integer, which `high` then is, belongs to the
    interval.
    """
    width = max(32, dtype.itemsize * 8)
    unsigned = UNSIGNED[width]
    low, high = broadcast(low, shape), broadcast(high, shape)
    first, second = (raw_bits(k, width, shape) for k in split_into(key, 2))
    wide_low, wide_high = (lax.convert_element_type(v, unsigned) for v in (low, high))
    span = lax.sub(wide_high, wide_low)
    span = lax.select(lax.le(high, low), lax.full_like(span, 1), span)
    if past_end is not None:
        grows = lax.bitwise_and(broadcast(past_end, shape), lax.gt(high, low))
        span = lax.select(grows, lax.add(span, np.ones((), unsigned)), span)
    multiplier = lax.rem(lax.full_like(span, 2 ** (width // 2)), span)
    multiplier = lax.rem(lax.mul(multiplier, multiplier), span)
    offset = lax.add(lax.mul(lax.rem(first, span), multiplier), lax.rem(second, span))
    return lax.convert_element_type(lax.add(wide_low, lax.rem(offset, span)), dtype)


def past_end_of(x: Any, dtype: Any) -> Any:
    """Return whether a bound is above what `dtype` holds, None when it cannot be."""
    most = int(dtypes.iinfo(dtype).max)
    if isinstance(x, int):
        return np.asarray(True) if x > most else None
    if int(dtypes.iinfo(x.dtype).max) <= most:
        return None
    return lax.gt(x, np.asarray(most, x.dtype))


def clamped(x: Any, dtype: Any) -> Any:
    """Return an integer bound as `dtype`, kept within what it holds."""
    info = dtypes.iinfo(dtype)
    if isinstance(x, int):
        return np.asarray(min(max(x, int(info.min)), int(info.max)), dtype)
    own = dtypes.iinfo(x.dtype)
    bounds = (max(int(info.min), int(own.min)), min(int(info.max), int(own.max)))
    least, most = (np.asarray(bound, x.dtype) for bound in bounds)
    return lax.convert_element_type(lax.clamp(least, x, most), dtype)


@jit(static_argnums=(4, 5))
def _randint(key: Any, low: Any, high: Any, past_end: Any, shape: Any, dtype: Any) -> Any:
    return randint_of(typed(key), shape, dtype, low, high, past_end)


def randint(
    key: Any, shape: Any, minval: Any, maxval: Any, dtype: Any = None, *, out_sharding: Any = None
) -> Any:
    """Return uniform random integers in [minval, maxval).

    Bounds outside the dtype mean its ends, so that a large `maxval` includes its largest integer.
    Shapes: minval, maxval: integers that broadcast to shape.
    Errors: TypeError for bounds or a dtype that are no integers.
    """
    value = checked(key, "randint")
    found = dtypes.check_user_dtype(int if dtype is None else dtype, "random.randint")
    if not dtypes.issubdtype(found, np.integer) or found.itemsize * 8 not in UNSIGNED:
        raise DtypeError(f"random.randint: an integer dtype; got {found}.{at_user_line()}")
    low, high = integer_bound(minval), integer_bound(maxval)
    size = result_shape(shape, "randint", low, high)
    past_end = past_end_of(high, found)
    return _randint(value, clamped(low, found), clamped(high, found), past_end, size, found)


def integer_bound(x: Any) -> Any:
    """Return a bound as a Python integer or an integer array.

    Errors: TypeError for a bound that is no integer.
    """
    if isinstance(x, (int, np.integer)) and not isinstance(x, (bool, np.bool_)):
        return int(x)
    value = as_value(x)
    if dtypes.is_extended(value.dtype) or not dtypes.issubdtype(value.dtype, np.integer):
        raise DtypeError(f"random.randint: bounds are integers; got {value.aval}.{at_user_line()}")
    return value


@jit(static_argnums=(2, 3))
def _bernoulli(key: Any, p: Any, shape: Any, mode: str) -> Any:
    key, dtype = typed(key), np.dtype(p.dtype)
    p = broadcast(lax.convert_element_type(p, wide_dtype(dtype)), shape)
    if mode == "low":
        return lax.lt(unit_interval(key, shape, dtype), p)
    high, low = two_parts(unit_interval(key, (2, *shape), dtype), dtype)
    return lax.lt(low, rounded(lax.sub(p, high), dtype))


def two_parts(pair: Any, dtype: Any) -> tuple[Any, Any]:
    """Return the first of a pair of numbers, and the second scaled to the digits after its last."""
    high, low = (lax.index_in_dim(pair, k, 0, keepdims=False) for k in (0, 1))
    scale = np.asarray(2.0 ** -dtypes.finfo(dtype).nmant, pair.dtype)
    return high, lax.mul(low, scale)


def bernoulli(
    key: Any,
    p: Any = 0.5,
    shape: Shape | None = None,
    mode: str = "low",
    *,
    out_sharding: Any = None,
) -> Any:
    """Return random bools that are True with probability `p`.

    `mode="high"` compares with twice the bits, for probabilities that are very small.
    Shapes: p broadcasts to shape, which is p's by default.
    Errors: TypeError unless p is floating.
    """
    value = checked(key, "bernoulli")
    if mode not in ("low", "high"):
        raise ArgumentError(
            f"random.bernoulli: the mode is 'low' or 'high'; got {mode!r}.{at_user_line()}"
        )
    chance = float_value(p, "bernoulli", "p")
    size = result_shape(shape, "bernoulli", chance)
    return _bernoulli(value, chance, size, mode)


def float_value(x: Any, name: str, param: str) -> Any:
    """Return a parameter as a floating array; integers and bools become floats.

    Errors: TypeError for any other dtype.
    """
    value = as_value(x)
    if dtypes.issubdtype(value.dtype, np.floating):
        return value
    if dtypes.issubdtype(value.dtype, np.integer) or value.dtype == np.bool_:
        return lax.convert_element_type(value, dtypes.canonicalize_dtype(np.float64))
    raise DtypeError(f"random.{name}: {param} is a float; got {value.aval}.{at_user_line()}")
