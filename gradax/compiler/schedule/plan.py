"""Give every temporary buffer a place in the arena, reusing the places of those that are dead.

Pre:  the steps are final.
Post: buffers that live at the same time do not overlap; places are multiples of 64 bytes.
Cost: n log n in the number of buffers, plus the overlaps looked at.
"""

from __future__ import annotations

from bisect import bisect
from heapq import heappop, heappush
from itertools import chain

from gradax.compiler.schedule.ir import (
    Block,
    Buffer,
    Counter,
    For,
    Function,
    While,
    all_steps,
    blocks_of,
    pieces_of,
    reads_writes,
    swaps_of,
)
from gradax.sizes import is_open

ALIGNMENT = 64


class Lifetime:
    """The first and last step that touch a buffer, and the loops whose windows look into it."""

    __slots__ = ("buffer", "first", "last", "loops")

    def __init__(self, buffer: Buffer, first: int) -> None:
        self.buffer, self.first, self.last = buffer, first, first
        self.loops: set[Counter] = set()


class Lifetimes:
    """The lifetimes of a function's temporary buffers, found by numbering its steps in order."""

    def __init__(self) -> None:
        self.now = 0
        self.lives: dict[int, Lifetime] = {}
        self.loops: list[tuple[int, int]] = []
        self.windows: dict[int, list[Lifetime]] = {}

    def visit(self, steps: Block) -> None:
        """Number the steps of a block and of the blocks inside."""
        for step in steps:
            self.now += 1
            start = self.now
            reads, writes = reads_writes(step)
            for buffer in (*reads, *writes):
                self.touch(buffer)
            for block in blocks_of(step):
                self.visit(block)
            if isinstance(step, While):
                self.touch(step.holds)
            self.now += 1
            if isinstance(step, (For, While)):
                self.close(step, start)

    def touch(self, buffer: Buffer) -> None:
        """Record that a step touches a buffer, or the one that its window looks into."""
        base = buffer.root()
        if base.kind != "temp":
            return
        life = self.lives.get(id(base))
        if life is None:
            life = self.lives[id(base)] = Lifetime(base, self.now)
        life.last = self.now
        while buffer.parent is not None:
            if buffer.loop is not None:
                self.windows.setdefault(id(buffer.loop), []).append(life)
            buffer = buffer.parent

    def close(self, step: For | While, start: int) -> None:
        """End a loop: what is filled slice by slice, or exchanged, lives through all of it."""
        self.loops.append((start, self.now))
        through = [self.lives[id(swap.source)] for swap in swaps_of(step.body)]
        if isinstance(step, For):
            through += self.windows.get(id(step.counter), ())
        for life in through:
            life.first, life.last = min(life.first, start), max(life.last, self.now)

    def finish(self) -> list[Lifetime]:
        """Return the lifetimes; what crosses the border of a loop lives through all of it."""
        for start, end in self.loops:
            for life in self.lives.values():
                if life.first <= start < life.last < end:
                    life.last = end
                elif start < life.first < end < life.last:
                    life.first = start
        return list(self.lives.values())


def plan_arena(function: Function) -> None:
    """Set `position` of the function's temporary buffers and its `arena_bytes`."""
    share_registers(function)
    for step in function.steps:
        if isinstance(step, For) and step.workspace is not None:
            plan_workspace(function, step, step.workspace)
    lifetimes = Lifetimes()
    lifetimes.visit(function.steps)
    lives = sorted(lifetimes.finish(), key=lambda life: life.first)
    function.arena_bytes = assign_all(lives)


def plan_workspace(function: Function, loop: For, workspace: Buffer) -> None:
    """Give each thread that runs steps of a loop memory of its own for what only a step needs.

    What steps share is in memory: a register belongs to one thread.
    """
    outside = touched([step for step in function.steps if step is not loop])
    inside = touched(loop.body)
    for key, buffer in inside.items():
        if key in outside and buffer.kind == "register":
            buffer.kind = "temp"
    lifetimes = Lifetimes()
    lifetimes.visit(loop.body)
    in_turn = lifetimes.windows.get(id(loop.counter), ())
    shared = outside.keys() | {id(life.buffer) for life in in_turn}
    lives = [life for life in lifetimes.finish() if id(life.buffer) not in shared]
    workspace.size = assign_all(sorted(lives, key=lambda life: life.first))
    workspace.kind = "parallel"
    for life in lives:
        life.buffer.kind = "private"


def touched(steps: Block) -> dict[int, Buffer]:
    """Return the buffers that steps touch, by identity; windows count as what they look into."""
    found: dict[int, Buffer] = {}
    for step in all_steps(steps):
        buffers = [b.root() for b in chain(*reads_writes(step))]
        if isinstance(step, While):
            buffers.append(step.holds)
        found.update((id(b), b) for b in buffers)
    return found


def assign_all(lives: list[Lifetime]) -> int:
    """Place buffers of fixed and of open sizes; return the bytes needed."""
    fixed = [life for life in lives if not is_open(life.buffer.nbytes)]
    n_bytes = assign(fixed)
    return assign_open([life for life in lives if is_open(life.buffer.nbytes)], n_bytes)


def share_registers(function: Function) -> None:
    """Move to memory the registers that several pieces of a long function use."""
    home: dict[int, int] = {}
    for k, piece in enumerate(pieces_of(function.steps)):
        for step in all_steps(piece):
            for buffer in chain(*reads_writes(step)):
                if buffer.kind == "register" and home.setdefault(id(buffer), k) != k:
                    buffer.kind = "temp"


def assign(lives: list[Lifetime]) -> int:
    """Place buffers first-fit in order of birth; return the bytes needed."""
    free = [(0, 1 << 62)]
    ends: list[tuple[int, int, int]] = []  # (last step, start, end) of those that live
    total = 0
    for life in lives:
        while ends and ends[0][0] < life.first:
            _, start, end = heappop(ends)
            release(free, start, end)
        need = aligned(max(life.buffer.nbytes, 1))
        k = next(k for k, (start, end) in enumerate(free) if end - start >= need)
        start, end = free[k]
        free[k : k + 1] = [(start + need, end)] if end - start > need else []
        life.buffer.position = start
        heappush(ends, (life.last, start, start + need))
        total = max(total, start + need)
    return total


def assign_open(lives: list[Lifetime], begin: int) -> int:
    """Place buffers of open sizes behind `begin`, each where one of the same size has died or in a
    place of its own; return the bytes needed.
    """
    free: dict[int, list[int]] = {}
    alive: list[Lifetime] = []
    for life in lives:
        for dead in [other for other in alive if other.last < life.first]:
            alive.remove(dead)
            free.setdefault(aligned(dead.buffer.nbytes), []).append(dead.buffer.position)
        need = aligned(life.buffer.nbytes)
        places = free.get(need)
        if places:
            life.buffer.position = places.pop()
        else:
            life.buffer.position, begin = begin, begin + need
        alive.append(life)
    return begin


def aligned(n_bytes: int) -> int:
    """Return a number of bytes that keeps what follows aligned."""
    return -(-n_bytes // ALIGNMENT) * ALIGNMENT


def release(free: list[tuple[int, int]], start: int, end: int) -> None:
    """Give a place back, joined with the free places beside it."""
    k = bisect(free, (start, end))
    if k < len(free) and free[k][0] == end:
        end = free.pop(k)[1]
    if k and free[k - 1][1] == start:
        k, start = k - 1, free.pop(k - 1)[0]
    free.insert(k, (start, end))
