"""Cube root, reciprocal square root, rounding away from zero, and the next float."""

from __future__ import annotations

import math

from gradax.kernel.build import apply, convert
from gradax.kernel.ir import Scalar, const
from gradax.kernel.math.parts import (
    BITS,
    F32,
    absolute,
    bits,
    copysign,
    eq,
    fma,
    form,
    from_bits,
    gt,
    lt,
    poly,
    sqrt,
    where,
)


def cbrt(x: Scalar) -> Scalar:
    """Return the real cube root. Accuracy: 1 ulp.

    A third of the bits is a first guess; rounded so that its cube is exact, the quotient
    x / guess**3 is near 1 and its cube root a short polynomial.
    """
    layout = form(x)
    size = absolute(x)
    # Denormals have no exponent to divide, and the guess's cube must not overflow.
    third_bits = layout.mantissa // 3 + 1
    small, huge = lt(size, layout.tiny), gt(size, layout.most / 16)
    one = const(1.0, x.dtype)
    factor = where(small, 2.0 ** (3 * third_bits), where(huge, 0.125, one))
    lifted = size * factor
    word = bits(lifted)
    third = convert(convert(word, x.dtype) * (1 / 3), word.dtype)
    # exponent/3 must gain two thirds of the bias; the fraction is chosen for the smallest error.
    start = int((2 / 3 * layout.bias - 0.0335) * 2**layout.mantissa)
    guess = rounded_short(apply("add", third, start), x)
    t = (lifted - guess * guess * guess) / (guess * guess * guess)
    if x.dtype != F32:
        better = fma(guess * t, fma(t, fma(t, 5 / 81, -1 / 9), 1 / 3), guess)
        guess = rounded_short(bits(better), x)
        t = (lifted - guess * guess * guess) / (guess * guess * guess)
    y = fma(guess * t, poly("cbrt", t), guess)
    y = y * where(small, 2.0**-third_bits, where(huge, 2.0, one))
    usual = apply("and", gt(size, 0.0), lt(size, math.inf))
    return copysign(where(usual, y, size), x)


def rounded_short(word: Scalar, x: Scalar) -> Scalar:
    """Return the float of given bits with a third of the mantissa kept: its cube is exact."""
    layout = form(x)
    dropped = layout.mantissa + 1 - (layout.mantissa + 1) // 3
    return from_bits(apply("and", word, -(1 << dropped)))


def rsqrt(x: Scalar) -> Scalar:
    """Return 1 / sqrt(x). Accuracy: 1.5 ulp."""
    return 1.0 / sqrt(x)


def round_away(x: Scalar) -> Scalar:
    """Return the nearest integer, halves away from zero."""
    # The number below 1/2: with 1/2 itself the sum could be rounded up to an integer.
    half = 0.5 - 2.0 ** -(form(x).mantissa + 2)
    return apply("trunc", x + copysign(half, x))


def nextafter(x: Scalar, y: Scalar) -> Scalar:
    """Return the float after x in the direction of y."""
    word = bits(x)
    up = apply("eq", gt(y, x), gt(x, 0.0))
    one = const(1, BITS[x.dtype])
    stepped = from_bits(apply("add", word, where(up, one, apply("neg", one))))
    least = copysign(from_bits(one), y)
    moved = where(eq(x, 0.0), least, stepped)
    nan = apply("or", apply("ne", x, x), apply("ne", y, y))
    return where(nan, x + y, where(eq(x, y), y, moved))
