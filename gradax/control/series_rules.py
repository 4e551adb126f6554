"""How single operations map truncated power series: see `series`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradax.core.aval import tangent_aval
from gradax.core.op import Op
from gradax.core.tangent import Zero, is_zero
from gradax.core.value import as_value
from gradax.lax.arithmetic import Add, AddAny, Div, IntegerPow, Max, Min, Mul, Neg, Rem, Sub
from gradax.lax.barriers import Copy, OptimizationBarrier, StopGradient
from gradax.lax.collectives import AllGather, AllToAll, Pmax, Pmin, Ppermute, Psum, PsumScatter
from gradax.lax.comparison import Clamp, SelectN
from gradax.lax.complex_parts import Complex, Conj, Imag, Real
from gradax.lax.convert import ConvertElementType
from gradax.lax.convolution import ConvGeneralDilated
from gradax.lax.cumulative import Cummax, Cummin, Cumsum
from gradax.lax.dot import DotGeneral
from gradax.lax.dynamic_slicing import DynamicSlice, DynamicUpdateSlice
from gradax.lax.elementary import Exp, Log, Logistic, Sqrt, Square
from gradax.lax.fft import Fft
from gradax.lax.gathering import Gather, ScatterAdd
from gradax.lax.joining import Concatenate, Split
from gradax.lax.naming import Name
from gradax.lax.reductions import ArgMax, ArgMin, ReduceMax, ReduceMin
from gradax.lax.rounding import Ceil, Floor, ReducePrecision, Round, Sign
from gradax.lax.scattering import Scatter, ScatterMax, ScatterMin, ScatterSub
from gradax.lax.shapes import (
    BroadcastInDim,
    ReduceSum,
    Reshape,
    Squeeze,
    Transpose,
    broadcast_scalar,
)
from gradax.lax.sharding_constraint import ShardingConstraint
from gradax.lax.slicing import Pad, Rev, Slice
from gradax.lax.sorting import Sort, TopK
from gradax.lax.trigonometric import Cos, Cosh, Sin, Sinh, Tanh
from gradax.lax.windows import ReduceWindowMax, ReduceWindowMin, ReduceWindowSum

Series = list[Any]
Rule = Callable[..., Any]


def scaled(c: Any, factor: float) -> Any:
    """Return a coefficient times a number."""
    if c is None or factor == 1:
        return c
    return Mul()(c, np.asarray(factor).astype(c.dtype))


def add(a: Any, b: Any) -> Any:
    """Return the sum of two coefficients."""
    if a is None or b is None:
        return b if a is None else a
    return Add()(a, b)


def sub(a: Any, b: Any) -> Any:
    """Return the difference of two coefficients."""
    if b is None:
        return a
    return Neg()(b) if a is None else Sub()(a, b)


def mul(a: Any, b: Any) -> Any:
    """Return the product of two coefficients."""
    return None if a is None or b is None else Mul()(a, b)


def div(a: Any, b: Any) -> Any:
    """Return the quotient of two coefficients."""
    return None if a is None else Div()(a, b)


def total(terms: Sequence[Any]) -> Any:
    """Return the sum of coefficients."""
    found = None
    for term in terms:
        found = add(found, term)
    return found


def map_coefficients(op: Op, *args: Series) -> Any:
    """Map each coefficient as a tangent: of linear operations, and of those with linear pieces."""
    primals = tuple(as_value(x[0]) for x in args)
    zeros = [Zero(tangent_aval(x.aval)) for x in primals]
    out = op(*primals)
    outs = [[x] for x in out] if op.multiple_results else [[out]]
    for column in zip(*(x[1:] for x in args), strict=True):
        tangents = [z if c is None else c for z, c in zip(zeros, column, strict=True)]
        if all(map(is_zero, tangents)):
            douts: Sequence[Any] = [None] * len(outs)
        else:
            _, found = op.jvp(primals, tuple(tangents))
            douts = found if op.multiple_results else [found]
        for series, d in zip(outs, douts, strict=True):
            series.append(None if is_zero(d) else d)
    return outs if op.multiple_results else outs[0]


def product(op: Op, a: Series, b: Series) -> Series:
    """Return the Cauchy product of an operation that is linear in each of two operands."""
    return [
        total(
            [op(a[i], b[k - i]) for i in range(k + 1) if a[i] is not None and b[k - i] is not None]
        )
        for k in range(len(a))
    ]


def quotient(op: Op, a: Series, b: Series) -> Series:
    """q b = a."""
    q: Series = []
    for k in range(len(a)):
        known = total([mul(b[i], q[k - i]) for i in range(1, k + 1)])
        q.append(div(broadcast(sub(a[k], known), q), b[0]) if k else op(a[0], b[0]))
    return q


def broadcast(c: Any, like: Series) -> Any:
    """Return a coefficient of a scalar operand in the shape of the result."""
    if c is None or not like or c.shape == like[0].shape:
        return c
    return broadcast_scalar(c, like[0].shape)


def exponential(op: Op, x: Series) -> Series:
    """y' = x' y."""
    y = [op(x[0])]
    for k in range(1, len(x)):
        y.append(scaled(total([mul(scaled(x[i], i), y[k - i]) for i in range(1, k + 1)]), 1 / k))
    return y


def logarithm(op: Op, x: Series) -> Series:
    """x y' = x'."""
    y = [op(x[0])]
    for k in range(1, len(x)):
        known = total([mul(scaled(y[i], i), x[k - i]) for i in range(1, k)])
        y.append(div(sub(x[k], scaled(known, 1 / k)), x[0]))
    return y


def root(op: Op, x: Series) -> Series:
    """y y = x."""
    y = [op(x[0])]
    twice = scaled(y[0], 2)
    for k in range(1, len(x)):
        known = total([mul(y[i], y[k - i]) for i in range(1, k)])
        y.append(div(sub(x[k], known), twice))
    return y


def sine_and_cosine(x: Series, sign: int, s: Any, c: Any) -> tuple[Series, Series]:
    """Return s and c with s' = c x', c' = sign s x'."""
    ss, cs = [s], [c]
    for k in range(1, len(x)):
        slopes = [scaled(x[i], i / k) for i in range(1, k + 1)]
        ss.append(total([mul(a, cs[k - i]) for i, a in enumerate(slopes, 1)]))
        cs.append(scaled(total([mul(a, ss[k - i]) for i, a in enumerate(slopes, 1)]), sign))
    return ss, cs


def sine(op: Op, x: Series) -> Series:
    """s' = c x'."""
    return sine_and_cosine(x, -1, op(x[0]), Cos()(x[0]))[0]


def cosine(op: Op, x: Series) -> Series:
    """c' = -s x'."""
    return sine_and_cosine(x, -1, Sin()(x[0]), op(x[0]))[1]


def hyperbolic_sine(op: Op, x: Series) -> Series:
    """s' = c x'."""
    return sine_and_cosine(x, 1, op(x[0]), Cosh()(x[0]))[0]


def hyperbolic_cosine(op: Op, x: Series) -> Series:
    """c' = s x'."""
    return sine_and_cosine(x, 1, Sinh()(x[0]), op(x[0]))[1]


def tangent(op: Op, x: Series) -> Series:
    """y' = (1 - y²) x'."""
    y = [op(x[0])]
    slope = [Sub()(np.ones((), y[0].dtype), Mul()(y[0], y[0]))]
    return follow(x, y, slope, lambda k: scaled(square(y, k), -1))


def sigmoid(op: Op, x: Series) -> Series:
    """y' = (y - y²) x'."""
    y = [op(x[0])]
    slope = [Sub()(y[0], Mul()(y[0], y[0]))]
    return follow(x, y, slope, lambda k: sub(y[k], square(y, k)))


def square(y: Series, k: int) -> Any:
    """Return the k-th coefficient of y²."""
    return total([mul(y[i], y[k - i]) for i in range(k + 1)])


def follow(x: Series, y: Series, slope: Series, next_slope: Callable[[int], Any]) -> Series:
    """Extend y by y' = slope x', the slope's coefficients being found as y is known."""
    for k in range(1, len(x)):
        y.append(total([mul(scaled(x[i], i / k), slope[k - i]) for i in range(1, k + 1)]))
        slope.append(next_slope(k))
    return y


