"""Write reductions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from gradax.compiler.llvm.alternate import most_apart
from gradax.compiler.llvm.loops import (
    LoopWriter,
    Range,
    Shape,
    arrange,
    choose_lanes,
    choose_vector_axis,
    combine_slots,
)
from gradax.compiler.llvm.scalars import EMITTERS, splat_constant
from gradax.compiler.llvm.writer import Writer, scalar_type, vector
from gradax.compiler.options import Options
from gradax.compiler.schedule.affine import Accesses
from gradax.compiler.schedule.ir import Fold
from gradax.kernel import Apply, Scalar, basic_combine, flat_index, index
from gradax.kernel.functions import is_float
from gradax.sizes import is_open, likely

# So many terms of a sum are added one after another.
SHORT_SUM = 128
# A row of so many is added up in half a register in no time.
FULL_ROW = 8
# Accumulators of sums of rows, where their terms cost no more than that.
MOST_ACCUMULATORS, MOST_REPEATED = 16, 8


class FoldWriter:
    """Writes a reduction.

    The vector axis is a reduced one (lanes are folded together at the end) or a kept one (each lane
    is a result). Either way several independent accumulators hide the latency of the arithmetic.
    """

    def __init__(
        self,
        w: Writer,
        kernel: Fold,
        pointers: dict[int, str],
        dtypes: Sequence[np.dtype[Any]],
        options: Options,
        first: Range,
    ) -> None:
        self.w, self.kernel, self.pointers, self.dtypes = w, kernel, pointers, dtypes
        self.first = first
        self.n_kept = len(kernel.space)
        self.shape = fold_shape(kernel, options)
        self.over_kept = 0 <= self.shape.vector_axis < self.n_kept
        self.lanes = self.shape.lanes
        self.block_counter = ""
        outer = None if kernel.block else first
        self.loops = LoopWriter(w, self.shape, pointers, outer)
        self.values = self.loops.values
        self.types = [vector(self.lanes, scalar_type(b.dtype)) for b in kernel.bodies]
        self.unroll = self.choose_unroll(options)
        self.factors = summed_product(kernel) if options.contract else None

    def choose_unroll(self, options: Options) -> int:
        """Return the number of accumulators."""
        if self.shape.vector_axis < 0:
            return 1
        extent = likely(self.shape.extents[self.shape.vector_axis])
        n = options.unroll
        if self.kernel.block and self.over_kept:
            # Rows far apart are read some cache lines at a time.
            plain = sum(body.cost for body in self.kernel.bodies) <= MOST_REPEATED
            n = max(n, MOST_ACCUMULATORS // len(self.types)) if plain else n
            while n > 1 and extent < n * self.lanes:
                n //= 2
            return n
        while n > 1 and extent < 2 * n * self.lanes:
            n //= 2
        return n

    def write(self) -> None:
        """Write the loops."""
        kept = [a for a in self.shape.order if a < self.n_kept and a != self.shape.vector_axis]
        offset = flat_index([index(a) for a in range(self.n_kept)], self.kernel.space)
        self.offset = offset
        base = self.values.without_vector(offset) if self.over_kept else offset
        self.values.plan([*(self.factors or self.kernel.bodies), base])
        self.values.begin()
        if self.kernel.block:
            assert self.first is not None
            self.w.loop(*self.first, 1, [], self.one_block)
            return
        self.kept_loops(kept, 0)

    def one_block(self, counter: str, _: list[str]) -> list[str]:
        """Write the loops of one block of the first reduced axis."""
        self.block_counter = counter
        self.kept_loops([a for a in range(self.n_kept) if a != self.shape.vector_axis], 0)
        return []

    def kept_loops(self, kept: list[int], position: int) -> None:
        """Write the loops over kept axes (but the vector axis)."""
        if position == len(kept):
            if self.over_kept:
                self.kept_vectors(not kept)
            else:
                self.one_point()
            return
        axis = kept[position]
        is_first = position == 0 and self.first is not None and not self.kernel.block
        begin, end = self.first if is_first and self.first else ("0", str(self.shape.extents[axis]))

        def body(counter: str, _: list[str]) -> list[str]:
            self.values.enter(axis, counter)
            self.kept_loops(kept, position + 1)
            self.values.leave()
            return []

        self.w.loop(begin, end, 1, [], body)

    def reduced_axes(self) -> list[int]:
        """Return the reduced axes whose loops are not vectorized, outermost first."""
        return [
            a for a in range(self.n_kept, self.n_kept + len(self.kernel.extents))
            if a != self.shape.vector_axis
        ]  # fmt: skip

    def initial(self, copies: int) -> list[tuple[str, str]]:
        """Return the accumulators' types and first values."""
        return [
            (t, splat_constant(c.value, c.dtype, self.lanes))
            for _ in range(copies)
            for t, c in zip(self.types, self.kernel.inits, strict=True)
        ]

    def combine(self, left: Sequence[str], right: Sequence[str], lanes: int) -> list[str]:
        """Write the combination of two lists of values."""
        done: dict[int, str] = {}
        slots = [*left, *right]
        return [combine_slots(self.w, rule, slots, lanes, done) for rule in self.kernel.combine]

    def bounds(self, axis: int) -> tuple[str, str]:
        """Return the range of a reduced axis: a block of the first one, all of the others."""
        n = self.shape.extents[axis]
        if not self.kernel.block or axis != self.n_kept:
            return "0", str(n)
        begin = self.w.emit(f"mul i64 {self.block_counter}, {self.kernel.block}")
        if is_open(n):  # the last block may be empty
            inside = self.w.emit(f"icmp slt i64 {begin}, {n}")
            begin = self.w.emit(f"select i1 {inside}, i64 {begin}, i64 {n}")
        end = self.w.emit(f"add i64 {begin}, {self.kernel.block}")
        less = self.w.emit(f"icmp slt i64 {end}, {n}")
        return begin, self.w.emit(f"select i1 {less}, i64 {end}, i64 {n}")

    def reduce_loops(
        self, axes: list[int], carried: list[tuple[str, str]], innermost: Any
    ) -> list[str]:
        """Write the loops over reduced axes around `innermost`."""
        if not axes:
            return list(innermost([v for _, v in carried]))
        axis = axes[0]

        def body(counter: str, now: list[str]) -> list[str]:
            self.values.enter(axis, counter)
            inner = [(t, v) for (t, _), v in zip(carried, now, strict=True)]
            out = self.reduce_loops(axes[1:], inner, innermost)
            self.values.leave()
            return out

        begin, end = self.bounds(axis)
        if len(axes) == 1:
            return self.summing_loop(begin, end, 1, self.shape.extents[axis], carried, body)
        return self.w.loop(begin, end, 1, carried, body)

    def summing_loop(
        self,
        begin: str,
        end: str,
        step: int,
        extent: int,
        carried: list[tuple[str, str]],
        body: Any,
    ) -> list[str]:
        """Write a loop that accumulates; long sums of floats as sums of short ones.

        The error of a sum grows with the number of terms that are added one after another.
        """
        terms = SHORT_SUM * step
        is_sum = len(self.types) == 1 and basic_combine(self.kernel.combine[0]) == "add"
        if not is_sum or not is_float(self.kernel.bodies[0].dtype) or likely(extent) < 4 * terms:
            return self.w.loop(begin, end, step, carried, body)
        copies = len(carried)

        def short(counter: str, now: list[str]) -> list[str]:
            limit = self.w.emit(f"add i64 {counter}, {terms}")
            is_last = self.w.emit(f"icmp sgt i64 {limit}, {end}")
            limit = self.w.emit(f"select i1 {is_last}, i64 {end}, i64 {limit}")
            sums = self.w.loop(counter, limit, step, self.initial(copies), body)
            pairs = zip(now, sums, strict=True)
            return [x for a, b in pairs for x in self.combine([a], [b], self.lanes)]

        return self.w.loop(begin, end, terms, carried, short)

    def accumulate(self, acc: Sequence[str], lanes: int) -> list[str]:
        """Combine the bodies at the point at hand into accumulators; inactive lanes keep theirs."""
        if self.factors is not None:
            product = [self.values.get(x, lanes) for x in self.factors]
            dtype = self.factors[0].dtype
            out = [EMITTERS["fma"](self.w, lanes, dtype, [*product, *acc])]
        else:
            new = [self.values.get(b, lanes) for b in self.kernel.bodies]
            out = self.combine(acc, new, lanes)
        mask = self.values.mask.text
        if mask is None or lanes == 1:
            return out
        return [
            self.w.emit(f"select <{lanes} x i1> {mask}, {t} {o}, {t} {a}")
            for t, o, a in zip(self.types, out, acc, strict=True)
        ]

    def one_point(self) -> None:
        """Write the reduction of one point and store it."""
        axes = self.reduced_axes()
        if self.shape.vector_axis < 0:
            acc = self.reduce_loops(axes, self.initial(1), partial(self.accumulate, lanes=1))
        else:
            acc = self.reduce_loops(axes, self.initial(self.unroll), self.vector_run)
            acc = self.across_lanes(self.across_copies(acc))
        self.store(acc, 1, None)

    def vector_run(self, acc: list[str]) -> list[str]:
        """Write the innermost loop over the vector axis."""
        axis = self.shape.vector_axis
        begin, end = self.bounds(axis)
        n, lanes = len(self.types), self.lanes

        def steps(copies: int) -> Any:
            def body(counter: str, now: list[str]) -> list[str]:
                out: list[str] = []
                for k in range(copies):
                    here = counter if k == 0 else self.w.emit(f"add i64 {counter}, {k * lanes}")
                    self.values.enter(axis, here)
                    out += self.accumulate(now[k * n : (k + 1) * n], lanes)
                    self.values.leave()
                return out

            return body

        typed = [(t, a) for t, a in zip(self.types * self.unroll, acc, strict=True)]
        step = lanes * self.unroll
        has_whole_pieces = begin == "0" or self.kernel.block % step == 0
        extent = self.shape.extents[axis] if has_whole_pieces else None
        extent = None if is_open(extent) else extent
        wide = self.loops.whole_end(begin, end, step, extent)
        acc = self.summing_loop(
            begin, wide, step, self.shape.extents[axis], typed, steps(self.unroll)
        )
        whole = wide
        if self.unroll > 1:
            extent = None if extent is None else extent % step
            whole = self.loops.whole_end(wide, end, lanes, extent)
            first = self.w.loop(
                wide, whole, lanes, [(t, a) for t, a in zip(self.types, acc[:n], strict=True)],
                steps(1),
            )  # fmt: skip
            acc = [*first, *acc[n:]]
        return [*self.masked_rest(whole, end, acc[:n], extent), *acc[n:]]

    def masked_rest(self, whole: str, end: str, acc: list[str], extent: int | None) -> list[str]:
        """Write what remains after the whole vectors."""
        if whole == end:
            return acc
        memory = [self.w.stack(t) for t in self.types]
        for t, m, a in zip(self.types, memory, acc, strict=True):
            self.w.do(f"store {t} {a}, ptr {m}, align 64")

        def body() -> None:
            self.values.enter(self.shape.vector_axis, whole)
            for t, m, a in zip(self.types, memory, self.accumulate(acc, self.lanes), strict=True):
                self.w.do(f"store {t} {a}, ptr {m}, align 64")
            self.values.leave()

        self.loops.rest(whole, end, body, extent)
        return [
            self.w.emit(f"load {t}, ptr {m}, align 64")
            for t, m in zip(self.types, memory, strict=True)
        ]

    def across_copies(self, acc: list[str]) -> list[str]:
        """Combine the independent accumulators."""
        n = len(self.types)
        parts = [acc[k : k + n] for k in range(0, len(acc), n)]
        while len(parts) > 1:
            half = len(parts) // 2
            parts = [self.combine(parts[k], parts[k + half], self.lanes) for k in range(half)]
        return parts[0]

    def across_lanes(self, acc: list[str]) -> list[str]:
        """Combine the lanes, halving their number."""
        lanes = self.lanes
        while lanes > 1:
            half = lanes // 2
            low: list[str] = []
            high: list[str] = []
            for b, a in zip(self.kernel.bodies, acc, strict=True):
                wide = vector(lanes, scalar_type(b.dtype))
                for part, start in ((low, 0), (high, half)):
                    order = ", ".join(f"i32 {start + k}" for k in range(half))
                    part.append(
                        self.w.emit(
                            f"shufflevector {wide} {a}, {wide} poison, <{half} x i32> <{order}>"
                        )
                    )
            if half == 1:
                low, high = self.single(low), self.single(high)
            acc = self.combine(low, high, half)
            lanes = half
        return acc

    def single(self, values: list[str]) -> list[str]:
        """Return vectors of one lane as scalars."""
        return [
            self.w.emit(f"extractelement <1 x {scalar_type(b.dtype)}> {v}, i64 0")
            for b, v in zip(self.kernel.bodies, values, strict=True)
        ]

    def kept_vectors(self, is_outermost: bool) -> None:
        """Write the loop over a kept vector axis, several vectors at a time."""
        axis = self.shape.vector_axis
        begin, end = "0", str(self.shape.extents[axis])
        if is_outermost and self.first is not None and not self.kernel.block:
            begin, end = self.first
        extent, step = self.shape.extents[axis], self.lanes * self.unroll
        wide = self.loops.whole_end(begin, end, step, extent)

        def body(copies: int) -> Any:
            def write(counter: str, _: list[str]) -> list[str]:
                self.kept_run(counter, copies)
                return []

            return write

        self.w.loop(begin, wide, step, [], body(self.unroll))
        whole = wide
        if self.unroll > 1:
            extent = None if is_open(extent) else extent % step
            whole = self.loops.whole_end(wide, end, self.lanes, extent)
            self.w.loop(wide, whole, self.lanes, [], body(1))
        self.loops.rest(whole, end, lambda: self.kept_run(whole, 1), extent)

    def kept_run(self, counter: str, copies: int) -> None:
        """Write the reduction of some vectors of points and store them."""
        axis, n, lanes = self.shape.vector_axis, len(self.types), self.lanes
        places = [counter] + [self.w.emit(f"add i64 {counter}, {k * lanes}")
                              for k in range(1, copies)]  # fmt: skip

        def innermost(now: list[str]) -> list[str]:
            out: list[str] = []
            for k, place in enumerate(places):
                self.values.enter(axis, place)
                out += self.accumulate(now[k * n : (k + 1) * n], lanes)
                self.values.leave()
            return out

        acc = self.reduce_loops(self.reduced_axes(), self.initial(copies), innermost)
        for k, place in enumerate(places):
            self.store(acc[k * n : (k + 1) * n], lanes, place)

    def store(self, acc: Sequence[str], lanes: int, place: str | None) -> None:
        """Store results at the point at hand."""
        for part, (slot, text) in enumerate(zip(self.kernel.out_slots, acc, strict=True)):
            self.store_result(part, slot, text, lanes, place)

    def store_result(self, part: int, slot: int, text: str, lanes: int, place: str | None) -> None:
        """Store one result, of one point or a vector of them; parts of a complex one alternate."""
        kernel = self.kernel
        n_parts = kernel.out_slots.count(slot)
        which = part - kernel.out_slots.index(slot)
        base = self.values.without_vector(self.offset) if place is not None else self.offset
        offset = self.values.get(base, 1)
        step = 1
        if place is not None:
            step = self.values.step(self.offset) or 0
            moved = self.w.emit(f"mul i64 {place}, {step}")
            offset = self.w.emit(f"add i64 {offset}, {moved}")
        if kernel.block:
            size = prod(kernel.space)
            start = self.w.emit(f"mul i64 {self.block_counter}, {size}")
            offset = self.w.emit(f"add i64 {offset}, {start}")
        if n_parts > 1:
            offset = self.w.emit(f"mul i64 {offset}, {n_parts}")
            offset = self.w.emit(f"add i64 {offset}, {which}")
        dtypes = (kernel.bodies[part].dtype, self.dtypes[slot])
        self.values.store_text(self.pointers[slot], offset, text, dtypes, lanes, step * n_parts)


