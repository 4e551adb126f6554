"""Joining, splitting and repeating arrays."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from gradax import dtypes
from gradax.core.tracer import Tracer
from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.lax import tile as tile_axes
from gradax.lax.creation import Iota
from gradax.lax.cumulative import Cumsum
from gradax.lax.joining import Concatenate, Split
from gradax.lax.shapes import BroadcastInDim, Reshape, Squeeze
from gradax.lax.slicing import Slice
from gradax.numpy.arithmetic import remainder
from gradax.numpy.axes import canonical_axis, known_array, static_int
from gradax.numpy.indexing import get, index
from gradax.numpy.promotion import (
    ARRAYS,
    SCALARS,
    convert,
    operand,
    promote_dtypes,
)
from gradax.numpy.shaping import atleast_1d, atleast_2d, atleast_3d, expand_dims, reshaped
from gradax.sizes import Size, as_size, has_open, is_open

Arrays = Sequence[Any]


def arrays_of(name: str, arrays: Any) -> list[Any]:
    """Return a sequence of arrays, or the rows of one array.

    Errors: TypeError for one array where a sequence is needed, ValueError for none.
    """
    if isinstance(arrays, (*ARRAYS, np.ndarray)):
        if arrays.ndim == 0:
            raise ShapeError(f"{name}: expected a sequence of arrays, got one of rank 0")
        return [index(operand(name, arrays), i) for i in range(arrays.shape[0])]
    if isinstance(arrays, str) or not hasattr(arrays, "__iter__"):
        raise ShapeError(
            f"{name}: expected a sequence of arrays, got a {type(arrays).__name__}{at_user_line()}"
        )
    found = [x if type(x) in SCALARS else operand(name, x, i) for i, x in enumerate(arrays)]
    if not found:
        raise ArgumentError(f"{name}: need at least one array{at_user_line()}")
    return found


def typed(name: str, found: list[Any], dtype: Any) -> list[Any]:
    """Return arrays in one dtype: the given one, or their common one."""
    wanted = dtypes.check_user_dtype(dtype, name)
    if wanted is not None:
        return [convert(x, wanted) for x in found]
    first = found[0]
    if type(first) not in SCALARS and all(
        type(x) not in SCALARS and x.aval.dtype == first.aval.dtype for x in found
    ):
        return found
    return promote_dtypes(*found)


def concatenate(arrays: Any, axis: Any = 0, dtype: Any = None) -> Any:
    """Join arrays along an axis; None: along one axis after flattening each.

    Errors: TypeError for ranks or other sizes that differ; ValueError for no arrays.
    """
    found = typed("concatenate", arrays_of("concatenate", arrays), dtype)
    if axis is None:
        found = [reshaped(x, (x.size,)) for x in found]
        axis = 0
    first = found[0]
    if first.ndim == 0:
        raise ArgumentError(
            f"concatenate: arrays of rank 0 cannot be joined{at_user_line()}\nUse jnp.stack."
        )
    axis = canonical_axis("concatenate", axis, first.ndim)
    if any(x.ndim != first.ndim for x in found):
        shapes = ", ".join(str(x.shape) for x in found)
        raise ShapeError(
            f"Cannot concatenate arrays with different numbers of dimensions: {shapes}"
            f"{at_user_line()}"
        )
    rest = first.shape[:axis] + first.shape[axis + 1 :]
    if any(x.shape[:axis] + x.shape[axis + 1 :] != rest for x in found):
        shapes = ", ".join(str(x.shape) for x in found)
        raise ShapeError(
            f"Cannot concatenate arrays whose shapes differ besides axis {axis}: {shapes}"
            f"{at_user_line()}\nJoin them along the axis in which they differ (axis=…), or pad or"
            " slice them"
            " to one size there."
        )
    return first if len(found) == 1 else Concatenate(axis)(*found)


def concat(arrays: Any, /, *, axis: Any = 0) -> Any:
    """Join arrays along an axis, as `concatenate`."""
    return concatenate(arrays, axis)


def stack(arrays: Any, axis: int = 0, out: None = None, dtype: Any = None) -> Any:
    """Join arrays of one shape along a new axis. Errors: ValueError when shapes differ."""
    if out is not None:
        raise NotImplementedError("stack: the 'out' argument is not supported")
    found = typed("stack", arrays_of("stack", arrays), dtype)
    shape = found[0].shape
    if any(x.shape != shape for x in found):
        got = ", ".join(str(x.shape) for x in found)
        raise ArgumentError(
            f"stack: all arrays must have the same shape, got {got}{at_user_line()}"
        )
    axis = canonical_axis("stack", axis, len(shape) + 1)
    spread = BroadcastInDim(
        (*shape[:axis], 1, *shape[axis:]), tuple(i + (i >= axis) for i in range(len(shape)))
    )
    parts = [spread(x) for x in found]
    return parts[0] if len(parts) == 1 else Concatenate(axis)(*parts)


def raised(name: str, arrays: Any, raise_rank: Any) -> list[Any]:
    """Return a sequence of arrays of a least rank."""
    return [raise_rank(operand(name, x)) for x in arrays_of(name, arrays)]


def hstack(tup: Any, dtype: Any = None) -> Any:
    """Join arrays along the second axis; vectors along the first."""
    found = raised("hstack", tup, atleast_1d)
    return concatenate(found, 0 if found[0].ndim == 1 else 1, dtype)


def vstack(tup: Any, dtype: Any = None) -> Any:
    """Join arrays along the first axis; vectors become rows."""
    return concatenate(raised("vstack", tup, atleast_2d), 0, dtype)


def dstack(tup: Any, dtype: Any = None) -> Any:
    """Join arrays along the third axis."""
    return concatenate(raised("dstack", tup, atleast_3d), 2, dtype)


def column_stack(tup: Any) -> Any:
    """Join vectors as columns, and matrices as they are."""
    found = raised("column_stack", tup, lambda x: x)
    return concatenate([x if x.ndim >= 2 else reshaped(x, (-1, 1)) for x in found], 1)


def block(arrays: Any) -> Any:
    """Join nested lists of blocks: the innermost along the last axis, and so outwards."""

    def depth(x: Any) -> int:
        return 1 + max((depth(v) for v in x), default=0) if isinstance(x, list) else 0

    n_levels = depth(arrays)

    def join(x: Any, level: int) -> Any:
        if not isinstance(x, list):
            return operand("block", x)
        if not x:
            raise ArgumentError(f"block: a list is empty{at_user_line()}")
        parts = [join(v, level + 1) for v in x]
        ndim = max(n_levels - level, *(p.ndim for p in parts))
        parts = [expand_dims(p, tuple(range(ndim - p.ndim))) for p in parts]
        return concatenate(parts, -(n_levels - level))

    return join(arrays, 0)


def append(arr: Any, values: Any, axis: Any = None) -> Any:
    """Join two arrays along an axis; None: as vectors."""
    return concatenate([operand("append", arr), operand("append", values, 1)], axis)


def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Cut into equal parts, or before the given places.

    Errors: ValueError when the axis does not divide by the number of parts.
    """
    return cut("split", ary, indices_or_sections, axis)


