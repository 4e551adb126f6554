"""Elements by place or by condition: take, where, nonzero, choose and their like."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradax import dtypes
from gradax.core.tracer import Tracer
from gradax.errors import ArgumentError, DtypeError, at_user_line
from gradax.lax.arithmetic import Add
from gradax.lax.creation import Iota
from gradax.lax.cumulative import Cumsum
from gradax.lax.gathering import Gather
from gradax.lax.joining import Concatenate
from gradax.lax.placement import GatherDimensionNumbers, GatherScatterMode
from gradax.lax.shapes import BroadcastInDim, broadcast_scalar
from gradax.numpy.arithmetic import floor_divide, refuse_out, remainder
from gradax.numpy.axes import canonical_axis, known_array, static_count, static_shape
from gradax.numpy.creation import asarray
from gradax.numpy.indexing import get, index
from gradax.numpy.logic import truth, where_select
from gradax.numpy.open_masks import open_places
from gradax.numpy.promotion import (
    INTEGERS,
    broadcast_op,
    broadcast_operands,
    broadcast_shape,
    convert,
    operand,
    operands,
    promote_dtypes,
)
from gradax.numpy.shaping import reshaped
from gradax.numpy.sorting import places_in


def integers(name: str, x: Any, position: int = 1) -> Any:
    """Return an argument as an array of integers."""
    x = operand(name, x, position)
    if x.dtype not in INTEGERS:
        raise DtypeError(f"{name} requires integer indices, got {x.dtype.name}{at_user_line()}")
    return x


def take(
    a: Any,
    indices: Any,
    axis: int | None = None,
    out: None = None,
    mode: str | None = None,
    unique_indices: bool = False,
    indices_are_sorted: bool = False,
    fill_value: Any = None,
) -> Any:
    """Return the elements at places along an axis; None: of the flat array.

    mode: 'fill' (the default: `fill_value`, NaN, where a place is outside), 'clip', 'wrap'.
    """
    refuse_out("take", out)
    x, places = operand("take", a), integers("take", indices)
    if axis is None:
        x, axis = reshaped(x, (x.size,)), 0
    axis = canonical_axis("take", axis, x.ndim)
    if mode == "raise":
        raise NotImplementedError("take: mode='raise' is not supported; use 'fill' or 'clip'")
    if mode == "wrap":
        places, how = remainder(places, max(x.shape[axis], 1)), "clip"
    else:
        how = mode or "fill"
    return get(
        x,
        (*(slice(None),) * axis, places),
        mode=how,
        fill_value=fill_value,
        unique_indices=unique_indices,
        indices_are_sorted=indices_are_sorted,
        wrap_negative_indices=mode != "clip",
    )


def take_along_axis(
    arr: Any,
    indices: Any,
    axis: int | None = -1,
    mode: str | GatherScatterMode | None = None,
    fill_value: Any = None,
    *,
    wrap_negative_indices: bool = True,
) -> Any:
    """Return elements at places along an axis, for each place of the other axes its own.

    Errors: ValueError unless both have as many axes, which broadcast besides `axis`.
    """
    x, places = operand("take_along_axis", arr), integers("take_along_axis", indices)
    if axis is None:
        if places.ndim != 1:
            raise ArgumentError(
                f"take_along_axis: axis=None wants a vector of indices, got {places.shape}"
            )
        x, axis = reshaped(x, (x.size,)), 0
    if x.ndim != places.ndim:
        raise ArgumentError(
            f"take_along_axis: indices of shape {places.shape} for an array of shape {x.shape} have"
            f" another number of axes{at_user_line()}"
        )
    axis = canonical_axis("take_along_axis", axis, x.ndim)
    x, places = along(x, places, axis)
    if wrap_negative_indices:
        places = where_select(places < 0, places + x.shape[axis], places)
    return gather_along(x, places, axis, mode, fill_value)


def along(x: Any, places: Any, axis: int) -> tuple[Any, Any]:
    """Broadcast an array and its indices against each other on all axes but one."""
    xs, ps = list(x.shape), list(places.shape)
    xs[axis] = ps[axis] = 1
    shape = broadcast_shape("take_along_axis", tuple(xs), tuple(ps))

    def spread(v: Any) -> Any:
        wanted = (*shape[:axis], v.shape[axis], *shape[axis + 1 :])
        return v if v.shape == wanted else broadcast_op(v.shape, wanted)(v)

    return spread(x), spread(places)


def gather_along(x: Any, places: Any, axis: int, mode: Any, fill_value: Any) -> Any:
    """Gather with all axes but one in step."""
    how = GatherScatterMode.from_any("fill" if mode is None else mode)
    others = tuple(i for i in range(x.ndim) if i != axis)
    numbers = GatherDimensionNumbers((), (axis,), (axis,), others, others)
    vectors = BroadcastInDim((*places.shape, 1), tuple(range(places.ndim)))(places)
    fill = None if fill_value is None else np.asarray(fill_value)[()].item()
    sizes = tuple(min(m, 1) for m in x.shape)
    return Gather(numbers, sizes, mode=how, fill_value=fill)(x, vectors)


def where(
    condition: Any,
    x: Any = None,
    y: Any = None,
    /,
    *,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """Return elements of `x` where the condition holds, else of `y`; alone, `nonzero(condition)`.

    Errors: ValueError for one of x and y without the other.
    """
    if x is None and y is None:
        return nonzero(condition, size=size, fill_value=fill_value)
    if x is None or y is None:
        raise ArgumentError(f"where: expected both x and y, or neither of them{at_user_line()}")
    if size is not None or fill_value is not None:
        raise ArgumentError(f"where: size and fill_value go with one argument{at_user_line()}")
    return where_select(condition, x, y)


def nonzero(a: Any, *, size: int | None = None, fill_value: Any = None) -> tuple[Any, ...]:
    """Return the indices of elements that are not zero, an array an axis.

    With `size` the result has that length, cut off or filled up with `fill_value` (0): it works on
    traced arrays. Errors: ConcretizationTypeError for those without it.
    """
    mask = truth("nonzero", a)
    if mask.ndim == 0:
        raise ArgumentError(f"nonzero: expected 1 axis or more; use jnp.atleast_1d{at_user_line()}")
    int_dtype = dtypes.default_dtype("i")
    if size is None and (found := open_places(mask)) is not None:
        return tuple(convert(p, int_dtype) for p in unravel(found, mask.shape))
    if size is None:
        what = "the array (or size=, the number of places)"
        places = np.nonzero(known_array("nonzero", mask, what))
        return tuple(convert(operand("nonzero", p), int_dtype) for p in places)
    n, int32 = static_count("nonzero", size, "size"), np.dtype(np.int32)
    flat = reshaped(convert(mask, np.dtype(np.int32)), (mask.size,))
    counts = Cumsum(0)(flat)
    wanted = Add()(Iota(int32, (n,), 0)(), broadcast_scalar(convert(1, int32), (n,)))
    found = places_in(counts, wanted, "left")
    out = unravel(found, mask.shape)
    fills = fill_value if isinstance(fill_value, tuple) else (fill_value or 0,) * mask.ndim
    is_found = found < mask.size
    return tuple(
        convert(where_select(is_found, p, f), int_dtype) for p, f in zip(out, fills, strict=True)
    )


def unravel(places: Any, shape: tuple[int, ...]) -> list[Any]:
    """Return the indices on each axis of places of the flat array."""
    out: list[Any] = []
    for i in reversed(range(len(shape))):
        n = max(shape[i], 1)
        out.append(remainder(places, n) if i else places)
        places = floor_divide(places, n)
    return out[::-1]


def flatnonzero(a: Any, *, size: int | None = None, fill_value: Any = None) -> Any:
    """Return the places of the flat array's elements that are not zero."""
    x = operand("flatnonzero", a)
    return nonzero(reshaped(x, (x.size,)), size=size, fill_value=fill_value)[0]


