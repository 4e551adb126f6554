"""sin, cos, tan and their inverses.

x = n pi + r (for tan n pi/2 + r) with |r| at most half of that. Up to `_EXACT` n is subtracted with
pi as three numbers and fused multiply-adds, whose first step is exact; beyond it the digits of 1/pi
that matter are chosen by x's exponent (Payne and Hanek) and multiplied as integers.
"""

from __future__ import annotations

import math

import numpy as np

from gradax.kernel.build import apply, convert, select
from gradax.kernel.ir import Scalar, const
from gradax.kernel.math.parts import (
    BITS,
    F32,
    F64,
    HALF_PI,
    PI,
    absolute,
    bits,
    coefficients,
    copysign,
    eq,
    fma,
    form,
    from_bits,
    gt,
    lt,
    poly,
    polynomial,
    rare,
    split,
    sqrt,
    where,
)

U64 = np.dtype(np.uint64)
I64 = np.dtype(np.int64)
_EXACT = {F32: 2.0**17, F64: 2.0**30}
# How many zero bits precede the digits of 1/pi in the stream, and how many words it has.
_ZEROS = {F32: 24, F64: 53}
_WORDS = {F32: 4, F64: 19}


def subtract_multiples(x: Scalar, n: Scalar, unit: tuple[int, int]) -> Scalar:
    """Return x - n*unit for a constant given as a fraction."""
    r = x
    for part in split(unit, x, 3):
        r = fma(n, -part, r)
    return r


def inverse_pi_words(dtype: np.dtype[np.floating]) -> list[int]:
    """Return the stream of 1/pi's digits as 64-bit words, zeros first."""
    n_bits = 64 * _WORDS[dtype]
    top, low = PI
    digits = (low << (n_bits + 900 - _ZEROS[dtype])) // top >> 900
    return [(digits >> (n_bits - 64 * (k + 1))) & (2**64 - 1) for k in range(_WORDS[dtype])]


def window(position: Scalar, dtype: np.dtype[np.floating], n: int) -> list[Scalar]:
    """Return n 64-bit words of the stream from a bit's position on."""
    words = [const(w, U64) for w in inverse_pi_words(dtype)]
    chosen: list[Scalar] = list(words)
    step = 8 if len(words) > 8 else 1
    while step:
        odd = apply("ne", apply("and", position, 64 * step), 0)
        kept = n + 1 + step - 1
        chosen = [
            select(odd, chosen[k + step], chosen[k]) if k + step < len(chosen) else chosen[k]
            for k in range(min(kept, len(chosen)))
        ]
        step //= 2
    shift = apply("and", position, 63)
    back = apply("sub", const(64, U64), shift)
    return [
        apply("or", apply("shl", chosen[k], shift), apply("shr", chosen[k + 1], back))
        for k in range(n)
    ]


def quotient(x: Scalar) -> tuple[Scalar, Scalar]:
    """Return |x|/pi modulo 2 in fixed point, as two words: the first bit is worth 1; |x| >= 1."""
    layout = form(x)
    word = bits(x)
    exponent = apply("and", apply("shr", word, layout.mantissa), 2 * layout.bias + 1)
    m = apply("and", word, (1 << layout.mantissa) - 1)
    m = convert(apply("or", m, 1 << layout.mantissa), U64)
    # x = m 2**(exponent - bias - mantissa); the bit worth 1 after multiplying is at `position`.
    offset = _ZEROS[x.dtype] - 1 - layout.bias - layout.mantissa
    position = convert(apply("add", exponent, offset), U64)
    if x.dtype == F32:
        high, after = window(position, x.dtype, 2)
        below = apply("shr", apply("mul", m, apply("shr", after, 24)), 40)
        return apply("add", apply("mul", m, high), below), const(0, U64)
    high, middle, after = window(position, x.dtype, 3)
    low = apply("mul", m, middle)
    total = apply("add", low, apply("mulhi", m, after))
    carry = convert(lt(total, low), U64)
    top = apply("add", apply("mul", m, high), apply("mulhi", m, middle))
    return apply("add", top, carry), total


