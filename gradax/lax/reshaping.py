"""The public functions that change shapes: broadcast, reshape, transpose, squeeze, expand_dims."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from gradax.core.value import as_value
from gradax.errors import ShapeError, at_user_line, require
from gradax.lax.shapes import BroadcastInDim, Reshape, Squeeze, Transpose
from gradax.lax.slicing import static_ints


def distinct_axes(name: str, axes: Sequence[int], ndim: int) -> tuple[int, ...]:
    """Return axes counted from the front, in increasing order.

    Errors: ValueError and TypeError for axes that do not exist or come twice.
    """
    axes = static_ints(name, axes)
    inside = all(-ndim <= a < ndim for a in axes)
    require(inside, name, f"axes within {-ndim} … {ndim - 1}", axes)
    counted = sorted(a % ndim for a in axes)
    require(len(set(counted)) == len(counted), name, "distinct axes", axes)
    return tuple(counted)


def broadcast(operand: Any, sizes: Sequence[int], *, out_sharding: Any = None) -> Any:
    """Repeat an array along new first axes. Shapes: T[s] -> T[sizes, s]."""
    x = as_value(operand)
    sizes = static_ints("broadcast", sizes)
    if not sizes:
        return x
    n = len(sizes)
    return BroadcastInDim((*sizes, *x.shape), tuple(range(n, n + x.ndim)))(x)


def broadcast_in_dim(
    operand: Any,
    shape: Sequence[int],
    broadcast_dimensions: Sequence[int],
    *,
    out_sharding: Any = None,
) -> Any:
    """Place the operand's axes at `broadcast_dimensions` of `shape` and repeat it along the others.

    Shapes: T[s], s[i] being 1 or shape[broadcast_dimensions[i]] -> T[shape].
    Errors: TypeError for sizes or dimensions that do not fit.
    """
    x = as_value(operand)
    sizes = static_ints("broadcast_in_dim", shape)
    require(all(n >= 0 for n in sizes), "broadcast_in_dim", "sizes of at least 0", sizes)
    dims = static_ints("broadcast_in_dim", broadcast_dimensions)
    if sizes == x.shape and dims == tuple(range(x.ndim)):
        return x
    if sorted(set(dims)) == sorted(dims) and list(dims) != sorted(dims) and len(dims) == x.ndim:
        order = tuple(int(k) for k in np.argsort(dims))
        x, dims = Transpose(order)(x), tuple(sorted(dims))
    return BroadcastInDim(sizes, dims)(x)


def broadcast_to_rank(x: Any, rank: int) -> Any:
    """Add first axes of size 1 until there are `rank`."""
    x = as_value(x)
    require(rank >= x.ndim, "broadcast_to_rank", f"a rank of at least that of {x.aval}", rank)
    return x if rank == x.ndim else expand_dims(x, range(rank - x.ndim))


def broadcast_shapes(*shapes: Sequence[int]) -> tuple[int, ...]:
    """Return the shape to which NumPy broadcasts arrays of `shapes`.

    Errors: ValueError where sizes differ and neither is 1.
    """
    tuples = [static_ints("broadcast_shapes", s) for s in shapes]
    rank = max(map(len, tuples), default=0)
    out: list[int] = []
    for sizes in zip(*((1,) * (rank - len(s)) + s for s in tuples), strict=True):
        others = {n for n in sizes if n != 1}
        if len(others) > 1:
            raise ShapeError(
                f"Incompatible shapes for broadcasting: shapes={tuples}{at_user_line()}"
            )
        out.append(next(iter(others), 1))
    return tuple(out)


def reshape(
    operand: Any,
    new_sizes: Sequence[int],
    dimensions: Sequence[int] | None = None,
    *,
    out_sharding: Any = None,
) -> Any:
    """Give the elements, in row-major order of the axes in the order `dimensions`, another shape.

    Errors: TypeError for another number of elements or a negative size.
    """
    x = as_value(operand)
    sizes = static_ints("reshape", new_sizes)
    order = tuple(range(x.ndim)) if dimensions is None else static_ints("reshape", dimensions)
    if order != tuple(range(x.ndim)):
        x = Transpose(order)(x)
    return x if sizes == x.shape else Reshape(sizes)(x)


def squeeze(array: Any, dimensions: Sequence[int]) -> Any:
    """Remove axes of size 1.

    Errors: ValueError for an axis of another size, one that does not exist or comes twice.
    """
    x = as_value(array)
    axes = distinct_axes("squeeze", dimensions, x.ndim)
    return Squeeze(axes)(x) if axes else x


def expand_dims(array: Any, dimensions: Sequence[int]) -> Any:
    """Insert axes of size 1 at these places of the result.

    Errors: ValueError for a place outside the result or one that comes twice.
    """
    x = as_value(array)
    if not len(dimensions):
        return x
    ndim = x.ndim + len(dimensions)
    new = distinct_axes("expand_dims", dimensions, ndim)
    kept = tuple(k for k in range(ndim) if k not in new)
    sizes = iter(x.shape)
    return BroadcastInDim(tuple(1 if k in new else next(sizes) for k in range(ndim)), kept)(x)


def transpose(operand: Any, permutation: Sequence[int] | np.ndarray[Any, Any]) -> Any:
    """Permute the axes: axis i of the result is axis `permutation[i]` of the operand.

    Errors: TypeError unless it is a permutation of the axes.
    """
    x = as_value(operand)
    order = static_ints("transpose", permutation)
    return x if order == tuple(range(x.ndim)) else Transpose(order)(x)


def collapse(operand: Any, start_dimension: int, stop_dimension: int | None = None) -> Any:
    """Make one axis of the axes from `start_dimension` up to `stop_dimension`.

    Shapes: T[a, b, c, d] -> T[a, b * c, d] for 1, 3.
    Errors: ValueError for a range of axes that does not exist.
    """
    x = as_value(operand)
    start, stop, _ = slice(start_dimension, stop_dimension).indices(x.ndim)
    require(start <= stop, "collapse", f"a range of axes of {x.aval}", (start, stop))
    shape = (*x.shape[:start], prod(x.shape[start:stop]), *x.shape[stop:])
    return x if shape == x.shape else Reshape(shape)(x)
