"""Reading parts of arrays: `x[idx]`.

Static indices are slices; computed integers are dynamic slices; index arrays are gathers.
Source: NumPy's indexing semantics, but that indices outside the array are clipped unless `mode`
says other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, final

import numpy as np

from gradax import dtypes
from gradax.config import current
from gradax.core.op import Op
from gradax.core.value import as_value
from gradax.core.watch import watch
from gradax.errors import IndexingError, at_user_line
from gradax.lax.arithmetic import Add, Mul
from gradax.lax.comparison import Lt, SelectN
from gradax.lax.convert import ConvertElementType, scalar_of
from gradax.lax.creation import Iota
from gradax.lax.dynamic_slicing import DynamicSlice, counted_from_end
from gradax.lax.gathering import PROMISE, Gather
from gradax.lax.joining import Concatenate
from gradax.lax.placement import GatherDimensionNumbers, GatherScatterMode
from gradax.lax.shapes import BroadcastInDim, Reshape, Squeeze, broadcast_scalar
from gradax.lax.slicing import Rev, Slice
from gradax.native import get_trace
from gradax.numpy.dynamic_slices import first_slice, parted, taken
from gradax.numpy.indices import (
    Entries,
    Entry,
    NewAxis,
    Places,
    Point,
    Shape,
    Span,
    from_known,
    is_number,
    known_index,
    parse,
)
from gradax.numpy.promotion import joint_shape
from gradax.records import record
from gradax.sizes import has_open, is_open

INT32 = np.dtype(np.int32)
INT64 = np.dtype(np.int64)
MAX_INT32 = int(np.iinfo(INT32).max)


def index(x: Any, idx: Any) -> Any:
    """Return `x[idx]` for an array or tracer."""
    key = known_index(idx)
    if key is None or current.strict:
        return get(x, idx)
    for op in static_plan(x.shape, key):
        x = op(x)
    return x


def get(
    x: Any,
    idx: Any,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
    fill_value: Any = None,
    wrap_negative_indices: bool = True,
) -> Any:
    """Return `x[idx]`; see `GatherScatterMode` for `mode`, None being PROMISE_IN_BOUNDS."""
    if (k := first_slice(idx)) is not None:
        part, axis, idx = parted(x, idx, k)
        x = taken(x, part, axis)
        return get(
            x, idx, indices_are_sorted=indices_are_sorted, unique_indices=unique_indices,
            mode=mode, fill_value=fill_value, wrap_negative_indices=wrap_negative_indices,
        )  # fmt: skip
    parsed = parse(x.shape, idx)
    checked = mode is None and current.strict and watch.places is not None
    if checked and watch.known_places is not None:
        watch.known_places(parsed)
    how = PROMISE if mode is None else GatherScatterMode.from_any(mode)
    if parsed.shape != x.shape:
        x = Reshape(parsed.shape)(x)
    if parsed.is_static and (how.clips or all_inside(parsed)) and wrap_negative_indices:
        return run(slicing_plan(parsed), x)
    x, parsed = apart(x, parsed)
    if how.clips and wrap_negative_indices and not has_arrays(parsed) and not checked:
        return dynamic(x, parsed)
    layout = lay_out(parsed, wrap_negative_indices)
    if checked and watch.places is not None:
        watch.places(x.shape, layout)
    op = Gather(
        layout.numbers,
        layout.sizes,
        indices_are_sorted or layout.is_distinct,
        unique_indices or layout.is_distinct,
        how,
        None if fill_value is None else np.asarray(fill_value)[()].item(),
    )
    return finished(op(x, layout.vectors), layout.flips, layout.new)


def run(plan: Sequence[Op], x: Any) -> Any:
    """Apply operations one after another."""
    for op in plan:
        x = op(x)
    return x


@lru_cache(maxsize=8192)
def static_plan(shape: Shape, key: tuple[Any, ...]) -> tuple[Op, ...]:
    """Return the operations that a static index is."""
    return slicing_plan(parse(shape, from_known(key)))


def all_inside(parsed: Entries) -> bool:
    """Tell whether all integers of a static index are inside the array."""
    n = parsed.shape
    points = [e for e in parsed.entries if isinstance(e, Point)]
    return all(-n[e.axis] <= e.place < n[e.axis] for e in points)


def clipped(e: Point, n: int) -> int:
    """Return the element that an integer means on an axis of `n`.

    Errors: IndexError when the axis is empty.
    """
    if n == 0:
        raise IndexingError(
            f"index {e.place} is out of bounds for axis {e.axis} with size 0{at_user_line()}"
        )
    return min(max(e.place + n if e.place < 0 else e.place, 0), n - 1)


def slicing_plan(parsed: Entries) -> tuple[Op, ...]:
    """Return the operations of an index of slices, Python integers and new axes."""
    spans: list[Span] = []
    for e in parsed.entries:
        if isinstance(e, Point):
            spans.append(Span(e.axis, clipped(e, parsed.shape[e.axis]), 1, 1))
        elif isinstance(e, Span):
            spans.append(e)
    ops: list[Op] = []
    if not all(s.is_whole(n) for s, n in zip(spans, parsed.shape, strict=True)):
        ops.append(slice_of(spans))
    flips = tuple(s.axis for s in spans if s.step < 0 and s.size > 1)
    if flips:
        ops.append(Rev(flips))
    points = tuple(e.axis for e in parsed.entries if isinstance(e, Point))
    if points:
        ops.append(Squeeze(points))
    rest = [e for e in parsed.entries if not isinstance(e, Point)]
    new = tuple(k for k, e in enumerate(rest) if isinstance(e, NewAxis))
    if new:
        sizes = tuple(e.size if isinstance(e, Span) else 1 for e in rest)
        ops.append(BroadcastInDim(sizes, tuple(k for k in range(len(rest)) if k not in new)))
    return tuple(ops)


def slice_of(spans: Sequence[Span]) -> Slice:
    """Return the slice that takes spans, in the order of the array."""
    starts = tuple(s.low if s.size else 0 for s in spans)
    steps = tuple(abs(s.step) for s in spans)
    ends = zip(starts, spans, steps, strict=True)
    limits = tuple(a + (s.size - 1) * d + 1 if s.size else a for a, s, d in ends)
    if all(d == 1 or s.size <= 1 for d, s in zip(steps, spans, strict=True)):
        return Slice(starts, limits)
    return Slice(starts, limits, steps)


def apart(x: Any, parsed: Entries) -> tuple[Any, Entries]:
    """Take slices with gaps first, so that what is left of them is whole axes."""
    gaps = {e.axis: e for e in parsed.entries if isinstance(e, Span) and abs(e.step) > 1}
    if not gaps:
        return x, parsed
    spans = [gaps.get(k, Span(k, 0, n, 1)) for k, n in enumerate(parsed.shape)]
    x = slice_of(spans)(x)
    entries: list[Entry] = []
    for e in parsed.entries:
        if isinstance(e, Span) and e.axis in gaps:
            first, step = (0, 1) if e.step > 0 else (e.size - 1, -1)
            e = Span(e.axis, first, e.size, step)
        entries.append(e)
    return x, Entries(x.shape, tuple(entries), parsed.together)


def has_arrays(parsed: Entries) -> bool:
    """Tell whether there is an index array of rank 1 or more."""
    return any(isinstance(e, Places) for e in parsed.entries)


def dynamic(x: Any, parsed: Entries) -> Any:
    """Take computed integers and slices without gaps by one dynamic slice."""
    taken = [e for e in parsed.entries if isinstance(e, (Point, Span))]
    dtype = vector_dtype([e.place for e in taken if isinstance(e, Point)], parsed.shape)
    starts: list[Any] = []
    sizes: list[int] = []
    for e, n in zip(taken, parsed.shape, strict=True):
        if isinstance(e, Span):
            starts.append(scalar_of(e.low if e.size else 0, dtype))
            sizes.append(e.size)
        else:
            starts.append(dynamic_start(e, n, dtype))
            sizes.append(1)
    out = DynamicSlice(tuple(sizes))(x, *starts)
    flips = tuple(e.axis for e in taken if isinstance(e, Span) and e.step < 0)
    out = Rev(flips)(out) if flips else out
    out = Squeeze(tuple(e.axis for e in taken if isinstance(e, Point)))(out)
    rest = [e for e in parsed.entries if not isinstance(e, Point)]
    return finished(out, (), tuple(k for k, e in enumerate(rest) if isinstance(e, NewAxis)))


def dynamic_start(e: Point, n: int, dtype: Any) -> Any:
    """Return the start of a dynamic slice at an integer."""
    place = e.place
    if is_number(place):
        return scalar_of(clipped(e, n), dtype)
    if place.dtype != dtype:
        place = ConvertElementType(dtype)(place)
    return counted_from_end("index", place, n, dtype, True)


def finished(out: Any, flips: tuple[int, ...], new: tuple[int, ...]) -> Any:
    """Reverse axes, then insert new ones."""
    out = Rev(flips)(out) if flips else out
    if not new:
        return out
    ndim = out.ndim + len(new)
    kept = tuple(k for k in range(ndim) if k not in new)
    sizes = iter(out.shape)
    return BroadcastInDim(tuple(1 if k in new else next(sizes) for k in range(ndim)), kept)(out)


def vector_dtype(places: Sequence[Any], shape: Shape) -> Any:
    """Return the dtype of index vectors: int32 unless places or axes need int64."""
    given = {p.dtype for p in places if not is_number(p) and not isinstance(p, np.ndarray)}
    wide = INT64 in given or np.dtype(np.uint64) in given
    return INT64 if wide or any(n > MAX_INT32 for n in shape) else INT32


@final
@record
class Layout:
    """An index as a gather or scatter: where the windows are, and how they become the result.

    result: the shape of all windows; flips: its axes to reverse; new: axes to insert after that.
    is_distinct: the index vectors are in increasing order and no place comes twice.
    """

    numbers: GatherDimensionNumbers
    sizes: Shape
    vectors: Any
    result: Shape
    flips: tuple[int, ...]
    new: tuple[int, ...]
    is_distinct: bool

    @property
    def final(self) -> Shape:
        """The shape of `x[idx]`."""
        sizes = iter(self.result)
        n = len(self.result) + len(self.new)
        return tuple(1 if k in self.new else next(sizes) for k in range(n))


class Axes:
    """The axes of a gather's result while they are laid out: batch axes, window axes, new ones."""

    def __init__(self, shared: Shape) -> None:
        self.shared = shared
        self.sizes: list[int] = []
        self.batch: list[int] = []
        self.offsets: list[int] = []
        self.flips: list[int] = []
        self.new: list[int] = []
        self.windows: list[Span] = []
        self.shared_at = 0

    def add_shared(self) -> None:
        """Add the axes that index arrays have in common."""
        self.shared_at = len(self.batch)
        self.batch.extend(self.shared)
        self.sizes.extend(self.shared)

    def shared_axes(self, ndim: int) -> tuple[int, ...]:
        """Return the batch axes of an index array of `ndim` axes."""
        end = self.shared_at + len(self.shared)
        return tuple(range(end - ndim, end))

    def add_strided(self, span: Span) -> int:
        """Add the axis of a slice with gaps, and return which one over index vectors it is."""
        if span.step < 0:
            self.flips.append(len(self.sizes))
        self.batch.append(span.size)
        self.sizes.append(span.size)
        return len(self.batch) - 1

    def add_window(self, span: Span) -> None:
        """Add an axis inside the windows."""
        if span.step < 0 and span.size > 1:
            self.flips.append(len(self.sizes))
        self.windows.append(span)
        self.offsets.append(len(self.sizes))
        self.sizes.append(span.size)

    def add_new(self) -> None:
        """Add an axis of the result alone."""
        self.new.append(len(self.sizes) + len(self.new))


