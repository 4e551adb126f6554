"""Arithmetic elementwise functions: sums, products, quotients, powers, extrema, rounding, parts."""

from __future__ import annotations

import operator
from typing import Any, Final

import numpy as np

from gradax import dtypes
from gradax.core.watch import watch
from gradax.errors import DtypeError, at_user_line
from gradax.lax.arithmetic import Add, Div, IntegerPow, Max, Min, Mul, Neg, Rem, Sub
from gradax.lax.bits import And, Or, ShiftRightArithmetic, ShiftRightLogical
from gradax.lax.comparison import Eq, Gt, Lt, Ne, SelectN
from gradax.lax.complex_parts import Complex, Conj, Imag, Real
from gradax.lax.elementary import Cbrt, Pow, Sqrt, Square
from gradax.lax.rounding import Abs, Ceil, Floor, Round, RoundingMethod, Sign
from gradax.lax.shapes import broadcast_scalar
from gradax.numpy.promotion import (
    BOOL,
    COMPLEX,
    INEXACT,
    INTEGERS,
    SCALARS,
    UNSIGNED,
    binary,
    binary_any,
    binary_inexact,
    broadcast_shape,
    convert,
    inexact,
    operand,
    pair_of,
    promoted,
)
from gradax.numpy.small import natively

_ADD: Final = Add()
_SUB: Final = Sub()
_MUL: Final = Mul()
_DIV: Final = Div()
_REM: Final = Rem()
_NEG: Final = Neg()
_ABS: Final = Abs()
_SIGN: Final = Sign()
_SQRT: Final = Sqrt()
_CBRT: Final = Cbrt()
_SQUARE: Final = Square()
_MAX: Final = Max()
_MIN: Final = Min()
_POW: Final = Pow()
_AND: Final = And()
_OR: Final = Or()
_NE: Final = Ne()
_EQ: Final = Eq()
_LT: Final = Lt()
_SELECT: Final = SelectN()
_COMPLEX: Final = Complex()
_FLOOR: Final = Floor()
_CEIL: Final = Ceil()
_ROUND_EVEN: Final = Round(RoundingMethod.TO_NEAREST_EVEN)
_ROUND_AWAY: Final = Round(RoundingMethod.AWAY_FROM_ZERO)


@natively("add")
def add(x: Any, y: Any, /) -> Any:
    """Add elementwise; bools by logical or."""
    return binary(_ADD, x, y, _OR)


@natively("subtract")
def subtract(x: Any, y: Any, /) -> Any:
    """Subtract elementwise. Errors: TypeError for two bools."""
    return binary(_SUB, x, y)


@natively("multiply")
def multiply(x: Any, y: Any, /) -> Any:
    """Multiply elementwise; bools by logical and."""
    return binary(_MUL, x, y, _AND)


@natively("divide")
def true_divide(x: Any, y: Any, /) -> Any:
    """Divide elementwise, integers as floats."""
    return binary_inexact(_DIV, x, y)


divide = true_divide


def floor_divide(x: Any, y: Any, /) -> Any:
    """Divide elementwise and round down. Errors: TypeError for complex numbers."""
    x, y = promoted_numbers("floor_divide", x, y)
    if x.dtype in INTEGERS:
        quotient = _DIV(x, y)
        if x.dtype in UNSIGNED:
            return quotient
        is_inexact = _NE(_REM(x, y), constant(0, x))
        below = both(_NE(_SIGN(x), _SIGN(y)), is_inexact)
        return pick(below, _SUB(quotient, constant(1, x)), quotient)
    if x.dtype in COMPLEX or x.dtype not in INEXACT:
        raise DtypeError(f"floor_divide accepts real numbers; got {x.dtype.name}{at_user_line()}")
    rest = _REM(x, y)
    numerator = pick(_EQ(y, constant(0, y)), x, _SUB(x, rest))
    quotient = _DIV(numerator, y)
    below = both(_NE(rest, constant(0, x)), _NE(_SIGN(y), _SIGN(rest)))
    return _ROUND_AWAY(pick(below, _SUB(quotient, constant(1, x)), quotient))


