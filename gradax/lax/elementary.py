"""Exponentials, logarithms, powers and roots."""

from __future__ import annotations

import math
from typing import Any, final

import numpy as np

from gradax import dtypes, kernel
from gradax.core.aval import Aval
from gradax.core.op import operation
from gradax.core.value import as_value
from gradax.errors import DtypeError, at_user_line
from gradax.kernel.meanings import meaning
from gradax.lax.arithmetic import Add, Div, IntegerPow, Sub, mul, scalar_like
from gradax.lax.comparison import Eq, SelectN
from gradax.lax.convert import ConvertElementType
from gradax.lax.families import FLOAT, INEXACT, NUMBER, Binary, Unary, common_shape
from gradax.lax.operands import operands
from gradax.lax.shapes import broadcast_scalar


@final
@operation
class Exp(Unary):
    """e to the power `x`."""

    fn = "exp"
    numpy = np.exp
    accepts = INEXACT

    def derivative(self, x: Any, y: Any) -> Any:
        return y


@final
@operation
class Exp2(Unary):
    """2 to the power `x`."""

    fn = "exp2"
    numpy = np.exp2
    accepts = INEXACT

    def derivative(self, x: Any, y: Any) -> Any:
        return mul(scalar_like(x, math.log(2)), y)


@final
@operation
class Expm1(Unary):
    """e to the power `x`, minus 1, accurate near 0."""

    fn = "expm1"
    numpy = np.expm1
    accepts = INEXACT

    def derivative(self, x: Any, y: Any) -> Any:
        return Add()(y, scalar_like(x, 1))


@final
@operation
class Log(Unary):
    """The natural logarithm."""

    fn = "log"
    numpy = np.log
    accepts = INEXACT

    def tangent(self, dx: Any, x: Any, y: Any) -> Any:
        return Div()(dx, x)


@final
@operation
class Log1p(Unary):
    """The natural logarithm of 1 + `x`, accurate near 0."""

    fn = "log1p"
    numpy = meaning("log1p")
    accepts = INEXACT

    def tangent(self, dx: Any, x: Any, y: Any) -> Any:
        return Div()(dx, Add()(x, scalar_like(x, 1)))


@final
@operation
class Logistic(Unary):
    """1 / (1 + exp(-x))."""

    fn = "logistic"
    numpy = meaning("logistic")
    accepts = INEXACT

    def derivative(self, x: Any, y: Any) -> Any:
        return mul(y, Sub()(scalar_like(y, 1), y))


@final
@operation
class Sqrt(Unary):
    """The square root; NaN for negative numbers."""

    fn = "sqrt"
    numpy = np.sqrt
    accepts = INEXACT

    def derivative(self, x: Any, y: Any) -> Any:
        return Div()(scalar_like(x, 0.5), y)


@final
@operation
class Rsqrt(Unary):
    """1 / sqrt(x)."""

    fn = "rsqrt"
    numpy = meaning("rsqrt")
    accepts = INEXACT

    def derivative(self, x: Any, y: Any) -> Any:
        return mul(scalar_like(x, -0.5), Div()(y, x))


@final
@operation
class Cbrt(Unary):
    """The real cube root."""

    fn = "cbrt"
    numpy = np.cbrt
    accepts = FLOAT

    def derivative(self, x: Any, y: Any) -> Any:
        return mul(scalar_like(x, 1 / 3), IntegerPow(-2)(y))


@final
@operation
class Square(Unary):
    """`x` times itself."""

    numpy = np.square
    accepts = NUMBER

    def derivative(self, x: Any, y: Any) -> Any:
        return mul(scalar_like(x, 2), x)

    def scalar(self, *args: kernel.Scalar) -> kernel.Scalar:
        (x,) = args
        return kernel.apply("mul", x, x)


