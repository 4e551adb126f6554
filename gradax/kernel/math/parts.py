"""What the approximations share: constants by dtype, polynomials, bits of floats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradax.kernel.build import apply, bitcast, convert, select
from gradax.kernel.ir import Scalar, const
from gradax.kernel.math.coefficients import COEFFICIENTS
from gradax.records import record

F32 = np.dtype(np.float32)
F64 = np.dtype(np.float64)
BITS = {F32: np.dtype(np.int32), F64: np.dtype(np.int64)}


@record
class Format:
    """The layout of a float dtype and the constants that depend on it."""

    mantissa: int
    bias: int
    # Added to a float it leaves the nearest integer in the low bits of the sum.
    magic: float
    tiny: float
    most: float


FORMATS = {
    F32: Format(23, 127, 1.5 * 2.0**23, 2.0**-126, float(np.finfo(np.float32).max)),
    F64: Format(52, 1023, 1.5 * 2.0**52, 2.0**-1022, float(np.finfo(np.float64).max)),
}


def form(x: Scalar) -> Format:
    """Return the layout of a scalar's dtype."""
    return FORMATS[x.dtype]


def fma(x: Any, y: Any, z: Any) -> Scalar:
    """Return x*y + z, rounded once."""
    return apply("fma", *lifted(x, y, z))


def lifted(*args: Any) -> list[Scalar]:
    """Turn Python numbers into constants of the dtype of the scalars beside them."""
    dtype = next(a.dtype for a in args if isinstance(a, Scalar))
    return [a if isinstance(a, Scalar) else const(a, dtype) for a in args]


def absolute(x: Scalar) -> Scalar:
    """Return |x|."""
    return apply("abs", x)


def copysign(x: Any, y: Scalar) -> Scalar:
    """Return |x| with the sign of y."""
    return apply("copysign", *lifted(x, y))


def sqrt(x: Scalar) -> Scalar:
    """Return the square root."""
    return apply("sqrt", x)


def lt(x: Scalar, y: Any) -> Scalar:
    """Return x < y."""
    return apply("lt", x, y)


def gt(x: Scalar, y: Any) -> Scalar:
    """Return x > y."""
    return apply("gt", x, y)


def eq(x: Scalar, y: Any) -> Scalar:
    """Return x == y."""
    return apply("eq", x, y)


def where(condition: Scalar, yes: Any, no: Any) -> Scalar:
    """Return `yes` where the condition holds, `no` elsewhere; one of them is a scalar."""
    yes, no = lifted(yes, no)
    return select(condition, yes, no)


def rare(condition: Scalar, unusual: Scalar, usual: Scalar) -> Scalar:
    """Return `unusual` where the condition holds, which few elements are expected to do."""
    return apply("rare", condition, unusual, usual)


def at_most(x: Scalar, high: float) -> Scalar:
    """Return the smaller of x and a constant; NaN stays. One instruction."""
    return where(gt(x, high), high, x)


def at_least(x: Scalar, low: float) -> Scalar:
    """Return the larger of x and a constant; NaN stays. One instruction."""
    return where(lt(x, low), low, x)


def coefficients(name: str, x: Scalar) -> tuple[float, ...]:
    """Return the coefficients of an approximation in x's dtype."""
    return COEFFICIENTS[name][x.dtype.name]


def polynomial(x: Scalar, values: Sequence[float]) -> Scalar:
    """Return the sum of values[k] * x**k, by Horner's rule."""
    out: Scalar = const(values[-1], x.dtype)
    for value in reversed(values[:-1]):
        out = fma(out, x, value)
    return out


def poly(name: str, x: Scalar) -> Scalar:
    """Return a fitted polynomial of x."""
    return polynomial(x, coefficients(name, x))


def bits(x: Scalar) -> Scalar:
    """Return the bits of a float as a signed integer."""
    return bitcast(x, BITS[x.dtype])


def from_bits(x: Scalar) -> Scalar:
    """Return the float with the given bits."""
    return bitcast(x, F32 if x.dtype.itemsize == 4 else F64)


def split(value: Any, x: Scalar, n: int = 3) -> list[float]:
    """Return n numbers of x's dtype whose sum is a constant given as a fraction of integers."""
    top, low = value
    out: list[float] = []
    for _ in range(n):
        nearest = float(x.dtype.type(top / low))
        out.append(nearest)
        part_top, part_low = nearest.as_integer_ratio()
        top, low = top * part_low - part_top * low, low * part_low
    return out


# Constants as fractions, good to 1400 bits.
_ONE = 1 << 1400


def _arctan_inverse(n: int) -> int:
    """Return atan(1/n) * 2**1400."""
    total = term = _ONE // n
    k, sign = 1, -1
    while term:
        term //= n * n
        k += 2
        total += sign * (term // k)
        sign = -sign
    return total


def _ln2() -> int:
    """Return log(2) * 2**1400, the sum of 1 / (k 2**k)."""
    return sum((_ONE >> k) // k for k in range(1, 1410))


PI = (4 * (4 * _arctan_inverse(5) - _arctan_inverse(239)), _ONE)
HALF_PI = (PI[0], 2 * _ONE)
LN2 = (_ln2(), _ONE)


def scale(x: Scalar, n: Scalar, positive: Scalar) -> Scalar:
    """Return x * 2**n, correct also where that over- or underflows.

    `n` is an integer scalar of which the low bits count, within the range of exponents and half of
    it more below; `positive` tells where n >= 0. x is about 1.
    """
    layout = form(x)
    shift = layout.bias // 2
    offset = where(positive, const(layout.bias - 1, n.dtype), layout.bias + shift)
    power = from_bits(apply("shl", apply("add", n, offset), layout.mantissa))
    rest = where(positive, const(2.0, x.dtype), 2.0**-shift)
    return apply("mul", apply("mul", x, power), rest)


def power_of_two(n: Scalar, dtype: np.dtype[Any], offset: int = 0) -> Scalar:
    """Return 2**(n + offset) for integers within the normal exponents (only low bits count)."""
    layout = FORMATS[dtype]
    biased = apply("add", n, layout.bias + offset)
    return from_bits(apply("shl", biased, layout.mantissa))


def two_product(x: Scalar, y: Any) -> tuple[Scalar, Scalar]:
    """Return x*y rounded, and what the rounding lost."""
    high = apply("mul", *lifted(x, y))
    return high, fma(x, y, apply("neg", high))


def two_sum(x: Scalar, y: Scalar) -> tuple[Scalar, Scalar]:
    """Return x + y rounded, and what the rounding lost."""
    total = x + y
    other = total - x
    return total, (x - (total - other)) + (y - other)


def quick_two_sum(x: Scalar, y: Scalar) -> tuple[Scalar, Scalar]:
    """Return x + y rounded, and what the rounding lost, where |x| >= |y|."""
    total = x + y
    return total, y - (total - x)


def widened(x: Scalar) -> Scalar:
    """Return a float32 as float64."""
    return convert(x, F64)
