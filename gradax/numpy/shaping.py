"""Changes of shape: reshape, transpose, new and removed axes, broadcasting, reversal."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import prod
from typing import Any, Final

import numpy as np

from gradax import dtypes
from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.lax.shapes import BroadcastInDim, Reshape, Squeeze, Transpose
from gradax.lax.slicing import Rev
from gradax.numpy.axes import (
    canonical_axes,
    canonical_axis,
    resolved_shape,
    static_int,
    static_shape,
)
from gradax.numpy.creation import asarray, placed
from gradax.numpy.promotion import (
    broadcast,
    broadcast_op,
    broadcast_shape,
    convert,
    operand,
    operands,
)

_RESHAPE: Final = cache(Reshape)
_TRANSPOSE: Final = cache(Transpose)


def shape(a: Any) -> tuple[int, ...]:
    """Return the sizes of the axes. Errors: TypeError for lists."""
    return tuple(operand("shape", a).shape)


def ndim(a: Any) -> int:
    """Return the number of axes. Errors: TypeError for lists."""
    return int(operand("ndim", a).ndim)


def size(a: Any, axis: Any = None) -> int:
    """Return the number of elements, along an axis or axes or of all."""
    x = operand("size", a)
    if axis is None:
        return int(x.size)
    return int(np.prod([x.shape[i] for i in canonical_axes("size", axis, x.ndim)]))


def reshape(
    a: Any, shape: Any, order: str = "C", *, copy: bool | None = None, out_sharding: Any = None
) -> Any:
    """Give the elements another shape, in which one size may be -1; order 'C' or 'F'.

    Errors: TypeError when the numbers of elements differ.
    """
    x = operand("reshape", a)
    return placed(reshaped(x, shape, order), None, out_sharding)


def reshaped(x: Any, new: Any, order: str = "C") -> Any:
    """Return an array with another shape."""
    sizes = known_shape(x.shape, new) if type(new) is tuple else resolved_shape(x.shape, new)
    if order == "C":
        return x if sizes == x.shape else _RESHAPE(sizes)(x)
    if order != "F":
        raise NotImplementedError(f"reshape: order is 'C' or 'F', got {order!r}{at_user_line()}")
    return transposed(_RESHAPE(sizes[::-1])(transposed(x)))


def known_shape(old: tuple[int, ...], new: tuple[Any, ...]) -> tuple[int, ...]:
    """Return the new shape of an array; quickly where all sizes are plain integers that fit."""
    n = 1
    for size in new:
        if type(size) is not int or size < 0:
            return resolved_shape(old, new)
        n *= size
    return new if n == prod(old) else resolved_shape(old, new)


def ravel(a: Any, order: str = "C", *, out_sharding: Any = None) -> Any:
    """Return the elements as a vector."""
    return reshape(a, (-1,) if np.size(a) else (0,), order, out_sharding=out_sharding)


def transposed(x: Any, axes: tuple[int, ...] | None = None) -> Any:
    """Return an array with its axes permuted, or in reverse order."""
    order = tuple(range(x.ndim))[::-1] if axes is None else axes
    return x if order == tuple(range(x.ndim)) else _TRANSPOSE(order)(x)


def transpose(a: Any, axes: Any = None) -> Any:
    """Permute the axes; without `axes` their order is reversed.

    Errors: TypeError unless axes name each one once.
    """
    x = operand("transpose", a)
    if axes is None:
        return transposed(x)
    order = tuple(canonical_axis("transpose", i, x.ndim) for i in axes)
    if sorted(order) != list(range(x.ndim)):
        raise ShapeError(
            f"transpose: expected a permutation of the {x.ndim} axes of an array of shape"
            f" {x.shape}, got {tuple(axes)}{at_user_line()}"
        )
    return transposed(x, order)


def permute_dims(a: Any, /, axes: Sequence[int]) -> Any:
    """Permute the axes."""
    return transpose(a, axes)


def matrix_transpose(x: Any, /) -> Any:
    """Swap the last two axes. Errors: ValueError for fewer than two."""
    x = operand("matrix_transpose", x)
    if x.ndim < 2:
        raise ArgumentError(
            f"matrix_transpose: expected 2 axes or more, got shape {x.shape}{at_user_line()}"
        )
    return swapaxes(x, -1, -2)


def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    """Swap two axes."""
    x = operand("swapaxes", a)
    order = list(range(x.ndim))
    i = canonical_axis("swapaxes", axis1, x.ndim)
    j = canonical_axis("swapaxes", axis2, x.ndim)
    order[i], order[j] = order[j], order[i]
    return transposed(x, tuple(order))


def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """Move axes to other places; the rest keep their order.

    Errors: ValueError unless there are as many sources as destinations.
    """
    x = operand("moveaxis", a)
    sources = canonical_axes("moveaxis", source, x.ndim)
    places = canonical_axes("moveaxis", destination, x.ndim)
    if len(sources) != len(places):
        raise ArgumentError(
            f"moveaxis: got {len(sources)} sources and {len(places)} destinations{at_user_line()}"
        )
    order = [i for i in range(x.ndim) if i not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        order.insert(place, axis)
    return transposed(x, tuple(order))


def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    """Move an axis before the one that is at `start`."""
    x = operand("rollaxis", a)
    i = canonical_axis("rollaxis", axis, x.ndim)
    place = start + x.ndim if start < 0 else start
    return moveaxis(x, i, place - 1 if place > i else place)


def squeeze(a: Any, axis: Any = None) -> Any:
    """Remove axes of size 1: all of them, or those given.

    Errors: ValueError for a given axis of another size.
    """
    x = operand("squeeze", a)
    if axis is None:
        axes = tuple(i for i, n in enumerate(x.shape) if n == 1)
    else:
        axes = canonical_axes("squeeze", axis, x.ndim)
        if any(x.shape[i] != 1 for i in axes):
            raise ArgumentError(
                f"squeeze: cannot select an axis whose size is not 1: axes {axes} of shape"
                f" {x.shape}{at_user_line()}"
            )
    return Squeeze(axes)(x) if axes else x


def expand_dims(a: Any, axis: Any) -> Any:
    """Insert axes of size 1 so that they are at `axis` of the result."""
    x = operand("expand_dims", a)
    n_new = len(axis) if isinstance(axis, (tuple, list)) else 1
    total = x.ndim + n_new
    new = canonical_axes("expand_dims", axis, total)
    places = tuple(i for i in range(total) if i not in new)
    sizes = [1] * total
    for place, n in zip(places, x.shape, strict=True):
        sizes[place] = n
    return BroadcastInDim(tuple(sizes), places)(x) if n_new else x


def atleast_1d(*arys: Any) -> Any:
    """Return arrays with one axis at least; a list where there are several."""
    return at_least("atleast_1d", arys, lambda x: x if x.ndim else _RESHAPE((1,))(x))


def atleast_2d(*arys: Any) -> Any:
    """Return arrays with two axes at least: vectors become rows."""

    def one(x: Any) -> Any:
        if x.ndim >= 2:
            return x
        return expand_dims(x, 0) if x.ndim else _RESHAPE((1, 1))(x)

    return at_least("atleast_2d", arys, one)


def atleast_3d(*arys: Any) -> Any:
    """Return arrays with three axes at least: vectors become [1, n, 1], matrices [m, n, 1]."""

    def one(x: Any) -> Any:
        if x.ndim >= 3:
            return x
        if x.ndim == 2:
            return expand_dims(x, 2)
        return expand_dims(x, (0, 2)) if x.ndim else _RESHAPE((1, 1, 1))(x)

    return at_least("atleast_3d", arys, one)


def at_least(name: str, arys: tuple[Any, ...], one: Any) -> Any:
    """Apply a function to one array, or to each of several."""
    if len(arys) == 1 and not isinstance(arys[0], (list, tuple)):
        return one(operand(name, arys[0]))
    if len(arys) == 1:
        return one(asarray(arys[0]))
    return [one(x) for x in operands(name, *arys)]


def broadcast_to(array: Any, shape: Any, *, out_sharding: Any = None) -> Any:
    """Repeat an array to a shape that it broadcasts to.

    Errors: ValueError when it does not.
    """
    x = operand("broadcast_to", array)
    sizes = static_shape("broadcast_to", shape)
    n_new = len(sizes) - x.ndim
    fits = n_new >= 0 and all(m in (1, n) for m, n in zip(x.shape, sizes[n_new:], strict=True))
    if not fits:
        raise ArgumentError(
            f"Incompatible shapes for broadcasting: {x.shape} and requested shape"
            f" {sizes}{at_user_line()}\nCounted from the last axis, a size must be 1 or the one"
            " asked for: add"
            " axes of size 1 with x[..., None] or reshape."
        )
    return placed(x if x.shape == sizes else broadcast_op(x.shape, sizes)(x), None, out_sharding)


def broadcast_arrays(*args: Any) -> list[Any]:
    """Return arrays broadcast to their common shape."""
    arrays = operands("broadcast_arrays", *args)
    common = broadcast_shapes(*(x.shape for x in arrays))
    return [broadcast(x, common) for x in arrays]


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """Return the shape that shapes broadcast to. Errors: ValueError when there is none."""
    sizes = [static_shape("broadcast_shapes", s) for s in shapes]
    if not sizes:
        return ()
    try:
        return broadcast_shape("broadcast_shapes", *sizes)
    except ShapeError:
        raise ArgumentError(
            f"Incompatible shapes for broadcasting: {', '.join(map(str, sizes))}{at_user_line()}"
        ) from None


def flip(m: Any, axis: Any = None) -> Any:
    """Reverse the elements along axes, or along all."""
    x = operand("flip", m)
    axes = canonical_axes("flip", axis, x.ndim)
    return Rev(axes)(x) if axes else x


def flipud(m: Any) -> Any:
    """Reverse the rows."""
    return flip(m, 0)


def fliplr(m: Any) -> Any:
    """Reverse the columns."""
    return flip(m, 1)


def rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    """Turn by k quarter turns, from the first to the second of two axes."""
    x = operand("rot90", m)
    first, second = canonical_axes("rot90", tuple(axes), x.ndim)
    turns = static_int("rot90", k, "k") % 4
    if turns == 0:
        return x
    if turns == 2:
        return flip(x, (first, second))
    if turns == 1:
        return swapaxes(flip(x, second), first, second)
    return flip(swapaxes(x, first, second), second)


def astype(x: Any, dtype: Any, /, *, copy: bool = False, device: Any = None) -> Any:
    """Convert to a dtype; floats to integers towards zero, saturating; complex to its real part.

    None: the default float dtype.
    """
    x = operand("astype", x)
    found = dtypes.check_user_dtype(dtype, "astype")
    found = dtypes.default_dtype("f") if found is None else found
    return placed(convert(x, found), device)
