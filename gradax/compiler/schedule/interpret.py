"""The meaning of a schedule, in NumPy: its steps run over bytes laid out as the plan says.

Memory starts as garbage and points are visited in a random order, so that a step that reads what is
not yet written, overlapping places in the arena, and updates that read what they have overwritten
show in the results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from gradax.compiler.schedule.ir import (
    Block,
    Buffer,
    CallLibrary,
    Choose,
    Copy,
    Counter,
    Fold,
    For,
    Function,
    Invoke,
    Nest,
    Rows,
    Run,
    Scatter,
    Step,
    Swap,
    Sweep,
    slot_of,
)
from gradax.errors import InternalError
from gradax.kernel import Apply, Const, Index, Load, Scalar, Slot, slot
from gradax.kernel.functions import APPROXIMATED, is_complex, real_dtype
from gradax.kernel.interpret import arguments_of
from gradax.kernel.math import expand
from gradax.kernel.meanings import compute_apply

Array = np.ndarray[Any, Any]
# A library kernel: (operands, params, results), all flat; it writes the results.
LibraryCall = Callable[[list[Array], tuple[int, ...], list[Array]], None]

GARBAGE = 0xA5
PIECES = 3


def interpret_schedule(
    functions: Sequence[Function],
    inputs: Sequence[Array],
    libraries: Mapping[str, LibraryCall] | None = None,
    seed: int = 0,
) -> list[Array]:
    """Return the results of the last function, flat; `seed` is that of the order of points."""
    entry = functions[-1]
    outputs = [garbage(b.nbytes) for b in entry.outputs]
    run = Call({} if libraries is None else libraries, np.random.default_rng(seed))
    memory = [np.ascontiguousarray(x).reshape(-1).view(np.uint8) for x in inputs]
    run.call(entry, memory, outputs, garbage(entry.arena_bytes))
    return [m.view(b.dtype) for m, b in zip(outputs, entry.outputs, strict=True)]


def garbage(n: int) -> Array:
    """Return bytes that nothing has written yet."""
    return np.full(n, GARBAGE, np.uint8)


class Call:
    """What calls share: the libraries and the source of random orders."""

    def __init__(self, libraries: Mapping[str, LibraryCall], rng: np.random.Generator) -> None:
        self.libraries, self.rng = libraries, rng

    def call(self, function: Function, ins: list[Array], outs: list[Array], arena: Array) -> None:
        """Run a function on the bytes of its operands, results and arena."""
        Frame(self, ins, outs, arena).block(function.steps)


class Frame:
    """One call of a function: where its buffers are and its loops' counters."""

    def __init__(self, shared: Call, ins: list[Array], outs: list[Array], arena: Array) -> None:
        self.shared = shared
        self.ins, self.outs, self.arena = ins, outs, arena
        self.workspace = garbage(0)
        self.registers: dict[Buffer, Array] = {}
        self.counters: dict[Counter, int] = {}

    def bytes_of(self, buffer: Buffer) -> Array:
        """Return the bytes of a buffer."""
        if buffer.kind == "input":
            return self.ins[buffer.position]
        if buffer.kind == "output":
            return self.outs[buffer.position]
        if buffer.kind == "temp":
            if buffer.position < 0 or buffer.position + buffer.nbytes > len(self.arena):
                raise InternalError("schedule: a temporary buffer is outside the arena")
            return self.arena[buffer.position : buffer.position + buffer.nbytes]
        if buffer.kind == "private":
            return self.workspace[buffer.position : buffer.position + buffer.nbytes]
        if buffer.kind == "register":
            return self.registers.setdefault(buffer, garbage(buffer.nbytes))
        assert buffer.parent is not None, buffer.kind
        start = buffer.position
        if buffer.kind == "window":
            assert buffer.loop is not None
            start = self.counters[buffer.loop] * buffer.nbytes
        return self.bytes_of(buffer.parent)[start : start + buffer.nbytes]

    def array(self, buffer: Buffer) -> Array:
        """Return a buffer as a flat array."""
        return self.bytes_of(buffer).view(buffer.dtype)

    def block(self, steps: Block) -> None:
        """Run steps in order."""
        for step in steps:
            self.step(step)

    def step(self, step: Step) -> None:
        """Run a step."""
        if isinstance(step, Run):
            self.run(step)
        elif isinstance(step, Rows):
            self.block(list(step.runs))
        elif isinstance(step, Copy):
            self.bytes_of(step.out)[...] = self.bytes_of(step.source)
        elif isinstance(step, Swap):
            kept = self.bytes_of(step.out).copy()
            self.bytes_of(step.out)[...] = self.bytes_of(step.source)
            self.bytes_of(step.source)[...] = kept
        elif isinstance(step, CallLibrary):
            if step.name not in self.shared.libraries:
                raise InternalError(f"no NumPy meaning was given for the kernel {step.name!r}")
            ins, outs = [self.array(b) for b in step.ins], [self.array(b) for b in step.outs]
            self.shared.libraries[step.name](ins, step.params, outs)
        elif isinstance(step, Invoke):
            arena = garbage(0) if step.arena is None else self.bytes_of(step.arena)
            ins, outs = [self.bytes_of(b) for b in step.ins], [self.bytes_of(b) for b in step.outs]
            self.shared.call(step.function, ins, outs, arena)
        elif isinstance(step, Choose):
            chosen = int(self.array(step.index)[0])
            self.block(step.blocks[min(max(chosen, 0), len(step.blocks) - 1)])
        elif isinstance(step, For):
            for k in self.order_of(step):
                self.counters[step.counter] = k
                self.block(step.body)
        else:
            self.block(step.condition)
            while bool(self.array(step.holds)[0]):
                self.block(step.body)
                self.block(step.condition)

    def order_of(self, step: For) -> Iterable[int]:
        """Return the order of a loop's steps: any, where they need nothing of each other."""
        steps = range(step.length)
        if step.workspace is None or step.workspace.kind != "parallel":
            return reversed(steps) if step.reverse else steps
        self.workspace = garbage(step.workspace.size)
        return map(int, self.shared.rng.permutation(step.length))

    def run(self, step: Run) -> None:
        """Run a kernel."""
        kernel, points = step.kernel, Points(self, step.buffers)
        if isinstance(kernel, Nest):
            run_nest(kernel, points)
        elif isinstance(kernel, Fold):
            run_fold(kernel, points)
        elif isinstance(kernel, Sweep):
            run_sweep(kernel, points)
        else:
            run_scatter(kernel, points)


