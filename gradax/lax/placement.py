"""Where the windows of gathers and scatters lie: dimension numbers, modes, index arithmetic."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from functools import cached_property, lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from gradax import dtypes, kernel
from gradax.core.aval import Aval, Shape
from gradax.core.op import Op
from gradax.errors import DtypeError, at_user_line, require
from gradax.records import record


class GatherScatterMode(enum.Enum):
    """What an index outside the array means.

    CLIP: the nearest one whose window is inside. FILL_OR_DROP: reading gives the fill value,
    writing does nothing. PROMISE_IN_BOUNDS: there is none (one read is clipped, one written is
    dropped). ONE_HOT: reading gives zero, writing does nothing.
    """

    CLIP = 1
    FILL_OR_DROP = 2
    PROMISE_IN_BOUNDS = 3
    ONE_HOT = 4

    @property
    def clips(self) -> bool:
        """Whether an index outside reads the nearest element."""
        return self in (GatherScatterMode.CLIP, GatherScatterMode.PROMISE_IN_BOUNDS)

    @staticmethod
    def from_any(mode: str | GatherScatterMode | None) -> GatherScatterMode:
        """Return the mode of a name; None is FILL_OR_DROP.

        Errors: ValueError for an unknown one.
        """
        if isinstance(mode, GatherScatterMode):
            return mode
        if mode in _MODES:
            return _MODES[mode]
        raise ValueError(
            f"Unknown gather mode {mode!r}; expected 'fill', 'drop', 'clip', 'promise_in_bounds'"
            f" or 'one_hot'{at_user_line()}"
        )


_MODES = {
    None: GatherScatterMode.FILL_OR_DROP,
    "fill": GatherScatterMode.FILL_OR_DROP,
    "drop": GatherScatterMode.FILL_OR_DROP,
    "clip": GatherScatterMode.CLIP,
    "promise_in_bounds": GatherScatterMode.PROMISE_IN_BOUNDS,
    "one_hot": GatherScatterMode.ONE_HOT,
}


class GatherDimensionNumbers(NamedTuple):
    """How a gather's axes correspond.

    offset_dims: axes of the output that run inside a window. collapsed_slice_dims: axes of the
    operand, of window size 1, that the output has not. start_index_map: the operand's axis of each
    component of an index vector (the last axis of the indices). operand_batching_dims and
    start_indices_batching_dims: axes of operand and indices that go together.
    """

    offset_dims: tuple[int, ...]
    collapsed_slice_dims: tuple[int, ...]
    start_index_map: tuple[int, ...]
    operand_batching_dims: tuple[int, ...] = ()
    start_indices_batching_dims: tuple[int, ...] = ()


class ScatterDimensionNumbers(NamedTuple):
    """How a scatter's axes correspond.

    update_window_dims: axes of the updates that run inside a window. inserted_window_dims: axes of
    the operand, of window size 1, that the updates have not. scatter_dims_to_operand_dims: the
    operand's axis of each component of an index vector.
    """

    update_window_dims: Sequence[int]
    inserted_window_dims: Sequence[int]
    scatter_dims_to_operand_dims: Sequence[int]
    operand_batching_dims: Sequence[int] = ()
    scatter_indices_batching_dims: Sequence[int] = ()


def as_gather_numbers(d: ScatterDimensionNumbers) -> GatherDimensionNumbers:
    """Return the dimension numbers with which a gather reads what a scatter writes."""
    return GatherDimensionNumbers(*(tuple(field) for field in d))


def as_scatter_numbers(d: GatherDimensionNumbers) -> ScatterDimensionNumbers:
    """Return the dimension numbers with which a scatter writes what a gather reads."""
    return ScatterDimensionNumbers(*d)


def canonical_numbers(d: Any) -> Any:
    """Return dimension numbers whose fields are tuples of Python integers."""
    return type(d)(*(tuple(int(k) for k in field) for field in d))


@record
class Placement:
    """Where the windows of an `operand` lie in the array of all of them.

    windows: the shape of that array, a gather's output or a scatter's updates; sizes: the extents
    of a window, for each axis of the operand.
    """

    operand: Shape
    windows: Shape
    sizes: Shape
    numbers: GatherDimensionNumbers

    @cached_property
    def batch_dims(self) -> tuple[int, ...]:
        """The axes of `windows` that run over the index vectors."""
        return tuple(k for k in range(len(self.windows)) if k not in self.numbers.offset_dims)

    @cached_property
    def window_dims(self) -> tuple[int, ...]:
        """The axes of the operand that run inside a window, as the `offset_dims` do."""
        d = self.numbers
        absent = (*d.collapsed_slice_dims, *d.operand_batching_dims)
        return tuple(k for k in range(len(self.operand)) if k not in absent)

    @cached_property
    def batching(self) -> tuple[tuple[int, int], ...]:
        """Pairs (axis of the operand, axis of the indices) that go together."""
        d = self.numbers
        pairs = zip(d.operand_batching_dims, d.start_indices_batching_dims, strict=True)
        return tuple(pairs)

    @cached_property
    def tops(self) -> tuple[int, ...]:
        """The largest start that keeps the window inside, for each component of an index vector."""
        return tuple(self.operand[d] - self.sizes[d] for d in self.numbers.start_index_map)

    @cached_property
    def take_axis(self) -> int | None:
        """The axis on which windows have size 1 where they are whole on all others, else None."""
        d = self.numbers
        if len(d.start_index_map) != 1 or d.collapsed_slice_dims != d.start_index_map:
            return None
        whole = all(self.sizes[k] == self.operand[k] for k in self.window_dims)
        return d.start_index_map[0] if whole and not self.batching else None

    @cached_property
    def take_order(self) -> tuple[int, ...] | None:
        """How the axes of NumPy's take along `take_axis` become those of `windows`; None: as is."""
        axis, n_batch, ndim = self.take_axis, len(self.batch_dims), len(self.windows)
        assert axis is not None
        windows = iter([*range(axis), *range(axis + n_batch, ndim)])
        batch = iter(range(axis, axis + n_batch))
        offsets = self.numbers.offset_dims
        order = tuple(next(windows) if k in offsets else next(batch) for k in range(ndim))
        return None if order == tuple(range(ndim)) else order

    @cached_property
    def is_single(self) -> bool:
        """Whether there is at most one window (for each element of batching axes)."""
        together = self.numbers.start_indices_batching_dims
        free = [self.windows[d] for j, d in enumerate(self.batch_dims) if j not in together]
        return prod(free) <= 1

    def locate(
        self, indices: kernel.Tensor, i: Sequence[kernel.Scalar], clip: bool
    ) -> tuple[list[kernel.Scalar], kernel.Scalar | None]:
        """Return the place in the operand of the element `i` of the windows, and its guard."""
        batch = [i[d] for d in self.batch_dims]
        zero = kernel.const(0, kernel.INT)
        places: list[kernel.Scalar] = [zero] * len(self.operand)
        guard: kernel.Scalar | None = None
        parts = zip(self.numbers.start_index_map, self.tops, strict=True)
        for k, (d, top) in enumerate(parts):
            start = start_of(indices[[*batch, kernel.const(k, kernel.INT)]])
            if clip:
                start = kernel.clamp(start, 0, top)
            else:
                guard = kernel.both(guard, kernel.in_range(start, top + 1))
            places[d] = start
        for d, j in self.batching:
            places[d] = batch[j]
        for d, k in zip(self.window_dims, self.numbers.offset_dims, strict=True):
            places[d] = places[d] + i[k]
        return places, guard

    def starts(self, indices: Any, clip: bool) -> tuple[Any, Any]:
        """Return index vectors (int64) that are inside, and where they were: None is everywhere."""
        starts = as_int64(indices)
        is_inside = (starts >= 0) & (starts <= self.tops)
        if is_inside.all():
            return starts, None
        if clip:
            return np.minimum(np.maximum(starts, 0), self.tops), None
        inside = is_inside.all(axis=-1)
        return np.where(inside[..., None], starts, 0), inside

    def flat(self, starts: Any) -> Any:
        """Return the row-major places in the operand of all elements of the windows."""
        steps = [prod(self.operand[d + 1 :]) for d in range(len(self.operand))]
        flat = np.zeros(starts.shape[:-1], np.int64)
        for k, d in enumerate(self.numbers.start_index_map):
            flat += starts[..., k] * steps[d]
        for d, j in self.batching:
            flat += along(np.arange(flat.shape[j]) * steps[d], j, flat.ndim)
        flat = self.spread(flat)
        for d, k in zip(self.window_dims, self.numbers.offset_dims, strict=True):
            flat = flat + along(np.arange(self.windows[k]) * steps[d], k, flat.ndim)
        return np.broadcast_to(flat, self.windows)

    def spread(self, values: Any) -> Any:
        """Give an array over the index vectors axes of 1 for those of the windows."""
        return np.expand_dims(values, self.numbers.offset_dims)

    def box(self, starts: Any) -> tuple[Any, ...]:
        """Return the one window of a placement without batching axes, as slices."""
        begin = [0] * len(self.operand)
        vector = starts.reshape(-1).tolist()
        for d, start in zip(self.numbers.start_index_map, vector, strict=True):
            begin[d] = start
        return *(slice(b, b + n) for b, n in zip(begin, self.sizes, strict=True)), ...


