"""NumPy meanings of what kernel expressions leave open: library kernels and inner programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradax import native
from gradax.core.jaxpr import Jaxpr, Literal
from gradax.kernel import Program
from gradax.runtime import libraries

Array = np.ndarray[Any, Any]


class Libraries(dict[str, Any]):
    """Every library kernel by its name, run by the extension."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Any:
        libraries.ensure(name)

        def run(operands: list[Array], params: tuple[int, ...], types: Any) -> list[Array]:
            outs = [np.zeros(shape, dtype) for shape, dtype in types]
            ins = [plain(np.ascontiguousarray(x)) for x in operands]
            native.call_kernel(f"gx_{name}", ins, [plain(x) for x in outs], list(params))
            return outs

        return run


def plain(x: Array) -> Array:
    """Return an array whose dtype the buffer protocol knows, with the same bytes."""
    return x.view(np.uint16) if x.dtype.name == "bfloat16" else x


def run_program(node: Program, operands: list[Array]) -> list[Array]:
    """Run a node of inner programs by the operations' references."""
    if node.kind == "call":
        return run_jaxpr(node.programs[0], operands)
    if node.kind == "branch":
        which = int(np.clip(operands[0], 0, len(node.programs) - 1))
        return run_jaxpr(node.programs[which], operands[1:])
    if node.kind == "while":
        n_cond, n_body = node.counts
        cond, body, carry = split(operands, n_cond, n_body)
        while bool(run_jaxpr(node.programs[0], [*cond, *carry])[0]):
            carry = run_jaxpr(node.programs[1], [*body, *carry])
        return carry
    length, backwards, n_consts, n_carry = node.counts
    consts, carry, xs = split(operands, n_consts, n_carry)
    steps: list[list[Array]] = []
    for i in reversed(range(length)) if backwards else range(length):
        outs = run_jaxpr(node.programs[0], [*consts, *carry, *(x[i] for x in xs)])
        carry = outs[:n_carry]
        steps.append(outs[n_carry:])
    steps = steps[::-1] if backwards else steps
    return [*carry, *(np.stack(ys) for ys in zip(*steps, strict=True))]


def split(values: Sequence[Array], n: int, m: int) -> tuple[list[Array], list[Array], list[Array]]:
    """Return the first n values, the next m, and the rest."""
    return list(values[:n]), list(values[n : n + m]), list(values[n + m :])


def run_jaxpr(jaxpr: Jaxpr, args: Sequence[Array]) -> list[Array]:
    """Run a program by the operations' references."""
    env: dict[Any, Array] = dict(zip(jaxpr.invars, map(np.asarray, args), strict=True))

    def read(atom: Any) -> Array:
        return atom.value if isinstance(atom, Literal) else env[atom]

    for eqn in jaxpr.eqns:
        out = eqn.op.reference(*map(read, eqn.invars))
        outs = out if eqn.op.multiple_results else (out,)
        env.update(zip(eqn.outvars, map(np.asarray, outs), strict=True))
    return [read(a) for a in jaxpr.outvars]
