"""`while_loop` and `fori_loop`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, final

import numpy as np

from gradax import config, dtypes, tree
from gradax.control.call import Jit
from gradax.control.carry import CountedBody, fixed_carry
from gradax.control.lanes import run_lanes, saves_work
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
from gradax.control.scan import scan
from gradax.control.tracing import trace
from gradax.control.while_reverse import Reversal, known_condition
from gradax.core.aval import Aval
from gradax.core.effects import calls_python, program_effects, without_watching
from gradax.core.evaluate import eval_jaxpr
from gradax.core.jaxpr import ClosedJaxpr, Eqn, Jaxpr, Var
from gradax.core.op import UnsupportedRule, operation
from gradax.core.refs import read, refs_of, with_refs, written
from gradax.core.staging import stage
from gradax.core.value import as_value, aval_of, conversion
from gradax.errors import RefError, ShapeError, at_user_line, require
from gradax.lax.arithmetic import Add
from gradax.lax.comparison import Lt, SelectN
from gradax.lax.convert import ConvertElementType
from gradax.lax.reductions import ReduceOr
from gradax.lax.shapes import BroadcastInDim
from gradax.native import get_trace
from gradax.records import replace
from gradax.transforms.jvp import inline, instantiate, jvp_program
from gradax.transforms.linearize import LinearTrace, live_eqns, split_program
from gradax.transforms.vmap import batch_program, mapped_size, to_axis

Mask = tuple[bool, ...]
PREDICATE = Aval((), np.dtype(np.bool_))


@final
@operation
class While(ProgramOp):
    """Run `body_jaxpr` while `cond_jaxpr` holds.

    Operands: the condition's constants, the body's constants, the carry. Results: the last carry.
    """

    cond_jaxpr: Jaxpr
    body_jaxpr: Jaxpr
    cond_nconsts: int
    body_nconsts: int

    def parts(self, values: Iterable[Any]) -> tuple[tuple[Any, ...], ...]:
        """Split operands into condition constants, body constants and carry."""
        a, b = self.cond_nconsts, self.cond_nconsts + self.body_nconsts
        values = tuple(values)
        return tuple(values[:a]), tuple(values[a:b]), tuple(values[b:])

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        cond_consts, body_consts, carry = self.parts(avals)
        check_operands(self, self.cond_jaxpr, (*cond_consts, *carry))
        check_operands(self, self.body_jaxpr, (*body_consts, *carry))
        return self.body_jaxpr.out_avals

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        cond_consts, body_consts, carry = self.parts(primals)
        _, dbody, dcarry = self.parts(tangents)
        body_mask, carry_mask = nonzero(dbody), nonzero(dcarry)
        while True:
            body, consts, out = jvp_program(self.body_jaxpr, body_mask + carry_mask, carry_mask)
            if out == carry_mask:
                break
            carry_mask = tuple(a or b for a, b in zip(carry_mask, out, strict=True))
        n, m = len(carry), sum(carry_mask)
        body = reorder(body, len(consts), len(body_consts), n, sum(body_mask))
        cond_vars = [Var(v.aval) for v in body.invars[len(body.invars) - m :]] if m else []
        cond = Jaxpr((), (*self.cond_jaxpr.invars, *cond_vars), self.cond_jaxpr.eqns,
                     self.cond_jaxpr.outvars)  # fmt: skip
        body_operands = (*consts, *body_consts, *pick(dbody, body_mask))
        op = While(cond, body, self.cond_nconsts, len(body_operands))
        dcarry = [instantiate(t) for t in pick(dcarry, carry_mask)]
        outs = op(*cond_consts, *body_operands, *carry, *dcarry)
        return outs[:n], spread_tangents(carry_mask, self.body_jaxpr.out_avals, outs[n:])

    def split(self, trace: LinearTrace, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self.refuse_side_effects()
        cond_consts, body_consts, carry = self.parts(args)
        _, body_u, carry_u = self.parts([trace.is_mine(x) for x in args])
        carry_u, (known, captured, *_) = self.divided(body_u, carry_u)
        known = with_first_outputs(known, len(carry) - sum(carry_u))
        condition = known_condition(self.cond_jaxpr, self.cond_nconsts, carry_u)
        known_consts = (*captured, *pick(body_consts, invert(body_u)))
        op = While(condition, known, self.cond_nconsts, len(known_consts))
        outs = op(*cond_consts, *known_consts, *pick(carry, invert(carry_u)))
        # The linear equation is the whole loop: transposed, it runs the known part again.
        staged = trace.emit(replace(self, body_jaxpr=without_watching(self.body_jaxpr)), args)
        return merge(carry_u, pick(staged, carry_u), outs)

    def refuse_side_effects(self) -> None:
        """Refuse reverse mode of a loop whose steps must not be done again."""
        if "io" in program_effects(self.body_jaxpr) | program_effects(self.cond_jaxpr):
            raise UnsupportedRule(
                "while_loop: reverse mode computes the steps again, and this loop calls"
                f" io_callback, which would be repeated.{at_user_line()}\nUse scan, or fori_loop"
                " with bounds that are Python integers, or pure_callback."
            )

    def divided(self, body_u: Mask, carry_u: Mask) -> tuple[Mask, Any]:
        """Return which parts of the carry are linear in the end, and the body split so."""
        while True:
            parts = split_program(self.body_jaxpr, body_u + carry_u, carry_u)
            if parts[3] == carry_u:
                return carry_u, parts
            carry_u = tuple(a or b for a, b in zip(carry_u, parts[3], strict=True))

    def transpose(self, ct: Any, *operands: Any) -> Any:
        cond_consts, body_consts, carry = self.parts(operands)
        _, body_l, linear_init = map(linear_mask, self.parts(operands))
        # An initial carry that is not linear is a tangent of zero: the loop is linear in it too.
        carry_l, (_, captured, *_) = self.divided(body_l, linear_init)
        program, own = self.reversal(body_l, carry_l)
        known_consts = (*captured, *pick(body_consts, invert(body_l)))
        known_carry = pick(carry, invert(carry_l))
        cts = [instantiate(c) for c in pick(ct, carry_l)]
        call = Jit(program, "reverse_while")
        found = call(*own, *cond_consts, *known_consts, *known_carry, *cts)
        n = sum(body_l)
        ct_carry = merge(carry_l, found[n:], [None] * (len(carry) - sum(carry_l)))
        return (
            *[None] * len(cond_consts),
            *merge(body_l, found[:n], [None] * (len(body_l) - n)),
            *(c if is_lin else None for c, is_lin in zip(ct_carry, linear_init, strict=True)),
        )

    def reversal(self, body_l: Mask, carry_l: Mask) -> tuple[Jaxpr, tuple[Any, ...]]:
        """Return the program that reverses the loop, and what it captures."""

        def make() -> Any:
            _, (known, _, linear, _, n_residuals) = self.divided(body_l, carry_l)
            condition = known_condition(self.cond_jaxpr, self.cond_nconsts, carry_l)
            n_carry = len(carry_l) - sum(carry_l)
            counts = (n_carry, n_residuals, sum(body_l))
            return Reversal(condition, known, linear, *counts, while_loop).stage()

        return self.body_jaxpr.memo(("reversal", self.cond_jaxpr, body_l, carry_l), make)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        size = mapped_size(args, dims)
        moved = [x if d is None else to_axis(x, d, size) for x, d in zip(args, dims, strict=True)]
        cond_consts, body_consts, carry = self.parts(moved)
        cond_m, body_m, carry_m = self.parts([d is not None for d in dims])
        while True:
            _, _, out = batch_program(self.body_jaxpr, size, body_m + carry_m, carry_m)
            _, _, (pred_mapped,) = batch_program(self.cond_jaxpr, size, cond_m + carry_m)
            grown = tuple(a or b or pred_mapped for a, b in zip(carry_m, out, strict=True))
            if grown == carry_m:
                break
            carry_m = grown
        if pred_mapped and saves_work(self):
            return run_lanes(self, args, dims, size)
        body, consts, _ = batch_program(self.body_jaxpr, size, body_m + carry_m, carry_m)
        cond, pred_consts, _ = batch_program(self.cond_jaxpr, size, cond_m + carry_m)
        carry = [
            to_axis(x, None, size) if m and d is None else x
            for x, m, d in zip(carry, carry_m, self.parts(dims)[2], strict=True)
        ]
        cond_operands, body_operands = (*pred_consts, *cond_consts), (*consts, *body_consts)
        if pred_mapped:
            body, body_operands = masked_body(cond, body, cond_operands, body_operands)
            cond = any_program(cond)
        op = While(cond, body, len(cond_operands), len(body_operands))
        outs = op(*cond_operands, *body_operands, *carry)
        return outs, [0 if m else None for m in carry_m]

    def threaded(self, through: Through, eqn: Eqn, token: Var, after: Var) -> list[Eqn]:
        if calls_python(self.cond_jaxpr):
            return self.threaded_condition(through, eqn, token, after)
        body = through(self.body_jaxpr)
        extra = Var(token.aval)
        cond = Jaxpr(
            (), (*self.cond_jaxpr.invars, extra), self.cond_jaxpr.eqns, self.cond_jaxpr.outvars
        )
        op = While(cond, body, self.cond_nconsts, self.body_nconsts)
        return [Eqn(op, (*eqn.invars, token), (*eqn.outvars, after), eqn.source)]

    def threaded_condition(self, through: Through, eqn: Eqn, token: Var, after: Var) -> list[Eqn]:
        """Carry what a condition that calls Python has found, since it gives a token too."""
        cond, body = Jit(through(self.cond_jaxpr), "cond"), Jit(through(self.body_jaxpr), "body")
        cond_consts, _, init = self.parts(eqn.invars)
        first = (Var(PREDICATE), Var(token.aval))
        before = Eqn(cond, (*cond_consts, *init, token), first, eqn.source)

        def fresh(avals: Iterable[Aval]) -> tuple[Var, ...]:
            return tuple(map(Var, avals))

        a, b, carry = map(fresh, self.parts(a.aval for a in eqn.invars))
        holds, now, middle = Var(PREDICATE), Var(token.aval), Var(token.aval)
        new, last = fresh(v.aval for v in carry), (Var(PREDICATE), Var(token.aval))
        steps = [
            Eqn(body, (*b, *carry, now), (*new, middle), eqn.source),
            Eqn(cond, (*a, *new, middle), last, eqn.source),
        ]
        program = Jaxpr((), (*a, *b, *carry, holds, now), steps, (*new, *last))
        states = fresh(v.aval for v in (*carry, holds, now))
        goes_on = Jaxpr((), states, (), (states[-2],))
        loop = While(goes_on, program, 0, self.cond_nconsts + self.body_nconsts)
        outs = (*eqn.outvars, Var(PREDICATE), after)
        return [before, Eqn(loop, (*eqn.invars, *first), outs, eqn.source)]

    def lower(self, *operands: Any) -> Any:
        counts = (self.cond_nconsts, self.body_nconsts)
        programs = (self.cond_jaxpr, self.body_jaxpr)
        return program_node("while", programs, operands, self.body_jaxpr.out_avals, counts)

    def reference(self, *operands: Any) -> Any:
        cond_consts, body_consts, carry = self.parts(operands)
        while bool(run_reference(self.cond_jaxpr, (*cond_consts, *carry))[0]):
            carry = run_reference(self.body_jaxpr, (*body_consts, *carry))
        return tuple(carry)


def with_first_outputs(jaxpr: Jaxpr, n: int) -> Jaxpr:
    """Return a program that gives its first `n` outputs only."""
    outvars = jaxpr.outvars[:n]
    eqns = live_eqns(jaxpr.eqns, outvars)
    return Jaxpr((), jaxpr.invars, eqns, outvars, jaxpr.debug_name)


def reorder(body: Jaxpr, n_consts: int, n_body: int, n: int, n_dbody: int) -> Jaxpr:
    """Order a differentiated body's inputs as constants, their tangents, carry, its tangents."""
    v = body.invars
    a, b = n_consts + n_body, n_consts + n_body + n
    invars = (*v[:a], *v[b : b + n_dbody], *v[a:b], *v[b + n_dbody :])
    return Jaxpr((), invars, body.eqns, body.outvars, body.debug_name)


