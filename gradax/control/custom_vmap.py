"""Functions with a mapping rule of their own: the call, traced and not.

A tangent is a call of its own, linear in the tangents: its rule differentiates the user's. A
transposed call computes the primal values again, mapped as its own rule says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

from gradax.control.call import Jit
from gradax.control.custom_jvp import capture_of, refuse_captured, to_front
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
)
from gradax.core.aval import Aval, tangent_aval
from gradax.core.evaluate import eval_jaxpr
from gradax.core.jaxpr import Eqn, Jaxpr, Var
from gradax.core.op import operation
from gradax.core.staging import stage
from gradax.core.tangent import Linear, Zero
from gradax.core.value import as_value
from gradax.errors import ArgumentError, UnsupportedRule, at_user_line
from gradax.lax.shapes import broadcast_batch
from gradax.native import get_trace
from gradax.transforms.jvp import inline, instantiate, jvp_flat
from gradax.transforms.transpose import backward_pass
from gradax.transforms.vmap import batch_program, to_axis

Flat = Callable[..., Sequence[Any]]
Mask = tuple[bool, ...]
# (size of the mapped axis, which arguments are mapped, arguments with that axis first) →
# results, which of them are mapped on axis 0.
Rule = Callable[[int, Mask, Sequence[Any]], tuple[Sequence[Any], Sequence[bool]]]


class CustomVmap:
    """A call of a function with a mapping rule: flat operands, flat results."""

    def __init__(self, name: str, fun: Flat, rule: Rule) -> None:
        self.name = name
        self.fun = fun
        self.rule = rule

    def bind(self, args: Sequence[Any]) -> Sequence[Any]:
        """Hand the call to the current interpreter."""
        trace = get_trace()
        if trace is None:
            return self.run(args)
        return trace.process_custom_vmap(self, tuple(args))

    def run(self, args: Sequence[Any]) -> Sequence[Any]:
        """Call the function under the current interpreter."""
        return self.fun(*args)

    def batched(self, size: int, mapped: Mask, args: Sequence[Any]) -> tuple[Any, Any]:
        """Return the results by the rule, and which of them are mapped on axis 0."""
        return self.rule(size, mapped, args)

    def derivative(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        """Return the results and their tangents."""
        outs = self.bind(primals)
        mask = nonzero(tangents)
        call = TangentCall(self, mask)
        douts = call.bind([*primals, *pick(tangents, mask)])
        found = iter(douts)
        return outs, [
            next(found) if is_float(x.aval) else Zero(tangent_aval(x.aval))
            for x in map(as_value, outs)
        ]

    def refuse_capture(self, trace: Any) -> None:
        """Raise when the function captured a value that `trace` maps or differentiates."""
        name = capture_of(getattr(self.fun, "user_function", None), trace)
        if name:
            raise captured_error(self.name, name)

    def staged(self, args: Sequence[Any]) -> tuple[CustomVmapCall, list[Any]]:
        """Return the call as an operation, and its operands."""
        values = [as_value(x) for x in args]
        closed = stage(lambda *xs: self.fun(*xs), [x.aval for x in values], self.name)
        op = CustomVmapCall(inline(closed), self.rule, len(closed.consts), self.name)
        return op, [*closed.consts, *values]

    def stage(self, args: Sequence[Any]) -> Sequence[Any]:
        """Write the call as an equation of the current program."""
        op, operands = self.staged(args)
        return op(*operands)


def is_float(aval: Aval) -> bool:
    """Tell whether values of a type have tangents."""
    return tangent_aval(aval).dtype == aval.dtype


def captured_error(name: str, value: str) -> ArgumentError:
    """Make the error for a captured value that is mapped or differentiated."""
    return ArgumentError(
        f"custom_vmap: {name} captures {value!r}, which is mapped or differentiated outside, and"
        f" its rule speaks of its arguments only.{at_user_line()}\nPass the captured value as an"
        " argument."
    )


class TangentCall(CustomVmap):
    """The tangents of a call: primals, then the tangents in `mask`, to those of the floats."""

    def __init__(self, call: CustomVmap, mask: Mask) -> None:
        super().__init__(call.name, TangentFlat(call.fun, mask), TangentRule(call.rule, mask))


class TangentFlat:
    """The tangents of a flat function's results."""

    def __init__(self, fun: Flat, mask: Mask) -> None:
        self.fun, self.mask = fun, mask
        self.user_function = getattr(fun, "user_function", None)

    def __call__(self, *flat: Any) -> list[Any]:
        n = len(self.mask)
        tangents = spread(self.mask, flat[:n], flat[n:])
        _, douts = jvp_flat(self.fun, flat[:n], tangents)
        return [instantiate(d) for d in douts if is_float(d.aval)]


