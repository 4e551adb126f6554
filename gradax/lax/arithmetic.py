"""Arithmetic: add, sub, mul, div, rem, neg, integer_pow, min and max, and the sum of cotangents."""

from __future__ import annotations

from operator import index
from typing import Any, final

import numpy as np

from gradax import dtypes, kernel
from gradax.core.aval import Aval
from gradax.core.op import operation
from gradax.core.tangent import is_linear
from gradax.core.value import as_value
from gradax.errors import DtypeError, at_user_line
from gradax.lax.comparison import extremum_share
from gradax.lax.convert import ConvertElementType
from gradax.lax.families import (
    REAL,
    Binary,
    LinearUnary,
    Unary,
    arithmetic,
    quiet,
    to_operand,
)
from gradax.lax.operands import operands
from gradax.lax.shapes import broadcast_scalar


@final
@operation
class Neg(LinearUnary):
    """Negation."""

    fn = "neg"
    numpy = np.negative

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return Neg()(ct)


@final
@operation
class Add(Binary):
    """Addition; integers wrap."""

    fn = "add"
    numpy = np.add

    def first_term(self, dx: Any, x: Any, y: Any, out: Any) -> Any:
        return dx

    second_term = first_term

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return tuple(to_operand(ct, o) if is_linear(o) else None for o in operands)


@final
@operation
class AddAny(Binary):
    """Addition of cotangents of any dtype."""

    fn = "add"
    numpy = np.add
    accepts = "any"

    def first_term(self, dx: Any, x: Any, y: Any, out: Any) -> Any:
        return dx

    second_term = first_term

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return tuple(to_operand(ct, o) if is_linear(o) else None for o in operands)


@final
@operation
class Sub(Binary):
    """Subtraction; integers wrap."""

    fn = "sub"
    numpy = np.subtract

    def first_term(self, dx: Any, x: Any, y: Any, out: Any) -> Any:
        return dx

    def second_term(self, dy: Any, x: Any, y: Any, out: Any) -> Any:
        return Neg()(dy)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        x, y = operands
        ct_x = to_operand(ct, x) if is_linear(x) else None
        return ct_x, Neg()(to_operand(ct, y)) if is_linear(y) else None


@final
@operation
class Mul(Binary):
    """Multiplication; integers wrap."""

    fn = "mul"
    numpy = np.multiply

    def first_term(self, dx: Any, x: Any, y: Any, out: Any) -> Any:
        return Mul()(dx, y)

    def second_term(self, dy: Any, x: Any, y: Any, out: Any) -> Any:
        return Mul()(x, dy)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        x, y = operands
        if is_linear(x):
            return to_operand(Mul()(ct, y), x), None
        return None, to_operand(Mul()(x, ct), y)


@final
@operation
class Div(Binary):
    """Division; integers truncate, x/0 is -1 for them."""

    fn = "div"

    def first_term(self, dx: Any, x: Any, y: Any, out: Any) -> Any:
        return Div()(dx, y)

    def second_term(self, dy: Any, x: Any, y: Any, out: Any) -> Any:
        return Mul()(Mul()(Neg()(dy), x), IntegerPow(-2)(y))

    def transpose(self, ct: Any, *operands: Any) -> Any:
        x, y = operands
        return to_operand(Div()(ct, y), x), None

    def reference(self, *operands: Any) -> Any:
        x, y = operands
        integer = dtypes.issubdtype(x.dtype, np.integer)
        return quiet(kernel.int_div if integer else np.divide)(x, y)


@final
@operation
class Rem(Binary):
    """Remainder with the sign of the dividend; x % 0 is x for integers, NaN for floats."""

    fn = "rem"
    accepts = REAL

    def first_term(self, dx: Any, x: Any, y: Any, out: Any) -> Any:
        return broadcast_scalar(dx, out.shape)

    def second_term(self, dy: Any, x: Any, y: Any, out: Any) -> Any:
        return Mul()(Neg()(dy), Sub()(Div()(x, y), Div()(out, y)))

    def reference(self, *operands: Any) -> Any:
        x, y = operands
        integer = dtypes.issubdtype(x.dtype, np.integer)
        return quiet(kernel.int_rem if integer else np.fmod)(x, y)


