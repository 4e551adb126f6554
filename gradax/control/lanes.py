"""Mapped branches and loops whose lanes differ: run lane by lane where that saves work.

Lanes that choose differently can run together, each computing everything and selecting what it
needs; or one after another, each doing only what it needs. The first suits cheap bodies, since
sixteen lanes cost what one does; the second those that are expensive, may not end for lanes that do
not need them, or have side effects.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from gradax.control.scan import Scan
from gradax.core.aval import without_axis
from gradax.core.axes import axis_names
from gradax.core.effects import program_effects
from gradax.core.jaxpr import Eqn, Jaxpr, subprograms
from gradax.core.op import Op
from gradax.core.staging import stage
from gradax.lax.dot import DotGeneral
from gradax.lax.families import Elementwise
from gradax.sizes import likely
from gradax.transforms.jvp import inline
from gradax.transforms.vmap import mapping, to_axis

# Elements computed by one lane from which branching costs less than computing and selecting.
CHEAP = 1_000.0
UNKNOWN_STEPS = 1_000.0
# Sorts, factorizations, gathers: more than one instruction an element.
HEAVY_OPERATION = 20.0


def saves_work(op: Op) -> bool:
    """Tell whether lanes should run an operation one by one, each only what it needs.

    Lanes that exchange values over the mapped axis must run together.
    """
    if mapping.axis_name is not None and mapping.axis_name in axis_names(op):
        return False
    programs = subprograms(op)
    return any(program_effects(p) or has_open_loop(p) or lane_cost(p) > CHEAP for p in programs)


def has_open_loop(jaxpr: Jaxpr) -> bool:
    """Tell whether a program has a loop that a lane which does not need it might never leave."""

    def find() -> bool:
        return any(
            e.op.name == "while" or any(map(has_open_loop, subprograms(e.op))) for e in jaxpr.eqns
        )

    return jaxpr.memo("has open loop", find)


def lane_cost(jaxpr: Jaxpr) -> float:
    """Return about how many elements a program computes."""
    return jaxpr.memo("lane cost", lambda: 1e-9 + sum(map(equation_cost, jaxpr.eqns)))


def equation_cost(eqn: Eqn) -> float:
    """Return about how many elements an equation computes."""
    op = eqn.op
    programs = subprograms(op)
    if programs:
        costs = list(map(lane_cost, programs))
        if isinstance(op, Scan):
            return likely(op.length) * costs[0]
        return max(costs) if op.name == "cond" else sum(costs)
    size = max((float(likely(a.aval.size)) for a in (*eqn.invars, *eqn.outvars)), default=0.0)
    if isinstance(op, DotGeneral):
        return product_cost(op, eqn)
    return size if isinstance(op, Elementwise) else size * weight(op)


def product_cost(op: DotGeneral, eqn: Eqn) -> float:
    """Return the multiplications of a matrix product."""
    (contracted, _), _ = op.dimension_numbers
    shape = eqn.invars[0].aval.shape
    return float(likely(eqn.outvars[0].aval.size)) * prod(likely(shape[i]) for i in contracted)


def weight(op: Op) -> float:
    """Return the instructions an element that an operation takes: movements take one."""
    moves = ("broadcast_in_dim", "reshape", "transpose", "slice", "concatenate", "squeeze", "pad")
    return 1.0 if op.name in moves or op.name.startswith("reduce_") else HEAVY_OPERATION


def run_lanes(
    op: Op, operands: Sequence[Any], dims: Sequence[int | None], size: int
) -> tuple[Any, list[int]]:
    """Run an operation for each lane in turn; its results are mapped on axis 0."""
    mapped = [d is not None for d in dims]
    consts = [x for x, m in zip(operands, mapped, strict=True) if not m]
    rows = [to_axis(x, d, size) for x, d in zip(operands, dims, strict=True) if d is not None]

    def lane(*flat: Any) -> Any:
        fixed, own = iter(flat[: len(consts)]), iter(flat[len(consts) :])
        return op(*(next(own) if m else next(fixed) for m in mapped))

    def make() -> Jaxpr:
        avals = [x.aval for x in consts] + [without_axis(x.aval, 0) for x in rows]
        return inline(stage(lane, avals))

    program = subprograms(op)[0]
    types = tuple(x.aval for x in (*consts, *rows))
    body = program.memo(("lanes", op, tuple(mapped), types), make)
    outs = Scan(body, size, False, len(consts), 0)(*consts, *rows)
    return outs, [0] * len(outs)