def remainder(x: Any, y: Any, /) -> Any:
    """Return the remainder of `floor_divide`, with the sign of `y`; of integers by 0, 0."""
    x, y = promoted_numbers("remainder", x, y)
    if x.dtype in INTEGERS:
        if watch.operation is not None:
            watch.operation(_REM, (x, y))
        y = pick(_EQ(y, constant(0, y)), constant(1, y), y)
    zero = constant(0, x)
    rest = _REM(x, y)
    if x.dtype in UNSIGNED:
        return rest
    wrong_sign = both(_NE(_LT(rest, zero), _LT(y, zero)), _NE(rest, zero))
    return pick(wrong_sign, _ADD(rest, y), rest)


mod = remainder


def fmod(x: Any, y: Any, /) -> Any:
    """Return the remainder with the sign of `x`; of integers by 0, 0."""
    x, y = promoted_numbers("fmod", x, y)
    if x.dtype in INTEGERS:
        if watch.operation is not None:
            watch.operation(_REM, (x, y))
        y = pick(_EQ(y, constant(0, y)), constant(1, y), y)
    return _REM(x, y)


def divmod(x: Any, y: Any, /) -> tuple[Any, Any]:
    """Return `floor_divide(x, y)` and `remainder(x, y)`."""
    return floor_divide(x, y), remainder(x, y)


def power(x: Any, y: Any, /) -> Any:
    """Raise `x` to the power `y`; a Python integer by repeated multiplication.

    Errors: TypeError for a negative integer power of integers.
    """
    if type(y) is int or isinstance(y, np.integer):
        return integer_power(x, int(y))
    x = x if type(x) in SCALARS else operand("power", x, 0)
    y = y if type(y) in SCALARS else operand("power", y, 1)
    if is_whole(x) and is_whole(y):
        weak = all(type(v) is bool or pair_of(v)[1] for v in (x, y))
        pair = promoted_numbers("power", x, y)
        return integer_to_integer(*(convert(v, v.dtype, weak) for v in pair))
    if type(y) not in SCALARS and y.dtype in INTEGERS:
        return float_to_integer(operand("power", x), y)
    return binary_inexact(_POW, x, y)


def is_whole(x: Any) -> bool:
    """Tell whether a value is of an integer dtype or a bool."""
    dtype = pair_of(x)[0]
    return dtype in INTEGERS or dtype == BOOL


def promoted_numbers(name: str, x: Any, y: Any) -> tuple[Any, Any]:
    """Return two operands in their common dtype and shape, bools as integers."""
    x, y = promoted(name, x, y)
    if x.dtype != BOOL:
        return x, y
    wide = dtypes.default_dtype("i")
    return convert(x, wide), convert(y, wide)


def integer_power(x: Any, y: int) -> Any:
    """Return `x` to a known integer power."""
    x = operand("power", x)
    if x.dtype == BOOL:
        x = convert(x, dtypes.default_dtype("i"))
    if y < 0 and x.dtype not in INEXACT:
        raise DtypeError(
            f"Integers cannot be raised to negative powers; got {x.aval} to the power"
            f" {y}.{at_user_line()}\nConvert the base first: x.astype(float)"
        )
    return IntegerPow(y)(x)


def float_to_integer(x: Any, y: Any) -> Any:
    """Raise floats to integer powers of another array, which keeps its dtype."""
    if not fits(x.shape, y.shape) or (x.shape and y.shape and x.shape != y.shape):
        exact = convert(y, x.dtype)
        x, _ = promoted("power", x, exact)
        y, _ = promoted("power", y, convert(x, y.dtype))
    return _POW(x, y)


