"""Add a matrix product to something where it is computed, instead of in a pass of its own.

Pre:  check_graph holds.
Post: check_graph holds; the same but for the order in which one more term is added. Only products
      of one floating dtype that nothing else reads change.
Cost: one walk over the items.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gradax.compiler.graph.ir import Graph, Item, loads_of, sources, topological
from gradax.compiler.graph.rewrite import Final, rebuild, rewrite, with_bodies, with_dense
from gradax.kernel import (
    Apply,
    Library,
    Load,
    Map,
    Result,
    Scalar,
    Tensor,
    View,
    index,
    load,
    one_result,
    reshape,
)
from gradax.sizes import likely, same_shape

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
# Smaller products are over before a pass over their results is worth saving.
LEAST_RESULTS = 256


class Sum(NamedTuple):
    """A map that is `other` plus the product of `node`."""

    node: Library
    other: Scalar


def accumulate_products(graph: Graph) -> Graph:
    """Return the graph with products that accumulate."""
    order = topological(graph.outputs)
    if not any(isinstance(item, Library) and item.name == "gemm" for item in order):
        return graph
    readers: Counter[Tensor] = Counter(graph.outputs)
    for item in order:
        readers.update(sources(item))

    def change(item: Item, final: Final) -> Item | Tensor:
        def moved(node: Load, indices: tuple[Scalar, ...], guard: Scalar | None) -> Scalar | None:
            source = final(node.source)
            return None if source is node.source else load(source, indices, guard)

        def body(root: Scalar) -> Scalar:
            return rewrite(root, moved)

        if isinstance(item, Map) and (found := sum_of(item, readers)) is not None:
            return accumulating(found, item.shape, body, final)
        return with_dense(with_bodies(item, body), final)

    return rebuild(graph, change)


def sum_of(item: Map, readers: Counter[Tensor]) -> Sum | None:
    """Return the product that a map adds to something else and that nothing else reads."""
    body = item.body
    if not isinstance(body, Apply) or body.fn != "add" or body.dtype not in FLOATS:
        return None
    if likely(item.size) < LEAST_RESULTS:
        return None
    for k, part in enumerate(body.args):
        if not isinstance(part, Load) or part.guard is not None:
            continue
        other = body.args[1 - k]
        node = product_of(part.source, readers)
        read_again = any(n.source is part.source for n in loads_of((other,)))
        if node is not None and reads_whole(part, item.shape) and not read_again:
            return Sum(node, other)
    return None


def reads_whole(node: Load, shape: tuple[int, ...]) -> bool:
    """Tell whether a load at the points of a shape reads a tensor's elements in their order."""
    long = [axis for axis, n in enumerate(shape) if n > 1]
    sizes = node.source.shape
    read = [i for i, n in zip(node.indices, sizes, strict=True) if n > 1]
    same_sizes = same_shape([n for n in sizes if n > 1], [shape[axis] for axis in long])
    return same_sizes and read == [index(axis) for axis in long]


def product_of(tensor: Tensor, readers: Counter[Tensor]) -> Library | None:
    """Return the product that a tensor, or what it is a view of, is; each with one reader."""
    while (
        isinstance(tensor, View) and readers[tensor] == 1 and tensor.dtype == tensor.operand.dtype
    ):
        tensor = tensor.operand
    if not isinstance(tensor, Result) or readers[tensor] != 1:
        return None
    node = tensor.node
    if not isinstance(node, Library) or node.name != "gemm":
        return None
    return node if all(x.dtype == tensor.dtype for x in node.operands) else None


def accumulating(
    found: Sum,
    shape: tuple[int, ...],
    change: Callable[[Scalar], Scalar],
    final: Final,
) -> Tensor:
    """Return the tensor that a product makes which begins with something else."""
    node, other = found.node, change(found.other)
    if isinstance(other, Load) and other.guard is None and reads_whole(other, shape):
        begin: Tensor = other.source
    else:
        begin = Map(shape, other)
    result = node.results[0]
    operands = (*map(final, node.operands), reshape(begin, result.shape))
    made = Library("gemm_add", operands, [(result.shape, result.dtype)], node.params)
    return reshape(one_result(made), shape)
