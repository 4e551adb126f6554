"""The checker of schedules."""

from __future__ import annotations

from collections.abc import Iterable

from gradax.compiler.schedule.ir import (
    Block,
    Buffer,
    Copy,
    Fold,
    For,
    Function,
    Kernel,
    Nest,
    Rows,
    Run,
    Swap,
    Sweep,
    blocks_of,
    reads_writes,
    slot_of,
)
from gradax.errors import InternalError
from gradax.kernel import Apply, Load, Scalar
from gradax.kernel.functions import APPROXIMATED, BASIC, is_complex


def check_function(function: Function) -> None:
    """Check that buffers are written before they are read, and that kernels are the machine's.

    Errors: InternalError naming the step.
    """
    written = {id(b) for b in function.inputs}
    check_block(function.steps, written, function.name)
    for buffer in function.outputs:
        expect(
            id(buffer) in written or buffer.size == 0, f"{function.name}: an output is not written"
        )


def expect(condition: bool, what: str) -> None:
    """Raise an InternalError unless a condition holds."""
    if not condition:
        raise InternalError(f"schedule: {what}")


def check_block(block: Block, written: set[int], where: str) -> None:
    """Check the steps of a block in order."""
    for k, step in enumerate(block):
        name = f"{where}, step {k} ({type(step).__name__})"
        reads, writes = reads_writes(step)
        outs = {id(b) for b in writes}
        if isinstance(step, Rows):
            check_block(list(step.runs), written, name)
        for buffer in reads:
            known = id(buffer.root()) in written or id(buffer) in outs
            expect(known or buffer.size == 0, f"{name} reads {buffer.kind} memory not yet written")
        if isinstance(step, Run):
            check_kernel(step.kernel, len(step.buffers), name)
        if isinstance(step, (Copy, Swap)):
            expect(step.out.nbytes == step.source.nbytes, f"{name} copies between unequal sizes")
        for inner in blocks_of(step):
            check_block(inner, written, name)
        written.update(id(b.root()) for b in writes)
        if isinstance(step, For):
            expect(step.length > 0, f"{name} runs no times")


def scalars_of(kernel: Kernel) -> Iterable[Scalar | None]:
    """Return the scalars of a kernel."""
    if isinstance(kernel, Nest):
        for s in kernel.stores:
            yield from (s.offset, s.value, s.guard)
    elif isinstance(kernel, Fold):
        yield from (*kernel.bodies, *kernel.combine)
    elif isinstance(kernel, Sweep):
        yield from (kernel.body, kernel.combine)
    else:
        yield from (*kernel.offsets, *kernel.values, kernel.guard, *kernel.combine)


def check_kernel(kernel: Kernel, n_slots: int, where: str) -> None:
    """Check that a kernel's scalars are flat and real."""
    n_axes = len(kernel.space) + len(getattr(kernel, "extents", ()))
    seen: set[int] = set()
    stack = [s for s in scalars_of(kernel) if s is not None]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        expect(node.axes >> n_axes == 0, f"{where}: an axis outside the space")
        expect(not is_complex(node.dtype), f"{where}: a complex scalar")
        if isinstance(node, Load):
            expect(len(node.indices) == 1, f"{where}: a load that is not flat")
            expect(slot_of(node) < n_slots, f"{where}: a slot without a buffer")
            stack.extend(node.indices)
            stack.extend(() if node.guard is None else (node.guard,))
        elif isinstance(node, Apply):
            expect(node.fn in BASIC or node.fn in APPROXIMATED, f"{where}: {node.fn} is not known")
            stack.extend(node.args)


def overlapping(buffers: Iterable[tuple[Buffer, int, int]]) -> bool:
    """Tell whether two temporary buffers that live at the same time share bytes."""
    placed = [
        (b.position, b.position + b.nbytes, first, last) for b, first, last in buffers if b.nbytes
    ]
    return any(
        a[0] < b[1] and b[0] < a[1] and a[2] <= b[3] and b[2] <= a[3]
        for k, a in enumerate(placed)
        for b in placed[:k]
    )
