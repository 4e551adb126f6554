"""NaN gradients through the branch that `where` did not take: found before they spread.

Where a branch is not taken its cotangent is zero; if its derivative is infinite there, their
product is NaN, although the value that `where` gave is fine. In strict mode each tangent that a
selection does not take is marked; reverse mode then runs the linearized program once with tangents
of ones, in which the marks are checks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from gradax import dtypes, kernel
from gradax.control.checks import check
from gradax.control.programs import ProgramOp
from gradax.core.aval import Aval
from gradax.core.effects import with_programs
from gradax.core.evaluate import literal_value
from gradax.core.jaxpr import Atom, ClosedJaxpr, Jaxpr, Literal, Var, subprograms
from gradax.core.op import Op, operation
from gradax.core.staging import stage
from gradax.core.tangent import is_zero
from gradax.errors import UntakenBranchError, at_user_line
from gradax.lax.bits import And, Not
from gradax.lax.comparison import Ne
from gradax.lax.creation import full
from gradax.lax.rounding import IsFinite
from gradax.lax.shapes import BroadcastInDim
from gradax.transforms.jvp import inline

BRANCHES = ("false (its third argument)", "true (its second argument)")


@final
@operation
class Untaken(Op):
    """The second operand, a tangent; where the first, the selector, is not `case`, it is unused."""

    case: int
    where: str

    def infer(self, *avals: Aval) -> Aval:
        return avals[1]

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out, dx = self(*primals), tangents[1]
        return out, dx if is_zero(dx) else self(primals[0], dx)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return None, ct

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        return args[1], dims[1]

    def lower(self, *operands: kernel.Tensor) -> Any:
        return operands[1]

    def reference(self, *operands: Any) -> Any:
        return operands[1]


def mark_untaken(which: Any, tangents: Sequence[Any]) -> list[Any]:
    """Return the tangents of a selection's cases, marked where they are not taken."""
    return [
        t if is_zero(t) or t.dtype == dtypes.float0 else Untaken(k, at_user_line())(which, t)
        for k, t in enumerate(tangents)
    ]


def has_marks(jaxpr: Jaxpr) -> bool:
    """Tell whether a program marks untaken tangents."""

    def find() -> bool:
        return any(
            isinstance(e.op, Untaken) or any(map(has_marks, subprograms(e.op))) for e in jaxpr.eqns
        )

    return jaxpr.memo("has marks", find)


def probe(program: ClosedJaxpr) -> None:
    """Run a linear program on ones, refusing tangents that are not finite where they are unused.

    Errors: UntakenBranchError when the program runs.
    """
    if not has_marks(program.jaxpr):
        return
    ones = [
        np.zeros(a.shape, a.dtype) if a.dtype == dtypes.float0 else full(a.shape, 1, a.dtype)
        for a in program.jaxpr.in_avals
    ]
    jaxpr = program.jaxpr
    flat = Jaxpr((), (*jaxpr.constvars, *jaxpr.invars), jaxpr.eqns, jaxpr.outvars)
    run_armed(flat, [*program.consts, *ones])


def armed(jaxpr: Jaxpr) -> Jaxpr:
    """Return a program whose marks are checks."""

    def run(*args: Any) -> list[Any]:
        return run_armed(jaxpr, args)

    if not has_marks(jaxpr):
        return jaxpr
    return jaxpr.memo("armed", lambda: inline(stage(run, jaxpr.in_avals, jaxpr.debug_name)))


def run_armed(jaxpr: Jaxpr, args: Sequence[Any]) -> list[Any]:
    """Evaluate a program, its marks as checks."""
    env: dict[Var, Any] = dict(zip(jaxpr.invars, args, strict=True))

    def read(atom: Atom) -> Any:
        return literal_value(atom) if isinstance(atom, Literal) else env[atom]

    for eqn in jaxpr.eqns:
        op = eqn.op
        operands = list(map(read, eqn.invars))
        if isinstance(op, Untaken):
            refuse_infinite(op, *operands)
            out: Any = operands[1]
        elif isinstance(op, ProgramOp) and any(map(has_marks, subprograms(op))):
            out = with_programs(op, armed)(*operands)
        else:
            out = op(*operands)
        env.update(zip(eqn.outvars, out if op.multiple_results else (out,), strict=True))
    return list(map(read, jaxpr.outvars))


def refuse_infinite(op: Untaken, which: Any, tangent: Any) -> None:
    """Check that a tangent is finite where it is not taken."""
    if which.dtype == np.bool_:
        untaken = which if op.case == 0 else Not()(which)
        name = f"for a condition that is {BRANCHES[op.case]}"
    else:
        untaken = Ne()(which, full(which.shape, op.case, which.dtype))
        name = f"number {op.case}"
    if untaken.shape != tangent.shape:
        untaken = BroadcastInDim(tangent.shape, ())(untaken)
    bad = And()(untaken, Not()(IsFinite()(tangent)))
    message = (
        f"where: the value {name} is not taken in some elements, and its derivative is not finite"
        " there: the gradient would be NaN."
    )
    mend = (
        "\nGive the branch a harmless argument where it is not taken:"
        " where(ok, f(where(ok, x, 1.0)), 0.0)."
    )
    check(bad, np.int32(0), UntakenBranchError, message, op.where, mend)
