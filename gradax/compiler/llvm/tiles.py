"""Nests that read along one axis and write along another, as a transposition does.

Square tiles are read by rows, turned over in registers, and kept on the stack, from which the nest
reads them as if they lay along the axis that it writes. No element is gathered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from gradax.compiler.llvm.loops import Body, LoopWriter, Range, Shape
from gradax.compiler.llvm.memory import masked_load
from gradax.compiler.llvm.values import Values, from_memory, lane_numbers
from gradax.compiler.llvm.writer import Writer, memory_type, vector
from gradax.compiler.schedule.affine import Accesses, Form, linear, offset_of
from gradax.compiler.schedule.ir import Nest, slot_of
from gradax.kernel import Load, Scalar
from gradax.sizes import is_open, likely, same

# Rows of a tile that are read at once: neighbouring lines of memory are fetched together.
BLOCK = 64
LEAST_POINTS = 4096
MOST_TILES = 4


def tile_axis(kernel: Nest, shape: Shape) -> int:
    """Return the axis along which a nest reads what it writes along another, -1 for none."""
    lanes, across = shape.lanes, shape.vector_axis
    if across < 0 or lanes < 4 or len(shape.order) < 2:
        return -1
    if likely(prod(kernel.space)) < LEAST_POINTS or likely(shape.extents[across]) < lanes:
        return -1
    loads = tile_loads(kernel, across)
    axes = {axis for _, axis in loads if likely(shape.extents[axis]) >= lanes}
    chosen = [load for load, axis in loads if axes == {axis}]
    return min(axes) if 0 < len(chosen) <= MOST_TILES else -1


def tile_loads(kernel: Nest, across: int) -> list[tuple[Load, int]]:
    """Return the loads that would gather along an axis, with the axis that they run along."""
    accesses = Accesses([v for s in kernel.stores for v in (s.value, s.guard)], ())
    found: list[tuple[Load, int]] = []
    for load, form in accesses.loads:
        step = form.at(across)
        is_near = step is not None and not is_open(step) and abs(step) <= 2
        if step is None or is_near or load.guard is not None:
            continue
        along = [
            axis
            for axis, c in form.coefficients.items()
            if same(c, 1) and form.at(axis) is not None
        ]
        if along:
            found.append((load, along[0]))
    return found


class TileValues(Values):
    """Emits the scalars of a nest whose tiles are on the stack."""

    along = -1
    tiles: dict[Scalar, str]
    row = "0"

    def address_part(self, node: Load) -> tuple[Scalar, ...]:
        """Return the offset that a load needs emitted: of a tile's, what neither axis changes."""
        if node in self.tiles:
            return (self.base_of(node),)
        return super().address_part(node)

    def base_of(self, node: Load) -> Scalar:
        """Return the offset of a tile's load without the terms of its two axes."""
        form = linear(node.indices[0], self.forms)
        inside = (self.along, self.vector_axis)
        rest = Form({a: c for a, c in form.coefficients.items() if a not in inside}, form.rest)
        return offset_of(rest, sorted(rest.coefficients, key=lambda a: self.depth[a]))

    def emit_load(self, node: Load, lanes: int) -> str:
        """Read a load's lanes from its tile."""
        tile = self.tiles.get(node)
        if tile is None:
            return super().emit_load(node, lanes)
        wide = vector(lanes, memory_type(node.dtype))
        place = self.w.emit(f"getelementptr {wide}, ptr {tile}, i64 {self.row}")
        text = self.w.emit(f"load {wide}, ptr {place}, align 64")
        return from_memory(self.w, text, node.dtype, lanes)