def fraction(high: Scalar, low: Scalar, dtype: np.dtype[np.floating]) -> tuple[Scalar, Scalar]:
    """Round a fixed-point quotient to the nearest whole n; return n's last bit and the rest in pi.

    The first bit of `high` is worth 1; the rest times pi is returned as a float of `dtype`.
    """
    shifted = apply("add", high, 1 << 62)
    n = apply("shr", shifted, 63)
    rest = apply("sub", apply("and", shifted, (1 << 63) - 1), 1 << 62)
    if dtype == F32:
        signed = convert(convert(rest, I64), F64)
        return n, convert(signed * (math.pi * 2.0**-63), F32)
    coarse = convert(convert(apply("and", rest, (1 << 64) - 4096), I64), F64)
    fine = convert(convert(apply("and", rest, 4095), I64), F64)
    fine = fma(convert(convert(apply("shr", low, 11), I64), F64), 2.0**-53, fine)
    pi_high, pi_low, _ = split(PI, coarse, 3)
    product = coarse * pi_high
    tail = fma(coarse, pi_high, apply("neg", product)) + fma(coarse, pi_low, fine * pi_high)
    return n, (product + tail) * 2.0**-63


def sine_of(r: Scalar) -> Scalar:
    """Return sin(r) for |r| <= pi/2."""
    z = r * r
    return fma(z * r, poly("sin", z), r)


def sign_bit(n: Scalar, dtype: np.dtype[np.floating]) -> Scalar:
    """Return an integer's last bit moved to where a float's sign is."""
    return apply("shl", n, dtype.itemsize * 8 - 1)


def flipped(y: Scalar, sign: Scalar) -> Scalar:
    """Return y with its sign changed where the sign bit is set."""
    return from_bits(apply("xor", bits(y), sign))


def large(x: Scalar, half: bool) -> Scalar:
    """Return sin|x|, or cos x with `half`, for any |x| >= 1."""
    high, low = quotient(x)
    if half:
        high = apply("add", high, 1 << 62)
    n, r = fraction(high, low, x.dtype)
    y = flipped(sine_of(r), sign_bit(convert(n, BITS[x.dtype]), x.dtype))
    return where(eq(absolute(x), math.inf), math.nan, y)


def sin(x: Scalar) -> Scalar:
    """Return the sine. Accuracy: 2 ulp, for every x."""
    size = absolute(x)
    magic = form(x).magic
    shifted = fma(size, 1 / math.pi, magic)
    r = subtract_multiples(size, shifted - magic, PI)
    y = flipped(sine_of(r), sign_bit(bits(shifted), x.dtype))
    y = rare(gt(size, _EXACT[x.dtype]), large(size, half=False), y)
    return flipped(y, apply("and", bits(x), -(1 << (8 * x.dtype.itemsize - 1))))


def cos(x: Scalar) -> Scalar:
    """Return the cosine, minus the sine of x - (n + 1/2) pi for even n. Accuracy: 2 ulp."""
    size = absolute(x)
    magic = form(x).magic
    shifted = fma(size, 1 / math.pi, -0.5) + magic
    r = subtract_multiples(size, (shifted - magic) + 0.5, PI)
    sign = sign_bit(apply("not", bits(shifted)), x.dtype)
    return rare(gt(size, _EXACT[x.dtype]), large(size, half=True), flipped(sine_of(r), sign))


def tan_of(odd: Scalar, r: Scalar) -> Scalar:
    """Return tan(r), or -1/tan(r) where `odd`, for |r| <= pi/4."""
    z = r * r
    top = fma(z * r, polynomial(z, coefficients("tan", r)[1:]), r)
    low = polynomial(z, coefficients("tan_low", r))
    return where(odd, apply("neg", low), top) / where(odd, top, low)


def tan(x: Scalar) -> Scalar:
    """Return the tangent. Accuracy: 4 ulp, for every x."""
    size = absolute(x)
    magic = form(x).magic
    shifted = fma(size, 2 / math.pi, magic)
    r = subtract_multiples(size, shifted - magic, HALF_PI)
    y = tan_of(apply("ne", apply("and", bits(shifted), 1), 0), r)
    y = rare(gt(size, _EXACT[x.dtype]), large_tan(size), y)
    return flipped(y, apply("and", bits(x), -(1 << (8 * x.dtype.itemsize - 1))))


