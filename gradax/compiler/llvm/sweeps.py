"""Write cumulative operations: a sequential loop along their axis inside all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradax.compiler.llvm.loops import LoopWriter, Range, Shape, choose_lanes, combine_slots
from gradax.compiler.llvm.scalars import splat_constant
from gradax.compiler.llvm.writer import Writer, scalar_type, vector
from gradax.compiler.options import Options
from gradax.compiler.schedule.ir import Sweep
from gradax.kernel import flat_index, index


class SweepWriter:
    """Writes the loops of a cumulative operation."""

    def __init__(
        self,
        w: Writer,
        kernel: Sweep,
        pointers: dict[int, str],
        dtypes: Sequence[np.dtype[Any]],
        options: Options,
        first: Range,
    ) -> None:
        self.w, self.kernel, self.pointers, self.dtypes = w, kernel, pointers, dtypes
        self.shape, self.outer = sweep_shape(kernel, options)
        self.first = first
        self.loops = LoopWriter(w, self.shape, pointers, first if self.outer else None)
        self.type = vector(self.shape.lanes, scalar_type(kernel.body.dtype))

    def write(self) -> None:
        """Write the loops."""
        values, kernel = self.loops.values, self.kernel
        self.offset = flat_index([index(a) for a in range(len(kernel.space))], kernel.space)
        inner = self.shape.vector_axis
        base = values.without_vector(self.offset) if inner >= 0 else self.offset
        values.plan([kernel.body, base])
        values.begin()
        self.loops.nest(0, len(self.outer), self.vectors)

    def vectors(self) -> None:
        """Write the loop over the vector axis around the sequential one."""
        inner, lanes = self.shape.vector_axis, self.shape.lanes
        if inner < 0:
            self.run(None)
            return
        begin, end = "0", str(self.shape.extents[inner])
        if not self.outer and self.first is not None:
            begin, end = self.first

        def body(counter: str, _: list[str]) -> list[str]:
            self.run(counter)
            return []

        extent = self.shape.extents[inner]
        whole = self.loops.whole_end(begin, end, lanes, extent)
        self.w.loop(begin, whole, lanes, [], body)
        self.loops.rest(whole, end, lambda: self.run(whole), extent)

    def run(self, place: str | None) -> None:
        """Write the sequential loop for one vector of lanes (or one lane)."""
        kernel, values, lanes = self.kernel, self.loops.values, self.shape.lanes
        extent = self.shape.extents[kernel.axis]

        def step(counter: str, now: list[str]) -> list[str]:
            if kernel.reverse:
                counter = self.w.emit(f"sub i64 {extent - 1}, {counter}")
            values.enter(kernel.axis, counter)
            if place is not None:
                values.enter(self.shape.vector_axis, place)
            new = values.get(kernel.body, lanes)
            out = combine_slots(self.w, kernel.combine, [now[0], new], lanes, {})
            values.store_at(self.pointers[kernel.out_slot], self.offset, out,
                            kernel.body.dtype, self.dtypes[kernel.out_slot], lanes)  # fmt: skip
            if place is not None:
                values.leave()
            values.leave()
            return [out]

        init = splat_constant(kernel.init.value, kernel.init.dtype, lanes)
        self.w.loop("0", str(extent), 1, [(self.type, init)], step)


def sweep_shape(kernel: Sweep, options: Options) -> tuple[Shape, list[int]]:
    """Return the loops of a cumulative operation and its outer axes."""
    extents = dict(enumerate(kernel.space))
    n, axis = len(kernel.space), kernel.axis
    inner = n - 1 if axis < n - 1 else -1
    lanes = choose_lanes([kernel.body], extents[inner], options) if inner >= 0 else 1
    outer = [a for a in range(n) if a not in (axis, inner)]
    order = [*outer, axis, *([inner] if inner >= 0 else [])]
    return Shape(tuple(order), extents, inner, lanes), outer
