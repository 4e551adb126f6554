"""Truncated power series through programs: derivatives of any order along a curve.

A value is a list of coefficients [c0, c1, …, cK] of c0 + c1 t + … + cK t^K, None where one is zero.
An operation that is linear maps each coefficient; products are Cauchy's; functions follow from
their differential equations. All others follow from y' = J(x) x', whose right side is a program of
one order less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradax import dtypes
from gradax.control.call import Jit
from gradax.control.checkpoint import Checkpoint
from gradax.control.composite import Composite
from gradax.control.cond import Cond
from gradax.control.custom_vjp import CustomVjpCall
from gradax.control.custom_vmap import CustomVmapCall
from gradax.control.scan import Scan
from gradax.control.series_rules import RULES, scaled
from gradax.control.while_loop import While
from gradax.core.aval import Aval, tangent_aval
from gradax.core.evaluate import literal_value
from gradax.core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var
from gradax.core.op import Op
from gradax.core.staging import stage
from gradax.core.tangent import Zero, is_zero
from gradax.core.value import as_value
from gradax.lax.comparison import zeros
from gradax.lax.convert import ConvertElementType
from gradax.records import replace
from gradax.transforms.jvp import inline

Series = list[Any]
Mask = tuple[bool, ...]


def constant(x: Any, order: int) -> Series:
    """Return the series of a value that does not change."""
    return [x, *(None,) * order]


def is_constant(x: Series) -> bool:
    """Tell whether a series has its first coefficient only."""
    return all(c is None for c in x[1:])


def filled(x: Series) -> list[Any]:
    """Return the coefficients with zeros as arrays."""
    return [zeros(as_value(x[0]).aval) if c is None else c for c in x]


def expand(jaxpr: Jaxpr, args: Sequence[Series], order: int) -> list[Series]:
    """Return the series of a program's results; `args` are those of its consts and inputs."""
    env: dict[Var, Series] = dict(zip((*jaxpr.constvars, *jaxpr.invars), args, strict=True))

    def read(atom: Atom) -> Series:
        return constant(literal_value(atom), order) if isinstance(atom, Literal) else env[atom]

    for eqn in jaxpr.eqns:
        env.update(
            zip(eqn.outvars, expand_eqn(eqn, [read(a) for a in eqn.invars], order), strict=True)
        )
    return [read(a) for a in jaxpr.outvars]


def expand_eqn(eqn: Eqn, args: list[Series], order: int) -> list[Series]:
    """Return the series of an equation's results."""
    op = eqn.op
    if order == 0 or all(map(is_constant, args)):
        out = op(*(x[0] for x in args))
        return [constant(x, order) for x in (out if op.multiple_results else (out,))]
    special = PROGRAM_RULES.get(type(op))
    if special is not None:
        return special(op, args)
    rule = RULES.get(type(op))
    found = rule(op, *args) if rule is not None else None
    if found is None:
        return universal(op, args)
    return found if op.multiple_results else [found]


def universal(op: Op, args: list[Series]) -> list[Series]:
    """Integrate y' = J(x) x', the series of whose right side has one order less."""
    order = len(args[0]) - 1
    avals = [as_value(x[0]).aval for x in args]
    mask = tuple(not is_constant(x) for x in args)
    slopes = [
        [scaled(c, k) for k, c in enumerate(x[1:], 1)] for x, m in zip(args, mask, strict=True) if m
    ]
    kept: list[int] = []

    def right_side(*flat: Any) -> list[Any]:
        rest = iter(flat[len(avals) :])
        tangents = [
            next(rest) if m else Zero(tangent_aval(a)) for a, m in zip(avals, mask, strict=True)
        ]
        outs, douts = op.jvp(flat[: len(avals)], tuple(tangents))
        pairs = list(enumerate(zip(outs, douts, strict=True) if op.multiple_results else
                               [(outs, douts)]))  # fmt: skip
        kept[:] = [k for k, (_, d) in pairs if not is_zero(d)]
        return [*(x for _, (x, _) in pairs), *(d for _, (_, d) in pairs if not is_zero(d))]

    closed = stage(right_side, [*avals, *(a for a, m in zip(avals, mask, strict=True) if m)])
    lower = [x[:-1] for x in args]
    started = [filled(s) if s[0] is None else s for s in slopes]
    consts = [constant(c, order - 1) for c in closed.consts]
    found = expand(closed.jaxpr, [*consts, *lower, *started], order - 1)
    n = len(found) - len(kept)
    results = [constant(x[0], order) for x in found[:n]]
    for k, slope in zip(kept, found[n:], strict=True):
        results[k] = [results[k][0], *(scaled(c, 1 / j) for j, c in enumerate(slope, 1))]
    return results


