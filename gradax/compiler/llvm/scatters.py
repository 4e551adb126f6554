"""Write updates: as vectors where elements are consecutive, else one by one in order.

Where elements come one by one, what does not depend on them (places, values, which are updated)
is still computed as vectors, which leave a load, the combination and a store for each lane.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from gradax.compiler.graph.rewrite import reapply
from gradax.compiler.llvm.loops import (
    LoopWriter,
    Range,
    Shape,
    arrange,
    choose_lanes,
    combine_slots,
)
from gradax.compiler.llvm.scalars import EMITTERS, emit_convert, is_short, suffix
from gradax.compiler.llvm.values import Values, from_memory, store_offset, to_memory
from gradax.compiler.llvm.writer import Writer, memory_type, scalar_type, vector
from gradax.compiler.options import Options
from gradax.compiler.schedule.affine import linear
from gradax.compiler.schedule.ir import Scatter, slot_input
from gradax.compiler.schedule.machine import widen
from gradax.kernel import Apply, Const, Scalar, Slot, load
from gradax.kernel.build import convert
from gradax.kernel.functions import is_float, is_signed
from gradax.sizes import likely

# A dearer combination is written once, not for each lane.
MOST_COMBINED = 8


def write_scatter(
    w: Writer,
    kernel: Scatter,
    pointers: dict[int, str],
    dtypes: Sequence[np.dtype[Any]],
    options: Options,
    first: Range,
) -> None:
    """Write an update."""
    shape = scatter_shape(kernel, options)
    if is_by_lanes(kernel, shape):
        LaneWriter(w, kernel, shape, pointers, dtypes[kernel.slot], first).write()
        return
    source = slot_input(kernel.slot, dtypes[kernel.slot])
    old = [widen(load(source, (offset,), kernel.guard)) for offset in kernel.offsets]
    slots = [*old, *kernel.values]
    memo: dict[int, Scalar] = {}
    results = [replace_slots(rule, slots, memo) for rule in kernel.combine]
    loops = LoopWriter(w, shape, pointers, first)
    values = loops.values
    roots: list[Scalar | None] = [*results, kernel.guard]
    for offset in kernel.offsets:
        roots += store_offset(values, offset)
    values.plan(roots)
    values.begin()

    def innermost() -> None:
        for offset, value in zip(kernel.offsets, results, strict=True):
            values.store(pointers[kernel.slot], offset, value, kernel.guard, dtypes[kernel.slot])

    loops.nest(0, len(kernel.space), innermost)


def scatter_shape(kernel: Scatter, options: Options) -> Shape:
    """Return the loops of an update; the last axis is a vector."""
    extents = dict(enumerate(kernel.space))
    n = len(kernel.space)
    if not n or extents[n - 1] <= 1:
        return arrange(n, extents, -1, 1)
    if is_consecutive(kernel):
        return arrange(n, extents, n - 1, choose_lanes(kernel.values, extents[n - 1], options))
    lanes = options.vector_bytes // 8
    is_long = likely(extents[n - 1]) >= lanes
    whole = sum(rule.cost for rule in kernel.combine) <= MOST_COMBINED and is_long
    return arrange(n, extents, n - 1 if whole else -1, lanes)


def is_consecutive(kernel: Scatter) -> bool:
    """Tell whether the last axis walks the elements in order."""
    return linear(kernel.offsets[0], {}).at(len(kernel.space) - 1) == 1


def is_by_lanes(kernel: Scatter, shape: Shape) -> bool:
    """Tell whether vectors of places are updated lane by lane."""
    return shape.vector_axis >= 0 and not is_consecutive(kernel)


def replace_slots(rule: Scalar, values: Sequence[Scalar], memo: dict[int, Scalar]) -> Scalar:
    """Return a combining rule on scalars; `memo` remembers what has been replaced."""
    if isinstance(rule, Slot):
        return convert(values[rule.position], rule.dtype)
    if not isinstance(rule, Apply):
        return rule
    found = memo.get(id(rule))
    if found is None:
        args = tuple(replace_slots(a, values, memo) for a in rule.args)
        found = memo[id(rule)] = reapply(rule, args)
    return found


def slots_of(rules: Sequence[Scalar]) -> dict[int, np.dtype[Any]]:
    """Return the dtypes of the slots that rules read."""
    found: dict[int, np.dtype[Any]] = {}
    stack = list(rules)
    while stack:
        node = stack.pop()
        if isinstance(node, Slot):
            found[node.position] = node.dtype
        stack.extend(getattr(node, "args", ()))
    return found


def extremum_of(rules: Sequence[Scalar], dtype: np.dtype[Any]) -> str | None:
    """Return "min" or "max" where that is all an update does, of numbers that machines compare."""
    rule = rules[0]
    if not isinstance(rule, Apply) or rule.fn not in ("min", "max") or dtype == np.bool_:
        return None
    slots = [a.position for a in rule.args if isinstance(a, Slot) and a.dtype == dtype]
    return rule.fn if slots == [0, 1] and len(rules) == 1 and not is_short(dtype) else None


class LaneWriter:
    """Writes an update whose places are vectors, updated lane by lane.

    A lane that is not to be updated updates memory of its own that nobody reads.
    """

    def __init__(
        self,
        w: Writer,
        kernel: Scatter,
        shape: Shape,
        pointers: dict[int, str],
        dtype: np.dtype[Any],
        first: Range,
    ) -> None:
        self.w, self.kernel, self.dtype, self.lanes = w, kernel, dtype, shape.lanes
        self.pointer = pointers[kernel.slot]
        self.loops = LoopWriter(w, shape, pointers, first)
        self.values: Values = self.loops.values
        self.n_parts = len(kernel.offsets)
        self.slots = slots_of(kernel.combine)
        self.given = [
            convert(value, self.slots.get(self.n_parts + k, value.dtype))
            for k, value in enumerate(kernel.values)
        ]
        self.extremum = extremum_of(kernel.combine, dtype)
        self.reached = ""
        self.memory = [w.stack(f"[{self.lanes} x i64]") for _ in range(2 * self.n_parts)]
        self.nowhere = w.stack(f"[{self.lanes * self.n_parts} x i64]")

    def write(self) -> None:
        """Write the loops."""
        self.values.plan([*self.given, *self.kernel.offsets, self.kernel.guard])
        self.values.begin()
        self.loops.nest(0, len(self.kernel.space), self.update)

    def update(self) -> None:
        """Write the update of a vector of places."""
        n, guard = self.n_parts, self.kernel.guard
        active = None if guard is None else self.values.get(guard, self.lanes)
        active = self.values.conjunction(active, self.values.mask.text, self.lanes)
        for part in range(n):
            self.reached = self.places(part, active)
            self.keep(self.reached, "ptr", part)
            if self.is_kept(part):
                value = self.given[part]
                self.keep(self.values.get(value, self.lanes), self.kept_type(part), n + part)
        if self.extremum is None or not self.is_kept(0):
            self.each_lane(self.combine)
        else:
            self.choose(self.extremum)

    def each_lane(self, combine: Callable[[Sequence[str], Sequence[str]], None]) -> None:
        """Write the update of each lane in turn."""
        n = self.n_parts
        for lane in range(self.lanes):
            places = [self.kept(part, "ptr", lane) for part in range(n)]
            slots = [self.read(place, part) for part, place in enumerate(places)]
            combine(places, [*slots, *(self.value(part, lane) for part in range(n))])

    def choose(self, which: str) -> None:
        """Write the update by an extremum, without looking for NaN where the new have none.

        Numbers for one place are brought together first: each would wait for the one before it.
        """
        w, lanes, dtype = self.w, self.lanes, self.dtype
        type_, element = vector(lanes, scalar_type(dtype)), scalar_type(dtype)
        new = self.values.get(self.given[0], lanes)
        after = w.label()
        if is_float(dtype):
            nan = w.emit(f"fcmp uno {type_} {new}, {new}")
            self.instead(self.any_lane(nan), partial(self.each_lane, self.combine), after)
        apart = w.emit(f"icmp ne {vector(lanes, 'ptr')} {self.reached}, {self.first_place()}")
        self.instead(
            self.any_lane(apart), partial(self.each_lane, partial(self.keep_one, which)), after
        )
        name = f"{'f' if is_float(dtype) else 's' if is_signed(dtype) else 'u'}{which}"
        name = f"llvm.vector.reduce.{name}.{suffix(dtype, lanes)}"
        w.declare(f"declare {element} @{name}({type_})")
        flag = "nnan " if is_float(dtype) else ""
        best = w.emit(f"call {flag}{element} @{name}({type_} {new})")
        place = self.kept(0, "ptr", 0)
        self.keep_one(which, [place], [self.read(place, 0), best])
        w.jump(after)
        w.start(after)

    def instead(self, condition: str, body: Callable[[], None], after: str) -> None:
        """Write what runs where the condition holds, and goes on at `after`."""
        inside, otherwise = self.w.label(), self.w.label()
        self.w.branch(condition, inside, otherwise)
        self.w.start(inside)
        body()
        self.w.jump(after)
        self.w.start(otherwise)

    def any_lane(self, mask: str) -> str:
        """Tell whether a mask has a lane."""
        bits = self.w.emit(f"bitcast <{self.lanes} x i1> {mask} to i{self.lanes}")
        return self.w.emit(f"icmp ne i{self.lanes} {bits}, 0")

    def first_place(self) -> str:
        """Return the place of the first lane in all lanes."""
        wide = vector(self.lanes, "ptr")
        order = f"<{self.lanes} x i32> zeroinitializer"
        return self.w.emit(f"shufflevector {wide} {self.reached}, {wide} poison, {order}")

    def keep_one(self, which: str, places: Sequence[str], slots: Sequence[str]) -> None:
        """Write the update by a number: the old element stays where it is NaN."""
        w, type_, (old, new) = self.w, memory_type(self.dtype), slots
        better = EMITTERS["gt" if which == "max" else "lt"](w, 1, self.dtype, [new, old])
        best = w.emit(f"select i1 {better}, {type_} {new}, {type_} {old}")
        w.do(f"store {type_} {best}, ptr {places[0]}, align {self.dtype.itemsize}")

    def combine(self, places: Sequence[str], slots: Sequence[str]) -> None:
        """Write what old and new elements combine to."""
        done: dict[int, str] = {}
        for place, rule in zip(places, self.kernel.combine, strict=True):
            text = combine_slots(self.w, rule, slots, 1, done)
            text = to_memory(self.w, text, rule.dtype, self.dtype, 1)
            type_, align = memory_type(self.dtype), self.dtype.itemsize
            self.w.do(f"store {type_} {text}, ptr {place}, align {align}")

    def places(self, part: int, active: str | None) -> str:
        """Write the addresses of the elements of a part."""
        w, lanes, type_ = self.w, self.lanes, memory_type(self.dtype)
        offsets = self.values.get(self.kernel.offsets[part], lanes)
        places = w.emit(f"getelementptr {type_}, ptr {self.pointer}, <{lanes} x i64> {offsets}")
        if active is None:
            return places
        numbers = ", ".join(f"i64 {part * lanes + k}" for k in range(lanes))
        nowhere = w.emit(f"getelementptr i64, ptr {self.nowhere}, <{lanes} x i64> <{numbers}>")
        wide = vector(lanes, "ptr")
        return w.emit(f"select <{lanes} x i1> {active}, {wide} {places}, {wide} {nowhere}")

    def is_kept(self, part: int) -> bool:
        """Tell whether the values of a part differ from lane to lane."""
        return self.n_parts + part in self.slots and self.values.is_vector(self.given[part])

    def kept_type(self, part: int) -> str:
        """Return the type in which the values of a part are kept: bits as bytes."""
        return memory_type(self.given[part].dtype)

    def keep(self, text: str, type_: str, number: int) -> None:
        """Write a vector to the stack, from where its lanes are read."""
        w, lanes = self.w, self.lanes
        if type_ == "i8" and self.given[number - self.n_parts].dtype == np.bool_:
            text = w.emit(f"zext {vector(lanes, 'i1')} {text} to {vector(lanes, 'i8')}")
        w.do(f"store {vector(lanes, type_)} {text}, ptr {self.memory[number]}, align 64")

    def kept(self, number: int, type_: str, lane: int) -> str:
        """Read a lane of a vector on the stack."""
        place = self.w.emit(f"getelementptr {type_}, ptr {self.memory[number]}, i64 {lane}")
        return self.w.emit(f"load {type_}, ptr {place}")

    def read(self, place: str, part: int) -> str:
        """Read an element that is combined with, "" where rules do without."""
        slot = self.slots.get(part)
        if slot is None:
            return ""
        type_ = memory_type(self.dtype)
        text = self.w.emit(f"load {type_}, ptr {place}, align {self.dtype.itemsize}")
        text = from_memory(self.w, text, self.dtype, 1)
        return text if slot == self.dtype else emit_convert(self.w, 1, self.dtype, slot, text)

    def value(self, part: int, lane: int) -> str:
        """Return the value that a lane combines with."""
        given = self.given[part]
        if self.n_parts + part not in self.slots:
            return ""
        if isinstance(given, Const) or not self.values.is_vector(given):
            return self.values.get(given, 1)
        text = self.kept(self.n_parts + part, self.kept_type(part), lane)
        return from_memory(self.w, text, given.dtype, 1)
