"""What a sliding window sees: as kernel expressions, and as a NumPy array of all patches."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from gradax import kernel
from gradax.lax.conv_shapes import WindowAxis, dilated


def input_position(
    axis: WindowAxis, out: kernel.Scalar, tap: kernel.Scalar
) -> tuple[kernel.Scalar, kernel.Scalar | None]:
    """Return where the input is read, and the guard that an element is there (None: always)."""
    base = axis.base_dilation
    position = out * axis.stride + tap * axis.dilation - axis.before
    guard: kernel.Scalar | None = None
    if axis.before > 0 or axis.after > 0:
        guard = kernel.in_range(position, dilated(axis.n, base))
    if base > 1:
        guard = kernel.both(guard, kernel.apply("eq", position % base, 0))
        position = position / base
    return position, guard


def input_positions(
    axes: Sequence[WindowAxis], out: Sequence[kernel.Scalar], taps: Sequence[kernel.Scalar]
) -> tuple[list[kernel.Scalar], kernel.Scalar | None]:
    """Return the input's indices at a place and a tap, and the guard that an element is there."""
    guard: kernel.Scalar | None = None
    positions: list[kernel.Scalar] = []
    for axis, o, t in zip(axes, out, taps, strict=True):
        position, inside = input_position(axis, o, t)
        positions.append(position)
        guard = kernel.both(guard, inside)
    return positions, guard


def nearest_positions(
    axes: Sequence[WindowAxis], out: Sequence[kernel.Scalar], taps: Sequence[kernel.Scalar]
) -> tuple[list[kernel.Scalar], kernel.Scalar | None]:
    """As `input_positions`, where it does not matter that elements are met more than once.

    Outside the input the nearest element stands in, which the same window sees too: no guard then.
    """
    if not all(map(always_sees, axes)):
        return input_positions(axes, out, taps)
    positions: list[kernel.Scalar] = []
    for axis, o, t in zip(axes, out, taps, strict=True):
        position = o * axis.stride + t - axis.before
        is_inside = axis.before <= 0 and axis.after <= 0
        positions.append(position if is_inside else kernel.clamp(position, 0, axis.n - 1))
    return positions, None


def always_sees(axis: WindowAxis) -> bool:
    """Tell whether every place of a window without holes sees an element."""
    last = (axis.out - 1) * axis.stride - axis.before
    plain = axis.base_dilation == axis.dilation == 1
    return plain and axis.before < axis.window and last < axis.n


def table(axes: Sequence[WindowAxis]) -> list[list[int]]:
    """Return what the library needs of a window: each property for all axes."""
    return [
        [a.n for a in axes],
        [a.window for a in axes],
        [a.out for a in axes],
        [a.stride for a in axes],
        [a.before for a in axes],
        [a.base_dilation for a in axes],
        [a.dilation for a in axes],
    ]


def all_patches(x: Any, axes: Sequence[WindowAxis], fill: Any) -> Any:
    """Return what the window sees at each place, as an array [*places, *window]; a copy."""
    for i, axis in enumerate(axes):
        if axis.before or axis.after or axis.base_dilation > 1:
            x = padded(x, i, axis, fill)
    outs, window = [a.out for a in axes], [a.window for a in axes]
    shape = (*outs, *window)
    if prod(shape) == 0:
        return np.zeros(shape, x.dtype)
    steps = [s * a.stride for s, a in zip(x.strides, axes, strict=True)]
    taps = [s * a.dilation for s, a in zip(x.strides, axes, strict=True)]
    view = np.lib.stride_tricks.as_strided(x, shape, (*steps, *taps), writeable=False)
    return np.ascontiguousarray(view)


def padded(x: Any, i: int, axis: WindowAxis, fill: Any) -> Any:
    """Put holes between elements and `fill` around them; negative padding removes elements."""
    n = dilated(axis.n, axis.base_dilation)
    start, shape = max(axis.before, 0), list(x.shape)
    shape[i] = start + n + max(axis.after, 0)
    out = np.full(shape, fill, x.dtype)
    inside: list[Any] = [slice(None)] * x.ndim
    inside[i] = slice(start, start + n, axis.base_dilation)
    out[tuple(inside)] = x
    inside[i] = slice(max(-axis.before, 0), shape[i] - max(-axis.after, 0))
    return out[tuple(inside)]
