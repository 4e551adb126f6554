"""`checkpoint`: a call whose derivative computes again what it needs, instead of keeping it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, final

from gradax.control.call import Jit
from gradax.control.programs import (
    ProgramOp,
    Through,
    check_operands,
    invert,
    linear_mask,
    merge,
    nonzero,
    pick,
    program_node,
    run_reference,
    spread_tangents,
)
from gradax.core.aval import Aval
from gradax.core.effects import effects_of, without_watching
from gradax.core.evaluate import eval_jaxpr, literal_value
from gradax.core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var
from gradax.core.op import operation
from gradax.core.staging import stage
from gradax.core.tangent import is_zero
from gradax.records import replace
from gradax.transforms.jvp import inline, jvp_program
from gradax.transforms.linearize import LinearTrace, live_eqns, split_program
from gradax.transforms.transpose import transpose_program
from gradax.transforms.vmap import batch_program, mapped_size, move_batch_axis

# (primitive, *avals of its operands, **its parameters) -> whether its results may be kept.
Policy = Callable[..., Any]
# Tells the compiler to leave a call a call: its equations must not be shared with those outside.
APART = (1,)


@final
@operation
class Checkpoint(ProgramOp):
    """Call `jaxpr`; reverse mode keeps its operands, and of its results those `policy` allows."""

    jaxpr: Jaxpr
    prevent_cse: bool
    differentiated: bool
    policy: Policy | None

    def again(self, jaxpr: Jaxpr) -> Checkpoint:
        """Return the call of what this one's program becomes under differentiation."""
        return Checkpoint(jaxpr, self.prevent_cse, True, self.policy)

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        check_operands(self, self.jaxpr, avals)
        return self.jaxpr.out_avals

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        mask = nonzero(tangents)
        jaxpr, consts, out_mask = jvp_program(self.jaxpr, mask)
        outs = self.again(jaxpr)(*consts, *primals, *pick(tangents, mask))
        n_out = len(self.jaxpr.outvars)
        return outs[:n_out], spread_tangents(out_mask, self.jaxpr.out_avals, outs[n_out:])

    def split(self, trace: LinearTrace, args: tuple[Any, ...]) -> tuple[Any, ...]:
        unknown = tuple(map(trace.is_mine, args))
        key = ("checkpoint", unknown, self.policy)
        parts = self.jaxpr.memo(key, lambda: divide(self.jaxpr, unknown, self.policy))
        known = (*parts.captured, *pick(args, invert(unknown)))
        outs = Jit(parts.forward, "checkpoint")(*known)
        operands = (*known, *outs[parts.n_known :], *pick(args, unknown))
        staged = trace.emit(self.again(parts.linear), operands)
        return merge(parts.unknown_out, staged, outs[: parts.n_known])

    def transpose(self, ct: Any, *operands: Any) -> Any:
        mask = linear_mask(operands)
        alive = tuple(not is_zero(c) for c in ct)
        jaxpr, consts = transpose_program(self.jaxpr, mask, alive)
        found = self.again(jaxpr)(*consts, *pick(operands, invert(mask)), *pick(ct, alive))
        return merge(mask, found, [None] * (len(mask) - len(found)))

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        mapped = tuple(d is not None for d in dims)
        moved = [
            x if d is None else move_batch_axis(x, d, 0) for x, d in zip(args, dims, strict=True)
        ]
        size = mapped_size(args, dims)
        jaxpr, consts, out = batch_program(self.jaxpr, size, mapped)
        op = Checkpoint(jaxpr, self.prevent_cse, self.differentiated, self.policy)
        return op(*consts, *moved), [0 if m else None for m in out]

    def threaded(self, through: Through, eqn: Eqn, token: Var, after: Var) -> list[Eqn]:
        call = replace(self, jaxpr=through(self.jaxpr))
        return [Eqn(call, (*eqn.invars, token), (*eqn.outvars, after), eqn.source)]

    def lower(self, *operands: Any) -> Any:
        counts = APART if self.prevent_cse and self.differentiated else ()
        return program_node("call", (self.jaxpr,), operands, self.jaxpr.out_avals, counts)

    def reference(self, *operands: Any) -> Any:
        return run_reference(self.jaxpr, operands)


class Divided(NamedTuple):
    """A checkpointed program, divided by what is linear.

    `forward` gives the known results and then what is kept; `linear` takes the known operands, what
    is kept and the linear operands, and gives the linear results.
    """

    captured: tuple[Any, ...]
    forward: Jaxpr
    n_known: int
    linear: Jaxpr
    unknown_out: tuple[bool, ...]


