"""Sorting: sort, top_k and what is written with them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, final

import numpy as np

from gradax import dtypes, kernel
from gradax.core.aval import Aval
from gradax.core.op import Op, operation
from gradax.core.tangent import Zero, is_zero
from gradax.core.value import as_value
from gradax.errors import ArgumentTypeError, at_user_line, require
from gradax.kernel.libraries import dtype_code
from gradax.lax.arithmetic import Neg
from gradax.lax.creation import Iota
from gradax.lax.families import REAL, check_dtype, tangent_like
from gradax.lax.gathering import take_along_axis
from gradax.lax.shapes import broadcast_batch, move_batch_axis
from gradax.lax.slicing import canonical_axis
from gradax.sizes import as_size, is_open


@final
@operation
class Sort(Op):
    """Sort rows of arrays together, by the first `num_keys` of them.

    Shapes: T1[s], T2[s] … -> the same.
    Order: NaN last, -0.0 equal to 0.0, complex numbers by real, then by imaginary part. Equal
        rows keep their order, whether `is_stable` or not.
    """

    dimension: int
    is_stable: bool = True
    num_keys: int = 1

    multiple_results = True

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        shapes = {a.shape for a in avals}
        require(len(shapes) == 1, self, "operands of one shape", *avals)
        inside = 0 <= self.dimension < avals[0].ndim
        require(inside, self, f"a dimension of {avals[0]}", self.dimension)
        fits = 1 <= self.num_keys <= len(avals)
        require(fits, self, f"1 to {len(avals)} keys", self.num_keys)
        return avals

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        if all(map(is_zero, tangents)):
            outs = self(*primals)
            return outs, tuple(Zero(tangent_like(out)) for out in outs)
        places = Iota(np.dtype(np.int32), np.shape(primals[0]), self.dimension)()
        *outs, order = self(*primals, places)
        moved = [
            Zero(tangent_like(out)) if is_zero(dx) else take_along_axis(dx, order, self.dimension)
            for out, dx in zip(outs, tangents, strict=True)
        ]
        return tuple(outs), tuple(moved)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        size = next(x.shape[d] for x, d in zip(args, dims, strict=True) if d is not None)
        aligned = [
            broadcast_batch(x, size) if d is None else move_batch_axis(x, d, 0)
            for x, d in zip(args, dims, strict=True)
        ]
        op = Sort(self.dimension + 1, self.is_stable, self.num_keys)
        return op(*aligned), (0,) * len(args)

    def lower(self, *operands: kernel.Tensor) -> Any:
        shape, axis = operands[0].shape, self.dimension
        if operands[0].size == 0 or shape[axis] == 1:
            return operands
        stored = [storable(x) for x in operands]
        rows = [as_rows(x, axis) for x in stored]
        outer, n = rows[0].shape
        params = (outer, n, len(rows), self.num_keys, self.is_stable, False)
        codes = tuple(dtype_code(x.dtype) for x in rows)
        node = kernel.Library("sort", rows, [(x.shape, x.dtype) for x in rows], (*params, *codes))
        return tuple(
            kernel.cast(from_rows(out, shape, axis), x.dtype)
            for out, x in zip(node.results, operands, strict=True)
        )

    def reference(self, *operands: Any) -> Any:
        arrays = [np.asarray(x) for x in operands]
        if len(arrays) == 1 and arrays[0].dtype.kind != "V":
            return (np.sort(arrays[0], axis=self.dimension, kind="stable"),)
        keys = [sortable(x) for x in arrays[: self.num_keys]]
        if len(keys) == 1:
            order = np.argsort(keys[0], axis=self.dimension, kind="stable")
        else:
            order = np.lexsort(keys[::-1], axis=self.dimension)
        return tuple(np.take_along_axis(x, order, self.dimension) for x in arrays)


@final
@operation
class TopK(Op):
    """The `k` largest elements along an axis, in decreasing order, and where they are.

    Shapes: x: T[s] -> T[s with k at axis], int32 of that shape.
    Order: the total order of IEEE 754, NaN above inf and 0.0 above -0.0; of equals the first first.
    """

    k: int
    axis: int

    multiple_results = True

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        (x,) = avals
        check_dtype(self, REAL, x)
        require(0 <= self.axis < x.ndim, self, f"an axis of {x}", self.axis)
        n = x.shape[self.axis]
        require(0 <= self.k <= n, self, f"k from 0 to {n} along axis {self.axis} of {x}", self.k)
        shape = (*x.shape[: self.axis], self.k, *x.shape[self.axis + 1 :])
        return x.update(shape=shape), Aval(shape, np.int32)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        values, places = self(*primals)
        moved = take_along_axis(tangents[0], places, self.axis)
        return (values, places), (moved, Zero(tangent_like(places)))

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        (x,), (dim,) = args, dims
        assert dim is not None
        return TopK(self.k, self.axis + (dim <= self.axis))(x), (dim, dim)

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands
        shape = (*x.shape[: self.axis], self.k, *x.shape[self.axis + 1 :])
        rows = as_rows(storable(x), self.axis)
        outer, n = rows.shape
        types = [((outer, self.k), rows.dtype), ((outer, self.k), np.dtype(np.int32))]
        node = kernel.Library("top_k", (rows,), types, (dtype_code(rows.dtype), outer, n, self.k))
        values, places = (from_rows(out, shape, self.axis) for out in node.results)
        return kernel.cast(values, x.dtype), places

    def reference(self, *operands: Any) -> Any:
        x = np.asarray(operands[0])
        n = x.shape[self.axis]
        # The last of equals when sorted backwards is the first of the original.
        backwards = np.argsort(np.flip(orderable(x), self.axis), axis=self.axis, kind="stable")
        descending = np.flip(n - 1 - backwards, self.axis)
        places = np.take(descending, np.arange(self.k), axis=self.axis)
        return np.take_along_axis(x, places, self.axis), places.astype(np.int32)


def sortable(x: Any) -> Any:
    """Return keys that NumPy orders as we do."""
    if x.dtype.kind == "V":
        return x.astype(np.int32 if "int" in x.dtype.name else np.float32)
    return x


def orderable(x: Any) -> Any:
    """Return integers in the total order of floats: by sign, then by the other bits."""
    if not dtypes.issubdtype(x.dtype, np.floating):
        return sortable(x)
    bits = np.ascontiguousarray(x).view(np.dtype(f"i{x.dtype.itemsize}"))
    return np.where(bits < 0, bits ^ np.iinfo(bits.dtype).max, bits)


def storable(x: kernel.Tensor) -> kernel.Tensor:
    """Return an array of a dtype that the library sorts."""
    if x.dtype.kind != "V" or x.dtype.name == "bfloat16":
        return x
    return kernel.cast(x, np.int32 if "int" in x.dtype.name else np.float32)


def as_rows(x: kernel.Tensor, axis: int) -> kernel.Tensor:
    """Return an array with `axis` last, and all the others as one."""
    n = x.shape[axis]
    rest = (*x.shape[:axis], *x.shape[axis + 1 :])
    if axis != x.ndim - 1:
        operand = x
        x = kernel.compute((*rest, n), lambda *i: operand[[*i[:axis], i[-1], *i[axis:-1]]])
    return kernel.reshape(x, (prod(rest), n))


def from_rows(x: kernel.Tensor, shape: tuple[int, ...], axis: int) -> kernel.Tensor:
    """Undo `as_rows`."""
    rest = (*shape[:axis], *shape[axis + 1 :])
    x = kernel.reshape(x, (*rest, shape[axis]))
    if axis == len(shape) - 1:
        return x
    return kernel.compute(shape, lambda *i: x[[*i[:axis], *i[axis + 1 :], i[axis]]])


def sort(operand: Any, dimension: int = -1, is_stable: bool = True, num_keys: int = 1) -> Any:
    """Sort an array, or several together by the first `num_keys` of them, along `dimension`.

    Shapes: T[s], or a sequence of arrays of one shape -> the same.
    """
    several = isinstance(operand, Sequence) and not isinstance(operand, str)
    arrays = [as_value(x) for x in operand] if several else [as_value(operand)]
    require(len(arrays) > 0, "sort", "at least one operand", "none")
    axis = canonical_axis("sort", dimension, arrays[0].ndim)
    outs = Sort(axis, bool(is_stable), int(num_keys))(*arrays)
    return tuple(outs) if several else outs[0]


def sort_key_val(keys: Any, values: Any, dimension: int = -1, is_stable: bool = True) -> Any:
    """Sort `keys` along `dimension`, and `values` in the same order."""
    return sort((keys, values), dimension, is_stable, num_keys=1)


def top_k(operand: Any, k: int, *, axis: int = -1) -> tuple[Any, Any]:
    """Return the `k` largest elements along `axis`, in decreasing order, and their positions.

    Errors: TypeError when k is negative or more than the axis has.
    """
    x = as_value(operand)
    if not isinstance(k, (int, np.integer)) and not is_open(k):
        raise ArgumentTypeError(f"top_k: k must be an integer, got {k!r}.{at_user_line()}")
    return TopK(as_size(k), canonical_axis("top_k", axis, x.ndim))(x)


def approx_max_k(
    operand: Any,
    k: int,
    reduction_dimension: int = -1,
    recall_target: float = 0.95,
    reduction_input_size_override: int = -1,
    aggregate_to_topk: bool = True,
) -> tuple[Any, Any]:
    """Return the `k` largest elements and their positions; exact, whatever recall is asked."""
    return top_k(operand, k, axis=reduction_dimension)


def approx_min_k(
    operand: Any,
    k: int,
    reduction_dimension: int = -1,
    recall_target: float = 0.95,
    reduction_input_size_override: int = -1,
    aggregate_to_topk: bool = True,
) -> tuple[Any, Any]:
    """Return the `k` smallest elements and their positions; exact, whatever recall is asked."""
    x = as_value(operand)
    axis = canonical_axis("approx_min_k", reduction_dimension, x.ndim)
    require(dtypes.issubdtype(x.dtype, np.floating), "approx_min_k", "a float array", x.aval)
    values, places = TopK(as_size(k), axis)(Neg()(x))
    return Neg()(values), places
