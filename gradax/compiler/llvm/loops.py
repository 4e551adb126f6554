"""Write the loops of kernels as functions `void k(ctx, env, begin, end)` over their first loop.

`env` holds the addresses of the kernel's slots. The first loop may be split over threads: its range
is begin … end; pieces of a vectorized first loop begin at multiples of the lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gradax.compiler.llvm.scalars import splat_constant
from gradax.compiler.llvm.values import Mask, Values, apply_function, lane_numbers
from gradax.compiler.llvm.writer import Writer
from gradax.compiler.options import Options
from gradax.compiler.schedule.affine import Accesses, Form, linear
from gradax.kernel import Apply, Const, Index, Scalar, Slot
from gradax.records import record
from gradax.sizes import is_open, likely

Body = Callable[[], None]
Range = tuple[str, str] | None
# What an axis is worth as the vector axis, for each access with a step along it; two apart are the
# parts of complex numbers.
STORED: dict[int | None, float] = {1: 2.0, 2: 1.5}
LOADED: dict[int | None, float] = {1: 1.0, 2: 0.75, -1: 0.75, 0: 0.5}


@record
class Shape:
    """How a kernel's loops are arranged: loops from the outermost, the vector axis, its lanes."""

    order: tuple[int, ...]
    extents: dict[int, int]
    vector_axis: int
    lanes: int


def choose_vector_axis(
    candidates: Sequence[int],
    extents: dict[int, int],
    roots: Sequence[Scalar | None],
    stores: Sequence[Scalar],
) -> int:
    """Return the axis along which most accesses are contiguous, -1 when there is none to use."""
    accesses = Accesses(roots, ())
    memo = accesses.memo
    best, best_score = -1, -1e9
    for axis in candidates:
        score = 0.0
        for offset in stores:
            score += STORED.get(step_of(offset, axis, memo), -6.0)
        for _, form in accesses.loads:
            score += LOADED.get(form.at(axis), -1.0)
        score -= 4.0 if likely(extents[axis]) < 4 else 0.0
        if score >= best_score:
            best, best_score = axis, score
    return best if best >= 0 and likely(extents[best]) > 1 else -1


def step_of(offset: Scalar, axis: int, memo: dict[Scalar, Form]) -> int | None:
    """Return the coefficient of an axis in an offset."""
    return linear(offset, memo).at(axis)


