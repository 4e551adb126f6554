"""Sorting, and searching in what is sorted."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import dtypes
from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.lax.arithmetic import Add
from gradax.lax.bits import And, Not, Or
from gradax.lax.comparison import Le, Lt, Ne, SelectN
from gradax.lax.creation import Iota
from gradax.lax.shapes import broadcast_scalar
from gradax.lax.slicing import Rev
from gradax.lax.sorting import Sort
from gradax.numpy.axes import canonical_axis, static_int
from gradax.numpy.indexing import get, index
from gradax.numpy.logic import where_select
from gradax.numpy.promotion import (
    COMPLEX,
    INEXACT,
    convert,
    operand,
    operands,
    promote_dtypes,
)
from gradax.numpy.shaping import reshaped
from gradax.sizes import is_open


def sort(
    a: Any,
    axis: int | None = -1,
    *,
    kind: None = None,
    order: None = None,
    stable: bool = True,
    descending: bool = False,
) -> Any:
    """Sort along an axis; None: the flat array. NaN are last."""
    refuse_kind("sort", kind, order)
    x, axis = sortable("sort", a, axis)
    (out,) = Sort(axis, stable, 1)(x)
    return Rev((axis,))(out) if descending else out


def argsort(
    a: Any,
    axis: int | None = -1,
    *,
    kind: None = None,
    order: None = None,
    stable: bool = True,
    descending: bool = False,
    dtype: Any = None,
) -> Any:
    """Return the places of the sorted elements; equal ones keep their order."""
    refuse_kind("argsort", kind, order)
    x, axis = sortable("argsort", a, axis)
    int_dtype = dtypes.check_user_dtype(dtype, "argsort") or dtypes.default_dtype("i")
    places = Iota(int_dtype, x.shape, axis)()
    if descending:
        # Sorted backwards from the back, so that equal elements keep their order.
        flip = Rev((axis,))
        return flip(Sort(axis, stable, 1)(flip(x), flip(places))[1])
    return Sort(axis, stable, 1)(x, places)[1]


def sortable(name: str, a: Any, axis: int | None) -> tuple[Any, int]:
    """Return an array and the axis to sort along."""
    x = operand(name, a)
    if axis is None:
        return reshaped(x, (x.size,)), 0
    return x, canonical_axis(name, axis, x.ndim)


def refuse_kind(name: str, kind: Any, order: Any) -> None:
    """Raise for arguments of NumPy's that mean nothing here."""
    if kind is not None or order is not None:
        raise ArgumentError(f"{name}: 'kind' and 'order' are not supported; see stable=")


def sort_complex(a: Any) -> Any:
    """Sort as complex numbers, by real part and then by imaginary part."""
    x = operand("sort_complex", a)
    return sort(convert(x, dtypes.to_complex_dtype(x.dtype)))


def lexsort(keys: Any, axis: int = -1) -> Any:
    """Return the places that sort by the last key, ties by the one before, and so on."""
    found = [operand("lexsort", k) for k in keys] if isinstance(keys, (list, tuple)) else [
        index(operand("lexsort", keys), i) for i in range(len(keys))
    ]  # fmt: skip
    if not found:
        raise ShapeError(f"lexsort: need at least one key{at_user_line()}")
    if len({k.shape for k in found}) > 1:
        raise ArgumentError(f"lexsort: keys differ in shape: {[k.shape for k in found]}")
    if found[0].ndim == 0:
        return convert(0, dtypes.default_dtype("i"))
    axis = canonical_axis("lexsort", axis, found[0].ndim)
    places = Iota(dtypes.default_dtype("i"), found[0].shape, axis)()
    return Sort(axis, True, len(found))(*found[::-1], places)[-1]


def partition(a: Any, kth: int, axis: int = -1) -> Any:
    """Return an array whose `kth` element is in its sorted place, smaller ones before it."""
    x = operand("partition", a)
    check_kth("partition", kth, x, axis)
    return sort(x, axis)


def argpartition(a: Any, kth: int, axis: int = -1) -> Any:
    """Return the places of a partition's elements."""
    x = operand("argpartition", a)
    check_kth("argpartition", kth, x, axis)
    return argsort(x, axis)


