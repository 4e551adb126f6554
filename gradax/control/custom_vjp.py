"""Functions with a reverse rule of their own: the call, traced and not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn, final

from gradax import dtypes
from gradax.control.call import Jit
from gradax.control.custom_jvp import (
    BatchedFlat,
    Flat,
    check_rule_types,
    refuse_capture,
    refuse_captured,
    to_front,
    unsupported_error,
)
from gradax.control.programs import (
    ProgramOp,
    Through,
    check_operands,
    merge,
    program_node,
    run_reference,
)
from gradax.core.aval import Aval, tangent_aval
from gradax.core.jaxpr import Eqn, Jaxpr, Var
from gradax.core.op import Op, operation
from gradax.core.staging import stage
from gradax.core.tangent import Zero, is_linear, is_zero
from gradax.core.value import as_value
from gradax.lax.shapes import ReduceSum
from gradax.native import get_trace
from gradax.transforms.jvp import inline
from gradax.transforms.transpose import backward_pass
from gradax.transforms.vmap import BatchTrace, batch_flat, batch_program, mapping, to_axis

# (residuals, cotangents of the results, some `Zero`) → a cotangent, or None, for each primal.
Backward = Callable[[Sequence[Any], Sequence[Any]], Sequence[Any]]
# (primals, which of them are differentiated) → results, residuals, the backward function.
Forward = Callable[[Sequence[Any], Sequence[bool]], tuple[Sequence[Any], Sequence[Any], Backward]]


class CustomVjp:
    """A call of a function with a reverse rule: flat operands, flat results."""

    def __init__(self, name: str, fun: Flat, forward: Forward) -> None:
        self.name = name
        self.fun = fun
        self.forward = forward

    def bind(self, args: Sequence[Any]) -> Sequence[Any]:
        """Hand the call to the current interpreter."""
        trace = get_trace()
        return self.run(args) if trace is None else trace.process_custom_vjp(self, tuple(args))

    def run(self, args: Sequence[Any]) -> Sequence[Any]:
        """Call the function under the current interpreter."""
        return self.fun(*args)

    def refuse_capture(self, trace: Any) -> None:
        """Raise when the function captured a value that `trace` differentiates."""
        refuse_capture("custom_vjp", self.name, self.fun, trace)

    def derivative(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Run the forward rule and bind the linear operation that its transposition reverses."""
        return forward_and_link(self.name, self.forward, primals, tangents)

    def batched(self, trace: BatchTrace, dims: Sequence[int | None]) -> CustomVjp:
        """Return the call mapped over axes of its operands; all results are mapped on axis 0."""
        fun = BatchedFlat(self.fun, trace, tuple(dims))
        return CustomVjp(self.name, fun, BatchedForward(self.forward, trace, tuple(dims)))

    def stage(self, args: Sequence[Any]) -> Sequence[Any]:
        """Write the call as an equation of the current program."""
        values = [as_value(x) for x in args]
        closed = stage(lambda *xs: self.fun(*xs), [x.aval for x in values], self.name)
        op = CustomVjpCall(inline(closed), self.forward, len(closed.consts), self.name)
        return op(*closed.consts, *values)


