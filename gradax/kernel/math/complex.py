"""Functions of complex numbers in terms of their real and imaginary parts.

Source: W. Kahan, "Branch cuts for complex elementary functions" (1987), for the inverse functions.
Accuracy: a few ulp of the magnitude of the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from gradax.kernel.build import apply, convert
from gradax.kernel.ir import Scalar, const
from gradax.kernel.math import exponential, logarithm, trigonometric
from gradax.kernel.math.parts import (
    F32,
    F64,
    absolute,
    copysign,
    eq,
    fma,
    form,
    gt,
    lt,
    sqrt,
    where,
)

Pair = tuple[Scalar, Scalar]


def zero(x: Scalar) -> Scalar:
    """Return 0 of x's dtype."""
    return const(0.0, x.dtype)


def add(x: Pair, y: Pair) -> Pair:
    """Return x + y."""
    return x[0] + y[0], x[1] + y[1]


def subtract(x: Pair, y: Pair) -> Pair:
    """Return x - y."""
    return x[0] - y[0], x[1] - y[1]


def negative(x: Pair) -> Pair:
    """Return -x."""
    return -x[0], -x[1]


def multiply(x: Pair, y: Pair) -> Pair:
    """Return x*y."""
    (a, b), (c, d) = x, y
    return a * c - b * d, a * d + b * c


def divide(x: Pair, y: Pair) -> Pair:
    """Return x/y by Smith's algorithm: scaled by the larger part of y."""
    (a, b), (c, d) = x, y
    swap = gt(absolute(d), absolute(c))
    large, small = where(swap, d, c), where(swap, c, d)
    nothing = eq(large, 0.0)
    ratio = small / where(nothing, 1.0, large)
    inverse = 1.0 / fma(small, ratio, large)
    # With the parts of x in the order of large and small, the quotient is one formula.
    p, q = where(swap, b, a), where(swap, a, b)
    real = fma(q, ratio, p) * inverse
    imaginary = where(swap, fma(b, ratio, -a), fma(-a, ratio, b)) * inverse
    size = absolute(c)
    return where(nothing, a / size, real), where(nothing, b / size, imaginary)


def magnitude(x: Pair) -> Scalar:
    """Return |x| without overflow on the way; infinite when either part is."""
    a, b = absolute(x[0]), absolute(x[1])
    infinite = apply("or", eq(a, math.inf), eq(b, math.inf))
    if a.dtype == F32:
        wide_a, wide_b = convert(a, F64), convert(b, F64)
        size = convert(sqrt(fma(wide_a, wide_a, wide_b * wide_b)), F32)
        return where(infinite, math.inf, size)
    largest = where(gt(a, b), a, b)
    huge, small = gt(largest, 2.0**500), lt(largest, 2.0**-400)
    down = where(huge, const(2.0**-600, F64), where(small, const(2.0**600, F64), 1.0))
    up = where(huge, const(2.0**600, F64), where(small, const(2.0**-600, F64), 1.0))
    a, b = a * down, b * down
    return where(infinite, math.inf, sqrt(fma(a, a, b * b)) * up)


def square_root(x: Pair) -> Pair:
    """Return the root with a real part >= 0."""
    a, b = x
    size = absolute(a)
    t = sqrt(size * 0.5 + magnitude(x) * 0.5)
    nothing = eq(t, 0.0)
    other = absolute(b) / where(nothing, 1.0, t + t)
    behind = lt(a, 0.0)
    real, imaginary = where(behind, other, t), where(behind, t, other)
    infinite = eq(absolute(b), math.inf)
    return where(infinite, math.inf, real), copysign(where(infinite, math.inf, imaginary), b)


def exp(x: Pair) -> Pair:
    """Return e**x."""
    a, b = x
    size = exponential.exp(a)
    real = size * trigonometric.cos(b)
    flat, gone = eq(b, 0.0), eq(size, 0.0)
    imaginary = where(flat, b, size * trigonometric.sin(b))
    return where(gone, 0.0, where(flat, size, real)), where(gone, 0.0, imaginary)


def exp2(x: Pair) -> Pair:
    """Return 2**x."""
    return exp((x[0] * math.log(2), x[1] * math.log(2)))


def expm1(x: Pair) -> Pair:
    """Return e**x - 1."""
    a, b = x
    half = trigonometric.sin(b * 0.5)
    real = fma(exponential.expm1(a), trigonometric.cos(b), -2.0 * half * half)
    flat = eq(b, 0.0)
    imaginary = exponential.exp(a) * trigonometric.sin(b)
    return where(flat, exponential.expm1(a), real), where(flat, b, imaginary)


