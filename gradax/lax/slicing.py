"""Static slices and their transposes: slice, pad, rev."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from operator import index
from typing import Any, final

import numpy as np

from gradax import kernel
from gradax.core.aval import Aval, Shape
from gradax.core.op import Op, operation
from gradax.core.tangent import Zero, is_linear, is_zero
from gradax.core.value import as_value
from gradax.errors import IndexingError, at_user_line, require
from gradax.lax.arithmetic import Sub
from gradax.lax.comparison import SelectN, zeros
from gradax.lax.families import check_same_dtype, tangent_like
from gradax.lax.operands import operands
from gradax.lax.shapes import (
    BroadcastInDim,
    Shaping,
    Squeeze,
    broadcast_batch,
    broadcast_scalar,
    move_batch_axis,
    sum_to_scalar,
)
from gradax.sizes import as_size


@final
@operation
class Slice(Shaping):
    """Take the elements from `start_indices` up to `limit_indices`, every `strides`-th.

    Shapes: x: T[s] -> T[ceil((limit_indices - start_indices) / strides)].
    """

    start_indices: tuple[int, ...]
    limit_indices: tuple[int, ...]
    strides: tuple[int, ...] | None = None

    @property
    def steps(self) -> tuple[int, ...]:
        """The strides, 1 where none are given."""
        return (1,) * len(self.start_indices) if self.strides is None else self.strides

    @property
    def shape(self) -> Shape:
        """The shape of the result."""
        parts = zip(self.start_indices, self.limit_indices, self.steps, strict=True)
        return tuple(-((start - stop) // step) for start, stop, step in parts)

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        starts, stops, steps = self.start_indices, self.limit_indices, self.steps
        require(len(starts) == x.ndim, self, f"a start index for each axis of {x}", starts)
        require(len(stops) == x.ndim, self, f"a limit index for each axis of {x}", stops)
        require(len(steps) == x.ndim, self, f"a stride for each axis of {x}", steps)
        require(all(s > 0 for s in steps), self, "positive strides", steps)
        inside = all(m <= n for m, n in zip(stops, x.shape, strict=True))
        require(inside, self, f"limit_indices of at most the operand's shape {x.shape}", stops)
        ordered = all(0 <= a <= b for a, b in zip(starts, stops, strict=True))
        require(ordered, self, f"start_indices from 0 to limit_indices {stops}", starts)
        return x.update(shape=self.shape)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        config: list[tuple[int, int, int]] = []
        whole = operands[0].aval.shape
        parts = zip(whole, ct.shape, self.start_indices, self.steps, strict=True)
        for n, m, start, step in parts:
            covered = 1 + (m - 1) * step if m else 0
            config.append((start, n - start - covered, step - 1))
        return Pad(tuple(config))(ct, np.zeros((), ct.dtype))

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        (x,), (dim,) = args, dims
        assert dim is not None
        starts = inserted(self.start_indices, dim, 0)
        stops = inserted(self.limit_indices, dim, x.shape[dim])
        steps = None if self.strides is None else inserted(self.strides, dim, 1)
        return Slice(starts, stops, steps)(x), dim

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands

        def element(*i: kernel.Scalar) -> kernel.Scalar:
            parts = zip(i, self.start_indices, self.steps, strict=True)
            return x[[k * step + start for k, start, step in parts]]

        return kernel.compute(self.shape, element)

    def reference(self, *operands: Any) -> Any:
        spans = map(builtins.slice, self.start_indices, self.limit_indices, self.steps)
        return operands[0][tuple(spans)]


@final
@operation
class Pad(Op):
    """Put `low` and `high` paddings around each axis and `interior` ones between its elements.

    Shapes: x: T[s], value: T[] -> T[low + high + s + interior * (s - 1)]; negative ones crop.
    """

    padding_config: tuple[tuple[int, int, int], ...]

    def padded(self, shape: Shape) -> Shape:
        """Return the shape of the result."""
        parts = zip(shape, self.padding_config, strict=True)
        return tuple(lo + hi + n + (max(n - 1, 0) * mid) for n, (lo, hi, mid) in parts)

    def infer(self, *avals: Aval) -> Aval:
        x, value = avals
        config = self.padding_config
        require(len(config) == x.ndim, self, f"(low, high, interior) for each axis of {x}", config)
        require(value.shape == (), self, "a scalar padding value", value)
        check_same_dtype(self, x, value)
        require(all(mid >= 0 for *_, mid in config), self, "interior padding of at least 0", config)
        shape = self.padded(x.shape)
        fits = all(n >= 0 for n in shape)
        require(fits, self, f"a result of no negative size from {x} and {config}", shape)
        return x.update(shape=shape, weak_type=x.weak_type and value.weak_type)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out, (dx, dvalue) = self(*primals), tangents
        if is_zero(dx) and is_zero(dvalue):
            return out, Zero(tangent_like(out))
        dx = zeros(dx.aval) if is_zero(dx) else dx
        dvalue = np.zeros((), out.dtype) if is_zero(dvalue) else dvalue
        return out, self(dx, dvalue)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        zero = np.zeros((), ct.dtype)
        cropped = Pad(tuple((-lo, -hi, 0) for lo, hi, _ in self.padding_config))(ct, zero)
        steps = tuple(mid + 1 for *_, mid in self.padding_config)
        if any(step > 1 for step in steps):
            cropped = Slice((0,) * ct.ndim, cropped.shape, steps)(cropped)
        x, value = map(is_linear, operands)
        outside = Sub()(sum_to_scalar(ct), sum_to_scalar(cropped)) if value else None
        return cropped if x else None, outside

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        (x, value), (xdim, vdim) = args, dims
        if vdim is None:
            assert xdim is not None
            return Pad(inserted(self.padding_config, xdim, (0, 0, 0)))(x, value), xdim
        size = value.shape[0]
        x = broadcast_batch(x, size) if xdim is None else move_batch_axis(x, xdim, 0)
        pad = Pad(((0, 0, 0), *self.padding_config))
        inside = pad(broadcast_scalar(np.asarray(True), x.shape), np.asarray(False))
        filled = pad(x, np.zeros((), x.dtype))
        return SelectN()(inside, BroadcastInDim(filled.shape, (0,))(value), filled), 0

    def lower(self, *operands: kernel.Tensor) -> Any:
        x, value = operands

        def element(*i: kernel.Scalar) -> kernel.Scalar:
            places: list[kernel.Scalar] = []
            guard: kernel.Scalar | None = None
            for k, n, (low, high, interior) in zip(i, x.shape, self.padding_config, strict=True):
                place, inside = source_place(k, n, low, high, interior)
                places.append(place)
                guard = kernel.both(guard, inside)
            element = kernel.load(x, places, guard)
            return element if guard is None else kernel.select(guard, element, value[()])

        return kernel.compute(self.padded(x.shape), element)

    def reference(self, *operands: Any) -> Any:
        x, value = operands
        out = np.full(self.padded(x.shape), value, x.dtype)
        inner: list[builtins.slice] = []
        outer: list[builtins.slice] = []
        sizes = zip(x.shape, out.shape, self.padding_config, strict=True)
        for n, size, (low, _, interior) in sizes:
            step = interior + 1
            first = -(min(low, 0) // step)
            end = min(n, -((low - size) // step)) if size > low else 0
            inner.append(builtins.slice(first, max(end, first)))
            start = low + first * step
            outer.append(builtins.slice(start, start + max(end - first, 0) * step, step))
        out[tuple(outer)] = x[tuple(inner)]
        return out


def source_place(
    k: kernel.Scalar, n: int, low: int, high: int, interior: int
) -> tuple[kernel.Scalar, kernel.Scalar | None]:
    """Return which of the `n` elements of an axis comes to place `k`, and whether any does."""
    place, guard = k - low, None
    if low > 0:
        guard = kernel.apply("ge", k, low)
    if high > 0 or n == 0:
        last = n + max(n - 1, 0) * interior + low
        guard = kernel.both(guard, kernel.apply("lt", k, last))
    if interior:
        hit = kernel.apply("eq", kernel.apply("rem", place, interior + 1), 0)
        return kernel.apply("div", place, interior + 1), kernel.both(guard, hit)
    return place, guard


@final
@operation
class Rev(Shaping):
    """Reverse the order of the elements along axes."""

    dimensions: tuple[int, ...]

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        fits = all(0 <= d < x.ndim for d in self.dimensions)
        fits = fits and len(set(self.dimensions)) == len(self.dimensions)
        require(fits, self, f"distinct axes of {x}", self.dimensions)
        return x

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return self(ct)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        (x,), (dim,) = args, dims
        assert dim is not None
        return Rev(tuple(d + (d >= dim) for d in self.dimensions))(x), dim

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands

        def element(*i: kernel.Scalar) -> kernel.Scalar:
            backwards = [n - 1 - k for k, n in zip(i, x.shape, strict=True)]
            return x[[backwards[d] if d in self.dimensions else k for d, k in enumerate(i)]]

        return kernel.compute(x.shape, element)

    def reference(self, *operands: Any) -> Any:
        return np.flip(operands[0], self.dimensions)


def inserted(values: tuple[Any, ...], place: int, value: Any) -> tuple[Any, ...]:
    """Return a tuple with one more entry."""
    return (*values[:place], value, *values[place:])


def canonical_axis(name: str, axis: Any, ndim: int) -> int:
    """Return an axis counted from the front.

    Errors: ValueError and TypeError for an axis that an array of `ndim` axes has not.
    """
    axis = index(axis)
    require(-ndim <= axis < ndim, name, f"an axis within {-ndim} … {ndim - 1}", axis)
    return axis % ndim


def static_ints(name: str, values: Iterable[Any]) -> tuple[int, ...]:
    """Return a sequence of static integers (of a shape, of axes) as a tuple."""
    try:
        return tuple(map(as_size, values))
    except TypeError as error:
        raise TypeError(
            f"{name}: expected a sequence of static integers; got {values!r}{at_user_line()}\n"
            "Shapes, sizes and axes cannot depend on traced values; mark the argument as static."
        ) from error


def slice(
    operand: Any,
    start_indices: Sequence[int],
    limit_indices: Sequence[int],
    strides: Sequence[int] | None = None,
) -> Any:
    """Return the elements from `start_indices` up to `limit_indices`, every `strides`-th.

    Errors: TypeError unless 0 <= start_indices <= limit_indices <= shape and strides > 0.
    """
    steps = None if strides is None else static_ints("slice", strides)
    starts, stops = static_ints("slice", start_indices), static_ints("slice", limit_indices)
    return Slice(starts, stops, steps)(as_value(operand))


def slice_in_dim(
    operand: Any, start_index: int | None, limit_index: int | None, stride: int = 1, axis: int = 0
) -> Any:
    """Slice along one axis; negative indices count from its end, None means the whole of it."""
    x = as_value(operand)
    axis = canonical_axis("slice_in_dim", axis, x.ndim)
    n = x.shape[axis]
    start = 0 if start_index is None else as_size(start_index)
    stop = n if limit_index is None else as_size(limit_index)
    starts, stops, steps = [0] * x.ndim, list(x.shape), [1] * x.ndim
    starts[axis] = start + n if start < 0 else start
    stops[axis] = stop + n if stop < 0 else stop
    steps[axis] = index(stride)
    return Slice(tuple(starts), tuple(stops), tuple(steps))(x)


def index_in_dim(operand: Any, index: int, axis: int = 0, keepdims: bool = True) -> Any:
    """Return the slice of size 1 at `index` of an axis, without that axis unless `keepdims`.

    Errors: IndexError for an index outside the axis.
    """
    x = as_value(operand)
    axis = canonical_axis("index_in_dim", axis, x.ndim)
    n = x.shape[axis]
    if not -n <= index < n:
        raise IndexingError(
            f"index_in_dim: index {index} is out of bounds for axis {axis} with size {n}"
            f"{at_user_line()}"
        )
    out = slice_in_dim(x, index % n, index % n + 1, 1, axis)
    return out if keepdims else Squeeze((axis,))(out)


def pad(operand: Any, padding_value: Any, padding_config: Sequence[tuple[int, int, int]]) -> Any:
    """Pad each axis with `padding_value`: `low`, `high` and `interior` many; negative ones crop.

    Shapes: T[s], T[] -> T[low + high + s + interior * (s - 1)].
    Errors: TypeError for dtypes that differ and for a negative interior or size.
    """
    x, value = operands(operand, padding_value)
    config = tuple(static_ints("pad", c) for c in padding_config)
    triples = all(len(c) == 3 for c in config)
    require(triples, "pad", "(low, high, interior) for each axis", padding_config)
    return Pad(tuple((c[0], c[1], c[2]) for c in config))(x, value)


def rev(operand: Any, dimensions: Sequence[int]) -> Any:
    """Reverse the order of the elements along `dimensions`."""
    return Rev(static_ints("rev", dimensions))(as_value(operand))