def any_program(cond: Jaxpr) -> Jaxpr:
    """Return the program that tells whether the (mapped) condition holds in any lane."""

    def run(*args: Any) -> list[Any]:
        return [ReduceOr((0,))(eval_program(cond, args)[0])]

    return cond.memo("any", lambda: inline(stage(run, cond.in_avals)))


def masked_body(
    cond: Jaxpr, body: Jaxpr, cond_operands: Sequence[Any], body_operands: Sequence[Any]
) -> tuple[Jaxpr, tuple[Any, ...]]:
    """Return the body that leaves lanes alone whose condition is false, and its constants."""
    a, b = len(cond_operands), len(body_operands)

    def run(*args: Any) -> list[Any]:
        carry = args[a + b :]
        (pred,) = eval_program(cond, (*args[:a], *carry))
        new = eval_program(body, args[a:])
        return [
            SelectN()(BroadcastInDim(y.shape, (0,))(pred), x, y)
            for x, y in zip(carry, new, strict=True)
        ]

    avals = [aval_of(x) for x in cond_operands] + list(body.in_avals)
    return inline(stage(run, avals)), (*cond_operands, *body_operands)


def eval_program(jaxpr: Jaxpr, args: Sequence[Any]) -> list[Any]:
    """Evaluate a program under the current interpreter."""
    return eval_jaxpr(jaxpr, (), *args)


