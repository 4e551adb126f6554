"""Reductions: max, min, prod, and, or, xor, argmax, argmin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, ClassVar, final

import numpy as np

from gradax import dtypes, kernel
from gradax.core.aval import Aval
from gradax.core.op import Op, operation
from gradax.core.tangent import Zero
from gradax.core.value import as_value
from gradax.errors import DtypeError, ShapeError, at_user_line, require
from gradax.lax.arithmetic import Div, Mul
from gradax.lax.comparison import Eq
from gradax.lax.computation import MONOIDS, highest, lowest
from gradax.lax.convert import ConvertElementType
from gradax.lax.cumulative import exclusive_cumprod
from gradax.lax.families import ANY, BITS, NUMBER, REAL, check_dtype, tangent_like
from gradax.lax.shapes import (
    BroadcastInDim,
    ReduceSum,
    Reshape,
    Transpose,
    accumulation_dtype,
    batch_reduction,
    check_axes,
)


@operation
class Reduction(Op):
    """A fold of one operand over `axes` by an associative function with an identity."""

    axes: tuple[int, ...]

    fn: ClassVar[str]
    numpy: ClassVar[Any]
    accepts: ClassVar[str] = ANY

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        check_dtype(self, self.accepts, x)
        if dtypes.is_extended(x.dtype):
            raise DtypeError(f"{self.name} does not accept {x.dtype.name}{at_user_line()}")
        check_axes(self, self.axes, x)
        return x.without(self.axes)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        return batch_reduction(type(self), self.axes, args[0], dims[0])

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands
        fn = {"max": "or", "min": "and"}.get(self.fn, self.fn) if x.dtype == np.bool_ else self.fn
        wide = accumulation_dtype(x.dtype)
        return kernel.reduce_with(fn, MONOIDS[self.fn](x.dtype), x, self.axes, wide)

    def reference(self, *operands: Any) -> Any:
        x = np.asarray(operands[0])
        initial = np.asarray(MONOIDS[self.fn](x.dtype)).astype(x.dtype)
        with np.errstate(all="ignore"):
            return np.asarray(self.numpy.reduce(x, axis=self.axes, initial=initial))


@operation
class Extremum(Reduction):
    """A reduction that chooses an element; ties share the derivative equally."""

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        (x,), (dx,) = primals, tangents
        y = self(x)
        kept = tuple(i for i in range(x.ndim) if i not in self.axes)
        chosen = Eq()(x, BroadcastInDim(x.shape, kept)(y))
        share = ConvertElementType(x.dtype)(chosen)
        count = ReduceSum(self.axes)(share)
        return y, Div()(ReduceSum(self.axes)(Mul()(dx, share)), count)


@final
@operation
class ReduceMax(Extremum):
    """The largest element over `axes`; NaN if there is one; of none, the least value."""

    fn = "max"
    numpy = np.maximum


@final
@operation
class ReduceMin(Extremum):
    """The smallest element over `axes`; NaN if there is one; of none, the greatest value."""

    fn = "min"
    numpy = np.minimum


@final
@operation
class ReduceProd(Reduction):
    """The product over `axes`; half-precision products are accumulated in float32."""

    fn = "mul"
    numpy = np.multiply
    accepts = NUMBER

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        (x,), (dx,) = primals, tangents
        kept = tuple(i for i in range(x.ndim) if i not in self.axes)
        n_reduced = prod(x.shape[a] for a in self.axes)
        shape = (*(x.shape[i] for i in kept), n_reduced)

        def joined(v: Any) -> Any:
            return Reshape(shape)(Transpose((*kept, *self.axes))(v))

        # The product of all other elements, right where some are zero.
        last = len(kept)
        flat = joined(x)
        before = exclusive_cumprod(flat, last, False)
        others = Mul()(before, exclusive_cumprod(flat, last, True))
        return self(x), ReduceSum((last,))(Mul()(joined(dx), others))

    def reference(self, *operands: Any) -> Any:
        x = np.asarray(operands[0])
        with np.errstate(all="ignore"):
            out = np.prod(x, axis=self.axes, dtype=accumulation_dtype(x.dtype))
        return np.asarray(out).astype(x.dtype)


@operation
class BitReduction(Reduction):
    """A reduction of bits, or of truth values."""

    accepts = BITS

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out = self(*primals)
        return out, Zero(tangent_like(out))


@final
@operation
class ReduceAnd(BitReduction):
    """Bitwise (of bools, logical) and over `axes`."""

    fn = "and"
    numpy = np.bitwise_and


@final
@operation
class ReduceOr(BitReduction):
    """Bitwise (of bools, logical) or over `axes`."""

    fn = "or"
    numpy = np.bitwise_or


@final
@operation
class ReduceXor(BitReduction):
    """Bitwise (of bools, logical) exclusive or over `axes`."""

    fn = "xor"
    numpy = np.bitwise_xor


@operation
class ArgExtremum(Op):
    """The position of an extreme element along one axis: the first of equals, the first NaN.

    Shapes: x: T[s] -> index_dtype[s without axes].
    Errors: TypeError for an axis outside x or of size 0, or an index dtype that is no integer's.
    """

    axes: tuple[int, ...]
    index_dtype: Any

    better: ClassVar[str]
    worst: ClassVar[Callable[[Any], Any]]
    numpy: ClassVar[Callable[..., Any]]

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        check_dtype(self, REAL, x)
        require(len(self.axes) == 1, self, "one axis", self.axes)
        check_axes(self, self.axes, x)
        if not dtypes.issubdtype(self.index_dtype, np.integer):
            name = np.dtype(self.index_dtype).name
            raise DtypeError(f"{self.name}: index_dtype must be an integer dtype; got {name}")
        if x.shape[self.axes[0]] == 0:
            raise ShapeError(
                f"{self.name} of an empty axis: axis {self.axes[0]} of an array of shape {x.shape}"
                f" has no elements{at_user_line()}"
            )
        return Aval(x.without(self.axes).shape, self.index_dtype)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out = self(*primals)
        return out, Zero(tangent_like(out))

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        return batch_reduction(
            lambda a: type(self)(a, self.index_dtype), self.axes, args[0], dims[0]
        )

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,), (axis,) = operands, self.axes
        kept = [i for i in range(x.ndim) if i != axis]
        position = {a: k for k, a in enumerate([*kept, axis])}
        element = x[[kernel.index(position[i]) for i in range(x.ndim)]]
        place = kernel.convert(kernel.index(x.ndim - 1), self.index_dtype)
        if x.dtype == np.bool_:
            element = kernel.convert(element, np.int8)
        node = kernel.Reduce(
            tuple(x.shape[i] for i in kept),
            (x.shape[axis],),
            self.choose(element.dtype),
            (
                kernel.const(type(self).worst(element.dtype), element.dtype),
                kernel.const(np.iinfo(self.index_dtype).max, self.index_dtype),
            ),
            (element, place),
        )
        return node.results[1]

    def choose(self, dtype: Any) -> tuple[kernel.Scalar, kernel.Scalar]:
        """Return the rules that keep the better of two (value, place) pairs."""
        index = self.index_dtype
        a, b = kernel.slot(0, dtype), kernel.slot(2, dtype)
        i, j = kernel.slot(1, index), kernel.slot(3, index)
        wins = kernel.apply(self.better, b, a)
        ties = kernel.apply("eq", a, b)
        if dtypes.issubdtype(dtype, np.floating):
            a_nan, b_nan = kernel.apply("ne", a, a), kernel.apply("ne", b, b)
            wins = wins | (b_nan & ~a_nan)
            ties = ties | (a_nan & b_nan)
        take = wins | (ties & kernel.apply("lt", j, i))
        return kernel.select(take, b, a), kernel.select(take, j, i)

    def reference(self, *operands: Any) -> Any:
        x = np.asarray(operands[0])
        x = x.astype(np.float32) if x.dtype.kind == "V" else x
        return np.asarray(type(self).numpy(x, axis=self.axes[0])).astype(self.index_dtype)


@final
@operation
class ArgMax(ArgExtremum):
    """The position of the largest element along an axis."""

    name = "argmax"
    better = "gt"
    worst = lowest
    numpy = np.argmax


@final
@operation
class ArgMin(ArgExtremum):
    """The position of the smallest element along an axis."""

    name = "argmin"
    better = "lt"
    worst = highest
    numpy = np.argmin


def checked_axes(name: str, x: Any, axes: Sequence[int]) -> tuple[int, ...]:
    """Return axes in increasing order; they must be distinct, inside x and not negative."""
    axes = tuple(int(a) for a in axes)
    inside = all(0 <= a < x.ndim for a in axes)
    require(inside, name, f"axes within 0 … {x.ndim - 1} of {x.aval}", axes)
    require(len(set(axes)) == len(axes), name, "distinct axes", axes)
    return tuple(sorted(axes))


def reduce_sum(operand: Any, axes: Sequence[int], *, out_sharding: Any = None) -> Any:
    """Sum over `axes`. Shapes: T[s], T a number -> T[s without axes]."""
    x = as_value(operand)
    check_dtype(ReduceSum(()), NUMBER, x.aval)
    return ReduceSum(checked_axes("reduce_sum", x, axes))(x)


def reduce_max(operand: Any, axes: Sequence[int]) -> Any:
    """Return the largest element over `axes`; NaN if there is one; of none, -inf."""
    x = as_value(operand)
    return ReduceMax(checked_axes("reduce_max", x, axes))(x)


def reduce_min(operand: Any, axes: Sequence[int]) -> Any:
    """Return the smallest element over `axes`; NaN if there is one; of none, inf."""
    x = as_value(operand)
    return ReduceMin(checked_axes("reduce_min", x, axes))(x)


def reduce_prod(operand: Any, axes: Sequence[int]) -> Any:
    """Multiply over `axes`. Shapes: T[s], T a number -> T[s without axes]."""
    x = as_value(operand)
    return ReduceProd(checked_axes("reduce_prod", x, axes))(x)


def reduce_and(operand: Any, axes: Sequence[int]) -> Any:
    """Return the bitwise (of bools, logical) and over `axes`."""
    x = as_value(operand)
    return ReduceAnd(checked_axes("reduce_and", x, axes))(x)


def reduce_or(operand: Any, axes: Sequence[int]) -> Any:
    """Return the bitwise (of bools, logical) or over `axes`."""
    x = as_value(operand)
    return ReduceOr(checked_axes("reduce_or", x, axes))(x)


def reduce_xor(operand: Any, axes: Sequence[int]) -> Any:
    """Return the bitwise (of bools, logical) exclusive or over `axes`."""
    x = as_value(operand)
    return ReduceXor(checked_axes("reduce_xor", x, axes))(x)


def argmax(operand: Any, axis: int, index_dtype: Any) -> Any:
    """Return where along `axis` the largest element is, the first of equals or the first NaN."""
    x = as_value(operand)
    return ArgMax(checked_axes("argmax", x, (axis,)), np.dtype(index_dtype))(x)


def argmin(operand: Any, axis: int, index_dtype: Any) -> Any:
    """Return where along `axis` the smallest element is, the first of equals or the first NaN."""
    x = as_value(operand)
    return ArgMin(checked_axes("argmin", x, (axis,)), np.dtype(index_dtype))(x)