def argwhere(a: Any, *, size: int | None = None, fill_value: Any = None) -> Any:
    """Return the indices of elements that are not zero, as rows."""
    x = operand("argwhere", a)
    if x.ndim == 0:
        n = int(bool(x)) if size is None else size
        return convert(operand("argwhere", np.zeros((n, 0))), dtypes.default_dtype("i"))
    columns = nonzero(x, size=size, fill_value=fill_value)
    return concatenate_columns(columns)


def concatenate_columns(columns: Sequence[Any]) -> Any:
    """Return vectors as the columns of a matrix."""
    spread = [BroadcastInDim((*c.shape, 1), (0,))(c) for c in columns]
    return spread[0] if len(spread) == 1 else Concatenate(1)(*spread)


def extract(condition: Any, arr: Any, *, size: int | None = None, fill_value: Any = 0) -> Any:
    """Return the elements of the flat array where a condition holds."""
    x = operand("extract", arr, 1)
    return compress(
        reshaped(truth("extract", condition), (-1,)), x, size=size, fill_value=fill_value
    )


def compress(
    condition: Any,
    a: Any,
    axis: int | None = None,
    *,
    size: int | None = None,
    fill_value: Any = 0,
    out: None = None,
) -> Any:
    """Return the slices along an axis for which a condition holds."""
    refuse_out("compress", out)
    mask, x = truth("compress", asarray(condition)), operand("compress", a, 1)
    if mask.ndim != 1:
        raise ArgumentError(f"compress: the condition is a vector, got shape {mask.shape}")
    if axis is None:
        x, axis = reshaped(x, (x.size,)), 0
    axis = canonical_axis("compress", axis, x.ndim)
    n = x.shape[axis]
    if mask.shape[0] > n:
        mask = index(mask, slice(0, n))
    places = nonzero(mask, size=size, fill_value=n)[0]
    return get(x, (*(slice(None),) * axis, places), mode="fill", fill_value=fill_value)