@final
@operation
class IntegerPow(Unary):
    """`x` to the integer power `y`, by repeated squaring."""

    y: int

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        if self.y < 0 and not dtypes.issubdtype(x.dtype, np.inexact):
            raise DtypeError(
                f"integer_pow: expected a power >= 0 of an {x.dtype.name} array; got {self.y}"
                f"{at_user_line()}\nConvert the array to a float dtype first."
            )
        return Unary.infer(self, x)

    def derivative(self, x: Any, y: Any) -> Any:
        if self.y == 0:
            return Mul()(x, scalar_like(x, 0))
        if self.y == 1:
            return scalar_like(x, 1)
        power = x if self.y == 2 else IntegerPow(self.y - 1)(x)
        return Mul()(scalar_like(x, self.y), power)

    def scalar(self, *args: kernel.Scalar) -> kernel.Scalar:
        (x,) = args
        n = abs(self.y)
        result: kernel.Scalar | None = None
        while n:
            if n & 1:
                result = x if result is None else kernel.apply("mul", result, x)
            n >>= 1
            x = kernel.apply("mul", x, x) if n else x
        out = kernel.const(1, args[0].dtype) if result is None else result
        return kernel.apply("div", kernel.const(1, out.dtype), out) if self.y < 0 else out

    def reference(self, *operands: Any) -> Any:
        x = operands[0]
        with np.errstate(all="ignore"):
            if self.y >= 0:
                return (
                    np.power(x, np.asarray(self.y, x.dtype)) if self.y > 3 else product(x, self.y)
                )
            return np.ones_like(x) / IntegerPow(-self.y).reference(x)


def product(x: Any, n: int) -> Any:
    """Return x multiplied by itself, n small."""
    out = np.ones_like(x) if n == 0 else x
    for _ in range(n - 1):
        out = np.multiply(out, x)
    return out


def scalar_like(x: Any, value: Any) -> Any:
    """Return a rank-0 NumPy constant of x's dtype."""
    return np.asarray(value, x.dtype)


@final
@operation
class Max(Binary):
    """The larger operand; NaN when either is; complex numbers compare lexicographically."""

    fn = "max"
    numpy = np.maximum
    accepts = "any"

    def first_term(self, dx: Any, x: Any, y: Any, out: Any) -> Any:
        return Mul()(dx, extremum_share(x, y, out))

    def second_term(self, dy: Any, x: Any, y: Any, out: Any) -> Any:
        return Mul()(dy, extremum_share(y, x, out))


@final
@operation
class Min(Binary):
    """The smaller operand; NaN when either is; complex numbers compare lexicographically."""

    fn = "min"
    numpy = np.minimum
    accepts = "any"

    first_term = Max.first_term
    second_term = Max.second_term


def add(x: Any, y: Any) -> Any:
    """Add elementwise; operands have one shape (or rank 0) and one dtype."""
    return Add()(*operands(x, y))


def sub(x: Any, y: Any) -> Any:
    """Subtract elementwise; operands have one shape (or rank 0) and one dtype."""
    return Sub()(*operands(x, y))


def mul(x: Any, y: Any, *, out_dtype: Any = None) -> Any:
    """Multiply elementwise, converting to `out_dtype` first when it is given.

    Errors: TypeError unless operands have one shape (or rank 0) and one dtype.
    """
    x, y = operands(x, y)
    if out_dtype is not None:
        x, y = (ConvertElementType(dtypes.canonicalize_dtype(out_dtype))(v) for v in (x, y))
    return Mul()(x, y)


def div(x: Any, y: Any) -> Any:
    """Divide elementwise; integers truncate, and x/0 is -1 for them."""
    return Div()(*operands(x, y))


def rem(x: Any, y: Any) -> Any:
    """Return the remainder elementwise, with the sign of `x`."""
    return Rem()(*operands(x, y))


def neg(x: Any) -> Any:
    """Return -x elementwise; unsigned integers wrap."""
    return Neg()(as_value(x))


def integer_pow(x: Any, y: int) -> Any:
    """Return x to the power of a Python integer, by repeated squaring.

    Errors: TypeError for a negative power of an integer array.
    """
    return IntegerPow(index(y))(as_value(x))


def max(x: Any, y: Any) -> Any:
    """Return the larger operand elementwise; NaN where either is."""
    return Max()(*operands(x, y))


def min(x: Any, y: Any) -> Any:
    """Return the smaller operand elementwise; NaN where either is."""
    return Min()(*operands(x, y))


arithmetic.add = Add()
arithmetic.mul = Mul()
