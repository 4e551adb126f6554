"""Steps of native control flow: calls, branches, loops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gradax.compiler.graph.ir import Graph, Item
from gradax.compiler.schedule.ir import (
    Block,
    Buffer,
    CallLibrary,
    Choose,
    Copy,
    For,
    Invoke,
    While,
    all_steps,
)
from gradax.kernel import Library, Program, Tensor, Update
from gradax.sizes import likely

if TYPE_CHECKING:
    from gradax.compiler.schedule.build import BlockBuilder

UNKNOWN_STEPS = 1_000
# Shorter loops leave threads idle at their end; what is inside of them is divided instead.
LEAST_STEPS = 8
CALLS_OF_PYTHON = {"callback_of", "check_of"}


def changes_of(item: Item) -> list[tuple[Tensor, Tensor]]:
    """Return what an item begins with and may change in place, with what it becomes."""
    if isinstance(item, Update):
        return [(item.base, item.results[0])]
    if isinstance(item, Library) and item.name == "gemm_add":
        return [(item.operands[2], item.results[0])]
    if not isinstance(item, Program):
        return []
    if item.kind == "while":
        return list(zip(item.operands[sum(item.counts) :], item.results, strict=True))
    if item.kind == "for":
        _, _, n_consts, n_carry = item.counts
        init = item.operands[n_consts : n_consts + n_carry]
        return list(zip(init, item.results[:n_carry], strict=True))
    return []


class ControlBuilder:
    """Adds the steps of a program node to the block that it stands in."""

    def __init__(self, outer: BlockBuilder) -> None:
        self.outer = outer

    def add(self, node: Program) -> None:
        """Add a node's steps."""
        {"call": self.add_call, "branch": self.add_branch, "while": self.add_while,
         "for": self.add_for}[node.kind](node)  # fmt: skip

    def operands(self, node: Program) -> list[Buffer]:
        """Return the buffers of a node's operands."""
        return [self.outer.buffer_of(t) for t in node.operands]

    def results(self, node: Program) -> list[Buffer]:
        """Return the buffers of a node's results."""
        return [self.outer.place(r) for r in node.results]

    def add_call(self, node: Program) -> None:
        """Call the function of an inner program."""
        function = self.outer.module.function_of(node.programs[0])
        arena = None
        if function.arena_bytes:
            arena = Buffer(np.dtype(np.int8), function.arena_bytes, "temp")
        outs = self.results(node)
        self.outer.add(Invoke(function, tuple(self.operands(node)), tuple(outs), arena))
        self.outer.cost += function.cost
        self.outer.own_cost += function.own_cost

    def block(
        self,
        graph: Graph,
        inputs: Sequence[Buffer],
        outputs: Sequence[Buffer],
        carried: set[int],
        times: float = 1.0,
    ) -> Block:
        """Build the steps of an inner program in place."""
        inner = type(self.outer)(graph, inputs, outputs, self.outer.module, carried)
        times = float(likely(times))
        steps = inner.build()
        self.outer.cost += inner.cost * times
        self.outer.own_cost += inner.own_cost * times
        return steps

    def add_branch(self, node: Program) -> None:
        """Choose one of the programs."""
        index, *operands = self.operands(node)
        outs = self.results(node)
        graph_of = self.outer.module.graph_of
        blocks = tuple(self.block(graph_of(p), operands, outs, set()) for p in node.programs)
        self.outer.add(Choose(index, blocks))

    def carry_in(self, node: Program) -> list[Buffer]:
        """Return the buffers of the carry (those of the results), holding the initial values."""
        carry: list[Buffer] = []
        copies: list[Copy] = []
        for begin, result in changes_of(node):
            source = self.outer.buffer_of(begin)
            out = self.outer.in_place(node, begin, result)
            if out is None:
                out = self.outer.place(result)
                copies.append(Copy(out, source))
            carry.append(out)
        for step in copies:
            self.outer.add(step)
        return carry

    def add_while(self, node: Program) -> None:
        """Loop while a condition holds."""
        n_cond, n_body = node.counts
        operands = self.operands(node)
        cond_consts = operands[:n_cond]
        body_consts = operands[n_cond : n_cond + n_body]
        carry = self.carry_in(node)
        cond, body = map(self.outer.module.graph_of, node.programs)
        holds = Buffer(np.dtype(np.bool_), 1, "register")
        condition = self.block(cond, [*cond_consts, *carry], [holds], set(), UNKNOWN_STEPS)
        carried = set(range(n_body, n_body + len(carry)))
        steps = self.block(body, [*body_consts, *carry], carry, carried, UNKNOWN_STEPS)
        self.outer.add(While(condition, holds, steps))

    def add_for(self, node: Program) -> None:
        """Loop a fixed number of times over slices."""
        length, reverse, n_consts, n_carry = node.counts
        operands = self.operands(node)
        consts = operands[:n_consts]
        xs = operands[n_consts + n_carry :]
        carry = self.carry_in(node)
        stacked = [self.outer.place(r) for r in node.results[n_carry:]]
        counter = self.outer.module.counter()
        body = self.outer.module.graph_of(node.programs[0])

        def window(buffer: Buffer) -> Buffer:
            size = buffer.size // max(length, 1)
            return Buffer(buffer.dtype, size, "window", -1, buffer, counter)

        if not length:
            return
        inputs = [*consts, *carry, *map(window, xs)]
        outputs = [*carry, *map(window, stacked)]
        carried = set(range(n_consts, n_consts + n_carry))
        before = self.outer.cost
        steps = self.block(body, inputs, outputs, carried, length)
        work = self.outer.cost - before
        is_large = likely(length) >= LEAST_STEPS and work >= self.outer.module.options.parallel_cost
        is_divisible = is_large and not n_carry and not must_be_ordered(steps)
        workspace = Buffer(np.dtype(np.int8), 0, "workspace") if is_divisible else None
        self.outer.add(For(length, bool(reverse), counter, steps, work, workspace))


def must_be_ordered(steps: Block) -> bool:
    """Tell whether steps call Python, whose calls have an order."""
    for step in all_steps(steps):
        if isinstance(step, CallLibrary) and step.name in CALLS_OF_PYTHON:
            return True
        if isinstance(step, Invoke) and must_be_ordered(step.function.steps):
            return True
    return False
