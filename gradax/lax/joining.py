"""Joining arrays along an axis and taking them apart: concatenate, split, stack, unstack, tile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from gradax import kernel
from gradax.core.aval import Aval
from gradax.core.op import Op, operation
from gradax.core.tangent import Zero, is_linear, is_zero
from gradax.core.value import as_value
from gradax.errors import require
from gradax.lax.comparison import zeros
from gradax.lax.families import check_same_dtype, tangent_like
from gradax.lax.shapes import BroadcastInDim, Reshape, Squeeze, broadcast_batch, move_batch_axis
from gradax.lax.slicing import Slice, canonical_axis, inserted, static_ints


@final
@operation
class Concatenate(Op):
    """Put arrays one after another along an axis.

    Shapes: T[s], T[t] … that agree on all other axes -> T[s with the sum at `dimension`].
    """

    dimension: int

    def infer(self, *avals: Aval) -> Aval:
        require(len(avals) > 0, self, "at least one array", "none")
        check_same_dtype(self, *avals)
        first, axis = avals[0], self.dimension
        same_rank = all(a.ndim == first.ndim for a in avals)
        require(same_rank, self, "arrays of one number of axes", *avals)
        require(0 <= axis < first.ndim, self, f"an axis of {first}", axis)
        agree = len({a.without((axis,)).shape for a in avals}) == 1
        require(agree, self, f"arrays that differ along axis {axis} only", *avals)
        shape = list(first.shape)
        shape[axis] = sum(a.shape[axis] for a in avals)
        return Aval(shape, first.dtype, all(a.weak_type for a in avals))

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out = self(*primals)
        if all(map(is_zero, tangents)):
            return out, Zero(tangent_like(out))
        return out, self(*(zeros(t.aval) if is_zero(t) else t for t in tangents))

    def transpose(self, ct: Any, *operands: Any) -> Any:
        grads: list[Any] = []
        start = 0
        for x in operands:
            shape = x.aval.shape if is_linear(x) else np.shape(x)
            starts, stops = [0] * ct.ndim, list(ct.shape)
            starts[self.dimension], stops[self.dimension] = start, start + shape[self.dimension]
            start = stops[self.dimension]
            grads.append(Slice(tuple(starts), tuple(stops))(ct) if is_linear(x) else None)
        return tuple(grads)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        size = next(x.shape[d] for x, d in zip(args, dims, strict=True) if d is not None)
        return Concatenate(self.dimension + 1)(*mapped_first(args, dims, size)), 0

    def lower(self, *operands: kernel.Tensor) -> Any:
        return kernel.one_result(kernel.Join(self.dimension, operands))

    def reference(self, *operands: Any) -> Any:
        return np.concatenate(operands, self.dimension)


@final
@operation
class Split(Op):
    """Cut an array into consecutive parts of `sizes` along an axis.

    Shapes: x: T[s] -> T[s with size at axis], for each size.
    """

    sizes: tuple[int, ...]
    axis: int

    multiple_results = True

    def parts(self, shape: tuple[int, ...]) -> list[Slice]:
        """Return the slices that the parts are."""
        out: list[Slice] = []
        start = 0
        for size in self.sizes:
            starts, stops = [0] * len(shape), list(shape)
            starts[self.axis], stops[self.axis] = start, start + size
            start += size
            out.append(Slice(tuple(starts), tuple(stops)))
        return out

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        (x,) = avals
        require(0 <= self.axis < x.ndim, self, f"an axis of {x}", self.axis)
        require(all(n >= 0 for n in self.sizes), self, "sizes of at least 0", self.sizes)
        n = x.shape[self.axis]
        require(sum(self.sizes) == n, self, f"sizes whose sum is {n} (axis {self.axis} of {x})",
                self.sizes)  # fmt: skip
        return tuple(part.infer(x) for part in self.parts(x.shape))

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        return self(primals[0]), self(tangents[0])

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return Concatenate(self.axis)(*(zeros(c.aval) if is_zero(c) else c for c in ct))

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        (x,), (dim,) = args, dims
        assert dim is not None
        outs = Split(self.sizes, self.axis + (dim <= self.axis))(x)
        return outs, (dim,) * len(outs)

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands
        return tuple(part.lower(x) for part in self.parts(x.shape))

    def reference(self, *operands: Any) -> Any:
        return tuple(np.split(operands[0], np.cumsum(self.sizes)[:-1], self.axis))


def mapped_first(args: Sequence[Any], dims: Sequence[int | None], size: int) -> list[Any]:
    """Return all operands with a mapped axis, the first."""
    return [
        broadcast_batch(x, size) if d is None else move_batch_axis(x, d, 0)
        for x, d in zip(args, dims, strict=True)
    ]


def concatenate(operands: Any, dimension: int) -> Any:
    """Put arrays one after another along `dimension`.

    Shapes: T[s], T[t] … that agree on all other axes -> T[s with the sum at `dimension`].
    Errors: TypeError for no arrays, or for dtypes or other axes that differ.
    """
    rows = unstack(operands) if hasattr(operands, "ndim") else operands
    arrays = [as_value(x) for x in rows]
    require(len(arrays) > 0, "concatenate", "at least one array", "none")
    op = Concatenate(int(dimension))
    if len(arrays) == 1:
        op.infer(arrays[0].aval)
        return arrays[0]
    return op(*arrays)


def split(operand: Any, sizes: Sequence[int], axis: int = 0) -> list[Any]:
    """Cut an array into consecutive parts of `sizes` along `axis`.

    Errors: ValueError unless the sizes are not negative and add up to the axis.
    """
    x = as_value(operand)
    axis = canonical_axis("split", axis, x.ndim)
    return list(Split(static_ints("split", sizes), axis)(x))


def stack(operands: Sequence[Any], axis: int = 0) -> Any:
    """Join arrays of one shape along a new axis."""
    arrays = [as_value(x) for x in operands]
    require(len(arrays) > 0, "stack", "at least one array", "none")
    shape, n = arrays[0].shape, arrays[0].ndim
    avals = [x.aval for x in arrays]
    require(all(x.shape == shape for x in arrays), "stack", "arrays of one shape", *avals)
    axis = canonical_axis("stack", axis, n + 1)
    places = tuple(i + (i >= axis) for i in range(n))
    parts = [BroadcastInDim(inserted(shape, axis, 1), places)(x) for x in arrays]
    return parts[0] if len(parts) == 1 else Concatenate(axis)(*parts)


def unstack(x: Any, axis: int = 0) -> tuple[Any, ...]:
    """Return the slices of an array along `axis`, without that axis."""
    x = as_value(x)
    require(x.ndim > 0, "unstack", "an array of at least one axis", x.aval)
    axis = canonical_axis("unstack", axis, x.ndim)
    if x.shape[axis] == 0:
        return ()
    return tuple(Squeeze((axis,))(part) for part in Split((1,) * x.shape[axis], axis)(x))


def tile(operand: Any, reps: Sequence[int]) -> Any:
    """Repeat an array `reps` times along each of its axes.

    Shapes: T[s] -> T[s * reps].
    Errors: TypeError unless there is a number for each axis, not negative.
    """
    x = as_value(operand)
    reps = static_ints("tile", reps)
    require(len(reps) == x.ndim, "tile", f"a repetition for each axis of {x.aval}", reps)
    require(all(r >= 0 for r in reps), "tile", "repetitions of at least 0", reps)
    if all(r == 1 for r in reps):
        return x
    between = tuple(n for pair in zip(reps, x.shape, strict=True) for n in pair)
    repeated = BroadcastInDim(between, tuple(range(1, 2 * x.ndim, 2)))(x)
    return Reshape(tuple(r * n for r, n in zip(reps, x.shape, strict=True)))(repeated)
