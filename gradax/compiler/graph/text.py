"""The text of a graph."""

from __future__ import annotations

from gradax.compiler.graph.ir import Graph
from gradax.kernel.text import format_tensors


def format_graph(graph: Graph) -> str:
    """Return a graph's text: a line for each tensor, then the outputs."""
    inputs = ", ".join(f"{t.dtype}{list(t.shape)}" for t in graph.inputs)
    return f"graph {graph.name}({inputs})\n{format_tensors(graph.outputs)}\n"
