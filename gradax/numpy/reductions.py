"""Reductions: sums, products, extrema, moments, truth, and their variants that skip NaN."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from math import prod as product_of
from typing import Any, Final

import numpy as np

from gradax import dtypes
from gradax.errors import ArgumentError, DtypeError, at_user_line
from gradax.lax.arithmetic import Add, Div, Max, Min, Mul, Sub
from gradax.lax.bits import And, Or
from gradax.lax.comparison import Eq
from gradax.lax.convert import ConvertElementType
from gradax.lax.elementary import Sqrt, Square
from gradax.lax.reductions import (
    ArgMax,
    ArgMin,
    ReduceAnd,
    ReduceMax,
    ReduceMin,
    ReduceOr,
    ReduceProd,
)
from gradax.lax.shapes import BroadcastInDim, ReduceSum, Reshape, broadcast_scalar
from gradax.numpy.arithmetic import constant, imag, pick, real, refuse_out
from gradax.numpy.axes import canonical_axes, canonical_axis
from gradax.numpy.logic import truth, where_select
from gradax.numpy.one_program import one_program
from gradax.numpy.promotion import (
    ARRAYS,
    BOOL,
    COMPLEX,
    INEXACT,
    INTEGERS,
    SCALARS,
    UNSIGNED,
    binary_any,
    broadcast,
    broadcast_shape,
    convert,
    operand,
)
from gradax.sizes import is_open

Axis = Any

_SUM: Final = cache(ReduceSum)
_PROD: Final = cache(ReduceProd)
_MAX: Final = cache(ReduceMax)
_MIN: Final = cache(ReduceMin)
_AND: Final = cache(ReduceAnd)
_OR: Final = cache(ReduceOr)
_TO_BOOL: Final = ConvertElementType(BOOL)
_FLOAT32: Final = np.dtype(np.float32)


def sum(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
    promote_integers: bool = True,
) -> Any:
    """Sum over axes; short integers and bools as int32, unless `promote_integers` is off.

    Errors: TypeError for lists; AxisError for an axis that does not exist.
    """
    refuse_out("sum", out)
    x = summand("sum", a, dtype, promote_integers)
    return reduced("sum", _SUM, x, axis, keepdims, initial, where, 0, Add())


def prod(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
    promote_integers: bool = True,
) -> Any:
    """Multiply over axes; short integers and bools as int32, unless `promote_integers` is off."""
    refuse_out("prod", out)
    x = summand("prod", a, dtype, promote_integers)
    return reduced("prod", _PROD, x, axis, keepdims, initial, where, 1, Mul())


def max(
    a: Any,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    """Return the largest element over axes; NaN if there is one.

    Errors: ValueError for no elements, or a mask, without `initial`.
    """
    refuse_out("max", out)
    x = summand("max", a, None, False, numbers=False)
    return reduced("max", _MAX, x, axis, keepdims, initial, where, None, Max())


def min(
    a: Any,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    """Return the smallest element over axes; NaN if there is one.

    Errors: ValueError for no elements, or a mask, without `initial`.
    """
    refuse_out("min", out)
    x = summand("min", a, None, False, numbers=False)
    return reduced("min", _MIN, x, axis, keepdims, initial, where, None, Min())


amax, amin = max, min


def all(
    a: Any,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: Any = None,
) -> Any:
    """Tell whether all elements over axes are true (not zero)."""
    refuse_out("all", out)
    return reduced("all", _AND, as_bools("all", a), axis, keepdims, None, where, True, And())


def any(
    a: Any,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: Any = None,
) -> Any:
    """Tell whether an element over axes is true (not zero)."""
    refuse_out("any", out)
    return reduced("any", _OR, as_bools("any", a), axis, keepdims, None, where, False, Or())


def as_bools(name: str, a: Any) -> Any:
    """Return an argument as bools."""
    x = operand(name, a)
    return x if x.aval.dtype == BOOL else _TO_BOOL(x)


def summand(name: str, a: Any, dtype: Any, promote_integers: bool, numbers: bool = True) -> Any:
    """Return an argument in the dtype of its sum, strongly typed."""
    x = operand(name, a)
    aval = x.aval
    if dtype is not None:
        wanted = dtypes.check_user_dtype(dtype, name)
    elif aval.dtype in INEXACT:
        wanted = aval.dtype
    elif dtypes.is_extended(aval.dtype):
        raise DtypeError(f"{name} accepts numbers; got {aval.dtype.name}{at_user_line()}")
    elif not numbers:
        wanted = aval.dtype
    elif aval.dtype == BOOL or promote_integers:
        wanted = promoted_integer(aval.dtype)
    else:
        wanted = aval.dtype
    return convert(x, wanted)


def promoted_integer(dtype: Any) -> Any:
    """Return the dtype of a sum of integers: at least the default width."""
    if dtype != BOOL and dtype not in INTEGERS:
        return dtype
    wide = dtypes.default_dtype("u" if dtype in UNSIGNED else "i")
    return wide if dtype.itemsize < wide.itemsize or dtype == BOOL else dtype


def reduced(
    name: str,
    make: Callable[[tuple[int, ...]], Any],
    x: Any,
    axis: Axis,
    keepdims: bool,
    initial: Any,
    where: Any,
    identity: Any,
    combine: Any,
) -> Any:
    """Reduce an array over axes; `where` picks elements, `initial` takes part once."""
    axes = sorted_axes(name, axis, x.ndim)
    if where is not None:
        x = masked(name, x, where, identity if initial is None else initial)
        axes = sorted_axes(name, axis, x.ndim)
    if identity is None and initial is None and has_no_elements(x.shape, axes):
        raise ArgumentError(
            f"{name}: zero-size array of shape {x.shape} to reduction operation {name} which has no"
            f" identity{at_user_line()}\nGive a value for the empty case: {name}(x, initial=...)"
        )
    out = make(axes)(x)
    if initial is not None:
        start = initial if type(initial) in SCALARS else operand(name, initial)
        out = binary_any(combine, convert(start, x.dtype), out)
    return kept(out, x.shape, axes) if keepdims else out


def sorted_axes(name: str, axis: Axis, ndim: int) -> tuple[int, ...]:
    """Return the axes to reduce in increasing order."""
    if axis is None:
        return tuple(range(ndim))
    if type(axis) is int and -ndim <= axis < ndim:
        return (axis % ndim,)
    return tuple(sorted(canonical_axes(name, axis, ndim)))


def masked(name: str, x: Any, where: Any, fill: Any) -> Any:
    """Return `x` with elements that the mask leaves out replaced by one without effect."""
    if fill is None:
        raise ArgumentError(
            f"{name}: a mask (where=) needs a value for where nothing is picked{at_user_line()}\n"
            f"Pass it: {name}(x, where=mask, initial=...)"
        )
    fill = convert(fill if type(fill) in SCALARS else operand(name, fill), x.dtype)
    return where_select(where, x, fill)


def has_no_elements(shape: tuple[int, ...], axes: tuple[int, ...]) -> bool:
    """Tell whether a reduction folds nothing although it has results."""
    return 0 in [shape[a] for a in axes] and 0 not in [
        n for i, n in enumerate(shape) if i not in axes
    ]


def kept(out: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """Return a reduction's result with axes of size 1 where it reduced."""
    new = tuple(1 if i in axes else n for i, n in enumerate(shape))
    return BroadcastInDim(new, tuple(i for i in range(len(shape)) if i not in axes))(out)