def log_magnitude(x: Pair, less_one: Scalar) -> Scalar:
    """Return log|x|, given |x|**2 - 1 for |x| near 1."""
    size = magnitude(x)
    near = apply("and", gt(size, 0.7), lt(size, 1.5))
    return where(near, logarithm.log1p(less_one) * 0.5, logarithm.log(size))


def log(x: Pair) -> Pair:
    """Return the logarithm."""
    a, b = x
    angle = trigonometric.atan2(b, a)
    big = where(gt(absolute(a), absolute(b)), absolute(a), absolute(b))
    small = where(gt(absolute(a), absolute(b)), absolute(b), absolute(a))
    return log_magnitude(x, narrow_sum(big - 1.0, big + 1.0, small)), angle


def narrow_sum(x: Scalar, y: Scalar, z: Scalar) -> Scalar:
    """Return x*y + z*z, in float64 for float32."""
    if x.dtype == F32:
        wide = [convert(v, F64) for v in (x, y, z)]
        return convert(fma(wide[0], wide[1], wide[2] * wide[2]), F32)
    return fma(x, y, z * z)


def log1p(x: Pair) -> Pair:
    """Return log(1 + x)."""
    a, b = x
    real = log_magnitude((a + 1.0, b), narrow_sum(a, a + 2.0, b))
    return real, trigonometric.atan2(b, a + 1.0)


def sin(x: Pair) -> Pair:
    """Return the sine."""
    a, b = x
    real = trigonometric.sin(a) * exponential.cosh(b)
    imaginary = trigonometric.cos(a) * exponential.sinh(b)
    return where(eq(a, 0.0), a, real), imaginary


def cos(x: Pair) -> Pair:
    """Return the cosine."""
    a, b = x
    real = trigonometric.cos(a) * exponential.cosh(b)
    imaginary = trigonometric.sin(a) * -exponential.sinh(b)
    return real, where(eq(a, 0.0), a * -copysign(1.0, b), imaginary)


def sinh(x: Pair) -> Pair:
    """Return the hyperbolic sine: sinh(a + ib) = -i sin(-b + ia)."""
    real, imaginary = sin((-x[1], x[0]))
    return imaginary, -real


def cosh(x: Pair) -> Pair:
    """Return the hyperbolic cosine: cosh(a + ib) = cos(-b + ia)."""
    return cos((-x[1], x[0]))


def tanh(x: Pair) -> Pair:
    """Return the hyperbolic tangent."""
    a, b = x
    t = trigonometric.tan(b)
    far = gt(absolute(a), 10.0 if a.dtype == F32 else 21.0)
    s = exponential.sinh(where(far, 0.0, a))
    beta = fma(t, t, 1.0)
    below = fma(beta, s * s, 1.0)
    real = beta * sqrt(fma(s, s, 1.0)) * s / below
    rest = exponential.exp(absolute(a) * -2.0) * 4.0
    return where(far, copysign(1.0, a), real), where(far, t / beta * rest, t / below)


def tan(x: Pair) -> Pair:
    """Return the tangent: tan(z) = -i tanh(iz)."""
    real, imaginary = tanh((-x[1], x[0]))
    return imaginary, -real


def roots_beside_one(x: Pair) -> tuple[Pair, Pair]:
    """Return sqrt(1 - x) and sqrt(1 + x)."""
    a, b = x
    return square_root((1.0 - a, -b)), square_root((a + 1.0, b))


def asin(x: Pair) -> Pair:
    """Return the inverse sine."""
    (p, q), (r, s) = roots_beside_one(x)
    real = trigonometric.atan2(x[0], p * r - q * s)
    return real, copysign(logarithm.asinh(p * s - q * r), x[1])


def acos(x: Pair) -> Pair:
    """Return the inverse cosine."""
    (p, q), (r, s) = roots_beside_one(x)
    real = trigonometric.atan2(p, r) * 2.0
    return real, copysign(logarithm.asinh(r * q - s * p), -x[1])


def acosh(x: Pair) -> Pair:
    """Return the inverse hyperbolic cosine."""
    a, b = x
    p, q = square_root((a - 1.0, b))
    r, s = square_root((a + 1.0, b))
    return logarithm.asinh(p * r + q * s), trigonometric.atan2(q, r) * 2.0


def asinh(x: Pair) -> Pair:
    """Return the inverse hyperbolic sine: asinh(z) = -i asin(iz)."""
    real, imaginary = asin((-x[1], x[0]))
    return imaginary, -real