def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Cut into parts whose sizes differ by 1 at most, or before the given places."""
    return cut("array_split", ary, indices_or_sections, axis)


def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """Cut along the second axis; a vector along the first."""
    x = operand("hsplit", ary)
    return cut("hsplit", x, indices_or_sections, 0 if x.ndim == 1 else 1)


def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """Cut along the first axis."""
    return cut("vsplit", ary, indices_or_sections, 0)


def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """Cut along the third axis."""
    return cut("dsplit", ary, indices_or_sections, 2)


def cut(name: str, ary: Any, sections: Any, axis: int) -> list[Any]:
    """Cut an array along an axis."""
    x = operand(name, ary)
    axis = canonical_axis(name, axis, x.ndim)
    n = x.shape[axis]
    if isinstance(sections, (tuple, list)) or np.ndim(sections) > 0:
        if not (isinstance(sections, (tuple, list)) and has_open(sections)):
            sections = [int(p) for p in known_array(name, sections, "the places to cut at")]
        places = [static_int(name, p, "a place to cut at") for p in sections]
        bounds = [0, *(min(max(p + n if p < 0 else p, 0), n) for p in places), n]
        return parts_between(x, bounds, axis)
    k = static_int(name, sections, "the number of parts")
    if k <= 0:
        raise ArgumentError(f"{name}: expected at least 1 part, got {k}{at_user_line()}")
    size, rest = divmod(n, k)
    if rest and name != "array_split":
        raise ArgumentError(
            f"{name}: axis {axis} of size {n} does not divide into {k} equal parts, {rest} are left"
            f"{at_user_line()}\nUse jnp.array_split for parts of unlike size."
        )
    return list(Split(tuple(size + (i < rest) for i in range(k)), axis)(x))


def parts_between(x: Any, bounds: list[int], axis: int) -> list[Any]:
    """Return the parts between consecutive bounds."""
    sizes = [max(b - a, 0) for a, b in pairwise(bounds)]
    if sum(sizes) == x.shape[axis] and bounds == sorted(bounds):
        return list(Split(tuple(sizes), axis)(x))
    out: list[Any] = []
    for a, size in zip(bounds, sizes, strict=False):
        start, stop = [0] * x.ndim, list(x.shape)
        start[axis], stop[axis] = a, a + size
        out.append(Slice(tuple(start), tuple(stop))(x))
    return out


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """Return the slices along an axis, without it. Errors: ValueError for rank 0."""
    x = operand("unstack", x)
    if x.ndim == 0:
        raise ArgumentError(f"unstack: an array of rank 0 has no slices{at_user_line()}")
    axis = canonical_axis("unstack", axis, x.ndim)
    if x.shape[axis] == 0:
        return ()
    return tuple(Squeeze((axis,))(p) for p in Split((1,) * x.shape[axis], axis)(x))


def tile(A: Any, reps: Any) -> Any:
    """Repeat a whole array along each axis, the last of `reps` along the last."""
    x = operand("tile", A)
    several = isinstance(reps, (tuple, list)) or np.ndim(reps) == 1
    times = tuple(static_int("tile", r, "reps") for r in (reps if several else (reps,)))
    ndim = max(x.ndim, len(times))
    times = (1,) * (ndim - len(times)) + times
    return tile_axes(expand_dims(x, tuple(range(ndim - x.ndim))), times)


def repeat(
    a: Any,
    repeats: Any,
    axis: int | None = None,
    *,
    total_repeat_length: int | None = None,
    out_sharding: Any = None,
) -> Any:
    """Repeat each element along an axis; None: along one axis after flattening.

    Errors: TypeError for traced counts without `total_repeat_length`, which gives the length then.
    """
    x = operand("repeat", a)
    if axis is None:
        x, axis = reshaped(x, (x.size,)), 0
    x = atleast_1d(x)
    axis = canonical_axis("repeat", axis, x.ndim)
    if total_repeat_length is None and isinstance(repeats, (int, np.integer, Size)):
        return repeat_evenly(x, as_size(repeats), axis)
    if total_repeat_length is None and not isinstance(repeats, Tracer):
        counts = known_array("repeat", repeats, "the number of repeats")
        if counts.size == 1:
            return repeat_evenly(x, int(counts.reshape(())), axis)
        if counts.ndim != 1 or counts.size != x.shape[axis]:
            raise ArgumentError(
                f"repeat: expected 1 count or {x.shape[axis]} of them, got shape {counts.shape}"
                f"{at_user_line()}"
            )
        places = np.repeat(np.arange(x.shape[axis]), counts)
        return take_along(x, convert(operand("repeat", places), dtypes.default_dtype("i")), axis)
    if total_repeat_length is None:
        known_array("repeat", repeats, "the number of repeats (or total_repeat_length)")
    counts = operand("repeat", asints(repeats), 1)
    return repeat_to(x, counts, axis, as_size(total_repeat_length or 0))


def asints(x: Any) -> Any:
    """Return counts as an array."""
    return np.asarray(x) if isinstance(x, (list, tuple)) else x


def repeat_evenly(x: Any, n: int, axis: int) -> Any:
    """Repeat each element n times."""
    if n < 0:
        raise ArgumentError(f"repeat: expected counts of at least 0, got {n}{at_user_line()}")
    shape = (*x.shape[: axis + 1], n, *x.shape[axis + 1 :])
    places = tuple(i + (i > axis) for i in range(x.ndim))
    out = BroadcastInDim(shape, places)(x)
    return Reshape((*x.shape[:axis], x.shape[axis] * n, *x.shape[axis + 1 :]))(out)


def repeat_to(x: Any, repeats: Any, axis: int, total: int) -> Any:
    """Repeat by counts that need not be known, to a length that is; the last element fills up."""
    n = x.shape[axis]
    counts = reshaped(repeats, (-1,))
    if counts.shape[0] == 1 and n != 1:
        counts = BroadcastInDim((n,), (0,))(counts)
    ends = Cumsum(0)(counts)
    # Place k of the result comes from the first element whose end lies behind k.
    line = Iota(ends.dtype, (total,), 0)()
    before = BroadcastInDim((total, n), (0,))(line) >= BroadcastInDim((total, n), (1,))(ends)
    places = convert(before, dtypes.default_dtype("i")).sum(1)
    return take_along(x, places.clip(0, max(n - 1, 0)), axis)


def take_along(x: Any, places: Any, axis: int) -> Any:
    """Return elements at places that are inside an axis."""
    key = (*(slice(None),) * axis, places)
    return get(x, key, mode="clip")


def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    """Shift elements along axes, those that leave coming back at the other end.

    Without `axis` the flattened array is shifted. A traced shift is allowed.
    """
    x = operand("roll", a)
    if axis is None:
        return reshaped(roll(reshaped(x, (x.size,)), shift, 0), x.shape)
    axes = repeated_axes("roll", axis, x.ndim)
    parts = shift if isinstance(shift, (tuple, list)) else [shift]
    if any(isinstance(s, Tracer) for s in parts):
        shifts = traced_shifts(shift, len(axes))
    else:
        shifts = parts if has_open(parts) else [int(s) for s in np.atleast_1d(np.asarray(shift))]
        shifts = [as_size(s) for s in shifts]
        shifts = shifts * len(axes) if len(shifts) == 1 else shifts
    if len(shifts) != len(axes) and len(axes) == 1:
        axes = axes * len(shifts)
    for by, i in zip(shifts, axes, strict=True):
        x = roll_by(x, by, i)
    return x


def repeated_axes(name: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """Return axes, of which one may come twice."""
    return tuple(
        canonical_axis(name, i, ndim)
        for i in (axis if isinstance(axis, (tuple, list)) else (axis,))
    )


def traced_shifts(shift: Any, n_axes: int) -> list[Any]:
    """Return shifts that are not all known, one an axis."""
    if isinstance(shift, (tuple, list)):
        return [operand("roll", s, 1) for s in shift]
    if shift.ndim == 0:
        return [shift] * n_axes
    return [index(shift, i) for i in range(shift.shape[0])]


def roll_by(x: Any, by: Any, axis: int) -> Any:
    """Shift along one axis."""
    n = x.shape[axis]
    if n == 0:
        return x
    if isinstance(by, (int, Size)):
        k = -by % n
        if k == 0:
            return x
        whole, start, stop = [0] * x.ndim, [0] * x.ndim, list(x.shape)
        start[axis], stop[axis] = k, k
        first = Slice(tuple(start), x.shape)(x)
        return Concatenate(axis)(first, Slice(tuple(whole), tuple(stop))(x))
    start = n - remainder(by, n)
    twice = Concatenate(axis)(x, x)
    places = start + Iota(start.dtype, (n,), 0)()
    return take_along(twice, places, axis)


def resize(a: Any, new_shape: Any) -> Any:
    """Return an array of another shape, its elements repeated or cut off."""
    x = reshaped(operand("resize", a), (-1,) if prod(np.shape(a)) else (0,))
    sizes = new_shape if isinstance(new_shape, (tuple, list)) else (new_shape,)
    sizes = tuple(static_int("resize", n, "a shape's size") for n in sizes)
    total = prod(sizes)
    if x.size == 0:
        return convert(operand("resize", np.zeros(sizes)), x.dtype)
    times = -(-total // x.size)
    if is_open(times):
        places = remainder(Iota(dtypes.default_dtype("i"), (total,), 0)(), x.size)
        return Reshape(sizes)(take_along(x, places, 0))
    flat = Concatenate(0)(*[x] * times) if times > 1 else x
    return Reshape(sizes)(Slice((0,), (total,))(flat))


def trim_zeros(filt: Any, trim: str = "fb") -> Any:
    """Return a vector without the zeros at its front ('f') and back ('b'); it must be known."""
    x = operand("trim_zeros", filt)
    places = np.flatnonzero(known_array("trim_zeros", x, "the array"))
    if not places.size:
        return Slice((0,), (0,))(x)
    start = int(places[0]) if "f" in trim.lower() else 0
    stop = int(places[-1]) + 1 if "b" in trim.lower() else x.size
    return Slice((start,), (stop,))(x)