@lru_cache(maxsize=4096)
def placed(
    operand: Shape, windows: Shape, sizes: Shape, numbers: GatherDimensionNumbers
) -> Placement:
    """Return a placement; the same one for the same arguments."""
    return Placement(operand, windows, sizes, numbers)


def along(values: Any, axis: int, ndim: int) -> Any:
    """Return a vector as an array that varies along one axis of `ndim`."""
    return values.reshape((-1, *(1,) * (ndim - 1 - axis)))


def as_int64(indices: Any) -> Any:
    """Return indices as int64; an unsigned one that does not fit becomes the largest."""
    if indices.dtype == np.uint64:
        return np.minimum(indices, np.uint64(np.iinfo(np.int64).max)).astype(np.int64)
    return indices.astype(np.int64)


def start_of(index: kernel.Scalar) -> kernel.Scalar:
    """Return an index as a position; an unsigned one that does not fit becomes the largest."""
    if index.dtype == np.uint64:
        index = kernel.apply("min", index, np.iinfo(np.int64).max)
    return kernel.convert(index, kernel.INT)


def check_indices(op: Op, operand: Aval, indices: Aval, d: GatherDimensionNumbers) -> None:
    """Check the parts of dimension numbers that gathers and scatters share."""
    if not dtypes.issubdtype(indices.dtype, np.integer):
        raise DtypeError(f"{op.name}: indices must be integers; got {indices}{at_user_line()}")
    require(indices.ndim > 0, op, "indices with a last axis for the index vectors", indices)
    n, n_batch = indices.shape[-1], indices.ndim - 1
    expected = f"a start_index_map of {n} axes, the size of axis -1 of {indices}"
    require(len(d.start_index_map) == n, op, expected, d.start_index_map)
    for dims in (d.start_index_map, (*d.collapsed_slice_dims, *d.operand_batching_dims)):
        fits = all(0 <= k < operand.ndim for k in dims) and len(set(dims)) == len(dims)
        require(fits, op, f"distinct axes of the operand {operand}", dims)
    overlap = set(d.start_index_map) & set(d.operand_batching_dims)
    require(not overlap, op, "a start_index_map without operand_batching_dims", *overlap)
    for dims in (d.offset_dims, d.collapsed_slice_dims, d.operand_batching_dims):
        require(tuple(sorted(dims)) == tuple(dims), op, "sorted dimension numbers", dims)
    first, second = d.operand_batching_dims, d.start_indices_batching_dims
    require(len(first) == len(second), op, "as many batching axes of both", first, second)
    fits = all(0 <= k < n_batch for k in second) and len(set(second)) == len(second)
    require(fits, op, f"distinct batching axes of the indices {indices}", second)
    agree = all(operand.shape[a] == indices.shape[b] for a, b in zip(first, second, strict=True))
    require(agree, op, "batching axes of equal sizes", operand, indices)


def mapped_numbers(
    d: GatherDimensionNumbers, operand: bool, indices: bool
) -> GatherDimensionNumbers:
    """Return the dimension numbers when operand, indices or both have one more, first, axis."""
    axis = int(operand)
    batching = [k + axis for k in d.operand_batching_dims]
    together = [k + int(indices) for k in d.start_indices_batching_dims]
    offsets = [k + 1 for k in d.offset_dims]
    if operand and indices:
        batching, together = [0, *batching], [0, *together]
    elif operand:
        offsets = [0, *offsets]
    return GatherDimensionNumbers(
        tuple(offsets),
        tuple(k + axis for k in d.collapsed_slice_dims),
        tuple(k + axis for k in d.start_index_map),
        tuple(batching),
        tuple(together),
    )
