"""The logarithm of the gamma function and its derivative.

Below 8 (digamma: 10, or 5) the recurrence brings x to where one polynomial holds, the factors being
collected in a product of which one logarithm (a quotient of which one division) is taken; above,
Stirling's series. Negative x are reflected.
"""

from __future__ import annotations

import math

from gradax.kernel.build import apply, convert
from gradax.kernel.ir import Scalar, const
from gradax.kernel.math.logarithm import log
from gradax.kernel.math.parts import (
    F32,
    F64,
    absolute,
    eq,
    fma,
    gt,
    lt,
    poly,
    rare,
    where,
    widened,
)
from gradax.kernel.math.trigonometric import sine_of, tan_of

_STIRLING = 8.0
_LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)


def lgamma(x: Scalar) -> Scalar:
    """Return log|gamma(x)|.

    Accuracy: 4 ulp in float64, 8 in float32; near the zeros of negative x, ulp of log(pi/|x|).
    """
    size = absolute(x)
    y = lgamma_positive(size)
    y = rare(lt(x, 0.0), reflected(size, y), y)
    return where(eq(size, math.inf), math.inf, y)


def lgamma_positive(x: Scalar) -> Scalar:
    """Return log gamma(x) for x >= 0."""
    one = const(1.0, x.dtype)
    # gamma(x) = factor gamma(t) or gamma(t) / factor, t within 1.5 … 2.5.
    low = lt(x, 1.5)
    lowest = lt(x, 0.5)
    factor = where(lowest, fma(x, x, x), where(low, x, one))
    t = x
    for k in range(1, 7):
        above = apply("ge", x, k + 1.5)
        factor = factor * where(above, x - float(k), one)
        t = where(above, x - float(k), t)
    stirling = apply("ge", x, _STIRLING)
    u = where(lowest, x, where(low, x - 1.0, t - 2.0))
    small = u * poly("lgamma", u)
    logarithm = log(where(stirling, x, factor))
    joined = where(low, small - logarithm, small + logarithm)
    inverse = 1.0 / x
    tail = inverse * poly("stirling", inverse * inverse)
    series = fma(x - 0.5, logarithm - 1.0, tail + (_LOG_ROOT_2PI - 0.5))
    huge = x * (logarithm - 1.0)
    series = where(gt(x, 1e20), huge, series)
    return where(stirling, series, joined)


def reflected(size: Scalar, positive: Scalar) -> Scalar:
    """Return log|gamma(-size)|, given log gamma(size)."""
    rest = size - apply("round_even", size)
    sine = absolute(sine_of(rest * math.pi))
    pole = eq(rest, 0.0)
    y = log(math.pi / (size * where(pole, 1.0, sine))) - positive
    # Below 2**-30 the product loses nothing but could underflow: gamma(x) is 1/x there.
    y = where(lt(size, 2.0**-60), apply("neg", log(size)), y)
    return where(pole, math.inf, y)


def digamma(x: Scalar) -> Scalar:
    """Return the logarithmic derivative of gamma; NaN at its poles.

    Accuracy: 1 ulp in float32 (computed in float64); in float64 4 ulp, but of 1
    where the result is smaller.
    """
    if x.dtype == F32:
        return convert(shifted_digamma(widened(x), 5, "digamma_short"), F32)
    return shifted_digamma(x, 10, "digamma")


def shifted_digamma(x: Scalar, steps: int, series: str) -> Scalar:
    """Return digamma(x) by a series that holds from `steps` on."""
    negative = lt(x, 0.5)
    start = where(negative, 1.0 - x, x)
    # The sum of 1/(start + k) for k < steps, as one fraction.
    top, low = const(1.0, F64), start
    for k in range(1, steps):
        z = start + float(k)
        top, low = fma(top, z, low), low * z
    small = lt(start, float(steps))
    z = where(small, start + float(steps), start)
    y = 1.0 / (z * z)
    out = log(z) - (0.5 / z + y * poly(series, y)) - where(small, top / low, 0.0)
    rest = x - apply("round_even", x)
    tangent = tan_pi(rest)
    out = rare(negative, out - math.pi / tangent, out)
    pole = apply("and", eq(rest, 0.0), apply("le", x, 0.0))
    out = where(pole, math.nan, out)
    return where(eq(x, -math.inf), math.nan, out)


def tan_pi(rest: Scalar) -> Scalar:
    """Return tan(pi rest) for |rest| <= 1/2."""
    outer = gt(absolute(rest), 0.25)
    # tan(pi rest) = -1 / tan(pi (rest -+ 1/2)).
    inner = rest - apply("copysign", const(0.5, rest.dtype), rest)
    return tan_of(outer, where(outer, inner, rest) * math.pi)
