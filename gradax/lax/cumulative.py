"""Cumulative sums, products, extrema and log-sums of exponentials along an axis."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, ClassVar, final

import numpy as np

from gradax import kernel
from gradax.core.aval import Aval
from gradax.core.op import Op, operation
from gradax.core.value import as_value
from gradax.errors import require
from gradax.kernel.libraries import dtype_code
from gradax.lax.arithmetic import Add, Mul, Sub
from gradax.lax.comparison import Eq, SelectN, zeros
from gradax.lax.computation import highest, lowest
from gradax.lax.elementary import Exp
from gradax.lax.families import FLOAT, NUMBER, REAL, check_dtype
from gradax.lax.shapes import accumulation_dtype, broadcast_scalar
from gradax.lax.slicing import Pad


@operation
class Cumulative(Op):
    """Fold the elements up to (from the end: from) each place of an axis.

    Shapes: x: T[s] -> T[s].
    Errors: TypeError for an axis outside x.
    """

    axis: int
    reverse: bool = False

    fn: ClassVar[str]
    identity: ClassVar[Callable[[Any], Any]]
    numpy: ClassVar[Any]
    accepts: ClassVar[str] = NUMBER

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        check_dtype(self, self.accepts, x)
        require(0 <= self.axis < x.ndim, self, f"an axis of {x}", self.axis)
        return x

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        (x,), (dim,) = args, dims
        assert dim is not None
        return type(self)(self.axis + (dim <= self.axis), self.reverse)(x), dim

    def rule(self, a: kernel.Scalar, b: kernel.Scalar) -> kernel.Scalar:
        """Return the combination of two elements."""
        return kernel.apply(self.fn, a, b)

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands
        if x.size == 0:
            return x
        if x.dtype.kind == "c":
            return self.in_library(x)
        wide = accumulation_dtype(x.dtype)
        rule = self.rule(kernel.slot(0, wide), kernel.slot(1, wide))
        init = kernel.const(type(self).identity(wide), wide)
        body = kernel.convert(x[tuple(map(kernel.index, range(x.ndim)))], wide)
        node = kernel.Prefix(x.shape, self.axis, self.reverse, rule, init, body)
        out = kernel.one_result(node)
        return out if wide == x.dtype else kernel.cast(out, x.dtype)

    def in_library(self, x: kernel.Tensor) -> kernel.Tensor:
        """Call the library, which has sums and products of complex numbers."""
        outer, inner = prod(x.shape[: self.axis]), prod(x.shape[self.axis + 1 :])
        code = {"add": 0, "mul": 1}[self.fn]
        sizes = (outer, x.shape[self.axis], inner)
        params = (dtype_code(x.dtype), code, *sizes, self.reverse)
        flat = kernel.reshape(x, sizes)
        node = kernel.Library("cumulative", (flat,), [(sizes, x.dtype)], params)
        return kernel.reshape(kernel.one_result(node), x.shape)

    def reference(self, *operands: Any) -> Any:
        x = np.asarray(operands[0])
        wide = x.astype(accumulation_dtype(x.dtype))
        wide = np.flip(wide, self.axis) if self.reverse else wide
        with np.errstate(all="ignore"):
            out = self.numpy.accumulate(wide, axis=self.axis, dtype=wide.dtype)
            out = np.flip(out, self.axis) if self.reverse else out
            return out.astype(x.dtype)


@final
@operation
class Cumsum(Cumulative):
    """The cumulative sum; half-precision sums are accumulated in float32."""

    fn = "add"
    identity = staticmethod(lambda dtype: 0)
    numpy = np.add

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        return self(primals[0]), self(tangents[0])

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return Cumsum(self.axis, not self.reverse)(ct)


@final
@operation
class Cumprod(Cumulative):
    """The cumulative product; half-precision products are accumulated in float32."""

    fn = "mul"
    identity = staticmethod(lambda dtype: 1)
    numpy = np.multiply

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        (x,), (dx,) = primals, tangents
        before = exclusive_cumprod(x, self.axis, self.reverse)
        return self(x), linear_recurrence(x, Mul()(before, dx), self.axis, self.reverse)


@operation
class CumulativeExtremum(Cumulative):
    """The best element so far; its derivative goes to the elements that are it, in equal parts."""

    accepts = REAL

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        (x,), (dx,) = primals, tangents
        y = self(x)
        worst = np.asarray(type(self).identity(x.dtype)).astype(x.dtype)
        before = shifted(y, self.axis, 1, self.reverse, worst)
        # Of (old, new): all old, half of each at a tie, all new.
        one, half, zero = (full(x.aval, v) for v in (1, 0.5, 0))
        is_old, is_new = Eq()(y, before), Eq()(y, x)
        new = SelectN()(is_new, zero, SelectN()(is_old, one, half))
        old = Sub()(one, new)
        return y, linear_recurrence(old, Mul()(new, dx), self.axis, self.reverse)

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands
        if x.dtype != np.bool_:
            return Cumulative.lower(self, x)
        return kernel.cast(Cumulative.lower(self, kernel.cast(x, np.int8)), np.bool_)


@final
@operation
class Cummax(CumulativeExtremum):
    """The cumulative maximum; NaN from the first one on."""

    fn = "max"
    identity = staticmethod(lowest)
    numpy = np.maximum


@final
@operation
class Cummin(CumulativeExtremum):
    """The cumulative minimum; NaN from the first one on."""

    fn = "min"
    identity = staticmethod(highest)
    numpy = np.minimum


@final
@operation
class Cumlogsumexp(Cumulative):
    """The logarithm of the cumulative sum of exponentials, without overflow."""

    identity = staticmethod(lambda dtype: -np.inf)
    numpy = np.logaddexp
    accepts = FLOAT

    def rule(self, a: kernel.Scalar, b: kernel.Scalar) -> kernel.Scalar:
        more = kernel.apply("exp", -kernel.apply("abs", a - b))
        sum_ = kernel.apply("max", a, b) + kernel.apply("log1p", more)
        return kernel.select(kernel.apply("eq", a, b), a + float(np.log(2)), sum_)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        (x,), (dx,) = primals, tangents
        y = self(x)
        least = np.asarray(-np.inf, x.dtype)
        before = shifted(y, self.axis, 1, self.reverse, least)
        # Where the sum is still zero the difference of logarithms is not a number.
        empty = Eq()(y, full(x.aval, -np.inf))
        old = SelectN()(empty, Exp()(Sub()(before, y)), zeros(x.aval))
        new = SelectN()(empty, Exp()(Sub()(x, y)), zeros(x.aval))
        return y, linear_recurrence(old, Mul()(new, dx), self.axis, self.reverse)


def full(aval: Aval, value: Any) -> Any:
    """Return an array of one value."""
    return broadcast_scalar(np.asarray(value).astype(aval.dtype), aval.shape)


def shifted(x: Any, axis: int, by: int, reverse: bool, fill: Any) -> Any:
    """Move the elements `by` places along an axis (towards its start if `reverse`)."""
    by = min(by, x.shape[axis])
    low, high = (-by, by) if reverse else (by, -by)
    config = tuple((low, high, 0) if i == axis else (0, 0, 0) for i in range(x.ndim))
    return Pad(config)(x, fill)


def exclusive_cumprod(x: Any, axis: int, reverse: bool) -> Any:
    """Return the product of the elements before each place."""
    one = np.asarray(1, x.dtype)
    return shifted(Cumprod(axis, reverse)(x), axis, 1, reverse, one)


def linear_recurrence(a: Any, b: Any, axis: int, reverse: bool) -> Any:
    """Solve h[i] = a[i] h[i-1] + b[i], h before the start zero, by doubling; linear in `b`.

    Cost: log2(n) passes over the array.
    """
    n, by = b.shape[axis], 1
    zero = np.asarray(0, b.dtype)
    while by < n:
        b = Add()(b, Mul()(a, shifted(b, axis, by, reverse, zero)))
        if 2 * by < n:
            a = Mul()(a, shifted(a, axis, by, reverse, zero))
        by *= 2
    return b


def checked(make: Any, operand: Any, axis: int, reverse: bool) -> Any:
    """Build and call a cumulative operation."""
    x = as_value(operand)
    require(0 <= axis < x.ndim, make.name, f"an axis within 0 … {x.ndim - 1}", axis)
    return make(int(axis), bool(reverse))(x)


def cumsum(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Return the cumulative sum along `axis`, from its end if `reverse`."""
    return checked(Cumsum, operand, axis, reverse)


def cumprod(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Return the cumulative product along `axis`, from its end if `reverse`."""
    return checked(Cumprod, operand, axis, reverse)


def cummax(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Return the cumulative maximum along `axis`, from its end if `reverse`."""
    return checked(Cummax, operand, axis, reverse)


def cummin(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Return the cumulative minimum along `axis`, from its end if `reverse`."""
    return checked(Cummin, operand, axis, reverse)


def cumlogsumexp(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Return the logarithm of the cumulative sum of exponentials along `axis`."""
    return checked(Cumlogsumexp, operand, axis, reverse)
