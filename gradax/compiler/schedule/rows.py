"""Run several kernels on some rows at a time, so that what one writes the next finds in the cache.

Pre:  the steps are final; buffers have no place yet.
Post: the same kernels run on the same points. Kernels are joined only where each row of what one
      writes is read by the same row of the others, and nothing else of it.
Cost: linear in the kernels, and in the pairs that are joined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import gcd, lcm
from typing import NamedTuple

from gradax.compiler.schedule.affine import Accesses, Form
from gradax.compiler.schedule.ir import (
    Block,
    Fold,
    Kernel,
    Nest,
    Rows,
    Run,
    Step,
    Sweep,
    blocks_of,
    slot_of,
)
from gradax.compiler.schedule.kernels import row_major
from gradax.kernel import Const
from gradax.sizes import is_open, likely, same

# Fewer bytes stay in the cache anyway.
LEAST_BYTES = 1 << 19
# What the rows of a block should take, and what they may.
BLOCK_BYTES, MOST_BYTES = 192 << 10, 1 << 20
MOST_RUNS = 12


class Rule(NamedTuple):
    """How the first axis of a kernel may be cut: its extent, and what pieces are multiples of."""

    extent: int
    multiple: int


RuleOf = Callable[[Kernel], "Rule | None"]


def join_rows(block: Block, rule_of: RuleOf) -> Block:
    """Return steps with runs joined, in the blocks inside too."""
    out: Block = []
    group: list[Member] = []

    def flush() -> None:
        out.extend(joined(group))
        group.clear()

    for step in block:
        for inner in blocks_of(step):
            inner[:] = join_rows(inner, rule_of)
        member = member_of(step, rule_of)
        if member is None:
            flush()
            out.append(step)
            continue
        if group and (len(group) >= MOST_RUNS or not can_join([*group, member])):
            flush()
        group.append(member)
    flush()
    return out


class Member:
    """A run that may be joined with others."""

    def __init__(self, run: Run, rule: Rule) -> None:
        self.run, self.rule = run, rule
        self.strides = row_strides(run.kernel, len(run.buffers))
        self.written = {id(b) for b in run.outs}

    def row_bytes(self, slot: int, n_rows: int) -> int | None:
        """Return the bytes of a row of a slot's buffer; None where rows reach into each other."""
        stride = self.strides[slot]
        if stride is None:
            return None
        return stride * (self.rule.extent // n_rows) * self.run.buffers[slot].dtype.itemsize


def member_of(step: Step, rule_of: RuleOf) -> Member | None:
    """Return a step as a member of a group, None when it cannot be one."""
    if not isinstance(step, Run) or any(b.parent is not None for b in step.buffers):
        return None
    rule = rule_of(step.kernel)
    return None if rule is None or rule.extent < 2 else Member(step, rule)


def row_strides(kernel: Kernel, n_slots: int) -> list[int | None]:
    """Return, for each slot, the stride of the first axis in all accesses, None without one.

    There is one where an access at a point of the first axis stays within that stride.
    """
    extents = (*kernel.space, *getattr(kernel, "extents", ()))
    found: list[set[int | None]] = [set() for _ in range(n_slots)]
    if isinstance(kernel, Nest):
        roots = [s for store in kernel.stores for s in (store.value, store.guard)]
        accesses = Accesses(roots, [s.offset for s in kernel.stores])
        for store, form in zip(kernel.stores, accesses.stores, strict=True):
            found[store.slot].add(stride_of(form, extents))
    else:
        assert isinstance(kernel, (Fold, Sweep))
        bodies = kernel.bodies if isinstance(kernel, Fold) else (kernel.body,)
        outs = kernel.out_slots if isinstance(kernel, Fold) else (kernel.out_slot,)
        accesses = Accesses(bodies, [row_major(kernel.space)])
        for slot in outs:
            found[slot].add(stride_of(accesses.stores[0], extents))
    for node, form in accesses.loads:
        found[slot_of(node)].add(stride_of(form, extents))
    return [next(iter(strides)) if len(strides) == 1 else None for strides in found]


def stride_of(form: Form, extents: Sequence[int]) -> int | None:
    """Return the coefficient of the first axis where the other axes reach less far."""
    stride = form.at(0)
    if not stride or stride < 0 or not isinstance(form.rest, Const):
        return None
    low = high = form.rest.value
    for axis, c in form.coefficients.items():
        if axis:
            reach = c * (extents[axis] - 1)
            low, high = low + min(reach, 0), high + max(reach, 0)
    return stride if low >= 0 and high < stride else None


def can_join(group: Sequence[Member]) -> bool:
    """Tell whether rows of the last member read and write the same rows as the others."""
    n_rows = fewest_rows(group)
    if n_rows is None:
        return False
    last = group[-1]
    for earlier in group[:-1]:
        for k, buffer in enumerate(last.run.buffers):
            for j, other in enumerate(earlier.run.buffers):
                if buffer is not other or id(buffer) not in last.written | earlier.written:
                    continue
                bytes_of = last.row_bytes(k, n_rows), earlier.row_bytes(j, n_rows)
                if bytes_of[0] is None or not same(*bytes_of):
                    return False
    return True


def fewest_rows(group: Sequence[Member]) -> int | None:
    """Return the number of rows, which divides the extents of all members; None without one."""
    extents = [m.rule.extent for m in group]
    n_rows = min(extents, key=likely)
    parts = [divmod(n, n_rows) for n in extents]
    return n_rows if all(not is_open(q) and type(r) is int and r == 0 for q, r in parts) else None


def joined(group: Sequence[Member]) -> Iterable[Step]:
    """Return the step of a group, its runs one by one where joining does not pay."""
    runs = [m.run for m in group]
    buffers = {id(b): b for run in runs for b in run.buffers}
    n_uses = sum(len(run.buffers) for run in runs)
    n_bytes = sum(likely(b.nbytes) for b in buffers.values())
    if len(runs) < 2 or n_uses == len(buffers) or n_bytes < LEAST_BYTES:
        return runs
    n_rows = fewest_rows(group)
    assert n_rows is not None
    step = lcm(*(m.rule.multiple // gcd(m.rule.multiple, m.rule.extent // n_rows) for m in group))
    own = own_bytes(group, n_rows)
    if step >= likely(n_rows) or own * step > MOST_BYTES:
        return runs
    size = max(BLOCK_BYTES // max(own, 1) // step, 1) * step
    if size >= likely(n_rows) and not is_open(n_rows):
        return runs
    factors = tuple(m.rule.extent // n_rows for m in group)
    return [Rows(tuple(runs), factors, n_rows, size, sum(run.cost for run in runs))]


def own_bytes(group: Sequence[Member], n_rows: int) -> int:
    """Return the bytes that one row takes in all buffers."""
    rows: dict[int, int] = {}
    for m in group:
        for k, buffer in enumerate(m.run.buffers):
            rows[id(buffer)] = likely(m.row_bytes(k, n_rows) or 0)
    return sum(rows.values())
