"""Vectorization: an interpreter of operations over arrays with one more, mapped, axis."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from gradax.core.aval import with_axis, without_axis
from gradax.core.axes import axis_names, program_axis_names
from gradax.core.evaluate import eval_jaxpr
from gradax.core.jaxpr import Jaxpr
from gradax.core.op import Op, infer
from gradax.core.staging import stage
from gradax.core.tracer import Trace, Tracer, under
from gradax.core.value import as_value, aval_of
from gradax.core.watch import watch
from gradax.lax.shapes import broadcast_batch, move_batch_axis
from gradax.native import get_trace, set_trace
from gradax.transforms.jvp import inline


class BatchTracer(Tracer):
    """One slice of `value` along its mapped axis `dim`, standing for all of them."""

    __slots__ = ("value", "dim")

    def __init__(self, trace: BatchTrace, value: Any, dim: int) -> None:
        self.interpreter = trace
        self.aval = without_axis(value.aval, dim)
        self.value = value
        self.dim = dim

    def origin(self) -> str:
        """Say where the mapped value comes from."""
        return self.value.origin() if isinstance(self.value, Tracer) else ""

    def __repr__(self) -> str:
        return f"BatchTracer({self.aval})"


class BatchTrace(Trace):
    """Applies the operations' batching rules under its parent."""

    what: ClassVar[str] = "vmapped function"

    def __init__(
        self, parent: Trace | None, size: int, axis_name: Any = None, tag: object = None
    ) -> None:
        self.parent = parent
        self.size = size
        self.axis_name = axis_name
        self.axes = () if axis_name is None else ((axis_name, size),)
        # Traces of one tag map over the same axis: a custom rule runs under a trace of its own and
        # may use tracers that it captured from the mapped function around it.
        self.tag = object() if tag is None else tag

    def unwrap(self, x: Any) -> tuple[Any, int | None]:
        """Return a value and its mapped axis, None when it has none."""
        if type(x) is BatchTracer and (x.interpreter is self or self.is_same_axis(x.interpreter)):
            return x.value, x.dim
        return x, None

    def is_same_axis(self, trace: Trace) -> bool:
        """Tell whether another trace maps over the axis that this one maps over."""
        return isinstance(trace, BatchTrace) and trace.tag is self.tag

    def process(self, op: Op, args: tuple[Any, ...]) -> Any:
        """Apply the batching rule where some operand is mapped."""
        values, dims = zip(*map(self.unwrap, args), strict=True) if args else ((), ())
        uses_name = self.axis_name is not None and self.axis_name in axis_names(op)
        if all(d is None for d in dims) and not uses_name:
            set_trace(self.parent)
            try:
                return op(*args)
            finally:
                set_trace(self)
        infer(op, [aval_of(x) for x in args])  # the user's shapes are what an error shows
        if watch.operation is not None and op.name.startswith("dynamic_"):
            watch.operation(op, args)  # its rule makes a gather of it, which does not refuse
        set_trace(self.parent)
        try:
            values = tuple(
                as_value(x) if d is None else x for x, d in zip(values, dims, strict=True)
            )
            if op.takes_programs:
                out, dim = mapping.batch(self, op, values, dims)
            elif uses_name:
                out, dim = op.batch_axis(self.axis_name, self.size, values, dims)
            else:
                out, dim = op.batch(values, dims)
        finally:
            set_trace(self)
        if op.multiple_results:
            return tuple([self.wrap(x, d) for x, d in zip(out, dim, strict=True)])
        return self.wrap(out, dim)

    def wrap(self, value: Any, dim: int | None) -> Any:
        """Return a tracer of a mapped value, others as they are."""
        return value if dim is None else BatchTracer(self, value, dim)

    def process_custom_jvp(self, call: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Map the function and its rules."""
        values, dims = zip(*map(self.unwrap, args), strict=True) if args else ((), ())
        mapped = any(d is not None for d in dims) or self.is_named_by(call, values)
        with under(self.parent):
            if not mapped:
                return call.bind(values)
            outs = call.batched(self, dims).bind(values)
        return tuple(self.wrap(x, 0) for x in outs)

    def is_named_by(self, call: Any, values: Sequence[Any]) -> bool:
        """Tell whether a function with rules of its own uses the axis by its name."""
        if self.axis_name is None:
            return False
        with under(self):
            closed = stage(lambda *xs: call.fun(*xs), [aval_of(x) for x in values])
        return self.axis_name in program_axis_names(closed.jaxpr)

    process_custom_vjp = process_custom_jvp

    def process_custom_vmap(self, call: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Use the function's own rule where some argument is mapped."""
        values, dims = zip(*map(self.unwrap, args), strict=True) if args else ((), ())
        call.refuse_capture(self)
        mapped = tuple(d is not None for d in dims)
        with under(self.parent):
            if not any(mapped):
                return call.bind(values)
            pairs = zip(values, dims, strict=True)
            moved = [as_value(x) if d is None else move_batch_axis(x, d, 0) for x, d in pairs]
            outs, out_mapped = call.batched(self.size, mapped, moved)
        pairs = zip(outs, out_mapped, strict=True)
        return tuple(self.wrap(as_value(x), 0 if m else None) for x, m in pairs)


class Mapping(threading.local):
    """The axis over which this thread is mapping an operation that has programs."""

    size: int | None = None
    axis_name: Any = None

    def batch(
        self, trace: BatchTrace, op: Op, values: tuple[Any, ...], dims: tuple[int | None, ...]
    ) -> tuple[Any, Any]:
        """Apply an operation's batching rule; its programs are mapped over the axis of `trace`."""
        before = self.size, self.axis_name
        self.size, self.axis_name = trace.size, trace.axis_name
        try:
            return op.batch(values, dims)
        finally:
            self.size, self.axis_name = before


mapping = Mapping()


def mapped_size(args: Sequence[Any], dims: Sequence[int | None]) -> int:
    """Return the size of the axis that an operation is mapped over.

    An operation none of whose operands is mapped is batched when it uses the axis by its name.
    """
    for x, d in zip(args, dims, strict=True):
        if d is not None:
            return x.shape[d]
    assert mapping.size is not None
    return mapping.size


def batch_flat(
    fun: Callable[..., Sequence[Any]],
    size: int,
    args: Sequence[Any],
    dims: Sequence[int | None],
    axis_name: Any = None,
    tag: object = None,
    name: str = "",
) -> list[tuple[Any, int | None]]:
    """Return the outputs of a mapped flat function, each with its mapped axis or None."""
    trace = BatchTrace(get_trace(), size, axis_name, tag)
    trace.name = name
    wrapped = [trace.wrap(x, d) for x, d in zip(args, dims, strict=True)]
    try:
        with under(trace):
            outs = fun(*wrapped)
        return [trace.unwrap(x) for x in outs]
    finally:
        trace.alive = False


def to_axis(x: Any, dim: int | None, size: int, destination: int = 0) -> Any:
    """Return a value with its mapped axis at `destination`; repeat it when it has none."""
    if dim is None:
        return broadcast_batch(as_value(x), size, destination)
    return move_batch_axis(x, dim, destination)


def batch_program(
    jaxpr: Jaxpr, size: int, mapped_in: tuple[bool, ...], force_out: tuple[bool, ...] | bool = False
) -> tuple[Jaxpr, tuple[Any, ...], tuple[bool, ...]]:
    """Map a program over axis 0 of the inputs in `mapped_in`.

    Returns it (its captured constants are its first inputs), the constants, and which outputs are
    mapped, on axis 0: at least those in `force_out`.
    """
    n_out = len(jaxpr.outvars)
    force = (force_out,) * n_out if isinstance(force_out, bool) else force_out
    name = mapping.axis_name
    if name is not None and name not in program_axis_names(jaxpr):
        name = None
    key = ("batch", size, mapped_in, force, name)
    return jaxpr.memo(key, lambda: _batch_program(jaxpr, size, mapped_in, force, name))


def _batch_program(jaxpr: Jaxpr, size: int, mapped: tuple[bool, ...], force: Any, name: Any) -> Any:
    mapped_out: list[bool] = []

    def run(*args: Any) -> list[Any]:
        dims = [0 if m else None for m in mapped]
        outs = batch_flat(lambda *xs: eval_jaxpr(jaxpr, (), *xs), size, args, dims, name)
        mapped_out[:] = [f or d is not None for f, (_, d) in zip(force, outs, strict=True)]
        return [to_axis(x, d, size) if m else x for m, (x, d) in zip(mapped_out, outs, strict=True)]

    avals = [with_axis(a, size, 0) if m else a for a, m in zip(jaxpr.in_avals, mapped, strict=True)]
    closed = stage(run, avals, jaxpr.debug_name)
    return inline(closed), closed.consts, tuple(mapped_out)
