"""Make the kernel of an item: flat, collapsed, over numbered slots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from gradax.compiler.graph.ir import loads_of
from gradax.compiler.schedule.collapse import collapse
from gradax.compiler.schedule.ir import (
    Buffer,
    Fold,
    Kernel,
    Nest,
    Run,
    Scatter,
    Store,
    Sweep,
    block_count,
    slot_input,
)
from gradax.compiler.schedule.machine import Lowering, Machine, called_functions
from gradax.errors import CompileError
from gradax.kernel import Const, Prefix, Reduce, Scalar, Shape, Tensor, Update, index
from gradax.kernel.build import apply, flat_index
from gradax.kernel.functions import is_complex, real_dtype
from gradax.kernel.ir import interned
from gradax.records import replace
from gradax.sizes import has_open, likely, same, same_shape

BLOCK = 16_384
ROWS_BLOCK = 4 * BLOCK
LEAST_ROWS = 32
LANES = 8.0


class Slots:
    """Numbers the buffers that a kernel uses, in order of first use."""

    def __init__(self, buffer_of: Callable[[Tensor], Buffer]) -> None:
        self.buffer_of = buffer_of
        self.buffers: list[Buffer] = []
        self.numbers: dict[int, int] = {}
        self.mixed: set[int] = set()

    def number(self, buffer: Buffer) -> int:
        """Return the slot of a buffer."""
        k = self.numbers.get(id(buffer))
        if k is None:
            k = self.numbers[id(buffer)] = len(self.buffers)
            self.buffers.append(buffer)
        return k

    def source(self, tensor: Tensor) -> Tensor:
        """Return the slot's tensor for a tensor in memory."""
        dtype = real_dtype(tensor.dtype) if is_complex(tensor.dtype) else tensor.dtype
        number = self.number(self.buffer_of(tensor))
        if tensor.dtype != self.buffers[number].dtype:
            self.mixed.add(number)
        return slot_input(number, dtype)

    def correct(self, shifts: dict[int, int], pinned: Sequence[int] = ()) -> dict[int, int]:
        """Take from the slots to be shifted those that are `pinned` or seen as other dtypes."""
        for k in (*pinned, *self.mixed):
            shifts.pop(k, None)
        for k in tuple(shifts):
            if is_complex(self.buffers[k].dtype):
                shifts[k] -= shifts[k] % 2
        return shifts

    def parts(self, shifts: dict[int, int]) -> tuple[Buffer, ...]:
        """Return the buffers, each from where it begins to be used."""
        return tuple(
            part_from(b, shifts[k]) if shifts.get(k) else b for k, b in enumerate(self.buffers)
        )

    def dtypes(self) -> tuple[np.dtype[Any], ...]:
        """Return the dtypes of the buffers."""
        return tuple(b.dtype for b in self.buffers)


def part_from(buffer: Buffer, shift: int) -> Buffer:
    """Return what begins `shift` elements (parts of complex ones) into a buffer."""
    itemsize = buffer.dtype.itemsize // (2 if is_complex(buffer.dtype) else 1)
    start = shift * itemsize
    size = (buffer.nbytes - start) // buffer.dtype.itemsize
    return Buffer(buffer.dtype, size, "part", start, buffer)


def stores_of(
    slot: int, offset: Scalar, value: Machine, guard: Scalar | None = None
) -> list[Store]:
    """Return the stores of a machine value: two for a complex one."""
    if isinstance(value, Scalar):
        return [Store(slot, offset, value, guard)]
    double = apply("mul", offset, 2)
    return [
        Store(slot, double, value[0], guard),
        Store(slot, apply("add", double, 1), value[1], guard),
    ]


def row_major(shape: Shape) -> Scalar:
    """Return the flat position of a point."""
    return flat_index([index(k) for k in range(len(shape))], shape)


def cost_of(points: int, values: Sequence[Scalar]) -> float:
    """Return the rough number of vector instructions."""
    return likely(points) * (2.0 + sum(min(v.cost, 500) for v in values)) / LANES


