"""Padding, in all of NumPy's modes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.lax.creation import Iota
from gradax.lax.joining import Concatenate
from gradax.lax.shapes import BroadcastInDim
from gradax.lax.slicing import Pad, Rev, Slice
from gradax.numpy.arithmetic import constant, round
from gradax.numpy.axes import known_array
from gradax.numpy.indexing import index
from gradax.numpy.promotion import INEXACT, SCALARS, convert, operand
from gradax.numpy.reductions import max, mean, min
from gradax.numpy.statistics import median
from gradax.sizes import as_size, is_open

Widths = tuple[tuple[int, int], ...]

_ALLOWED: dict[str, set[str]] = {
    "constant": {"constant_values"},
    "edge": set(),
    "empty": set(),
    "wrap": set(),
    "linear_ramp": {"end_values"},
    "maximum": {"stat_length"},
    "mean": {"stat_length"},
    "median": {"stat_length"},
    "minimum": {"stat_length"},
    "reflect": {"reflect_type"},
    "symmetric": {"reflect_type"},
}
_STATISTICS: dict[str, Callable[..., Any]] = {
    "maximum": max, "minimum": min, "mean": mean, "median": median,
}  # fmt: skip


def pad(
    array: Any, pad_width: Any, mode: str | Callable[..., Any] = "constant", **kwargs: Any
) -> Any:
    """Add elements before and behind the axes; `pad_width` as NumPy's.

    Errors: ValueError for an unknown mode, or an argument that the mode has not; negative widths.
    """
    x = operand("pad", array)
    widths = pairs("pad_width", pad_width, x.ndim)
    if callable(mode):
        return pad_by_function(x, widths, mode, kwargs)
    if mode not in _ALLOWED:
        known = ", ".join(_ALLOWED)
        raise ArgumentError(f"pad: mode is one of {known}; got {mode!r}{at_user_line()}")
    strange = set(kwargs) - _ALLOWED[mode]
    if strange:
        raise ArgumentError(f"pad: mode {mode!r} has no argument {sorted(strange)}{at_user_line()}")
    if any(n < 0 for pair in widths for n in pair):
        raise ArgumentError(f"pad: widths cannot be negative, got {widths}{at_user_line()}")
    if mode in ("constant", "empty"):
        return pad_constant(x, widths, kwargs.get("constant_values", 0))
    for axis, (before, behind) in enumerate(widths):
        if before or behind:
            x = pad_axis(x, axis, before, behind, mode, kwargs)
    return x


def pairs(what: str, value: Any, ndim: int) -> Any:
    """Return (before, behind) for each axis of what may be one number, one pair or pairs."""
    if isinstance(value, dict):
        given = {int(k) % ndim: v for k, v in value.items()}
        value = [given.get(i, 0) for i in range(ndim)]
        value = [(v, v) if np.ndim(v) == 0 else tuple(v) for v in value]
    if has_sizes(value):
        return open_pairs(what, value, ndim)
    numbers = known_array("pad", value, what)
    if what == "pad_width" and numbers.size and numbers.dtype.kind not in "iu":
        raise ShapeError(f"pad: expected integer widths, got {value!r}{at_user_line()}")
    try:
        full = np.broadcast_to(numbers, (ndim, 2))
    except ValueError:
        raise ArgumentError(
            f"pad: {what} {value!r} does not broadcast to ({ndim}, 2){at_user_line()}"
        ) from None
    return tuple((a.item(), b.item()) for a, b in full)


def has_sizes(value: Any) -> bool:
    """Tell whether a number, or one in nested sequences, is the size of an open axis."""
    return is_open(value) or (isinstance(value, (tuple, list)) and any(map(has_sizes, value)))


def open_pairs(what: str, value: Any, ndim: int) -> Any:
    """Return what `pairs` does, for numbers of which some are sizes of open axes."""
    rows = value if isinstance(value, (tuple, list)) else [value]
    if not any(isinstance(row, (tuple, list)) for row in rows):
        rows = [rows]
    rows = [tuple(map(as_size, row)) for row in rows]
    if len(rows) not in (1, ndim) or any(len(row) not in (1, 2) for row in rows):
        raise ArgumentError(
            f"pad: {what} {value!r} does not broadcast to ({ndim}, 2){at_user_line()}"
        )
    rows = [row * 2 if len(row) == 1 else row for row in rows]
    return tuple(rows * ndim if len(rows) == 1 else rows)


def pad_constant(x: Any, widths: Widths, values: Any) -> Any:
    """Pad with constants: one, or one for each side of each axis."""
    if type(values) in SCALARS or np.ndim(values) == 0:
        value = convert(values if type(values) in SCALARS else operand("pad", values), x.dtype)
        return Pad(tuple((*w, 0) for w in widths))(x, value)
    table = operand("pad", np.asarray(values) if isinstance(values, (list, tuple)) else values)
    n_new = 2 - table.ndim
    table = BroadcastInDim((x.ndim, 2), tuple(range(n_new, 2)))(convert(table, x.dtype))
    for axis, (before, behind) in enumerate(widths):
        for side, (low, high) in enumerate(((before, 0), (0, behind))):
            config = tuple((low, high, 0) if i == axis else (0, 0, 0) for i in range(x.ndim))
            x = Pad(config)(x, index(table, (axis, side)))
    return x


def part(x: Any, axis: int, start: int, stop: int) -> Any:
    """Return a slice along an axis."""
    starts, stops = [0] * x.ndim, list(x.shape)
    starts[axis], stops[axis] = start, stop
    return Slice(tuple(starts), tuple(stops))(x)


def repeated(x: Any, axis: int, n: int) -> Any:
    """Repeat a slice of size 1 along its axis."""
    return BroadcastInDim((*x.shape[:axis], n, *x.shape[axis + 1 :]), tuple(range(x.ndim)))(x)


def pad_axis(x: Any, axis: int, before: int, behind: int, mode: str, kwargs: dict[str, Any]) -> Any:
    """Pad both sides of one axis."""
    n = x.shape[axis]
    if n == 0:
        raise ArgumentError(
            f"pad: axis {axis} of shape {x.shape} is empty, mode {mode!r} has nothing to repeat"
            f"{at_user_line()}"
        )
    if mode in ("reflect", "symmetric"):
        return pad_mirrored(x, axis, before, behind, mode, kwargs.get("reflect_type", "even"))
    if mode == "wrap":
        return pad_wrapped(x, axis, before, behind)
    first, last = part(x, axis, 0, 1), part(x, axis, n - 1, n)
    if mode == "linear_ramp":
        ends = pairs("end_values", kwargs.get("end_values", 0), x.ndim)[axis]
        low, high = ramp(first, ends[0], axis, before), ramp(last, ends[1], axis, behind)
        high = Rev((axis,))(high)
    elif mode == "edge":
        low, high = repeated(first, axis, before), repeated(last, axis, behind)
    else:
        lengths = (n, n)
        if kwargs.get("stat_length") is not None:
            lengths = pairs("stat_length", kwargs["stat_length"], x.ndim)[axis]
        spans = ((0, builtin_min(lengths[0], n)), (n - builtin_min(lengths[1], n), n))
        low, high = (
            repeated(statistic(part(x, axis, *span), axis, mode), axis, count)
            for span, count in zip(spans, (before, behind), strict=True)
        )
    return Concatenate(axis)(low, x, high)


def builtin_min(a: int, b: int) -> int:
    """Return the smaller of two integers, at least 1."""
    return a if 1 <= a < b else b


def statistic(x: Any, axis: int, mode: str) -> Any:
    """Return the statistic of a slice, in its dtype."""
    out = _STATISTICS[mode](x, axis, keepdims=True)
    return convert(round(out) if x.dtype not in INEXACT else out, x.dtype)


def ramp(edge: Any, end: Any, axis: int, n: int) -> Any:
    """Return n values from `end` towards an edge, which is left out."""
    shape = tuple(n if i == axis else 1 for i in range(edge.ndim))
    dtype = edge.dtype if edge.dtype in INEXACT else np.dtype(np.float32)
    line = Iota(dtype, shape, axis)()
    steps = (convert(edge, dtype) - end) / builtin_max(n)
    out = end + line * steps
    out = out if edge.dtype in INEXACT else (out + (out < 0) * 0.0)
    return convert(out, edge.dtype)


def builtin_max(n: int) -> int:
    """Return n, at least 1."""
    return n if n > 1 else 1


def pad_mirrored(x: Any, axis: int, before: int, behind: int, mode: str, kind: str) -> Any:
    """Pad with mirror images, with ('symmetric') or without ('reflect') the edge itself."""
    if kind not in ("even", "odd"):
        raise ArgumentError(f"pad: reflect_type is 'even' or 'odd', got {kind!r}{at_user_line()}")
    skip = 1 if mode == "reflect" else 0
    if x.shape[axis] == 1 and skip:
        edges = repeated(x, axis, before), repeated(x, axis, behind)
        return Concatenate(axis)(edges[0], x, edges[1])
    while before or behind:
        n = x.shape[axis]
        room = n - skip
        low, high = builtin_min(before, room) if before else 0, (
            builtin_min(behind, room) if behind else 0
        )  # fmt: skip
        parts = [x]
        if low:
            image = Rev((axis,))(part(x, axis, skip, skip + low))
            parts.insert(0, odd(image, part(x, axis, 0, 1)) if kind == "odd" else image)
        if high:
            image = Rev((axis,))(part(x, axis, n - skip - high, n - skip))
            parts.append(odd(image, part(x, axis, n - 1, n)) if kind == "odd" else image)
        x = Concatenate(axis)(*parts)
        before, behind = before - low, behind - high
    return x


def odd(image: Any, edge: Any) -> Any:
    """Reflect values as well as places."""
    return 2 * edge - image


def pad_wrapped(x: Any, axis: int, before: int, behind: int) -> Any:
    """Pad with the array itself, again and again."""
    n = x.shape[axis]
    whole_before, rest_before = divmod(before, n)
    whole_behind, rest_behind = divmod(behind, n)
    parts = [part(x, axis, n - rest_before, n)] if rest_before else []
    parts += [x] * (whole_before + 1 + whole_behind)
    parts += [part(x, axis, 0, rest_behind)] if rest_behind else []
    return Concatenate(axis)(*parts)


def pad_by_function(x: Any, widths: Widths, fill: Callable[..., Any], kwargs: Any) -> Any:
    """Pad by a user's function of (vector, widths, axis, kwargs), which returns the vector."""
    x = Pad(tuple((*w, 0) for w in widths))(x, constant(0, x))
    for axis, width in enumerate(widths):
        order = [i for i in range(x.ndim) if i != axis]
        moved = x.transpose((*order, axis))
        rows = moved.reshape((-1, x.shape[axis]))
        done = [operand("pad", fill(index(rows, i), width, axis, kwargs)) for i in range(len(rows))]
        spread = [BroadcastInDim((1, *r.shape), (1,))(convert(r, x.dtype)) for r in done]
        joined = Concatenate(0)(*spread).reshape(moved.shape)
        x = joined.transpose(tuple(int(i) for i in np.argsort([*order, axis])))
    return x