def forward_and_link(
    name: str, forward: Forward, primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[list[Any], list[Any]]:
    """Return results and tangents, the latter by the operation that only transposes."""
    nonzero = tuple(not is_zero(t) for t in tangents)
    outs, residuals, backward = forward(primals, nonzero)
    outs = [as_value(x) for x in outs]
    avals = [tangent_aval(x.aval) for x in outs]
    has_tangent = tuple(a.dtype != dtypes.float0 for a in avals)
    linked = tuple(a for a, h in zip(avals, has_tangent, strict=True) if h)
    op = CustomLin(name, backward, len(residuals), nonzero, has_tangent, linked)
    found = op(*residuals, *(t for t in tangents if not is_zero(t)))
    zeros = [Zero(a) for a, h in zip(avals, has_tangent, strict=True) if not h]
    return outs, list(merge(has_tangent, found, zeros))


class BatchedForward:
    """A forward rule mapped over axes of the primals."""

    def __init__(self, forward: Forward, trace: BatchTrace, dims: tuple[int | None, ...]) -> None:
        self.forward, self.trace, self.dims = forward, trace, dims
        self.__name__ = getattr(forward, "__name__", "batched")

    def __call__(self, primals: Sequence[Any], nonzero: Sequence[bool]) -> Any:
        backward: Any = None
        n_out = 0

        def flat(*xs: Any) -> list[Any]:
            nonlocal backward, n_out
            outs, residuals, backward = self.forward(xs, nonzero)
            n_out = len(outs)
            return [*outs, *residuals]

        trace = self.trace
        found = batch_flat(flat, trace.size, primals, self.dims, trace.axis_name, trace.tag)
        outs = [to_axis(x, d, trace.size) for x, d in found[:n_out]]
        residuals = [x for x, _ in found[n_out:]]
        res_dims = tuple(d for _, d in found[n_out:])
        return outs, residuals, BatchedBackward(backward, trace, res_dims, self.dims)


class BatchedBackward:
    """A backward function mapped over axes of residuals and axis 0 of the cotangents."""

    def __init__(
        self, backward: Backward, trace: BatchTrace, res_dims: tuple[int | None, ...], dims: Any
    ) -> None:
        self.backward, self.trace, self.res_dims, self.dims = backward, trace, res_dims, dims
        self.__name__ = getattr(backward, "__name__", "batched")

    def __call__(self, residuals: Sequence[Any], cts: Sequence[Any]) -> list[Any]:
        some = list[bool]()
        alive = [not is_zero(c) for c in cts]

        def flat(*xs: Any) -> list[Any]:
            given = iter(xs[len(residuals) :])
            inner = [
                next(given) if a else Zero(c.aval.without((0,)))
                for c, a in zip(cts, alive, strict=True)
            ]
            found = self.backward(xs[: len(residuals)], inner)
            some[:] = [c is not None for c in found]
            return [c for c in found if c is not None]

        trace = self.trace
        args = [*residuals, *(c for c in cts if not is_zero(c))]
        dims = [*self.res_dims, *(0 for a in alive if a)]
        outs = batch_flat(flat, trace.size, args, dims, trace.axis_name, trace.tag)
        placed = iter(outs)
        return [
            self.to_primal(*next(placed), dim) if s else None
            for s, dim in zip(some, self.dims, strict=True)
        ]

    def to_primal(self, ct: Any, dim: int | None, wanted: int | None) -> Any:
        """Return a cotangent mapped as its primal is; summed where that is not mapped."""
        if wanted is not None:
            return to_axis(ct, dim, self.trace.size, wanted)
        if dim is not None:
            return ReduceSum((dim,))(ct)
        return ReduceSum((0,))(to_axis(ct, None, self.trace.size))


@final
@operation
class CustomLin(Op):
    """The derivative of a function that says how to reverse it: it can be transposed only.

    Operands: residuals, then the tangents of the primals in `nonzero`.
    """

    call_name: str
    backward: Backward
    num_res: int
    nonzero: tuple[bool, ...]
    has_tangent: tuple[bool, ...]
    out_avals: tuple[Aval, ...]

    multiple_results = True

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        return self.out_avals

    def transpose(self, ct: Any, *operands: Any) -> Any:
        residuals, linear = operands[: self.num_res], operands[self.num_res :]
        zeros = [Zero(Aval((), dtypes.float0)) for h in self.has_tangent if not h]
        found = self.backward(residuals, merge(self.has_tangent, ct, zeros))
        kept = [c for c, n in zip(found, self.nonzero, strict=True) if n]
        return (
            *[None] * self.num_res,
            *(c if is_linear(x) else None for c, x in zip(kept, linear, strict=True)),
        )

    def refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise the error for forward mode."""
        raise unsupported_error(self.call_name)

    jvp = batch = lower = reference = refuse

    def printed_params(self) -> dict[str, Any]:
        return {"name": self.call_name, "bwd": self.backward, "num_res": self.num_res}


@final
@operation
class CustomVjpCall(ProgramOp):
    """Call `call_jaxpr`, whose reverse rule is `forward` and the backward function it returns.

    Operands: what the function captured, then its arguments.
    """

    call_jaxpr: Jaxpr
    forward: Forward
    num_consts: int
    call_name: str

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        check_operands(self, self.call_jaxpr, avals)
        return self.call_jaxpr.out_avals

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        n = self.num_consts
        refuse_captured("custom_vjp", self.call_name, tangents[:n])
        outs, douts = forward_and_link(self.call_name, self.forward, primals[n:], tangents[n:])
        check_rule_types("custom_vjp", self.call_name, self.call_jaxpr.out_avals, outs)
        return tuple(outs), tuple(douts)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return tuple(backward_pass(self.call_jaxpr, (), operands, ct))

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        size, mapped, moved = to_front(args, dims)
        jaxpr, consts, _ = batch_program(self.call_jaxpr, size, mapped, True)
        own = tuple(0 if m else None for m in mapped[self.num_consts :])
        forward = BatchedForward(self.forward, BatchTrace(None, size, mapping.axis_name), own)
        op = CustomVjpCall(jaxpr, forward, len(consts) + self.num_consts, self.call_name)
        outs = op(*consts, *moved)
        return outs, [0] * len(outs)

    def threaded(self, through: Through, eqn: Eqn, token: Var, after: Var) -> list[Eqn]:
        call = Jit(through(self.call_jaxpr), self.call_name)
        return [Eqn(call, (*eqn.invars, token), (*eqn.outvars, after), eqn.source)]

    def lower(self, *operands: Any) -> Any:
        return program_node("call", (self.call_jaxpr,), operands, self.call_jaxpr.out_avals)

    def reference(self, *operands: Any) -> Any:
        return run_reference(self.call_jaxpr, operands)

    def printed_params(self) -> dict[str, Any]:
        return {
            "name": self.call_name,
            "bwd": getattr(self.forward, "bwd", None),
            "call_jaxpr": self.call_jaxpr,
            "fwd": self.forward,
            "symbolic_zeros": bool(getattr(self.forward, "symbolic_zeros", False)),
        }
