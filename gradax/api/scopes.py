"""Contexts around tracing, and the caches of the package."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any

from gradax.api import evaluate
from gradax.api.compiling import forget_code
from gradax.api.programs import programs
from gradax.core.op import Op
from gradax.core.tracer import Trace, Tracer, run_op, under
from gradax.native import JitFunction, get_trace, trim_memory


@contextmanager
def ensure_compile_time_eval() -> Iterator[None]:
    """Evaluate operations on concrete values at once, also while a function is traced.

    Those with a traced operand are traced as outside.
    """
    trace = get_trace()
    with under(None if trace is None else Folding(trace)):
        yield


class Folding(Trace):
    """Evaluates operations on concrete values, and hands others to the interpreter around it."""

    def __init__(self, parent: Trace) -> None:
        self.parent = parent

    def process(self, op: Op, args: tuple[Any, ...]) -> Any:
        return run_op(self.chosen(args), op, args)

    def chosen(self, args: Sequence[Any]) -> Trace | None:
        """Return the interpreter of an operation on these operands; None: it is evaluated."""
        return self.parent if any(isinstance(x, Tracer) for x in args) else None

    def process_custom_jvp(self, call: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        with under(self.chosen(args)):
            return tuple(call.bind(args))

    process_custom_vjp = process_custom_vmap = process_custom_jvp


@contextmanager
def named_scope(name: str) -> Iterator[None]:
    """Accept a name for a part of a program; programs do not carry it."""
    if not isinstance(name, str):
        raise TypeError(f"named_scope: expected a string; got {name!r}")
    yield


def named_call(fun: Callable[..., Any], *, name: str | None = None) -> Callable[..., Any]:
    """Return `fun` under another name."""

    @wraps(fun)
    def named(*args: Any, **kwargs: Any) -> Any:
        return fun(*args, **kwargs)

    named.__name__ = name or getattr(fun, "__name__", "named")
    return named


def clear_caches() -> None:
    """Forget all traced and compiled programs of this process, and give unused memory back."""
    programs.clear()
    evaluate.clear()
    forget_code()
    for x in gc.get_objects():
        if type(x) is JitFunction:
            x.clear_cache()
    trim_memory()