class Points:
    """Evaluates the scalars of a kernel at lists of points."""

    def __init__(self, frame: Frame, buffers: Sequence[Buffer]) -> None:
        self.buffers = buffers
        self.memory = [frame.bytes_of(b) for b in buffers]
        self.rng = frame.shared.rng

    def slot(self, k: int, dtype: np.dtype[Any]) -> Array:
        """Return the flat array of a slot, read as `dtype`."""
        return self.memory[k].view(dtype)

    def stored(self, k: int) -> Array:
        """Return the flat array of a slot as its buffer's elements (parts of complex ones)."""
        dtype = self.buffers[k].dtype
        return self.slot(k, real_dtype(dtype) if is_complex(dtype) else dtype)

    def pieces(self, space: Sequence[int]) -> Iterator[Array]:
        """Give the points of a space, as columns of coordinates, in pieces and in random order."""
        order = self.rng.permutation(prod(space))
        for piece in np.array_split(order, PIECES):
            if len(piece):
                yield coordinates(piece, space)

    def evaluate(
        self, roots: Sequence[Scalar], at: Array, slots: Sequence[Array] = ()
    ) -> list[Array]:
        """Return the values of scalars at points; `at[axis]` are the points' coordinates."""
        values: dict[Scalar, Array] = {}
        stack = list(reversed(roots))
        while stack:
            s = stack[-1]
            needed = [a for a in arguments_of(s) if a not in values]
            if s in values or not needed:
                stack.pop()
                if s not in values:
                    values[s] = self.one(s, at, values, slots)
            stack.extend(needed if s not in values else ())
        n = at.shape[1]
        return [np.broadcast_to(values[r], (n,)) for r in roots]

    def one(
        self, s: Scalar, at: Array, values: dict[Scalar, Array], slots: Sequence[Array]
    ) -> Array:
        """Evaluate a scalar whose arguments are there."""
        if isinstance(s, Const):
            return np.asarray(s.value).astype(s.dtype).reshape(1)
        if isinstance(s, Index):
            return at[s.axis]
        if isinstance(s, Slot):
            return slots[s.position]
        if isinstance(s, Load):
            return self.load(s, values)
        assert isinstance(s, Apply), s
        if s.fn in APPROXIMATED:  # as the function that is called computes it
            operands = [values[a] for a in s.args]
            written_out = expand(s.fn, [slot(k, a.dtype) for k, a in enumerate(s.args)])
            return self.evaluate([written_out], at, operands)[0]
        return compute_apply(s.fn, [values[a] for a in s.args], s.dtype)

    def load(self, s: Load, values: dict[Scalar, Array]) -> Array:
        """Read elements; zeros where the guard is false."""
        source = self.slot(slot_of(s), s.dtype)
        offset = values[s.indices[0]]
        guard = np.ones(1, bool) if s.guard is None else values[s.guard]
        offset, guard = np.broadcast_arrays(offset, guard)
        check_inside(offset[guard], len(source), "load")
        out = np.zeros(offset.shape, s.dtype)
        out[guard] = source[offset[guard]]
        return out

    def store(self, k: int, offsets: Array, value: Array) -> None:
        """Write elements of a slot."""
        target = self.stored(k)
        check_inside(offsets, len(target), "store")
        with np.errstate(all="ignore"):
            target[offsets] = value.astype(target.dtype)


def coordinates(points: Array, space: Sequence[int]) -> Array:
    """Return the coordinates of flat points. Shapes: int[n] -> int64[rank, n]."""
    if not space:
        return np.zeros((0, len(points)), np.int64)
    return np.asarray(np.unravel_index(points, tuple(space)), np.int64)


