"""Arrays that follow a rule: ranges, grids, triangles and diagonals."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from gradax import dtypes
from gradax.config import current
from gradax.core.value import to_numpy
from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.lax.arithmetic import Add, Div, Mul, Sub
from gradax.lax.comparison import Eq, Ge, SelectN
from gradax.lax.convert import ConvertElementType
from gradax.lax.creation import Iota
from gradax.lax.elementary import Pow
from gradax.lax.joining import Concatenate
from gradax.lax.rounding import Floor
from gradax.lax.shapes import BroadcastInDim, Reshape, broadcast_scalar
from gradax.lax.slicing import Pad
from gradax.numpy.arithmetic import constant, sign
from gradax.numpy.axes import canonical_axis, known, static_int, static_shape
from gradax.numpy.creation import as_array, asarray
from gradax.numpy.elementary import log10
from gradax.numpy.logic import where_select
from gradax.numpy.promotion import (
    COMPLEX,
    INEXACT,
    INTEGERS,
    SCALARS,
    binary,
    broadcast,
    broadcast_shape,
    convert,
    operand,
    operands,
    result_pair,
)
from gradax.numpy.taking import nonzero
from gradax.sizes import Size, has_open, is_open

_INT32: Final = np.dtype(np.int32)
# Steps of ranges with open limits are quotients by numbers up to this one.
MAX_UNDER: Final = 1024


def arange(
    start: Any,
    stop: Any = None,
    step: Any = None,
    dtype: Any = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Return start, start + step, … up to but without stop; one argument is the stop.

    Errors: TypeError for traced limits, whose number of elements is not known.
    """
    limits = [known("arange", x, "the limits") for x in (start, stop, step) if x is not None]
    limits = [x.item() if hasattr(x, "item") else x for x in limits]
    if any(isinstance(x, (list, tuple, str)) or np.ndim(x) for x in limits):
        raise ShapeError(f"arange: expected numbers, got {tuple(limits)}{at_user_line()}")
    wanted = dtypes.check_user_dtype(dtype, "arange")
    if wanted is None:
        typed = [x for x in (start, stop, step) if x is not None]
        wanted = dtypes.result_type(*typed)
        wanted = dtypes.default_dtype("i") if wanted == np.bool_ else wanted
    begin = 0 if stop is None else limits[0]
    end = limits[0] if stop is None else limits[1]
    by = 1 if step is None else limits[-1]
    if by == 0:
        raise ArgumentError(f"arange: the step is 0{at_user_line()}")
    if any(type(x) is Size for x in (begin, end, by)):
        return open_range(begin, end, by, wanted)
    count = (end - begin) / by
    if not isinstance(count, complex) and not math.isfinite(count):
        raise ArgumentError(f"arange: expected finite limits, got {tuple(limits)}{at_user_line()}")
    n = max(math.ceil(count), 0) if not isinstance(count, complex) else 0
    if current.strict and n and wanted in INTEGERS:
        to_numpy(int(begin + (n - 1) * by), wanted)  # an OverflowError where it does not fit
    line = Iota(wanted, (n,), 0)()
    if by != 1:
        line = Mul()(convert(by, wanted), line)
    if stop is not None and (begin != 0 or (wanted in INEXACT and by != 1)):
        line = Add()(convert(begin, wanted), line)
    return asarray(line, device=device, out_sharding=out_sharding)