def spread(mask: Mask, primals: Sequence[Any], tangents: Sequence[Any]) -> Sequence[Any]:
    """Return a tangent for each primal: those given, zeros elsewhere."""
    zeros = [
        Zero(tangent_aval(as_value(x).aval)) for x, m in zip(primals, mask, strict=True) if not m
    ]
    return merge(mask, tangents, zeros)


class TangentRule:
    """The derivative of a mapping rule: a primal and its tangent are mapped together."""

    def __init__(self, rule: Rule, mask: Mask) -> None:
        self.rule, self.mask = rule, mask

    def __call__(self, size: int, mapped: Mask, args: Sequence[Any]) -> tuple[Any, Any]:
        n = len(self.mask)
        own = iter(mapped[n:])
        both = tuple(p or (m and next(own)) for p, m in zip(mapped[:n], self.mask, strict=True))
        wanted = (*both, *pick(both, self.mask))
        args = mapped_alike(args, mapped, wanted, size)
        out_mapped: list[bool] = []

        def flat(*primals: Any) -> Sequence[Any]:
            outs, out_mapped[:] = self.rule(size, both, primals)
            return outs

        _, douts = jvp_flat(flat, args[:n], spread(self.mask, args[:n], args[n:]))
        pairs = zip(douts, out_mapped, strict=True)
        kept = [(instantiate(d), m) for d, m in pairs if is_float(d.aval)]
        return [d for d, _ in kept], [m for _, m in kept]


def mapped_alike(args: Sequence[Any], mapped: Mask, wanted: Mask, size: int) -> list[Any]:
    """Return the arguments with those repeated that are to be mapped and are not."""
    return [
        broadcast_batch(as_value(x), size) if w and not m else x
        for x, m, w in zip(args, mapped, wanted, strict=True)
    ]


class TransposedFlat:
    """A program transposed: the values, then cotangents, to cotangents of its linear inputs."""

    def __init__(self, jaxpr: Jaxpr, mask: Mask) -> None:
        self.jaxpr, self.mask = jaxpr, mask

    def __call__(self, *flat: Any) -> list[Any]:
        n_values = len(self.mask) - sum(self.mask)
        holes = [Linear(a) for a in pick(self.jaxpr.in_avals, self.mask)]
        operands = merge(self.mask, holes, flat[:n_values])
        found = backward_pass(self.jaxpr, (), operands, flat[n_values:])
        return [instantiate(ct) for ct in found if ct is not None]


class TransposedRule:
    """The mapping rule of a transposed call: that of the call, transposed."""

    def __init__(self, rule: Rule, avals: Sequence[Aval], mask: Mask) -> None:
        self.rule, self.avals, self.mask = rule, tuple(avals), mask

    def __call__(self, size: int, mapped: Mask, args: Sequence[Any]) -> tuple[Any, Any]:
        n_values = len(self.mask) - sum(self.mask)
        linear = pick(self.avals, self.mask)
        values, cts = args[:n_values], args[n_values:]
        both = merge(self.mask, (True,) * len(linear), mapped[:n_values])
        cts = mapped_alike(cts, mapped[n_values:], (True,) * len(cts), size)

        def flat(*xs: Any) -> list[Any]:
            outs, out_mapped = self.rule(size, both, merge(self.mask, xs, values))
            pairs = zip(outs, out_mapped, strict=True)
            return [to_axis(x, 0 if m else None, size) for x, m in pairs]

        avals = [a.update(shape=(size, *a.shape)) for a in linear]
        closed = stage(flat, avals, "transposed rule")
        holes = [Linear(a) for a in avals]
        found = backward_pass(closed.jaxpr, closed.consts, holes, cts)
        return [instantiate(ct) for ct in found], [True] * len(found)


