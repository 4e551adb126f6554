"""Arrays with some elements changed, removed or added: put, place, delete, insert and the like."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax.core.tracer import Tracer
from gradax.errors import ArgumentError, at_user_line
from gradax.lax.creation import Iota
from gradax.lax.cumulative import Cumsum
from gradax.lax.shapes import BroadcastInDim
from gradax.numpy.arithmetic import remainder
from gradax.numpy.at import at
from gradax.numpy.axes import canonical_axis, known_array
from gradax.numpy.creation import asarray
from gradax.numpy.indexing import get, index
from gradax.numpy.joining import concatenate
from gradax.numpy.logic import truth, where_select
from gradax.numpy.promotion import (
    INTEGERS,
    broadcast,
    convert,
    operand,
)
from gradax.numpy.shaping import expand_dims, moveaxis, reshaped
from gradax.numpy.taking import integers, nonzero
from gradax.sizes import as_size, is_open, span_of


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
            f"jnp.{name} cannot modify arrays in-place: arrays are immutable{at_user_line()}"
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


def delete(
    arr: Any, obj: Any, axis: int | None = None, *, assume_unique_indices: bool = False
) -> Any:
    """Return the array without the slices at known places, or those a mask picks."""
    x = operand("delete", arr)
    if axis is None:
        x, axis = reshaped(x, (x.size,)), 0
    axis = canonical_axis("delete", axis, x.ndim)
    n = x.shape[axis]
    if is_open(n) and not isinstance(obj, Tracer):
        return delete_between(x, obj, axis)
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


def delete_between(x: Any, obj: Any, axis: int) -> Any:
    """Delete slices at known places of an open axis: join what lies between them.

    Errors: StaticSizeError for a slice with gaps, or a mask.
    """
    n = x.shape[axis]
    if isinstance(obj, slice):
        start, size, step = span_of(obj, n)
        if abs(step) != 1:
            known_array("delete", n, "the axis")
        spans = [(start if step > 0 else start - size + 1, size)]
    else:
        places = list(obj) if isinstance(obj, (list, tuple)) else obj
        places = places if isinstance(places, list) or is_open(places) else np.ravel(places)
        spans = []
        for p in [places] if is_open(places) else places:
            p = as_size(p)
            if not -n <= p < n:
                raise IndexError(f"delete: a place is outside an axis of size {n}{at_user_line()}")
            spans.append((p + n if p < 0 else p, 1))
    bounds: list[tuple[Any, Any]] = []
    end: Any = 0
    for start, size in sorted(spans):
        if start >= end:
            bounds.append((end, start))
            end = start + size
    parts = [index(x, (*(slice(None),) * axis, slice(a, b))) for a, b in (*bounds, (end, n))]
    return concatenate(parts, axis)


def delete_traced(x: Any, places: Any, axis: int) -> Any:
    """Delete slices at distinct places that are not known yet."""
    n = x.shape[axis]
    places = where_select(places < 0, places + n, places)
    every = BroadcastInDim((n,), ())(convert(True, np.dtype(np.bool_)))
    kept = at(every)[places].set(False)
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
        start, size, step = span_of(obj, n)
        obj = start + Iota(np.dtype(np.int32), (size,), 0)() * step
    obj = asarray(obj)
    if obj.dtype == np.bool_:
        obj = nonzero(obj)[0]
    places = reshaped(obj, (-1,))
    places = where_select(places < 0, places + n, places)
    if obj.size == 1:
        new = expand_dims(convert(new, x.dtype), tuple(range(max(x.ndim - new.ndim, 0))))
        if obj.ndim == 0:
            # A number as place: the values' first axis counts the inserted slices.
            new = moveaxis(new, 0, axis)
        count = new.shape[axis]
        new = broadcast(new, (*x.shape[:axis], count, *x.shape[axis + 1 :]))
        places = broadcast(places, (count,))
    else:
        shape = (*x.shape[:axis], places.size, *x.shape[axis + 1 :])
        new = broadcast(convert(new, x.dtype), shape)
    # In increasing order of place, the k-th inserted slice stands k behind where it was asked for.
    order = places.argsort()
    targets = index(places, order) + Iota(np.dtype(np.int32), (places.size,), 0)()
    new = get(new, (*(slice(None),) * axis, order))
    total = n + places.size
    none = BroadcastInDim((total,), ())(convert(False, np.dtype(np.bool_)))
    is_new = at(none)[targets].set(True)
    line = Cumsum(0)(convert(is_new, np.dtype(np.int32)))
    old_place = Iota(np.dtype(np.int32), (total,), 0)() - line
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
    line = Iota(np.dtype(np.int32), (n,), 0)() if is_open(n) else np.arange(n)
    value = operand("fill_diagonal", val, 1)
    if value.ndim:
        value = index(reshaped(value, (-1,)), line % max(value.size, 1))
    return at(x)[(line,) * x.ndim].set(value)
