"""`jit`: functions compiled at their first call with each signature."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial, update_wrapper
from types import MethodType
from typing import Any

from gradax import tree
from gradax.api.arguments import check_callable, name_of
from gradax.api.evaluate import check_finite
from gradax.api.globals_watch import warn_stale
from gradax.api.programs import (
    JitOptions,
    TracedProgram,
    program_of,
    programs,
    take_apart,
)
from gradax.api.shapes import describe
from gradax.api.static import choose_arguments
from gradax.config import current
from gradax.control.call import Jit
from gradax.core.evaluate import eval_jaxpr
from gradax.core.tracer import Tracer, escaped
from gradax.core.value import as_value
from gradax.errors import FloatingPointCheckError
from gradax.native import get_trace
from gradax.api.stages import Lowered, Traced


class JitFunction:
    """A function that is traced and compiled once for each signature of its arguments."""

    def __init__(self, fun: Callable[..., Any], options: JitOptions) -> None:
        self._fun = fun
        self._options = options
        self._programs = programs.of(fun)
        update_wrapper(self, fun)
        self.__name__ = name_of(fun)
        self.__wrapped__ = fun

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if current.disable_jit:
            return self._fun(*args, **kwargs)
        if self._options.inline and get_trace() is not None:
            return self._fun(*args, **kwargs)
        leaves, program = self._program(args, kwargs)
        if get_trace() is None:
            outs = self._execute(program, leaves)
        else:
            outs = Jit(program.jaxpr, program.name)(*program.closed.consts, *leaves)
        return tree.unflatten(program.out_tree, outs)

    def _program(self, args: Any, kwargs: Any) -> tuple[list[Any], TracedProgram]:
        call = take_apart(self._fun, self._options, args, kwargs)
        program = program_of(self._fun, self._options, call, self._programs)
        return call.leaves, program

    def _execute(self, program: TracedProgram, leaves: Sequence[Any]) -> list[Any]:
        for watched in program.watched:
            if not self._programs.has_warned and watched.has_changed:
                self._programs.has_warned = True
                warn_stale(self.__name__, watched)
        inputs = [*program.constants, *map(as_value, leaves)]
        for x in inputs:
            if isinstance(x, Tracer):
                raise escaped(x)
        outs = program.executable.execute(inputs)
        if current.debug_nans or current.debug_infs:
            check_outputs(program, inputs, outs)
        return outs

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def trace(self, *args: Any, **kwargs: Any) -> Traced:
        """Trace for these arguments (arrays or ShapeDtypeStructs), without compiling."""
        return Traced(self._program(args, kwargs)[1])

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """Trace for these arguments; the result can be printed and compiled."""
        return self.trace(*args, **kwargs).lower()

    def eval_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Return the shapes and dtypes of the result."""
        program = self._program(args, kwargs)[1]
        return tree.unflatten(program.out_tree, map(describe, program.closed.out_avals))

    def clear_cache(self) -> None:
        """Forget all compiled programs of the function."""
        self._programs.clear()

    def _cache_size(self) -> int:
        return len(self._programs.by_signature)

    def __repr__(self) -> str:
        return f"<jitted function {self.__name__}>"


def check_outputs(program: TracedProgram, inputs: Sequence[Any], outs: Sequence[Any]) -> None:
    """Raise where a compiled program gave NaNs or infinities, naming the operation that made them."""
    try:
        check_finite(program.name, outs)
    except FloatingPointCheckError:
        eval_jaxpr(program.jaxpr, (), *inputs)  # one by one: the operation's own check raises
        raise


def jit(
    fun: Callable[..., Any] | None = None,
    /,
    *,
    in_shardings: Any = None,
    out_shardings: Any = None,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Iterable[str] | None = None,
    donate_argnums: int | Sequence[int] | None = None,
    donate_argnames: str | Iterable[str] | None = None,
    keep_unused: bool = False,
    device: Any = None,
    backend: str | None = None,
    inline: bool = False,
    abstracted_axes: Any = None,
    compiler_options: Any = None,
) -> Any:
    """Compile `fun` for each signature (tree, shapes, dtypes, static values) that it is called with.

    `static_argnums` and `static_argnames` are parts of the program and must be hashable; the memory
    of donated arguments may be reused, so they must not be used again. Also a decorator, with or
    without arguments.
    Errors: ValueError for arguments that the function does not have.
    Cost: a call with a known signature does not enter Python's tracing.
    """
    if fun is None:
        return partial(
            jit, static_argnums=static_argnums, static_argnames=static_argnames,
            donate_argnums=donate_argnums, donate_argnames=donate_argnames,
            keep_unused=keep_unused, inline=inline, in_shardings=in_shardings,
            out_shardings=out_shardings, device=device, backend=backend,
        )  # fmt: skip
    check_callable("jit", fun)
    static = choose_arguments("static", fun, static_argnums, static_argnames)
    donate = choose_arguments("donate", fun, donate_argnums, donate_argnames)
    return JitFunction(fun, JitOptions(static, donate, bool(keep_unused), bool(inline)))
