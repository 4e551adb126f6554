"""Exponentials, logarithms, trigonometric and hyperbolic functions, and parts of floats."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from gradax import dtypes
from gradax.api.custom_jvp import custom_jvp
from gradax.errors import DtypeError, at_user_line
from gradax.lax.arithmetic import Add, Div, Max, Min, Mul, Neg, Sub
from gradax.lax.bits import And, Or, ShiftLeft, ShiftRightLogical
from gradax.lax.comparison import Eq, Ge, Lt, Ne
from gradax.lax.convert import BitcastConvertType
from gradax.lax.elementary import Exp, Exp2, Expm1, Log, Log1p, Sqrt
from gradax.lax.rounding import Abs, Nextafter
from gradax.lax.special import BesselI0e
from gradax.lax.trigonometric import (
    Acos,
    Acosh,
    Asin,
    Asinh,
    Atan,
    Atan2,
    Atanh,
    Cos,
    Cosh,
    Sin,
    Sinh,
    Tan,
    Tanh,
)
from gradax.numpy.arithmetic import constant, floor_divide, imag, pick, real, trunc
from gradax.numpy.promotion import (
    COMPLEX,
    INEXACT,
    INTEGERS,
    UNSIGNED,
    binary_inexact,
    convert,
    inexact,
    operand,
    promoted,
    to_inexact,
)

_SIN: Final = Sin()
_COS: Final = Cos()
_TAN: Final = Tan()
_ASIN: Final = Asin()
_ACOS: Final = Acos()
_ATAN: Final = Atan()
_ATAN2: Final = Atan2()
_SINH: Final = Sinh()
_COSH: Final = Cosh()
_TANH: Final = Tanh()
_ASINH: Final = Asinh()
_ACOSH: Final = Acosh()
_ATANH: Final = Atanh()
_EXP: Final = Exp()
_EXP2: Final = Exp2()
_EXPM1: Final = Expm1()
_LOG: Final = Log()
_LOG1P: Final = Log1p()
_SQRT: Final = Sqrt()
_ABS: Final = Abs()
_ADD: Final = Add()
_SUB: Final = Sub()
_MUL: Final = Mul()
_DIV: Final = Div()
_MAX: Final = Max()
_MIN: Final = Min()
_NEG: Final = Neg()
_NE: Final = Ne()
_EQ: Final = Eq()
_LT: Final = Lt()
_NEXTAFTER: Final = Nextafter()


def exp(x: Any, /) -> Any:
    """Return e**x elementwise."""
    return inexact(_EXP, x)


def exp2(x: Any, /) -> Any:
    """Return 2**x elementwise."""
    return inexact(_EXP2, x)


def expm1(x: Any, /) -> Any:
    """Return e**x - 1 elementwise, accurate near 0."""
    return inexact(_EXPM1, x)


def log(x: Any, /) -> Any:
    """Return the natural logarithm elementwise; NaN for negative reals."""
    return inexact(_LOG, x)


def log2(x: Any, /) -> Any:
    """Return the logarithm to base 2 elementwise."""
    y = inexact(_LOG, x)
    return _DIV(y, constant(math.log(2), y))


def log10(x: Any, /) -> Any:
    """Return the logarithm to base 10 elementwise."""
    y = inexact(_LOG, x)
    return _MUL(y, constant(1 / math.log(10), y))


def log1p(x: Any, /) -> Any:
    """Return log(1 + x) elementwise, accurate near 0."""
    return inexact(_LOG1P, x)


def sin(x: Any, /) -> Any:
    """Return the sine elementwise."""
    return inexact(_SIN, x)


def cos(x: Any, /) -> Any:
    """Return the cosine elementwise."""
    return inexact(_COS, x)


def tan(x: Any, /) -> Any:
    """Return the tangent elementwise."""
    return inexact(_TAN, x)


def arcsin(x: Any, /) -> Any:
    """Return the angle between -pi/2 and pi/2 whose sine is `x`."""
    return inexact(_ASIN, x)


def arccos(x: Any, /) -> Any:
    """Return the angle between 0 and pi whose cosine is `x`."""
    return inexact(_ACOS, x)


def arctan(x: Any, /) -> Any:
    """Return the angle between -pi/2 and pi/2 whose tangent is `x`."""
    return inexact(_ATAN, x)


def arctan2(x: Any, y: Any, /) -> Any:
    """Return the angle between -pi and pi of the point (y, x): the arc tangent of x / y."""
    return binary_inexact(_ATAN2, x, y)


def sinh(x: Any, /) -> Any:
    """Return the hyperbolic sine elementwise."""
    return inexact(_SINH, x)


def cosh(x: Any, /) -> Any:
    """Return the hyperbolic cosine elementwise."""
    return inexact(_COSH, x)


def tanh(x: Any, /) -> Any:
    """Return the hyperbolic tangent elementwise."""
    return inexact(_TANH, x)


def arcsinh(x: Any, /) -> Any:
    """Return the number whose hyperbolic sine is `x`."""
    return inexact(_ASINH, x)


def arccosh(x: Any, /) -> Any:
    """Return the number of at least 0 whose hyperbolic cosine is `x`."""
    return inexact(_ACOSH, x)


def arctanh(x: Any, /) -> Any:
    """Return the number whose hyperbolic tangent is `x`."""
    return inexact(_ATANH, x)


asin, acos, atan, atan2 = arcsin, arccos, arctan, arctan2
asinh, acosh, atanh = arcsinh, arccosh, arctanh


def degrees(x: Any, /) -> Any:
    """Convert radians to degrees."""
    return scaled("degrees", x, 180 / math.pi)


def radians(x: Any, /) -> Any:
    """Convert degrees to radians."""
    return scaled("radians", x, math.pi / 180)


rad2deg, deg2rad = degrees, radians


def scaled(name: str, x: Any, factor: float) -> Any:
    """Return floats times a constant."""
    x = floats(name, x)
    return _MUL(x, constant(factor, x))


def floats(name: str, x: Any) -> Any:
    """Return an argument as an array of floats or complex numbers."""
    x = operand(name, x)
    return x if x.dtype in INEXACT else to_inexact(name, x)


def sinc(x: Any, /) -> Any:
    """Return sin(pi x) / (pi x), and 1 at 0; its derivatives at 0 are those of the limit."""
    x = floats("sinc", x)
    angle_of = _MUL(x, constant(math.pi, x))
    # Near 0 the quotient's second derivative is lost; three terms of the series are exact there.
    is_small = _LT(_ABS(angle_of), constant(1e-2, real(x)))
    safe = pick(is_small, constant(1, x), angle_of)
    square = _MUL(angle_of, angle_of)
    inner = _SUB(constant(1, x), _DIV(square, constant(20, x)))
    series = _SUB(constant(1, x), _MUL(_DIV(square, constant(6, x)), inner))
    return pick(is_small, series, _DIV(_SIN(safe), safe))


def hypot(x: Any, y: Any, /) -> Any:
    """Return sqrt(x**2 + y**2) without overflow. Errors: TypeError for complex numbers."""
    x, y = promoted("hypot", x, y, inexact=True)
    if x.dtype in COMPLEX:
        raise DtypeError(f"hypot accepts real numbers; got {x.dtype.name}{at_user_line()}")
    x, y = _ABS(x), _ABS(y)
    large, small = _MAX(x, y), _MIN(x, y)
    one, infinity = constant(1, large), constant(math.inf, large)
    is_zero = _EQ(large, constant(0, large))
    ratio = _DIV(small, pick(is_zero, one, large))
    length = _MUL(large, _SQRT(_ADD(one, _MUL(ratio, ratio))))
    out = pick(is_zero, large, length)
    return pick(Or()(_EQ(x, infinity), _EQ(y, infinity)), infinity, out)


def logaddexp(x: Any, y: Any, /) -> Any:
    """Return log(exp(x) + exp(y)) without overflow."""
    x, y = promoted("logaddexp", x, y, inexact=True)
    return logaddexp_complex(x, y) if x.dtype in COMPLEX else _logaddexp(x, y)


def logaddexp2(x: Any, y: Any, /) -> Any:
    """Return log2(2**x + 2**y) without overflow."""
    x, y = promoted("logaddexp2", x, y, inexact=True)
    return _logaddexp2(x, y)


# The largest operand's part in the result has no derivative where both are equal; the sum's has.
@custom_jvp
def _logaddexp(x: Any, y: Any) -> Any:
    return _ADD(_MAX(x, y), _LOG1P(_EXP(_NEG(_ABS(finite_difference(x, y))))))


@custom_jvp
def _logaddexp2(x: Any, y: Any) -> Any:
    term = _LOG1P(_EXP2(_NEG(_ABS(finite_difference(x, y)))))
    return _ADD(_MAX(x, y), _DIV(term, constant(math.log(2), term)))


@_logaddexp.defjvp
def _logaddexp_jvp(primals: Any, tangents: Any) -> Any:
    out = _logaddexp(*primals)
    return out, weighted(_EXP, out, primals, tangents)


@_logaddexp2.defjvp
def _logaddexp2_jvp(primals: Any, tangents: Any) -> Any:
    out = _logaddexp2(*primals)
    return out, weighted(_EXP2, out, primals, tangents)


def weighted(power: Any, out: Any, primals: Any, tangents: Any) -> Any:
    """Return the tangent of the logarithm of a sum of powers: each operand's share of the sum."""
    shares = [power(finite_difference(x, out)) for x in primals]
    return _ADD(*(_MUL(dx, share) for dx, share in zip(tangents, shares, strict=True)))