@one_program("axis", "dtype", "keepdims", "out")
def mean(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: Any = None,
) -> Any:
    """Return the average over axes; of integers as floats; NaN where there is no element."""
    refuse_out("mean", out)
    return mean_of("mean", operand("mean", a), axis, dtype, keepdims, where)


def mean_of(name: str, x: Any, axis: Axis, dtype: Any, keepdims: bool, where: Any) -> Any:
    """Return the average of an array."""
    result = x.dtype if dtype is None else dtypes.check_user_dtype(dtype, name)
    result = result if result in INEXACT or dtype is not None else dtypes.to_inexact_dtype(result)
    x = convert(x, wider(result))
    axes = sorted_axes(name, axis, x.ndim)
    total = reduced(name, _SUM, x, axes, keepdims, None, where, 0, None)
    if where is None:
        count = constant(number_of(x, axes), real_like(x))
    else:
        count = convert(count_of(x, axes, keepdims, where), real_like(x).dtype)
    return convert(binary_any(Div(), total, convert(count, total.dtype)), result)


def number_of(x: Any, axes: tuple[int, ...]) -> Any:
    """Return how many elements some axes have: a float, or the size of open ones."""
    n: Any = product_of(x.shape[i] for i in axes)
    return n if is_open(n) else float(n)