@final
@operation
class CustomVmapCall(ProgramOp):
    """Call `call_jaxpr`, which `rule` maps.

    Operands: what the function captured, then its arguments.
    """

    call_jaxpr: Jaxpr
    rule: Rule
    num_consts: int
    call_name: str

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        check_operands(self, self.call_jaxpr, avals)
        return self.call_jaxpr.out_avals

    def call_with(self, consts: Sequence[Any]) -> CustomVmap:
        """Return the call with its captured values bound."""
        fixed = tuple(consts)
        fun = lambda *xs: eval_jaxpr(self.call_jaxpr, (), *fixed, *xs)  # noqa: E731
        return CustomVmap(self.call_name, fun, self.rule)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        n = self.num_consts
        refuse_captured("custom_vmap", self.call_name, tangents[:n])
        call = self.call_with(primals[:n])
        outs = self(*primals)
        mask = nonzero(tangents[n:])
        tangent = TangentCall(call, mask)
        found = iter(tangent.bind([*primals[n:], *pick(tangents[n:], mask)]))
        avals = self.call_jaxpr.out_avals
        return outs, tuple(next(found) if is_float(a) else Zero(tangent_aval(a)) for a in avals)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        mask = linear_mask(operands)
        n = self.num_consts
        if any(mask[:n]):
            raise UnsupportedRule(f"custom_vmap: {self.call_name} is linear in a captured value")
        cts = [instantiate(c) for c in ct]
        rule = ConstsFirst(TransposedRule(self.rule, self.call_jaxpr.in_avals[n:], mask[n:]), n)
        call = CustomVmap(self.call_name, TransposedFlat(self.call_jaxpr, mask), rule)
        found = call.bind([*pick(operands, invert(mask)), *cts])
        return merge(mask, found, [None] * (len(mask) - len(found)))

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        size, mapped, moved = to_front(args, dims)
        n = self.num_consts
        if any(mapped[:n]):
            raise captured_error(self.call_name, "a value")
        if not any(mapped):  # it uses the mapped axis by its name
            jaxpr, consts, out = batch_program(self.call_jaxpr, size, mapped)
            outs = Jit(jaxpr, self.call_name)(*consts, *moved)
            return outs, [0 if m else None for m in out]
        outs, out_mapped = self.rule(size, mapped[n:], moved[n:])
        outs = [as_value(x) for x in outs]
        check_results(self.call_name, self.call_jaxpr.out_avals, outs, out_mapped, size)
        return outs, [0 if m else None for m in out_mapped]

    def threaded(self, through: Through, eqn: Eqn, token: Var, after: Var) -> list[Eqn]:
        call = Jit(through(self.call_jaxpr), self.call_name)
        return [Eqn(call, (*eqn.invars, token), (*eqn.outvars, after), eqn.source)]

    def lower(self, *operands: Any) -> Any:
        return program_node("call", (self.call_jaxpr,), operands, self.call_jaxpr.out_avals)

    def reference(self, *operands: Any) -> Any:
        return run_reference(self.call_jaxpr, operands)

    def printed_params(self) -> dict[str, Any]:
        return {"name": self.call_name, "call": self.call_jaxpr, "rule": self.rule}


class ConstsFirst:
    """A mapping rule of a call whose first operands are captured values: they are not mapped."""

    def __init__(self, rule: Rule, num_consts: int) -> None:
        self.rule, self.num_consts = rule, num_consts

    def __call__(self, size: int, mapped: Mask, args: Sequence[Any]) -> tuple[Any, Any]:
        n = self.num_consts
        if any(mapped[:n]):
            raise captured_error("a transposed call", "a value")
        return self.rule(size, mapped[n:], args[n:])


def check_results(
    name: str, avals: Sequence[Aval], outs: Sequence[Any], mapped: Sequence[bool], size: int
) -> None:
    """Raise where a rule's results are not those of the function with the mapped axis first."""
    want = [
        ((size, *a.shape) if m else a.shape, a.dtype) for a, m in zip(avals, mapped, strict=True)
    ]
    if want != [(x.shape, x.dtype) for x in outs]:
        shown = ", ".join(a.str_short() for a in avals)
        raise ArgumentError(
            f"custom_vmap: the rule of {name} must return its results, {shown}, with the mapped"
            f" axis of size {size} first where it says that they are mapped; it returned"
            f" {', '.join(x.aval.str_short() for x in outs)}, mapped: {list(mapped)}."
            f"{at_user_line()}"
        )