class TileWriter(LoopWriter):
    """Writes the loops of a nest over tiles: other axes, blocks of rows, columns, rows."""

    def __init__(
        self, w: Writer, kernel: Nest, shape: Shape, along: int, pointers: dict[int, str],
        first: Range,
    ) -> None:  # fmt: skip
        others = [a for a in shape.order if a not in (along, shape.vector_axis)]
        order = (*others, along, shape.vector_axis)
        super().__init__(
            w, Shape(order, shape.extents, shape.vector_axis, shape.lanes), pointers, first
        )
        depth = {axis: d for d, axis in enumerate(order)}
        self.values = TileValues(w, pointers, depth, shape.vector_axis, shape.lanes)
        self.tile_values = self.values
        self.along = self.values.along = along
        self.values.tiles = {}
        for load, axis in tile_loads(kernel, shape.vector_axis):
            if axis == along and load not in self.values.tiles:
                wide = vector(shape.lanes, memory_type(load.dtype))
                self.values.tiles[load] = w.stack(f"[{shape.lanes} x {wide}]")
        self.n_others = len(others)

    def write(self, innermost: Body) -> None:
        """Write all loops around what is done at each point of the vector axis."""
        self.nest(0, self.n_others, lambda: self.blocks(innermost))

    def blocks(self, innermost: Body) -> None:
        """Write the loop over blocks of rows, the last one smaller."""
        begin, end = self.range_of(self.n_others)
        w = self.w

        def block(counter: str, _: list[str]) -> list[str]:
            after = w.emit(f"add i64 {counter}, {BLOCK}")
            inside = w.emit(f"icmp slt i64 {after}, {end}")
            stop = w.emit(f"select i1 {inside}, i64 {after}, i64 {end}")
            self.columns(lambda column, n: self.rows(counter, stop, column, n, innermost))
            return []

        w.loop(begin, end, BLOCK, [], block)

    def columns(self, body: Callable[[str, int | str], None]) -> None:
        """Write the loop over columns of tiles; `body` gets the first lane's place and how many."""
        extent, lanes = self.shape.extents[self.shape.vector_axis], self.shape.lanes
        whole = extent // lanes * lanes

        def inside(counter: str, _: list[str]) -> list[str]:
            body(counter, lanes)
            return []

        self.w.loop("0", str(whole), lanes, [], inside)
        if is_open(extent):
            left = self.w.emit(f"sub i64 {extent}, {whole}")
            is_left = self.w.emit(f"icmp sgt i64 {left}, 0")
            self.w.when(is_left, lambda: body(str(whole), left))
        elif whole < extent:
            body(str(whole), extent - whole)

    def rows(
        self, begin: str, stop: str, column: str, n_columns: int | str, innermost: Body
    ) -> None:
        """Write the loop over the tiles of a block in one column."""
        lanes, w = self.shape.lanes, self.w
        extent = self.shape.extents[self.along]

        def tile(counter: str, _: list[str]) -> list[str]:
            end = w.emit(f"add i64 {counter}, {lanes}")
            if is_open(extent) or extent % lanes:
                inside = w.emit(f"icmp slt i64 {end}, {stop}")
                end = w.emit(f"select i1 {inside}, i64 {end}, i64 {stop}")
            self.turn_tiles(counter, end, column, n_columns)
            self.tile(counter, end, column, n_columns, innermost)
            return []

        w.loop(begin, stop, lanes, [], tile)

    def turn_tiles(self, row: str, end: str, column: str, n_columns: int | str) -> None:
        """Read the tiles of all loads, turn them over, and store them on the stack."""
        lanes, w, values = self.shape.lanes, self.w, self.tile_values
        mask = None
        along = self.shape.extents[self.along]
        if is_open(along) or along % lanes:
            left = w.emit(f"sub i64 {end}, {row}")
            wanted = values.spread(left, "i64", lanes)
            mask = w.emit(f"icmp slt <{lanes} x i64> {lane_numbers(lanes)}, {wanted}")
        for node, place in values.tiles.items():
            assert isinstance(node, Load)
            wide = vector(lanes, memory_type(node.dtype))
            lines = [
                self.read_line(node, row, column, self.column_at(k, n_columns), mask)
                for k in range(lanes)
            ]
            for k, line in enumerate(turned(w, lines, wide, lanes)):
                at = w.emit(f"getelementptr {wide}, ptr {place}, i64 {k}")
                w.do(f"store {wide} {line}, ptr {at}, align 64")

    def column_at(self, k: int, n_columns: int | str) -> int | str:
        """Return lane k of a column, the last one where it has fewer."""
        if isinstance(n_columns, int):
            return min(k, n_columns - 1)
        last = self.w.emit(f"sub i64 {n_columns}, 1")
        return self.w.intrinsic("llvm.smin.i64", "i64", [("i64", str(k)), ("i64", last)])

    def read_line(self, node: Load, row: str, column: str, k: int | str, mask: str | None) -> str:
        """Read the run of a load in lane `k` of a column."""
        w, values, lanes = self.w, self.tile_values, self.shape.lanes
        step = linear(node.indices[0], values.forms).at(self.shape.vector_axis)
        base = values.get(values.base_of(node), 1)
        first = w.emit(f"add i64 {base}, {row}")
        lane = w.emit(f"add i64 {column}, {k}")
        offset = w.emit(f"add i64 {first}, {w.emit(f'mul i64 {lane}, {step}')}")
        type_, pointer = memory_type(node.dtype), values.pointers[slot_of(node)]
        wide = vector(lanes, type_)
        address = w.emit(f"getelementptr {type_}, ptr {pointer}, i64 {offset}")
        if mask is None:
            return w.emit(f"load {wide}, ptr {address}, align {node.dtype.itemsize}")
        return masked_load(w, wide, address, mask, node.dtype.itemsize, lanes)

    def tile(self, row: str, end: str, column: str, n_columns: int | str, innermost: Body) -> None:
        """Write the loop over the rows of one tile."""
        values, lanes = self.tile_values, self.shape.lanes

        def body(counter: str, _: list[str]) -> list[str]:
            values.row = self.w.emit(f"sub i64 {counter}, {row}")
            values.enter(self.along, counter)
            values.enter(self.shape.vector_axis, column)
            innermost()
            values.leave()
            values.leave()
            return []

        def whole() -> None:
            self.w.loop(row, end, 1, [], body)

        if n_columns == lanes:
            whole()
        elif isinstance(n_columns, str):
            spread = values.spread(n_columns, "i64", lanes)
            mask = self.w.emit(f"icmp slt <{lanes} x i64> {lane_numbers(lanes)}, {spread}")
            self.masked(mask, whole)
        else:
            bits = ", ".join(f"i1 {'true' if k < n_columns else 'false'}" for k in range(lanes))
            self.masked(f"<{bits}>", whole)


def turned(w: Writer, lines: Sequence[str], wide: str, lanes: int) -> list[str]:
    """Write the shuffles that turn over a square of vectors, in exchanges of ever larger blocks."""
    rows = list(lines)
    step = 1
    while step < lanes:
        low = [j if not j & step else lanes + j - step for j in range(lanes)]
        high = [j + step if not j & step else lanes + j for j in range(lanes)]
        for i in range(lanes):
            if not i & step:
                a, b = rows[i], rows[i + step]
                rows[i], rows[i + step] = (shuffled(w, a, b, order, wide) for order in (low, high))
        step *= 2
    return rows


def shuffled(w: Writer, a: str, b: str, order: Sequence[int], wide: str) -> str:
    """Choose lanes of two vectors."""
    numbers = ", ".join(f"i32 {k}" for k in order)
    return w.emit(f"shufflevector {wide} {a}, {wide} {b}, <{len(order)} x i32> <{numbers}>")