def lay_out(parsed: Entries, wraps: bool) -> Layout:
    """Return an index as a gather or scatter.

    Errors: IndexError when index arrays do not broadcast together.
    """
    pattern = tuple(pattern_of(e) for e in parsed.entries)
    frame = frame_of(parsed.shape, pattern, parsed.together)
    vectors = index_vectors(parsed, frame, wraps)
    return Layout(
        frame.numbers, frame.sizes, vectors, frame.result, frame.flips, frame.new, frame.is_distinct
    )


def pattern_of(e: Entry) -> Any:
    """Return what an entry is, without its integers."""
    if isinstance(e, Point):
        return Places(e.axis, ())
    return Places(e.axis, np.shape(e.place), e.distinct) if isinstance(e, Places) else e


@final
@record
class Frame:
    """A `Layout` without index vectors, which are made of `columns`.

    columns: for each axis in the index vectors, the number of its entry (or the places themselves,
    or the slice that they are) and the batch axes that they vary on.
    """

    numbers: GatherDimensionNumbers
    sizes: Shape
    batch: Shape
    columns: tuple[tuple[Any, tuple[int, ...]], ...]
    result: Shape
    flips: tuple[int, ...]
    new: tuple[int, ...]
    is_distinct: bool


@lru_cache(maxsize=4096)
def frame_of(shape: Shape, pattern: tuple[Any, ...], together: bool) -> Frame:
    """Lay out an index whose entries are of the given pattern."""
    arrays = [e for e in pattern if isinstance(e, Places)]
    together = together or not any(e.place for e in arrays)
    axes = Axes(common_shape([e.place for e in arrays]))
    # axis of the array: the entry that its places are of, or they themselves, and their batch axes.
    columns: dict[int, tuple[Any, tuple[int, ...]]] = {}
    if not together:
        axes.add_shared()
    for k, e in enumerate(pattern):
        if isinstance(e, NewAxis):
            axes.add_new()
        elif isinstance(e, Places):
            if together and e is arrays[0]:
                axes.add_shared()
            columns[e.axis] = k, axes.shared_axes(len(e.place))
        elif abs(e.step) > 1 and e.size > 1:
            columns[e.axis] = places_of(e, e.size), (axes.add_strided(e),)
        else:
            axes.add_window(e)
            if e.size and e.low:
                columns[e.axis] = places_of(e, 0), ()
    windows = {e.axis: e.size for e in axes.windows}
    return Frame(
        GatherDimensionNumbers(
            tuple(axes.offsets),
            tuple(k for k in range(len(shape)) if k not in windows),
            tuple(sorted(columns)),
        ),
        tuple(windows.get(k, min(n, 1)) for k, n in enumerate(shape)),
        tuple(axes.batch),
        tuple(columns[k] for k in sorted(columns)),
        tuple(axes.sizes),
        tuple(axes.flips),
        tuple(axes.new),
        together and (not axes.shared or (len(arrays) == 1 and arrays[0].distinct)),
    )