def finite_difference(x: Any, y: Any) -> Any:
    """Return x - y, and 0 where both are the same infinity, so that derivatives stay numbers."""
    delta = _SUB(x, y)
    return pick(_NE(delta, delta), constant(0, delta), delta)


def logaddexp_complex(x: Any, y: Any) -> Any:
    """Return log(exp(x) + exp(y)) of complex numbers, by the larger real part."""
    x_first = Ge()(real(x), real(y))
    large, small = pick(x_first, x, y), pick(x_first, y, x)
    return _ADD(large, _LOG1P(_EXP(_SUB(small, large))))


def angle(z: Any, deg: bool = False) -> Any:
    """Return the angle of complex numbers, in radians or degrees."""
    z = operand("angle", z)
    z = z if z.dtype in INEXACT else to_inexact("angle", z)
    out = _ATAN2(imag(z), real(z))
    return degrees(out) if deg else out


def i0(x: Any, /) -> Any:
    """Return the modified Bessel function of the first kind and order 0. Errors: for complex x."""
    x = floats("i0", x)
    return _MUL(_EXP(_ABS(x)), BesselI0e()(x))


def copysign(x: Any, y: Any, /) -> Any:
    """Return the magnitude of `x` with the sign of `y`."""
    x, y = promoted("copysign", x, y, inexact=True)
    magnitude = _ABS(x)
    return pick(signbit(y), _NEG(magnitude), magnitude)


