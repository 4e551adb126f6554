"""The checker of graphs."""

from __future__ import annotations

from gradax.compiler.graph.ir import Graph, topological
from gradax.errors import InternalError
from gradax.kernel import Input
from gradax.kernel.check import check_tensors


def check_graph(graph: Graph) -> None:
    """Check all tensors of a graph, and that it reads only its own inputs.

    Errors: InternalError naming what is wrong.
    """
    check_tensors(graph.outputs)
    known = set(map(id, graph.inputs))
    for item in topological(graph.outputs):
        if isinstance(item, Input) and id(item) not in known:
            raise InternalError(f"graph {graph.name} reads an input that is not its own")
    for k, tensor in enumerate(graph.inputs):
        if tensor.position != k:
            raise InternalError(f"graph {graph.name}: input {k} says that it is {tensor.position}")
