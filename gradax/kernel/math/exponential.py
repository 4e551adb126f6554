"""exp, exp2, expm1 and what is made of them: logistic and the hyperbolic functions.

x = n log(2) + r with |r| <= log(2)/2, exp(x) = 2**n exp(r). n comes from adding a number so large
that the sum's last bit is a unit.
"""

from __future__ import annotations

import math

from gradax.kernel.build import apply
from gradax.kernel.ir import Scalar
from gradax.kernel.math.parts import (
    F32,
    LN2,
    absolute,
    at_least,
    at_most,
    bits,
    copysign,
    fma,
    form,
    poly,
    power_of_two,
    scale,
    split,
)

# Where exp has become 0 or infinite, and expm1 is -1.
_LOW = {4: -104.0, 8: -746.0}
_HIGH = {4: 89.5, 8: 710.5}
_LOW_EXPM1 = {4: -18.0, 8: -38.0}


def reduce_exp(x: Scalar) -> tuple[Scalar, Scalar]:
    """Return (integer with n in its low bits, r)."""
    magic = form(x).magic
    shifted = fma(x, 1 / math.log(2), magic)
    n = shifted - magic
    high, low = split(LN2, x, 2)
    r = fma(n, -low, fma(n, -high, x))
    return bits(shifted), r


def exp_fraction(r: Scalar) -> Scalar:
    """Return exp(r) for |r| <= log(2)/2."""
    q = poly("exp", r)
    return fma(fma(r, q, 1.0), r, 1.0) if r.dtype == F32 else fma(r * r, q, r) + 1.0


def exp(x: Scalar) -> Scalar:
    """Return e**x. Accuracy: 1 ulp, denormal results included."""
    size = x.dtype.itemsize
    inside = at_least(at_most(x, _HIGH[size]), _LOW[size])
    n, r = reduce_exp(inside)
    return scale(exp_fraction(r), n, apply("ge", inside, 0))


def exp_with_tail(x: Scalar, tail: Scalar) -> Scalar:
    """Return e**(x + tail), the tail being small beside x or beside 1."""
    size = x.dtype.itemsize
    inside = at_least(at_most(x, _HIGH[size]), _LOW[size])
    n, r = reduce_exp(inside)
    return scale(exp_fraction(r + tail), n, apply("ge", inside, 0))


def exp2(x: Scalar) -> Scalar:
    """Return 2**x. Accuracy: 1 ulp, denormal results included."""
    layout = form(x)
    high = layout.bias + 1.5
    inside = at_least(at_most(x, high), -float(layout.bias + layout.mantissa + 2))
    shifted = inside + layout.magic
    r = inside - (shifted - layout.magic)
    return scale(fma(r, poly("exp2", r), 1.0), bits(shifted), apply("ge", inside, 0))


def half_expm1(x: Scalar) -> Scalar:
    """Return (e**x - 1) / 2, which does not overflow before sinh does."""
    size = x.dtype.itemsize
    inside = at_least(at_most(x, _HIGH[size]), _LOW_EXPM1[size])
    n, r = reduce_exp(inside)
    q = fma(r * r, poly("exp", r), r)
    power = power_of_two(n, x.dtype, -2)
    quarter = fma(power, q, power - 0.25)
    return quarter + quarter


def expm1(x: Scalar) -> Scalar:
    """Return e**x - 1. Accuracy: 2 ulp."""
    half = half_expm1(x)
    return copysign(half + half, x)


def logistic(x: Scalar) -> Scalar:
    """Return 1 / (1 + e**-x). Accuracy: 3 ulp; 0 where e**-x is infinite."""
    return 1.0 / (exp(apply("neg", x)) + 1.0)


def tanh(x: Scalar) -> Scalar:
    """Return the hyperbolic tangent, as m / (m + 1) of m = expm1(2|x|) / 2. Accuracy: 3 ulp."""
    size = absolute(x)
    inside = at_most(size + size, 40.0 if x.dtype != F32 else 20.0)
    half = half_expm1(inside)
    return copysign(half / (half + 1.0), x)


def sinh(x: Scalar) -> Scalar:
    """Return the hyperbolic sine. Accuracy: 3 ulp."""
    half = half_expm1(absolute(x))
    inside = at_most(half, 2.0**60)
    return copysign(half + inside / (inside + inside + 1.0), x)


def cosh(x: Scalar) -> Scalar:
    """Return the hyperbolic cosine. Accuracy: 2 ulp."""
    n, r = reduce_exp(at_most(absolute(x), _HIGH[x.dtype.itemsize]))
    quarter = exp_fraction(r) * power_of_two(n, x.dtype, -2)
    half = quarter + quarter
    return half + 0.25 / half