def fits(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Tell whether two shapes broadcast together."""
    return all(m == n or 1 in (m, n) for m, n in zip(a[::-1], b[::-1], strict=False))


def integer_to_integer(x: Any, y: Any) -> Any:
    """Raise integers to integer powers by squaring, modulo the dtype.

    Negative powers are those of the quotient cut off: ±1 for 1 and -1, else 0.
    """
    shape = broadcast_shape("power", x.shape, y.shape)
    shift = (ShiftRightLogical if x.dtype in UNSIGNED else ShiftRightArithmetic)()
    zero, one = constant(0, x), constant(1, x)
    out = broadcast_scalar(one, shape)
    given, rest = x, y
    x, y = broadcast_scalar(x, shape), broadcast_scalar(y, shape)
    for _ in range(x.dtype.itemsize * 8 - (x.dtype not in UNSIGNED)):
        is_odd = broadcast_scalar(_NE(_AND(rest, one), zero), shape)
        out = _SELECT(is_odd, out, _MUL(out, x))
        x, rest = _MUL(x, x), shift(rest, one)
    if given.dtype in UNSIGNED:
        return out
    is_unit = _EQ(_MUL(given, given), one)
    return pick(_LT(y, zero), pick(is_unit, out, zero), out)


pow = power


def float_power(x: Any, y: Any, /) -> Any:
    """Raise to a power as floats."""
    return binary_inexact(_POW, x, y)


def negative(x: Any, /) -> Any:
    """Negate elementwise. Errors: TypeError for bools."""
    return _NEG(operand("negative", x))


def positive(x: Any, /) -> Any:
    """Return `x` itself, as an array."""
    return operand("positive", x)


def absolute(x: Any, /) -> Any:
    """Return the magnitude elementwise; of complex numbers a float."""
    x = operand("absolute", x)
    return x if x.aval.dtype in UNSIGNED or x.aval.dtype == BOOL else _ABS(x)


abs = absolute


def fabs(x: Any, /) -> Any:
    """Return the magnitude as a float. Errors: TypeError for complex numbers."""
    if operand("fabs", x).dtype in COMPLEX:
        raise DtypeError(f"fabs accepts real numbers; got a complex array{at_user_line()}")
    return inexact(_ABS, x)


def sign(x: Any, /) -> Any:
    """Return -1, 0 or 1; of complex numbers x / abs(x)."""
    return _SIGN(operand("sign", x))


def square(x: Any, /) -> Any:
    """Return x * x elementwise."""
    x = operand("square", x)
    return _SQUARE(convert(x, dtypes.default_dtype("i")) if x.dtype == BOOL else x)


def sqrt(x: Any, /) -> Any:
    """Return the square root elementwise; NaN for negative reals."""
    return inexact(_SQRT, x)


def cbrt(x: Any, /) -> Any:
    """Return the real cube root elementwise."""
    return inexact(_CBRT, x)


def reciprocal(x: Any, /) -> Any:
    """Return 1 / x elementwise, integers as floats."""
    return inexact(IntegerPow(-1), x)


@natively("maximum")
def maximum(x: Any, y: Any, /) -> Any:
    """Return the larger of two elements; NaN where one is."""
    return binary_any(_MAX, x, y)


@natively("minimum")
def minimum(x: Any, y: Any, /) -> Any:
    """Return the smaller of two elements; NaN where one is."""
    return binary_any(_MIN, x, y)


def fmax(x1: Any, x2: Any) -> Any:
    """Return the larger of two elements; the other one where one is NaN."""
    return number_of(_MAX, *promoted("fmax", x1, x2))


def fmin(x1: Any, x2: Any) -> Any:
    """Return the smaller of two elements; the other one where one is NaN."""
    return number_of(_MIN, *promoted("fmin", x1, x2))


def number_of(op: Any, x: Any, y: Any) -> Any:
    """Apply `max` or `min` where neither is NaN, else return the other."""
    if x.dtype not in INEXACT:
        return op(x, y)
    return pick(_NE(y, y), x, pick(_NE(x, x), y, op(x, y)))


def floor(x: Any, /) -> Any:
    """Round down elementwise; integers stay as they are."""
    return rounded(_FLOOR, x)


def ceil(x: Any, /) -> Any:
    """Round up elementwise; integers stay as they are."""
    return rounded(_CEIL, x)


def rint(x: Any, /) -> Any:
    """Round to the nearest integer, halves to the even one, as a float."""
    x = operand("rint", x)
    if x.dtype in COMPLEX:
        return round(x)
    return inexact(_ROUND_EVEN, x)


def trunc(x: Any, /) -> Any:
    """Round towards zero elementwise; integers stay as they are."""
    x = operand("trunc", x)
    if x.dtype not in INEXACT:
        return x
    return pick(_LT(x, constant(0, x)), _CEIL(x), _FLOOR(x))


def rounded(op: Any, x: Any) -> Any:
    """Apply a rounding operation; integers and bools are round."""
    x = operand(op.name, x)
    return op(x) if x.aval.dtype in INEXACT else x


def round(a: Any, decimals: int = 0, out: None = None) -> Any:
    """Round to `decimals` places, halves to the even digit."""
    refuse_out("round", out)
    x = operand("round", a)
    decimals = operator.index(decimals)
    if x.dtype in COMPLEX:
        return make_complex(round(_real(x), decimals), round(_imag(x), decimals))
    if x.dtype not in INEXACT:
        return x if decimals >= 0 or x.dtype == BOOL else round_integers(x, 10**-decimals)
    if decimals == 0:
        return _ROUND_EVEN(x)
    wide = convert(x, np.dtype(np.float32), x.weak_type) if x.dtype.itemsize < 4 else x
    factor = constant(10.0 ** builtin_abs(decimals), wide)
    if decimals > 0:
        out_wide = _DIV(_ROUND_EVEN(_MUL(wide, factor)), factor)
    else:
        out_wide = _MUL(_ROUND_EVEN(_DIV(wide, factor)), factor)
    return convert(out_wide, x.dtype, x.weak_type)


around = round


def round_integers(x: Any, unit: int) -> Any:
    """Round integers to a multiple of `unit`, halves to the even one."""
    lower = floor_divide(x, unit)
    rest = subtract(x, multiply(lower, unit))
    is_odd = _NE(remainder(lower, 2), constant(0, x))
    up = either(binary_any(Gt(), rest, unit // 2), both(binary_any(_EQ, rest, unit // 2), is_odd))
    return multiply(add(lower, convert(up, x.dtype)), unit)


def real(val: Any, /) -> Any:
    """Return the real part."""
    return _real(operand("real", val))


def _real(x: Any) -> Any:
    return Real()(x) if x.dtype in COMPLEX else x


def imag(val: Any, /) -> Any:
    """Return the imaginary part; zeros for real numbers."""
    return _imag(operand("imag", val))


def _imag(x: Any) -> Any:
    return Imag()(x) if x.dtype in COMPLEX else broadcast_scalar(constant(0, x), x.shape)


def conjugate(x: Any, /) -> Any:
    """Return the complex conjugate; real numbers stay as they are."""
    x = operand("conjugate", x)
    return Conj(x.dtype)(x) if x.dtype in COMPLEX else x


conj = conjugate

builtin_abs = operator.abs


def constant(value: Any, like: Any) -> Any:
    """Return a Python number as a rank-0 array of the dtype and weakness of `like`."""
    return convert(value, like.dtype, like.weak_type)


def pick(condition: Any, x: Any, y: Any) -> Any:
    """Return `x` where `condition` holds, else `y`; rank-0 values are broadcast."""
    shape = x.shape or y.shape or condition.shape
    return _SELECT(condition, broadcast_scalar(y, shape), broadcast_scalar(x, shape))


def both(x: Any, y: Any) -> Any:
    """Return the logical and of two bool arrays."""
    return _AND(x, y)


def either(x: Any, y: Any) -> Any:
    """Return the logical or of two bool arrays."""
    return _OR(x, y)


def make_complex(x: Any, y: Any) -> Any:
    """Return x + iy of two float arrays."""
    return _COMPLEX(x, y)


def refuse_out(name: str, out: Any) -> None:
    """Raise where a user passes `out=`: arrays are immutable."""
    if out is not None:
        raise NotImplementedError(
            f"{name}: the 'out' argument is not supported, arrays are immutable{at_user_line()}\n"
            f"Use the returned array: x = jnp.{name}(...)"
        )
