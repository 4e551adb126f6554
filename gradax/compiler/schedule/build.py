"""Build a function's steps from a graph: which buffer each tensor is in, and in what order.

Pre:  check_graph holds; maps have been fused.
Post: check_function holds; 'temp' buffers have no place yet (see plan).
Cost: one walk over the items.

Maps of one space that follow each other are one nest. A result is computed where it is wanted (in
the program's output, a loop's carry), and an update works in place when nothing else reads its
base.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from gradax.compiler.graph.ir import (
    Graph,
    Item,
    bodies_of,
    loads_of,
    sources,
    topological,
)
from gradax.compiler.graph.rewrite import identity, rewrite
from gradax.compiler.options import Options
from gradax.compiler.schedule.control import ControlBuilder, changes_of
from gradax.compiler.schedule.ir import (
    Block,
    Buffer,
    CallLibrary,
    Copy,
    Counter,
    Function,
    Step,
    Swap,
)
from gradax.compiler.schedule.joins import (
    deferred_parts,
    element_of,
    flat,
    is_stack,
    join_of,
    sources_of,
    stacked,
)
from gradax.compiler.schedule.kernels import (
    is_cut,
    make_fold,
    make_nest,
    make_scatter,
    make_sweep,
    row_major,
)
from gradax.compiler.schedule.plan import plan_arena
from gradax.compiler.schedule.rows import RuleOf, join_rows
from gradax.compiler.schedule.split import Stores, split
from gradax.kernel import (
    Input,
    Join,
    Library,
    Load,
    Map,
    Node,
    Prefix,
    Program,
    Reduce,
    Scalar,
    Shape,
    Tensor,
    Update,
    View,
    index,
)
from gradax.kernel.build import apply
from gradax.sizes import likely, same_shape

NEVER = 1 << 60
MOST_STORES = 24
# Fewer bytes are copied as fast as two addresses are exchanged.
LEAST_SWAPPED = 512
Move = tuple[Buffer, Buffer]


class Module:
    """The functions of a compilation, the graphs of inner programs, how loops may be cut."""

    def __init__(self, options: Options, graph_of: Callable[[Any], Graph], rule_of: RuleOf) -> None:
        self.options = options
        self.graph_of = graph_of
        self.rule_of = rule_of
        self.functions: dict[object, Function] = {}
        self.order: list[Function] = []
        self.n_names = 0
        self.n_counters = 0

    def counter(self) -> Counter:
        """Return a new loop counter."""
        self.n_counters += 1
        return Counter(self.n_counters)

    def function_of(self, program: object) -> Function:
        """Return the function of an inner program, made once."""
        found = self.functions.get(program)
        if found is None:
            # Counted at once: building the function names those that it calls.
            name = f"call_{self.n_names}"
            self.n_names += 1
            found = build_function(self.graph_of(program), name, self)
            self.functions[program] = found
        return found


def build_function(graph: Graph, name: str, module: Module) -> Function:
    """Return the function of a graph."""
    inputs = [Buffer(t.dtype, t.size, "input", i) for i, t in enumerate(graph.inputs)]
    n_shown = len(graph.outputs) - (module.options.hidden_outputs if name == "main" else 0)
    outputs = [
        Buffer(t.dtype, t.size, "output" if i < n_shown else "temp", i if i < n_shown else -1)
        for i, t in enumerate(graph.outputs)
    ]
    function = Function(name, inputs, outputs[:n_shown])
    builder = BlockBuilder(graph, inputs, outputs, module, set())
    function.steps = join_rows(builder.build(), module.rule_of)
    function.cost = builder.cost
    function.own_cost = builder.own_cost
    plan_arena(function)
    module.order.append(function)
    return function


class BlockBuilder:
    """Builds the steps of one graph, given the buffers of its inputs and outputs.

    `carried` are the positions of inputs that live in the buffer of the output they become: they
    may be overwritten once nothing reads them any more.
    """

    def __init__(
        self,
        graph: Graph,
        inputs: Sequence[Buffer],
        outputs: Sequence[Buffer],
        module: Module,
        carried: set[int],
    ) -> None:
        self.graph, self.module = graph, module
        self.outputs = outputs
        self.order = topological(graph.outputs)
        self.buffers: dict[Tensor, Buffer] = dict(zip(graph.inputs, inputs, strict=True))
        self.steps: Block = []
        self.group: list[Map] = []
        self.group_start = 0
        self.cost = 0.0
        self.own_cost = 0.0  # without library kernels
        self.position = 0
        self.joined = deferred_parts(self.order, graph.outputs)
        self.deferred = {part for parts in self.joined.values() for part in parts}
        self.last_use = self.last_uses()
        self.readers = self.map_readers()
        self.wanted = self.wanted_buffers()
        self.holders: dict[int, Tensor] = {id(inputs[k]): graph.inputs[k] for k in carried}

    def last_uses(self) -> dict[Tensor, int]:
        """Return the position of the last item that reads each tensor, through views too."""
        last: dict[Tensor, int] = {}
        for position, item in enumerate(self.order):
            # A loop works in the buffers of its results, also where nothing reads them later.
            last.update(dict.fromkeys(getattr(item, "results", ()), position))
            if not isinstance(item, View):
                for tensor in sources(item):
                    last[root(tensor)] = position
            for tensor in sources_of(item, self.joined) if isinstance(item, Join) else ():
                last[root(tensor)] = position
        for tensor in self.graph.outputs:
            last[root(tensor)] = NEVER
        return last

    def wanted_buffers(self) -> dict[Tensor, Buffer]:
        """Return the buffers that tensors should be computed in, found from the outputs back."""
        wanted: dict[Tensor, Buffer] = {}
        for tensor, buffer in zip(self.graph.outputs, self.outputs, strict=True):
            base = root(tensor)
            if not isinstance(base, Input) and base.dtype == buffer.dtype:
                wanted.setdefault(base, buffer)
        for position in reversed(range(len(self.order))):
            item = self.order[position]
            for begin, result in changes_of(item):
                base = root(begin)
                if isinstance(base, Input) or result not in wanted:
                    continue
                if self.dies(item, begin, position):
                    wanted.setdefault(base, wanted[result])
            if isinstance(item, Map) and item in wanted:
                before = self.overwritten(item, position)
                if before is not None:
                    wanted.setdefault(before, wanted[item])
        return wanted

    def overwritten(self, item: Map, position: int) -> Tensor | None:
        """Return what a map may overwrite: read last by it, by all maps at their own points."""
        for node in loads_of((item.body,)):
            tensor = node.source
            if (
                not isinstance(tensor, (Input, View))
                and (tensor.shape, tensor.dtype) == (item.shape, item.dtype)
                and self.last_use.get(tensor) == position
                and tensor not in self.deferred
                and all(reads_in_place(m, tensor) for m in self.readers[tensor])
            ):
                return tensor
        return None

    def map_readers(self) -> dict[Tensor, list[Map]]:
        """Return the maps that read each tensor, through views too."""
        readers: dict[Tensor, list[Map]] = {}
        for item in (item for item in self.order if isinstance(item, Map)):
            for tensor in sources(item):
                readers.setdefault(root(tensor), []).append(item)
        return readers

    def dies(self, item: Item, begin: Tensor, position: int) -> bool:
        """Tell whether what an item changes is not needed but as that."""
        base = root(begin)
        others = [n.source for n in loads_of(read_while_writing(item))]
        if isinstance(item, (Library, Program)):
            others += item.operands
            others.remove(begin)
        return (
            base.dtype == begin.dtype
            and self.last_use.get(base) == position
            and not any(root(x) is base for x in others)
        )

    def build(self) -> Block:
        """Build all steps, then bring every output to its buffer."""
        for position, item in enumerate(self.order):
            self.position = position
            self.visit(item)
        self.position = len(self.order)
        self.flush()
        self.finish_outputs()
        return self.steps

    def finish_outputs(self) -> None:
        """Copy outputs that are elsewhere, as if all at once."""
        moves = [
            (buffer, self.buffer_of(tensor))
            for tensor, buffer in zip(self.graph.outputs, self.outputs, strict=True)
        ]
        moves = [(out, source) for out, source in moves if out is not source]
        targets = {id(out) for out, _ in moves}
        swaps = [(out, source) for out, source in moves if self.may_swap(out, source, moves)]
        moves = [move for move in moves if move not in swaps]
        safe: list[tuple[Buffer, Buffer]] = []
        for out, source in moves:
            if id(source) in targets:
                kept = Buffer(source.dtype, source.size, "temp")
                self.steps.append(Copy(kept, source))
                source = kept
            safe.append((out, source))
        self.steps.extend(Copy(out, source) for out, source in safe)
        self.steps.extend(Swap(out, source) for out, source in swaps)

    def may_swap(self, out: Buffer, source: Buffer, moves: Sequence[Move]) -> bool:
        """Tell whether a loop's carry may exchange its memory with that of its next value."""
        return (
            id(out) in self.holders
            and source.kind == "temp"
            and (out.nbytes, out.dtype) == (source.nbytes, source.dtype)
            and likely(out.nbytes) >= LEAST_SWAPPED
            and [s for _, s in moves].count(source) == 1
        )

    def visit(self, item: Item) -> None:
        """Add an item's step."""
        if isinstance(item, (Input, View)) or item in self.deferred:
            return
        if isinstance(item, Map):
            if not self.joins_group(item):
                self.flush()
                self.group_start = self.position
            self.group.append(item)
            return
        self.flush()
        if isinstance(item, Reduce):
            self.add_reduce(item)
        elif isinstance(item, Prefix):
            self.add(make_sweep(item, self.place(item.results[0]), self.buffer_of))
        elif isinstance(item, Update):
            self.add_update(item)
        elif isinstance(item, Join):
            self.add_join(item)
        elif isinstance(item, Library):
            self.add_library(item)
        else:
            assert isinstance(item, Program)
            ControlBuilder(self).add(item)

    def add(self, step: Step) -> None:
        """Append a step."""
        cost = getattr(step, "cost", 0.0)
        self.cost += cost
        if not isinstance(step, CallLibrary):
            self.own_cost += cost
        self.steps.append(step)

    def buffer_of(self, tensor: Tensor) -> Buffer:
        """Return the buffer that holds a tensor."""
        return self.buffers[root(tensor)]

    def place(self, tensor: Tensor, members: Sequence[Map] = ()) -> Buffer:
        """Return the buffer in which to compute a tensor."""
        buffer = self.wanted.get(tensor)
        if buffer is None or not self.is_free(buffer, members):
            kind = "register" if tensor.shape == () else "temp"
            buffer = Buffer(tensor.dtype, tensor.size, kind)
        self.put(tensor, buffer)
        return buffer

    def put(self, tensor: Tensor, buffer: Buffer) -> None:
        """Record that a tensor is now in a buffer."""
        self.buffers[tensor] = buffer
        if id(buffer) in self.holders:
            self.holders[id(buffer)] = tensor

    def is_free(self, buffer: Buffer, members: Sequence[Map] = ()) -> bool:
        """Tell whether the item at hand, or a group of maps, may overwrite a carry's buffer.

        A group may also read, at each point, the element that it overwrites there.
        """
        holder = self.holders.get(id(buffer))
        if holder is None:
            return True
        last = self.last_use.get(holder, -1)
        if not members:
            return last < self.position
        if last < self.group_start:
            return True
        return last < self.position and all(reads_in_place(m, holder) for m in members)

    def joins_group(self, item: Map) -> bool:
        """Tell whether a map can be computed in the loops of the group before it."""
        if not self.group or not same_shape(self.group[0].shape, item.shape):
            return False
        if len(self.group) >= MOST_STORES:
            return item.shape == ()
        members = set(map(id, self.group))
        related = likely(item.size) <= 4096
        for node in loads_of(bodies_of(item)):
            source = root(node.source)
            if id(source) in members:
                related = True
                if node.source is not source or node.indices != identity(item.shape):
                    return False
            elif not related:
                related = any(source in map(root, sources(m)) for m in self.group)
        return related

    def flush(self) -> None:
        """Add the step of the group of maps."""
        if not self.group:
            return
        members, self.group = self.group, []
        bodies: dict[int, Scalar] = {}

        def inside(node: Load, indices: tuple[Scalar, ...], guard: Scalar | None) -> Scalar | None:
            body = bodies.get(id(node.source))
            if body is None or guard is None:
                return body
            return apply("select", guard, body, 0)

        shape = members[0].shape
        stores: list[tuple[Buffer, Scalar, Scalar]] = []
        for item in members:
            body = rewrite(item.body, inside)
            bodies[id(item)] = body
            # What only the group reads stays in registers.
            if self.last_use.get(item, NEVER) >= self.position:
                stores.append((self.place(item, members), row_major(shape), body))
        if prod(shape):
            self.add_nest(shape, stores)

    def add_nest(self, shape: Shape, stores: Stores) -> None:
        """Add the steps that store values (buffer, offset, value) at every point of a space."""
        for extents, parts in split(shape, stores):
            self.add(make_nest(extents, parts, self.buffer_of))

    def add_reduce(self, item: Reduce) -> None:
        """Add a reduction; a large one to few points in blocks, then over the blocks."""
        outs = [self.place(r) for r in item.results]
        if not prod(item.shape):
            return
        if not prod(item.extents):  # loads that do not depend on the extents must not run
            offset = row_major(item.shape)
            stores = [(out, offset, init) for out, init in zip(outs, item.inits, strict=True)]
            self.add_nest(item.shape, stores)
            return
        if not is_cut(item):
            self.add(make_fold(item, lambda _: outs, self.buffer_of))
            return

        def parts(n: int) -> list[Buffer]:
            return [Buffer(r.dtype, n * r.size, "temp") for r in item.results]

        step = make_fold(item, parts, self.buffer_of, cut=True)
        self.add(step)
        n_blocks = step.outs[0].size // item.results[0].size
        tensors = [Input((n_blocks, *r.shape), r.dtype, -1) for r in item.results]
        self.buffers.update(zip(tensors, step.outs, strict=True))
        n = len(item.shape)
        here = (index(n), *(index(k) for k in range(n)))
        bodies = [t[here] for t in tensors]
        again = Reduce(item.shape, (n_blocks,), item.combine, item.inits, bodies)
        self.add(make_fold(again, lambda _: outs, self.buffer_of))

    def add_update(self, item: Update) -> None:
        """Add an update: in place where the base dies here, else on a copy."""
        out = self.in_place(item, item.base, item.results[0])
        if out is None:
            out = self.place(item.results[0])
            self.steps.append(Copy(out, self.buffer_of(item.base)))
        elif any(root(n.source) is root(item.base) for n in loads_of((item.value,))):
            item = self.with_value_first(item)
        if prod(item.space):
            self.add(make_scatter(item, out, self.buffer_of))

    def with_value_first(self, item: Update) -> Update:
        """Compute the values of an update before it begins: they read what it changes."""
        if prod(item.space) <= 1:
            return item
        values = Input(item.space, item.value.dtype, -1)
        buffer = self.buffers[values] = Buffer(values.dtype, values.size, "temp")
        self.add_nest(item.space, [(buffer, row_major(item.space), item.value)])
        value = values[identity(item.space)]
        return Update(
            item.base, item.space, item.indices, value, item.guard, item.combine, item.unique
        )

    def in_place(self, item: Node, begin: Tensor, result: Tensor) -> Buffer | None:
        """Return the buffer in which an item may change what it begins with, if it may."""
        held = self.buffer_of(begin)
        owned = id(held) in self.holders or not isinstance(root(begin), Input)
        if not owned or not self.dies(item, begin, self.position):
            return None
        self.put(result, held)
        return held

    def add_join(self, item: Join) -> None:
        """Add a concatenation."""
        result = item.results[0]
        self.fill(item, self.place(result), result.shape, (0,) * len(result.shape))

    def fill(self, item: Join, out: Buffer, shape: Shape, begin: Shape) -> None:
        """Compute or copy each part of a concatenation to where it belongs in a larger one."""
        if is_stack(item, self.deferred):
            return self.add_nest(*stacked(item, out, shape, begin, self.deferred))
        for part in item.parts:
            inner = join_of(part)
            if inner is not None and inner in self.deferred:
                self.fill(inner, out, shape, begin)
            elif part.size:
                places = [apply("add", index(k), b) for k, b in enumerate(begin)]
                store = (out, flat(places, shape), element_of(part, self.deferred))
                self.add_nest(part.shape, [store])
            along = begin[item.axis] + part.shape[item.axis]
            begin = (*begin[: item.axis], along, *begin[item.axis + 1 :])

    def add_library(self, item: Library) -> None:
        """Add a call of a library kernel; its cost is not known, so it counts as long."""
        ins = tuple(self.buffer_of(t) for t in item.operands)
        outs = [self.in_place(item, begin, result) for begin, result in changes_of(item)]
        outs = [out for out in outs if out is not None] or [self.place(r) for r in item.results]
        cost = 50.0 + 10.0 * sum(likely(b.size) for b in (*ins, *outs))
        self.add(CallLibrary(item.name, ins, tuple(outs), item.params, cost))


def read_while_writing(item: Item) -> tuple[Scalar | None, ...]:
    """Return the scalars of an item that read between its writes."""
    if not isinstance(item, Update) or likely(2 * prod(item.space)) > likely(item.base.size):
        return bodies_of(item)
    return () if prod(item.space) == 1 else (*item.indices, item.guard)


def reads_in_place(item: Map, holder: Tensor) -> bool:
    """Tell whether a map reads of a tensor, at each point, the element at that point only."""
    return all(
        node.source is holder and node.indices == identity(item.shape)
        for node in loads_of(bodies_of(item))
        if root(node.source) is holder
    )


def root(tensor: Tensor) -> Tensor:
    """Return the tensor whose memory a view looks at."""
    while isinstance(tensor, View):
        tensor = tensor.operand
    return tensor
