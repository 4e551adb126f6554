"""Functions with a derivative rule of their own: the call, traced and not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

from gradax.control.call import Jit
from gradax.control.programs import ProgramOp, Through, check_operands, program_node, run_reference
from gradax.core.aval import Aval, tangent_aval
from gradax.core.jaxpr import Eqn, Jaxpr, Var
from gradax.core.op import operation
from gradax.core.staging import stage
from gradax.core.tangent import Zero, is_zero
from gradax.core.tracer import Tracer
from gradax.core.value import as_value, aval_of
from gradax.errors import DifferentiationError, ForwardModeError, UnsupportedRule, at_user_line
from gradax.native import get_trace
from gradax.transforms.jvp import inline, instantiate
from gradax.transforms.transpose import backward_pass
from gradax.transforms.vmap import (
    BatchTrace,
    batch_flat,
    batch_program,
    mapped_size,
    mapping,
    move_batch_axis,
    to_axis,
)

Flat = Callable[..., Sequence[Any]]
Derivative = Callable[[Sequence[Any], Sequence[Any]], tuple[Sequence[Any], Sequence[Any]]]
Dims = Sequence[int | None]


class CustomJvp:
    """A call of a function with a forward rule: flat operands, flat results.

    `rule` maps primals and tangents (which may be `Zero`) to results and their tangents.
    """

    def __init__(self, name: str, fun: Flat, rule: Derivative) -> None:
        self.name = name
        self.fun = fun
        self.rule = rule

    def bind(self, args: Sequence[Any]) -> Sequence[Any]:
        """Hand the call to the current interpreter."""
        trace = get_trace()
        return self.run(args) if trace is None else trace.process_custom_jvp(self, tuple(args))

    def run(self, args: Sequence[Any]) -> Sequence[Any]:
        """Call the function under the current interpreter."""
        return self.fun(*args)

    def refuse_capture(self, trace: Any) -> None:
        """Raise when the function captured a value that `trace` differentiates."""
        refuse_capture("custom_jvp", self.name, self.fun, trace)

    def derivative(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Return the results and their tangents by the rule."""
        return self.rule(primals, tangents)

    def batched(self, trace: BatchTrace, dims: Dims) -> CustomJvp:
        """Return the call mapped over axes of its operands; all results are mapped on axis 0."""
        fun = BatchedFlat(self.fun, trace, tuple(dims))
        rule = BatchedDerivative(self.rule, trace, tuple(dims))
        return CustomJvp(self.name, fun, rule)

    def stage(self, args: Sequence[Any]) -> Sequence[Any]:
        """Write the call as an equation of the current program."""
        values = [as_value(x) for x in args]
        closed = stage(lambda *xs: self.fun(*xs), [x.aval for x in values], self.name)
        op = CustomJvpCall(inline(closed), self.rule, len(closed.consts), self.name)
        return op(*closed.consts, *values)


class BatchedFlat:
    """A flat function mapped over axes of its arguments, its results mapped on axis 0."""

    def __init__(self, fun: Flat, trace: BatchTrace, dims: tuple[int | None, ...]) -> None:
        self.fun, self.trace, self.dims = fun, trace, dims
        self.__name__ = getattr(fun, "__name__", "batched")

    def __call__(self, *args: Any) -> list[Any]:
        size = self.trace.size
        outs = batch_flat(self.fun, size, args, self.dims, self.trace.axis_name, self.trace.tag)
        return [to_axis(x, d, size) for x, d in outs]


