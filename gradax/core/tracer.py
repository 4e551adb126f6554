"""Traces, tracers and the current interpreter.

`Op.__call__` hands an operation to the current trace: None evaluates, a `Trace` interprets. A trace
that has done its part runs the rest under its parent. Nothing is found by searching the arguments.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, ClassVar

from gradax.core.aval import Aval
from gradax.core.op import Op, evaluation
from gradax.errors import InternalError, SourceLine, UnexpectedTracerError, at_user_line
from gradax.native import get_trace, set_trace


class Trace:
    """An interpreter of operations."""

    parent: Trace | None = None
    # Names and sizes of the mapped axes that this interpreter binds.
    axes: tuple[tuple[Any, int], ...] = ()
    # Whether derivatives are taken after those axes have been mapped (control/pullback.py).
    is_sharded: bool = False
    alive: bool = True
    name: str = ""
    what: ClassVar[str] = "transformation"

    @property
    def main(self) -> Trace:
        """The interpreter, by a name that libraries written for JAX compare."""
        return self

    def process(self, op: Op, args: tuple[Any, ...]) -> Any:
        """Interpret one operation."""
        raise InternalError(f"{type(self).__name__} interprets nothing")

    def process_custom_jvp(self, call: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Interpret a function with a derivative rule of its own (flat operands and results)."""
        raise InternalError(f"{type(self).__name__} has no custom_jvp rule")

    def process_custom_vjp(self, call: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Interpret a function with a reverse rule of its own (flat operands and results)."""
        raise InternalError(f"{type(self).__name__} has no custom_vjp rule")

    def process_custom_vmap(self, call: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Interpret a function with a mapping rule of its own (flat operands and results)."""
        raise InternalError(f"{type(self).__name__} has no custom_vmap rule")


class Tracer:
    """A stand-in for an array while a function is traced."""

    __slots__ = ("interpreter", "aval", "__weakref__")

    interpreter: Trace
    aval: Aval

    def __init__(self, trace: Trace, aval: Aval) -> None:
        self.interpreter = trace
        self.aval = aval

    @property
    def _trace(self) -> Trace:
        """The interpreter, by the name that interpreters written for JAX read."""
        return self.interpreter

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        return self.aval.shape

    @property
    def dtype(self) -> Any:
        """The dtype."""
        return self.aval.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.aval.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.aval.size

    @property
    def weak_type(self) -> bool:
        """Whether the dtype gives way to others in promotion."""
        return self.aval.weak_type

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return self.aval.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.aval.nbytes

    def concrete(self) -> Any:
        """Return the array behind the tracer when there is one, else None."""
        return None

    def origin(self) -> str:
        """Say where the value comes from, for error messages."""
        return ""

    def __hash__(self) -> int:
        raise TypeError(f"unhashable type: {type(self).__name__} (an array; hash its static parts)")


@contextmanager
def under(trace: Trace | None) -> Generator[None, None, None]:
    """Make `trace` the current interpreter for a while."""
    before = get_trace()
    set_trace(trace)
    try:
        yield
    finally:
        set_trace(before)


def run_op(trace: Trace | None, op: Op, args: tuple[Any, ...]) -> Any:
    """Interpret `op` by `trace`, which need not be the current one."""
    if trace is None:
        before = get_trace()
        if before is None:
            return evaluation.evaluate(op, args)
        set_trace(None)
        try:
            return evaluation.evaluate(op, args)
        finally:
            set_trace(before)
    before = get_trace()
    if before is trace:
        return trace.process(op, args)
    set_trace(trace)
    try:
        return trace.process(op, args)
    finally:
        set_trace(before)


def check_alive(tracer: Tracer, made_at: SourceLine | None = None) -> None:
    """Refuse a tracer whose trace has ended."""
    if not tracer.interpreter.alive:
        raise escaped(tracer, made_at)


def escaped(tracer: Tracer, made_at: SourceLine | None = None) -> UnexpectedTracerError:
    """Make the error for a tracer that is used where its trace is not running."""
    origin, trace = tracer.origin(), tracer.interpreter
    return UnexpectedTracerError(
        f"A traced value {tracer.aval} escaped from the {trace.what}"
        f"{' ' + trace.name if trace.name else ''} that made it"
        f"{', ' + origin if origin else ''}. It stands for no array once the function has"
        " returned: a side effect (a global, an attribute, a list) kept it."
        f"{at_user_line()}\nReturn the value from the function instead of storing it."
    )
