"""Names of mapped axes: who binds them, and which of them a program uses."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, cast

from gradax.core.jaxpr import Jaxpr, subprograms
from gradax.core.op import Op
from gradax.core.tracer import Trace, run_op, under
from gradax.errors import UnboundAxisError, at_user_line
from gradax.native import get_trace

Axes = tuple[tuple[Hashable, int], ...]


def bound_axes() -> Axes:
    """Return the names and sizes of the axes that are mapped here, innermost first."""
    found: list[tuple[Hashable, int]] = []
    trace = cast("Trace | None", get_trace())
    while trace is not None:
        found.extend(trace.axes)
        trace = trace.parent
    return tuple(found)


def sharded_axes() -> tuple[Hashable, ...]:
    """Return the names of the mapped axes here that derivatives wait for."""
    found: list[Hashable] = []
    trace = cast("Trace | None", get_trace())
    while trace is not None:
        if trace.is_sharded:
            found.extend(name for name, _ in trace.axes)
        trace = trace.parent
    return tuple(found)


def axis_size(name: Hashable, what: str = "axis_size") -> int:
    """Return the size of a named axis.

    Errors: NameError when no transformation binds the name here.
    """
    trace = cast("Trace | None", get_trace())
    while trace is not None:
        for bound, size in trace.axes:
            if bound == name:
                return size
        trace = trace.parent
    raise unbound(what, name)


def unbound(what: str, name: Hashable) -> UnboundAxisError:
    """Make the error for a name that nothing binds."""
    known = ", ".join(repr(n) for n, _ in bound_axes()) or "none"
    return UnboundAxisError(
        f"{what}: the axis name {name!r} is not bound here; bound are: {known}.{at_user_line()}\n"
        f"Call the function under vmap(…, axis_name={name!r}), pmap or shard_map."
    )


def axis_names(op: Op) -> frozenset[Hashable]:
    """Return the names of mapped axes that an operation uses, itself or in its programs."""
    programs = subprograms(op)
    own = frozenset[Hashable](op.axis_names)
    return own.union(*map(program_axis_names, programs)) if programs else own


def program_axis_names(jaxpr: Jaxpr) -> frozenset[Hashable]:
    """Return the names of mapped axes that a program uses."""

    def find() -> frozenset[Hashable]:
        return frozenset[Hashable]().union(*(axis_names(e.op) for e in jaxpr.eqns))

    return jaxpr.memo("axis names", find)


def as_names(axis_name: Any) -> tuple[Hashable, ...]:
    """Return one name, or a tuple or list of them, as a tuple."""
    if isinstance(axis_name, (tuple, list)):
        return tuple(cast("Sequence[Hashable]", axis_name))
    return (axis_name,)


class BoundAxes(Trace):
    """Binds names of axes for programs that are traced above it."""

    def __init__(self, axes: Axes) -> None:
        self.parent = get_trace()
        self.axes = axes

    def process(self, op: Op, args: tuple[Any, ...]) -> Any:
        """Let the parent run it."""
        return run_op(self.parent, op, args)

    def process_custom_vmap(self, call: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Let the parent run it."""
        with under(self.parent):
            return call.bind(args)