def while_loop(
    cond_fun: Callable[[Any], Any], body_fun: Callable[[Any], Any], init_val: Any
) -> Any:
    """Apply `body_fun` to the value while `cond_fun` holds.

    The carried tree keeps its structure, shapes and dtypes.
    Errors: TypeError naming the leaf whose type changes, or when the condition is no bool scalar.
    Cost: one native loop. In reverse mode each step is computed again, from carries kept on a tape
    of bounded size.
    """
    if get_trace() is None and config.current.disable_jit:
        val = init_val
        while bool(cond_fun(val)):
            val = body_fun(val)
        return val
    leaves, in_tree = tree.flatten(init_val)
    leaves = [as_value(x) for x in leaves]
    avals, leaves, body = fixed_carry("while_loop", body_fun, init_val, in_tree, leaves)
    cond, cond_tree = trace(cond_fun, tree.structure((init_val,)), avals, takes_refs=True)
    refs = refs_of(body, cond)
    cond, body = without_ref_outputs(with_refs(cond, refs), len(refs)), with_refs(body, refs)
    check_condition(cond_fun, cond, cond_tree)
    op = While(inline(cond), inline(body), len(cond.consts), len(body.consts))
    outs = op(*cond.consts, *body.consts, *leaves, *map(read, refs))
    return tree.unflatten(in_tree, written(refs, outs))


