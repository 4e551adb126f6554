"""Transposition of linear programs: reverse mode is linearize, then this."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradax.core.aval import Aval
from gradax.core.evaluate import literal_value
from gradax.core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var
from gradax.core.staging import stage
from gradax.core.tangent import Linear, Zero, is_linear, is_zero
from gradax.errors import InternalError
from gradax.lax.arithmetic import AddAny
from gradax.transforms.jvp import inline, instantiate


def backward_pass(
    jaxpr: Jaxpr, consts: Sequence[Any], args: Sequence[Any], cts: Sequence[Any]
) -> list[Any]:
    """Return the cotangents of the linear arguments, given those of the outputs.

    `args` are values, or `Linear` for the inputs that the program is linear in; the answer has an
    entry for each, None for values, a `Zero` where nothing flows.
    """
    env: dict[Var, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    linear: set[Var] = set()
    for var, x in zip(jaxpr.invars, args, strict=True):
        if is_linear(x):
            linear.add(var)
        else:
            env[var] = x
    tape = run_nonlinear(jaxpr.eqns, env, linear)
    flows = Flows(linear)
    for atom, ct in zip(jaxpr.outvars, cts, strict=True):
        flows.add(atom, ct)
    for eqn in reversed(tape):
        transpose_eqn(eqn, env, flows)
    return [
        flows.take(v) if is_linear(x) else None for v, x in zip(jaxpr.invars, args, strict=True)
    ]


def run_nonlinear(eqns: Sequence[Eqn], env: dict[Var, Any], linear: set[Var]) -> list[Eqn]:
    """Run the equations that depend on no linear input; return the others, marked in `linear`."""
    tape: list[Eqn] = []
    for eqn in eqns:
        if any(isinstance(a, Var) and a in linear for a in eqn.invars):
            linear.update(eqn.outvars)
            tape.append(eqn)
            continue
        out = eqn.op(*(read(a, env) for a in eqn.invars))
        env.update(zip(eqn.outvars, out if eqn.op.multiple_results else (out,), strict=True))
    return tape


def read(atom: Atom, env: dict[Var, Any]) -> Any:
    """Return the value of a literal or of a variable that is not linear."""
    return literal_value(atom) if isinstance(atom, Literal) else env[atom]


class Flows:
    """The cotangents that have arrived at each linear variable."""

    def __init__(self, linear: set[Var]) -> None:
        self.linear = linear
        self.arrived: dict[Var, Any] = {}

    def add(self, atom: Atom, ct: Any) -> None:
        """Let a cotangent arrive."""
        if ct is None or is_zero(ct) or isinstance(atom, Literal) or atom not in self.linear:
            return
        if ct.shape != atom.aval.shape:
            raise InternalError(f"a cotangent of shape {ct.shape} for {atom.aval}")
        before = self.arrived.get(atom)
        self.arrived[atom] = ct if before is None else AddAny()(before, ct)

    def take(self, var: Var) -> Any:
        """Return the sum of what has arrived."""
        ct = self.arrived.pop(var, None)
        return Zero(var.aval) if ct is None else ct


def transpose_eqn(eqn: Eqn, env: dict[Var, Any], flows: Flows) -> None:
    """Send the cotangents of an equation's results to its operands."""
    cts = [flows.take(v) for v in eqn.outvars]
    if all(map(is_zero, cts)):
        return
    operands = [
        Linear(a.aval) if isinstance(a, Var) and a in flows.linear else read(a, env)
        for a in eqn.invars
    ]
    answer = eqn.op.transpose(tuple(cts) if eqn.op.multiple_results else cts[0], *operands)
    if not isinstance(answer, tuple):
        answer = (answer,)
    for atom, ct in zip(eqn.invars, answer, strict=True):
        flows.add(atom, ct)


def transpose_program(
    jaxpr: Jaxpr, linear_in: tuple[bool, ...], nonzero_ct: tuple[bool, ...]
) -> tuple[Jaxpr, tuple[Any, ...]]:
    """Transpose a program.

    The result takes the inputs that are not linear, then the cotangents of the outputs in
    `nonzero_ct`; it gives the cotangents of all linear inputs. Returns it with its constants.
    """
    key = ("transpose", linear_in, nonzero_ct)
    return jaxpr.memo(key, lambda: _transpose_program(jaxpr, linear_in, nonzero_ct))


def _transpose_program(
    jaxpr: Jaxpr, linear_in: tuple[bool, ...], nonzero_ct: tuple[bool, ...]
) -> Any:
    def run(*flat: Any) -> list[Any]:
        rest = iter(flat)
        args = [
            Linear(a) if is_lin else next(rest)
            for a, is_lin in zip(jaxpr.in_avals, linear_in, strict=True)
        ]
        cts = [
            next(rest) if nonzero else Zero(a)
            for a, nonzero in zip(jaxpr.out_avals, nonzero_ct, strict=True)
        ]
        found = backward_pass(jaxpr, (), args, cts)
        return [instantiate(ct) for ct in found if ct is not None]

    avals: list[Aval] = [a for a, lin in zip(jaxpr.in_avals, linear_in, strict=True) if not lin]
    avals += [a for a, nonzero in zip(jaxpr.out_avals, nonzero_ct, strict=True) if nonzero]
    closed = stage(run, avals, jaxpr.debug_name)
    return inline(closed), closed.consts
