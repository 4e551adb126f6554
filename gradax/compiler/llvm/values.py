"""Emit scalars inside loops: each value once, in the outermost loop on whose counters it depends.

A value that depends on the vector axis is a vector of lanes; others are single and are spread over
the lanes where a vector needs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradax.compiler.llvm.alternate import most_apart, read_alternate, read_apart, write_alternate
from gradax.compiler.llvm.memory import gather, masked_load, masked_store, read_each, scatter
from gradax.compiler.llvm.rare import Arms, write_rare
from gradax.compiler.llvm.scalars import (
    EMITTERS,
    emit_bitcast,
    emit_convert,
    emit_select,
    splat_constant,
)
from gradax.compiler.llvm.writer import Writer, memory_type, scalar_type, vector
from gradax.compiler.schedule.affine import Form, linear, offset_of
from gradax.compiler.schedule.ir import slot_of
from gradax.errors import InternalError
from gradax.kernel import Apply, Const, Index, Load, Scalar, Slot, const
from gradax.kernel.functions import APPROXIMATED, CHOICES
from gradax.kernel.ir import INT
from gradax.records import record
from gradax.sizes import is_open

ZERO = const(0, INT)


@record
class Mask:
    """Which lanes are active; None for all."""

    text: str | None = None


class Scope:
    """The values that have been emitted in one loop body (and in the bodies around it)."""

    def __init__(self, level: int) -> None:
        self.level = level
        self.values: dict[Scalar, str] = {}
        self.spread: dict[str, str] = {}


class Values:
    """Emits the scalars of a kernel.

    `depth[axis]` is the nesting depth of the axis' loop (0 outermost); `vector_axis` is the axis
    whose loop runs over `lanes` at a time, or -1.
    """

    def __init__(
        self,
        writer: Writer,
        pointers: dict[int, str],
        depth: dict[int, int],
        vector_axis: int = -1,
        lanes: int = 1,
    ) -> None:
        self.w = writer
        self.pointers = pointers
        self.depth = depth
        self.vector_axis, self.lanes = vector_axis, lanes
        self.counters: dict[int, str] = {}
        self.scopes: list[Scope] = [Scope(-1)]
        self.slots: dict[int, str] = {}
        self.forms: dict[Scalar, Form] = {}
        self.mask = Mask()
        self.by_level: dict[int, list[Scalar]] = {}
        self.arms = Arms((), self.parts)

    def plan(self, roots: Sequence[Scalar | None]) -> None:
        """Order all values under the roots by the level of the loop they belong to."""
        given = [r for r in roots if r is not None]
        self.arms = Arms(given, self.parts)
        seen: set[Scalar] = set()
        stack: list[tuple[Scalar, bool]] = [(r, False) for r in given]
        while stack:
            node, ready = stack.pop()
            if ready:
                self.by_level.setdefault(self.level(node), []).append(node)
                continue
            if node in seen or isinstance(node, Const):
                continue
            seen.add(node)
            stack.append((node, True))
            stack.extend((p, False) for p in self.arms.parts_before(node))

    def parts(self, node: Scalar) -> tuple[Scalar, ...]:
        """Return the values that a value needs."""
        if isinstance(node, Apply):
            return node.args
        if isinstance(node, Load):
            base = self.address_part(node)
            return base if node.guard is None else (*base, node.guard)
        return ()

    def address_part(self, node: Load) -> tuple[Scalar, ...]:
        """Return the offset that a load needs emitted: without the vector term of a run."""
        offset = node.indices[0]
        if self.vector_axis < 0 or not offset.axes >> self.vector_axis & 1:
            return (offset,)
        step = self.step(offset)
        if step in (1, -1, 2) or self.is_apart(node, step):
            return (self.without_vector(offset),)
        return self.narrow_places(offset) or (offset,)

    def is_apart(self, node: Load, step: int | None) -> bool:
        """Tell whether a load's lanes lie so near each other that whole vectors are read."""
        near = step is not None and 2 < step <= most_apart(self.lanes)
        return node.guard is None and near

    def narrow_places(self, offset: Scalar) -> tuple[Scalar, Scalar] | None:
        """Return the offset from which on a gather's places are short integers, and those."""
        form = linear(offset, self.forms)
        rest = form.rest
        if (
            not isinstance(rest, Apply)
            or rest.fn != "convert"
            or self.vector_axis in form.coefficients
        ):
            return None
        places = rest.args[0]
        if places.dtype.kind != "i" or places.dtype.itemsize > 4 or not self.is_vector(places):
            return None
        if self.vector_axis in form.coefficients:
            return None
        order = sorted(form.coefficients, key=lambda a: self.depth[a])
        return offset_of(Form(form.coefficients, ZERO), order), places

    def step(self, offset: Scalar) -> int | None:
        """Return the coefficient of the vector axis in an offset, None when it is not linear."""
        step = linear(offset, self.forms).at(self.vector_axis)
        return None if is_open(step) else step

    def without_vector(self, offset: Scalar) -> Scalar:
        """Return an offset without the term of the vector axis (its innermost term)."""
        assert isinstance(offset, (Apply, Index))
        if isinstance(offset, Index):
            return ZERO
        form = linear(offset, self.forms)
        rest = Form(
            {a: c for a, c in form.coefficients.items() if a != self.vector_axis}, form.rest
        )
        order = sorted(rest.coefficients, key=lambda a: self.depth[a])
        return offset_of(rest, order)

    def level(self, node: Scalar) -> int:
        """Return the depth of the innermost loop that a value depends on, -1 for none."""
        deepest, axes, axis = -1, node.axes, 0
        while axes:
            if axes & 1:
                deepest = max(deepest, self.depth[axis])
            axes >>= 1
            axis += 1
        return deepest

    def enter(self, axis: int, counter: str) -> None:
        """Begin the body of an axis' loop: emit the values that belong to it."""
        self.counters[axis] = counter
        self.scopes.append(Scope(self.depth[axis]))
        self.emit_level(self.depth[axis])

    def begin(self) -> None:
        """Emit the values that depend on no loop."""
        self.emit_level(-1)

    def emit_level(self, level: int) -> None:
        """Emit the values of one level."""
        scope = self.scopes[-1]
        for node in self.by_level.get(level, ()):
            if node not in scope.values:
                scope.values[node] = self.emit(node)

    def leave(self) -> None:
        """End a loop's body."""
        self.scopes.pop()

    def is_vector(self, node: Scalar) -> bool:
        """Tell whether a value has a lane for each step of the vector axis."""
        return self.vector_axis >= 0 and bool(node.axes >> self.vector_axis & 1)

    def lookup(self, node: Scalar) -> str:
        """Return the register of an emitted value (or a constant's text)."""
        if isinstance(node, Slot):
            return self.slots[node.position]
        for scope in reversed(self.scopes):
            found = scope.values.get(node)
            if found is not None:
                return found
        raise InternalError("a value is used outside the loop that computes it")

    def get(self, node: Scalar, lanes: int) -> str:
        """Return a value with `lanes` lanes, spreading a single one."""
        if isinstance(node, Const):
            text = splat_constant(node.value, node.dtype, 1 if is_open(node.value) else lanes)
            if not is_open(node.value):
                return text
        else:
            text = self.lookup(node)
        if lanes == 1 or self.is_vector(node):
            return text
        scope = self.scopes[-1]
        spread = scope.spread.get(text)
        if spread is None:
            spread = scope.spread[text] = self.spread(text, scalar_type(node.dtype), lanes)
        return spread

    def spread(self, text: str, type_: str, lanes: int) -> str:
        """Write a value into every lane."""
        wide = vector(lanes, type_)
        one = self.w.emit(f"insertelement {wide} poison, {type_} {text}, i64 0")
        zeros = f"<{lanes} x i32> zeroinitializer"
        return self.w.emit(f"shufflevector {wide} {one}, {wide} poison, {zeros}")

    def emit(self, node: Scalar) -> str:
        """Write the instructions of a value whose parts have been written."""
        lanes = self.lanes if self.is_vector(node) else 1
        if isinstance(node, Const):
            return splat_constant(node.value, node.dtype, 1)
        if isinstance(node, Index):
            return self.emit_index(node, lanes)
        if isinstance(node, Load):
            return self.emit_load(node, lanes)
        assert isinstance(node, Apply)
        if node in self.arms.arms:
            return self.emit_rare(node, lanes)
        args = [self.get(a, lanes) for a in node.args]
        return apply_function(self.w, node, lanes, args)

    def emit_rare(self, node: Apply, lanes: int) -> str:
        """Write a choice of which one side is computed only where some lane needs it."""
        condition, usual = self.get(node.args[0], lanes), self.get(node.args[2], lanes)

        def unusual() -> str:
            scope = Scope(self.scopes[-1].level)
            self.scopes.append(scope)
            for part in self.arms.arms[node]:
                scope.values[part] = self.emit(part)
            value = self.get(node.args[1], lanes)
            self.scopes.pop()
            return value

        return write_rare(self.w, node, lanes, condition, usual, unusual)

    def emit_index(self, node: Index, lanes: int) -> str:
        """Return a counter, or the positions of the lanes."""
        counter = self.counters[node.axis]
        if lanes == 1:
            return counter
        base = self.spread(counter, "i64", lanes)
        return self.w.emit(f"add <{lanes} x i64> {base}, {lane_numbers(lanes)}")

    def emit_load(self, node: Load, lanes: int) -> str:
        """Read one element, a run of elements, or gather."""
        pointer, dtype = self.pointers[slot_of(node)], node.dtype
        offset = node.indices[0]
        if lanes == 1:
            text = self.read_one(pointer, self.get(offset, 1), dtype, self.guard(node, 1))
            return from_memory(self.w, text, dtype, 1)
        mask = self.conjunction(self.guard(node, lanes), self.mask.text, lanes)
        step = self.step(offset)
        if step in (1, -1):
            text = self.read_run(pointer, offset, dtype, mask, step, lanes)
        elif step == 2:
            address = self.run_address(pointer, offset, memory_type(dtype), step, lanes)
            text = read_alternate(self.w, address, dtype, mask, lanes)
        elif self.is_apart(node, step):
            assert step is not None
            address = self.run_address(pointer, offset, memory_type(dtype), step, lanes)
            text = read_apart(self.w, address, step, dtype, mask, lanes)
        else:
            text = self.read_scattered(pointer, offset, dtype, mask, lanes)
        return from_memory(self.w, text, dtype, lanes)

    def read_scattered(
        self, pointer: str, offset: Scalar, dtype: np.dtype[Any], mask: str | None, lanes: int
    ) -> str:
        """Gather, at short places where they are such: twice as many fit in a register."""
        narrow = self.narrow_places(offset)
        if narrow is None:
            return self.gather(pointer, self.get(offset, lanes), dtype, mask)
        begin, places = narrow
        address = f"getelementptr {memory_type(dtype)}, ptr {pointer}, i64 {self.get(begin, 1)}"
        short_ = f"{vector(lanes, scalar_type(places.dtype))} {self.get(places, lanes)}"
        wide = self.w.emit(f"sext {short_} to {vector(lanes, 'i64')}")
        return self.gather(self.w.emit(address), wide, dtype, mask)

    def gather(self, pointer: str, offsets: str, dtype: np.dtype[Any], mask: str | None) -> str:
        """Read an element for each lane; zero, from a safe place, in lanes that are masked out."""
        w, lanes, type_ = self.w, self.lanes, memory_type(dtype)
        places = w.emit(f"getelementptr {type_}, ptr {pointer}, <{lanes} x i64> {offsets}")
        if w.gathers:
            return gather(w, places, type_, mask, dtype.itemsize, lanes)
        if mask is not None:
            pointers = vector(lanes, "ptr")
            safe = self.spread("@zeros", "ptr", lanes)
            choice = f"<{lanes} x i1> {mask}, {pointers} {places}, {pointers} {safe}"
            places = w.emit(f"select {choice}")
        return read_each(w, places, type_, dtype.itemsize, lanes)

    def guard(self, node: Load, lanes: int) -> str | None:
        """Return a load's guard, None when it has none."""
        return None if node.guard is None else self.get(node.guard, lanes)

    def conjunction(self, a: str | None, b: str | None, lanes: int) -> str | None:
        """Return both masks together."""
        if a is None or b is None:
            return b if a is None else a
        return self.w.emit(f"and <{lanes} x i1> {a}, {b}")

    def read_one(self, pointer: str, offset: str, dtype: np.dtype[Any], guard: str | None) -> str:
        """Read an element; zero, from a safe place, where the guard is false."""
        type_ = memory_type(dtype)
        address = self.w.emit(f"getelementptr {type_}, ptr {pointer}, i64 {offset}")
        if guard is not None:
            address = self.w.emit(f"select i1 {guard}, ptr {address}, ptr @zeros")
        return self.w.emit(f"load {type_}, ptr {address}, align {dtype.itemsize}")

    def run_address(self, pointer: str, offset: Scalar, type_: str, step: int, lanes: int) -> str:
        """Return the address of a run's first element in memory."""
        base = self.get(self.without_vector(offset), 1)
        counter = self.counters[self.vector_axis]
        if step > 1:
            scaled = f"shl i64 {counter}, 1" if step == 2 else f"mul i64 {counter}, {step}"
            counter = self.w.emit(scaled)
        first = self.w.emit(f"{'sub' if step == -1 else 'add'} i64 {base}, {counter}")
        if step == -1:
            first = self.w.emit(f"sub i64 {first}, {lanes - 1}")
        return self.w.emit(f"getelementptr {type_}, ptr {pointer}, i64 {first}")

    def read_run(
        self,
        pointer: str,
        offset: Scalar,
        dtype: np.dtype[Any],
        mask: str | None,
        step: int,
        lanes: int,
    ) -> str:
        """Read consecutive elements, forwards or backwards."""
        type_ = memory_type(dtype)
        wide = vector(lanes, type_)
        address = self.run_address(pointer, offset, type_, step, lanes)
        if mask is None:
            text = self.w.emit(f"load {wide}, ptr {address}, align {dtype.itemsize}")
        else:
            in_memory = mask if step == 1 else self.reverse(mask, "i1", lanes)
            text = masked_load(self.w, wide, address, in_memory, dtype.itemsize, lanes)
        return text if step == 1 else self.reverse(text, type_, lanes)

    def reverse(self, text: str, type_: str, lanes: int) -> str:
        """Reverse the lanes."""
        wide = vector(lanes, type_)
        order = ", ".join(f"i32 {lanes - 1 - k}" for k in range(lanes))
        return self.w.emit(f"shufflevector {wide} {text}, {wide} poison, <{lanes} x i32> <{order}>")

    def store(self, pointer: str, offset: Scalar, value: Scalar, guard: Scalar | None,
              dtype: np.dtype[Any]) -> None:  # fmt: skip
        """Store a value at an offset (a run, scattered lanes, or one element)."""
        vectors = self.is_vector(offset) or self.is_vector(value)
        lanes = self.lanes if vectors and self.vector_axis >= 0 else 1
        text = to_memory(self.w, self.get(value, lanes), value.dtype, dtype, lanes)
        condition = None if guard is None else self.get(guard, lanes)
        if lanes == 1:
            self.store_one(pointer, self.get(offset, 1), text, dtype, condition)
            return
        mask = self.conjunction(condition, self.mask.text, lanes)
        type_ = memory_type(dtype)
        wide = vector(lanes, type_)
        if self.step(offset) == 1:
            address = self.run_address(pointer, offset, type_, 1, lanes)
            if mask is None:
                self.w.do(f"store {wide} {text}, ptr {address}, align {dtype.itemsize}")
            else:
                masked_store(self.w, wide, text, address, mask, dtype.itemsize, lanes)
            return
        scatter(self.w, pointer, self.get(offset, lanes), text, dtype, mask, lanes)

    def store_together(
        self, pointer: str, offset: Scalar, values: Sequence[Scalar], dtype: np.dtype[Any]
    ) -> None:
        """Store vectors whose lanes take turns in memory, as the parts of complex numbers do."""
        lanes, step = self.lanes, len(values)
        texts = [to_memory(self.w, self.get(v, lanes), v.dtype, dtype, lanes) for v in values]
        address = self.run_address(pointer, offset, memory_type(dtype), step, lanes)
        write_alternate(self.w, address, texts, dtype, self.mask.text, lanes)

    def store_at(self, pointer: str, offset: Scalar, text: str, dtype: np.dtype[Any],
                 stored: np.dtype[Any], lanes: int) -> None:  # fmt: skip
        """Store a register at an offset whose counters are all entered."""
        text = to_memory(self.w, text, dtype, stored, lanes)
        type_ = memory_type(stored)
        if lanes == 1:
            self.store_one(pointer, self.get(offset, 1), text, stored, None)
            return
        address = self.run_address(pointer, offset, type_, 1, lanes)
        self.store_vector(text, address, stored, lanes)

    def store_vector(self, text: str, address: str, dtype: np.dtype[Any], lanes: int) -> None:
        """Store consecutive lanes, those that are active."""
        wide = vector(lanes, memory_type(dtype))
        if self.mask.text is None:
            self.w.do(f"store {wide} {text}, ptr {address}, align {dtype.itemsize}")
        else:
            masked_store(self.w, wide, text, address, self.mask.text, dtype.itemsize, lanes)

    def store_text(
        self,
        pointer: str,
        offset: str,
        text: str,
        dtypes: tuple[np.dtype[Any], np.dtype[Any]],
        lanes: int,
        step: int,
    ) -> None:
        """Store a register (dtypes: its own, the memory's), lanes `step` elements apart."""
        own, dtype = dtypes
        text = to_memory(self.w, text, own, dtype, lanes)
        type_ = memory_type(dtype)
        address = self.w.emit(f"getelementptr {type_}, ptr {pointer}, i64 {offset}")
        if lanes == 1:
            self.w.do(f"store {type_} {text}, ptr {address}, align {dtype.itemsize}")
        elif step == 1:
            self.store_vector(text, address, dtype, lanes)
        else:
            numbers = "<" + ", ".join(f"i64 {k * step}" for k in range(lanes)) + ">"
            scatter(self.w, address, numbers, text, dtype, self.mask.text, lanes)

    def store_one(
        self, pointer: str, offset: str, text: str, dtype: np.dtype[Any], guard: str | None
    ) -> None:
        """Store one element, where the guard holds."""
        type_ = memory_type(dtype)

        def write() -> None:
            address = self.w.emit(f"getelementptr {type_}, ptr {pointer}, i64 {offset}")
            self.w.do(f"store {type_} {text}, ptr {address}, align {dtype.itemsize}")

        if guard is None:
            write()
        else:
            self.w.when(guard, write)


