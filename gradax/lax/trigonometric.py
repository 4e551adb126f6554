"""Trigonometric and hyperbolic functions and their inverses."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from gradax.core.op import operation
from gradax.core.value import as_value
from gradax.lax.arithmetic import Add, Div, IntegerPow, Mul, Neg, Sub, mul, scalar_like
from gradax.lax.elementary import Rsqrt, Square
from gradax.lax.families import FLOAT, INEXACT, Binary, Unary
from gradax.lax.operands import operands


@final
@operation
class Sin(Unary):
    """The sine."""

    fn = "sin"
    numpy = np.sin
    accepts = INEXACT

    def derivative(self, x: Any, y: Any) -> Any:
        return Cos()(x)


@final
@operation
class Cos(Unary):
    """The cosine."""

    fn = "cos"
    numpy = np.cos
    accepts = INEXACT

    def tangent(self, dx: Any, x: Any, y: Any) -> Any:
        return Neg()(mul(dx, Sin()(x)))


@final
@operation
class Tan(Unary):
    """The tangent."""

    fn = "tan"
    numpy = np.tan
    accepts = INEXACT

    def derivative(self, x: Any, y: Any) -> Any:
        return Add()(scalar_like(x, 1), Square()(y))


@final
@operation
class Asin(Unary):
    """The inverse sine."""

    fn = "asin"
    numpy = np.arcsin
    accepts = INEXACT

    def derivative(self, x: Any, y: Any) -> Any:
        return Rsqrt()(Sub()(scalar_like(x, 1), Square()(x)))


@final
@operation
class Acos(Unary):
    """The inverse cosine."""

    fn = "acos"
    numpy = np.arccos
    accepts = INEXACT

    def derivative(self, x: Any, y: Any) -> Any:
        return Neg()(Rsqrt()(Sub()(scalar_like(x, 1), Square()(x))))


@final
@operation
class Atan(Unary):
    """The inverse tangent."""

    fn = "atan"
    numpy = np.arctan
    accepts = INEXACT

    def tangent(self, dx: Any, x: Any, y: Any) -> Any:
        return Div()(dx, Add()(scalar_like(x, 1), Square()(x)))


@final
@operation
class Atan2(Binary):
    """The angle of the point (y, x), the first operand being its ordinate."""

    fn = "atan2"
    numpy = np.arctan2
    accepts = FLOAT

    def first_term(self, dx: Any, x: Any, y: Any, out: Any) -> Any:
        return mul(dx, Div()(y, Add()(Square()(x), Square()(y))))

    def second_term(self, dy: Any, x: Any, y: Any, out: Any) -> Any:
        return mul(dy, Div()(Neg()(x), Add()(Square()(x), Square()(y))))


@final
@operation
class Sinh(Unary):
    """The hyperbolic sine."""

    fn = "sinh"
    numpy = np.sinh
    accepts = INEXACT

    def derivative(self, x: Any, y: Any) -> Any:
        return Cosh()(x)


@final
@operation
class Cosh(Unary):
    """The hyperbolic cosine."""

    fn = "cosh"
    numpy = np.cosh
    accepts = INEXACT

    def derivative(self, x: Any, y: Any) -> Any:
        return Sinh()(x)


@final
@operation
class Tanh(Unary):
    """The hyperbolic tangent."""

    fn = "tanh"
    numpy = np.tanh
    accepts = INEXACT

    def tangent(self, dx: Any, x: Any, y: Any) -> Any:
        # (1 + y)(1 - y) keeps its digits where 1 - y*y would lose them.
        return Mul()(Add()(dx, mul(dx, y)), Sub()(scalar_like(x, 1), y))


@final
@operation
class Asinh(Unary):
    """The inverse hyperbolic sine."""

    fn = "asinh"
    numpy = np.arcsinh
    accepts = INEXACT

    def derivative(self, x: Any, y: Any) -> Any:
        return Rsqrt()(Add()(Square()(x), scalar_like(x, 1)))


@final
@operation
class Acosh(Unary):
    """The inverse hyperbolic cosine."""

    fn = "acosh"
    numpy = np.arccosh
    accepts = INEXACT

    def derivative(self, x: Any, y: Any) -> Any:
        one = scalar_like(x, 1)
        # Not of x*x - 1, whose root has the other sign for complex numbers left of the axis.
        return mul(Rsqrt()(Sub()(x, one)), Rsqrt()(Add()(x, one)))


@final
@operation
class Atanh(Unary):
    """The inverse hyperbolic tangent."""

    fn = "atanh"
    numpy = np.arctanh
    accepts = INEXACT

    def tangent(self, dx: Any, x: Any, y: Any) -> Any:
        one = scalar_like(x, 1)
        return mul(IntegerPow(-1)(Add()(one, x)), Div()(dx, Sub()(one, x)))


def sin(x: Any, *, accuracy: Any = None) -> Any:
    """Return the sine elementwise."""
    return Sin()(as_value(x))


def cos(x: Any, *, accuracy: Any = None) -> Any:
    """Return the cosine elementwise."""
    return Cos()(as_value(x))


def tan(x: Any, *, accuracy: Any = None) -> Any:
    """Return the tangent elementwise."""
    return Tan()(as_value(x))


def asin(x: Any) -> Any:
    """Return the inverse sine elementwise; NaN outside -1 … 1 for reals."""
    return Asin()(as_value(x))


def acos(x: Any) -> Any:
    """Return the inverse cosine elementwise; NaN outside -1 … 1 for reals."""
    return Acos()(as_value(x))


def atan(x: Any) -> Any:
    """Return the inverse tangent elementwise."""
    return Atan()(as_value(x))


def atan2(x: Any, y: Any) -> Any:
    """Return the angle of the point with ordinate `x` and abscissa `y`, in -pi … pi."""
    return Atan2()(*operands(x, y))


def sinh(x: Any) -> Any:
    """Return the hyperbolic sine elementwise."""
    return Sinh()(as_value(x))


def cosh(x: Any) -> Any:
    """Return the hyperbolic cosine elementwise."""
    return Cosh()(as_value(x))


def tanh(x: Any, *, accuracy: Any = None) -> Any:
    """Return the hyperbolic tangent elementwise."""
    return Tanh()(as_value(x))


def asinh(x: Any) -> Any:
    """Return the inverse hyperbolic sine elementwise."""
    return Asinh()(as_value(x))


def acosh(x: Any) -> Any:
    """Return the inverse hyperbolic cosine elementwise; NaN below 1 for reals."""
    return Acosh()(as_value(x))


def atanh(x: Any) -> Any:
    """Return the inverse hyperbolic tangent elementwise; NaN outside -1 … 1 for reals."""
    return Atanh()(as_value(x))