def without_ref_outputs(cond: ClosedJaxpr, n: int) -> ClosedJaxpr:
    """Return a condition that gives no values of references.

    Errors: RefError when it writes one.
    """
    jaxpr = cond.jaxpr
    cut_in, cut_out = len(jaxpr.invars) - n, len(jaxpr.outvars) - n
    if jaxpr.outvars[cut_out:] != jaxpr.invars[cut_in:]:
        raise RefError(
            f"while_loop: the condition writes a reference.{at_user_line()}\nWrite it in the body."
        )
    outvars = jaxpr.outvars[:cut_out]
    new = Jaxpr(jaxpr.constvars, jaxpr.invars, jaxpr.eqns, outvars, jaxpr.debug_name)
    return ClosedJaxpr(new, cond.consts)


def check_condition(fun: Any, closed: Any, out_tree: Any) -> None:
    """Raise unless a condition returns one bool scalar."""
    avals = closed.out_avals
    if len(avals) != 1 or avals[0].shape != () or avals[0].dtype != np.bool_:
        raise ShapeError(
            "while_loop: the condition must return one bool scalar; got"
            f" {', '.join(map(str, avals)) or out_tree}.{at_user_line()}\nReduce it with all() or"
            " any(); or map the loop by vmap, where each element stops on its own."
        )


def fori_loop(
    lower: Any,
    upper: Any,
    body_fun: Callable[[Any, Any], Any],
    init_val: Any,
    *,
    unroll: Any = None,
) -> Any:
    """Apply `body_fun(i, value)` for i = lower … upper - 1.

    With Python integers as bounds the loop is a scan, so it can be differentiated in reverse.
    Errors: TypeError for bounds that are no integer scalars or a carry whose type changes.
    """
    static = isinstance(lower, (int, np.integer)) and isinstance(upper, (int, np.integer))
    if get_trace() is None and config.current.disable_jit:
        for i in range(int(lower), int(upper)):
            init_val = body_fun(i, init_val)
        return init_val
    low, high = bounds(lower, upper)
    if static:
        length = max(int(upper) - int(lower), 0)

        def step(carry: Any, _: Any) -> Any:
            i, value = carry
            return (next_index(i), body_fun(i, value)), None

        (_, out), _ = scan(
            CountedBody(step, body_fun), (low, init_val), None, length=length, unroll=unroll or 1
        )
        return out

    def body(state: Any) -> Any:
        i, end, value = state
        return next_index(i), end, body_fun(i, value)

    counted = CountedBody(body, body_fun)
    return while_loop(lambda s: Lt()(s[0], s[1]), counted, (low, high, init_val))[2]


def next_index(i: Any) -> Any:
    """Return i + 1, of the same type: that of Python integers stays weak."""
    return Add()(i, conversion.to_array(np.ones((), i.dtype), i.aval))


def bounds(lower: Any, upper: Any) -> tuple[Any, Any]:
    """Return the bounds as integer scalars of one dtype."""
    low, high = as_value(lower), as_value(upper)
    for x in (low, high):
        integer = np.issubdtype(np.dtype(x.dtype), np.integer)
        require(x.shape == () and integer, "fori_loop", "integer scalar bounds", x.aval)
    dtype, weak = dtypes.promote2(low.dtype, low.weak_type, high.dtype, high.weak_type)

    def typed(x: Any) -> Any:
        same = x.dtype == dtype and x.weak_type == weak
        return x if same else ConvertElementType(dtype, weak)(x)

    return typed(low), typed(high)