@final
@operation
class Pow(Binary):
    """`x` to the power `y`; `y` may be of an integer dtype.

    Shapes: x: T[s] or T[], y: T or an integer dtype [s] or [] -> T[s].
    """

    accepts = INEXACT

    def infer(self, *avals: Aval) -> Aval:
        x, y = avals
        inexact = dtypes.issubdtype(x.dtype, np.inexact)
        if not inexact or not (y.dtype == x.dtype or is_integer(y)):
            raise DtypeError(
                "pow: expected an inexact base and an exponent of the same or an integer dtype;"
                f" got {x.dtype.name} and {y.dtype.name}{at_user_line()}"
            )
        return Aval(common_shape(self, x, y), x.dtype, x.weak_type and y.weak_type)

    def first_term(self, dx: Any, x: Any, y: Any, out: Any) -> Any:
        if not is_integer(y):
            return mul(dx, mul(y, Pow()(x, Sub()(y, scalar_like(y, 1)))))
        # Where y is 0 the power is constant, also at x = 0.
        real_y = ConvertElementType(x.dtype)(y)
        factor = Pow()(x, Sub()(y, scalar_like(y, 1)))
        slope = broadcast_scalar(mul(real_y, factor), out.shape)
        is_zero = Eq()(y, scalar_like(y, 0))
        zeros = broadcast_scalar(scalar_like(x, 0), out.shape)
        return mul(dx, SelectN()(is_zero, slope, zeros))

    def second_term(self, dy: Any, x: Any, y: Any, out: Any) -> Any:
        # At x = 0 the logarithm is infinite, but times 0**y the limit is 0: log(1) gives it.
        one = broadcast_scalar(scalar_like(x, 1), x.shape)
        safe = SelectN()(Eq()(x, scalar_like(x, 0)), x, one)
        return mul(dy, mul(Log()(safe), out))

    def scalar(self, *args: kernel.Scalar) -> kernel.Scalar:
        x, y = args
        return kernel.apply("pow", x, kernel.convert(y, x.dtype))

    def reference(self, *operands: Any) -> Any:
        x, y = operands
        with np.errstate(all="ignore"):
            return np.power(x, y.astype(x.dtype))


def is_integer(x: Any) -> bool:
    """Tell whether a value is of an integer dtype."""
    return dtypes.issubdtype(x.dtype, np.integer)


def exp(x: Any, *, accuracy: Any = None) -> Any:
    """Return e**x elementwise. Accuracy: 1 ulp."""
    return Exp()(as_value(x))


def exp2(x: Any, *, accuracy: Any = None) -> Any:
    """Return 2**x elementwise. Accuracy: 1 ulp."""
    return Exp2()(as_value(x))


def expm1(x: Any, *, accuracy: Any = None) -> Any:
    """Return e**x - 1 elementwise, accurate near 0."""
    return Expm1()(as_value(x))


def log(x: Any, *, accuracy: Any = None) -> Any:
    """Return the natural logarithm elementwise; NaN for negative reals."""
    return Log()(as_value(x))


def log1p(x: Any, *, accuracy: Any = None) -> Any:
    """Return log(1 + x) elementwise, accurate near 0."""
    return Log1p()(as_value(x))


def logistic(x: Any, *, accuracy: Any = None) -> Any:
    """Return 1 / (1 + exp(-x)) elementwise."""
    return Logistic()(as_value(x))


def sqrt(x: Any, *, accuracy: Any = None) -> Any:
    """Return the square root elementwise."""
    return Sqrt()(as_value(x))


def rsqrt(x: Any, *, accuracy: Any = None) -> Any:
    """Return 1 / sqrt(x) elementwise."""
    return Rsqrt()(as_value(x))


def cbrt(x: Any, *, accuracy: Any = None) -> Any:
    """Return the real cube root elementwise."""
    return Cbrt()(as_value(x))


def square(x: Any) -> Any:
    """Return x*x elementwise."""
    return Square()(as_value(x))


def reciprocal(x: Any) -> Any:
    """Return 1 / x elementwise."""
    return IntegerPow(-1)(as_value(x))


def pow(x: Any, y: Any) -> Any:
    """Return x**y elementwise; `y` may be an integer array.

    Errors: TypeError unless x is inexact and y of its dtype or an integer one.
    """
    return Pow()(*operands(x, y))
