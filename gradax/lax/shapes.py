"""Operations that change an array's shape and no element: broadcast, reshape, transpose, squeeze.

The sum that transposes a broadcast lives here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any, final

import numpy as np

from gradax import kernel
from gradax.core.aval import Aval, Shape
from gradax.core.op import Op, operation
from gradax.errors import ShapeError, at_user_line, require


class Shaping(Op):
    """A linear operation of one operand."""

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        """Apply the operation to the tangent."""
        return self(primals[0]), self(tangents[0])


@final
@operation
class BroadcastInDim(Shaping):
    """Place `x`'s axes at `broadcast_dimensions` of `shape`; the others repeat it.

    Shapes: x: T[s] with s[i] in (1, shape[broadcast_dimensions[i]]) -> T[shape].
    """

    shape: Shape
    broadcast_dimensions: tuple[int, ...]

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        dims = self.broadcast_dimensions
        require(len(dims) == x.ndim, self, f"one dimension for each axis of {x}", dims)
        increasing = all(a < b for a, b in pairwise(dims))
        inside = all(0 <= d < len(self.shape) for d in dims)
        require(increasing and inside, self, f"increasing axes inside {self.shape}", dims)
        fits = all(n in (1, self.shape[d]) for n, d in zip(x.shape, dims, strict=True))
        require(fits, self, f"axes of 1 or of {self.shape} at {dims}", x.shape)
        return x.update(shape=self.shape)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        shape = operands[0].aval.shape
        dims = self.broadcast_dimensions
        repeated = [d for d, n in zip(dims, shape, strict=True) if n == 1 and self.shape[d] != 1]
        new = [d for d in range(len(self.shape)) if d not in dims]
        out = ReduceSum(tuple(sorted(new + repeated)))(ct) if new or repeated else ct
        return out if out.shape == shape else Reshape(shape)(out)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        (x,), (dim,) = args, dims
        assert dim is not None
        x = move_batch_axis(x, dim, 0)
        places = (0, *(d + 1 for d in self.broadcast_dimensions))
        return BroadcastInDim((x.shape[0], *self.shape), places)(x), 0

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands
        zero = kernel.const(0, kernel.INT)

        def element(*i: kernel.Scalar) -> kernel.Scalar:
            places = zip(self.broadcast_dimensions, x.shape, strict=True)
            return x[[zero if n == 1 else i[d] for d, n in places]]

        return kernel.compute(self.shape, element)

    def reference(self, *operands: Any) -> Any:
        x = np.asarray(operands[0])
        shape = [1] * len(self.shape)
        for d, n in zip(self.broadcast_dimensions, x.shape, strict=True):
            shape[d] = n
        return np.broadcast_to(x.reshape(shape), self.shape)

    def printed_params(self) -> dict[str, Any]:
        dims = self.broadcast_dimensions
        return {"broadcast_dimensions": dims} if dims else {}


@final
@operation
class Reshape(Shaping):
    """Give the elements, in row-major order, another shape.

    Shapes: x: T[s] -> T[new_sizes], of as many elements.
    """

    new_sizes: Shape

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        if prod(self.new_sizes) != x.size or any(n < 0 for n in self.new_sizes):
            raise ShapeError(
                f"Cannot reshape an array of shape {x.shape} ({x.size} elements) to"
                f" {self.new_sizes} ({prod(self.new_sizes)} elements).{at_user_line()}"
            )
        return x.update(shape=self.new_sizes)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return Reshape(operands[0].aval.shape)(ct)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        (x,), (dim,) = args, dims
        assert dim is not None
        x = move_batch_axis(x, dim, 0)
        return Reshape((x.shape[0], *self.new_sizes))(x), 0

    def lower(self, *operands: kernel.Tensor) -> Any:
        return kernel.reshape(operands[0], self.new_sizes)

    def reference(self, *operands: Any) -> Any:
        return np.reshape(operands[0], self.new_sizes)


@final
@operation
class Squeeze(Shaping):
    """Remove axes of size 1.

    Shapes: x: T[s] -> T[s without dimensions].
    """

    dimensions: tuple[int, ...]

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        fits = all(0 <= d < x.ndim and x.shape[d] == 1 for d in self.dimensions)
        distinct = len(set(self.dimensions)) == len(self.dimensions)
        require(fits and distinct, self, f"distinct axes of size 1 of {x.shape}", self.dimensions)
        return x.without(self.dimensions)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return Reshape(operands[0].aval.shape)(ct)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        (x,), (dim,) = args, dims
        assert dim is not None
        moved = tuple(d + (d >= dim) for d in self.dimensions)
        return Squeeze(moved)(x), dim - sum(d < dim for d in moved)

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands
        shape = tuple(n for i, n in enumerate(x.shape) if i not in self.dimensions)
        return kernel.reshape(x, shape)

    def reference(self, *operands: Any) -> Any:
        return np.squeeze(operands[0], self.dimensions)


@final
@operation
class Transpose(Shaping):
    """Permute the axes: axis i of the result is axis `permutation[i]` of `x`.

    Shapes: x: T[s] -> T[s[permutation]].
    """

    permutation: tuple[int, ...]

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        valid = sorted(self.permutation) == list(range(x.ndim))
        require(valid, self, f"a permutation of the axes of {x}", self.permutation)
        return x.update(shape=[x.shape[p] for p in self.permutation])

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return Transpose(tuple(int(i) for i in np.argsort(self.permutation)))(ct)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        (x,), (dim,) = args, dims
        assert dim is not None
        return Transpose((dim, *(p + (p >= dim) for p in self.permutation)))(x), 0

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands
        inverse = np.argsort(self.permutation)
        shape = tuple(x.shape[p] for p in self.permutation)
        return kernel.compute(shape, lambda *i: x[[i[k] for k in inverse]])

    def reference(self, *operands: Any) -> Any:
        return np.transpose(operands[0], self.permutation)


@final
@operation
class ReduceSum(Shaping):
    """Sum `x` over `axes`.

    Shapes: x: T[s] -> T[s without axes]; T any number.
    Errors: TypeError unless axes are increasing and inside x.
    Accuracy: pairwise or better; half-precision sums are accumulated in float32.
    """

    axes: tuple[int, ...]

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        check_axes(self, self.axes, x)
        return x.without(self.axes)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        shape = operands[0].aval.shape
        kept = tuple(i for i in range(len(shape)) if i not in self.axes)
        return BroadcastInDim(shape, kept)(ct)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        return batch_reduction(ReduceSum, self.axes, args[0], dims[0])

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands
        return kernel.reduce_with("add", 0, x, self.axes, accumulation_dtype(x.dtype))

    def reference(self, *operands: Any) -> Any:
        x = np.asarray(operands[0])
        with np.errstate(all="ignore"):
            return np.sum(x, axis=self.axes, dtype=accumulation_dtype(x.dtype)).astype(x.dtype)


def check_axes(op: Op, axes: tuple[int, ...], x: Aval) -> None:
    """Raise a ShapeError unless axes are increasing and inside x."""
    increasing = all(a < b for a, b in pairwise(axes))
    inside = all(0 <= a < x.ndim for a in axes)
    require(increasing and inside, op, f"increasing axes inside the operand {x}", axes)


def accumulation_dtype(dtype: Any) -> Any:
    """Return the dtype that sums are accumulated in: float32 for shorter floats."""
    short = dtype.itemsize < 4 and dtype.kind in "fV" and "int" not in dtype.name
    return np.dtype(np.float32) if short else dtype


def batch_reduction(make: Any, axes: tuple[int, ...], x: Any, dim: int | None) -> tuple[Any, int]:
    """Reduce an array that has one more, mapped, axis."""
    assert dim is not None
    moved = tuple(a + (a >= dim) for a in axes)
    return make(moved)(x), dim - sum(a < dim for a in moved)


def move_batch_axis(x: Any, source: int, destination: int) -> Any:
    """Move one axis."""
    if source == destination:
        return x
    order = [i for i in range(x.ndim) if i != source]
    order.insert(destination, source)
    return Transpose(tuple(order))(x)


def broadcast_batch(x: Any, size: int, dim: int = 0) -> Any:
    """Repeat `x` along a new axis."""
    shape = np.shape(x)
    places = tuple(i + (i >= dim) for i in range(len(shape)))
    return BroadcastInDim((*shape[:dim], size, *shape[dim:]), places)(x)


def broadcast_scalar(x: Any, shape: Sequence[int]) -> Any:
    """Broadcast a rank-0 value to `shape`; leave others alone."""
    return BroadcastInDim(tuple(shape), ())(x) if shape and not np.shape(x) else x


def sum_to_scalar(x: Any) -> Any:
    """Sum over all axes."""
    return ReduceSum(tuple(range(x.ndim)))(x) if x.ndim else x
