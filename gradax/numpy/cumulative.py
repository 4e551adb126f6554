"""Cumulative sums and products, differences, interpolation and integrals of samples."""

from __future__ import annotations

from typing import Any

from gradax import dtypes
from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.lax.arithmetic import Mul, Sub
from gradax.lax.comparison import Ne
from gradax.lax.cumulative import Cumprod, Cumsum
from gradax.lax.joining import Concatenate
from gradax.lax.slicing import Slice
from gradax.numpy.arithmetic import constant, refuse_out
from gradax.numpy.axes import canonical_axis, static_int
from gradax.numpy.logic import isnan, where_select
from gradax.numpy.one_program import one_program
from gradax.numpy.promotion import (
    BOOL,
    INEXACT,
    SCALARS,
    binary,
    convert,
    operand,
    promote_dtypes,
    to_inexact,
)
from gradax.numpy.reductions import promoted_integer, sum
from gradax.numpy.shaping import broadcast_to, moveaxis, reshaped


def cumsum(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
    """Return the sums of the elements up to each place of an axis; None: of the flat array."""
    refuse_out("cumsum", out)
    return accumulated("cumsum", Cumsum, a, axis, dtype)


def cumprod(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
    """Return the products of the elements up to each place of an axis; None: of the flat array."""
    refuse_out("cumprod", out)
    return accumulated("cumprod", Cumprod, a, axis, dtype)


def nancumsum(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
    """Return cumulative sums in which NaN counts as 0."""
    refuse_out("nancumsum", out)
    return accumulated("nancumsum", Cumsum, without_nan("nancumsum", a, 0), axis, dtype)


def nancumprod(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
    """Return cumulative products in which NaN counts as 1."""
    refuse_out("nancumprod", out)
    return accumulated("nancumprod", Cumprod, without_nan("nancumprod", a, 1), axis, dtype)


def without_nan(name: str, a: Any, value: int) -> Any:
    """Return an array with NaN replaced."""
    x = operand(name, a)
    return where_select(isnan(x), constant(value, x), x) if x.dtype in INEXACT else x


def accumulated(
    name: str, make: Any, a: Any, axis: int | None, dtype: Any, promote: bool = False
) -> Any:
    """Apply a cumulative operation."""
    x = operand(name, a)
    wanted = dtypes.check_user_dtype(dtype, name)
    if axis is None or x.ndim == 0:
        x, axis = reshaped(x, (x.size,)), 0
    axis = canonical_axis(name, axis, x.ndim)
    if wanted is not None:
        x = convert(x, wanted)
    elif x.dtype == BOOL or promote:
        x = convert(x, promoted_integer(x.dtype))
    if x.dtype == BOOL:
        out = make(axis)(convert(x, dtypes.default_dtype("i")))
        return Ne()(out, constant(0, out))
    return make(axis)(x)


def cumulative_sum(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Any:
    """Return cumulative sums, with a 0 before them if asked; short integers as int32.

    Errors: ValueError without an axis for arrays of several.
    """
    return cumulative("cumulative_sum", Cumsum, x, axis, dtype, include_initial, 0)


def cumulative_prod(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Any:
    """Return cumulative products, with a 1 before them if asked; short integers as int32."""
    return cumulative("cumulative_prod", Cumprod, x, axis, dtype, include_initial, 1)


def cumulative(
    name: str, make: Any, a: Any, axis: int | None, dtype: Any, initial: bool, value: int
) -> Any:
    """Apply a cumulative operation of the array API standard."""
    x = operand(name, a)
    if x.ndim == 0:
        raise ArgumentError(f"{name}: expected 1 axis or more, got rank 0{at_user_line()}")
    if axis is None and x.ndim > 1:
        raise ArgumentError(f"{name}: axis= is needed for shape {x.shape}{at_user_line()}")
    axis = canonical_axis(name, 0 if axis is None else axis, x.ndim)
    out = accumulated(name, make, x, axis, dtype, promote=True)
    if not initial:
        return out
    shape = (*out.shape[:axis], 1, *out.shape[axis + 1 :])
    return Concatenate(axis)(broadcast_to(constant(value, out), shape), out)


@one_program("n", "axis")
def diff(
    a: Any,
    n: int = 1,
    axis: int = -1,
    prepend: Any = None,
    append: Any = None,
) -> Any:
    """Return the n-th differences of neighbours along an axis; of bools, where they differ.

    Errors: ValueError for rank 0 or a negative n.
    """
    x = operand("diff", a)
    n = static_int("diff", n, "n")
    if n < 0 or x.ndim == 0:
        raise ArgumentError(
            f"diff: expected n of at least 0 and 1 axis or more, got n={n} and shape"
            f" {x.shape}{at_user_line()}"
        )
    if n == 0:
        return x
    axis = canonical_axis("diff", axis, x.ndim)
    parts = [extension(v, x, axis) for v in (prepend,) if v is not None]
    parts += [x, *(extension(v, x, axis) for v in (append,) if v is not None)]
    if len(parts) > 1:
        x = Concatenate(axis)(*promote_dtypes(*parts))
    op = Ne() if x.dtype == BOOL else Sub()
    for _ in range(n):
        size = x.shape[axis]
        x = op(between(x, axis, 1, size), between(x, axis, 0, max(size - 1, 0)))
    return x


def extension(v: Any, x: Any, axis: int) -> Any:
    """Return what is joined to an array, a number as a slice."""
    v = operand("diff", v)
    if v.ndim:
        return v
    return broadcast_to(v, (*x.shape[:axis], 1, *x.shape[axis + 1 :]))


def between(x: Any, axis: int, start: int, stop: int) -> Any:
    """Return a slice along an axis."""
    starts, stops = [0] * x.ndim, list(x.shape)
    starts[axis], stops[axis] = min(start, stop), stop
    return Slice(tuple(starts), tuple(stops))(x)


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """Return the differences of neighbours of the flat array, between two optional parts."""
    x = operand("ediff1d", ary)
    x = reshaped(x, (x.size,))
    out = diff(x) if x.size else x
    parts = [reshaped(operand("ediff1d", v), (-1,)) for v in (to_begin,) if v is not None]
    parts += [out, *(reshaped(operand("ediff1d", v), (-1,)) for v in (to_end,) if v is not None)]
    return out if len(parts) == 1 else Concatenate(0)(*(convert(p, out.dtype) for p in parts))


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int | None = None) -> Any:
    """Return central differences (one-sided at the ends) along axes, a list for several.

    `varargs`: the distance of samples, or their places, for all axes or one for each.
    """
    if edge_order is not None:
        raise NotImplementedError("gradient: only edge_order=None is supported")
    x = operand("gradient", f)
    x = x if x.dtype in INEXACT else to_inexact("gradient", x)
    if axis is None:
        axes = tuple(range(x.ndim))
    else:
        several = axis if isinstance(axis, (tuple, list)) else (axis,)
        axes = tuple(canonical_axis("gradient", i, x.ndim) for i in several)
    if len(varargs) not in (0, 1, len(axes)):
        raise ShapeError(
            f"gradient: expected 0, 1 or {len(axes)} spacings, got {len(varargs)}{at_user_line()}"
        )
    spacings = varargs if len(varargs) == len(axes) else (varargs or (1.0,)) * len(axes)
    out = [gradient_along(x, h, i) for h, i in zip(spacings, axes, strict=True)]
    is_single = len(axes) == 1 and not isinstance(axis, (tuple, list))
    return out[0] if is_single else out


def gradient_along(x: Any, spacing: Any, axis: int) -> Any:
    """Return differences along one axis."""
    n = x.shape[axis]
    if n < 2:
        raise ArgumentError(f"gradient: axis {axis} of shape {x.shape} has fewer than 2 elements")
    if type(spacing) in SCALARS or operand("gradient", spacing).ndim == 0:
        ends = between(x, axis, 1, n) - between(x, axis, 0, n - 1)
        inner = (between(x, axis, 2, n) - between(x, axis, 0, n - 2)) * 0.5
        parts = [between(ends, axis, 0, 1), inner, between(ends, axis, n - 2, n - 1)]
        return Concatenate(axis)(*parts) / spacing
    steps = diff(operand("gradient", spacing))
    shape = tuple(n - 1 if i == axis else 1 for i in range(x.ndim))
    h = reshaped(convert(steps, x.dtype), shape)
    slopes = (between(x, axis, 1, n) - between(x, axis, 0, n - 1)) / h
    h0, h1 = between(h, axis, 0, n - 2), between(h, axis, 1, n - 1)
    s0, s1 = between(slopes, axis, 0, n - 2), between(slopes, axis, 1, n - 1)
    inner = (s0 * h1 + s1 * h0) / (h0 + h1)
    parts = [between(slopes, axis, 0, 1), inner, between(slopes, axis, n - 2, n - 1)]
    return Concatenate(axis)(*parts)


@one_program("dx", "axis")
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """Integrate samples by the trapezoidal rule, `dx` apart or at the places `x`."""
    y = operand("trapezoid", y)
    y = y if y.dtype in INEXACT else to_inexact("trapezoid", y)
    y = moveaxis(y, axis, -1)
    n = y.shape[-1]
    mean = (between(y, y.ndim - 1, 1, n) + between(y, y.ndim - 1, 0, max(n - 1, 0))) * 0.5
    if x is None:
        return sum(mean, -1) * dx
    places = operand("trapezoid", x, 1)
    places = moveaxis(places, axis, -1) if places.ndim > 1 else places
    return sum(binary(Mul(), mean, diff(places)), -1)