def open_range(begin: Any, end: Any, by: Any, dtype: Any) -> Any:
    """Return the range of limits among which are sizes of open axes.

    Errors: ShapeError for a step that is not the quotient of an integer and a small power of 2.
    """
    over, under = (by, 1) if is_open(by) else by.as_integer_ratio()
    if not is_open(over) and under > MAX_UNDER:
        raise ShapeError(
            f"arange: how many steps of {by!r} an open axis holds is not computed exactly"
            f"{at_user_line()}\nUse jnp.arange(n) * {by!r}, where n is their number."
        )
    # (end - begin) / by, rounded up: what is no size may be rounded up first.
    span = [end, -begin] if is_open(over) or over > 0 else [-end, begin]
    length = sum(x * under if is_open(x) else math.ceil(x * under) for x in span)
    n = max(-(-length // abs(over)), 0)
    line = Iota(dtype, (n,), 0)()
    line = line if by == 1 else Mul()(convert(by, dtype), line)
    return line if begin == 0 else Add()(convert(begin, dtype), line)


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Any:
    """Return `num` numbers evenly spaced from start to stop, which endpoint=False leaves out.

    Errors: ValueError for a negative number.
    """
    num = static_int("linspace", num, "num")
    if num < 0:
        raise ArgumentError(f"linspace: the number of samples is {num}, not negative wanted")
    wanted = dtypes.check_user_dtype(dtype, "linspace")
    start, stop = scalars_or_arrays("linspace", start, stop)
    computed = result_pair(start, stop)[0]
    computed = computed if computed in INEXACT else dtypes.to_inexact_dtype(computed)
    result = computed if wanted is None else wanted
    start, stop = convert(start, computed), convert(stop, computed)
    shape = broadcast_shape("linspace", start.shape, stop.shape)
    start, stop = broadcast(start, shape), broadcast(stop, shape)
    n_steps = num - 1 if endpoint else num
    step = constant(math.nan, start)
    if n_steps > 0:
        step = Div()(Sub()(stop, start), constant(n_steps, start))
    out = spaced(start, stop, num, endpoint, computed)
    axis = canonical_axis("linspace", axis, len(shape) + 1)
    out = out if axis == 0 else move_first(out, axis)
    if result in INTEGERS and computed not in INTEGERS:
        out = Floor()(out)
    out = asarray(convert(out, result), device=device)
    return (out, step) if retstep else out


def spaced(start: Any, stop: Any, num: int, endpoint: bool, dtype: Any) -> Any:
    """Return evenly spaced numbers along a new first axis."""
    shape = start.shape
    n_steps = num - 1 if endpoint else num
    real = dtypes.to_floating_dtype(dtype)
    if num == 0:
        return broadcast_scalar(constant(0, start), (0, *shape))
    if n_steps == 0:
        return Reshape((1, *shape))(start)
    line = Iota(real, (num - 1 if endpoint else num,), 0)()
    if shape:
        line = Reshape((line.size, *(1,) * len(shape)))(line)
    t = convert(Div()(line, constant(n_steps, line)), dtype)
    first, last = Reshape((1, *shape))(start), Reshape((1, *shape))(stop)
    ahead = binary(Mul(), first, Sub()(constant(1, t), t))
    out = Add()(ahead, binary(Mul(), last, t))
    if not endpoint:
        return out
    end = BroadcastInDim((1, *shape), tuple(range(1, len(shape) + 1)))(stop)
    return Concatenate(0)(out, end)


def scalars_or_arrays(name: str, *xs: Any) -> list[Any]:
    """Return arguments as arrays, Python numbers as they are."""
    return [x if type(x) in SCALARS else operand(name, x, i) for i, x in enumerate(xs)]


def move_first(x: Any, axis: int) -> Any:
    """Move the first axis to `axis`."""
    return operand("moveaxis", x).transpose((*range(1, axis + 1), 0, *range(axis + 1, x.ndim)))


def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Return `num` numbers from base**start to base**stop, evenly spaced on a logarithmic scale."""
    start, stop, base = scalars_or_arrays("logspace", start, stop, base)
    computed = result_pair(start, stop, base)[0]
    computed = computed if computed in INEXACT else dtypes.to_inexact_dtype(computed)
    exponents = linspace(
        convert(start, computed), convert(stop, computed), num, endpoint, axis=axis
    )
    out = binary(Pow(), convert(base, computed), exponents)
    wanted = dtypes.check_user_dtype(dtype, "logspace")
    return out if wanted is None else convert(out, wanted)


def geomspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Return `num` numbers from start to stop whose quotients are equal; both have one sign."""
    start, stop = scalars_or_arrays("geomspace", start, stop)
    computed = result_pair(start, stop)[0]
    computed = computed if computed in INEXACT else dtypes.to_inexact_dtype(computed)
    start, stop = convert(start, computed), convert(stop, computed)
    direction = sign(start)
    if computed in COMPLEX:
        both_negative = Eq()(sign(start), sign(stop))
        direction = where_select(both_negative, direction, constant(1, start))
    first, last = (log10(Div()(x, broadcast_to_like(direction, x))) for x in (start, stop))
    out = logspace(first, last, num, endpoint, 10.0, axis=0)
    out = binary(Mul(), direction, out)
    axis = canonical_axis("geomspace", axis, out.ndim)
    wanted = dtypes.check_user_dtype(dtype, "geomspace")
    out = out if axis == 0 else move_first(out, axis)
    return out if wanted is None else convert(out, wanted)


def broadcast_to_like(x: Any, like: Any) -> Any:
    """Return an array broadcast to the shape of another."""
    return broadcast(x, broadcast_shape("geomspace", x.shape, like.shape))


def eye(N: int, M: int | None = None, k: Any = 0, dtype: Any = None, *, device: Any = None) -> Any:
    """Return ones on the diagonal `k` places above the main one, zeros elsewhere; N rows."""
    rows = static_int("eye", N, "N")
    columns = rows if M is None else static_int("eye", M, "M")
    wanted = dtypes.check_user_dtype(dtype, "eye")
    shape = static_shape("eye", (rows, columns))
    out = ConvertElementType(wanted or dtypes.default_dtype("f"))(on_diagonal(shape, k))
    return asarray(out, device=device)


def on_diagonal(shape: tuple[int, ...], k: Any) -> Any:
    """Tell which elements of a matrix are on its k-th diagonal."""
    rows, columns = Iota(_INT32, shape, 0)(), Iota(_INT32, shape, 1)()
    return Eq()(Add()(rows, offset(k)), columns)


def offset(k: Any) -> Any:
    """Return a diagonal's number as an operand."""
    return convert(k if type(k) in SCALARS else operand("k", k), _INT32)


def identity(n: int, dtype: Any = None) -> Any:
    """Return the identity matrix of n rows."""
    return eye(n, dtype=dtype)


def at_or_below(shape: tuple[int, ...], k: Any) -> Any:
    """Tell which elements of a matrix are on or below its k-th diagonal."""
    rows, columns = Iota(_INT32, shape, 0)(), Iota(_INT32, shape, 1)()
    return Ge()(Add()(rows, offset(k)), columns)


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Return ones on and below the k-th diagonal, zeros above; N rows."""
    shape = static_shape("tri", (N, N if M is None else M))
    wanted = dtypes.check_user_dtype(dtype, "tri")
    return ConvertElementType(wanted or dtypes.default_dtype("f"))(at_or_below(shape, k))


def tril(m: Any, k: int = 0) -> Any:
    """Return matrices with zeros above the k-th diagonal."""
    return triangle("tril", m, k, lower=True)


def triu(m: Any, k: int = 0) -> Any:
    """Return matrices with zeros below the k-th diagonal."""
    return triangle("triu", m, operator.index(k) - 1 if type(k) is int else k, lower=False)


def triangle(name: str, m: Any, k: Any, lower: bool) -> Any:
    """Return a triangle of matrices."""
    x = operand(name, m)
    if x.ndim < 2:
        raise ArgumentError(
            f"{name}: expected at least 2 axes, got shape {x.shape}{at_user_line()}"
        )
    mask = at_or_below(x.shape[-2:], k)
    if x.ndim > 2:
        mask = BroadcastInDim(x.shape, (x.ndim - 2, x.ndim - 1))(mask)
    zero = broadcast_scalar(constant(0, x), x.shape)
    return SelectN()(mask, zero, x) if lower else SelectN()(mask, x, zero)


def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> list[Any]:
    """Return coordinate arrays of a grid from one vector an axis.

    Errors: ValueError unless indexing is 'xy' (the first two axes swapped) or 'ij'.
    """
    if indexing not in ("xy", "ij"):
        raise ArgumentError(f"meshgrid: indexing is 'xy' or 'ij', got {indexing!r}{at_user_line()}")
    vectors = [x.reshape(-1) if x.ndim != 1 else x for x in operands("meshgrid", *xi)]
    places = list(range(len(vectors)))
    if indexing == "xy" and len(vectors) >= 2:
        places[:2] = [1, 0]
    shape = [1] * len(vectors)
    for place, x in zip(places, vectors, strict=True):
        shape[place] = x.size
    out: list[Any] = []
    for place, x in zip(places, vectors, strict=True):
        own = tuple(n if i == place else 1 for i, n in enumerate(shape))
        out.append(BroadcastInDim(own if sparse else tuple(shape), (place,))(x))
    return out


def diag(v: Any, k: int = 0) -> Any:
    """Return the k-th diagonal of a matrix, or the matrix with a vector on that diagonal.

    Errors: ValueError unless v has one or two axes.
    """
    x = operand("diag", v)
    k = static_int("diag", k, "k")
    if x.ndim == 1:
        # The vector numbers the columns of a diagonal above the main one, the rows of one below.
        line = Pad(((abs(k), 0, 0),))(x, constant(0, x)) if k else x
        n = line.shape[0]
        spread = BroadcastInDim((n, n), (1,) if k > 0 else (0,))(line)
        zero = broadcast_scalar(constant(0, x), (n, n))
        return SelectN()(on_diagonal((n, n), k), zero, spread)
    if x.ndim != 2:
        raise ArgumentError(f"diag: expected 1 or 2 axes, got shape {x.shape}{at_user_line()}")
    return diagonal(x, k)


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return the diagonal of the matrices in two axes, as the last axis."""
    x = operand("diagonal", a)
    if x.ndim < 2:
        raise ArgumentError(f"diagonal: expected 2 axes or more, got {x.shape}{at_user_line()}")
    first = canonical_axis("diagonal", axis1, x.ndim)
    second = canonical_axis("diagonal", axis2, x.ndim)
    if first == second:
        raise ArgumentError(f"diagonal: axis1 and axis2 are both {first}{at_user_line()}")
    k = static_int("diagonal", offset, "offset")
    rest = tuple(i for i in range(x.ndim) if i not in (first, second))
    if (*rest, first, second) != tuple(range(x.ndim)):
        x = x.transpose((*rest, first, second))
    rows, columns = x.shape[-2:]
    n = max(0, min(rows + min(k, 0), columns - max(k, 0)))
    row, column = max(-k, 0), max(k, 0)
    # The n x n block that the diagonal crosses; its diagonal is every (n + 1)-th element.
    block = x[..., row : row + n, column : column + n]
    if n < 2:
        return block.reshape((*x.shape[:-2], n))
    flat = block.reshape((*x.shape[:-2], n * n))
    return flat[..., :: n + 1]


def diagflat(v: Any, k: int = 0) -> Any:
    """Return the matrix with the flattened input on its k-th diagonal."""
    return diag(operand("diagflat", v).reshape(-1), k)


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Return the Vandermonde matrix, whose columns are powers of a vector."""
    v = operand("vander", x)
    if v.ndim != 1:
        raise ArgumentError(f"vander: expected a vector, got shape {v.shape}{at_user_line()}")
    n = v.shape[0] if N is None else static_int("vander", N, "N")
    powers = np.arange(n) if increasing else np.arange(n)[::-1]
    columns = [v.reshape((-1, 1)) ** int(p) for p in powers]
    return Concatenate(1)(*columns) if columns else v.reshape((-1, 1))[:, :0]


def indices(dimensions: Sequence[int], dtype: Any = None, sparse: bool = False) -> Any:
    """Return for each axis the array of its indices: stacked, or as a tuple of thin arrays."""
    shape = static_shape("indices", tuple(dimensions))
    wanted = dtypes.check_user_dtype(dtype, "indices") or dtypes.default_dtype("i")
    if sparse:
        line = [tuple(n if j == i else 1 for j in range(len(shape))) for i, n in enumerate(shape)]
        return tuple(Iota(wanted, s, i)() for i, s in enumerate(line))
    if not shape:
        return as_array(np.zeros((0,)), wanted)
    grids = [Iota(wanted, (1, *shape), i + 1)() for i in range(len(shape))]
    return grids[0] if len(grids) == 1 else Concatenate(0)(*grids)


def tri_mask(n: int, m: int, k: int, lower: bool) -> np.ndarray[Any, Any]:
    """Return which elements of a matrix are in a triangle."""
    return np.tri(n, m, k, dtype=bool) if lower else ~np.tri(n, m, k - 1, dtype=bool)


def n_above(n: Any, m: Any, k: Any) -> Any:
    """Return how many elements of an n by m matrix lie on or above the k-th diagonal."""
    low = min(max(-k, 0), n)
    high = min(max(m - k, low), n)
    return low * m + (high - low) * (m - k) - (high * (high - 1) - low * (low - 1)) // 2


def open_triangle(n: Any, m: Any, k: Any, lower: bool) -> tuple[Any, Any]:
    """Return rows and columns of a triangle of a matrix that has an open axis."""
    rows, columns = (Iota(dtypes.default_dtype("i"), (n, m), i)() for i in (0, 1))
    mask = columns <= rows + k if lower else columns >= rows + k
    count = n * m - n_above(n, m, k + 1) if lower else n_above(n, m, k)
    return nonzero(mask, size=count)


def triangle_indices(name: str, n: Any, k: Any, m: Any, lower: bool) -> tuple[Any, Any]:
    """Return rows and columns of a triangle of an n by m matrix, n by n where m is None."""
    m = n if m is None else m
    if has_open((n, m, k)):
        n, m, k = (static_int(name, x, what) for x, what in ((n, "n"), (m, "m"), (k, "k")))
        return open_triangle(n, m, k, lower)
    return pair_of_indices(tri_mask(n, m, k, lower))


def pair_of_indices(mask: np.ndarray[Any, Any]) -> tuple[Any, Any]:
    """Return the rows and columns where a mask holds."""
    rows, columns = np.nonzero(mask)
    return as_array(rows, dtypes.default_dtype("i")), as_array(columns, dtypes.default_dtype("i"))


def tril_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Any, Any]:
    """Return rows and columns of the elements on and below the k-th diagonal."""
    return triangle_indices("tril_indices", n, k, m, True)


def triu_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Any, Any]:
    """Return rows and columns of the elements on and above the k-th diagonal."""
    return triangle_indices("triu_indices", n, k, m, False)


def tril_indices_from(arr: Any, k: int = 0) -> tuple[Any, Any]:
    """Return `tril_indices` for a matrix."""
    rows, columns = np.shape(arr)
    return tril_indices(rows, k, columns)


def triu_indices_from(arr: Any, k: int = 0) -> tuple[Any, Any]:
    """Return `triu_indices` for a matrix."""
    rows, columns = np.shape(arr)
    return triu_indices(rows, k, columns)


def diag_indices(n: int, ndim: int = 2) -> tuple[Any, ...]:
    """Return the indices of the diagonal of an array of `ndim` axes of size n."""
    n, ndim = static_int("diag_indices", n, "n"), static_int("diag_indices", ndim, "ndim")
    if n < 0 or ndim < 0:
        raise ArgumentError(f"diag_indices: expected sizes of at least 0, got {n} and {ndim}")
    return (Iota(dtypes.default_dtype("i"), (n,), 0)(),) * ndim


def diag_indices_from(arr: Any) -> tuple[Any, ...]:
    """Return `diag_indices` for an array whose axes are equally long."""
    shape = np.shape(arr)
    if len(shape) < 2 or len(set(shape)) != 1:
        raise ArgumentError(
            f"diag_indices_from: expected 2 or more axes of one size, got {shape}{at_user_line()}"
        )
    return diag_indices(shape[0], len(shape))


def mask_indices(n: int, mask_func: Any, k: int = 0, *, size: int | None = None) -> Any:
    """Return the indices where `mask_func(ones((n, n)), k)` is not zero."""
    out = mask_func(asarray(np.ones((n, n))), k)
    return pair_of_indices(np.asarray(out) != 0)
