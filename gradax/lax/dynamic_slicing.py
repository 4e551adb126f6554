"""Slices whose place is computed: dynamic_slice and dynamic_update_slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from gradax import dtypes, kernel
from gradax.core.aval import Aval
from gradax.core.op import Op, operation
from gradax.core.tangent import Zero, is_linear, is_zero
from gradax.core.value import as_value
from gradax.errors import DtypeError, IndexingError, at_user_line, require
from gradax.lax.arithmetic import Add
from gradax.lax.comparison import Lt, SelectN, zeros
from gradax.lax.convert import ConvertElementType, scalar_of
from gradax.lax.families import check_same_dtype, tangent_like
from gradax.lax.gathering import CLIP, Gather, or_zeros
from gradax.lax.joining import Concatenate, mapped_first
from gradax.lax.operands import operands
from gradax.lax.placement import GatherDimensionNumbers, as_int64, as_scatter_numbers, start_of
from gradax.lax.scattering import Scatter
from gradax.lax.shapes import BroadcastInDim, Squeeze, move_batch_axis
from gradax.lax.slicing import Slice, canonical_axis, inserted, static_ints
from gradax.native import Array


def check_starts(op: Op, x: Aval, starts: Sequence[Aval]) -> None:
    """Check that there is one scalar start, of one integer dtype, for each axis."""
    require(len(starts) == x.ndim, op, f"a start index for each axis of {x}", len(starts))
    require(all(s.shape == () for s in starts), op, "scalar start indices", *starts)
    names = sorted({s.dtype.name for s in starts})
    if len(names) > 1 or any(not dtypes.issubdtype(s.dtype, np.integer) for s in starts):
        raise DtypeError(
            f"{op.name}: start indices must be integers of one dtype; got {', '.join(names)}"
            f"{at_user_line()}"
        )


def clamped(
    starts: Sequence[kernel.Tensor], whole: Sequence[int], part: Sequence[int]
) -> list[kernel.Scalar]:
    """Return starts moved so that the part is inside the whole."""
    parts = zip(starts, whole, part, strict=True)
    return [kernel.clamp(start_of(s[()]), 0, n - m) for s, n, m in parts]


def spans(starts: Sequence[Any], whole: Sequence[int], part: Sequence[int]) -> tuple[slice, ...]:
    """Return the slices that a part of an array is, its starts moved so that it is inside."""
    out: list[slice] = []
    for s, n, m in zip(starts, whole, part, strict=True):
        start = min(max(int(s), 0), n - m)
        out.append(slice(start, start + m))
    return tuple(out)


def start_vectors(starts: Sequence[Any], dims: Sequence[int | None], size: int) -> Any:
    """Return mapped starts as index vectors. Shapes: T[size] or T[] each -> T[size, n]."""
    columns: list[Any] = []
    for s, d in zip(starts, dims, strict=True):
        columns.append(BroadcastInDim((size, 1), () if d is None else (0,))(s))
    return columns[0] if len(columns) == 1 else Concatenate(1)(*columns)


def start_dtype(starts: Sequence[Any]) -> Any:
    """Return the dtype of starts."""
    return starts[0].dtype if starts else np.dtype(np.int32)


@final
@operation
class DynamicSlice(Op):
    """Take the part of `slice_sizes` that begins at computed starts, moved to be inside.

    Shapes: x: T[s], a start int[] for each axis -> T[slice_sizes].
    """

    slice_sizes: tuple[int, ...]

    def infer(self, *avals: Aval) -> Aval:
        x, *starts = avals
        sizes = self.slice_sizes
        check_starts(self, x, starts)
        require(len(sizes) == x.ndim, self, f"a size for each axis of {x}", sizes)
        fits = all(0 <= m <= n for m, n in zip(sizes, x.shape, strict=True))
        require(fits, self, f"slice_sizes from 0 to the operand's shape {x.shape}", sizes)
        return x.update(shape=sizes)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out, dx = self(*primals), tangents[0]
        if is_zero(dx):
            return out, Zero(tangent_like(out))
        return out, self(dx, *primals[1:])

    def transpose(self, ct: Any, *operands: Any) -> Any:
        x, *starts = operands
        return DynamicUpdateSlice()(zeros(x.aval), ct, *starts), *(None for _ in starts)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        (x, *starts), (dim, *start_dims) = args, dims
        if all(d is None for d in start_dims):
            assert dim is not None
            zero = np.zeros((), start_dtype(starts))
            sizes = inserted(self.slice_sizes, dim, x.shape[dim])
            return DynamicSlice(sizes)(x, *inserted(tuple(starts), dim, zero)), dim
        size = next(s.shape[0] for s, d in zip(starts, start_dims, strict=True) if d is not None)
        vectors = start_vectors(starts, start_dims, size)
        ndim = len(self.slice_sizes)
        axes, after = tuple(range(ndim)), tuple(range(1, ndim + 1))
        if dim is None:
            numbers = GatherDimensionNumbers(after, (), axes)
            return Gather(numbers, self.slice_sizes, mode=CLIP)(x, vectors), 0
        x = move_batch_axis(x, dim, 0)
        numbers = GatherDimensionNumbers(after, (), after, (0,), (0,))
        sizes = (min(size, 1), *self.slice_sizes)
        return Gather(numbers, sizes, True, True, CLIP)(x, vectors), 0

    def lower(self, *operands: kernel.Tensor) -> Any:
        x, *starts = operands
        begin = clamped(starts, x.shape, self.slice_sizes)

        def element(*i: kernel.Scalar) -> kernel.Scalar:
            return x[[b + k for b, k in zip(begin, i, strict=True)]]

        return kernel.compute(self.slice_sizes, element)

    def reference(self, *operands: Any) -> Any:
        x, *starts = operands
        return x[spans(starts, x.shape, self.slice_sizes)]


@final
@operation
class DynamicUpdateSlice(Op):
    """Replace the part that begins at computed starts, moved to be inside, by an update.

    Shapes: x: T[s], update: T[t], t <= s, a start int[] for each axis -> T[s].
    """

    def infer(self, *avals: Aval) -> Aval:
        x, update, *starts = avals
        check_same_dtype(self, x, update)
        require(update.ndim == x.ndim, self, f"an update of {x.ndim} axes", update)
        fits = all(m <= n for m, n in zip(update.shape, x.shape, strict=True))
        require(fits, self, f"an update no larger than {x}", update)
        check_starts(self, x, starts)
        return x

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out, (dx, du) = self(*primals), tangents[:2]
        if is_zero(dx) and is_zero(du):
            return out, Zero(tangent_like(out))
        return out, self(or_zeros(dx), or_zeros(du), *primals[2:])

    def transpose(self, ct: Any, *operands: Any) -> Any:
        x, update, *starts = operands
        aval = update.aval
        kept = self(ct, zeros(aval), *starts) if is_linear(x) else None
        read = DynamicSlice(aval.shape)(ct, *starts) if is_linear(update) else None
        return kept, read, *(None for _ in starts)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        (x, update, *starts), start_dims = args, dims[2:]
        size = next(a.shape[d] for a, d in zip(args, dims, strict=True) if d is not None)
        x, update = mapped_first((x, update), dims[:2], size)
        if all(d is None for d in start_dims):
            zero = np.zeros((), start_dtype(starts))
            return self(x, update, zero, *starts), 0
        after = tuple(range(1, x.ndim))
        numbers = as_scatter_numbers(GatherDimensionNumbers(after, (), after, (0,), (0,)))
        vectors = start_vectors(starts, start_dims, size)
        return Scatter(numbers, True, True, CLIP)(x, vectors, update), 0

    def lower(self, *operands: kernel.Tensor) -> Any:
        x, update, *starts = operands
        begin = clamped(starts, x.shape, update.shape)
        i = tuple(map(kernel.index, range(update.ndim)))
        places = [b + k for b, k in zip(begin, i, strict=True)]
        node = kernel.Update(x, update.shape, places, update[i], unique=True)
        return kernel.one_result(node)

    def reference(self, *operands: Any) -> Any:
        x, update, *starts = operands
        out = np.array(x)
        out[spans(starts, x.shape, update.shape)] = update
        return out


def concrete_int(x: Any) -> int | None:
    """Return an index that is known now as an integer, others as None."""
    if type(x) is int:
        return x
    if isinstance(x, (Array, np.ndarray, np.generic)) and x.ndim == 0:
        return int(as_int64(np.asarray(x))) if dtypes.issubdtype(x.dtype, np.integer) else None
    return None


def counted_from_end(name: str, start: Any, n: int, dtype: Any, wraps: bool) -> Any:
    """Return a start index, negative ones counted from the end of an axis of `n`."""
    known = concrete_int(start)
    if known is not None:
        if known < 0 and not wraps:
            raise IndexingError(
                f"{name}: index {known} is negative and allow_negative_indices=False"
                f"{at_user_line()}"
            )
        limits = np.iinfo(dtype)
        place = known + n if known < 0 else known
        return np.asarray(min(max(place, limits.min), limits.max), dtype)
    if start.ndim or not wraps or not dtypes.issubdtype(start.dtype, np.signedinteger):
        return start
    is_negative = Lt()(start, np.zeros((), start.dtype))
    strong = ConvertElementType(start.dtype)(start) if start.weak_type else start
    return SelectN()(is_negative, start, Add()(strong, scalar_of(n, start.dtype)))


def canonical_starts(
    name: str, x: Any, start_indices: Any, allow_negative: bool | Sequence[bool]
) -> list[Any]:
    """Return a start for each axis, of one dtype, negative ones counted from the end."""
    if hasattr(start_indices, "ndim"):
        array = as_value(start_indices)
        require(array.ndim == 1, name, "a sequence of start indices", array.aval)
        vectors = [Slice((k,), (k + 1,), (1,))(array) for k in range(array.shape[0])]
        starts: list[Any] = [Squeeze((0,))(v) for v in vectors]
    else:
        sequence = isinstance(start_indices, Sequence)
        require(sequence, name, "a sequence of start indices", start_indices)
        starts = [s if type(s) is int else as_value(s) for s in start_indices]
    require(len(starts) == x.ndim, name, f"a start index for each axis of {x.aval}", len(starts))
    given = {s.dtype for s in starts if type(s) is not int}
    dtype = next(iter(given), np.dtype(np.int32))
    if len(given) > 1 or not dtypes.issubdtype(dtype, np.integer):
        names = ", ".join(sorted(d.name for d in given))
        raise DtypeError(
            f"{name}: start indices must be integers of one dtype; got {names}{at_user_line()}"
        )
    wraps = (allow_negative,) * x.ndim if isinstance(allow_negative, bool) else allow_negative
    parts = zip(starts, x.shape, wraps, strict=True)
    return [counted_from_end(name, s, n, dtype, w) for s, n, w in parts]


def dynamic_slice(
    operand: Any,
    start_indices: Any,
    slice_sizes: Sequence[int],
    *,
    allow_negative_indices: bool | Sequence[bool] = True,
) -> Any:
    """Return the part of `slice_sizes` that begins at `start_indices`, which may be traced.

    A start is moved so that the part is inside; a negative one counts from the end.
    Shapes: T[s], a start for each axis -> T[slice_sizes].
    Errors: TypeError unless there is an integer start, of one dtype, and a size for each axis.
    """
    x = as_value(operand)
    starts = canonical_starts("dynamic_slice", x, start_indices, allow_negative_indices)
    return DynamicSlice(static_ints("dynamic_slice", slice_sizes))(x, *starts)


def dynamic_slice_in_dim(
    operand: Any,
    start_index: Any,
    slice_size: int,
    axis: int = 0,
    *,
    allow_negative_indices: bool = True,
) -> Any:
    """Return `slice_size` elements along `axis` from `start_index`; see `dynamic_slice`."""
    x = as_value(operand)
    axis = canonical_axis("dynamic_slice_in_dim", axis, x.ndim)
    starts: list[Any] = [0] * x.ndim
    starts[axis] = start_index
    (size,) = static_ints("dynamic_slice_in_dim", (slice_size,))
    sizes = (*x.shape[:axis], size, *x.shape[axis + 1 :])
    return dynamic_slice(x, starts, sizes, allow_negative_indices=allow_negative_indices)


def dynamic_index_in_dim(
    operand: Any,
    index: Any,
    axis: int = 0,
    keepdims: bool = True,
    *,
    allow_negative_indices: bool = True,
) -> Any:
    """Return the slice of size 1 at `index` of an axis, without that axis unless `keepdims`."""
    x = as_value(operand)
    axis = canonical_axis("dynamic_index_in_dim", axis, x.ndim)
    out = dynamic_slice_in_dim(x, index, 1, axis, allow_negative_indices=allow_negative_indices)
    return out if keepdims else Squeeze((axis,))(out)


def dynamic_update_slice(
    operand: Any,
    update: Any,
    start_indices: Any,
    *,
    allow_negative_indices: bool | Sequence[bool] = True,
) -> Any:
    """Replace the part of `operand` that begins at `start_indices` by `update`.

    A start is moved so that the part is inside; a negative one counts from the end.
    Shapes: T[s], T[t], t <= s, a start for each axis -> T[s].
    Errors: TypeError for another dtype, a larger update, starts that are no integers of one dtype.
    """
    x, new = operands(operand, update)
    starts = canonical_starts("dynamic_update_slice", x, start_indices, allow_negative_indices)
    return DynamicUpdateSlice()(x, new, *starts)


def dynamic_update_slice_in_dim(
    operand: Any,
    update: Any,
    start_index: Any,
    axis: int,
    *,
    allow_negative_indices: bool = True,
) -> Any:
    """Replace elements along `axis` from `start_index` by `update`; see `dynamic_update_slice`."""
    x = as_value(operand)
    axis = canonical_axis("dynamic_update_slice_in_dim", axis, x.ndim)
    starts: list[Any] = [0] * x.ndim
    starts[axis] = start_index
    return dynamic_update_slice(x, update, starts, allow_negative_indices=allow_negative_indices)


def dynamic_update_index_in_dim(
    operand: Any,
    update: Any,
    index: Any,
    axis: int,
    *,
    allow_negative_indices: bool = True,
) -> Any:
    """Replace the slice of size 1 at `index` of an axis; the update may lack that axis."""
    x, update = as_value(operand), as_value(update)
    axis = canonical_axis("dynamic_update_index_in_dim", axis, x.ndim)
    if update.ndim != x.ndim:
        fits = update.ndim == x.ndim - 1
        name = "dynamic_update_index_in_dim"
        require(fits, name, f"an update of {x.ndim - 1} or {x.ndim} axes", update.aval)
        places = tuple(k + (k >= axis) for k in range(update.ndim))
        update = BroadcastInDim(inserted(update.shape, axis, 1), places)(update)
    return dynamic_update_slice_in_dim(
        x, update, index, axis, allow_negative_indices=allow_negative_indices
    )