def wider(dtype: Any) -> Any:
    """Return the dtype in which averages are computed: float32 for shorter floats."""
    return _FLOAT32 if dtype in INEXACT and dtype.itemsize < 4 else dtype


def real_like(x: Any) -> Any:
    """Return an array of the dtype of the real part."""
    return real(x) if x.dtype in COMPLEX else x


def count_of(x: Any, axes: tuple[int, ...], keepdims: bool, where: Any) -> Any:
    """Count the picked elements."""
    picked = broadcast(truth("where", where), broadcast_shape("where", np.shape(where), x.shape))
    return sum(picked, axes, keepdims=keepdims)


@one_program("axis", "dtype", "out", "ddof", "keepdims", "correction")
def var(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    ddof: Any = 0,
    keepdims: bool = False,
    *,
    where: Any = None,
    mean: Any = None,
    correction: Any = None,
) -> Any:
    """Return the mean squared distance from the mean, divided by n - ddof.

    NaN where n - ddof is not positive. `mean` may give the mean, with its axes kept.
    """
    refuse_out("var", out)
    ddof = ddof if correction is None else correction
    return variance("var", operand("var", a), axis, dtype, ddof, keepdims, where, mean)


def variance(
    name: str,
    x: Any,
    axis: Axis,
    dtype: Any,
    ddof: Any,
    keepdims: bool,
    where: Any,
    centre: Any = None,
) -> Any:
    """Return the variance of an array."""
    result = x.dtype if dtype is None else dtypes.check_user_dtype(dtype, name)
    result = result if result in INEXACT else dtypes.to_inexact_dtype(result)
    x = convert(x, wider(result if x.dtype not in COMPLEX else x.dtype))
    axes = sorted_axes(name, axis, x.ndim)
    centre = mean_of(name, x, axes, None, True, where) if centre is None else convert(
        operand(name, centre), x.dtype
    )  # fmt: skip
    centred = binary_any(Sub(), x, centre)
    if x.dtype in COMPLEX:
        squares = Add()(Square()(real(centred)), Square()(imag(centred)))
    else:
        squares = Square()(centred)
    total = reduced(name, _SUM, squares, axes, keepdims, None, where, 0, None)
    out = divided(total, normalizer(squares, axes, keepdims, where, ddof))
    return convert(out, dtypes.to_floating_dtype(result) if dtype is None else result)


def normalizer(x: Any, axes: tuple[int, ...], keepdims: bool, where: Any, ddof: Any) -> Any:
    """Return n - ddof: a number where both are known, else an array."""
    n: Any = number_of(x, axes)
    if where is not None:
        n = convert(count_of(x, axes, keepdims, where), x.dtype)
    if type(n) is float and not isinstance(ddof, ARRAYS):
        return n - float(ddof)
    freedom = ddof if type(ddof) in SCALARS else operand("ddof", ddof)
    return binary_any(Sub(), convert(n, x.dtype), convert(freedom, x.dtype))


def divided(total: Any, n: Any) -> Any:
    """Divide by a number of degrees of freedom; NaN unless it is positive."""
    if type(n) is float:
        return Div()(total, constant(n if n > 0 else math.nan, total))
    is_positive = binary_any(Max(), n, constant(0, n))
    bad = Eq()(is_positive, constant(0, n))
    return binary_any(Div(), total, pick(bad, constant(math.nan, n), n))


