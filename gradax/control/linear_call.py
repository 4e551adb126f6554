"""`linear_call`: a linear function whose transpose is a function of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

from gradax import tree
from gradax.control.call import Jit
from gradax.control.custom_jvp import to_front
from gradax.control.programs import (
    ProgramOp,
    Through,
    check_operands,
    nonzero,
    pick,
    program_node,
    run_reference,
    spread_tangents,
    with_inputs,
)
from gradax.control.tracing import trace
from gradax.core.aval import Aval
from gradax.core.jaxpr import Eqn, Jaxpr, Var
from gradax.core.op import operation
from gradax.core.tangent import is_linear, is_zero
from gradax.core.value import as_value, aval_of
from gradax.errors import ShapeError, TreeTypeError, at_user_line
from gradax.lax.arithmetic import AddAny
from gradax.lax.shapes import broadcast_batch
from gradax.transforms.jvp import inline, instantiate, jvp_program
from gradax.transforms.vmap import batch_program


@final
@operation
class LinearCall(ProgramOp):
    """Call `callee`, linear in the operands after the first `num_res`; `back` is its transpose.

    `back` takes the same first operands, then the results' cotangents.
    """

    callee: Jaxpr
    back: Jaxpr
    num_res: int

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        check_operands(self, self.callee, avals)
        return self.callee.out_avals

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        n = self.num_res
        outs = self(*primals)
        found: list[Any] = [None] * len(outs)
        if not all(map(is_zero, tangents[n:])):
            found = list(self(*primals[:n], *map(instantiate, tangents[n:])))
        mask = (*nonzero(tangents[:n]), *(False,) * (len(primals) - n))
        if any(mask):
            jaxpr, consts, out_mask = jvp_program(self.callee, mask)
            call = Jit(jaxpr, "linear_call")
            more = call(*consts, *primals, *pick(tangents, mask))[len(outs) :]
            pairs = zip(found, spread_tangents(out_mask, self.callee.out_avals, more), strict=True)
            found = [added(a, b) for a, b in pairs]
        zeros = spread_tangents((False,) * len(outs), self.callee.out_avals, ())
        return outs, tuple(z if d is None else d for d, z in zip(found, zeros, strict=True))

    def transpose(self, ct: Any, *operands: Any) -> Any:
        n = self.num_res
        op = LinearCall(self.back, self.callee, n)
        found = op(*operands[:n], *map(instantiate, ct))
        pairs = zip(found, operands[n:], strict=True)
        return (*[None] * n, *(c if is_linear(x) else None for c, x in pairs))

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        n = self.num_res
        size, mapped, moved = to_front(args, dims)
        mask = mapped[:n]
        linear = [
            x if m else broadcast_batch(x, size) for x, m in zip(moved[n:], mapped[n:], strict=True)
        ]
        n_out = len(self.callee.out_avals)
        callee, consts, _ = batch_program(self.callee, size, (*mask, *[True] * len(linear)), True)
        back, own, _ = batch_program(self.back, size, (*mask, *[True] * n_out), True)
        callee, back, first = with_same_first(callee, consts, back, own)
        outs = LinearCall(callee, back, len(first) + n)(*first, *moved[:n], *linear)
        return outs, [0] * n_out

    def threaded(self, through: Through, eqn: Eqn, token: Var, after: Var) -> list[Eqn]:
        call = Jit(through(self.callee), "linear_call")
        return [Eqn(call, (*eqn.invars, token), (*eqn.outvars, after), eqn.source)]

    def lower(self, *operands: Any) -> Any:
        return program_node("call", (self.callee,), operands, self.callee.out_avals)

    def reference(self, *operands: Any) -> Any:
        return run_reference(self.callee, operands)


def added(x: Any, y: Any) -> Any:
    """Return the sum of two tangents; None and `Zero` are nothing."""
    if x is None or is_zero(y):
        return y if x is None else x
    return AddAny()(x, y)


def with_same_first(
    callee: Jaxpr, consts: Sequence[Any], back: Jaxpr, own: Sequence[Any]
) -> tuple[Jaxpr, Jaxpr, tuple[Any, ...]]:
    """Return two programs that both take the constants of both first, and those constants."""
    n, m = len(consts), len(own)
    mine, theirs = callee.invars[:n], back.invars[:m]
    callee = with_inputs(callee, [*mine, *(Var(v.aval) for v in theirs), *callee.invars[n:]])
    back = with_inputs(back, [*(Var(v.aval) for v in mine), *theirs, *back.invars[m:]])
    return callee, back, (*consts, *own)


def linear_call(
    fun: Callable[[Any, Any], Any],
    fun_transpose: Callable[[Any, Any], Any],
    residual_args: Any,
    linear_args: Any,
) -> Any:
    """Return `fun(residual_args, linear_args)`, which transposes as `fun_transpose` says.

    `fun` is linear in its second argument; `fun_transpose(residual_args, ct)` maps a cotangent of
    its result to one of that argument. The transpose of the call calls `fun_transpose`, and its
    transpose is `fun` again.
    Errors: TypeError where `fun_transpose` returns another tree or other types than the argument's.
    """
    residuals, res_tree = tree.flatten(residual_args)
    linear, lin_tree = tree.flatten(linear_args)
    residuals, linear = list(map(as_value, residuals)), list(map(as_value, linear))
    avals = [aval_of(x) for x in (*residuals, *linear)]
    both = tree.flatten((residual_args, linear_args))[1]
    closed, out_tree = trace(fun, both, avals)
    outs = closed.out_avals
    n = len(residuals)
    examples = tree.unflatten(out_tree, outs)
    pair = tree.flatten((tree.unflatten(res_tree, residuals), examples))[1]
    reverse, back_tree = trace(fun_transpose, pair, [*avals[:n], *outs])
    check_transpose(reverse.out_avals, back_tree, avals[n:], lin_tree)
    callee, back, first = with_same_first(
        inline(closed), closed.consts, inline(reverse), reverse.consts
    )
    op = LinearCall(callee, back, len(first) + n)
    return tree.unflatten(out_tree, op(*first, *residuals, *linear))


def check_transpose(
    got: Sequence[Aval], got_tree: Any, wanted: Sequence[Aval], wanted_tree: Any
) -> None:
    """Refuse a transpose that does not return what the function takes."""
    if got_tree != wanted_tree:
        raise TreeTypeError(
            f"linear_call: fun_transpose must return the tree {wanted_tree} of linear_args; got"
            f" {got_tree}.{at_user_line()}"
        )
    for k, (a, b) in enumerate(zip(got, wanted, strict=True)):
        if (a.shape, a.dtype) != (b.shape, b.dtype):
            raise ShapeError(
                f"linear_call: fun_transpose must return the types of linear_args; leaf {k} is {a},"
                f" expected {b}.{at_user_line()}"
            )
