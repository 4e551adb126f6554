"""The error function, its complement and its inverse."""

from __future__ import annotations

import math

from gradax.kernel.build import apply
from gradax.kernel.ir import Scalar
from gradax.kernel.math.exponential import exp_with_tail
from gradax.kernel.math.logarithm import log1p, log_near_one
from gradax.kernel.math.parts import (
    F32,
    absolute,
    at_most,
    coefficients,
    copysign,
    eq,
    gt,
    lt,
    poly,
    polynomial,
    sqrt,
    two_product,
    where,
)

# Mike Giles, "Approximating the erfinv function" (2012), single precision: the numbers that other
# implementations use as well, so that random normal numbers agree.
_GILES_NEAR = (
    1.50140941, 0.246640727, -0.00417768164, -0.00125372503, 0.00021858087, -4.39150654e-06,
    -3.5233877e-06, 3.43273939e-07, 2.81022636e-08,
)  # fmt: skip
_GILES_FAR = (
    2.83297682, 1.00167406, 0.00943887047, -0.0076224613, 0.00573950773, -0.00367342844,
    0.00134934322, 0.000100950558, -0.000200214257,
)  # fmt: skip


def erfc_positive(x: Scalar) -> Scalar:
    """Return erfc(x) for x >= 0: e**(-x*x) h(t) / (x + k), t = (x - k) / (x + k)."""
    name, k, end = ("erfcx", 2.0, 10.2) if x.dtype == F32 else ("erfcx_long", 3.0, 27.5)
    x = at_most(x, end)
    inverse = 1.0 / (x + k)
    t = (x - k) * inverse
    square, rest = two_product(x, x)
    return exp_with_tail(apply("neg", square), apply("neg", rest)) * (poly(name, t) * inverse)


def erfc(x: Scalar) -> Scalar:
    """Return 1 - erf(x). Accuracy: 6 ulp."""
    y = erfc_positive(absolute(x))
    return where(lt(x, 0.0), 2.0 - y, y)


def erf(x: Scalar) -> Scalar:
    """Return the error function. Accuracy: 7 ulp in float32 (4e-7 absolute), 3 in float64."""
    if x.dtype == F32:
        inside = at_most(absolute(x), 3.925)
        z = inside * inside
        top = inside * polynomial(z, coefficients("erf", z))
        return copysign(at_most(top / polynomial(z, coefficients("erf_low", z)), 1.0), x)
    size = absolute(x)
    near = size * poly("erf_near", size * size)
    return copysign(where(gt(size, 1.0), 1.0 - erfc_positive(size), near), x)


def erf_inv(x: Scalar) -> Scalar:
    """Return the inverse of erf; NaN outside -1 … 1.

    Accuracy: 4 ulp in float64. In float32 that of Giles' polynomials: 4e-7 relative, less near -1
    and 1, where w = -log(1 - x*x) takes over the rounding of x*x.
    """
    if x.dtype == F32:
        w = apply("neg", log1p(apply("neg", x * x)))
        near = polynomial(w - 2.5, _GILES_NEAR)
        far = polynomial(sqrt(w) - 3.0, _GILES_FAR)
        y = where(lt(w, 5.0), near, far)
    else:
        size = absolute(x)
        small = lt(size, 0.5)
        square = apply("neg", x * x)
        rest = where(small, square + 1.0, (1.0 - size) * (size + 1.0))
        w = apply("neg", log_near_one(rest, square, small))
        root = sqrt(w)
        middle = poly("erf_inv_middle", root - 3.25)
        far = where(lt(w, 16.0), middle, poly("erf_inv_far", root - 5.0))
        y = where(lt(w, 6.25), poly("erf_inv_near", w - 3.125), far)
    end = copysign(math.inf, x)
    return where(eq(absolute(x), 1.0), end, y * x)