def places_of(span: Span, n: Any) -> Any:
    """Return the places of a slice, the first one for n=0; a slice of open sizes as itself."""
    if is_open(n) or is_open(span.low) or is_open(span.step):
        return span
    return np.arange(n) * abs(span.step) + span.low if n else np.asarray(span.low)


def open_places_of(span: Span, is_first: bool, dtype: Any) -> Any:
    """Return the places of a slice of open sizes, or the first one."""
    low = scalar_of(span.low, dtype)
    if is_first:
        return low
    step = broadcast_scalar(scalar_of(abs(span.step), dtype), (span.size,))
    line = Mul()(Iota(dtype, (span.size,), 0)(), step)
    return Add()(line, broadcast_scalar(low, (span.size,)))


def common_shape(shapes: Sequence[Shape]) -> Shape:
    """Return the shape to which index arrays broadcast."""
    found = joint_shape(tuple(shapes))
    if found is None:
        raise IndexingError(
            f"Index arrays of shapes {', '.join(map(str, shapes))} do not broadcast together"
            f"{at_user_line()}"
        )
    return found


def index_vectors(parsed: Entries, frame: Frame, wraps: bool) -> Any:
    """Return the array of index vectors; its last axis has a place for each of `columns`."""
    shape, entries, batch = parsed.shape, parsed.entries, frame.batch
    places = [e.place for e in entries if isinstance(e, (Point, Places))]
    dtype = vector_dtype(places, shape)
    if not frame.columns:
        return np.zeros((*batch, 0), dtype)
    columns: list[tuple[Any, tuple[int, ...]]] = []
    for axis, (source, dims) in zip(frame.numbers.start_index_map, frame.columns, strict=True):
        entry: Any = entries[source] if type(source) is int else None
        place = source if entry is None else entry.place
        if isinstance(place, Span):
            columns.append((open_places_of(place, not dims, dtype), dims))
        else:
            columns.append((counted(place, shape[axis], dtype, wraps), dims))
    is_known = all(isinstance(p, np.ndarray) for p, _ in columns) and not has_open(batch)
    if is_known and (batch or get_trace() is None):
        spreads = [spread(p, dims, batch)[..., None] for p, dims in columns]
        return spreads[0] if len(spreads) == 1 else np.concatenate(spreads, axis=-1)
    parts = [BroadcastInDim((*batch, 1), dims)(p) for p, dims in columns]
    return parts[0] if len(parts) == 1 else Concatenate(len(batch))(*parts)


