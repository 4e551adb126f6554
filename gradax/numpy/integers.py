"""Functions of integers: divisors, and bits in bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax.control.while_loop import while_loop
from gradax.errors import DtypeError, at_user_line
from gradax.lax.arithmetic import Rem
from gradax.lax.comparison import Ne
from gradax.numpy.arithmetic import absolute, constant, floor_divide, multiply
from gradax.numpy.axes import canonical_axis, static_int
from gradax.numpy.joining import concatenate
from gradax.numpy.logic import truth, where_select
from gradax.numpy.promotion import BOOL, INTEGERS, broadcast_operands, convert, operand, promoted
from gradax.numpy.reductions import sum
from gradax.numpy.shaping import moveaxis, reshaped


def gcd(x1: Any, x2: Any) -> Any:
    """Return the greatest common divisor. Errors: TypeError unless both are integers."""
    x, y = broadcast_operands("gcd", *integer_pair("gcd", x1, x2))
    return euclid(absolute(x), absolute(y))


def integer_pair(name: str, x1: Any, x2: Any) -> tuple[Any, Any]:
    """Return two arguments as integers of one dtype."""
    x, y = promoted(name, operand(name, x1), operand(name, x2, 1))
    if x.dtype not in INTEGERS:
        raise DtypeError(f"{name} accepts integers; got {x.dtype.name}{at_user_line()}")
    return x, y


def euclid(x: Any, y: Any) -> Any:
    """Return the greatest common divisor of numbers that are not negative."""
    zero = constant(0, x)

    def step(pair: Any) -> Any:
        x, y = pair
        # Where y is 0 already the pair stays; 1 keeps the remainder defined there.
        rest = Rem()(x, where_select(Ne()(y, zero), y, constant(1, y)))
        return where_select(Ne()(y, zero), y, x), where_select(Ne()(y, zero), rest, y)

    return while_loop(lambda pair: (pair[1] != 0).any(), step, (x, y))[0]


def lcm(x1: Any, x2: Any) -> Any:
    """Return the least common multiple. Errors: TypeError unless both are integers."""
    x, y = broadcast_operands("lcm", *integer_pair("lcm", x1, x2))
    x, y = absolute(x), absolute(y)
    divisor = euclid(x, y)
    is_zero = divisor == 0
    safe = where_select(is_zero, constant(1, divisor), divisor)
    return where_select(is_zero, constant(0, x), multiply(x, floor_divide(y, safe)))


def packbits(a: Any, axis: int | None = None, bitorder: str = "big") -> Any:
    """Return the bits (not zero: 1) along an axis as bytes, the last one filled up with 0."""
    weights = bit_weights("packbits", bitorder)
    x = operand("packbits", a)
    if x.dtype != BOOL and x.dtype not in INTEGERS:
        raise DtypeError(f"packbits accepts integers and bools; got {x.dtype.name}{at_user_line()}")
    bits = convert(truth("packbits", x), np.dtype(np.uint8))
    if axis is None:
        bits, axis = reshaped(bits, (bits.size,)), 0
    axis = canonical_axis("packbits", axis, bits.ndim)
    bits = moveaxis(bits, axis, -1)
    n_short = -bits.shape[-1] % 8
    if n_short:
        zeros = np.zeros((*bits.shape[:-1], n_short), np.uint8)
        bits = concatenate([bits, zeros], -1)
    groups = reshaped(bits, (*bits.shape[:-1], bits.shape[-1] // 8, 8))
    out = sum(groups * weights, -1, promote_integers=False)
    return moveaxis(out, -1, axis)


def bit_weights(name: str, bitorder: str) -> np.ndarray[Any, Any]:
    """Return what each of eight bits counts."""
    if bitorder not in ("big", "little"):
        raise ValueError(f"{name}: bitorder is 'big' or 'little', got {bitorder!r}{at_user_line()}")
    weights = np.uint8(1) << np.arange(8, dtype=np.uint8)
    return weights if bitorder == "little" else weights[::-1].copy()


def unpackbits(
    a: Any, axis: int | None = None, count: int | None = None, bitorder: str = "big"
) -> Any:
    """Return the bits of bytes along an axis, `count` of them (negative: without the last ones)."""
    weights = bit_weights("unpackbits", bitorder)
    x = operand("unpackbits", a)
    if x.dtype != np.uint8:
        raise DtypeError(f"unpackbits accepts uint8; got {x.dtype.name}{at_user_line()}")
    if axis is None:
        x, axis = reshaped(x, (x.size,)), 0
    axis = canonical_axis("unpackbits", axis, x.ndim)
    x = moveaxis(x, axis, -1)
    bits = (reshaped(x, (*x.shape, 1)) & weights) != 0
    bits = reshaped(bits.astype(np.uint8), (*x.shape[:-1], 8 * x.shape[-1]))
    if count is not None:
        n = static_int("unpackbits", count, "count")
        total = bits.shape[-1]
        if n > total:
            zeros = np.zeros((*bits.shape[:-1], n - total), np.uint8)
            bits = concatenate([bits, zeros], -1)
        else:
            bits = bits[..., :n]
    return moveaxis(bits, -1, axis)
