"""Signs, magnitudes, rounding to integers and to fewer bits, neighbours."""

from __future__ import annotations

import enum
from typing import Any, final

import numpy as np

from gradax import dtypes, kernel
from gradax.core.aval import Aval
from gradax.core.op import operation, unsupported
from gradax.core.value import NUMPY_TYPES, as_value
from gradax.errors import DtypeError, at_user_line
from gradax.kernel.meanings import meaning
from gradax.lax.arithmetic import Div, Neg, mul, scalar_like
from gradax.lax.comparison import Eq, Ge, SelectN
from gradax.lax.complex_parts import Real, conj, is_complex, part_dtype
from gradax.lax.convert import ConvertElementType
from gradax.lax.families import (
    BOOL_DTYPE,
    FLOAT,
    NUMBER,
    Binary,
    Elementwise,
    LinearUnary,
    Unary,
    check_dtype,
)
from gradax.lax.operands import operands
from gradax.lax.shapes import broadcast_scalar
from gradax.records import record


class RoundingMethod(enum.IntEnum):
    """How `round` treats halves."""

    AWAY_FROM_ZERO = 0
    TO_NEAREST_EVEN = 1


@final
@operation
class Abs(Unary):
    """The magnitude; the least integer stays as it is."""

    fn = "abs"
    numpy = np.abs

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        check_dtype(self, NUMBER, x)
        if dtypes.issubdtype(x.dtype, np.unsignedinteger):
            raise DtypeError(
                f"abs accepts signed, float and complex dtypes; got {x.dtype.name}{at_user_line()}"
            )
        return Unary.infer(self, x)

    def result_dtype(self, dtype: Any) -> Any:
        return part_dtype(dtype) if dtypes.issubdtype(dtype, np.complexfloating) else dtype

    def tangent(self, dx: Any, x: Any, y: Any) -> Any:
        if not is_complex(x):
            return SelectN()(Ge()(x, scalar_like(x, 0)), Neg()(dx), dx)
        one = broadcast_scalar(scalar_like(y, 1), y.shape)
        size = SelectN()(Eq()(y, scalar_like(y, 0)), y, one)
        return Real()(mul(dx, Div()(conj(x), ConvertElementType(x.dtype)(size))))


@final
@operation
class Sign(Unary):
    """-1, 0 or 1 as `x` is negative, zero or positive; z/|z| of complex numbers; zeros stay."""

    def scalar(self, *args: kernel.Scalar) -> kernel.Scalar:
        (x,) = args
        if x.dtype.kind == "c":
            size = kernel.apply("abs", x)
            parts = (kernel.apply("div", kernel.apply(p, x), size) for p in ("real", "imag"))
            zero = kernel.const(0, x.dtype)
            return kernel.select(kernel.apply("eq", size, 0), zero, kernel.apply("complex", *parts))
        one, minus = kernel.const(1, x.dtype), kernel.const(-1, x.dtype)
        if x.dtype.name.startswith("uint"):
            return kernel.select(kernel.apply("gt", x, 0), one, x)
        negative = kernel.select(kernel.apply("lt", x, 0), minus, x)
        return kernel.select(kernel.apply("gt", x, 0), one, negative)

    def reference(self, *operands: Any) -> Any:
        x = operands[0]
        with np.errstate(all="ignore"):
            return np.where(x == 0, x, np.sign(x))


@final
@operation
class Floor(Unary):
    """The largest integer that is not above `x`."""

    fn = "floor"
    numpy = np.floor
    accepts = FLOAT


@final
@operation
class Ceil(Unary):
    """The smallest integer that is not below `x`."""

    fn = "ceil"
    numpy = np.ceil
    accepts = FLOAT