def make_nest(
    shape: Shape,
    stores: Sequence[tuple[Buffer, Scalar, Scalar]],
    buffer_of: Callable[[Tensor], Buffer],
) -> Run:
    """Return the step that stores values (graph scalars) at offsets, at every point of `shape`."""
    slots = Slots(buffer_of)
    called = called_functions([value for _, _, value in stores])
    lowering = Lowering(slots.source, called=called)
    flat: list[Store] = []
    outs: list[Buffer] = []
    for buffer, offset, value in stores:
        machine = lowering(value)
        outs.append(buffer)
        flat.extend(stores_of(slots.number(buffer), offset, machine))
    key = (make_nest, tuple(shape), tuple(flat), slots.dtypes())
    kernel, shifts = interned.get(key, lambda: collapsed_nest(shape, flat, slots))
    cost = cost_of(prod(shape), [v for _, _, v in stores])
    return Run(kernel, slots.parts(shifts), tuple(outs), cost)


def collapsed_nest(
    shape: Shape, stores: Sequence[Store], slots: Slots
) -> tuple[Nest, dict[int, int]]:
    """Return the kernel of some stores, and by how much its slots are shifted."""
    values = [s.value for s in stores]
    collapsed = collapse([shape], values, [s.offset for s in stores], [s.slot for s in stores])
    shifts = slots.correct(collapsed.shifts)
    done = tuple(
        replace(s, offset=collapsed.move(s.offset, s.slot), value=collapsed.change(s.value))
        for s in stores
    )
    return Nest(collapsed.groups[0], done), shifts


def make_fold(
    item: Reduce,
    place: Callable[[int], Sequence[Buffer]],
    buffer_of: Callable[[Tensor], Buffer],
    cut: bool = False,
) -> Run:
    """Return the step of a reduction; `place(n)` gives the buffers of the results of n blocks.

    Without `cut` there is one block.
    """
    slots = Slots(buffer_of)
    lowering = Lowering(slots.source, [b.dtype for b in item.bodies])
    bodies = flattened([lowering(b) for b in item.bodies])
    combine = flattened([lowering(c) for c in item.combine])
    inits = tuple(c for c in flattened([lowering(c) for c in item.inits]) if isinstance(c, Const))
    key = (make_fold, item.shape, item.extents, bodies, slots.dtypes())
    (space, extents), bodies, shifts = interned.get(
        key, lambda: collapsed_fold(item.shape, item.extents, bodies, slots)
    )
    block = fold_block(space, extents) if cut else 0
    outs = place(block_count(extents[0], block) if block else 1)
    numbers = tuple(
        slots.number(out)
        for out, result in zip(outs, item.results, strict=True)
        for _ in range(2 if is_complex(result.dtype) else 1)
    )
    kernel = Fold(space, extents, combine, inits, bodies, numbers, block)
    points = prod(item.shape) * prod(item.extents)
    return Run(kernel, slots.parts(shifts), tuple(outs), cost_of(points, item.bodies))


def collapsed_fold(
    shape: Shape, extents: Shape, bodies: Sequence[Scalar], slots: Slots
) -> tuple[tuple[Shape, ...], tuple[Scalar, ...], dict[int, int]]:
    """Return a reduction's extents and bodies, and by how much its slots are shifted."""
    collapsed = collapse([shape, extents], bodies, [row_major(shape)])
    shifts = slots.correct(collapsed.shifts)
    return collapsed.groups, tuple(map(collapsed.change, bodies)), shifts


def flattened(values: Sequence[Machine]) -> tuple[Scalar, ...]:
    """Return the parts of machine values."""
    out: list[Scalar] = []
    for v in values:
        out.extend(v if isinstance(v, tuple) else (v,))
    return tuple(out)


def is_cut(item: Reduce) -> bool:
    """Tell whether a reduction is cut in blocks: a large one whose results alone are no work for
    many threads.
    """
    n_kept, n_reduced = likely(prod(item.shape)), likely(prod(item.extents))
    if n_kept <= 16:
        return n_reduced >= 4 * BLOCK or has_open(item.extents[:1])
    if (
        likely(prod(item.shape[:-1])) > 8
        or n_reduced * n_kept < 4 * ROWS_BLOCK
        or not adds_rows(item)
    ):
        return False
    return likely(item.extents[0]) >= 4 * rows_block(item.shape, item.extents)