def atanh(x: Pair) -> Pair:
    """Return the inverse hyperbolic tangent."""
    a, b = x
    size, height = absolute(a), absolute(b)
    large = 2.0 ** (form(a).bias // 2 - 4)
    far = apply("or", gt(size, large), gt(height, large))
    # 1/z is close to the result's real part far out, where squares overflow.
    real = logarithm.log1p(4.0 * size / fma(1.0 - size, 1.0 - size, b * b)) * 0.25
    inverse = divide((const(1.0, a.dtype), zero(a)), x)[0]
    angle = trigonometric.atan2(b + b, narrow_difference(1.0 - size, size + 1.0, b)) * 0.5
    end = copysign(const(math.pi / 2, a.dtype), b)
    return copysign(where(far, inverse, real), a), where(far, end, angle)


def narrow_difference(x: Scalar, y: Scalar, z: Scalar) -> Scalar:
    """Return x*y - z*z, in float64 for float32."""
    if x.dtype == F32:
        wide = [convert(v, F64) for v in (x, y, z)]
        return convert(fma(wide[0], wide[1], -(wide[2] * wide[2])), F32)
    return fma(x, y, -(z * z))


def atan(x: Pair) -> Pair:
    """Return the inverse tangent: atan(z) = -i atanh(iz)."""
    real, imaginary = atanh((-x[1], x[0]))
    return imaginary, -real


def power(x: Pair, y: Pair) -> Pair:
    """Return x**y = e**(y log x); 0**0 is 1."""
    if x[0].dtype == F32:
        wide = power(*((convert(p, F64), convert(q, F64)) for p, q in (x, y)))
        return convert(wide[0], F32), convert(wide[1], F32)
    nothing = apply("and", eq(x[0], 0.0), eq(x[1], 0.0))
    real, imaginary = exp(multiply(y, log((where(nothing, 1.0, x[0]), x[1]))))
    trivial = apply("and", eq(y[0], 0.0), eq(y[1], 0.0))
    end = where(gt(y[0], 0.0), const(0.0, F64), math.nan)
    real = where(trivial, 1.0, where(nothing, end, real))
    return real, where(trivial, 0.0, where(nothing, end, imaginary))


def logistic(x: Pair) -> Pair:
    """Return 1 / (1 + e**-x)."""
    a, b = exp(negative(x))
    return divide((const(1.0, a.dtype), zero(a)), (a + 1.0, b))


def rsqrt(x: Pair) -> Pair:
    """Return 1 / sqrt(x)."""
    return divide((const(1.0, x[0].dtype), zero(x[0])), square_root(x))


def is_nan(x: Pair) -> Scalar:
    """Tell whether a part is NaN."""
    return apply("or", apply("ne", x[0], x[0]), apply("ne", x[1], x[1]))


def extremum(relation: str) -> Callable[[Pair, Pair], Pair]:
    """Make the smaller or larger of two numbers in lexicographic order; NaN when either is."""

    def choose(x: Pair, y: Pair) -> Pair:
        tie = apply("and", eq(x[0], y[0]), apply(relation, x[1], y[1]))
        first = apply("or", apply("or", apply(relation, x[0], y[0]), tie), is_nan(x))
        return where(first, x[0], y[0]), where(first, x[1], y[1])

    return choose


def equal(x: Pair, y: Pair) -> Scalar:
    """Return x == y."""
    return apply("and", eq(x[0], y[0]), eq(x[1], y[1]))


def unequal(x: Pair, y: Pair) -> Scalar:
    """Return x != y."""
    return apply("not", equal(x, y))


def real_part(x: Pair) -> Scalar:
    """Return the real part."""
    return x[0]


def imaginary_part(x: Pair) -> Scalar:
    """Return the imaginary part."""
    return x[1]


_FUNCTIONS: dict[str, Callable[..., Pair | Scalar]] = {
    "add": add, "sub": subtract, "mul": multiply, "div": divide, "neg": negative,
    "abs": magnitude, "sqrt": square_root, "rsqrt": rsqrt, "exp": exp, "exp2": exp2,
    "expm1": expm1, "log": log, "log1p": log1p, "sin": sin, "cos": cos, "tan": tan,
    "sinh": sinh, "cosh": cosh, "tanh": tanh, "asin": asin, "acos": acos, "atan": atan,
    "asinh": asinh, "acosh": acosh, "atanh": atanh, "pow": power, "logistic": logistic,
    "min": extremum("lt"), "max": extremum("gt"), "eq": equal, "ne": unequal,
    "real": real_part, "imag": imaginary_part,
}  # fmt: skip


def expand_complex(fn: str, pairs: Sequence[Pair]) -> Pair | Scalar:
    """Return fn of complex numbers given as (real, imaginary), in functions of their parts.

    Errors: KeyError for a function that is not defined for complex numbers.
    """
    return _FUNCTIONS[fn](*pairs)
