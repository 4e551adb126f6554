"""Give every temporary buffer a place in the arena, reusing the places of those that are dead.

Pre:  the steps are final.
Post: buffers that live at the same time do not overlap; places are multiples of 64 bytes.
Cost: n log n in the number of buffers, plus the overlaps looked at.
"""

from __future__ import annotations

from bisect import insort

from gradax.compiler.schedule.ir import Block, Buffer, For, Function, While, blocks_of, reads_writes

ALIGNMENT = 64


class Lifetime:
    """The first and last step that touch a buffer."""

    __slots__ = ("buffer", "first", "last")

    def __init__(self, buffer: Buffer, first: int) -> None:
        self.buffer, self.first, self.last = buffer, first, first


def plan_arena(function: Function) -> None:
    """Set `position` of the function's temporary buffers and its `arena_bytes`."""
    lives: dict[int, Lifetime] = {}
    number_steps(function.steps, 0, lives)
    function.arena_bytes = assign(sorted(lives.values(), key=lambda life: life.first))


def number_steps(steps: Block, now: int, lives: dict[int, Lifetime]) -> int:
    """Number steps in order and record lifetimes; what a loop uses from outside lives through it."""
    for step in steps:
        now += 1
        reads, writes = reads_writes(step)
        for buffer in (*reads, *writes):
            touch(buffer, now, lives)
        start = now
        for block in blocks_of(step):
            now = number_steps(block, now, lives)
        if isinstance(step, While):
            touch(step.holds, now, lives)
        if isinstance(step, (For, While)):
            for life in lives.values():
                if life.first <= start and life.last > start:
                    life.last = now
        now += 1
    return now


def touch(buffer: Buffer, now: int, lives: dict[int, Lifetime]) -> None:
    """Record that a step touches a buffer (or the one that its window looks into)."""
    base = buffer.root()
    if base.kind == "temp":
        life = lives.get(id(base))
        if life is None:
            lives[id(base)] = Lifetime(base, now)
        else:
            life.last = now


def assign(lives: list[Lifetime]) -> int:
    """Place buffers first-fit in order of birth; return the bytes needed."""
    active: list[tuple[int, int, int]] = []  # (start, end, last step)
    total = 0
    for life in lives:
        active = [a for a in active if a[2] >= life.first]
        need = -(-max(life.buffer.nbytes, 1) // ALIGNMENT) * ALIGNMENT
        start = 0
        for begin, end, _ in active:
            if begin - start >= need:
                break
            start = max(start, end)
        life.buffer.position = start
        insort(active, (start, start + need, life.last))
        total = max(total, start + need)
    return total