def check_kth(name: str, kth: Any, x: Any, axis: int) -> None:
    """Raise unless `kth` is a place of the axis."""
    n = x.shape[canonical_axis(name, axis, x.ndim)]
    k = static_int(name, kth, "kth")
    if not -n <= k < n:
        raise ArgumentError(f"{name}: kth={k} is outside an axis of size {n}{at_user_line()}")


def searchsorted(
    a: Any, v: Any, side: str = "left", sorter: Any = None, *, method: str = "scan"
) -> Any:
    """Return where in the sorted vector `a` the elements of `v` belong.

    side: before ('left') or behind ('right') equal ones. `method` is accepted and changes nothing.
    """
    if side not in ("left", "right"):
        raise ArgumentError(f"searchsorted: side is 'left' or 'right', got {side!r}")
    if method not in ("scan", "scan_unrolled", "sort", "compare_all", "default"):
        raise ArgumentError(f"searchsorted: unknown method {method!r}")
    table, x = operands("searchsorted", a, v)
    if table.ndim != 1:
        raise ArgumentError(
            f"searchsorted: expected a vector to search in, got shape {table.shape}{at_user_line()}"
        )
    if sorter is not None:
        table = get(table, operand("searchsorted", sorter))
    table, x = promote_dtypes(table, x)
    return places_in(table, x, side)


def bits_of(n: Any) -> int:
    """Return the number of bits that hold a size; those of few thresholds for an open axis."""
    if not is_open(n):
        return max(n, 0).bit_length()
    return next((bits for bits in (8, 16, 24, 31) if n < 1 << bits), 63)


def places_in(table: Any, x: Any, side: str) -> Any:
    """Search by bisection, all elements at once."""
    n = table.shape[0]
    wide = n > np.iinfo(np.int32).max
    dtype = np.dtype(np.int64 if wide else np.int32)
    low = broadcast_scalar(convert(0, dtype), x.shape)
    # `low` elements lie before x for certain; it is found bit by bit, from the highest.
    for bit in reversed(range(bits_of(n))):
        reach = Add()(low, convert(1 << bit, dtype))
        place = Add()(reach, convert(-1, dtype))
        element = get(table, place, mode="clip")
        inside = Le()(reach, convert(n, dtype))
        low = SelectN()(And()(inside, is_before(element, x, side)), low, reach)
    return convert(low, dtypes.default_dtype("i"))


def is_before(element: Any, x: Any, side: str) -> Any:
    """Tell whether an element lies before x; NaN are behind all numbers."""
    if element.dtype in COMPLEX:
        return is_before_complex(element, x, side)
    before = (Lt() if side == "left" else Le())(element, x)
    if element.dtype not in INEXACT:
        return before
    behind_all = Ne()(x, x)
    if side == "left":
        behind_all = And()(behind_all, Not()(Ne()(element, element)))
    return Or()(before, behind_all)


def is_before_complex(element: Any, x: Any, side: str) -> Any:
    """Tell whether a complex element lies before x, by real and then by imaginary part."""
    smaller = element.real < x.real
    tied = element.real == x.real
    last = (element.imag < x.imag) if side == "left" else (element.imag <= x.imag)
    return Or()(smaller, And()(tied, last))


def digitize(x: Any, bins: Any, right: bool = False, *, method: str | None = None) -> Any:
    """Return the number of the bin of each element; `bins` are increasing or decreasing bounds.

    right: whether a bin holds its upper bound, instead of its lower one.
    """
    values, bounds = operands("digitize", x, bins)
    if bounds.ndim != 1:
        raise ArgumentError(f"digitize: expected a vector of bounds, got {bounds.shape}")
    side = "left" if right else "right"
    if bounds.shape[0] == 0:
        return broadcast_scalar(convert(0, dtypes.default_dtype("i")), values.shape)
    table, values = promote_dtypes(bounds, values)
    n = table.shape[0]
    rising = places_in(table, values, side)
    other = "left" if side == "right" else "right"
    falling = n - places_in(Rev((0,))(table), values, other)
    return where_select(Lt()(index(table, -1), index(table, 0)), falling, rising)
