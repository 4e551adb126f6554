"""Elements by place or by condition: take, where, nonzero, delete, insert and their like."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradax import dtypes
from gradax.core.tracer import Tracer
from gradax.errors import ArgumentError, DtypeError, at_user_line
from gradax.lax.cumulative import Cumsum
from gradax.lax.gathering import Gather
from gradax.lax.joining import Concatenate
from gradax.lax.placement import GatherDimensionNumbers, GatherScatterMode
from gradax.lax.shapes import BroadcastInDim
from gradax.numpy.arithmetic import floor_divide, refuse_out, remainder
from gradax.numpy.at import at
from gradax.numpy.axes import canonical_axis, known_array, static_int, static_shape
from gradax.numpy.creation import asarray
from gradax.numpy.indexing import get, index
from gradax.numpy.logic import truth, where_select
from gradax.numpy.promotion import (
    INTEGERS,
    broadcast,
    broadcast_op,
    broadcast_operands,
    broadcast_shape,
    convert,
    operand,
    operands,
    promote_dtypes,
)
from gradax.numpy.shaping import moveaxis, reshaped
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
    n = x.shape[axis]
    places = where_select(places < 0, places + n, places)
    others = tuple(i for i in range(x.ndim) if i != axis)
    numbers = GatherDimensionNumbers((), (axis,), (axis,), others, others)
    vectors = BroadcastInDim((*places.shape, 1), tuple(range(places.ndim)))(places)
    fill = None if fill_value is None else np.asarray(fill_value)[()].item()
    sizes = tuple(min(m, 1) for m in x.shape)
    return Gather(numbers, sizes, mode=how, fill_value=fill)(x, vectors)


def coordinates(places: Any, axis: int) -> tuple[Any, ...]:
    """Return an index that addresses places along an axis, at their own places on the others."""
    key: list[Any] = []
    for i, n in enumerate(places.shape):
        if i == axis:
            key.append(places)
        else:
            line = np.arange(n, dtype=np.int32)
            key.append(line.reshape(tuple(n if j == i else 1 for j in range(places.ndim))))
    return tuple(key)


def put_along_axis(
    arr: Any,
    indices: Any,
    values: Any,
    axis: int | None,
    inplace: bool = True,
    *,
    mode: str | None = None,
) -> Any:
    """Return the array with values at places along an axis.

    Errors: ValueError unless inplace=False: arrays are immutable.
    """
    refuse_inplace("put_along_axis", inplace)
    x, places = operand("put_along_axis", arr), integers("put_along_axis", indices)
    shape = x.shape
    if axis is None:
        x, places, axis = reshaped(x, (x.size,)), reshaped(places, (places.size,)), 0
    axis = canonical_axis("put_along_axis", axis, x.ndim)
    wanted = (*x.shape[:axis], places.shape[axis], *x.shape[axis + 1 :])
    places = broadcast(places, wanted)
    return reshaped(at(x)[coordinates(places, axis)].set(values, mode=mode), shape)


def refuse_inplace(name: str, inplace: bool) -> None:
    """Raise where a user asks to change an array."""
    if inplace:
        raise ArgumentError(
            f"jnp.{name} cannot modify arrays in-place, because arrays are immutable{at_user_line()}"
            f"\nUse the result: x = jnp.{name}(x, …, inplace=False)"
        )


def put(a: Any, ind: Any, v: Any, mode: str | None = None, *, inplace: bool = True) -> Any:
    """Return the array with values at places of the flat array; values repeat.

    Errors: ValueError unless inplace=False: arrays are immutable.
    """
    refuse_inplace("put", inplace)
    x, places = operand("put", a), reshaped(integers("put", ind), (-1,))
    values = reshaped(operand("put", v, 2), (-1,))
    if places.size == 0 or values.size == 0:
        return x
    values = index(values, np.arange(places.size) % values.size)
    if mode == "wrap":
        places, mode = remainder(places, x.size), None
    elif mode == "clip":
        places, mode = places.clip(0, x.size - 1), None
    return reshaped(at(reshaped(x, (x.size,)))[places].set(values, mode=mode), x.shape)


def place(arr: Any, mask: Any, vals: Any, *, inplace: bool = True) -> Any:
    """Return the array with values, in turn, where a mask holds.

    Errors: ValueError unless inplace=False: arrays are immutable.
    """
    refuse_inplace("place", inplace)
    x, picked = operand("place", arr), truth("place", mask, 1)
    values = reshaped(operand("place", vals, 2), (-1,))
    if values.size == 0:
        raise ArgumentError(f"place: no values to insert{at_user_line()}")
    flat = reshaped(picked, (picked.size,))
    turn = Cumsum(0)(convert(flat, np.dtype(np.int32))) - 1
    chosen = get(values, remainder(turn, values.size), mode="clip")
    return where_select(picked, reshaped(convert(chosen, x.dtype), x.shape), x)


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
    if size is None:
        what = "the array (or size=, the number of places)"
        places = np.nonzero(known_array("nonzero", mask, what))
        return tuple(convert(operand("nonzero", p), int_dtype) for p in places)
    n = static_int("nonzero", size, "size")
    flat = reshaped(convert(mask, np.dtype(np.int32)), (mask.size,))
    counts = Cumsum(0)(flat)
    wanted = operand("nonzero", np.arange(1, n + 1, dtype=np.int32))
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


def delete(
    arr: Any, obj: Any, axis: int | None = None, *, assume_unique_indices: bool = False
) -> Any:
    """Return the array without the slices at known places, or those a mask picks."""
    x = operand("delete", arr)
    if axis is None:
        x, axis = reshaped(x, (x.size,)), 0
    axis = canonical_axis("delete", axis, x.ndim)
    n = x.shape[axis]
    if isinstance(obj, slice):
        obj = np.arange(n)[obj]
    if (
        isinstance(obj, Tracer)
        and obj.dtype in INTEGERS
        and (obj.ndim == 0 or assume_unique_indices)
    ):
        return delete_traced(x, reshaped(obj, (-1,)), axis)
    places = known_array("delete", obj, "the places to delete")
    if places.dtype.kind == "b":
        if places.shape != (n,):
            raise ArgumentError(f"delete: a mask of shape {places.shape} for an axis of size {n}")
        kept = ~places
    else:
        if np.any((places < -n) | (places >= n)):
            raise IndexError(f"delete: a place is outside an axis of size {n}{at_user_line()}")
        kept = np.ones(n, bool)
        kept[places.astype(int)] = False
    return index(x, (*(slice(None),) * axis, np.nonzero(kept)[0]))


def delete_traced(x: Any, places: Any, axis: int) -> Any:
    """Delete slices at distinct places that are not known yet."""
    n = x.shape[axis]
    places = where_select(places < 0, places + n, places)
    kept = at(operand("delete", np.ones(n, bool)))[places].set(False)
    chosen = nonzero(kept, size=max(n - places.size, 0))[0]
    return get(x, (*(slice(None),) * axis, chosen), mode="clip")


def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    """Return the array with values inserted before the given places of an axis."""
    x, new = operand("insert", arr), operand("insert", values, 2)
    if axis is None:
        x, axis = reshaped(x, (x.size,)), 0
    axis = canonical_axis("insert", axis, x.ndim)
    n = x.shape[axis]
    if isinstance(obj, slice):
        obj = np.arange(n)[obj]
    obj = asarray(obj)
    if obj.dtype == np.bool_:
        obj = nonzero(obj)[0]
    places = reshaped(obj, (-1,))
    places = where_select(places < 0, places + n, places)
    if obj.size == 1:
        new = convert(new, x.dtype)
        if obj.ndim == 0 and new.ndim == x.ndim:
            # A number as place: the values' first axis counts the inserted slices.
            new = moveaxis(new, 0, axis)
        count = new.shape[axis] if new.ndim == x.ndim else 1
        new = broadcast(new, (*x.shape[:axis], count, *x.shape[axis + 1 :]))
        places = broadcast(places, (count,))
    else:
        shape = (*x.shape[:axis], places.size, *x.shape[axis + 1 :])
        new = broadcast(convert(new, x.dtype), shape)
    # In increasing order of place, the k-th inserted slice stands k behind where it was asked for.
    order = places.argsort()
    targets = index(places, order) + np.arange(places.size, dtype=np.int32)
    new = get(new, (*(slice(None),) * axis, order))
    total = n + places.size
    is_new = at(operand("insert", np.zeros(total, bool)))[targets].set(True)
    line = Cumsum(0)(convert(is_new, np.dtype(np.int32)))
    old_place = operand("insert", np.arange(total, dtype=np.int32)) - line
    head = (slice(None),) * axis
    kept = get(x, (*head, old_place), mode="clip") if n else None
    added = get(new, (*head, line - 1), mode="clip")
    if kept is None:
        return added
    mask = reshaped(is_new, tuple(-1 if i == axis else 1 for i in range(x.ndim)))
    return where_select(mask, added, kept)


def fill_diagonal(a: Any, val: Any, wrap: bool = False, *, inplace: bool = True) -> Any:
    """Return the array with a value, or values in turn, on its main diagonal.

    Errors: ValueError unless inplace=False: arrays are immutable.
    """
    refuse_inplace("fill_diagonal", inplace)
    x = operand("fill_diagonal", a)
    if wrap:
        raise NotImplementedError("fill_diagonal: wrap=True is not supported")
    if x.ndim < 2 or (x.ndim > 2 and len(set(x.shape)) != 1):
        raise ArgumentError(
            f"fill_diagonal: expected a matrix or axes of one size, got {x.shape}{at_user_line()}"
        )
    n = min(x.shape)
    value = operand("fill_diagonal", val, 1)
    if value.ndim:
        value = index(reshaped(value, (-1,)), np.arange(n) % max(value.size, 1))
    return at(x)[(np.arange(n),) * x.ndim].set(value)
