"""log, log1p, the inverse hyperbolic functions and powers.

x = 2**e m with m within sqrt(1/2) … sqrt(2): log(x) = e log(2) + log(1 + f), f = m - 1.
"""

from __future__ import annotations

import math

import numpy as np

from gradax.kernel.build import apply, convert
from gradax.kernel.ir import Scalar, const
from gradax.kernel.math.exponential import exp_with_tail
from gradax.kernel.math.parts import (
    F32,
    F64,
    LN2,
    absolute,
    at_least,
    at_most,
    bits,
    copysign,
    eq,
    fma,
    form,
    from_bits,
    gt,
    lt,
    poly,
    power_of_two,
    quick_two_sum,
    split,
    sqrt,
    two_product,
    where,
    widened,
)

_ROOT_HALF = math.sqrt(0.5)


def decompose(x: Scalar) -> tuple[Scalar, Scalar]:
    """Return the integer e and m of a positive normal x = 2**e m."""
    layout = form(x)
    start = int(np.asarray(_ROOT_HALF, x.dtype).view(f"i{x.dtype.itemsize}"))
    word = bits(x)
    above = word - start
    whole = apply("and", above, -(1 << layout.mantissa))
    return apply("sar", above, layout.mantissa), from_bits(word - whole)


def normalize(x: Scalar) -> tuple[Scalar, Scalar]:
    """Return e as a float and m, for denormal x as well."""
    layout = form(x)
    up = layout.mantissa + 1
    small = lt(x, layout.tiny)
    e, m = decompose(where(small, x * 2.0**up, x))
    return convert(e, x.dtype) - where(small, const(up, x.dtype), 0.0), m


def log_fraction(e: Scalar, f: Scalar) -> Scalar:
    """Return e log(2) + log(1 + f)."""
    high, low = split(LN2, f, 2)
    if f.dtype == F32:
        square = f * f
        tail = fma(square, fma(poly("log", f), f, -0.5), e * low)
        return fma(e, high, f + tail)
    s = f / (f + 2.0)
    z = s * s
    half = 0.5 * f * f
    tail = fma(s, fma(z, poly("atanh", z), half), e * low)
    return fma(e, high, f - (half - tail))


def with_limits(y: Scalar, x: Scalar) -> Scalar:
    """Return y for finite x > 0, what log gives for all other x."""
    infinite = where(gt(x, 0.0), x, math.nan)
    limit = where(eq(x, 0.0), -math.inf, infinite)
    usual = apply("and", gt(x, 0.0), lt(x, math.inf))
    return where(usual, y, limit)


def log(x: Scalar) -> Scalar:
    """Return the natural logarithm. Accuracy: 1 ulp."""
    e, m = normalize(x)
    return with_limits(log_fraction(e, m - 1.0), x)


def log1p(x: Scalar) -> Scalar:
    """Return log(1 + x). Accuracy: 2 ulp."""
    u = x + 1.0
    return copysign(log_near_one(u, x, lt(x, 2.0 ** (form(x).mantissa + 2))), x)


def log_near_one(u: Scalar, x: Scalar, precise: Scalar) -> Scalar:
    """Return log(1 + x), u being 1 + x rounded, or log(u) where `precise` does not hold.

    f = (1 + x) 2**-e - 1 is formed from x itself, so that nothing of a small x is lost.
    """
    e, m = decompose(u)
    inverse = power_of_two(apply("neg", e), x.dtype)
    f = where(precise, fma(x, inverse, inverse - 1.0), m - 1.0)
    return with_limits(log_fraction(convert(e, x.dtype), f), u)


def asinh(x: Scalar) -> Scalar:
    """Return the inverse hyperbolic sine. Accuracy: 3 ulp."""
    size = absolute(x)
    large = gt(size, 2.0 ** (form(x).mantissa + 3))
    inner = size + size * size / (sqrt(fma(size, size, 1.0)) + 1.0)
    y = log1p(where(large, size, inner))
    return copysign(y + where(large, const(math.log(2), x.dtype), 0.0), x)


def acosh(x: Scalar) -> Scalar:
    """Return the inverse hyperbolic cosine; NaN below 1. Accuracy: 3 ulp."""
    t = x - 1.0
    large = gt(x, 2.0 ** (form(x).mantissa + 3))
    y = log1p(where(large, x, t + sqrt(fma(t, t, t + t))))
    y = y + where(large, const(math.log(2), x.dtype), 0.0)
    return where(lt(x, 1.0), math.nan, y)