@final
@operation
class Round(Unary):
    """The nearest integer; halves as `rounding_method` says."""

    rounding_method: RoundingMethod

    accepts = FLOAT

    def scalar(self, *args: kernel.Scalar) -> kernel.Scalar:
        return kernel.apply(self._function(), *args)

    def reference(self, *operands: Any) -> Any:
        return meaning(self._function())(*operands)

    def _function(self) -> str:
        even = self.rounding_method == RoundingMethod.TO_NEAREST_EVEN
        return "round_even" if even else "round"


@final
@operation
class IsFinite(Unary):
    """Whether `x` is neither infinite nor NaN."""

    numpy = np.isfinite
    accepts = FLOAT

    def infer(self, *avals: Aval) -> Aval:
        return Elementwise.infer(self, *avals).strip_weak_type()

    def result_dtype(self, dtype: Any) -> Any:
        return BOOL_DTYPE

    def scalar(self, *args: kernel.Scalar) -> kernel.Scalar:
        size = kernel.apply("abs", args[0])
        return kernel.apply("lt", size, kernel.const(np.inf, size.dtype))


@final
@operation
class Nextafter(Binary):
    """The float after `x` in the direction of `y`."""

    fn = "nextafter"
    numpy = np.nextafter
    accepts = FLOAT

    jvp = unsupported("it has no derivative")

    def scalar(self, *args: kernel.Scalar) -> kernel.Scalar:
        # Short floats are computed with as float32, whose neighbours are others.
        short = args[0].dtype.itemsize < 4
        return short_nextafter(*args) if short else kernel.apply(self.fn, *args)


def short_nextafter(x: kernel.Scalar, y: kernel.Scalar) -> kernel.Scalar:
    """Return the float after `x` in the direction of `y`, by counting its bits up or down."""
    bits = np.dtype(f"int{8 * x.dtype.itemsize}")
    word = kernel.bitcast(x, bits)
    one, sign = kernel.const(1, bits), kernel.const(np.iinfo(bits).min, bits)
    outwards = kernel.apply("eq", kernel.apply("gt", y, x), kernel.apply("gt", x, 0.0))
    stepped = word + kernel.select(outwards, one, kernel.apply("neg", one))
    least = kernel.select(kernel.apply("lt", y, 0.0), one | sign, one)
    moved = kernel.select(kernel.apply("eq", x, 0.0), least, stepped)
    out = kernel.bitcast(moved, x.dtype)
    differ = kernel.apply("or", kernel.apply("lt", x, y), kernel.apply("gt", x, y))
    is_number = kernel.apply("eq", x + y, x + y)
    infinite = kernel.apply("and", kernel.apply("eq", x, x), kernel.apply("eq", y, y))
    same = kernel.select(kernel.apply("or", is_number, infinite), y, x + y)
    return kernel.select(differ, out, same)


