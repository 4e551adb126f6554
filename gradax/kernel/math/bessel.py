"""The modified Bessel functions of orders 0 and 1, times e**-|x|."""

from __future__ import annotations

import math

from gradax.kernel.ir import Scalar
from gradax.kernel.math.exponential import exp
from gradax.kernel.math.parts import absolute, at_most, copysign, eq, gt, poly, sqrt, where


def near_and_far(name: str, size: Scalar) -> tuple[Scalar, Scalar]:
    """Return the function by the polynomial of x*x for x <= 8, and by that of 16/x - 1 above."""
    inside = at_most(size, 8.0)
    near = poly(name, inside * inside) * exp(-inside)
    far = poly(f"{name}_far", 16.0 / where(gt(size, 8.0), size, 8.0) - 1.0)
    return near, far / sqrt(size)


def bessel_i0e(x: Scalar) -> Scalar:
    """Return e**-|x| I0(x). Accuracy: 4 ulp."""
    size = absolute(x)
    near, far = near_and_far("bessel_i0e", size)
    return where(gt(size, 8.0), far, near)


def bessel_i1e(x: Scalar) -> Scalar:
    """Return e**-|x| I1(x). Accuracy: 4 ulp."""
    size = absolute(x)
    near, far = near_and_far("bessel_i1e", size)
    y = where(gt(size, 8.0), far, near * size)
    return copysign(where(eq(size, math.inf), 0.0, y), x)