@one_program("axis", "dtype", "out", "ddof", "keepdims", "correction")
def std(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    ddof: Any = 0,
    keepdims: bool = False,
    *,
    where: Any = None,
    mean: Any = None,
    correction: Any = None,
) -> Any:
    """Return the square root of the variance."""
    refuse_out("std", out)
    ddof = ddof if correction is None else correction
    return Sqrt()(variance("std", operand("std", a), axis, dtype, ddof, keepdims, where, mean))


def ptp(a: Any, axis: Axis = None, out: None = None, keepdims: bool = False) -> Any:
    """Return the largest minus the smallest element over axes."""
    refuse_out("ptp", out)
    x = operand("ptp", a)
    return Sub()(max(x, axis, keepdims=keepdims), min(x, axis, keepdims=keepdims))


def count_nonzero(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Count the elements over axes that are not zero."""
    return sum(truth("count_nonzero", a), axis, keepdims=keepdims)


@one_program("axis", "returned", "keepdims")
def average(
    a: Any,
    axis: Axis = None,
    weights: Any = None,
    returned: bool = False,
    keepdims: bool = False,
) -> Any:
    """Return the weighted average over axes; with `returned`, the sum of the weights as well.

    Errors: TypeError unless the weights have the shape of `a`, or of its one axis.
    """
    x = operand("average", a)
    if weights is None:
        out = mean(x, axis, keepdims=keepdims)
        if not returned:
            return out
        axes = sorted_axes("average", axis, x.ndim)
        n = constant(number_of(x, axes), out)
        return out, broadcast_scalar(n, out.shape)
    x, w = weighted(x, operand("average", weights, 1), axis)
    total_weight = sum(w, axis, keepdims=keepdims)
    out = Div()(sum(Mul()(x, w), axis, keepdims=keepdims), total_weight)
    return (out, total_weight) if returned else out


def weighted(x: Any, w: Any, axis: Axis) -> tuple[Any, Any]:
    """Return values and weights as floats of one shape."""
    dtype, weak = dtypes.promote2(x.dtype, x.weak_type, w.dtype, w.weak_type)
    dtype = dtype if dtype in INEXACT else dtypes.to_inexact_dtype(dtype)
    x, w = convert(x, dtype, weak), convert(w, dtype, weak)
    if x.shape == w.shape:
        return x, w
    axes = canonical_axes("average", axis, x.ndim)
    if axis is None or w.shape != tuple(x.shape[i] for i in axes):
        raise ArgumentError(
            f"average: expected weights of shape {x.shape}, or of the sizes along axis {axis}; got"
            f" {w.shape}{at_user_line()}"
        )
    return x, BroadcastInDim(x.shape, axes)(w) if list(axes) == sorted(axes) else w


def argmax(a: Any, axis: Any = None, out: None = None, keepdims: bool | None = None) -> Any:
    """Return where the largest element is, in the flat array without `axis`; first of equals.

    Errors: ValueError for no elements.
    """
    refuse_out("argmax", out)
    return position("argmax", ArgMax, operand("argmax", a), axis, bool(keepdims))


def argmin(a: Any, axis: Any = None, out: None = None, keepdims: bool | None = None) -> Any:
    """Return where the smallest element is, in the flat array without `axis`; first of equals.

    Errors: ValueError for no elements.
    """
    refuse_out("argmin", out)
    return position("argmin", ArgMin, operand("argmin", a), axis, bool(keepdims))


def position(name: str, make: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Return the place of an extreme element."""
    ndim = x.ndim
    if axis is None:
        x = x if ndim == 1 else Reshape((x.size,))(x)
        axis = 0
    else:
        axis = canonical_axis(name, axis, ndim)
    if x.shape[axis] == 0:
        raise ArgumentError(f"attempt to get {name} of an empty sequence{at_user_line()}")
    shape = x.shape
    out = make((axis,), dtypes.default_dtype("i"))(x)
    if not keepdims:
        return out
    return Reshape((1,) * ndim)(out) if out.ndim == 0 else kept(out, shape, (axis,))
