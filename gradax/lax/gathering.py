"""Reading and adding at many places: gather and its transpose, scatter-add."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any, ClassVar, final

import ml_dtypes
import numpy as np

from gradax import dtypes, kernel
from gradax.core.aval import Aval
from gradax.core.op import Op, operation
from gradax.core.tangent import Zero, is_linear, is_zero
from gradax.core.value import as_value
from gradax.errors import require
from gradax.lax.arithmetic import Add, Rem
from gradax.lax.comparison import Lt, SelectN, zeros
from gradax.lax.families import ANY, NUMBER, check_dtype, check_same_dtype, tangent_like
from gradax.lax.joining import Concatenate, mapped_first
from gradax.lax.placement import (
    GatherDimensionNumbers,
    GatherScatterMode,
    Placement,
    ScatterDimensionNumbers,
    as_gather_numbers,
    as_int64,
    as_scatter_numbers,
    canonical_numbers,
    check_indices,
    mapped_numbers,
    placed,
)
from gradax.lax.shapes import BroadcastInDim, move_batch_axis
from gradax.lax.slicing import static_ints
from gradax.records import replace

CLIP = GatherScatterMode.CLIP
FILL = GatherScatterMode.FILL_OR_DROP
PROMISE = GatherScatterMode.PROMISE_IN_BOUNDS
ONE_HOT = GatherScatterMode.ONE_HOT


@final
@operation
class Gather(Op):
    """Read a window of `slice_sizes` of the operand at each index vector.

    Shapes: operand: T[s], indices: int[b, n] -> T[b and the windows' axes at offset_dims].
    Modes: see `GatherScatterMode`; `fill_value` None is NaN, the least signed integer, the largest
        unsigned one, True.
    """

    dimension_numbers: GatherDimensionNumbers
    slice_sizes: tuple[int, ...]
    indices_are_sorted: bool = False
    unique_indices: bool = False
    mode: GatherScatterMode = PROMISE
    fill_value: Any = None

    def placement(self, operand: tuple[int, ...], indices: tuple[int, ...]) -> Placement:
        """Return where the windows lie."""
        d = self.dimension_numbers
        absent = (*d.collapsed_slice_dims, *d.operand_batching_dims)
        kept = iter([n for k, n in enumerate(self.slice_sizes) if k not in absent])
        batch = iter(indices[:-1])
        n_out = len(indices) - 1 + len(d.offset_dims)
        windows = tuple(next(kept) if k in d.offset_dims else next(batch) for k in range(n_out))
        return placed(operand, windows, self.slice_sizes, d)

    def infer(self, *avals: Aval) -> Aval:
        x, indices = avals
        d, sizes = self.dimension_numbers, self.slice_sizes
        check_indices(self, x, indices, d)
        require(len(sizes) == x.ndim, self, f"a slice size for each axis of {x}", sizes)
        fits = all(0 <= n <= m for n, m in zip(sizes, x.shape, strict=True))
        require(fits, self, f"slice sizes from 0 to those of {x}", sizes)
        thin = all(sizes[k] <= 1 for k in (*d.collapsed_slice_dims, *d.operand_batching_dims))
        require(thin, self, "slice sizes of 1 on collapsed and batching axes", sizes)
        n_windows = x.ndim - len(d.collapsed_slice_dims) - len(d.operand_batching_dims)
        require(len(d.offset_dims) == n_windows, self, f"{n_windows} offset_dims", d.offset_dims)
        n_out = indices.ndim - 1 + n_windows
        inside = all(0 <= k < n_out for k in d.offset_dims)
        require(inside, self, f"offset_dims from 0 to {n_out - 1}", d.offset_dims)
        return x.update(shape=self.placement(x.shape, indices.shape).windows)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out, dx = self(*primals), tangents[0]
        if is_zero(dx):
            return out, Zero(tangent_like(out))
        return out, replace(self, fill_value=0)(dx, primals[1])

    def transpose(self, ct: Any, *operands: Any) -> Any:
        x, indices = operands
        add = ScatterAdd(
            as_scatter_numbers(self.dimension_numbers),
            self.indices_are_sorted,
            self.unique_indices,
            self.mode,
        )
        return add(zeros(x.aval), indices, ct), None

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        x, indices = (
            a if d is None else move_batch_axis(a, d, 0) for a, d in zip(args, dims, strict=True)
        )
        is_x, is_indices = (d is not None for d in dims)
        sizes = self.slice_sizes
        if is_x:
            n = x.shape[0]
            sizes = (min(n, 1) if is_indices else n, *sizes)
        op = replace(
            self,
            dimension_numbers=mapped_numbers(self.dimension_numbers, is_x, is_indices),
            slice_sizes=sizes,
            indices_are_sorted=self.indices_are_sorted and not (is_indices and not is_x),
            unique_indices=self.unique_indices and (is_x or not is_indices),
        )
        return op(x, indices), 0

    def filling(self, dtype: Any) -> Any:
        """Return what is read outside the operand."""
        if self.mode is ONE_HOT:
            return 0
        return default_fill(dtype) if self.fill_value is None else self.fill_value

    def lower(self, *operands: kernel.Tensor) -> Any:
        x, indices = operands
        where = self.placement(x.shape, indices.shape)
        fill = kernel.const(self.filling(x.dtype), x.dtype)
        if x.size == 0:
            return kernel.compute(where.windows, lambda *i: fill)

        def element(*i: kernel.Scalar) -> kernel.Scalar:
            places, guard = where.locate(indices, i, self.mode.clips)
            element = kernel.load(x, places, guard)
            return element if guard is None else kernel.select(guard, element, fill)

        return kernel.compute(where.windows, element)

    def reference(self, *operands: Any) -> Any:
        x, indices = operands
        where = self.placement(x.shape, indices.shape)
        if x.size == 0 or prod(where.windows) == 0:
            return np.full(where.windows, self.fill_element(x.dtype))
        clips = self.mode.clips
        if clips and where.take_axis is not None:
            return taken(where, x, as_int64(indices[..., 0]))
        starts, inside = where.starts(indices, clips)
        if where.is_single and not where.batching:
            out = x[where.box(starts)].reshape(where.windows)
        elif where.take_axis is not None:
            out = taken(where, x, starts[..., 0])
        else:
            out = np.take(x.reshape(-1), where.flat(starts))
        if inside is None:
            return out
        return np.where(where.spread(inside), out, self.fill_element(x.dtype))

    def fill_element(self, dtype: Any) -> Any:
        """Return what is read outside the operand as a NumPy scalar."""
        with np.errstate(all="ignore"):
            return np.asarray(self.filling(dtype)).astype(dtype)


def default_fill(dtype: Any) -> Any:
    """Return what a gather reads outside an array of `dtype`."""
    if dtypes.issubdtype(dtype, np.inexact):
        return np.nan
    if dtype == np.bool_:
        return True
    info = ml_dtypes.iinfo(dtype)
    return int(info.min) if info.min < 0 else int(info.max)


def taken(where: Placement, x: Any, places: Any) -> Any:
    """Take clipped places along the one axis of a placement that has a `take_axis`."""
    out = np.take(x, places, where.take_axis, mode="clip")
    return out if where.take_order is None else np.transpose(out, where.take_order)


@lru_cache(maxsize=4096)
def placed_updates(
    numbers: ScatterDimensionNumbers, operand: tuple[int, ...], updates: tuple[int, ...]
) -> Placement:
    """Return where the windows of a scatter lie."""
    d = as_gather_numbers(numbers)
    absent = (*d.collapsed_slice_dims, *d.operand_batching_dims)
    extents = iter([updates[k] for k in d.offset_dims])
    sizes = tuple(min(n, 1) if k in absent else next(extents) for k, n in enumerate(operand))
    return placed(operand, updates, sizes, d)


@operation
class ScatterFamily(Op):
    """Combine the window of each index vector with updates; of equal places, in row-major order.

    Shapes: operand: T[s], indices: int[b, n], updates: T[b and windows' axes] -> T[s].
    Modes: see `GatherScatterMode`; a window that is not wholly inside is dropped (CLIP: moved).
    """

    dimension_numbers: ScatterDimensionNumbers
    indices_are_sorted: bool = False
    unique_indices: bool = False
    mode: GatherScatterMode = FILL

    fn: ClassVar[str | None] = None
    numpy: ClassVar[Any] = None
    accepts: ClassVar[str] = ANY

    def placement(self, operand: tuple[int, ...], updates: tuple[int, ...]) -> Placement:
        """Return where the windows lie."""
        return placed_updates(self.dimension_numbers, operand, updates)

    def infer(self, *avals: Aval) -> Aval:
        x, indices, updates = avals
        d = as_gather_numbers(self.dimension_numbers)
        check_dtype(self, self.accepts, x)
        check_same_dtype(self, x, updates)
        check_indices(self, x, indices, d)
        n_windows = x.ndim - len(d.collapsed_slice_dims) - len(d.operand_batching_dims)
        fits = len(d.offset_dims) == n_windows
        require(fits, self, f"{n_windows} update_window_dims", d.offset_dims)
        ndim = indices.ndim - 1 + n_windows
        require(updates.ndim == ndim, self, f"updates of {ndim} axes", updates)
        inside = all(0 <= k < ndim for k in d.offset_dims)
        require(inside, self, f"update_window_dims from 0 to {ndim - 1}", d.offset_dims)
        where = self.placement(x.shape, updates.shape)
        fits = all(n <= m for n, m in zip(where.sizes, x.shape, strict=True))
        require(fits, self, f"windows of the updates inside the operand {x}", updates)
        batch = tuple(updates.shape[k] for k in where.batch_dims)
        expected = f"updates whose other axes are those of the indices, {indices.shape[:-1]}"
        require(batch == indices.shape[:-1], self, expected, batch)
        return x

    def is_unique(self, where: Placement) -> bool:
        """Tell whether no place is written twice."""
        return where.is_single or (self.unique_indices and self.mode is not CLIP)

    def reader(self, where: Placement) -> Gather:
        """Return the gather that reads the places written, 0 where nothing is."""
        mode = CLIP if self.mode is CLIP else FILL
        unique = self.unique_indices and mode is FILL
        return Gather(where.numbers, where.sizes, self.indices_are_sorted, unique, mode, 0)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        x, indices, updates = args
        size = next(a.shape[d] for a, d in zip(args, dims, strict=True) if d is not None)
        is_mapped = dims[1] is not None
        x, updates = mapped_first((x, updates), (dims[0], dims[2]), size)
        if dims[1] is not None:
            indices = move_batch_axis(indices, dims[1], 0)
        numbers = mapped_numbers(as_gather_numbers(self.dimension_numbers), True, is_mapped)
        op = replace(self, dimension_numbers=as_scatter_numbers(numbers))
        return op(x, indices, updates), 0

    def lower(self, *operands: kernel.Tensor) -> Any:
        x, indices, updates = operands
        if x.size == 0 or updates.size == 0:
            return x
        where = self.placement(x.shape, updates.shape)
        i = tuple(map(kernel.index, range(updates.ndim)))
        places, guard = where.locate(indices, i, self.mode is CLIP)
        rule = self.rule(kernel.slot(0, x.dtype), kernel.slot(1, x.dtype))
        unique = self.is_unique(where)
        node = kernel.Update(x, updates.shape, places, updates[i], guard, rule, unique)
        return kernel.one_result(node)

    def rule(self, old: kernel.Scalar, new: kernel.Scalar) -> kernel.Scalar | None:
        """Return how an element and its update combine; None: the update replaces it."""
        if self.fn is None:
            return None
        fn = {"max": "or", "min": "and"}.get(self.fn, self.fn) if old.dtype == np.bool_ else self.fn
        return kernel.apply(fn, old, new)

    def reference(self, *operands: Any) -> Any:
        x, indices, updates = operands
        where = self.placement(x.shape, updates.shape)
        out = np.array(x, order="C")
        if updates.size == 0 or x.size == 0:
            return out
        starts, inside = where.starts(indices, self.mode is CLIP)
        with np.errstate(all="ignore"):
            if where.is_single and not where.batching:
                if inside is None:
                    box = out[where.box(starts)]
                    self.write(box, ..., updates.reshape(box.shape), True)
                return out
            if where.take_axis is not None and where.take_order is None and inside is None:
                rows: Any = (*(slice(None),) * where.take_axis, starts[..., 0])
                self.write(out, rows, updates, self.is_unique(where))
                return out
            places = where.flat(starts).reshape(-1)
            updates = updates.reshape(-1)
            if inside is not None:
                kept = np.broadcast_to(where.spread(inside), where.windows).reshape(-1)
                places, updates = places[kept], updates[kept]
            self.write(out.reshape(-1), places, updates, self.is_unique(where))
        return out

    def write(self, out: Any, places: Any, updates: Any, unique: bool) -> None:
        """Combine updates into a NumPy array, in order."""
        if self.numpy is None:
            out[places] = updates
        elif unique:
            out[places] = self.numpy(out[places], updates)
        else:
            self.numpy.at(out, places, updates)


def or_zeros(tangent: Any) -> Any:
    """Return a tangent as a value."""
    return zeros(tangent.aval) if is_zero(tangent) else tangent


@operation
class LinearScatter(ScatterFamily):
    """A scatter that is linear in operand and updates together."""

    accepts = NUMBER

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out = self(*primals)
        dx, _, du = tangents
        if is_zero(dx) and is_zero(du):
            return out, Zero(tangent_like(out))
        return out, self(or_zeros(dx), primals[1], or_zeros(du))


@final
@operation
class ScatterAdd(LinearScatter):
    """Add updates to the windows at index vectors."""

    name = "scatter-add"
    fn = "add"
    numpy = np.add

    def transpose(self, ct: Any, *operands: Any) -> Any:
        x, indices, updates = operands
        read = None
        if is_linear(updates):
            where = self.placement(ct.shape, updates.aval.shape)
            read = self.reader(where)(ct, indices)
        return ct if is_linear(x) else None, None, read


def gather(
    operand: Any,
    start_indices: Any,
    dimension_numbers: GatherDimensionNumbers,
    slice_sizes: Any,
    *,
    unique_indices: bool = False,
    indices_are_sorted: bool = False,
    mode: str | GatherScatterMode | None = None,
    fill_value: Any = None,
) -> Any:
    """Read a window of `slice_sizes` of `operand` at each index vector (last axis of the indices).

    Shapes: T[s], int[b, n] -> T[b and the windows' axes at offset_dims].
    Errors: TypeError for dimension numbers or sizes that do not fit.
    """
    if fill_value is not None:
        fill_value = np.asarray(fill_value)[()].item()
    op = Gather(
        canonical_numbers(dimension_numbers),
        static_ints("gather", slice_sizes),
        bool(indices_are_sorted),
        bool(unique_indices),
        PROMISE if mode is None else GatherScatterMode.from_any(mode),
        fill_value,
    )
    return op(as_value(operand), as_value(start_indices))


def index_take(src: Any, idxs: Any, axes: Any) -> Any:
    """Return the slices of `src` at positions `idxs[k]` of `axes[k]`, counted modulo its size.

    Shapes: T[s], int[n] for each axis -> T[n, s without axes].
    """
    x = as_value(src)
    axes = static_ints("index_take", axes)
    columns: list[Any] = []
    for k, axis in zip(idxs, axes, strict=True):
        k = as_value(k)
        places = modulo(k, max(x.shape[axis], 1))
        columns.append(BroadcastInDim((*k.shape, 1), tuple(range(k.ndim)))(places))
    vectors = columns[0] if len(columns) == 1 else Concatenate(1)(*columns)
    sizes = tuple(1 if k in axes else n for k, n in enumerate(x.shape))
    offsets = tuple(range(1, x.ndim - len(axes) + 1))
    numbers = GatherDimensionNumbers(offsets, tuple(sorted(axes)), axes)
    return Gather(numbers, sizes)(x, vectors)


def modulo(k: Any, n: int) -> Any:
    """Return integers modulo `n`, none of them negative."""
    size, zero = np.asarray(n, k.dtype), np.zeros((), k.dtype)
    rest = Rem()(k, size)
    if dtypes.issubdtype(k.dtype, np.unsignedinteger):
        return rest
    return SelectN()(Lt()(rest, zero), rest, Add()(rest, size))


def take_along_axis(x: Any, indices: Any, axis: int) -> Any:
    """Return `x` at `indices` along `axis`, at their own places along all others; clipped.

    Shapes: x: T[s], indices: int[s with any n at axis] -> T[that].
    """
    others = tuple(k for k in range(x.ndim) if k != axis)
    numbers = GatherDimensionNumbers((), (axis,), (axis,), others, others)
    vectors = BroadcastInDim((*indices.shape, 1), tuple(range(indices.ndim)))(indices)
    sizes = tuple(min(n, 1) for n in x.shape)
    return Gather(numbers, sizes)(x, vectors)