def summed_product(kernel: Fold) -> tuple[Scalar, ...] | None:
    """Return the factors where products of floats are summed, which fused multiply-adds do."""
    body = kernel.bodies[0]
    if len(kernel.bodies) > 1 or basic_combine(kernel.combine[0]) != "add":
        return None
    if isinstance(body, Apply) and body.fn == "mul" and is_float(body.dtype):
        return body.args
    return None


def fold_shape(kernel: Fold, options: Options) -> Shape:
    """Return the loops of a reduction: kept axes outside, reduced inside, the vector axis last."""
    n_kept, n_all = len(kernel.space), len(kernel.space) + len(kernel.extents)
    extents = dict(enumerate((*kernel.space, *kernel.extents)))
    last_kept = [n_kept - 1] if n_kept else []
    last_reduced = [n_all - 1] if kernel.extents else []
    axis = choose_vector_axis([*last_kept, *last_reduced], extents, kernel.bodies, [])
    lanes = choose_lanes(kernel.bodies, extents[axis], options) if axis >= 0 else 1
    if n_kept and axis == n_all - 1 and is_of_short_rows(kernel, options):
        axis = n_kept - 1
        lanes = choose_lanes(kernel.bodies, extents[axis], options)
    return arrange(n_all, extents, axis, lanes)


def is_of_short_rows(kernel: Fold, options: Options) -> bool:
    """Tell whether rows are so short that as many as there are lanes are better folded at once."""
    axis = len(kernel.space) - 1
    lanes = choose_lanes(kernel.bodies, kernel.space[axis], options)
    most = most_apart(lanes)
    if len(kernel.extents) != 1 or is_open(kernel.extents[0]) or kernel.extents[0] > most:
        return False
    if likely(kernel.space[axis]) < 4 * lanes:
        return False
    if kernel.extents[0] == FULL_ROW and [basic_combine(c) for c in kernel.combine] == ["add"]:
        return False
    loads = Accesses(kernel.bodies, ()).loads
    steps = [(node.guard, form.at(axis)) for node, form in loads]
    return all(guard is None and step is not None and 0 <= step <= most for guard, step in steps)
