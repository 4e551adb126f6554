"""The graph: a whole program as tensors of kernel expressions.

A graph is its inputs and its outputs; what is reachable from the outputs is the program. Semantics
are those of `kernel.ir`. Nodes are shared by identity, never copied.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradax.kernel import (
    Apply,
    Input,
    Join,
    Library,
    Load,
    Map,
    Node,
    Prefix,
    Program,
    Reduce,
    Result,
    Scalar,
    Tensor,
    Update,
    View,
)
from gradax.records import record

Item = Map | View | Input | Node


@record
class Graph:
    """A program over dense arrays."""

    inputs: tuple[Input, ...]
    outputs: tuple[Tensor, ...]
    name: str = "main"


def item_of(tensor: Tensor) -> Item:
    """Return what computes a tensor."""
    if isinstance(tensor, Result):
        return tensor.node
    assert isinstance(tensor, (Map, View, Input))
    return tensor


def results_of(item: Item | Tensor) -> tuple[Tensor, ...]:
    """Return the tensors that an item computes."""
    return item.results if isinstance(item, Node) else (item,)


def loads_of(roots: tuple[Scalar | None, ...]) -> list[Load]:
    """Return the loads in scalars, each once, those in indices and guards included."""
    found: list[Load] = []
    seen: set[Scalar] = set()
    stack = [r for r in roots if r is not None]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node, Load):
            found.append(node)
            stack.extend(node.indices)
            if node.guard is not None:
                stack.append(node.guard)
        elif isinstance(node, Apply):
            stack.extend(node.args)
    return found


def bodies_of(item: Item) -> tuple[Scalar | None, ...]:
    """Return the scalars that an item evaluates."""
    if isinstance(item, Map):
        return (item.body,)
    if isinstance(item, Reduce):
        return item.bodies
    if isinstance(item, Prefix):
        return (item.body,)
    if isinstance(item, Update):
        return (*item.indices, item.value, item.guard)
    return ()


def dense_operands(item: Item) -> tuple[Tensor, ...]:
    """Return the tensors that an item needs as whole arrays in memory."""
    if isinstance(item, View):
        return (item.operand,)
    if isinstance(item, Update):
        return (item.base,)
    if isinstance(item, Join):
        return item.parts
    if isinstance(item, (Library, Program)):
        return item.operands
    return ()


def sources(item: Item) -> list[Tensor]:
    """Return the tensors that an item reads, each once."""
    loaded = [load.source for load in loads_of(bodies_of(item))]
    return list(dict.fromkeys([*dense_operands(item), *loaded]))


def topological(outputs: tuple[Tensor, ...]) -> list[Item]:
    """Return all items that outputs depend on, operands first."""
    order: list[Item] = []
    state: dict[int, bool] = {}
    stack: list[tuple[Item, Iterator[Tensor] | None]] = [(item_of(t), None) for t in outputs[::-1]]
    while stack:
        item, rest = stack.pop()
        if rest is None:
            if id(item) in state:
                continue
            state[id(item)] = False
            rest = iter(sources(item))
        for tensor in rest:
            inner = item_of(tensor)
            if id(inner) not in state:
                stack.append((item, rest))
                stack.append((inner, None))
                break
        else:
            if not state[id(item)]:
                state[id(item)] = True
                order.append(item)
    return order