def large_tan(x: Scalar) -> Scalar:
    """Return tan(x) for any x >= 1: the quotient by pi/2 is that by pi, doubled."""
    high, low = quotient(x)
    doubled = apply("or", apply("shl", high, 1), apply("shr", low, 63))
    n, r = fraction(doubled, apply("shl", low, 1), x.dtype)
    y = tan_of(apply("ne", n, 0), r * 0.5)
    return where(eq(x, math.inf), math.nan, y)


def asin_parts(size: Scalar) -> tuple[Scalar, Scalar]:
    """Return whether |x| > 1/2, and asin(|x|) or then asin(sqrt((1 - |x|)/2))."""
    upper = gt(size, 0.5)
    z = where(upper, (1.0 - size) * 0.5, size * size)
    s = where(upper, sqrt(z), size)
    return upper, fma(s * z, poly("asin", z), s)


def asin(x: Scalar) -> Scalar:
    """Return the inverse sine; NaN outside -1 … 1. Accuracy: 3 ulp."""
    upper, y = asin_parts(absolute(x))
    high, low, _ = split(HALF_PI, x, 3)
    return copysign(where(upper, (fma(y, -2.0, low)) + high, y), x)


def acos(x: Scalar) -> Scalar:
    """Return the inverse cosine; NaN outside -1 … 1. Accuracy: 3 ulp."""
    upper, y = asin_parts(absolute(x))
    negative = lt(x, 0.0)
    high, low, _ = split(HALF_PI, x, 3)
    double = y + y
    beyond = where(negative, high + high - (double - (low + low)), double)
    signed = copysign(y, x)
    return where(upper, beyond, high - (signed - low))


def atan_of(a: Scalar, b: Scalar) -> Scalar:
    """Return atan(a / b) for 0 <= a <= b, not both infinite."""
    big = gt(a, b * (math.sqrt(2) - 1))
    t = where(big, a - b, a) / where(big, a + b, b)
    z = t * t
    y = fma(t * z, poly("atan", z), t)
    quarter, low, _ = split((HALF_PI[0], 2 * HALF_PI[1]), a, 3)
    return where(big, quarter + (y + low), y)


def atan(x: Scalar) -> Scalar:
    """Return the inverse tangent. Accuracy: 3 ulp."""
    size = absolute(x)
    outer = gt(size, 1.0)
    one = const(1.0, x.dtype)
    far = gt(size, 1e30)
    y = atan_of(where(outer, one, size), where(outer, where(far, 1e30, size), one))
    y = where(far, 1.0 / size, y)
    high, low, _ = split(HALF_PI, x, 3)
    return copysign(where(outer, high - (y - low), y), x)


def atan2(y: Scalar, x: Scalar) -> Scalar:
    """Return the angle of (x, y), with NumPy's signs and infinities. Accuracy: 3 ulp."""
    up, along = absolute(y), absolute(x)
    swap = gt(up, along)
    a, b = where(swap, along, up), where(swap, up, along)
    # Both infinite is the diagonal; huge and tiny ones are brought where a + b and b/a are safe.
    diagonal = eq(a, math.inf)
    layout = form(x)
    down, lift = 2.0 ** -(layout.mantissa + 2), 2.0 ** (2 * layout.mantissa)
    huge, small = gt(b, layout.most / 4), lt(b, layout.tiny * lift)
    factor = where(huge, const(down, x.dtype), where(small, const(lift, x.dtype), 1.0))
    one = const(1.0, x.dtype)
    a, b = where(diagonal, one, a * factor), where(diagonal, one, b * factor)
    zero = eq(b, 0.0)
    r = atan_of(a, where(zero, one, b))
    half, half_low, _ = split(HALF_PI, x, 3)
    r = where(swap, half - (r - half_low), r)
    behind = lt(copysign(1.0, x), 0.0)
    r = where(behind, (half + half) - (r - (half_low + half_low)), r)
    nan = apply("or", apply("ne", x, x), apply("ne", y, y))
    return copysign(where(nan, x + y, r), y)
