"""Reductions of the elements that share a segment number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradax import dtypes, lax
from gradax.core.value import as_value
from gradax.errors import DtypeError, ShapeError, at_user_line
from gradax.numpy.axes import known_array
from gradax.sizes import as_size


def lowest(dtype: Any) -> Any:
    """Return the identity of the maximum."""
    if dtype == np.bool_:
        return False
    inexact = dtypes.issubdtype(dtype, np.inexact)
    return -np.inf if inexact else int(dtypes.iinfo(dtype).min)


def highest(dtype: Any) -> Any:
    """Return the identity of the minimum."""
    if dtype == np.bool_:
        return True
    inexact = dtypes.issubdtype(dtype, np.inexact)
    return np.inf if inexact else int(dtypes.iinfo(dtype).max)


def reduce_segments(
    name: str,
    scatter: Callable[..., Any],
    identity: Callable[[Any], Any],
    data: Any,
    segment_ids: Any,
    num_segments: int | None,
    indices_are_sorted: bool,
    unique_indices: bool,
    mode: Any,
) -> Any:
    """Scatter data into segments that begin as the identity.

    Errors: TypeError for segment numbers that are no integers; ValueError for other shapes.
    """
    data, ids = as_value(data), as_value(segment_ids)
    if not dtypes.issubdtype(ids.dtype, np.integer):
        raise DtypeError(f"{name}: segment_ids are integers; got {ids.aval}.{at_user_line()}")
    if data.ndim == 0:
        data = lax.broadcast(data, ids.shape)
    if data.shape[: ids.ndim] != ids.shape:
        raise ShapeError(
            f"Incompatible shapes for {name}: got data {data.shape} and segment_ids {ids.shape}."
            f"{at_user_line()}"
        )
    if num_segments is None:
        found = known_array(name, ids, "segment_ids without num_segments")
        num_segments = int(found.max(initial=-1)) + 1
    size = as_size(num_segments)
    if size < 0:
        raise ShapeError(f"{name}: num_segments must not be negative; got {size}.{at_user_line()}")
    out = lax.full((size, *data.shape[ids.ndim :]), identity(data.dtype), data.dtype)
    numbers = lax.ScatterDimensionNumbers(
        update_window_dims=tuple(range(ids.ndim, data.ndim)),
        inserted_window_dims=(0,),
        scatter_dims_to_operand_dims=(0,),
    )
    return scatter(
        out,
        lax.reshape(ids, (*ids.shape, 1)),
        data,
        numbers,
        indices_are_sorted=indices_are_sorted,
        unique_indices=unique_indices,
        mode="drop" if mode is None else mode,
    )


def segment_sum(
    data: Any,
    segment_ids: Any,
    num_segments: int | None = None,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    bucket_size: int | None = None,
    mode: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Return the sum of each segment's elements, 0 for an empty one.

    Numbers outside 0 … num_segments - 1 are left out (by the default `mode`, "drop").
    Shapes: data T[s, r], segment_ids int[s] -> T[num_segments, r].
    """
    return reduce_segments(
        "segment_sum", lax.scatter_add, lambda dtype: 0, data, segment_ids, num_segments,
        indices_are_sorted, unique_indices, mode,
    )  # fmt: skip


def segment_prod(
    data: Any,
    segment_ids: Any,
    num_segments: int | None = None,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    bucket_size: int | None = None,
    mode: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Return the product of each segment's elements, 1 for an empty one; else as segment_sum."""
    return reduce_segments(
        "segment_prod", lax.scatter_mul, lambda dtype: 1, data, segment_ids, num_segments,
        indices_are_sorted, unique_indices, mode,
    )  # fmt: skip


def segment_max(
    data: Any,
    segment_ids: Any,
    num_segments: int | None = None,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    bucket_size: int | None = None,
    mode: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Return the largest of each segment, the dtype's lowest for an empty one; as segment_sum."""
    return reduce_segments(
        "segment_max", lax.scatter_max, lowest, data, segment_ids, num_segments,
        indices_are_sorted, unique_indices, mode,
    )  # fmt: skip


def segment_min(
    data: Any,
    segment_ids: Any,
    num_segments: int | None = None,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    bucket_size: int | None = None,
    mode: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Return the smallest of each segment, the dtype's highest for an empty one; as segment_sum."""
    return reduce_segments(
        "segment_min", lax.scatter_min, highest, data, segment_ids, num_segments,
        indices_are_sorted, unique_indices, mode,
    )  # fmt: skip
