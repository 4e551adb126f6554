"""`jit` inside a program: a call of an inner program."""

from __future__ import annotations

from typing import Any, final

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
from gradax.core.jaxpr import Eqn, Jaxpr, Var
from gradax.core.op import operation
from gradax.core.tangent import is_zero
from gradax.transforms.jvp import jvp_program
from gradax.transforms.linearize import LinearTrace, split_program
from gradax.transforms.transpose import transpose_program
from gradax.transforms.vmap import batch_program, mapped_size, move_batch_axis


@final
@operation
class Jit(ProgramOp):
    """Call `jaxpr`; it stays a call in the compiled program unless the compiler inlines it."""

    jaxpr: Jaxpr
    call_name: str
    inline: bool = False

    name = "jit"
    shares_names = True

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        check_operands(self, self.jaxpr, avals)
        return self.jaxpr.out_avals

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        mask = nonzero(tangents)
        jaxpr, consts, out_mask = jvp_program(self.jaxpr, mask)
        call = Jit(jaxpr, self.call_name, self.inline)
        outs = call(*consts, *primals, *pick(tangents, mask))
        n_out = len(self.jaxpr.outvars)
        return outs[:n_out], spread_tangents(out_mask, self.jaxpr.out_avals, outs[n_out:])

    def split(self, trace: LinearTrace, args: tuple[Any, ...]) -> tuple[Any, ...]:
        unknown = tuple(map(trace.is_mine, args))
        known, consts, linear, unknown_out, n_residuals = split_program(self.jaxpr, unknown)
        call = Jit(known, self.call_name, self.inline)
        outs = call(*consts, *pick(args, invert(unknown)))
        n_known = len(outs) - n_residuals
        staged = Jit(linear, self.call_name, self.inline)
        return merge(
            unknown_out,
            trace.emit(staged, (*outs[n_known:], *pick(args, unknown))),
            outs[:n_known],
        )

    def transpose(self, ct: Any, *operands: Any) -> Any:
        mask = linear_mask(operands)
        alive = tuple(not is_zero(c) for c in ct)
        jaxpr, consts = transpose_program(self.jaxpr, mask, alive)
        call = Jit(jaxpr, self.call_name, self.inline)
        found = call(*consts, *pick(operands, invert(mask)), *pick(ct, alive))
        return merge(mask, found, [None] * (len(mask) - len(found)))

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        mapped = tuple(d is not None for d in dims)
        moved = [
            x if d is None else move_batch_axis(x, d, 0) for x, d in zip(args, dims, strict=True)
        ]
        size = mapped_size(args, dims)
        jaxpr, consts, out = batch_program(self.jaxpr, size, mapped)
        return Jit(jaxpr, self.call_name, self.inline)(*consts, *moved), [
            0 if m else None for m in out
        ]

    def threaded(self, through: Through, eqn: Eqn, token: Var, after: Var) -> list[Eqn]:
        call = Jit(through(self.jaxpr), self.call_name, self.inline)
        return [Eqn(call, (*eqn.invars, token), (*eqn.outvars, after), eqn.source)]

    def lower(self, *operands: Any) -> Any:
        return program_node("call", (self.jaxpr,), operands, self.jaxpr.out_avals)

    def reference(self, *operands: Any) -> Any:
        return run_reference(self.jaxpr, operands)

    def printed_params(self) -> dict[str, Any]:
        return {"name": self.call_name, "jaxpr": self.jaxpr}