def adds_rows(item: Reduce) -> bool:
    """Tell whether what is next to each other in memory goes to results next to each other."""
    last = index(len(item.shape) - 1)
    full = (1 << len(item.shape) + len(item.extents)) - 1
    loads = [node for node in loads_of(item.bodies) if node.axes == full]
    return bool(loads) and all(node.indices[-1] is last for node in loads)


def fold_block(shape: Shape, extents: Shape) -> int:
    """Return how much of the first reduced axis is a block."""
    if likely(prod(shape)) > 16:
        return rows_block(shape, extents)
    return max(1, BLOCK // likely(prod(extents[1:])))


def rows_block(shape: Shape, extents: Shape) -> int:
    """Return how much of the first reduced axis is a block where rows are added: LEAST_ROWS rows
    and more, since each block has results of its own.
    """
    rows = max(LEAST_ROWS, ROWS_BLOCK // likely(prod(shape)))
    return max(1, -(-rows // likely(prod(extents[1:]))))


def make_sweep(item: Prefix, out: Buffer, buffer_of: Callable[[Tensor], Buffer]) -> Run:
    """Return the step of a cumulative operation."""
    slots = Slots(buffer_of)
    lowering = Lowering(slots.source, [item.init.dtype])
    body, combine, init = (lowering(s) for s in (item.body, item.combine, item.init))
    if not isinstance(body, Scalar):
        raise CompileError("cumulative operations of complex numbers are library calls")
    assert isinstance(combine, Scalar) and isinstance(init, Const)
    shape, axis = item.shape, item.axis
    offset = row_major(shape)
    groups = [shape[:axis], shape[axis : axis + 1], shape[axis + 1 :]]
    collapsed = collapse(groups, [body], [offset])
    outer, along, inner = collapsed.groups
    number = slots.number(out)
    shifts = slots.correct(collapsed.shifts, pinned=(number,))
    along = along or (1,)
    if not collapsed.groups[1]:  # an axis of size 1 has been dropped: the prefix is the element
        store = Store(number, collapsed.move(offset, number), collapsed.change(body))
        kernel: Kernel = Nest((*outer, *inner), (store,))
    else:
        kernel = Sweep(
            (*outer, *along, *inner), len(outer), item.reverse, combine, init,
            collapsed.change(body), number,
        )  # fmt: skip
    return Run(kernel, slots.parts(shifts), (out,), cost_of(prod(shape), (item.body,)) * 4)


def is_apart(item: Update) -> bool:
    """Tell whether the first axis of an update is that of its base."""
    shape = item.base.shape
    first = item.indices[0] if item.indices else None
    return first is index(0) and bool(item.space and shape) and same(item.space[0], shape[0])


def make_scatter(item: Update, out: Buffer, buffer_of: Callable[[Tensor], Buffer]) -> Run:
    """Return the step that updates `out`, which holds the base already."""
    slots = Slots(buffer_of)
    lowering = Lowering(slots.source, [item.base.dtype])
    indices = [lowering(i) for i in item.indices]
    offset = flat_index([i for i in indices if isinstance(i, Scalar)], item.base.shape)
    value, combine = lowering(item.value), lowering(item.combine)
    guard = None if item.guard is None else lowering(item.guard)
    assert guard is None or isinstance(guard, Scalar)
    offsets = (offset,)
    if isinstance(value, tuple):
        double = apply("mul", offset, 2)
        offsets = (double, apply("add", double, 1))
    values, rules = flattened([value]), flattened([combine])
    number = slots.number(out)
    collapsed = collapse([item.space], [*values, guard], offsets, (number,) * len(offsets))
    shifts = slots.correct(collapsed.shifts)
    kernel = Scatter(
        collapsed.groups[0], number, tuple(collapsed.move(o, number) for o in offsets),
        tuple(map(collapsed.change, values)), None if guard is None else collapsed.change(guard),
        rules, item.unique, is_apart(item) and same_shape(collapsed.groups[0][:1], item.space[:1]),
    )  # fmt: skip
    points = prod(item.space)
    return Run(kernel, slots.parts(shifts), (out,), cost_of(points, (item.value,)) * 4)