def expanded_program(
    jaxpr: Jaxpr, mask: Mask, order: int, force: Mask | None = None
) -> tuple[Jaxpr, tuple[Any, ...], Mask]:
    """Return a program on coefficients: all of each input in `mask`, the value of the others.

    Its results likewise, by the returned mask: at least those in `force`. Returns it with its
    constants, which are its first inputs.
    """

    def make() -> Any:
        out_mask: list[bool] = []

        def run(*flat: Any) -> list[Any]:
            rest = iter(flat)
            args = [
                [next(rest) for _ in range(order + 1)] if m else constant(next(rest), order)
                for m in mask
            ]
            outs = expand(jaxpr, args, order)
            forced = force or (False,) * len(outs)
            out_mask[:] = [f or not is_constant(x) for f, x in zip(forced, outs, strict=True)]
            return [
                as_typed(c, a)
                for x, m, a in zip(outs, out_mask, jaxpr.out_avals, strict=True)
                for c in (filled(x) if m else x[:1])
            ]

        avals = [a for a, m in zip(jaxpr.in_avals, mask, strict=True) for _ in range(times(m))]
        closed = stage(run, avals, jaxpr.debug_name)
        return inline(closed), closed.consts, tuple(out_mask)

    def times(m: bool) -> int:
        return order + 1 if m else 1

    return jaxpr.memo(("series", mask, order, force), make)


def as_typed(x: Any, aval: Aval) -> Any:
    """Return a coefficient with the dtype and weak type of its value."""
    x = as_value(x)
    if (x.aval.dtype, x.aval.weak_type) == (aval.dtype, aval.weak_type):
        return x
    return ConvertElementType(aval.dtype, aval.weak_type)(x)


def flat_coefficients(args: Sequence[Series], mask: Sequence[bool]) -> list[Any]:
    """Return the operands of an expanded program."""
    return [
        as_typed(c, as_value(x[0]).aval)
        for x, m in zip(args, mask, strict=True)
        for c in (filled(x) if m else x[:1])
    ]


def gathered(outs: Sequence[Any], mask: Sequence[bool], order: int) -> list[Series]:
    """Return the results of an expanded program as series."""
    rest = iter(outs)
    return [
        [next(rest) for _ in range(order + 1)] if m else constant(next(rest), order) for m in mask
    ]


def mask_of(args: Sequence[Series]) -> Mask:
    """Tell which series are not constant."""
    return tuple(not is_constant(x) for x in args)


def expand_call(op: Any, args: list[Series]) -> list[Series]:
    """Expand a call: of its program's series."""
    order, mask = len(args[0]) - 1, mask_of(args)
    jaxpr, consts, out = expanded_program(op.jaxpr, mask, order)
    call = Jit(jaxpr, getattr(op, "call_name", "series"))
    return gathered(call(*consts, *flat_coefficients(args, mask)), out, order)


def expand_inline(op: Any, args: list[Series]) -> list[Series]:
    """Expand a function with a rule that says nothing of series, as if it had none."""
    return expand(op.call_jaxpr, args, len(args[0]) - 1)