def choose(a: Any, choices: Any, out: None = None, mode: str = "raise") -> Any:
    """Return for each element that of the choice whose number is there.

    mode: what numbers outside mean: 'clip' or 'wrap'; 'raise' needs a known array.
    """
    refuse_out("choose", out)
    which = integers("choose", a, 0)
    found = promote_dtypes(*[operand("choose", c, i) for i, c in enumerate(choices)])
    n = len(found)
    if mode == "raise":
        if isinstance(which, Tracer):
            raise ArgumentError("choose: mode='raise' needs a known array; use 'clip' or 'wrap'")
        if np.any((np.asarray(which) < 0) | (np.asarray(which) >= n)):
            raise ArgumentError(f"choose: an index is outside {n} choices{at_user_line()}")
    elif mode == "wrap":
        which = remainder(which, n)
    elif mode == "clip":
        which = which.clip(0, n - 1)
    else:
        raise ArgumentError(f"choose: mode is 'raise', 'wrap' or 'clip', got {mode!r}")
    which, *found = broadcast_operands("choose", which, *found)
    out_array = found[0]
    for i, c in enumerate(found[1:], 1):
        out_array = where_select(which == i, c, out_array)
    return out_array


def ix_(*args: Any) -> tuple[Any, ...]:
    """Return vectors as indices of a grid; masks by their true places."""
    out: list[Any] = []
    for i, a in enumerate(operands("ix_", *args)):
        if a.ndim != 1:
            raise ArgumentError(f"ix_: expected vectors, got shape {a.shape}{at_user_line()}")
        a = a if a.dtype in INTEGERS else nonzero(a)[0]
        out.append(reshaped(a, tuple(-1 if j == i else 1 for j in range(len(args)))))
    return tuple(out)


def unravel_index(indices: Any, shape: Any) -> tuple[Any, ...]:
    """Return the indices on each axis of places of the flat array; places outside are clipped."""
    places = integers("unravel_index", asarray(indices), 0)
    sizes = static_shape("unravel_index", shape)
    total = math.prod(sizes)
    places = where_select(places < 0, places + total, places).clip(0, max(total - 1, 0))
    return tuple(unravel(places, sizes)) if sizes else ()


def ravel_multi_index(
    multi_index: Sequence[Any], dims: Sequence[int], mode: str = "raise", order: str = "C"
) -> Any:
    """Return the places of the flat array that indices on each axis mean."""
    sizes = static_shape("ravel_multi_index", tuple(dims))
    found = [integers("ravel_multi_index", i, 0) for i in multi_index]
    if len(found) != len(sizes):
        raise ArgumentError(f"ravel_multi_index: {len(found)} index arrays for shape {sizes}")
    if mode == "raise":
        known = [
            known_array("ravel_multi_index", i, "indices (or mode='wrap', 'clip')") for i in found
        ]
        if any(np.any((i < 0) | (i >= n)) for i, n in zip(known, sizes, strict=True)):
            raise ArgumentError(f"ravel_multi_index: an index is outside {sizes}{at_user_line()}")
    elif mode == "clip":
        found = [i.clip(0, n - 1) for i, n in zip(found, sizes, strict=True)]
    elif mode == "wrap":
        found = [remainder(i, n) for i, n in zip(found, sizes, strict=True)]
    else:
        raise ArgumentError(f"ravel_multi_index: mode is 'raise', 'wrap' or 'clip', got {mode!r}")
    pairs = list(zip(found, sizes, strict=True))
    out: Any = 0
    for i, n in pairs if order == "C" else pairs[::-1]:
        out = out * n + i
    return out
