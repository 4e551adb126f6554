"""`scan`: a loop over leading axes, with a carry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, final

import numpy as np

from gradax import config, tree
from gradax.control.carry import settle
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
from gradax.control.segments import scan_segments, segment_length
from gradax.core.aval import Aval, with_axis, without_axis
from gradax.core.jaxpr import Eqn, Jaxpr, Var
from gradax.core.op import operation
from gradax.core.refs import read, written
from gradax.core.staging import stage
from gradax.core.tangent import Linear, Zero, is_zero
from gradax.core.value import as_value
from gradax.errors import ShapeError, at_user_line, require
from gradax.lax.arithmetic import AddAny
from gradax.lax.comparison import zeros
from gradax.lax.joining import Concatenate
from gradax.lax.shapes import broadcast_batch
from gradax.native import get_trace
from gradax.records import replace
from gradax.sizes import is_open, likely
from gradax.transforms.jvp import inline, instantiate, jvp_program
from gradax.transforms.linearize import LinearTrace, split_program
from gradax.transforms.transpose import backward_pass
from gradax.transforms.vmap import batch_program, mapped_size, to_axis

Parts = tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]


@final
@operation
class Scan(ProgramOp):
    """Run the body `length` times.

    Operands: constants, carry, xs (their leading axis is scanned). Results: the last carry and the
    stacked ys. The body maps constants, carry, x slices to carry, y slices.
    """

    jaxpr: Jaxpr
    length: int
    reverse: bool
    num_consts: int
    num_carry: int
    unroll: int = 1

    def parts(self, values: Sequence[Any]) -> Parts:
        """Split operands (or the body's inputs) into constants, carry, xs."""
        a, b = self.num_consts, self.num_consts + self.num_carry
        return tuple(values[:a]), tuple(values[a:b]), tuple(values[b:])

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        consts, carry, xs = self.parts(avals)
        for x in xs:
            fits = x.ndim > 0 and x.shape[0] == self.length
            require(fits, self, f"xs with a leading axis of {self.length}", x)
        check_operands(self, self.jaxpr, (*consts, *carry, *(without_axis(x, 0) for x in xs)))
        outs = self.jaxpr.out_avals
        ys = [with_axis(a, self.length, 0) for a in outs[self.num_carry :]]
        return (*outs[: self.num_carry], *ys)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        dconsts, dcarry, dxs = self.parts(tangents)
        const_mask, carry_mask, xs_mask = map(nonzero, (dconsts, dcarry, dxs))
        n_ys = len(self.jaxpr.outvars) - self.num_carry
        while True:
            mask, force = const_mask + carry_mask + xs_mask, carry_mask + (False,) * n_ys
            body, extra, out = jvp_program(self.jaxpr, mask, force)
            if out[: self.num_carry] == carry_mask:
                break
            carry_mask = tuple(map(any, zip(carry_mask, out[: self.num_carry], strict=True)))
        body = self.order_tangents(body, len(extra), (const_mask, carry_mask, xs_mask), out)
        consts, carry, xs = self.parts(primals)
        dcarry = [instantiate(d) for d, m in zip(dcarry, carry_mask, strict=True) if m]
        op = replace(
            self, jaxpr=body, num_consts=len(extra) + len(consts) + sum(const_mask),
            num_carry=len(carry) + len(dcarry),
        )  # fmt: skip
        outs = op(*extra, *consts, *pick(dconsts, const_mask), *carry, *dcarry, *xs,
                  *pick(dxs, xs_mask))  # fmt: skip
        n, m = len(carry), len(dcarry)
        kept = (*outs[n : n + m], *outs[n + m + n_ys :])
        out_avals = self.infer(*(x.aval for x in primals))
        return (*outs[:n], *outs[n + m : n + m + n_ys]), spread_tangents(out, out_avals, kept)

    def order_tangents(self, body: Jaxpr, n_extra: int, masks: Any, out: Any) -> Jaxpr:
        """Order a differentiated body's inputs and outputs: each part followed by its tangents."""
        n = len(self.jaxpr.invars)
        extra, rest = body.invars[:n_extra], body.invars[n_extra:]
        consts, carry, xs = self.parts(rest[:n])
        tangents, parts = list(rest[n:]), []
        for mask in masks:
            parts.append(tangents[: sum(mask)])
            tangents = tangents[sum(mask) :]
        dconsts, dcarry, dxs = parts
        invars = (*extra, *consts, *dconsts, *carry, *dcarry, *xs, *dxs)
        outs, douts = body.outvars[: len(out)], body.outvars[len(out) :]
        k, m = self.num_carry, sum(out[: self.num_carry])
        outvars = (*outs[:k], *douts[:m], *outs[k:], *douts[m:])
        return Jaxpr((), invars, body.eqns, outvars, body.debug_name)

    def split(self, trace: LinearTrace, args: tuple[Any, ...]) -> tuple[Any, ...]:
        const_u, carry_u, xs_u = self.parts([trace.is_mine(x) for x in args])
        n_ys = len(self.jaxpr.outvars) - self.num_carry
        while True:
            force = carry_u + (False,) * n_ys
            parts = split_program(self.jaxpr, const_u + carry_u + xs_u, force)
            out_u = parts[3]
            if out_u[: self.num_carry] == carry_u:
                break
            carry_u = tuple(map(any, zip(carry_u, out_u[: self.num_carry], strict=True)))
        return ScanSplit(self, parts, (const_u, carry_u, xs_u)).run(trace, args)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        consts, carry, xs = self.parts(operands)
        const_l, carry_l, xs_l = map(linear_mask, (consts, carry, xs))
        # An initial carry that is not linear is a tangent of zero: the loop is linear in it too.
        ct_carry = [instantiate(c) for c in ct[: self.num_carry]]
        ct_ys = ct[self.num_carry :]
        alive = tuple(not is_zero(c) for c in ct_ys)
        body, captured = self.transposed_body(const_l, xs_l, alive)
        sums = [zeros(c.aval) for c in pick(consts, const_l)]
        fixed = (*captured, *pick(consts, invert(const_l)))
        op = Scan(body, self.length, not self.reverse, len(fixed), len(sums) + len(ct_carry),
                  self.unroll)  # fmt: skip
        outs = op(*fixed, *sums, *ct_carry, *pick(xs, invert(xs_l)), *pick(ct_ys, alive))
        n = len(sums)
        return (
            *spread(const_l, outs[:n]),
            *(
                c if is_lin else None
                for c, is_lin in zip(outs[n : n + len(ct_carry)], carry_l, strict=True)
            ),
            *spread(xs_l, outs[n + len(ct_carry) :]),
        )

    def transposed_body(self, const_l: Any, xs_l: Any, alive: Any) -> tuple[Jaxpr, Any]:
        """Return the body of the backward loop and what it captures.

        It maps fixed constants, (sums of constants' cotangents, carry's cotangents), (x slices,
        y cotangents) to the new sums and cotangents, and the cotangents of the linear xs.
        """
        key = ("transposed_body", self.num_consts, self.num_carry, const_l, xs_l, alive)
        return self.jaxpr.memo(key, lambda: self._transposed_body(const_l, xs_l, alive))

    def _transposed_body(self, const_l: Any, xs_l: Any, alive: Any) -> tuple[Jaxpr, Any]:
        consts, carry, xs = self.parts(self.jaxpr.in_avals)
        y_avals = self.jaxpr.out_avals[self.num_carry :]
        groups = [
            pick(consts, invert(const_l)), pick(consts, const_l), carry,
            pick(xs, invert(xs_l)), pick(y_avals, alive),
        ]  # fmt: skip

        def run(*flat: Any) -> list[Any]:
            rest = iter(flat)
            fixed, sums, ct_carry, known_xs, ct_ys = [[next(rest) for _ in g] for g in groups]
            args = (
                *merge(const_l, [Linear(a) for a in groups[1]], fixed),
                *(Linear(a) for a in carry),
                *merge(xs_l, [Linear(a) for a in pick(xs, xs_l)], known_xs),
            )
            zero = [Zero(a) for a in pick(y_avals, invert(alive))]
            found = backward_pass(self.jaxpr, (), args, (*ct_carry, *merge(alive, ct_ys, zero)))
            ct_consts, ct_in, ct_xs = self.parts(found)
            added = [
                s if is_zero(c) else AddAny()(s, c)
                for s, c in zip(sums, pick(ct_consts, const_l), strict=True)
            ]
            return [*added, *map(instantiate, ct_in), *map(instantiate, pick(ct_xs, xs_l))]

        closed = stage(run, [a for g in groups for a in g], self.jaxpr.debug_name)
        return inline(closed), closed.consts

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        size = mapped_size(args, dims)
        const_m, carry_m, xs_m = self.parts([d is not None for d in dims])
        n_ys = len(self.jaxpr.outvars) - self.num_carry
        while True:
            force = carry_m + (False,) * n_ys
            body, extra, out = batch_program(self.jaxpr, size, const_m + carry_m + xs_m, force)
            if out[: self.num_carry] == carry_m:
                break
            carry_m = tuple(map(any, zip(carry_m, out[: self.num_carry], strict=True)))
        consts, carry, xs = self.parts(list(zip(args, dims, strict=True)))
        moved = [
            *(x if d is None else to_axis(x, d, size) for x, d in consts),
            *(to_axis(x, d, size) if m else x for (x, d), m in zip(carry, carry_m, strict=True)),
            *(x if d is None else to_axis(x, d, size, 1) for x, d in xs),
        ]
        op = replace(self, jaxpr=body, num_consts=self.num_consts + len(extra))
        k = self.num_carry
        out_dims = [(0 if i < k else 1) if m else None for i, m in enumerate(out)]
        return op(*extra, *moved), out_dims

    def threaded(self, through: Through, eqn: Eqn, token: Var, after: Var) -> list[Eqn]:
        body = through(self.jaxpr)
        a, k = self.num_consts + self.num_carry, self.num_carry

        def after_carry(values: Sequence[Any], n: int, last: Any) -> tuple[Any, ...]:
            return (*values[:n], last, *values[n:])

        invars = after_carry(body.invars[:-1], a, body.invars[-1])
        outvars = after_carry(body.outvars[:-1], k, body.outvars[-1])
        body = Jaxpr((), invars, body.eqns, outvars, body.debug_name)
        op = replace(self, jaxpr=body, num_carry=k + 1)
        outs = after_carry(eqn.outvars, k, after)
        return [Eqn(op, after_carry(eqn.invars, a, token), outs, eqn.source)]

    def lower(self, *operands: Any) -> Any:
        counts = (self.length, int(self.reverse), self.num_consts, self.num_carry)
        outs = self.jaxpr.out_avals
        ys = [with_axis(a, self.length, 0) for a in outs[self.num_carry :]]
        return program_node("for", (self.jaxpr,), operands, (*outs[: self.num_carry], *ys), counts)

    def reference(self, *operands: Any) -> Any:
        consts, carry, xs = self.parts(operands)
        steps = range(self.length)
        rows: list[Any] = [None] * self.length
        for i in reversed(steps) if self.reverse else steps:
            out = run_reference(self.jaxpr, (*consts, *carry, *(x[i] for x in xs)))
            carry, rows[i] = out[: self.num_carry], out[self.num_carry :]
        avals = self.jaxpr.out_avals[self.num_carry :]
        ys = [
            np.stack([r[k] for r in rows]) if rows else np.zeros((0, *a.shape), a.dtype)
            for k, a in enumerate(avals)
        ]
        return (*carry, *ys)


def spread(mask: Sequence[bool], values: Sequence[Any]) -> tuple[Any, ...]:
    """Return the values at the true places of the mask, None elsewhere."""
    return merge(mask, values, [None] * (len(mask) - sum(mask)))


class ScanSplit:
    """The two loops that a scan is split into: the known one and the linear one.

    Residuals that the body only reads from its constants stay constants, and those that it only
    reads from its slices are the scanned arrays; others are stacked.
    """

    def __init__(self, op: Scan, parts: Any, unknown: Parts) -> None:
        self.op = op
        self.known, self.captured, self.linear, self.out_unknown, self.n_res = parts
        self.const_u, self.carry_u, self.xs_u = unknown
        n_const = len(self.captured) + sum(invert(self.const_u))
        self.const_vars = self.known.invars[:n_const]
        residuals = self.known.outvars[len(self.known.outvars) - self.n_res :]
        self.invariant = tuple(isinstance(a, Var) and a in self.const_vars for a in residuals)
        n_carry = sum(invert(self.carry_u))
        self.slice_vars = self.known.invars[n_const + n_carry :]

    def run(self, trace: LinearTrace, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Run the known loop, stage the linear one, return the results in order."""
        consts, carry, xs = self.op.parts(args)
        known_consts = (*self.captured, *pick(consts, invert(self.const_u)))
        n_carry = sum(invert(self.carry_u))
        cut = len(self.known.outvars) - self.n_res
        residuals = self.known.outvars[cut:]
        known_xs = pick(xs, invert(self.xs_u))
        scanned = dict(zip(self.slice_vars, known_xs, strict=True))
        varying = pick(residuals, invert(self.invariant))
        is_new = [not (isinstance(a, Var) and a in scanned) for a in varying]
        outvars = (*self.known.outvars[:cut], *pick(varying, is_new))
        body = Jaxpr((), self.known.invars, self.known.eqns, outvars, self.known.debug_name)
        op = replace(self.op, jaxpr=body, num_consts=len(known_consts), num_carry=n_carry)
        outs = op(*known_consts, *pick(carry, invert(self.carry_u)), *known_xs)
        stacked = merge(is_new, outs[cut:], [scanned[a] for a in pick(varying, invert(is_new))])
        value_of: dict[Any, Any] = dict(zip(self.const_vars, known_consts, strict=True))
        fixed = [value_of[a] for a in pick(residuals, self.invariant)]
        staged = self.stage(trace, fixed, stacked, consts, carry, xs)
        return merge(self.out_unknown, staged, outs[:cut])

    def stage(
        self, trace: LinearTrace, fixed: Any, stacked: Any, consts: Any, carry: Any, xs: Any
    ) -> Any:
        """Stage the linear loop."""
        v = self.linear.invars
        res, rest = v[: self.n_res], v[self.n_res :]
        n_const, n_carry = sum(self.const_u), sum(self.carry_u)
        invars = (
            *pick(res, self.invariant), *rest[: n_const + n_carry],
            *pick(res, invert(self.invariant)), *rest[n_const + n_carry :],
        )  # fmt: skip
        body = Jaxpr((), invars, self.linear.eqns, self.linear.outvars)
        op = replace(self.op, jaxpr=body, num_consts=len(fixed) + n_const, num_carry=n_carry)
        linear_carry = [x if trace.is_mine(x) else as_value(x) for x in pick(carry, self.carry_u)]
        return trace.emit(op, (*fixed, *pick(consts, self.const_u), *linear_carry, *stacked,
                               *pick(xs, self.xs_u)))  # fmt: skip


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
    _split_transpose: bool = False,
    *,
    checkpoint: int | str | None = None,
) -> tuple[Any, Any]:
    """Apply `f(carry, x) -> (carry, y)` along the leading axis of `xs`.

    `checkpoint=n` makes reverse mode keep the carry of every n-th step only and compute the others
    again; "auto" takes the square root of the length.

    Shapes: the leaves of xs: T[length, …]; those of ys are stacked the same way.
    Errors: TypeError naming the leaf of the carry whose type changes; ValueError for xs of unequal
    leading axes or when neither xs nor length says how long.
    Cost: one native loop, traced and compiled once.
    """
    leaves = [as_value(x) for x in tree.leaves(xs)]
    n = scan_length(leaves, length)
    if get_trace() is None and config.current.disable_jit:
        return scan_in_python(f, init, xs, n, reverse)
    carry, carry_tree = tree.flatten(init)
    carry = [as_value(x) for x in carry]
    in_tree = tree.structure((init, xs))
    slices = [without_axis(x.aval, 0) for x in leaves]
    _, carry, closed, out_tree = settle("scan", f, in_tree, carry, slices, len(carry), carry_tree)
    steps = max(likely(n), 1) if unroll is True else max(int(unroll), 1)
    refs, body = closed.refs, inline(closed)
    if refs:
        body = with_refs_carried(body, len(refs), len(closed.consts) + len(carry), len(carry))
    n_carry = len(carry) + len(refs)
    op = Scan(body, n, bool(reverse), len(closed.consts), n_carry, steps)
    operands = (*closed.consts, *carry, *map(read, refs), *leaves)
    outs = op(*operands) if checkpoint is None else (
        scan_segments(op, operands, segment_length(checkpoint, n))
    )  # fmt: skip
    if refs:
        written(refs, outs[len(carry) : n_carry])
    return tree.unflatten(out_tree, (*outs[: len(carry)], *outs[n_carry:]))


def with_refs_carried(body: Jaxpr, n: int, place_in: int, place_out: int) -> Jaxpr:
    """Return a body whose last `n` inputs and outputs, values of references, follow the carry."""

    def moved(values: Sequence[Any], place: int) -> tuple[Any, ...]:
        cut = len(values) - n
        return (*values[:place], *values[cut:], *values[place:cut])

    invars, outvars = moved(body.invars, place_in), moved(body.outvars, place_out)
    return Jaxpr((), invars, body.eqns, outvars, body.debug_name)


def scan_length(leaves: Sequence[Any], length: int | None) -> int:
    """Return the number of steps."""
    for x in leaves:
        if x.ndim == 0:
            raise ShapeError(f"scan: xs must have a leading axis; got a scalar.{at_user_line()}")
    sizes = {x.shape[0] for x in leaves}
    if length is not None:
        sizes.add(length if is_open(length) else int(length))
    if length is not None and length < 0:
        raise ShapeError(f"scan: length must be 0 or more; got {length}.{at_user_line()}")
    if not sizes or (len(sizes) > 1 and any(n != m for n, m in pairwise(sizes))):
        got = sorted(sizes, key=str) if sizes else "neither xs nor length"
        where = at_user_line()
        raise ShapeError(
            f"scan: expected one leading size in xs and length; got {got}.{where}\nThe steps"
            " go over axis 0 of each array in xs: slice them to one length, or close over what is"
            " the same in each step."
        )
    return sizes.pop()


def scan_in_python(f: Any, init: Any, xs: Any, n: int, reverse: bool) -> tuple[Any, Any]:
    """Run a scan step by step, for the setting `disable_jit`."""
    carry, ys = init, []
    for i in reversed(range(n)) if reverse else range(n):
        carry, y = f(carry, tree.map(lambda x, i=i: x[i], xs))
        ys.append(y)
    ys = ys[::-1] if reverse else ys
    return carry, tree.map(lambda *parts: stack_leaves(parts), *ys) if ys else None


def stack_leaves(parts: Sequence[Any]) -> Any:
    """Stack values along a new leading axis."""
    return Concatenate(0)(*(broadcast_batch(as_value(p), 1) for p in parts))