def store_offset(values: Values, offset: Scalar) -> tuple[Scalar, ...]:
    """Return what must be emitted for the address of a store."""
    if values.is_vector(offset) and values.step(offset) == 1:
        return (values.without_vector(offset),)
    return (offset,)


def lane_numbers(lanes: int) -> str:
    """Return the constant vector (0, 1, 2, …)."""
    return "<" + ", ".join(f"i64 {k}" for k in range(lanes)) + ">"


def from_memory(w: Writer, text: str, dtype: np.dtype[Any], lanes: int) -> str:
    """Turn a byte that holds a bool into a bit."""
    if dtype != np.bool_:
        return text
    return w.emit(f"trunc {vector(lanes, 'i8')} {text} to {vector(lanes, 'i1')}")


def to_memory(w: Writer, text: str, dtype: np.dtype[Any], stored: np.dtype[Any], lanes: int) -> str:
    """Turn a value into what its buffer holds: a bool into a byte, float32 into a short float."""
    if dtype == np.bool_ and stored == np.bool_:
        return w.emit(f"zext {vector(lanes, 'i1')} {text} to {vector(lanes, 'i8')}")
    return text if dtype == stored else emit_convert(w, lanes, dtype, stored, text)


def apply_function(w: Writer, node: Apply, lanes: int, args: Sequence[str]) -> str:
    """Write the instructions of a basic function."""
    old = node.args[0].dtype
    if node.fn in CHOICES:
        return emit_select(w, lanes, node.dtype, args)
    if node.fn == "convert":
        return emit_convert(w, lanes, old, node.dtype, args[0])
    if node.fn == "bitcast":
        return emit_bitcast(w, lanes, old, node.dtype, args[0])
    if node.fn in APPROXIMATED:
        return call_function(w, node.fn, old, lanes, args)
    return EMITTERS[node.fn](w, lanes, old, args)


def call_function(w: Writer, fn: str, dtype: np.dtype[Any], lanes: int, args: Sequence[str]) -> str:
    """Write a call of a function that the module has once."""
    w.called.add((fn, dtype, lanes))
    type_ = vector(lanes, scalar_type(dtype))
    operands = ", ".join(f"{type_} {a}" for a in args)
    return w.emit(f"call {type_} @{fn}.v{lanes}{dtype.name}({operands})")
