"""Linearization: run the primal computation now, write down the tangents' as a linear program.

A `LinearTrace` under a `JVPTrace` does it: what depends on a tangent is staged, what does not is
run by the parent, and the primal values that the staged part needs become its consts (the
residuals).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from gradax import dtypes
from gradax.core.aval import Aval, tangent_aval
from gradax.core.effects import effects_of
from gradax.core.evaluate import eval_jaxpr
from gradax.core.jaxpr import Atom, ClosedJaxpr, Eqn, Jaxpr, Literal, Var
from gradax.core.op import Op, infer
from gradax.core.staging import stage
from gradax.core.tangent import Zero, is_zero
from gradax.core.tracer import Trace, Tracer, run_op, under
from gradax.core.value import as_value
from gradax.errors import SourceLine, source_line
from gradax.native import get_trace, set_trace
from gradax.transforms.jvp import JVPTrace, inline


class LinearTracer(Tracer):
    """A variable of the linear program."""

    __slots__ = ("variable",)

    def __init__(self, trace: LinearTrace, var: Var) -> None:
        self.interpreter = trace
        self.aval = var.aval
        self.variable = var

    def __repr__(self) -> str:
        return f"LinearTracer({self.aval})"


class LinearTrace(Trace):
    """Stages what depends on its inputs and hands all else to its parent."""

    what: ClassVar[str] = "linearized function"

    def __init__(self, parent: Trace | None) -> None:
        self.parent = parent
        self.invars: list[Var] = []
        self.eqns: list[Eqn] = []
        self.constvars: dict[int, Var] = {}
        self.consts: list[Any] = []

    def new_input(self, aval: Aval) -> LinearTracer:
        """Add an input of the linear program."""
        var = Var(aval)
        self.invars.append(var)
        return LinearTracer(self, var)

    def is_mine(self, x: Any) -> bool:
        """Tell whether a value depends on the inputs."""
        return type(x) is LinearTracer and x.interpreter is self

    def atom(self, x: Any) -> Atom:
        """Return the variable that stands for a value; known ones become residuals."""
        if type(x) is LinearTracer and x.interpreter is self:
            return x.variable
        x = as_value(x)
        is_number = x.aval.ndim == 0 and not dtypes.is_extended(x.aval.dtype)
        if is_number and self.parent is not None and not isinstance(x, Tracer):
            return Literal(np.asarray(x)[()], x.aval)  # of the program, not of this call
        var = self.constvars.get(id(x))
        if var is None:
            var = self.constvars[id(x)] = Var(x.aval)
            self.consts.append(x)
        return var

    def process(self, op: Op, args: tuple[Any, ...]) -> Any:
        """Stage the operation when an operand is linear, else run it."""
        if not any(type(x) is LinearTracer and x.interpreter is self for x in args):
            return run_op(self.parent, op, args)
        split = getattr(op, "split", None)
        if split is not None and not all(map(self.is_mine, args)):
            with under(self.parent):
                return split(self, args)
        return self.emit(op, args, source_line())

    def emit(self, op: Op, args: Sequence[Any], source: SourceLine | None = None) -> Any:
        """Write the equation of `op`."""
        atoms = [self.atom(x) for x in args]
        inferred = infer(op, [a.aval for a in atoms])
        if op.multiple_results:
            outs = [Var(a) for a in inferred]
            self.eqns.append(Eqn(op, atoms, outs, source))
            return tuple([LinearTracer(self, v) for v in outs])
        out = Var(inferred)
        self.eqns.append(Eqn(op, atoms, (out,), source))
        return LinearTracer(self, out)

    def process_custom_jvp(self, call: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Run it: derivatives have been taken above; on tangents it is linear as its body is."""
        if any(map(self.is_mine, args)):
            with under(self):
                return tuple(call.run(args))
        with under(self.parent):
            return call.bind(args)

    process_custom_vjp = process_custom_jvp

    def process_custom_vmap(self, call: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Run it where nothing is linear; else it is linear as a whole."""
        if not any(map(self.is_mine, args)):
            with under(self.parent):
                return call.bind(args)
        with under(self.parent):
            op, operands = call.staged(args)
        return self.emit(op, operands, source_line())

    def finish(self, outputs: Sequence[Any]) -> ClosedJaxpr:
        """Return the linear program; its consts are the residuals."""
        outvars = [self.atom(x) for x in outputs]
        self.alive = False
        used = live_eqns(self.eqns, outvars)
        jaxpr = Jaxpr(tuple(self.constvars.values()), self.invars, used, outvars)
        return ClosedJaxpr(jaxpr, self.consts)


def live_eqns(eqns: Sequence[Eqn], outvars: Sequence[Atom]) -> list[Eqn]:
    """Return the equations that outputs depend on or that have effects."""
    needed = {a for a in outvars if isinstance(a, Var)}
    kept: list[Eqn] = []
    for eqn in reversed(eqns):
        if any(v in needed for v in eqn.outvars) or effects_of(eqn.op):
            needed.update(a for a in eqn.invars if isinstance(a, Var))
            kept.append(eqn)
    return kept[::-1]


def linearize_flat(
    fun: Callable[..., Sequence[Any]], primals: Sequence[Any], name: str = ""
) -> tuple[list[Any], ClosedJaxpr, list[bool]]:
    """Return outputs, the linear program of the tangents, and which outputs it gives.

    The program's inputs are the tangents of all `primals` (those of integers are not read).
    """
    linear = LinearTrace(get_trace())
    trace = JVPTrace(linear, name)
    args = []
    for x in map(as_value, primals):
        aval = tangent_aval(x.aval)
        dx = linear.new_input(aval)
        args.append(trace.wrap(x, dx if aval.dtype == x.aval.dtype else Zero(aval)))
    before = get_trace()
    set_trace(trace)
    try:
        pairs = [trace.pair(x) for x in fun(*args)]
    finally:
        trace.alive = linear.alive = False
        set_trace(before)
    nonzero = [not is_zero(dx) for _, dx in pairs]
    closed = linear.finish([dx for _, dx in pairs if not is_zero(dx)])
    return [x for x, _ in pairs], closed, nonzero


def split_program(
    jaxpr: Jaxpr, unknown_in: tuple[bool, ...], force_out: tuple[bool, ...] | None = None
) -> tuple[Jaxpr, tuple[Any, ...], Jaxpr, tuple[bool, ...], int]:
    """Split a program by which inputs are unknown (linear).

    Returns (known program, its captured constants, linear program, which outputs are unknown,
    number of residuals). The known program takes constants and known inputs and gives the known
    outputs and then the residuals; the linear one takes residuals and unknown inputs and gives the
    unknown outputs. Outputs in `force_out` are made unknown.
    """
    key = ("split", unknown_in, force_out)
    return jaxpr.memo(key, lambda: _split_program(jaxpr, unknown_in, force_out))


def _split_program(jaxpr: Jaxpr, unknown_in: tuple[bool, ...], force: Any) -> Any:
    found: dict[str, Any] = {}

    def run_known(*known: Any) -> list[Any]:
        trace = LinearTrace(get_trace())
        rest = iter(known)
        args = [
            trace.new_input(a) if unknown else next(rest)
            for a, unknown in zip(jaxpr.in_avals, unknown_in, strict=True)
        ]
        with under(trace):
            outs = eval_jaxpr(jaxpr, (), *args)
        forced = force or (False,) * len(outs)
        unknown_out = [f or trace.is_mine(x) for f, x in zip(forced, outs, strict=True)]
        closed = trace.finish([x for x, u in zip(outs, unknown_out, strict=True) if u])
        found.update(linear=inline(closed), unknown_out=tuple(unknown_out))
        found["n_residuals"] = len(closed.consts)
        return [x for x, u in zip(outs, unknown_out, strict=True) if not u] + list(closed.consts)

    avals = [a for a, u in zip(jaxpr.in_avals, unknown_in, strict=True) if not u]
    closed = stage(run_known, avals, jaxpr.debug_name)
    return (
        inline(closed),
        closed.consts,
        found["linear"],
        found["unknown_out"],
        found["n_residuals"],
    )