def check_inside(offsets: Array, n: int, what: str) -> None:
    """Raise an InternalError for an offset outside a buffer of n elements."""
    if offsets.size and (offsets.min() < 0 or offsets.max() >= n):
        bad = int(offsets.min() if offsets.min() < 0 else offsets.max())
        raise InternalError(f"schedule: {what} at {bad} of a buffer of {n} elements")


def flat(at: Array, space: Sequence[int]) -> Array:
    """Return the row-major positions of points."""
    out = np.zeros(at.shape[1], np.int64)
    for row, n in zip(at, space, strict=True):
        out = out * n + row
    return out


def run_nest(kernel: Nest, points: Points) -> None:
    """Evaluate stores at every point: within a piece, loads before stores."""
    for at in points.pieces(kernel.space):
        writes: list[tuple[int, Array, Array]] = []
        for s in kernel.stores:
            roots = [s.offset, s.value] + ([] if s.guard is None else [s.guard])
            offset, value, *guard = points.evaluate(roots, at)
            chosen = guard[0] if guard else np.ones(at.shape[1], bool)
            writes.append((s.slot, offset[chosen], value[chosen]))
        for write in writes:
            points.store(*write)


def combined(
    rules: Sequence[Scalar], left: Sequence[Array], right: Sequence[Array], points: Points
) -> list[Array]:
    """Apply combining rules to accumulators and new elements."""
    return points.evaluate(rules, np.zeros((0, len(left[0])), np.int64), [*left, *right])


def run_fold(kernel: Fold, points: Points) -> None:
    """Fold the extents, in blocks of the first where it is cut."""
    n = prod(kernel.extents)
    first = kernel.extents[0] if kernel.extents else 1
    step = kernel.block or max(first, 1)
    inner = n // first if first else 0
    size = prod(kernel.space)
    for b, begin in enumerate(range(0, max(first, 1), step)):
        reduced = np.arange(begin * inner, min(begin + step, first) * inner)
        for at in points.pieces(kernel.space):
            count = at.shape[1]
            acc = [np.full(count, i.value).astype(i.dtype) for i in kernel.inits]
            if len(reduced):
                acc = combined(kernel.combine, acc, folded(kernel, points, at, reduced), points)
            store_fold(kernel, points, flat(at, kernel.space) + b * size, acc)


def folded(kernel: Fold, points: Points, at: Array, reduced: Array) -> list[Array]:
    """Return the combination of the bodies over `reduced` positions of the extents."""
    count, n = at.shape[1], len(reduced)
    over = coordinates(reduced, kernel.extents)
    grid = np.concatenate([np.repeat(at, n, axis=1), np.tile(over, (1, count))])
    bodies = [v.reshape(count, n) for v in points.evaluate(kernel.bodies, grid)]
    while n > 1:
        half = n // 2
        left = [np.ascontiguousarray(v[:, :half]).reshape(-1) for v in bodies]
        right = [np.ascontiguousarray(v[:, half : 2 * half]).reshape(-1) for v in bodies]
        done = combined(kernel.combine, left, right, points)
        rest = [v[:, 2 * half :] for v in bodies]
        bodies = [
            np.concatenate([d.reshape(count, half), r], axis=1)
            for d, r in zip(done, rest, strict=True)
        ]
        n -= half
    return [v[:, 0] for v in bodies]


def store_fold(kernel: Fold, points: Points, places: Array, acc: Sequence[Array]) -> None:
    """Store results; those of one slot are the parts of complex elements."""
    for k, (out, value) in enumerate(zip(kernel.out_slots, acc, strict=True)):
        n_parts = kernel.out_slots.count(out)
        which = k - kernel.out_slots.index(out)
        points.store(out, places * n_parts + which, value)


def run_sweep(kernel: Sweep, points: Points) -> None:
    """Fold along an axis, storing each step."""
    space = list(kernel.space)
    n, space[kernel.axis] = space[kernel.axis], 1
    at = coordinates(np.arange(prod(space)), space)
    total = np.full(at.shape[1], kernel.init.value).astype(kernel.init.dtype)
    for k in reversed(range(n)) if kernel.reverse else range(n):
        at[kernel.axis] = k
        (new,) = points.evaluate([kernel.body], at)
        (total,) = combined((kernel.combine,), [total], [new], points)
        points.store(kernel.out_slot, flat(at, kernel.space), total)


def run_scatter(kernel: Scatter, points: Points) -> None:
    """Update element by element: in order, or in any order where each is met once."""
    n = prod(kernel.space)
    order = points.rng.permutation(n) if kernel.unique else np.arange(n)
    for k in order:
        at = coordinates(np.asarray([k]), kernel.space)
        if kernel.guard is not None and not points.evaluate([kernel.guard], at)[0][0]:
            continue
        values = points.evaluate([*kernel.offsets, *kernel.values], at)
        half = len(kernel.offsets)
        offsets, new = values[:half], values[half:]
        target = points.stored(kernel.slot)
        for offset in offsets:
            check_inside(offset, len(target), "update")
        old = [
            target[o].astype(rule.dtype) for o, rule in zip(offsets, kernel.combine, strict=True)
        ]
        for o, v in zip(offsets, combined(kernel.combine, old, new, points), strict=True):
            points.store(kernel.slot, o, v)
