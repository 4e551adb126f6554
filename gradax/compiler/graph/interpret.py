"""The meaning of a graph, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradax.compiler.graph.build import build_graph
from gradax.compiler.graph.ir import Graph
from gradax.compiler.options import Options
from gradax.kernel import Program
from gradax.kernel.interpret import interpret

Array = np.ndarray[Any, Any]


def interpret_graph(
    graph: Graph,
    inputs: Sequence[Array],
    libraries: Mapping[str, Any] | None = None,
    options: Options | None = None,
) -> list[Array]:
    """Return a graph's outputs; `libraries` gives the NumPy meaning of library kernels."""
    chosen = options or Options()

    def run(jaxpr: Any, args: Sequence[Array]) -> list[Array]:
        inner = build_graph(jaxpr, chosen)
        return interpret(inner.outputs, args, libraries, run_program)

    def run_program(node: Program, args: list[Array]) -> Sequence[Array]:
        if node.kind == "call":
            return run(node.programs[0], args)
        if node.kind == "branch":
            which = min(max(int(args[0]), 0), len(node.programs) - 1)
            return run(node.programs[which], args[1:])
        return run_while(node, args) if node.kind == "while" else run_for(node, args)

    def run_while(node: Program, args: list[Array]) -> Sequence[Array]:
        cond, body = node.programs
        n_cond, n_body = node.counts
        cond_consts, body_consts = args[:n_cond], args[n_cond : n_cond + n_body]
        carry = args[n_cond + n_body :]
        while bool(run(cond, [*cond_consts, *carry])[0]):
            carry = run(body, [*body_consts, *carry])
        return carry

    def run_for(node: Program, args: list[Array]) -> Sequence[Array]:
        length, reverse, n_consts, n_carry = node.counts
        consts, carry = args[:n_consts], args[n_consts : n_consts + n_carry]
        xs = args[n_consts + n_carry :]
        stacked = [np.zeros(r.shape, r.dtype) for r in node.results[n_carry:]]
        for i in reversed(range(length)) if reverse else range(length):
            out = run(node.programs[0], [*consts, *carry, *(x[i] for x in xs)])
            carry = out[:n_carry]
            for rows, y in zip(stacked, out[n_carry:], strict=True):
                rows[i] = y
        return [*carry, *stacked]

    return interpret(graph.outputs, inputs, libraries, run_program)
