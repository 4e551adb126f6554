"""Write each kind of kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradax.compiler.llvm.folds import FoldWriter
from gradax.compiler.llvm.loops import (
    LoopWriter,
    Range,
    Shape,
    arrange,
    choose_lanes,
    choose_vector_axis,
)
from gradax.compiler.llvm.scatters import write_scatter
from gradax.compiler.llvm.sweeps import SweepWriter
from gradax.compiler.llvm.tiles import TileWriter, tile_axis
from gradax.compiler.llvm.values import Values, store_offset
from gradax.compiler.llvm.writer import Writer
from gradax.compiler.options import Options
from gradax.compiler.schedule.affine import linear
from gradax.compiler.schedule.ir import Fold, Kernel, Nest, Store, Sweep
from gradax.kernel import Const, Scalar
from gradax.kernel.build import apply

MOST_TURNS = 8


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
    groups = together(kernel.stores, values)
    roots: list[Scalar | None] = []
    for group in groups:
        for s in group:
            roots += [s.value, s.guard]
            if len(group) == 1:
                roots += store_offset(values, s.offset)
        if len(group) > 1:
            roots.append(values.without_vector(group[0].offset))
    values.plan(roots)
    values.begin()

    def innermost() -> None:
        for group in groups:
            s = group[0]
            if len(group) > 1:
                parts = [s.value for s in group]
                values.store_together(pointers[s.slot], s.offset, parts, dtypes[s.slot])
            else:
                values.store(pointers[s.slot], s.offset, s.value, s.guard, dtypes[s.slot])

    if tiles is not None:
        tiles.write(innermost)
    else:
        loops.nest(0, len(kernel.space), innermost)


def together(stores: Sequence[Store], values: Values) -> list[tuple[Store, ...]]:
    """Return stores one by one, but those whose lanes take turns in memory together."""
    groups: list[tuple[Store, ...]] = []
    k = 0
    while k < len(stores):
        n = turns(stores[k:], values)
        groups.append(tuple(stores[k : k + n]))
        k += n
    return groups


def turns(stores: Sequence[Store], values: Values) -> int:
    """Return how many of the first stores fill, lane by lane in turns, one run of memory."""
    first = stores[0]
    n = values.step(first.offset) if values.is_vector(first.offset) else None
    if n is None or not 2 <= n <= min(MOST_TURNS, len(stores)):
        return 1
    in_turn = all(alternate(first, s, k, values) for k, s in enumerate(stores[:n]))
    return n if in_turn else 1


def alternate(a: Store, b: Store, distance: int, values: Values) -> bool:
    """Tell whether each lane of one store lies so far behind that of the other."""
    if a.slot != b.slot or a.guard is not None or b.guard is not None:
        return False
    x, y = (linear(s.offset, values.forms) for s in (a, b))
    if x.coefficients != y.coefficients:
        return False
    apart = apply("sub", y.rest, x.rest)
    return isinstance(apart, Const) and apart.value == distance
