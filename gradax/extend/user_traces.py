"""Interpreters of the user's own, in the form that JAX gives them: rules by primitive.

A subclass of `Trace` has `process_primitive(primitive, tracers, params)`, and it may have
`process_custom_jvp_call` and `process_custom_vjp_call`; its tracers are a subclass of `Tracer` that
calls `Tracer.__init__(trace, aval)`. `set_current_trace(trace)` makes it interpret.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, final

from gradax.core import tracer as core_tracer
from gradax.core.op import Op
from gradax.core.primitive import primitive_of
from gradax.core.tracer import run_op, under
from gradax.errors import UnsupportedRule, at_user_line
from gradax.extend.linear_util import wrap_init
from gradax.native import get_trace


class Trace(core_tracer.Trace):
    """Base of interpreters of the user's own."""

    def process(self, op: Op, args: tuple[Any, ...]) -> Any:
        """Hand an operation to `process_primitive`."""
        found = self.process_primitive(primitive_of(op), args, op.bound_params)
        return tuple(found) if op.multiple_results else found

    def process_primitive(self, primitive: Any, tracers: Any, params: dict[str, Any]) -> Any:
        """Interpret one operation; subclasses say how."""
        raise UnsupportedRule(
            f"{type(self).__name__} has no process_primitive, which interprets {primitive}."
            f"{at_user_line()}"
        )

    def process_custom_jvp(self, call: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Hand a function with a derivative rule to `process_custom_jvp_call`, else run it."""
        rule = getattr(self, "process_custom_jvp_call", None)
        if rule is None:
            return tuple(call.run(args))
        fun, jvp = wrap_init(call.fun), wrap_init(call.derivative)
        return tuple(rule(Call(call), fun, jvp, args, symbolic_zeros=False))

    def process_custom_vjp(self, call: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Hand a function with a reverse rule to `process_custom_vjp_call`, else run it."""
        rule = getattr(self, "process_custom_vjp_call", None)
        if rule is None:
            return tuple(call.run(args))
        fun = wrap_init(call.fun)
        trees = {"out_trees": None, "symbolic_zeros": False}
        return tuple(rule(Call(call), fun, call.forward, None, args, **trees))

    def process_custom_vmap(self, call: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Run a function with a mapping rule: nothing is mapped here."""
        return tuple(call.run(args))


@final
class Call:
    """What stands for the primitive of a function with a rule of its own."""

    multiple_results = True

    def __init__(self, call: Any) -> None:
        self.name, self.call = call.name, call

    def __repr__(self) -> str:
        return self.name


@final
class TraceTag:
    """Tells the values of one interpretation from those of another."""


@contextmanager
def take_current_trace() -> Generator[Any, None, None]:
    """Give the current interpreter, which is not the current one for the body of the `with`."""
    trace = get_trace()
    with under(None):
        yield Evaluating() if trace is None else trace


def find_top_trace(args: Any) -> Any:
    """Return the current interpreter."""
    del args
    return get_trace() or Evaluating()


@contextmanager
def set_current_trace(trace: Any, check_leaks: bool = False) -> Generator[None, None, None]:
    """Make an interpreter the current one for the body of the `with`."""
    del check_leaks
    with under(None if isinstance(trace, Evaluating) else trace):
        yield


@final
class Evaluating(core_tracer.Trace):
    """Stands for no interpreter at all: operations are evaluated."""

    def process(self, op: Op, args: tuple[Any, ...]) -> Any:
        return run_op(None, op, args)

    def process_custom_jvp(self, call: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        with under(None):
            return call.bind(args)

    process_custom_vjp = process_custom_vmap = process_custom_jvp