def choose_lanes(values: Sequence[Scalar | None], extent: int, options: Options) -> int:
    """Return the number of lanes: a register of the widest element that is loaded or computed.

    What all lanes share does not count, nor an index that is at once converted to a shorter
    integer.
    """
    stack = [v for v in values if v is not None]
    widest = max((min(v.dtype.itemsize, 8) for v in stack), default=1)
    seen: set[Scalar] = set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.axes or isinstance(node, Slot):
            widest = max(widest, min(node.dtype.itemsize, 8))
        if not (isinstance(node, Apply) and node.fn == "convert" and is_index(node.args[0])):
            stack.extend(getattr(node, "args", ()))
    lanes = max(2, options.vector_bytes // max(widest, 2))
    while lanes > 2 and lanes >= 2 * likely(extent):
        lanes //= 2
    return lanes


def is_index(node: Scalar) -> bool:
    """Tell the index of an axis."""
    return isinstance(node, Index)


def arrange(n_axes: int, extents: dict[int, int], vector_axis: int, lanes: int) -> Shape:
    """Return loops in order of the axes, the vector axis innermost."""
    order = [a for a in range(n_axes) if a != vector_axis]
    if vector_axis >= 0:
        order.append(vector_axis)
    return Shape(tuple(order), extents, vector_axis, lanes if vector_axis >= 0 else 1)


def combine_slots(
    w: Writer, rule: Scalar, slots: Sequence[str], lanes: int, done: dict[int, str]
) -> str:
    """Write a combining rule on registers; `done` remembers what has been written."""
    if isinstance(rule, Slot):
        return slots[rule.position]
    if isinstance(rule, Const):
        return splat_constant(rule.value, rule.dtype, lanes)
    assert isinstance(rule, Apply)
    if id(rule) not in done:
        args = [combine_slots(w, a, slots, lanes, done) for a in rule.args]
        done[id(rule)] = apply_function(w, rule, lanes, args)
    return done[id(rule)]


class LoopWriter:
    """Writes nested loops over the axes of one kernel."""

    def __init__(
        self, w: Writer, shape: Shape, pointers: dict[int, str], first: tuple[str, str] | None
    ) -> None:
        self.w, self.shape = w, shape
        depth = {axis: d for d, axis in enumerate(shape.order)}
        self.values = Values(w, pointers, depth, shape.vector_axis, shape.lanes)
        self.first = first

    def range_of(self, position: int) -> tuple[str, str]:
        """Return begin and end of a loop."""
        if position == 0 and self.first is not None:
            return self.first
        return "0", str(self.shape.extents[self.shape.order[position]])

    def nest(self, position: int, stop: int, innermost: Body) -> None:
        """Write the loops from `position` to `stop` (exclusive) around `innermost`."""
        if position == stop:
            innermost()
            return
        axis = self.shape.order[position]
        if axis == self.shape.vector_axis and self.shape.lanes > 1:
            self.vector_loop(axis, *self.range_of(position), innermost)
            return
        begin, end = self.range_of(position)

        def body(counter: str, _: list[str]) -> list[str]:
            self.values.enter(axis, counter)
            self.nest(position + 1, stop, innermost)
            self.values.leave()
            return []

        self.w.loop(begin, end, 1, [], body)

    def carried_nest(
        self,
        axes: Sequence[int],
        carried: Sequence[tuple[str, str]],
        innermost: Callable[[list[str]], list[str]],
    ) -> list[str]:
        """Write loops over all of `axes` that carry values; return the last values."""
        if not axes:
            return innermost([v for _, v in carried])
        axis = axes[0]

        def body(counter: str, values: list[str]) -> list[str]:
            self.values.enter(axis, counter)
            inner = [(t, v) for (t, _), v in zip(carried, values, strict=True)]
            out = self.carried_nest(axes[1:], inner, innermost)
            self.values.leave()
            return out

        return self.w.loop("0", str(self.shape.extents[axis]), 1, carried, body)

    def vector_loop(self, axis: int, begin: str, end: str, innermost: Body) -> None:
        """Write a loop over whole vectors and then the rest under a mask."""
        lanes = self.shape.lanes

        def inside(counter: str) -> None:
            self.values.enter(axis, counter)
            innermost()
            self.values.leave()

        def body(counter: str, _: list[str]) -> list[str]:
            inside(counter)
            return []

        extent = self.shape.extents[axis]
        whole = self.whole_end(begin, end, lanes, extent)
        self.w.loop(begin, whole, lanes, [], body)
        self.rest(whole, end, lambda: inside(whole), extent)

    def whole_end(self, begin: str, end: str, step: int, extent: int | None) -> str:
        """Return the end of the last whole step of a piece of `extent` points.

        All pieces but the last are whole steps, so that what is left of the last is known; without
        an extent pieces end anywhere.
        """
        if begin.isdigit() and end.isdigit():
            return str(int(begin) + (int(end) - int(begin)) // step * step)
        extent = None if is_open(extent) else extent
        if extent is not None and extent % step == 0:
            return end
        if extent is not None and extent < step:
            return begin
        size = self.w.emit(f"sub i64 {end}, {begin}")
        whole = self.w.emit(f"and i64 {size}, {-step}")
        return self.w.emit(f"add i64 {begin}, {whole}")

    def rest(self, whole: str, end: str, body: Body, extent: int | None) -> None:
        """Write what remains of `extent` points after the whole vectors, under a mask.

        Of the pieces of a loop only the last has a rest.
        """
        if whole == end:
            return
        lanes = self.shape.lanes
        extent = None if is_open(extent) else extent
        whole_extent = self.shape.extents[self.shape.vector_axis]
        is_known = whole.isdigit() and end.isdigit()
        n = int(end) - int(whole) if is_known else None if extent is None else extent % lanes

        def inside() -> None:
            if n is not None:
                bits = ", ".join(f"i1 {'true' if k < n else 'false'}" for k in range(lanes))
                self.masked(f"<{bits}>", body)
                return
            left = self.w.emit(f"sub i64 {end}, {whole}")
            spread = self.values.spread(left, "i64", lanes)
            mask = self.w.emit(f"icmp slt <{lanes} x i64> {lane_numbers(lanes)}, {spread}")
            self.masked(mask, body)

        if is_known or (not is_open(whole_extent) and whole_extent < lanes):
            inside()
        else:
            self.w.when(self.w.emit(f"icmp slt i64 {whole}, {end}"), inside)

    def masked(self, mask: str, body: Body) -> None:
        """Write something with only some lanes active."""
        self.values.mask = Mask(mask)
        body()
        self.values.mask = Mask()
