"""Logarithms and the inverse error function as the established streams of samples compute them.

Samples are compared digit by digit, so in float32 these follow fixed sequences of roundings, not
the more accurate ones of `gradax.lax`. Float64 samples are within some ulp of the established ones.
Source: Moshier, Cephes (logf and log1p); the rational erf of Eigen; Giles, "Approximating the
erfinv function" (2010).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import pi, sqrt
from typing import Any, final

import numpy as np

from gradax import kernel
from gradax.core.op import operation
from gradax.core.tangent import Zero, is_zero
from gradax.kernel.meanings import meaning
from gradax.lax.arithmetic import Add, Div, Mul, Neg, scalar_like
from gradax.lax.elementary import Exp, Square
from gradax.lax.families import FLOAT, Elementwise, Unary, tangent_like
from gradax.lax.shapes import broadcast_scalar
from gradax.random import giles
from gradax.records import record

F32, F64, I32 = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int32)
TINY = 2.0**-126
HALF_BITS, MANTISSA_BITS = 0x3F000000, 0x007FFFFF

# The three parts of the polynomial of logf, which are evaluated side by side.
LOG_PARTS = (
    (7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1),
    (-1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1),
    (2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
)
LN2_LOW, LN2_HIGH = -2.12194440e-4, 0.693359375
LOG1P_TOP = (
    4.5270000862445199635e-5, 4.9854102823193375972e-1, 6.5787325942061044847e0,
    2.9911919328553073278e1, 6.0949667980987787057e1, 5.7112963590585538103e1,
    2.0039553499201281260e1,
)  # fmt: skip
LOG1P_BOTTOM = (
    1.0, 1.5062909083469192043e1, 8.3047565967967209469e1, 2.2176239823732856465e2,
    3.0909872225312059775e2, 2.1642788614495947685e2, 6.0118660497603843919e1,
)  # fmt: skip
LOG1P_NEAR = sqrt(2) - 1
ERF_TOP = (
    0.00022905065861350646, 0.0034082910107109506, 0.050955695062380861, 0.18520832239976145,
    1.128379143519084,
)  # fmt: skip
ERF_BOTTOM = (
    -1.1791602954361697e-7, 0.000023547966471313185, 0.0010179625278914885,
    0.014070470171167667, 0.11098505178285362, 0.49746925110067538, 1.0,
)  # fmt: skip
ERF_END = 3.832506856900711


@record
class Steps:
    """What the formulas are made of besides operators: of kernel scalars, or of NumPy arrays."""

    apply: Callable[..., Any]
    convert: Callable[[Any, Any], Any]
    bitcast: Callable[[Any, Any], Any]

    def fma(self, x: Any, y: Any, z: Any) -> Any:
        """Return x*y + z, rounded once."""
        return self.apply("fma", x, y, z)

    def where(self, condition: Any, yes: Any, no: Any) -> Any:
        """Choose between values."""
        return self.apply("select", condition, yes, no)

    def horner(self, x: Any, values: Sequence[float]) -> Any:
        """Return a polynomial of x, highest power first."""
        out = x * 0.0 + values[0] if len(values) == 1 else self.fma(x, values[0], values[1])
        for value in values[2:]:
            out = self.fma(out, x, value)
        return out


def numpy_apply(fn: str, *args: Any) -> Any:
    """Apply a kernel function to arrays; Python numbers take the dtype of the floats there."""
    first = args[1] if fn == "select" else args[0]
    dtype = next(x.dtype for x in (first, *args) if not isinstance(x, (int, float)))
    return meaning(fn)(*(np.asarray(x, dtype) if isinstance(x, (int, float)) else x for x in args))


ON_KERNELS = Steps(kernel.apply, kernel.convert, kernel.bitcast)
ON_ARRAYS = Steps(
    numpy_apply,
    lambda x, dtype: np.asarray(x).astype(dtype),
    lambda x, dtype: np.asarray(x).view(dtype),
)


def log32(steps: Steps, x: Any) -> Any:
    """Return log(x) of float32. Accuracy: 1 ulp."""
    bits = steps.bitcast(steps.apply("max", x, TINY), I32)
    exponent = steps.convert(steps.apply("sub", steps.apply("shr", bits, 23), 126), F32)
    mantissa = steps.apply("or", steps.apply("and", bits, MANTISSA_BITS), HALF_BITS)
    m = steps.bitcast(mantissa, F32)
    low = steps.apply("lt", m, sqrt(0.5))
    t = (m - 1.0) + steps.where(low, m, 0.0)
    e = exponent - steps.where(low, m * 0.0 + 1.0, 0.0)
    a, b, c = (steps.horner(t, part) for part in LOG_PARTS)
    square = t * t
    cube = square * t
    y = steps.fma(steps.fma(a, cube, b), cube, c)
    y = steps.fma(y, cube, e * LN2_LOW)
    out = steps.fma(e, LN2_HIGH, (t - square * 0.5) + y)
    out = steps.where(steps.apply("lt", x, np.inf), out, x)
    out = steps.where(steps.apply("lt", x, 0.0), out * 0.0 + np.nan, out)
    return steps.where(steps.apply("eq", x, 0.0), out * 0.0 - np.inf, out)


def log_of(steps: Steps, x: Any) -> Any:
    """Return log(x)."""
    return log32(steps, x) if x.dtype == F32 else steps.apply("log", x)


def log1p_of(steps: Steps, x: Any) -> Any:
    """Return log(1 + x). Accuracy: 2 ulp."""
    square = x * x
    ratio = steps.horner(x, LOG1P_TOP) / steps.horner(x, LOG1P_BOTTOM)
    near = x + steps.fma(square, -0.5, (x * square) * ratio)
    is_near = steps.apply("lt", steps.apply("abs", x), LOG1P_NEAR)
    return steps.where(is_near, near, log_of(steps, x + 1.0))


def erf_of(steps: Steps, x: Any) -> Any:
    """Return the error function. Accuracy: 4 ulp in float32."""
    if x.dtype == F64:
        return steps.apply("erf", x)
    x = steps.apply("min", steps.apply("max", x, -ERF_END), ERF_END)
    square = x * x
    return (x * steps.horner(square, ERF_TOP)) / steps.horner(square, ERF_BOTTOM)


def erf_inv_of(steps: Steps, x: Any) -> Any:
    """Return the inverse error function: a polynomial of w = -log(1 - x*x), times x."""
    w = steps.apply("neg", log1p_of(steps, steps.apply("neg", x * x)))
    root = steps.apply("sqrt", w)
    last, rest = giles.REGIONS[x.dtype.name][-1], giles.REGIONS[x.dtype.name][:-1]
    p = steps.horner(root - last.centre, last.coefficients)
    for region in reversed(rest):
        t = (root if region.of_root else w) - region.centre
        near = steps.apply("lt", w, region.below)
        p = steps.where(near, steps.horner(t, region.coefficients), p)
    is_end = steps.apply("eq", steps.apply("abs", x), 1.0)
    return steps.where(is_end, x * np.inf, p * x)


class StreamUnary(Unary):
    """A function with fixed roundings; shorter floats are computed in float32."""

    accepts = FLOAT

    @staticmethod
    def formula(steps: Steps, x: Any) -> Any:
        """Return the function of a float32 or float64 value."""
        raise NotImplementedError

    def scalar(self, *args: kernel.Scalar) -> kernel.Scalar:
        (x,) = args
        wide = x if x.dtype == F64 else kernel.convert(x, F32)
        return kernel.convert(self.formula(ON_KERNELS, wide), x.dtype)

    def reference(self, *operands: Any) -> Any:
        x = np.asarray(operands[0])
        wide = x if x.dtype == F64 else x.astype(F32)
        with np.errstate(all="ignore"):
            return np.asarray(self.formula(ON_ARRAYS, wide)).astype(x.dtype)


@final
@operation
class Log(StreamUnary):
    """The natural logarithm, of fixed roundings."""

    formula = staticmethod(log_of)

    def tangent(self, dx: Any, x: Any, y: Any) -> Any:
        return Div()(dx, x)


@final
@operation
class Log1p(StreamUnary):
    """log(1 + x), of fixed roundings."""

    name = "log1p"
    formula = staticmethod(log1p_of)

    def tangent(self, dx: Any, x: Any, y: Any) -> Any:
        return Div()(dx, Add()(x, scalar_like(x, 1)))


@final
@operation
class Erf(StreamUnary):
    """The error function, of fixed roundings."""

    formula = staticmethod(erf_of)

    def tangent(self, dx: Any, x: Any, y: Any) -> Any:
        slope = Exp()(Neg()(Square()(x)))
        return Mul()(scalar_like(x, 2 / sqrt(pi)), Mul()(dx, slope))


@final
@operation
class ErfInv(StreamUnary):
    """The inverse error function, of fixed roundings.

    Accuracy: 4e-7 in float32, 8e-13 in float64.
    """

    name = "erf_inv"
    formula = staticmethod(erf_inv_of)

    def tangent(self, dx: Any, x: Any, y: Any) -> Any:
        return Mul()(scalar_like(x, sqrt(pi) / 2), Mul()(dx, Exp()(Square()(y))))


@final
@operation
class Fma(Elementwise):
    """x * y + z, rounded once."""

    fn = "fma"
    numpy = meaning("fma")
    accepts = FLOAT

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        (x, y, _), (dx, dy, dz) = primals, tangents
        out = self(*primals)
        products = [Mul()(t, v) for t, v in ((dx, y), (dy, x)) if not is_zero(t)]
        terms = [*products, *(t for t in (dz,) if not is_zero(t))]
        terms = [broadcast_scalar(t, out.shape) for t in terms]
        if not terms:
            return out, Zero(tangent_like(out))
        return out, reduce(Add(), terms)


def fma(x: Any, y: Any, z: Any) -> Any:
    """Return x * y + z, rounded once."""
    return Fma()(x, y, z)


def log(x: Any) -> Any:
    """Return the natural logarithm, of fixed roundings."""
    return Log()(x)


def log1p(x: Any) -> Any:
    """Return log(1 + x), of fixed roundings."""
    return Log1p()(x)


def erf(x: Any) -> Any:
    """Return the error function, of fixed roundings."""
    return Erf()(x)


def erf_inv(x: Any) -> Any:
    """Return the inverse error function, of fixed roundings."""
    return ErfInv()(x)
