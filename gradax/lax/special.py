"""Special functions of one argument: error functions and Bessel functions."""

from __future__ import annotations

import math
from typing import Any, final

from gradax.core.op import operation
from gradax.core.value import as_value
from gradax.kernel.meanings import meaning
from gradax.lax.arithmetic import Add, Div, Mul, Neg, Sub, mul, scalar_like
from gradax.lax.comparison import Eq, SelectN
from gradax.lax.elementary import Exp, Square
from gradax.lax.families import FLOAT, Unary
from gradax.lax.rounding import Sign
from gradax.lax.shapes import broadcast_scalar


@final
@operation
class Erf(Unary):
    """The error function."""

    fn = "erf"
    numpy = meaning("erf")
    accepts = FLOAT

    def tangent(self, dx: Any, x: Any, y: Any) -> Any:
        factor = scalar_like(x, 2 / math.sqrt(math.pi))
        return mul(factor, mul(dx, Exp()(Neg()(Square()(x)))))


@final
@operation
class Erfc(Unary):
    """1 - erf(x), accurate for large `x`."""

    fn = "erfc"
    numpy = meaning("erfc")
    accepts = FLOAT

    def tangent(self, dx: Any, x: Any, y: Any) -> Any:
        factor = scalar_like(x, -2 / math.sqrt(math.pi))
        return mul(factor, mul(dx, Exp()(Neg()(Square()(x)))))


@final
@operation
class ErfInv(Unary):
    """The inverse of the error function on -1 … 1."""

    fn = "erf_inv"
    numpy = meaning("erf_inv")
    accepts = FLOAT

    def tangent(self, dx: Any, x: Any, y: Any) -> Any:
        factor = scalar_like(x, math.sqrt(math.pi) / 2)
        return mul(factor, mul(dx, Exp()(Square()(y))))


@final
@operation
class BesselI0e(Unary):
    """The modified Bessel function of order 0 times exp(-|x|)."""

    name = "bessel_i0e"
    fn = "bessel_i0e"
    numpy = meaning("bessel_i0e")
    accepts = FLOAT

    def derivative(self, x: Any, y: Any) -> Any:
        return Sub()(BesselI1e()(x), Mul()(Sign()(x), y))


@final
@operation
class BesselI1e(Unary):
    """The modified Bessel function of order 1 times exp(-|x|)."""

    name = "bessel_i1e"
    fn = "bessel_i1e"
    numpy = meaning("bessel_i1e")
    accepts = FLOAT

    def derivative(self, x: Any, y: Any) -> Any:
        # I1(x)/x tends to 1/2 at 0.
        is_zero = Eq()(x, scalar_like(x, 0))
        one, half = (broadcast_scalar(scalar_like(x, v), x.shape) for v in (1, 0.5))
        safe = SelectN()(is_zero, x, one)
        slope = Sub()(
            BesselI0e()(safe), mul(y, Add()(Sign()(safe), Div()(scalar_like(x, 1), safe)))
        )
        return SelectN()(is_zero, slope, half)


def erf(x: Any) -> Any:
    """Return the error function elementwise."""
    return Erf()(as_value(x))


def erfc(x: Any) -> Any:
    """Return 1 - erf(x) elementwise, accurate for large x."""
    return Erfc()(as_value(x))


def erf_inv(x: Any) -> Any:
    """Return the inverse of the error function elementwise; NaN outside -1 … 1."""
    return ErfInv()(as_value(x))


def bessel_i0e(x: Any) -> Any:
    """Return exp(-|x|) I0(x) elementwise."""
    return BesselI0e()(as_value(x))


def bessel_i1e(x: Any) -> Any:
    """Return exp(-|x|) I1(x) elementwise."""
    return BesselI1e()(as_value(x))