def expand_cond(op: Cond, args: list[Series]) -> list[Series]:
    """Expand all branches."""
    index, *operands = args
    order, mask = len(index) - 1, mask_of(operands)
    masks = [expanded_program(b, mask, order)[2] for b in op.branches]
    force = tuple(map(any, zip(*masks, strict=True)))
    parts = [expanded_program(b, mask, order, force) for b in op.branches]
    consts = [c for p in parts for c in p[1]]
    branches: list[Jaxpr] = []
    for jaxpr, own, _ in parts:
        n_before = sum(len(p[1]) for p in parts[: len(branches)])
        inputs = [Var(c.aval) for c in consts]
        inputs[n_before : n_before + len(own)] = jaxpr.invars[: len(own)]
        rest = jaxpr.invars[len(own) :]
        branches.append(Jaxpr((), (*inputs, *rest), jaxpr.eqns, jaxpr.outvars, jaxpr.debug_name))
    outs = Cond(tuple(branches))(index[0], *consts, *flat_coefficients(operands, mask))
    return gathered(outs, force, order)


def settled(jaxpr: Jaxpr, fixed: Mask, carry: Mask, after: Mask, order: int) -> Any:
    """Expand a loop's body until the carry that changes is the one that is expanded."""
    n_rest = len(jaxpr.outvars) - len(carry)
    while True:
        force = (*carry, *(False,) * n_rest)
        found = expanded_program(jaxpr, (*fixed, *carry, *after), order, force)
        if found[2][: len(carry)] == carry:
            return (*found, carry)
        carry = tuple(map(any, zip(carry, found[2], strict=False)))


def expand_scan(op: Scan, args: list[Series]) -> list[Series]:
    """Expand the body."""
    order = len(args[0]) - 1
    consts, carry, xs = op.parts(args)
    masks = [mask_of(part) for part in (consts, carry, xs)]
    body, captured, out, masks[1] = settled(op.jaxpr, masks[0], masks[1], masks[2], order)
    count = [sum(order + 1 if m else 1 for m in mask) for mask in masks]
    loop = replace(op, jaxpr=body, num_consts=len(captured) + count[0], num_carry=count[1])
    operands = [flat_coefficients(p, m) for p, m in zip((consts, carry, xs), masks, strict=True)]
    outs = loop(*captured, *operands[0], *operands[1], *operands[2])
    return gathered(outs, out, order)


def expand_while(op: While, args: list[Series]) -> list[Series]:
    """Expand the body; the condition sees the values."""
    order = len(args[0]) - 1
    cond_consts, body_consts, carry = op.parts(args)
    fixed = mask_of(body_consts)
    body, captured, out, mask = settled(op.body_jaxpr, fixed, mask_of(carry), (), order)
    inputs: list[Var] = []
    n = op.cond_nconsts
    for var, m in zip(op.cond_jaxpr.invars[n:], mask, strict=True):
        inputs += [var, *(Var(var.aval) for _ in range(order if m else 0))]
    old = op.cond_jaxpr
    condition = Jaxpr((), (*old.invars[:n], *inputs), old.eqns, old.outvars, old.debug_name)
    operands = (*captured, *flat_coefficients(body_consts, fixed))
    loop = While(condition, body, n, len(operands))
    outs = loop(*(x[0] for x in cond_consts), *operands, *flat_coefficients(carry, mask))
    return gathered(outs, out, order)


PROGRAM_RULES: dict[type[Op], Callable[[Any, list[Series]], list[Series]]] = {
    Jit: expand_call,
    Checkpoint: expand_call,
    Composite: expand_call,
    CustomVjpCall: expand_inline,
    CustomVmapCall: expand_inline,
    Cond: expand_cond,
    Scan: expand_scan,
    While: expand_while,
}


def taylor(jaxpr: Jaxpr, consts: Sequence[Any], args: Sequence[Series], order: int) -> list[Series]:
    """Return the series of a program's results, all coefficients as arrays."""
    captured = [constant(c, order) for c in consts]
    outs = expand(jaxpr, [*captured, *args], order)
    return [[as_typed(c, a) for c in filled(x)] for x, a in zip(outs, jaxpr.out_avals, strict=True)]


def is_differentiable(aval: Aval) -> bool:
    """Tell whether values of a type have series."""
    return bool(dtypes.issubdtype(aval.dtype, np.inexact))