def signbit(x: Any, /) -> Any:
    """Tell where the sign bit is set: negative numbers, -0.0 and some NaN."""
    x = operand("signbit", x)
    if x.dtype in UNSIGNED or x.dtype == np.bool_:
        return _LT(convert(x, np.dtype(np.int32)), constant(0, operand("signbit", 0)))
    if x.dtype in INTEGERS:
        return _LT(x, constant(0, x))
    bits = BitcastConvertType(np.dtype(f"i{x.dtype.itemsize}"))(x)
    return _LT(bits, constant(0, bits))


def nextafter(x: Any, y: Any, /) -> Any:
    """Return the next float after `x` in the direction of `y`."""
    return binary_inexact(_NEXTAFTER, x, y)


def spacing(x: Any, /) -> Any:
    """Return the distance to the next float of greater magnitude, with the sign of `x`."""
    x = floats("spacing", x)
    far = pick(signbit(x), constant(-math.inf, x), constant(math.inf, x))
    return _SUB(_NEXTAFTER(x, far), x)


def modf(x: Any, /, out: None = None) -> tuple[Any, Any]:
    """Return the fractional and the integral part, both with the sign of `x`."""
    x = floats("modf", x)
    whole = trunc(x)
    is_infinite = _EQ(_ABS(x), constant(math.inf, x))
    return pick(is_infinite, constant(0, x), _SUB(x, whole)), whole