def spread(place: Any, dims: tuple[int, ...], batch: Shape) -> Any:
    """Broadcast a NumPy array, whose axes are `dims` of the batch axes, to all of them."""
    if place.shape == batch:
        return place
    sizes = dict(zip(dims, place.shape, strict=True))
    return np.broadcast_to(place.reshape([sizes.get(k, 1) for k in range(len(batch))]), batch)


def counted(place: Any, n: int, dtype: Any, wraps: bool) -> Any:
    """Return places on an axis of `n` in `dtype`, negative ones counted from its end."""
    if is_open(place):
        return scalar_of(place + n if wraps and place < 0 else place, dtype)
    if type(place) is int or isinstance(place, np.ndarray):
        if not (is_open(n) and np.any(np.less(place, 0))):
            return counted_now(np.asarray(place), n, dtype, wraps)
        place = as_value(place)
    negative = wraps and dtypes.issubdtype(place.dtype, np.signedinteger)
    if place.dtype != dtype:
        place = ConvertElementType(dtype)(place)
    if not negative:
        return place
    below = Lt()(place, np.zeros((), dtype))
    return SelectN()(below, place, Add()(place, scalar_of(n, dtype)))


def counted_now(place: Any, n: int, dtype: Any, wraps: bool) -> Any:
    """Do what `counted` does for a NumPy array; what `dtype` cannot hold becomes its limit."""
    given = place.dtype
    if given == np.uint64:
        place = np.minimum(place, np.uint64(np.iinfo(np.int64).max))
    place = place.astype(np.int64)
    if wraps:
        below = place < 0
        place = np.where(below, place + n, place) if below.any() else place
    if given.itemsize >= dtype.itemsize and given != dtype:
        limits = np.iinfo(dtype)
        place = np.minimum(np.maximum(place, limits.min), limits.max)
    return np.asarray(place, dtype)
