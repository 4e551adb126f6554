"""Comparisons, truth values, bits, tests of floats, and selection by condition."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from gradax import dtypes
from gradax.errors import ArgumentError, DtypeError, at_user_line
from gradax.lax.arithmetic import Add, Max, Min, Mul, Sub
from gradax.lax.bits import (
    And,
    Not,
    Or,
    PopulationCount,
    ShiftLeft,
    ShiftRightArithmetic,
    ShiftRightLogical,
    Xor,
)
from gradax.lax.comparison import Eq, Ge, Gt, Le, Lt, Ne, SelectN
from gradax.lax.complex_parts import Complex
from gradax.lax.reductions import ReduceAnd
from gradax.lax.rounding import Abs, IsFinite
from gradax.lax.shapes import broadcast_scalar
from gradax.numpy.arithmetic import constant, either, imag, promoted_numbers, real, refuse_out
from gradax.numpy.promotion import (
    ARRAYS,
    BOOL,
    COMPLEX,
    INEXACT,
    SCALARS,
    UNSIGNED,
    binary_any,
    broadcast,
    broadcast_shape,
    convert,
    operand,
    operands,
    promote_dtypes,
    promoted,
)
from gradax.numpy.small import natively

_EQ: Final = Eq()
_NE: Final = Ne()
_LT: Final = Lt()
_LE: Final = Le()
_GT: Final = Gt()
_GE: Final = Ge()
_AND: Final = And()
_OR: Final = Or()
_XOR: Final = Xor()
_NOT: Final = Not()
_SELECT: Final = SelectN()
_IS_FINITE: Final = IsFinite()
_SHIFT_LEFT: Final = ShiftLeft()
_SHIFT_RIGHT: Final = ShiftRightArithmetic()
_SHIFT_RIGHT_UNSIGNED: Final = ShiftRightLogical()
_ABS: Final = Abs()
_MAX: Final = Max()
_MIN: Final = Min()


@natively("eq")
def equal(x: Any, y: Any, /) -> Any:
    """Tell where elements are equal; NaN equals nothing."""
    return binary_any(_EQ, x, y)


@natively("ne")
def not_equal(x: Any, y: Any, /) -> Any:
    """Tell where elements differ."""
    return binary_any(_NE, x, y)


@natively("lt")
def less(x: Any, y: Any, /) -> Any:
    """Tell where x < y; complex numbers compare by real part, then by imaginary part."""
    return ordered(_LT, _LT, x, y)


@natively("le")
def less_equal(x: Any, y: Any, /) -> Any:
    """Tell where x <= y; complex numbers compare by real part, then by imaginary part."""
    return ordered(_LE, _LT, x, y)


@natively("gt")
def greater(x: Any, y: Any, /) -> Any:
    """Tell where x > y; complex numbers compare by real part, then by imaginary part."""
    return ordered(_GT, _GT, x, y)


@natively("ge")
def greater_equal(x: Any, y: Any, /) -> Any:
    """Tell where x >= y; complex numbers compare by real part, then by imaginary part."""
    return ordered(_GE, _GT, x, y)


def ordered(op: Any, strict: Any, x: Any, y: Any) -> Any:
    """Compare reals by `op`, complex numbers lexicographically."""
    if is_complex(x) or is_complex(y):
        x, y = promoted(op.name, x, y)
        rx, ry = real(x), real(y)
        return _OR(strict(rx, ry), _AND(_EQ(rx, ry), op(imag(x), imag(y))))
    return binary_any(op, x, y)


def is_complex(x: Any) -> bool:
    """Tell whether a value is of a complex dtype."""
    return type(x) is complex or (isinstance(x, (*ARRAYS, np.ndarray, np.generic)) and (
        x.dtype in COMPLEX
    ))  # fmt: skip


def bitwise_and(x: Any, y: Any, /) -> Any:
    """Return the bitwise and of integers, the logical and of bools."""
    return binary_any(_AND, x, y)


def bitwise_or(x: Any, y: Any, /) -> Any:
    """Return the bitwise or of integers, the logical or of bools."""
    return binary_any(_OR, x, y)


def bitwise_xor(x: Any, y: Any, /) -> Any:
    """Return the bitwise exclusive or of integers, the logical one of bools."""
    return binary_any(_XOR, x, y)


def bitwise_not(x: Any, /) -> Any:
    """Invert the bits of integers, or bools."""
    return _NOT(operand("bitwise_not", x))


invert = bitwise_invert = bitwise_not


def left_shift(x: Any, y: Any, /) -> Any:
    """Shift the bits of `x` up by `y`."""
    return _SHIFT_LEFT(*promoted_numbers("left_shift", x, y))


def right_shift(x: Any, y: Any, /) -> Any:
    """Shift the bits of `x` down by `y`, keeping the sign of signed integers."""
    x, y = promoted_numbers("right_shift", x, y)
    return (_SHIFT_RIGHT_UNSIGNED if x.dtype in UNSIGNED else _SHIFT_RIGHT)(x, y)


bitwise_left_shift, bitwise_right_shift = left_shift, right_shift


def bitwise_count(x: Any, /) -> Any:
    """Count the set bits of the magnitude, as uint8."""
    x = operand("bitwise_count", x)
    magnitude = x if x.dtype in UNSIGNED or x.dtype == BOOL else _ABS(x)
    if x.dtype == BOOL:
        return convert(x, np.dtype(np.uint8))
    return convert(PopulationCount()(magnitude), np.dtype(np.uint8))


def truth(name: str, x: Any, position: int = 0) -> Any:
    """Return where an argument is not zero."""
    x = operand(name, x, position)
    return x if x.dtype == BOOL else _NE(x, constant(0, x))


def logical_and(x: Any, y: Any, /) -> Any:
    """Tell where both are true (not zero)."""
    return binary_any(_AND, truth("logical_and", x), truth("logical_and", y, 1))


def logical_or(x: Any, y: Any, /) -> Any:
    """Tell where either is true (not zero)."""
    return binary_any(_OR, truth("logical_or", x), truth("logical_or", y, 1))


def logical_xor(x: Any, y: Any, /) -> Any:
    """Tell where exactly one is true (not zero)."""
    return binary_any(_XOR, truth("logical_xor", x), truth("logical_xor", y, 1))


def logical_not(x: Any, /) -> Any:
    """Tell where `x` is false (zero)."""
    return _NOT(truth("logical_not", x))


def isnan(x: Any, /) -> Any:
    """Tell where `x` is NaN."""
    x = operand("isnan", x)
    return _NE(x, x)


def isfinite(x: Any, /) -> Any:
    """Tell where `x` is neither infinite nor NaN."""
    x = operand("isfinite", x)
    if x.dtype in COMPLEX:
        return _AND(_IS_FINITE(real(x)), _IS_FINITE(imag(x)))
    return _IS_FINITE(x) if x.dtype in INEXACT else filled(x, True)


def isinf(x: Any, /) -> Any:
    """Tell where `x` is infinite."""
    x = operand("isinf", x)
    if x.dtype in COMPLEX:
        return _OR(isinf(real(x)), isinf(imag(x)))
    if x.dtype not in INEXACT:
        return filled(x, False)
    return _EQ(_ABS(x), constant(math.inf, x))


def isposinf(x: Any, /, out: None = None) -> Any:
    """Tell where `x` is plus infinity."""
    return is_infinity("isposinf", x, math.inf, out)


def isneginf(x: Any, /, out: None = None) -> Any:
    """Tell where `x` is minus infinity."""
    return is_infinity("isneginf", x, -math.inf, out)


def is_infinity(name: str, x: Any, infinity: float, out: Any) -> Any:
    """Tell where real numbers are an infinity."""
    refuse_out(name, out)
    x = operand(name, x)
    if x.dtype in COMPLEX:
        raise DtypeError(f"{name} accepts real numbers; got {x.dtype.name}{at_user_line()}")
    return _EQ(x, constant(infinity, x)) if x.dtype in INEXACT else filled(x, False)


def filled(x: Any, value: bool) -> Any:
    """Return a constant bool for each element of `x`."""
    return broadcast_scalar(convert(value, BOOL), x.shape)


def iscomplex(x: Any) -> Any:
    """Tell where the imaginary part is not zero."""
    x = operand("iscomplex", x)
    return _NE(imag(x), constant(0, imag(x))) if x.dtype in COMPLEX else filled(x, False)


def isreal(x: Any) -> Any:
    """Tell where the imaginary part is zero."""
    return _NOT(iscomplex(x))


def iscomplexobj(x: Any) -> bool:
    """Tell whether `x` is of a complex dtype, whatever its values are."""
    if x is None:
        return False
    dtype = getattr(x, "dtype", None)
    return isinstance(x, complex) if dtype is None else dtypes.issubdtype(dtype, np.complexfloating)


def isrealobj(x: Any) -> bool:
    """Tell whether `x` is of no complex dtype."""
    return not iscomplexobj(x)


def isscalar(element: Any) -> bool:
    """Tell whether `element` is a number or an array of rank 0."""
    if isinstance(element, ARRAYS):
        return element.ndim == 0
    if hasattr(element, "__jax_array__") and not isinstance(element, type):
        return np.ndim(element.__jax_array__()) == 0
    return bool(np.isscalar(element))


def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    """Tell where abs(a - b) <= atol + rtol * abs(b); infinities are close to themselves alone."""
    a, b = promoted("isclose", a, b)
    if a.dtype == BOOL:
        return _EQ(a, b)
    if a.dtype not in INEXACT:
        a, b = promoted("isclose", a, b, inexact=True)
    distance = _ABS(Sub()(a, b))
    size = _ABS(b)
    slack = binary_any(
        Add(), convert_like(atol, size), binary_any(Mul(), convert_like(rtol, size), size)
    )
    near = binary_any(_LE, distance, slack)
    finite = _AND(isfinite(a), isfinite(b))
    out = either(_AND(near, finite), _EQ(a, b))
    return either(out, _AND(_NE(a, a), _NE(b, b))) if equal_nan else out


def convert_like(x: Any, like: Any) -> Any:
    """Return a tolerance in the dtype of an array."""
    return convert(x if type(x) in SCALARS else operand("isclose", x), like.dtype)


def allclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    """Tell whether all elements are close, as `isclose` defines it."""
    return reduce_all(isclose(a, b, rtol, atol, equal_nan))


def reduce_all(x: Any) -> Any:
    """Return whether all elements of a bool array are true."""
    return ReduceAnd(tuple(range(x.ndim)))(x)


def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    """Tell whether two arrays have the same shape and elements."""
    a1, a2 = operands("array_equal", a1, a2)
    if a1.shape != a2.shape:
        return convert(False, BOOL)
    same = equal(a1, a2)
    return reduce_all(either(same, _AND(isnan(a1), isnan(a2))) if equal_nan else same)


def array_equiv(a1: Any, a2: Any) -> Any:
    """Tell whether two arrays, broadcast together, have the same elements."""
    a1, a2 = operands("array_equiv", a1, a2)
    reversed_pairs = zip(a1.shape[::-1], a2.shape[::-1], strict=False)
    if any(m != n and 1 not in (m, n) for m, n in reversed_pairs):
        return convert(False, BOOL)
    return reduce_all(equal(a1, a2))


def clip(
    arr: Any = None,
    /,
    min: Any = None,
    max: Any = None,
    *,
    a: Any = None,
    a_min: Any = None,
    a_max: Any = None,
) -> Any:
    """Limit elements to at least `min` and at most `max`; None: no limit; where they cross, `max`.

    Errors: TypeError without an array; ValueError for complex numbers.
    """
    arr = a if arr is None else arr
    low, high = a_min if min is None else min, a_max if max is None else max
    x = operand("clip", arr)
    if any(is_complex(v) for v in (x, low, high)):
        raise ArgumentError(
            f"clip: complex numbers have no order{at_user_line()}\n"
            "Clip the real and the imaginary part, or the magnitude."
        )
    if low is not None:
        x = binary_any(_MAX, low, x)
    return x if high is None else binary_any(_MIN, high, x)


def where_select(condition: Any, x: Any, y: Any) -> Any:
    """Return elements of `x` where the condition holds, else of `y`, broadcast together."""
    condition = truth("where", condition)
    x = x if type(x) in SCALARS else operand("where", x, 1)
    y = y if type(y) in SCALARS else operand("where", y, 2)
    x, y = promote_dtypes(x, y)
    shape = broadcast_shape("where", condition.shape, x.shape, y.shape)
    if condition.shape:
        condition = broadcast(condition, shape)
    return _SELECT(condition, broadcast(y, shape), broadcast(x, shape))


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """Return for each element that of the first choice whose condition holds, else `default`.

    Errors: ValueError unless there is one condition for each choice, at least one.
    """
    if len(condlist) != len(choicelist) or not condlist:
        raise ArgumentError(
            f"select: expected as many conditions as choices, at least one; got {len(condlist)} and"
            f" {len(choicelist)}{at_user_line()}"
        )
    values = [operand("select", x) for x in choicelist]
    *values, out = promote_dtypes(
        *values, default if type(default) in SCALARS else operand("select", default)
    )
    for condition, value in zip(reversed(condlist), reversed(values), strict=True):
        out = where_select(condition, value, out)
    return out


def piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Any:
    """Apply to each element the function (or take the constant) of the condition that holds.

    n conditions, n or n + 1 functions; the last one is for where no condition holds (0 without it).
    """
    x = operand("piecewise", x)
    conditions = list(condlist) if isinstance(condlist, (list, tuple)) else [condlist]
    if not isinstance(condlist, (list, tuple)) and np.ndim(condlist) == x.ndim + 1:
        conditions = [condlist[i] for i in range(condlist.shape[0])]
    functions = list(funclist)
    if len(functions) == len(conditions):
        functions.append(0)
    if len(functions) != len(conditions) + 1:
        raise ArgumentError(
            f"piecewise: with {len(conditions)} conditions, expected {len(conditions)} or"
            f" {len(conditions) + 1} functions; got {len(funclist)}{at_user_line()}"
        )
    out = piece(functions[-1], x, args, kw)
    # Where several conditions hold the last one wins, as NumPy assigns them in turn.
    for condition, function in zip(conditions, functions, strict=False):
        out = where_select(condition, piece(function, x, args, kw), out)
    return out


def piece(function: Callable[..., Any] | Any, x: Any, args: Any, kw: Any) -> Any:
    """Return a function's values on `x`, or a constant, in the dtype of `x`."""
    value = function(x, *args, **kw) if callable(function) else function
    value = value if type(value) in SCALARS else operand("piecewise", value)
    return broadcast(convert(value, x.dtype), x.shape)


def nan_to_num(
    x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    """Replace NaN by `nan` and infinities by the numbers given, or the largest finite ones."""
    x = operand("nan_to_num", x)
    if x.dtype not in INEXACT:
        return x
    if x.dtype in COMPLEX:
        parts = [nan_to_num(p, copy, nan, posinf, neginf) for p in (real(x), imag(x))]
        return complex_of(*parts)
    limits = dtypes.finfo(x.dtype)
    posinf = float(limits.max) if posinf is None else posinf
    neginf = float(limits.min) if neginf is None else neginf
    x = where_select(isnan(x), like(nan, x), x)
    x = where_select(_EQ(x, constant(math.inf, x)), like(posinf, x), x)
    return where_select(_EQ(x, constant(-math.inf, x)), like(neginf, x), x)


def like(value: Any, x: Any) -> Any:
    """Return a replacement in the dtype of an array."""
    value = value if type(value) in SCALARS else operand("nan_to_num", value)
    return convert(value, x.dtype, x.weak_type)


def complex_of(x: Any, y: Any) -> Any:
    """Return x + iy of two float arrays."""
    return Complex()(x, y)
