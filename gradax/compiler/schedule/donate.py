"""Find the results of a function that may take over the memory of an operand.

Pre:  the steps are final.
Post: what is found is right whether the memory is shared or not: where it is, every element of the
      operand has been read for the last time before it is overwritten.
Cost: one walk over the steps for each pair of an operand and a result of the same kind.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradax.compiler.schedule.affine import Accesses
from gradax.compiler.schedule.ir import (
    Buffer,
    Copy,
    Fold,
    Function,
    Nest,
    Rows,
    Run,
    Step,
    Sweep,
    all_steps,
    reads_writes,
    slot_of,
)
from gradax.compiler.schedule.rows import row_strides
from gradax.kernel import Scalar

Pair = tuple[int, int]


def shared_memory(function: Function, donated: Sequence[int]) -> tuple[Pair, ...]:
    """Return pairs (operand, result): each donated operand with a result that may take its memory.

    A result of the operand's own dtype comes first, since it more often overwrites it in place.
    """
    found: list[Pair] = []
    free = set(range(len(function.outputs)))
    for position in donated:
        operand = function.inputs[position]
        for k in sorted(free):
            result = function.outputs[k]
            alike = (result.size, result.dtype) == (operand.size, operand.dtype)
            if alike and operand.size and may_share(function.steps, operand, result):
                found.append((position, k))
                free.remove(k)
                break
    return tuple(found)


def may_share(steps: Sequence[Step], operand: Buffer, result: Buffer) -> bool:
    """Tell whether a result may lie where an operand does."""
    is_written = False
    for step in steps:
        reads, writes = touches(step, operand, result)
        if is_written and reads:
            return False
        if writes and reads and not is_in_place(step, operand, result):
            return False
        is_written = is_written or writes
    return True


def touches(step: Step, operand: Buffer, result: Buffer) -> tuple[bool, bool]:
    """Return whether a step, with all inside it, may read the operand and write the result."""
    reads = writes = False
    for inner in all_steps([step]):
        read, written = reads_writes(inner)
        reads = reads or any(b.root() is operand for b in (*read, *written))
        writes = writes or any(b.root() is result for b in written)
    return reads, writes


def is_in_place(step: Step, operand: Buffer, result: Buffer) -> bool:
    """Tell whether a step overwrites no element of the operand that it still reads."""
    if isinstance(step, Copy):
        return step.out is result and step.source is operand
    if isinstance(step, Run):
        return isinstance(step.kernel, Nest) and reads_where_it_writes(step, operand, result)
    if not isinstance(step, Rows):
        return False
    rows = {row_of(run, factor, b) for run, factor in zip(step.runs, step.factors, strict=True)
            for b in (operand, result) if any(x.root() is b for x in run.buffers)}  # fmt: skip
    return len(rows) == 1 and None not in rows and may_share(step.runs, operand, result)


def row_of(run: Run, factor: int, buffer: Buffer) -> int | None:
    """Return how many elements of a buffer a row of a run takes, None where rows overlap."""
    if not isinstance(run.kernel, (Nest, Fold, Sweep)):
        return None
    strides = row_strides(run.kernel, len(run.buffers))
    found = {s for s, b in zip(strides, run.buffers, strict=True) if b.root() is buffer}
    is_whole = all(b.parent is None for b in run.buffers if b.root() is buffer)
    stride = found.pop() if len(found) == 1 and is_whole else None
    return None if stride is None else stride * factor


def reads_where_it_writes(run: Run, operand: Buffer, result: Buffer) -> bool:
    """Tell whether a nest reads of the operand, at each point, only what it overwrites there."""
    assert isinstance(run.kernel, Nest)
    slots = [b.root() for b in run.buffers]
    if any(b.parent is not None for b in run.buffers if b.root() in (operand, result)):
        return False
    stores = [s for s in run.kernel.stores if slots[s.slot] is result]
    if any(s.guard is not None for s in stores):
        return False
    written: set[Scalar] = {s.offset for s in stores}
    roots = [x for s in run.kernel.stores for x in (s.value, s.guard)]
    accesses = Accesses(roots, [s.offset for s in run.kernel.stores])
    return all(
        node.indices[0] in written for node, _ in accesses.loads if slots[slot_of(node)] is operand
    )
