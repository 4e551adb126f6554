"""The schedule: steps over buffers, in order, with their loops.

Scalars in steps load from *slots*: `Load(slot_input(k, dtype), (offset,))` reads the element at a
flat offset of the buffer in slot k. Equal kernels on different buffers are therefore equal objects.
All dtypes are the machine's: bool, integers, f16/bf16/f8 (memory only), f32, f64; no complex.
Within one point of a nest all loads happen before all stores.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gradax.kernel import Const, Input, Load, Scalar, Shape
from gradax.records import record
from gradax.sizes import is_open

MOST_STEPS = 200


class Buffer:
    """A place in memory: `size` elements of `dtype`.

    kind 'input'/'output': the program's operand/result number `position`; 'temp': in the arena, at
    byte `position` once planned; 'private': the same in a loop's workspace; 'register': one
    element, held in a register; 'window': the slice number `loop` (a loop's counter) of `parent`,
    of `size` elements; 'part': what begins at byte `position` of `parent`.
    """

    __slots__ = ("dtype", "kind", "loop", "parent", "position", "size")

    def __init__(
        self,
        dtype: np.dtype[Any],
        size: int,
        kind: str,
        position: int = -1,
        parent: Buffer | None = None,
        loop: Counter | None = None,
    ) -> None:
        self.dtype, self.size, self.kind = dtype, size, kind
        self.position, self.parent, self.loop = position, parent, loop

    @property
    def nbytes(self) -> int:
        """Bytes of the buffer."""
        return self.size * self.dtype.itemsize

    def root(self) -> Buffer:
        """Return the buffer that a window or part looks into."""
        found = self
        while found.parent is not None:
            found = found.parent
        return found


class Counter:
    """The counter of a loop; identity is what matters."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


_slots: dict[tuple[int, Any], Input] = {}


def slot_input(k: int, dtype: Any) -> Input:
    """Return the tensor that stands for slot k in scalars."""
    key = (k, np.dtype(dtype))
    found = _slots.get(key)
    if found is None:
        found = _slots[key] = Input((-1,), dtype, k)
    return found


def slot_of(node: Load) -> int:
    """Return the slot that a load reads."""
    assert isinstance(node.source, Input)
    return node.source.position


@record
class Store:
    """`slot[offset] = value` at each point; for `guard` false nothing is stored."""

    slot: int
    offset: Scalar
    value: Scalar
    guard: Scalar | None = None


@record
class Nest:
    """Evaluate stores at every point of `space`, in any order."""

    space: Shape
    stores: tuple[Store, ...]


@record
class Fold:
    """Fold bodies over `extents` for each point of `space`; result k goes to its slot at row-major.

    With `block` > 0 the first reduced axis is cut in blocks, each with its own result: the result
    of block b is at b * prod(space) + the point.
    """

    space: Shape
    extents: Shape
    combine: tuple[Scalar, ...]
    inits: tuple[Const, ...]
    bodies: tuple[Scalar, ...]
    out_slots: tuple[int, ...]
    block: int = 0


@record
class Sweep:
    """Inclusive prefixes of `body` along `axis`, stored row-major."""

    space: Shape
    axis: int
    reverse: bool
    combine: Scalar
    init: Const
    body: Scalar
    out_slot: int


@record
class Scatter:
    """`slot[offset] = combine(slot[offset], value)` under `guard`, points in row-major order.

    A complex element has two parts: two offsets, values and rules (on slots old parts, new parts).
    With `apart`, each point of the first axis updates elements of its own.
    """

    space: Shape
    slot: int
    offsets: tuple[Scalar, ...]
    values: tuple[Scalar, ...]
    guard: Scalar | None
    combine: tuple[Scalar, ...]
    unique: bool
    apart: bool = False


Kernel = Nest | Fold | Sweep | Scatter


def block_count(extent: int, block: int) -> int:
    """Return the number of blocks of an axis: of an open one at least two, the last maybe empty."""
    return (extent - 1) // block + 2 if is_open(extent) else -(-extent // block)


@record(eq=False)
class Run:
    """Run a kernel on buffers, one a slot; the first axis may be split over threads."""

    kernel: Kernel
    buffers: tuple[Buffer, ...]
    outs: tuple[Buffer, ...]
    cost: float
    parallel: bool = False


@record(eq=False)
class Rows:
    """Run several kernels on `size` of `n_rows` rows at a time; the rows may be split over threads.

    A row is `factors[k]` points of the first axis of kernel k.
    """

    runs: tuple[Run, ...]
    factors: tuple[int, ...]
    n_rows: int
    size: int
    cost: float


@record(eq=False)
class Copy:
    """Copy all bytes of a buffer."""

    out: Buffer
    source: Buffer


@record(eq=False)
class Swap:
    """Exchange the bytes of two buffers; only at the end of a loop's body.

    It is their addresses that are exchanged, until the loop ends. Nothing else reads `source` after
    it, which belongs to the loop until then.
    """

    out: Buffer
    source: Buffer


@record(eq=False)
class CallLibrary:
    """Call a kernel of the runtime."""

    name: str
    ins: tuple[Buffer, ...]
    outs: tuple[Buffer, ...]
    params: tuple[int, ...]
    cost: float


@record(eq=False)
class Invoke:
    """Call another function of the module, with a piece of the arena as its arena."""

    function: Function
    ins: tuple[Buffer, ...]
    outs: tuple[Buffer, ...]
    arena: Buffer | None


@record(eq=False)
class Choose:
    """Run one of the blocks, by an int32 index that is clamped."""

    index: Buffer
    blocks: tuple[Block, ...]


@record(eq=False)
class For:
    """Run the body with `counter` = 0 … length-1, downwards if `reverse`.

    A loop whose steps need nothing of each other has a `workspace`. Where the plan makes it
    'parallel', steps may run on several threads, each with memory of the workspace's size, in which
    'private' buffers lie.
    """

    length: int
    reverse: bool
    counter: Counter
    body: Block
    work: float = 0.0
    workspace: Buffer | None = None


@record(eq=False)
class While:
    """Run `condition`, and while the bool in `holds` is true `body` and `condition` again."""

    condition: Block
    holds: Buffer
    body: Block


Step = Run | Rows | Copy | Swap | CallLibrary | Invoke | Choose | For | While
Block = list[Step]


class Function:
    """A function of the module: steps over its operands, results and arena."""

    __slots__ = ("arena_bytes", "cost", "inputs", "name", "outputs", "own_cost", "steps")

    def __init__(
        self,
        name: str,
        inputs: list[Buffer],
        outputs: list[Buffer],
        steps: Block | None = None,
        arena_bytes: int = 0,
        cost: float = 0.0,
        own_cost: float = 0.0,
    ) -> None:
        self.name, self.inputs, self.outputs = name, inputs, outputs
        self.steps: Block = [] if steps is None else steps
        self.arena_bytes, self.cost, self.own_cost = arena_bytes, cost, own_cost


def reads_writes(step: Step) -> tuple[list[Buffer], list[Buffer]]:
    """Return the buffers that a step itself reads and writes (not those of its blocks)."""
    if isinstance(step, Run):
        return list(step.buffers), list(step.outs)
    if isinstance(step, Rows):
        read = [b for run in step.runs for b in run.buffers]
        return read, [b for run in step.runs for b in run.outs]
    if isinstance(step, (Copy, Swap)):
        return [step.source], [step.out]
    if isinstance(step, (CallLibrary, Invoke)):
        arena = [step.arena] if isinstance(step, Invoke) and step.arena else []
        return [*step.ins, *arena], [*step.outs, *arena]
    if isinstance(step, Choose):
        return [step.index], []
    return [], []


def blocks_of(step: Step) -> tuple[Block, ...]:
    """Return the blocks inside a step, in order of execution."""
    if isinstance(step, Choose):
        return step.blocks
    if isinstance(step, For):
        return (step.body,)
    return (step.condition, step.body) if isinstance(step, While) else ()


def swaps_of(body: Block) -> list[Swap]:
    """Return the exchanges at the end of a loop's body."""
    return [step for step in body if isinstance(step, Swap)]


def all_steps(block: Block) -> Iterator[Step]:
    """Yield the steps of a block and of the blocks inside."""
    for step in block:
        yield step
        for inner in blocks_of(step):
            yield from all_steps(inner)


def pieces_of(block: Block) -> list[Block]:
    """Return a function's steps in runs that become functions of their own.

    Machine code of a function takes more than linear time to make. What one run keeps in a register
    no other can see.
    """
    return [block[k : k + MOST_STEPS] for k in range(0, len(block), MOST_STEPS)] or [block]
