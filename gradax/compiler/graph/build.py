"""Build a graph from a jaxpr: each equation's operation lowers itself.

Pre:  check_jaxpr holds; the program has no consts.
Post: check_graph holds; inner calls below the size limit are part of the graph, unless they say
      (by a count) that they must stay calls.
Cost: one walk over the equations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradax.compiler.graph.ir import Graph
from gradax.compiler.options import Options
from gradax.core.jaxpr import Atom, Eqn, Jaxpr, Literal
from gradax.errors import InternalError
from gradax.kernel import Input, Map, Program, Tensor, const


def physical(dtype: Any) -> Any:
    """Return the dtype that an array is stored in."""
    return getattr(dtype, "physical", dtype)


def build_graph(jaxpr: Jaxpr, options: Options) -> Graph:
    """Return the graph of a program."""
    if jaxpr.constvars:
        raise InternalError("build_graph: the program has consts")
    inputs = tuple(
        Input(v.aval.shape, physical(v.aval.dtype), i) for i, v in enumerate(jaxpr.invars)
    )
    outputs = lower_program(jaxpr, inputs, options)
    return Graph(inputs, tuple(outputs), jaxpr.debug_name or "main")


def lower_program(jaxpr: Jaxpr, args: Sequence[Tensor], options: Options) -> list[Tensor]:
    """Return the outputs of a program on tensors."""
    env: dict[Any, Tensor] = dict(zip(jaxpr.invars, args, strict=True))

    def read(atom: Atom) -> Tensor:
        if isinstance(atom, Literal):
            return literal(atom)
        return env[atom]

    for eqn in jaxpr.eqns:
        results = lower_eqn(eqn, [read(a) for a in eqn.invars], options)
        for var, tensor in zip(eqn.outvars, results, strict=True):
            check_type(eqn, var, tensor)
            env[var] = tensor
    return [read(a) for a in jaxpr.outvars]


def literal(atom: Literal) -> Tensor:
    """Return a literal as a tensor."""
    value = atom.value
    return Map((), const(value[()], value.dtype))


def lower_eqn(eqn: Eqn, operands: list[Tensor], options: Options) -> Sequence[Tensor]:
    """Lower one equation, inlining a small inner call."""
    out = eqn.op.lower(*operands)
    results: Sequence[Tensor] = out if eqn.op.multiple_results else (out,)
    node = getattr(results[0], "node", None) if results else None
    if isinstance(node, Program) and node.kind == "call" and not node.counts:
        (inner,) = node.programs
        if n_equations(inner) <= options.inline_equations:
            return lower_program(inner, node.operands, options)
    return results


def n_equations(jaxpr: Jaxpr) -> int:
    """Return the number of a program's equations."""
    return len(jaxpr.eqns)


def check_type(eqn: Eqn, var: Any, tensor: Tensor) -> None:
    """Raise when a lowering's type is not the inferred one."""
    want = (var.aval.shape, physical(var.aval.dtype))
    if (tensor.shape, tensor.dtype) != want:
        got = (tensor.shape, tensor.dtype)
        raise InternalError(f"{eqn.op.name}: lowered to {got}, inferred {want}")
