"""Forward-mode derivatives: an interpreter that carries tangents beside primals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from gradax.core.aval import Aval, tangent_aval
from gradax.core.evaluate import eval_jaxpr
from gradax.core.jaxpr import Jaxpr
from gradax.core.op import Op
from gradax.core.staging import stage
from gradax.core.tangent import Zero, is_zero
from gradax.core.tracer import Trace, Tracer, under
from gradax.core.value import as_value, aval_of
from gradax.lax.comparison import zeros
from gradax.native import get_trace, set_trace


class JVPTracer(Tracer):
    """A primal with its tangent."""

    __slots__ = ("primal", "tangent")

    def __init__(self, trace: JVPTrace, primal: Any, tangent: Any) -> None:
        self.interpreter = trace
        self.aval = primal.aval
        self.primal = primal
        self.tangent = tangent

    def concrete(self) -> Any:
        """Return the primal's array when it has one."""
        return self.primal.concrete() if isinstance(self.primal, Tracer) else self.primal

    def origin(self) -> str:
        """Say where the primal comes from."""
        return self.primal.origin() if isinstance(self.primal, Tracer) else ""

    def __repr__(self) -> str:
        return f"JVPTracer({self.aval})"


class JVPTrace(Trace):
    """Runs primals and tangents under its parent."""

    what: ClassVar[str] = "differentiated function"

    def __init__(self, parent: Trace | None, name: str = "") -> None:
        self.parent = parent
        self.name = name

    def pair(self, x: Any) -> tuple[Any, Any]:
        """Return the primal and tangent of any value."""
        if type(x) is JVPTracer and x.interpreter is self:
            return x.primal, x.tangent
        x = as_value(x)
        return x, Zero(tangent_aval(x.aval))

    def wrap(self, primal: Any, tangent: Any) -> Any:
        """Return a tracer, or just the primal when its tangent is zero."""
        return primal if type(tangent) is Zero else JVPTracer(self, primal, tangent)

    def process(self, op: Op, args: tuple[Any, ...]) -> Any:
        """Apply the operation's derivative rule where some tangent is not zero."""
        set_trace(self.parent)
        try:
            if not any(type(x) is JVPTracer and x.interpreter is self for x in args):
                return op(*args)
            primals, tangents = zip(*map(self.pair, args), strict=True)
            out, dout = op.jvp(primals, tangents)
        finally:
            set_trace(self)
        if op.multiple_results:
            return tuple([self.wrap(x, dx) for x, dx in zip(out, dout, strict=True)])
        return self.wrap(out, dout)

    def process_custom_jvp(self, call: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Use the function's own rule."""
        primals, tangents = zip(*map(self.pair, args), strict=True) if args else ((), ())
        call.refuse_capture(self)
        with under(self.parent):
            if all(map(is_zero, tangents)):
                return call.bind(primals)
            outs, douts = call.derivative(primals, tangents)
        return tuple([self.wrap(x, dx) for x, dx in zip(outs, douts, strict=True)])

    process_custom_vjp = process_custom_jvp
    process_custom_vmap = process_custom_jvp


def jvp_flat(
    fun: Callable[..., Sequence[Any]],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    name: str = "",
) -> tuple[list[Any], list[Any]]:
    """Return the outputs of a flat function and their tangents, which may be `Zero`.

    `name` is the user's name of the function, for error messages.
    """
    trace = JVPTrace(get_trace(), name)
    args = [trace.wrap(as_value(x), dx) for x, dx in zip(primals, tangents, strict=True)]
    try:
        with under(trace):
            outs = fun(*args)
        pairs = [trace.pair(x) for x in outs]
    finally:
        trace.alive = False
    return [x for x, _ in pairs], [dx for _, dx in pairs]


def instantiate(tangent: Any) -> Any:
    """Return a tangent as an array."""
    if not is_zero(tangent):
        return tangent
    return zeros(tangent.aval)


def jvp_program(
    jaxpr: Jaxpr, nonzero_in: tuple[bool, ...], force_out: tuple[bool, ...] | bool = False
) -> tuple[Jaxpr, tuple[Any, ...], tuple[bool, ...]]:
    """Differentiate a program.

    The result takes the inputs and then the tangents of those that are `nonzero_in`; it gives the
    outputs and then the tangents of those in the returned mask, at least those in `force_out`.
    Returns (program with its captured constants as first inputs, constants, mask).
    """
    n_out = len(jaxpr.outvars)
    force = (force_out,) * n_out if isinstance(force_out, bool) else force_out
    return jaxpr.memo(("jvp", nonzero_in, force), lambda: _jvp_program(jaxpr, nonzero_in, force))


def _jvp_program(jaxpr: Jaxpr, nonzero_in: tuple[bool, ...], force: tuple[bool, ...]) -> Any:
    nonzero_out: list[bool] = []

    def run(*flat: Any) -> list[Any]:
        primals, rest = flat[: len(nonzero_in)], iter(flat[len(nonzero_in) :])
        tangents = [
            next(rest) if nonzero else Zero(tangent_aval(x.aval))
            for x, nonzero in zip(primals, nonzero_in, strict=True)
        ]
        outs, douts = jvp_flat(lambda *xs: eval_jaxpr(jaxpr, (), *xs), primals, tangents)
        nonzero_out[:] = [f or not is_zero(d) for f, d in zip(force, douts, strict=True)]
        kept = [instantiate(d) for d, n in zip(douts, nonzero_out, strict=True) if n]
        return [*outs, *kept]

    avals: list[Aval] = list(jaxpr.in_avals)
    avals += [tangent_aval(a) for a, n in zip(jaxpr.in_avals, nonzero_in, strict=True) if n]
    closed = stage(run, avals, jaxpr.debug_name)
    return inline(closed), closed.consts, tuple(nonzero_out)


def inline(closed: Any) -> Jaxpr:
    """Return a closed program with its constants as first inputs."""
    j = closed.jaxpr
    return Jaxpr((), (*j.constvars, *j.invars), j.eqns, j.outvars, j.debug_name)


def zero_of(x: Any) -> Zero:
    """Return the zero tangent of a value."""
    return Zero(tangent_aval(aval_of(x)))
