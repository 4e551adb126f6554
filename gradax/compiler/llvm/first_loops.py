"""The first loop of a kernel: how long it is, and how it may be cut."""

from __future__ import annotations

from gradax.compiler.llvm.folds import fold_shape
from gradax.compiler.llvm.kernels import nest_shape
from gradax.compiler.llvm.scatters import scatter_shape
from gradax.compiler.llvm.sweeps import sweep_shape
from gradax.compiler.llvm.tiles import BLOCK, tile_axis
from gradax.compiler.options import Options
from gradax.compiler.schedule.ir import Fold, Kernel, Nest, Scatter, Sweep, block_count
from gradax.compiler.schedule.rows import Rule


def first_loop(kernel: Kernel, options: Options) -> tuple[int, int]:
    """Return the extent of a kernel's first loop and the multiple that pieces of it begin at."""
    if isinstance(kernel, Fold):
        n_kept = len(kernel.space)
        if kernel.block:
            return block_count(kernel.extents[0], kernel.block), 1
        shape = fold_shape(kernel, options)
        kept = [a for a in shape.order if a < n_kept and a != shape.vector_axis]
        if kept:
            return kernel.space[kept[0]], 1
        if 0 <= shape.vector_axis < n_kept:
            return kernel.space[shape.vector_axis], shape.lanes * options.unroll
        return 1, 1
    if isinstance(kernel, Sweep):
        return sweep_first(kernel, options)
    if isinstance(kernel, Nest):
        shape = nest_shape(kernel, options)
        along = tile_axis(kernel, shape)
        if along >= 0:
            first = next((a for a in shape.order if a not in (along, shape.vector_axis)), along)
            return shape.extents[first], BLOCK if first == along else 1
    else:
        shape = scatter_shape(kernel, options)
    if not shape.order:
        return 1, 1
    axis = shape.order[0]
    return shape.extents[axis], shape.lanes if axis == shape.vector_axis else 1


def sweep_first(kernel: Sweep, options: Options) -> tuple[int, int]:
    """Return the first loop of a cumulative operation."""
    shape, outer = sweep_shape(kernel, options)
    if outer:
        return shape.extents[outer[0]], 1
    if shape.vector_axis >= 0:
        return shape.extents[shape.vector_axis], shape.lanes
    return 1, 1


def row_rule(kernel: Kernel, options: Options) -> Rule | None:
    """Return how the first axis of a kernel may be cut, None where it is not the first loop."""
    if isinstance(kernel, Scatter) or not kernel.space or getattr(kernel, "block", 0):
        return None
    if isinstance(kernel, Nest):
        shape = nest_shape(kernel, options)
        if tile_axis(kernel, shape) >= 0:
            return None
        axis = shape.order[0]
    elif isinstance(kernel, Fold):
        shape = fold_shape(kernel, options)
        kept = [a for a in shape.order if a < len(kernel.space)]
        axis = next((a for a in kept if a != shape.vector_axis), shape.vector_axis)
    else:
        shape, outer = sweep_shape(kernel, options)
        axis = outer[0] if outer else shape.vector_axis
    extent, multiple = first_loop(kernel, options)
    return Rule(extent, multiple) if axis == 0 and extent == kernel.space[0] else None