@final
@operation
class ReducePrecision(LinearUnary):
    """`x` rounded to a float of fewer exponent and mantissa bits, kept in its dtype.

    Halves go to even, what is too large becomes infinite, what is too small zero.
    """

    exponent_bits: int
    mantissa_bits: int

    accepts = FLOAT

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return self(ct)

    def scalar(self, *args: kernel.Scalar) -> kernel.Scalar:
        (x,) = args
        layout = Layout.of(x.dtype)
        word = kernel.bitcast(x, layout.word)
        sign = kernel.apply("and", word, layout.sign)
        size = kernel.apply("xor", word, sign)
        size = kernel.apply("and", self._rounded(size, layout), self._kept(layout))
        least, most = self._limits(layout)
        small = kernel.select(kernel.apply("lt", size, least), kernel.const(0, layout.word), size)
        infinity = kernel.const(layout.infinity, layout.word)
        within = kernel.select(kernel.apply("gt", size, most), infinity, small)
        out = kernel.bitcast(kernel.apply("or", sign, within), x.dtype)
        return kernel.select(kernel.apply("ne", x, x), x, out)

    def reference(self, *operands: Any) -> Any:
        x = np.asarray(operands[0], order="C")
        layout = Layout.of(x.dtype)
        word = x.reshape(-1).view(layout.word).astype(np.uint64).reshape(x.shape)
        sign = word & np.uint64(layout.sign)
        size = self._rounded(word ^ sign, layout) & np.uint64(self._kept(layout))
        least, most = self._limits(layout)
        within = np.where(size > most, layout.infinity, np.where(size < least, 0, size))
        out = (within.astype(np.uint64) | sign).astype(layout.word).view(x.dtype)
        return np.where(np.isnan(x), x, out.reshape(x.shape))

    def _rounded(self, size: Any, layout: Layout) -> Any:
        """Add half a unit of the last kept bit, less one unless that bit is odd."""
        dropped = layout.mantissa - self.mantissa_bits
        if dropped <= 0:
            return size
        word = np.uint64 if isinstance(size, NUMPY_TYPES) else int
        odd = (size >> word(dropped)) & word(1)
        return size + odd + word((1 << (dropped - 1)) - 1)

    def _kept(self, layout: Layout) -> int:
        return layout.all_bits & ~((1 << max(layout.mantissa - self.mantissa_bits, 0)) - 1)

    def _limits(self, layout: Layout) -> tuple[int, int]:
        """Return the words of the least normal and of the largest finite number that are kept."""
        bias, wide = (1 << (self.exponent_bits - 1)) - 1, (1 << (layout.exponent - 1)) - 1
        if bias >= wide:
            return 0, layout.infinity - 1
        least = (wide - bias + 1) << layout.mantissa
        return least, ((wide + bias + 1) << layout.mantissa) - 1


@record
class Layout:
    """How a float dtype is laid out: bits of its parts, the integer dtype as wide."""

    exponent: int
    mantissa: int
    word: Any

    @staticmethod
    def of(dtype: Any) -> Layout:
        """Return the layout of a float dtype."""
        info = dtypes.finfo(dtype)
        bits = dtype.itemsize * 8
        return Layout(bits - 1 - info.nmant, info.nmant, np.dtype(f"uint{bits}"))

    @property
    def sign(self) -> int:
        """The word of the sign bit."""
        return 1 << (self.exponent + self.mantissa)

    @property
    def infinity(self) -> int:
        """The word of infinity."""
        return ((1 << self.exponent) - 1) << self.mantissa

    @property
    def all_bits(self) -> int:
        """The word with every bit set."""
        return 2 * self.sign - 1


def abs(x: Any) -> Any:
    """Return the magnitude elementwise; of complex numbers it is real."""
    return Abs()(as_value(x))


def sign(x: Any) -> Any:
    """Return -1, 0 or 1 elementwise; z/|z| for complex numbers."""
    return Sign()(as_value(x))


def floor(x: Any) -> Any:
    """Round down elementwise."""
    return Floor()(as_value(x))


def ceil(x: Any) -> Any:
    """Round up elementwise."""
    return Ceil()(as_value(x))


def round(x: Any, rounding_method: Any = RoundingMethod.AWAY_FROM_ZERO) -> Any:
    """Round to the nearest integer elementwise."""
    return Round(RoundingMethod(rounding_method))(as_value(x))


def is_finite(x: Any) -> Any:
    """Tell elementwise whether x is neither infinite nor NaN."""
    return IsFinite()(as_value(x))


def nextafter(x1: Any, x2: Any) -> Any:
    """Return the float after `x1` towards `x2` elementwise."""
    return Nextafter()(*operands(x1, x2))


def reduce_precision(operand: Any, exponent_bits: int, mantissa_bits: int) -> Any:
    """Round to a float format of fewer bits, keeping the dtype.

    Errors: ValueError for a negative number of bits.
    """
    if exponent_bits < 1 or mantissa_bits < 0:
        raise ValueError(
            "reduce_precision: expected exponent_bits >= 1 and mantissa_bits >= 0; got"
            f" {exponent_bits} and {mantissa_bits}{at_user_line()}"
        )
    return ReducePrecision(int(exponent_bits), int(mantissa_bits))(as_value(operand))
