"""Sets: unique elements, and operations on vectors as sets; `size` makes them work when traced."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gradax import dtypes
from gradax.core.tracer import Tracer
from gradax.lax.cumulative import Cumsum
from gradax.lax.open_sizes import counted
from gradax.numpy.at import at
from gradax.numpy.axes import canonical_axis, known_array, static_count
from gradax.numpy.indexing import get, index
from gradax.numpy.joining import concatenate
from gradax.numpy.logic import isnan, where_select
from gradax.numpy.open_masks import is_unknown
from gradax.numpy.promotion import INEXACT, convert, operand, promote_dtypes
from gradax.numpy.shaping import expand_dims, moveaxis, reshaped
from gradax.numpy.sorting import lexsort, places_in, sort
from gradax.numpy.taking import nonzero


class UniqueAll(NamedTuple):
    """Unique elements, where they are first, which one each element is, and how often."""

    values: Any
    indices: Any
    inverse_indices: Any
    counts: Any


class UniqueInverse(NamedTuple):
    """Unique elements, and which one each element is."""

    values: Any
    inverse_indices: Any


class UniqueCounts(NamedTuple):
    """Unique elements, and how often they come."""

    values: Any
    counts: Any


def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    size: int | None = None,
    fill_value: Any = None,
    sorted: bool = True,
) -> Any:
    """Return the sorted unique elements, or slices along an axis, and what else is asked for.

    With `size` the results have that length, cut off or filled up with `fill_value` (the first
    element): it works on traced arrays. Errors: ConcretizationTypeError for those without it.
    """
    x = operand("unique", ar)
    inverse_shape = x.shape if axis is None else None
    if axis is None:
        x, axis = reshaped(x, (x.size,)), 0
    axis = canonical_axis("unique", axis, x.ndim)
    slices = moveaxis(x, axis, 0)
    n = slices.shape[0]
    order, is_first = grouped(slices, equal_nan)
    if size is None and is_unknown(is_first) and (known := counted(is_first)) is not None:
        is_first, size = known
    if size is None:
        what = "the array (or size=, the number of unique elements)"
        size = int(np.count_nonzero(known_array("unique", is_first, what)))
    size = static_count("unique", size, "size")
    starts = nonzero(is_first, size=size, fill_value=n)[0] if n else index(order, slice(0, 0))
    found = get(order, starts, mode="clip") if n else order
    values = get(slices, found, mode="clip") if n else slices
    values = filled_up(values, starts < n, fill_value) if n else values
    out = [moveaxis(values, 0, axis)]
    if return_index:
        first = index(found, 0) if size and n else 0
        out.append(where_select(starts < n, found, first) if n else found)
    if return_inverse:
        groups = Cumsum(0)(convert(is_first, dtypes.default_dtype("i"))) - 1
        inverse = at(groups)[order].set(groups)
        out.append(reshaped(inverse, inverse_shape) if inverse_shape is not None else inverse)
    if return_counts:
        out.append(counts_of(starts, is_first, n))
    return out[0] if len(out) == 1 else tuple(out)


def grouped(slices: Any, equal_nan: bool) -> tuple[Any, Any]:
    """Return the order that sorts slices, and where in it a new one begins."""
    n = slices.shape[0]
    rows = reshaped(slices, (n, -1)) if slices.size else reshaped(slices, (n, 0))
    int_dtype = dtypes.default_dtype("i")
    if n == 0:
        empty = convert(operand("unique", np.zeros(0)), int_dtype)
        return empty, empty != 0
    if rows.shape[1] == 0:
        order = convert(operand("unique", np.arange(n)), int_dtype)
        return order, order == 0
    columns = [index(rows, (slice(None), j)) for j in range(rows.shape[1])]
    order = lexsort(columns[::-1])
    ordered = get(rows, order, mode="clip")
    before, behind = index(ordered, slice(0, n - 1)), index(ordered, slice(1, n))
    differs = before != behind
    if equal_nan and rows.dtype in INEXACT:
        differs = differs & ~(isnan(before) & isnan(behind))
    first = operand("unique", np.ones(1, bool))
    return order, concatenate([first, differs.any(1)])


def filled_up(values: Any, is_found: Any, fill_value: Any) -> Any:
    """Return unique slices with those behind the last one replaced."""
    if values.shape[0] == 0:
        return values
    fill = index(values, 0) if fill_value is None else convert(
        operand("unique", fill_value), values.dtype
    )  # fmt: skip
    mask = expand_dims(is_found, tuple(range(1, values.ndim)))
    return where_select(mask, values, fill)


def counts_of(starts: Any, is_first: Any, n: int) -> Any:
    """Return the distances between the places where groups begin."""
    size = starts.shape[0]
    if size == 0:
        return starts
    total = Cumsum(0)(convert(is_first, starts.dtype))
    # Where the group behind the last one that fits begins.
    place = places_in(total, reshaped(convert(size + 1, starts.dtype), (1,)), "left")
    ends = concatenate([index(starts, slice(1, size)), convert(place, starts.dtype)])
    return where_select(starts < n, ends - starts, 0)


def unique_values(x: Any, /, *, size: int | None = None, fill_value: Any = None) -> Any:
    """Return the sorted unique elements; every NaN is one of its own."""
    return unique(x, equal_nan=False, size=size, fill_value=fill_value)


def unique_all(x: Any, /, *, size: int | None = None, fill_value: Any = None) -> UniqueAll:
    """Return the unique elements with their places, inverse and counts."""
    out = unique(x, True, True, True, equal_nan=False, size=size, fill_value=fill_value)
    return UniqueAll(*out)


def unique_inverse(x: Any, /, *, size: int | None = None, fill_value: Any = None) -> UniqueInverse:
    """Return the unique elements and which one each element is."""
    out = unique(x, False, True, equal_nan=False, size=size, fill_value=fill_value)
    return UniqueInverse(*out)


def unique_counts(x: Any, /, *, size: int | None = None, fill_value: Any = None) -> UniqueCounts:
    """Return the unique elements and how often they come."""
    out = unique(x, return_counts=True, equal_nan=False, size=size, fill_value=fill_value)
    return UniqueCounts(*out)


def isin(
    element: Any,
    test_elements: Any,
    assume_unique: bool = False,
    invert: bool = False,
    *,
    method: str = "auto",
) -> Any:
    """Tell which elements are among others."""
    x, table = promote_dtypes(operand("isin", element), operand("isin", test_elements, 1))
    table = reshaped(table, (table.size,))
    if table.shape[0] == 0:
        found = x != x if x.dtype not in INEXACT else (x == 0) & (x != 0)
    else:
        table = sort(table)
        place = places_in(table, x, "left")
        found = (get(table, place, mode="clip") == x) & (place < table.shape[0])
    return ~found if invert else found


def union1d(ar1: Any, ar2: Any, *, size: int | None = None, fill_value: Any = None) -> Any:
    """Return the sorted elements of either array."""
    x, y = vectors("union1d", ar1, ar2)
    return unique(concatenate([x, y]), size=size, fill_value=fill_value)


def vectors(name: str, ar1: Any, ar2: Any) -> list[Any]:
    """Return two arrays as vectors of one dtype."""
    pair = promote_dtypes(operand(name, ar1), operand(name, ar2, 1))
    return [reshaped(x, (x.size,)) for x in pair]


def setdiff1d(
    ar1: Any,
    ar2: Any,
    assume_unique: bool = False,
    *,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """Return the sorted elements of the first array that are not in the second."""
    x, y = vectors("setdiff1d", ar1, ar2)
    if size is None:
        x = x if assume_unique else unique(x)
        return picked("setdiff1d", x, isin(x, y, invert=True), None, 0)
    x = x if assume_unique else unique(x, size=x.shape[0], fill_value=None)
    kept = isin(x, y, invert=True)
    if not assume_unique:
        kept = kept & is_new(x)
    return picked("setdiff1d", x, kept, size, 0 if fill_value is None else fill_value)


def is_new(x: Any) -> Any:
    """Tell which elements of a vector differ from the one before, and are no filling."""
    n = x.shape[0]
    if n == 0:
        return x != x
    first = operand("unique", np.ones(1, bool))
    later = index(x, slice(1, n))
    differs = (later != index(x, slice(0, n - 1))) & (later != index(x, 0))
    return concatenate([first, differs])


def picked(name: str, x: Any, mask: Any, size: int | None, fill_value: Any) -> Any:
    """Return the elements of a vector where a mask holds."""
    if size is None:
        known_array(name, mask, "the arrays (or size=)")
        return get(x, nonzero(mask)[0], mode="clip")
    places = nonzero(mask, size=size, fill_value=x.shape[0])[0]
    return get(x, places, mode="fill", fill_value=fill_value)


def intersect1d(
    ar1: Any,
    ar2: Any,
    assume_unique: bool = False,
    return_indices: bool = False,
    *,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """Return the sorted elements that both arrays have, and if asked where each has them first."""
    x, y = vectors("intersect1d", ar1, ar2)
    if isinstance(x, Tracer) and size is None:
        known_array("intersect1d", x, "the arrays (or size=)")
    n = x.shape[0] if size is not None else None
    values, first = unique(x, return_index=True, size=n)
    kept = isin(values, y)
    if n is not None:
        kept = kept & is_new(values)
    out = picked("intersect1d", values, kept, size, 0 if fill_value is None else fill_value)
    if size is not None and fill_value is None:
        # The filling is the smallest common element.
        places = nonzero(kept, size=size, fill_value=values.shape[0])[0]
        out = filled_up(out, places < values.shape[0], None)
    if not return_indices:
        return out
    at_x = picked("intersect1d", first, kept, size, x.shape[0])
    y_values, y_first = unique(y, return_index=True, size=y.shape[0] if n is not None else None)
    at_y = get(y_first, places_in(y_values, out, "left"), mode="clip")
    return out, at_x, at_y


def setxor1d(
    ar1: Any,
    ar2: Any,
    assume_unique: bool = False,
    *,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """Return the sorted elements that exactly one of the arrays has."""
    x, y = vectors("setxor1d", ar1, ar2)
    joined = concatenate([x, y])
    n = joined.shape[0]
    if size is None:
        values = unique(joined)
        return picked("setxor1d", values, isin(values, x) ^ isin(values, y), None, 0)
    values = unique(joined, size=n)
    kept = (isin(values, x) ^ isin(values, y)) & is_new(values)
    return picked("setxor1d", values, kept, size, 0 if fill_value is None else fill_value)