class BatchedDerivative:
    """A forward rule mapped over axes of the primals; tangents are mapped as their primals are."""

    def __init__(self, rule: Derivative, trace: BatchTrace, dims: tuple[int | None, ...]) -> None:
        self.rule, self.trace, self.dims = rule, trace, dims
        self.__name__ = getattr(rule, "__name__", "batched")

    def __call__(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        avals: list[Aval] = []
        alive = [not is_zero(t) for t in tangents]
        n_out, kept = 0, list[bool]()

        def flat(*xs: Any) -> list[Any]:
            nonlocal n_out
            values, rest = xs[: len(primals)], iter(xs[len(primals) :])
            given = [
                next(rest) if a else Zero(tangent_aval(aval_of(x)))
                for x, a in zip(values, alive, strict=True)
            ]
            outs, douts = self.rule(values, given)
            n_out = len(outs)
            kept[:] = [not is_zero(d) for d in douts]
            avals[:] = [d.aval for d in douts]
            return [*outs, *(d for d in douts if not is_zero(d))]

        args = [*primals, *(t for t in tangents if not is_zero(t))]
        dims = [*self.dims, *(d for d, a in zip(self.dims, alive, strict=True) if a)]
        outs = BatchedFlat(flat, self.trace, tuple(dims))(*args)
        found = iter(outs[n_out:])
        douts = [
            next(found) if k else Zero(tangent_aval(x.aval))
            for k, x in zip(kept, outs[:n_out], strict=True)
        ]
        return outs[:n_out], douts


@final
@operation
class CustomJvpCall(ProgramOp):
    """Call `call_jaxpr`, whose derivative is `rule`.

    Operands: what the function captured, then its arguments.
    """

    call_jaxpr: Jaxpr
    rule: Derivative
    num_consts: int
    call_name: str

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        check_operands(self, self.call_jaxpr, avals)
        return self.call_jaxpr.out_avals

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        n = self.num_consts
        refuse_captured("custom_jvp", self.call_name, tangents[:n])
        outs, douts = self.rule(primals[n:], tangents[n:])
        check_rule_types("custom_jvp", self.call_name, self.call_jaxpr.out_avals, outs)
        return tuple(outs), tuple(douts)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        cts = [c if not is_zero(c) else instantiate(c) for c in ct]
        return tuple(backward_pass(self.call_jaxpr, (), operands, cts))

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        size, mapped, moved = to_front(args, dims)
        jaxpr, consts, _ = batch_program(self.call_jaxpr, size, mapped, True)
        n = self.num_consts
        own = tuple(0 if m else None for m in mapped[n:])
        rule = BatchedDerivative(self.rule, BatchTrace(None, size, mapping.axis_name), own)
        op = CustomJvpCall(jaxpr, rule, len(consts) + n, self.call_name)
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
            "call_jaxpr": self.call_jaxpr,
            "jvp": self.rule,
            "symbolic_zeros": bool(getattr(self.rule, "symbolic_zeros", False)),
        }


def to_front(args: Sequence[Any], dims: Dims) -> tuple[int, tuple[bool, ...], list[Any]]:
    """Return the mapped size, which operands are mapped, and them with that axis first."""
    mapped = tuple(d is not None for d in dims)
    moved = [x if d is None else move_batch_axis(x, d, 0) for x, d in zip(args, dims, strict=True)]
    size = mapped_size(args, dims)
    return size, mapped, moved


def refuse_captured(what: str, name: str, tangents: Sequence[Any]) -> None:
    """Raise where a captured value is differentiated: the rule says nothing of it."""
    if not all(map(is_zero, tangents)):
        raise captured_error(what, name, "a value")


def captured_error(what: str, name: str, value: str) -> DifferentiationError:
    """Make the error for differentiating with respect to a captured value."""
    return DifferentiationError(
        f"{what}: {name} is differentiated with respect to {value} that it captures from outside,"
        f" and its rule speaks of its arguments only.{at_user_line()}\nPass the captured value as"
        " an argument, or stop its gradient with lax.stop_gradient before the function is made."
    )


def check_rule_types(what: str, name: str, avals: Sequence[Aval], outs: Sequence[Any]) -> None:
    """Raise where a rule's results are not of the types of the function's."""
    want = [(a.shape, a.dtype) for a in avals]
    if want != [(x.shape, x.dtype) for x in outs]:
        raise DifferentiationError(
            f"{what}: the rule of {name} must return the results of {name},"
            f" {', '.join(map(str, avals))}; it returned {', '.join(str(x.aval) for x in outs)}."
            f"{at_user_line()}"
        )


def refuse_capture(what: str, name: str, fun: Any, trace: Any) -> None:
    """Raise when a function's closure holds a tracer of `trace`: the rule says nothing of it."""
    captured = capture_of(getattr(fun, "user_function", None), trace)
    if captured:
        raise captured_error(what, name, repr(captured))


def capture_of(fun: Any, trace: Any) -> str:
    """Return the name of a tracer of `trace` in a function's closure, or nothing."""
    code, cells = getattr(fun, "__code__", None), getattr(fun, "__closure__", None)
    for name, cell in zip(code.co_freevars if code else (), cells or (), strict=True):
        try:
            value = cell.cell_contents
            if isinstance(value, Tracer) and value.interpreter is trace:
                return name
        except ValueError:  # the cell is still empty
            continue
    return ""


def unsupported_error(name: str) -> UnsupportedRule:
    """Make the error for forward mode through a reverse rule."""
    return ForwardModeError(
        f"custom_vjp: {name} has a rule for reverse mode only (grad, vjp, jacrev); forward mode"
        f" (jvp, linearize's result, jacfwd) cannot go through it.{at_user_line()}\n"
        "Give it a custom_jvp rule instead, which serves both."
    )