def divide(jaxpr: Jaxpr, unknown: tuple[bool, ...], policy: Policy | None) -> Divided:
    """Divide a program so that its linear part computes its residuals again."""
    if policy is not None:
        jaxpr = without_calls(jaxpr)
    known, captured, linear, unknown_out, n_residuals = split_program(jaxpr, unknown)
    n_known = len(known.outvars) - n_residuals
    results, residuals = known.outvars[:n_known], known.outvars[n_known:]
    kept = kept_variables(known.eqns, residuals, policy)
    eqns = live_eqns(known.eqns, [*results, *kept])
    forward = Jaxpr((), known.invars, eqns, (*results, *kept), known.debug_name)
    needed = needed_eqns(without_watching(known).eqns, residuals, kept)
    again = Jaxpr((), (*known.invars, *kept), needed, residuals)
    n_known_in = len(again.invars)

    def run(*args: Any) -> list[Any]:
        found = eval_jaxpr(again, (), *args[:n_known_in])
        return eval_jaxpr(linear, (), *found, *args[n_known_in:])

    avals = (*again.in_avals, *linear.in_avals[n_residuals:])
    whole = inline(stage(run, avals, jaxpr.debug_name))
    return Divided(captured, forward, n_known, whole, unknown_out)


def kept_variables(
    eqns: Sequence[Eqn], residuals: Sequence[Atom], policy: Policy | None
) -> list[Var]:
    """Return the results that the policy allows to keep and that the residuals need.

    What has side effects is kept in any case: it must not be done again.
    """
    kept: set[Var] = set()
    for eqn in eqns:
        avals = (a.aval for a in eqn.invars)
        allowed = policy is not None and is_saveable(policy(eqn.primitive, *avals, **eqn.params))
        if allowed or "io" in effects_of(eqn.op):
            kept.update(eqn.outvars)
    needed = {a for a in residuals if isinstance(a, Var)}
    used: list[Var] = []
    for eqn in reversed(eqns):
        if not needed.intersection(eqn.outvars):
            continue
        found = [v for v in eqn.outvars if v in kept and v in needed]
        used += found
        if len(found) < len(eqn.outvars):
            needed.update(a for a in eqn.invars if isinstance(a, Var))
    return used[::-1]


def needed_eqns(eqns: Sequence[Eqn], wanted: Sequence[Atom], given: Sequence[Var]) -> list[Eqn]:
    """Return the equations that compute what is wanted from the inputs and what is given."""
    have = set(given)
    needed = {a for a in wanted if isinstance(a, Var)} - have
    found: list[Eqn] = []
    for eqn in reversed(eqns):
        if needed.intersection(eqn.outvars):
            found.append(eqn)
            needed.update(a for a in eqn.invars if isinstance(a, Var) and a not in have)
    return [fresh_outputs(e, have) for e in reversed(found)]


def fresh_outputs(eqn: Eqn, given: set[Var]) -> Eqn:
    """Return an equation that does not bind what is given already."""
    if not given.intersection(eqn.outvars):
        return eqn
    return eqn.replace(outvars=[Var(v.aval) if v in given else v for v in eqn.outvars])


def is_saveable(answer: Any) -> bool:
    """Tell whether a policy's answer allows to keep a result; where it is kept does not matter."""
    return bool(getattr(answer, "saves", answer))


def without_calls(jaxpr: Jaxpr) -> Jaxpr:
    """Return a program whose inner calls are written out, so that a policy sees each equation."""

    def run(*args: Any) -> list[Any]:
        return run_flat(jaxpr, args)

    return jaxpr.memo("without calls", lambda: inline(stage(run, jaxpr.in_avals)))


def run_flat(jaxpr: Jaxpr, args: Sequence[Any]) -> list[Any]:
    """Evaluate a program, and the programs of its calls, equation by equation."""
    env: dict[Var, Any] = dict(zip(jaxpr.invars, args, strict=True))

    def read(atom: Atom) -> Any:
        return literal_value(atom) if isinstance(atom, Literal) else env[atom]

    for eqn in jaxpr.eqns:
        operands = list(map(read, eqn.invars))
        if isinstance(eqn.op, Jit):
            out: Any = run_flat(eqn.op.jaxpr, operands)
        else:
            out = eqn.op(*operands)
        env.update(zip(eqn.outvars, out if eqn.op.multiple_results else (out,), strict=True))
    return list(map(read, jaxpr.outvars))