def ldexp(x1: Any, x2: Any, /) -> Any:
    """Return x1 * 2**x2. Errors: TypeError unless x2 are integers."""
    n = operand("ldexp", x2, 1)
    if n.dtype not in INTEGERS and n.dtype != np.bool_:
        raise DtypeError(f"ldexp accepts integer exponents; got {n.dtype.name}{at_user_line()}")
    x = floats("ldexp", x1)
    x, power = promoted("ldexp", convert(x, x.dtype), convert(n, x.dtype))
    # Two halves, so that neither power overflows where the product does not.
    half = floor_divide(power, 2)
    rest = _SUB(power, half)
    out = _MUL(_MUL(x, _EXP2(half)), _EXP2(rest))
    return pick(_EQ(x, constant(0, x)), x, out)


FLOAT_LAYOUT: Final = {
    "float16": (5, 10),
    "bfloat16": (8, 7),
    "float32": (8, 23),
    "float64": (11, 52),
}


def frexp(x: Any, /) -> tuple[Any, Any]:
    """Return mantissas in [0.5, 1) and integer exponents: x = mantissa * 2**exponent."""
    x = floats("frexp", x)
    if x.dtype.name not in FLOAT_LAYOUT:
        raise DtypeError(f"frexp accepts floats; got {x.dtype.name}{at_user_line()}")
    n_exponent, n_mantissa = FLOAT_LAYOUT[x.dtype.name]
    bias, word = (1 << (n_exponent - 1)) - 1, np.dtype(f"u{x.dtype.itemsize}")
    mask = (1 << n_exponent) - 1
    # Subnormal numbers have no exponent of their own until they are scaled up.
    is_tiny = _LT(_ABS(x), constant(float(dtypes.finfo(x.dtype).tiny), x))
    scaled_up = pick(is_tiny, _MUL(x, constant(2.0**n_mantissa, x)), x)
    bits = BitcastConvertType(word)(scaled_up)
    shift = constant(n_mantissa, bits)
    exponent = And()(ShiftRightLogical()(bits, shift), constant(mask, bits))
    int32 = np.dtype(np.int32)
    power = _SUB(convert(exponent, int32), convert(bias - 1, int32))
    power = pick(is_tiny, _SUB(power, convert(n_mantissa, int32)), power)
    kept = And()(bits, constant((1 << (8 * x.dtype.itemsize)) - 1 - (mask << n_mantissa), bits))
    half = ShiftLeft()(constant(bias - 1, bits), shift)
    mantissa = BitcastConvertType(x.dtype)(Or()(kept, half))
    infinity = constant(math.inf, x)
    special = Or()(Or()(_EQ(x, constant(0, x)), _EQ(_ABS(x), infinity)), _NE(x, x))
    return pick(special, x, mantissa), pick(special, convert(0, int32), power)


def heaviside(x: Any, y: Any, /) -> Any:
    """Return 0 for negative x, 1 for positive ones, `y` at 0 and NaN for NaN."""
    x, y = promoted("heaviside", x, y, inexact=True)
    zero = constant(0, x)
    step = pick(_LT(x, zero), zero, pick(_EQ(x, zero), y, constant(1, x)))
    return pick(_NE(x, x), constant(math.nan, x), step)
