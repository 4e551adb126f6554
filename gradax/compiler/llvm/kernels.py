"""Write each kind of kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradax.compiler.graph.rewrite import reapply
from gradax.compiler.llvm.folds import FoldWriter
from gradax.compiler.llvm.loops import (
    LoopWriter,
    Range,
    Shape,
    arrange,
    choose_lanes,
    choose_vector_axis,
)
from gradax.compiler.llvm.sweeps import SweepWriter
from gradax.compiler.llvm.tiles import TileWriter, tile_axis
from gradax.compiler.llvm.values import Values
from gradax.compiler.llvm.writer import Writer
from gradax.compiler.options import Options
from gradax.compiler.schedule.affine import linear
from gradax.compiler.schedule.ir import Fold, Kernel, Nest, Scatter, Store, Sweep, slot_input
from gradax.compiler.schedule.machine import widen
from gradax.kernel import Apply, Const, Scalar, Slot, load
from gradax.kernel.build import apply, convert


def write_kernel(
    w: Writer,
    kernel: Kernel,
    pointers: dict[int, str],
    dtypes: Sequence[np.dtype[Any]],
    options: Options,
    first: Range,
) -> None:
    """Write a kernel's loops; `first` is the range of the first loop, None for all of it."""
    if isinstance(kernel, Nest):
        write_nest(w, kernel, pointers, dtypes, options, first)
    elif isinstance(kernel, Fold):
        FoldWriter(w, kernel, pointers, dtypes, options, first).write()
    elif isinstance(kernel, Sweep):
        SweepWriter(w, kernel, pointers, dtypes, options, first).write()
    else:
        write_scatter(w, kernel, pointers, dtypes, options, first)


def nest_shape(kernel: Nest, options: Options) -> Shape:
    """Return the loops of a nest."""
    extents = dict(enumerate(kernel.space))
    values = [s.value for s in kernel.stores] + [s.guard for s in kernel.stores]
    axis = choose_vector_axis(
        range(len(kernel.space)), extents, values, [s.offset for s in kernel.stores]
    )
    lanes = choose_lanes(values, extents[axis], options) if axis >= 0 else 1
    return arrange(len(kernel.space), extents, axis, lanes)


def write_nest(
    w: Writer,
    kernel: Nest,
    pointers: dict[int, str],
    dtypes: Sequence[np.dtype[Any]],
    options: Options,
    first: Range,
) -> None:
    """Write a nest."""
    shape = nest_shape(kernel, options)
    along = tile_axis(kernel, shape)
    tiles = TileWriter(w, kernel, shape, along, pointers, first) if along >= 0 else None
    loops = tiles or LoopWriter(w, shape, pointers, first)
    values = loops.values
    groups = paired(kernel.stores, values)
    roots: list[Scalar | None] = []
    for group in groups:
        for s in group:
            roots += [s.value, s.guard]
            if len(group) == 1:
                roots += store_offset(loops, s.offset, s.value)
        if len(group) == 2:
            roots.append(values.without_vector(group[0].offset))
    values.plan(roots)
    values.begin()

    def innermost() -> None:
        for group in groups:
            s = group[0]
            if len(group) == 2:
                parts = [s.value for s in group]
                values.store_pair(pointers[s.slot], s.offset, parts, dtypes[s.slot])
            else:
                values.store(pointers[s.slot], s.offset, s.value, s.guard, dtypes[s.slot])

    if tiles is not None:
        tiles.write(innermost)
    else:
        loops.nest(0, len(kernel.space), innermost)


def paired(stores: Sequence[Store], values: Values) -> list[tuple[Store, ...]]:
    """Return stores one by one, but those of two parts that alternate in memory together."""
    groups: list[tuple[Store, ...]] = []
    for s in stores:
        before = groups[-1] if groups else ()
        if len(before) == 1 and alternate(before[0], s, values):
            groups[-1] = (before[0], s)
        else:
            groups.append((s,))
    return groups


def alternate(a: Store, b: Store, values: Values) -> bool:
    """Tell whether lanes of one store lie just behind those of the other, two apart."""
    if a.slot != b.slot or a.guard is not None or b.guard is not None:
        return False
    if not values.is_vector(a.offset) or values.step(a.offset) != 2:
        return False
    x, y = (linear(s.offset, values.forms) for s in (a, b))
    if x.coefficients != y.coefficients:
        return False
    apart = apply("sub", y.rest, x.rest)
    return isinstance(apart, Const) and apart.value == 1


def store_offset(loops: LoopWriter, offset: Scalar, value: Scalar) -> tuple[Scalar, ...]:
    """Return what must be emitted for the address of a store."""
    values = loops.values
    if values.is_vector(offset) and values.step(offset) == 1:
        return (values.without_vector(offset),)
    return (offset,)


def write_scatter(
    w: Writer,
    kernel: Scatter,
    pointers: dict[int, str],
    dtypes: Sequence[np.dtype[Any]],
    options: Options,
    first: Range,
) -> None:
    """Write an update: as vectors where elements are consecutive, else one by one in order."""
    source = slot_input(kernel.slot, dtypes[kernel.slot])
    old = [widen(load(source, (offset,), kernel.guard)) for offset in kernel.offsets]
    slots = [*old, *kernel.values]
    memo: dict[int, Scalar] = {}
    results = [replace_slots(rule, slots, memo) for rule in kernel.combine]
    loops = LoopWriter(w, scatter_shape(kernel, options), pointers, first)
    values = loops.values
    roots: list[Scalar | None] = [*results, kernel.guard]
    for offset, value in zip(kernel.offsets, results, strict=True):
        roots += store_offset(loops, offset, value)
    values.plan(roots)
    values.begin()

    def innermost() -> None:
        for offset, value in zip(kernel.offsets, results, strict=True):
            values.store(pointers[kernel.slot], offset, value, kernel.guard, dtypes[kernel.slot])

    loops.nest(0, len(kernel.space), innermost)


def scatter_shape(kernel: Scatter, options: Options) -> Shape:
    """Return the loops of an update; the last axis is a vector where it walks elements in order."""
    extents = dict(enumerate(kernel.space))
    n = len(kernel.space)
    axis = -1
    if n and linear(kernel.offsets[0], {}).at(n - 1) == 1 and extents[n - 1] > 1:
        axis = n - 1
    lanes = choose_lanes(kernel.values, extents[axis], options) if axis >= 0 else 1
    return arrange(n, extents, axis, lanes)


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
