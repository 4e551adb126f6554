"""Random bits and what is made of them directly: uniform numbers, integers, coin throws."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from gradax import dtypes, lax
from gradax.api.jit import jit
from gradax.core.value import as_value
from gradax.errors import DtypeError, ShapeError, at_user_line
from gradax.lax.shapes import Reshape
from gradax.random.keys import (
    U32,
    Shape,
    as_shape,
    broadcast,
    counters,
    encrypt,
    halves,
    partitionable,
    raw,
    split_words,
)
from gradax.random.threefry import Threefry2x32

UNSIGNED = {8: np.dtype(np.uint8), 16: np.dtype(np.uint16), 32: U32, 64: np.dtype(np.uint64)}


def raw_bits(words: Any, width: int, shape: tuple[int, ...], newer: bool) -> Any:
    """Return unsigned integers of `width` random bits.

    Shapes: words u32[2] -> uint{width}[shape].
    """
    if newer:
        return partitionable_bits(words, width, shape)
    size = prod(shape)
    n_words = -(-width * size // 32)
    bits = encrypt(words, lax.iota(U32, n_words))
    unsigned = UNSIGNED[width]
    if width == 64:
        half = n_words // 2
        high, low = (lax.convert_element_type(lax.slice(bits, (a,), (a + half,)), unsigned)
                     for a in (0, half))  # fmt: skip
        bits = lax.bitwise_or(lax.shift_left(high, np.asarray(32, unsigned)), low)
    elif width < 32:
        per_word = 32 // width
        amounts = lax.mul(np.uint32(width), lax.broadcasted_iota(U32, (per_word, 1), 0))
        wide = lax.broadcast_in_dim(bits, (per_word, n_words), (1,))
        amounts = lax.broadcast_in_dim(amounts, (per_word, n_words), (0, 1))
        parts = lax.bitwise_and(
            np.uint32(2**width - 1), lax.shift_right_logical(wide, amounts)
        )
        flat = lax.reshape(lax.transpose(parts, (1, 0)), (n_words * per_word,))
        bits = lax.convert_element_type(lax.slice(flat, (0,), (size,)), unsigned)
    return lax.reshape(bits, shape)


def partitionable_bits(words: Any, width: int, shape: tuple[int, ...]) -> Any:
    """Return bits of the newer stream, in which every element has a counter of its own."""
    k0, k1 = halves(words)
    high, low = Threefry2x32()(k0, k1, *counters(shape))
    unsigned = UNSIGNED[width]
    if width == 64:
        high, low = (lax.convert_element_type(w, unsigned) for w in (high, low))
        return lax.bitwise_or(lax.shift_left(high, np.asarray(32, unsigned)), low)
    mixed = lax.bitwise_xor(high, low)
    return mixed if width == 32 else lax.convert_element_type(mixed, unsigned)


def bits(key: Any, shape: Shape = (), dtype: Any = None, *, out_sharding: Any = None) -> Any:
    """Return uniform random unsigned integers.

    Errors: TypeError for a dtype that is no unsigned integer.
    """
    words, _ = raw(key, "bits")
    found = dtypes.canonicalize_dtype(np.uint64 if dtype is None else dtypes.jax_dtype(dtype))
    if not dtypes.issubdtype(found, np.unsignedinteger):
        raise DtypeError(f"random.bits: an unsigned integer dtype; got {found}.{at_user_line()}")
    return _bits(words, found.itemsize * 8, as_shape(shape, "bits"), partitionable())


_bits = jit(raw_bits, static_argnums=(1, 2, 3))


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
    try:
        common = np.broadcast_shapes(*shapes)
    except ValueError:
        common = None
    if common is None:
        got = " and ".join(map(str, shapes))
        raise ShapeError(f"Incompatible shapes for random.{name}: got {got}.{at_user_line()}")
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


def unit_interval(words: Any, shape: tuple[int, ...], dtype: Any, newer: bool) -> Any:
    """Return uniform numbers in [0, 1): random mantissas."""
    info = dtypes.finfo(dtype)
    n_bits, mantissa = info.bits, info.nmant
    width = 8 if mantissa < 8 else n_bits
    random = raw_bits(words, width, shape, newer)
    unsigned = UNSIGNED[n_bits]
    random = lax.convert_element_type(random, unsigned) if width != n_bits else random
    one = np.ones((), dtype).view(unsigned)
    shift = np.asarray(width - mantissa, unsigned)
    pattern = lax.bitwise_or(lax.shift_right_logical(random, shift), np.asarray(one, unsigned))
    return lax.sub(lax.bitcast_convert_type(pattern, dtype), np.ones((), dtype))


def uniform_of(words: Any, low: Any, high: Any, shape: Any, dtype: Any, newer: bool) -> Any:
    """Return uniform numbers in [low, high)."""
    floats = unit_interval(words, shape, dtype, newer)
    low, high = (broadcast(lax.convert_element_type(v, dtype), shape) for v in (low, high))
    return lax.max(low, lax.add(lax.mul(floats, lax.sub(high, low)), low))


_uniform = jit(uniform_of, static_argnums=(3, 4, 5))


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
    words, _ = raw(key, "uniform")
    found = float_dtype(dtype, "uniform")
    size = result_shape(shape, "uniform", minval, maxval)
    return _uniform(words, as_value(minval), as_value(maxval), size, found, partitionable())


def randint_of(words: Any, low: Any, high: Any, shape: Any, dtype: Any, newer: bool) -> Any:
    """Return uniform integers in [low, high), of twice the bits modulo the span."""
    width = dtype.itemsize * 8
    unsigned = UNSIGNED[width]
    info = dtypes.iinfo(dtype)
    high_out_of_range = out_of_range(high, dtype)
    low = clamped(low, int(info.min), int(info.max), dtype)
    high = clamped(high, int(info.min), int(info.max), dtype)
    words = split_words(words, (2,), newer)
    first, second = (
        raw_bits(Reshape((2,))(lax.slice(words, (k, 0), (k + 1, 2))), width, shape, newer)
        for k in (0, 1)
    )
    low, high = broadcast(low, shape), broadcast(high, shape)
    span = lax.convert_element_type(lax.sub(high, low), unsigned)
    span = lax.select(lax.le(high, low), lax.full_like(span, 1), span)
    one = np.ones((), unsigned)
    if high_out_of_range is not None:  # the last value itself is among those asked for
        grows = lax.bitwise_and(broadcast(high_out_of_range, shape), lax.gt(high, low))
        span = lax.select(grows, lax.add(span, one), span)
    half = np.asarray(2 ** (width // 2), unsigned)
    multiplier = lax.rem(lax.full_like(span, int(half)), span)
    multiplier = lax.rem(lax.mul(multiplier, multiplier), span)
    offset = lax.add(lax.mul(lax.rem(first, span), multiplier), lax.rem(second, span))
    offset = lax.rem(offset, span)
    return lax.add(low, lax.convert_element_type(offset, dtype))


def out_of_range(x: Any, dtype: Any) -> Any:
    """Return whether a bound is above what `dtype` holds, None when its own dtype cannot be."""
    own = np.dtype(x.dtype)
    if int(dtypes.iinfo(own).max) <= int(dtypes.iinfo(dtype).max):
        return None
    return lax.gt(x, np.asarray(int(dtypes.iinfo(dtype).max), own))


def clamped(x: Any, low: int, high: int, dtype: Any) -> Any:
    """Return an integer bound as `dtype`, kept within what it holds."""
    info = dtypes.iinfo(x.dtype)
    least, most = max(low, int(info.min)), min(high, int(info.max))
    least_value, most_value = np.asarray(least, x.dtype), np.asarray(most, x.dtype)
    return lax.convert_element_type(lax.clamp(least_value, x, most_value), dtype)


_randint = jit(randint_of, static_argnums=(3, 4, 5))


def randint(
    key: Any, shape: Any, minval: Any, maxval: Any, dtype: Any = None, *, out_sharding: Any = None
) -> Any:
    """Return uniform random integers in [minval, maxval).

    Shapes: minval, maxval: integers that broadcast to shape.
    Errors: TypeError for bounds or a dtype that are no integers.
    """
    words, _ = raw(key, "randint")
    found = dtypes.check_user_dtype(int if dtype is None else dtype, "random.randint")
    if not dtypes.issubdtype(found, np.integer):
        raise DtypeError(f"random.randint: an integer dtype; got {found}.{at_user_line()}")
    low, high = integer_bound(minval, found), integer_bound(maxval, found)
    size = result_shape(shape, "randint", low, high)
    return _randint(words, low, high, size, found, partitionable())


def integer_bound(x: Any, dtype: Any) -> Any:
    """Return a bound as an integer array.

    Errors: TypeError for a bound that is no integer.
    """
    if isinstance(x, (int, np.integer)) and not isinstance(x, (bool, np.bool_)):
        info = dtypes.iinfo(dtype)
        if int(x) > int(info.max) and int(x) <= 2**31 - 1:
            return as_value(np.int32(int(x)))
        return as_value(np.asarray(min(max(int(x), int(info.min)), int(info.max)), dtype))
    value = as_value(x)
    if not dtypes.issubdtype(value.dtype, np.integer):
        raise DtypeError(
            f"random.randint: bounds are integers; got {value.aval}.{at_user_line()}"
        )
    return value


def bernoulli_of(words: Any, p: Any, shape: Any, newer: bool) -> Any:
    """Return whether uniform numbers are below p."""
    drawn = unit_interval(words, shape, np.dtype(p.dtype), newer)
    return lax.lt(drawn, broadcast(p, shape))


_bernoulli = jit(bernoulli_of, static_argnums=(2, 3))


def bernoulli(
    key: Any, p: Any = 0.5, shape: Shape | None = None, mode: str = "low", *, out_sharding: Any = None
) -> Any:
    """Return random bools that are True with probability `p`.

    Shapes: p broadcasts to shape, which is p's by default.
    Errors: TypeError unless p is floating.
    """
    words, _ = raw(key, "bernoulli")
    value = as_value(p)
    if not dtypes.issubdtype(value.dtype, np.floating):
        if dtypes.issubdtype(value.dtype, np.integer) or value.dtype == np.bool_:
            value = lax.convert_element_type(value, dtypes.canonicalize_dtype(np.float64))
        else:
            raise DtypeError(f"random.bernoulli: p is a float; got {value.aval}.{at_user_line()}")
    size = result_shape(shape, "bernoulli", value)
    return _bernoulli(words, value, size, partitionable())
