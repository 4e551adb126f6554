"""Read the parts of a concatenation where it is known which part is read.

Index vectors are such: each column is a part, and a gather reads the columns one by one.

Pre:  check_graph holds.
Post: check_graph holds; the outputs mean the same. No load reads a concatenation at a constant
      place of the joined axis.
Cost: one walk over the scalars of graphs that have concatenations.
"""

from __future__ import annotations

from gradax.compiler.graph.ir import Graph, Item, topological
from gradax.compiler.graph.rewrite import Final, rebuild, rewrite, with_bodies, with_dense
from gradax.compiler.graph.views import indices_through_view
from gradax.kernel import Const, Join, Load, Result, Scalar, Tensor, View, const, load
from gradax.kernel.ir import INT
from gradax.sizes import has_open, is_open


def read_parts(graph: Graph) -> Graph:
    """Return the graph with known parts read directly."""
    if not any(isinstance(item, Join) for item in topological(graph.outputs)):
        return graph

    def change(item: Item, final: Final) -> Item:
        def on_load(node: Load, indices: tuple[Scalar, ...], guard: Scalar | None) -> Scalar | None:
            source, indices = part_at(node.source, indices)
            made = final(source)
            if made is node.source and indices == node.indices and guard is node.guard:
                return None
            return load(made, indices, guard)

        return with_dense(with_bodies(item, lambda root: rewrite(root, on_load)), final)

    return rebuild(graph, change)


def part_at(source: Tensor, indices: tuple[Scalar, ...]) -> tuple[Tensor, tuple[Scalar, ...]]:
    """Return the tensor that is read at indices and the indices there."""
    while True:
        tensor, place = source, indices
        while isinstance(tensor, View):
            inner = indices_through_view(tensor, place)
            if inner is None:
                return source, indices
            tensor, place = tensor.operand, inner
        if not isinstance(tensor, Result) or not isinstance(tensor.node, Join):
            return source, indices
        axis = tensor.node.axis
        known = place[axis]
        if not isinstance(known, Const) or has_open(tensor.shape) or is_open(known.value):
            return source, indices
        at = int(known.value)
        for part in tensor.node.parts:
            n = part.shape[axis]
            if at < n:
                source = part
                indices = (*place[:axis], const(at, INT), *place[axis + 1 :])
                break
            at -= n
        else:
            return source, indices