def integer_power(op: IntegerPow, x: Series) -> Series:
    """Multiply: right at zero as well."""
    n = op.y
    if n < 0:
        one = [np.ones((), x[0].dtype), *(None,) * (len(x) - 1)]
        return quotient(Div(), one, integer_power(IntegerPow(-n), x))
    result: Series | None = None
    base = x
    while n:
        if n & 1:
            result = base if result is None else product(Mul(), result, base)
        n >>= 1
        if n:
            base = product(Mul(), base, base)
    assert result is not None  # x**0 is written as a constant
    return result


def squared(op: Op, x: Series) -> Series:
    """Multiply by itself."""
    return product(Mul(), x, x)


LINEAR: tuple[type[Op], ...] = (
    Neg, Add, AddAny, Sub, Copy,
    OptimizationBarrier, Real, Imag, Conj,
    Complex, ConvertElementType, Cumsum,
    DynamicSlice, DynamicUpdateSlice, Fft, Gather,
    ScatterAdd, ScatterSub, Concatenate, Split, Name,
    ReducePrecision, BroadcastInDim, Reshape, Squeeze,
    Transpose, ReduceSum, ShardingConstraint, Slice,
    Pad, Rev, ReduceWindowSum, Psum, Ppermute,
    AllGather, PsumScatter, AllToAll,
)  # fmt: skip
# Linear between the points where another operand is chosen.
LINEAR_IN_PIECES: tuple[type[Op], ...] = (
    Max, Min, Rem, StopGradient, SelectN,
    Clamp, Cummax, Cummin, ReduceMax,
    ReduceMin, ArgMax, ArgMin, Sign,
    Floor, Ceil, Round, Scatter, ScatterMax,
    ScatterMin, Sort, TopK, ReduceWindowMax,
    ReduceWindowMin, Pmax, Pmin,
)  # fmt: skip

RULES: dict[type[Op], Rule] = {
    **dict.fromkeys((*LINEAR, *LINEAR_IN_PIECES), map_coefficients),
    **dict.fromkeys((Mul, DotGeneral, ConvGeneralDilated), product),
    Div: quotient,
    IntegerPow: integer_power,
    Square: squared,
    Exp: exponential,
    Log: logarithm,
    Sqrt: root,
    Logistic: sigmoid,
    Sin: sine,
    Cos: cosine,
    Sinh: hyperbolic_sine,
    Cosh: hyperbolic_cosine,
    Tanh: tangent,
}
