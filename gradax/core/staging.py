"""Staging: the interpreter that writes operations down as a jaxpr."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from gradax import dtypes
from gradax.core.aval import Aval
from gradax.core.checks import maybe_check
from gradax.core.jaxpr import Atom, ClosedJaxpr, Eqn, Jaxpr, Literal, Var
from gradax.core.op import Op, infer
from gradax.core.tracer import Trace, Tracer, check_alive
from gradax.core.value import as_value, aval_of, to_numpy
from gradax.core.watch import watch
from gradax.errors import RefError, SourceLine, at_user_line, source_line
from gradax.native import Array, get_trace, set_trace
from gradax.sizes import OpenAxes, Size, Stopped


class StagedTracer(Tracer):
    """A variable of the program that is being written."""

    __slots__ = ("variable", "source", "argument")

    def __init__(
        self, trace: StagingTrace, var: Var, source: SourceLine | None, argument: str = ""
    ) -> None:
        self.interpreter = trace
        self.aval = var.aval
        self.variable = var
        self.source = source
        self.argument = argument

    def origin(self) -> str:
        """Name the argument that the value is, or the line that computed it."""
        if self.argument:
            return f"the argument {self.argument}"
        return f"computed at {self.source}" if self.source else ""

    def __repr__(self) -> str:
        return f"JitTracer({self.aval})"


class StagingTrace(Trace):
    """Writes each operation as an equation."""

    what: ClassVar[str] = "traced function"
    # Those of the program, where its axes may be open.
    open_axes: OpenAxes | None = None

    def __init__(self, name: str = "", inline_scalars: bool = True) -> None:
        self.parent = get_trace()
        self.name = name
        self.invars: list[Var] = []
        self.arguments: list[str] = []
        self.eqns: list[Eqn] = []
        self.constvars: dict[int, Var] = {}
        self.consts: list[Any] = []
        # The present values of references from outside (gradax.core.refs), each also an input.
        self.refs: dict[Any, Any] = {}
        self.inline_scalars = inline_scalars

    def new_input(self, aval: Aval, argument: str = "") -> StagedTracer:
        """Add an input to the program."""
        var = Var(aval)
        self.invars.append(var)
        self.arguments.append(argument)
        return StagedTracer(self, var, None, argument)

    def atom(self, x: Any) -> Atom:
        """Return the variable or literal that stands for any value."""
        if type(x) is StagedTracer and x.interpreter is self:
            return x.variable
        if isinstance(x, Tracer):
            check_alive(x)
            return self.constant(x, x.aval)
        if type(x) is Size:
            return self.atom(Size.to_array(x, int))
        aval = aval_of(x)
        is_number = not dtypes.is_extended(aval.dtype) and aval.dtype != dtypes.float0
        if aval.ndim == 0 and self.inline_scalars and is_number:
            value = np.asarray(x) if isinstance(x, Array) else to_numpy(x, aval.dtype)
            return Literal(value[()], aval)
        return self.constant(as_value(x), aval)

    def constant(self, value: Any, aval: Aval) -> Var:
        """Return the const variable that holds a captured value."""
        var = self.constvars.get(id(value))
        if var is None:
            var = self.constvars[id(value)] = Var(aval)
            self.consts.append(value)
        return var

    def process(self, op: Op, args: tuple[Any, ...]) -> Any:
        """Write the equation of `op` and return tracers of its results."""
        if watch.operation is not None:
            watch.operation(op, args)
        atoms = [
            x.variable if type(x) is StagedTracer and x.interpreter is self else self.atom(x)
            for x in args
        ]
        inferred = infer(op, [a.aval for a in atoms])
        source = source_line()
        if op.multiple_results:
            outvars = [Var(aval) for aval in inferred]
            self.eqns.append(Eqn(op, atoms, outvars, source))
            return tuple([StagedTracer(self, v, source) for v in outvars])
        out = Var(inferred)
        self.eqns.append(Eqn(op, atoms, (out,), source))
        return StagedTracer(self, out, source)

    def process_custom_jvp(self, call: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Stage the function and keep its rule in the equation."""
        return call.stage(args)

    def process_custom_vjp(self, call: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Stage the function and keep its rules in the equation."""
        return call.stage(args)

    def process_custom_vmap(self, call: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Stage the function and keep its rule in the equation."""
        return call.stage(args)

    def finish(self, outputs: Sequence[Any]) -> ClosedJaxpr:
        """Return the program with `outputs`; the trace ends."""
        outvars = [self.atom(x) for x in (*outputs, *self.refs.values())]
        self.alive = False
        jaxpr = Jaxpr(tuple(self.constvars.values()), self.invars, self.eqns, outvars, self.name)
        return ClosedJaxpr(jaxpr, self.consts, tuple(self.refs))


def open_axes_now() -> OpenAxes | None:
    """Return the open axes of the program that is being traced, None where sizes are fixed.

    A program inside of it (a loop's body, a branch) has none of its own.
    """
    trace = get_trace()
    while trace is not None and not isinstance(trace, StagingTrace):
        trace = trace.parent
    return None if trace is None else trace.open_axes


def stage(
    fun: Callable[..., Sequence[Any]],
    avals: Sequence[Aval],
    name: str = "",
    arguments: Sequence[str] | None = None,
    takes_refs: bool = False,
    open_axes: OpenAxes | None = None,
) -> ClosedJaxpr:
    """Trace `fun`, a function of flat arrays to a flat sequence of arrays, to a program.

    `arguments` are the user's names of the inputs, for error messages. Only who `takes_refs` passes
    on the values of references that the function uses.
    """
    trace = StagingTrace(name)
    trace.open_axes = open_axes
    before = get_trace()
    set_trace(trace)
    try:
        names = arguments or [""] * len(avals)
        inputs = [trace.new_input(a, n) for a, n in zip(avals, names, strict=True)]
        outputs = fun(*inputs)
        closed = trace.finish(outputs)
    except Stopped as stopped:
        if open_axes is not None:
            stopped.program = trace.finish(())
        raise
    finally:
        trace.alive = False
        set_trace(before)
    if closed.refs and not takes_refs:
        raise RefError(
            f"The function {name or 'traced here'} uses references from outside of it, but what"
            f" traces it cannot pass them on.{at_user_line()}\nMake them inside, or pass values."
        )
    maybe_check(closed.jaxpr)
    return closed