def atanh(x: Scalar) -> Scalar:
    """Return the inverse hyperbolic tangent; NaN outside -1 … 1. Accuracy: 3 ulp."""
    size = absolute(x)
    return copysign(log1p((size + size) / (1.0 - size)) * 0.5, x)


def power(x: Scalar, y: Scalar) -> Scalar:
    """Return x**y, with the special cases of IEEE's pow. Accuracy: 1 ulp."""
    size = absolute(x)
    result = power_f32(size, y) if x.dtype == F32 else power_f64(size, y)
    whole = eq(apply("floor", y), y)
    half = y * 0.5
    odd = apply("and", whole, apply("ne", apply("floor", half), half))
    negative = lt(copysign(1.0, x), 0.0)
    invalid = apply("and", lt(x, 0.0), apply("and", apply("not", whole), gt(x, -math.inf)))
    result = where(invalid, math.nan, result)
    result = where(apply("and", negative, odd), copysign(result, x), result)
    one = apply("or", eq(y, 0.0), eq(x, 1.0))
    return where(one, 1.0, result)


def limits_of_power(size: Scalar, y: Scalar, result: Scalar) -> Scalar:
    """Return |x|**y where |x| or y is 0, infinite or NaN, `result` elsewhere."""
    grows = apply("eq", gt(size, 1.0), gt(y, 0.0))
    end = where(grows, const(math.inf, size.dtype), 0.0)
    end = where(eq(size, 1.0), 1.0, end)
    special = apply("or", eq(size, 0.0), apply("or", eq(size, math.inf), eq(absolute(y), math.inf)))
    result = where(special, end, result)
    nan = apply("or", apply("ne", size, size), apply("ne", y, y))
    return where(nan, size + y, result)


def power_f32(size: Scalar, y: Scalar) -> Scalar:
    """Return size**y of float32, by log2 and exp2 in float64 with errors of 2**-37 and 2**-29."""
    wide = widened(size)
    e, m = decompose(wide)
    f = m - 1.0
    log2 = fma(f, poly("log2_short", f), convert(e, F64))
    t = at_least(at_most(widened(y) * log2, 200.0), -200.0)
    magic = form(wide).magic
    shifted = t + magic
    r = t - (shifted - magic)
    out = poly("exp2_short", r) * power_of_two(bits(shifted), F64)
    return limits_of_power(size, y, convert(out, F32))


def power_f64(size: Scalar, y: Scalar) -> Scalar:
    """Return size**y of float64, with the logarithm as a sum of two numbers."""
    e, m = normalize(size)
    high, low = log_pair(e, m - 1.0)
    top, rest = two_product(high, y)
    rest = fma(low, y, rest)
    # Beyond these the result is 0 or infinite, and the rest may be NaN.
    outside = gt(absolute(top), 800.0)
    out = exp_with_tail(top, where(outside, 0.0, rest))
    return limits_of_power(size, y, out)


def log_pair(e: Scalar, f: Scalar) -> tuple[Scalar, Scalar]:
    """Return e log(2) + log(1 + f) as a sum of two numbers, good to about 68 bits.

    log(1 + f) = 2 s + s z (2/3 + z Q(z)), s = f / (2 + f) and z = s*s; s and its square as pairs.
    """
    below, below_low = quick_two_sum(const(2.0, f.dtype), f)
    s = f / below
    s_low = fma(apply("neg", s), below_low, fma(apply("neg", s), below, f)) / below
    z, z_low = two_product(s, s)
    z_low = fma(s + s, s_low, z_low)
    third, third_low = 2 / 3, 3.700743415417188e-17
    tail = z * poly("atanh_second", z)
    factor, factor_low = quick_two_sum(const(third, f.dtype), tail)
    factor_low = factor_low + third_low
    p, p_low = two_product(z, factor)
    p_low = fma(z, factor_low, fma(z_low, factor, p_low))
    q, q_low = two_product(s, p)
    q_low = fma(s, p_low, fma(s_low, p, q_low))
    first, first_low = quick_two_sum(s + s, q)
    first_low = first_low + (q_low + (s_low + s_low))
    ln2_high, ln2_low = split(LN2, f, 2)
    base, base_low = two_product(e, ln2_high)
    total, total_low = quick_two_sum(base, first)
    exact = eq(e, 0.0)
    total_low = where(exact, first_low, total_low + (first_low + fma(e, ln2_low, base_low)))
    return quick_two_sum(where(exact, first, total), total_low)
